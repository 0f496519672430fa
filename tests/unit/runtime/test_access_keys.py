"""Keys in memory: a new one is known at its first use, a revoked one a second later, and the store is read seldom."""

import asyncio
import hmac
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest
import structlog

from csms.core.access import MASKED, AccessKey, NoEntry, Role, without_keys
from csms.ports import StoreError
from csms.runtime.access_keys import PATIENCE_S, READ_EVERY_S, KeyRing
from tests.unit.runtime.key_doubles import FakeKeyMemory, key_of
from tests.unit.runtime.tag_doubles import NOW_MS, FixedClock
from tests.virtual.loop import VirtualClock, run_virtually

ANNA, ANNAS = key_of("anna")
BOB, BOBS = key_of("bob", Role.ADMIN, 2)


def virtually(story: Callable[[FakeKeyMemory, KeyRing], Awaitable[None]], *keys: AccessKey) -> None:
    """Let a story happen in virtual time, to a ring that has read these keys."""

    async def main(_clock: VirtualClock) -> None:
        memory = FakeKeyMemory(*keys)
        ring = KeyRing(memory, FixedClock())
        await ring.load()
        await story(memory, ring)

    run_virtually(main)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (ANNAS, ANNA),
        (BOBS, NoEntry.UNKNOWN),
        (ANNAS[:-1] + "f", NoEntry.WRONG),
        (ANNAS[:-1], NoEntry.MALFORMED),
        ("", NoEntry.MALFORMED),
        (key_of("old", number=3)[1], NoEntry.REVOKED),
        (key_of("older", number=4)[1], NoEntry.EXPIRED),
        (key_of("old", number=3)[1][:-1] + "f", NoEntry.WRONG),
    ],
)
def test_judging_what_is_shown(text: str, found: AccessKey | NoEntry) -> None:
    async def story(_memory: FakeKeyMemory, ring: KeyRing) -> None:
        assert ring.judge(text) == found

    old = replace(key_of("old", number=3)[0], revoked_ms=1)
    older = replace(key_of("older", number=4)[0], expires_ms=NOW_MS)
    virtually(story, ANNA, old, older)


def test_a_new_key_is_known_after_one_look() -> None:
    async def story(memory: FakeKeyMemory, ring: KeyRing) -> None:
        memory.keys["bob"] = BOB
        await ring.look_again()
        assert ring.judge(BOBS) == BOB

    virtually(story, ANNA)


def test_a_revoked_key_is_old_news_after_a_second() -> None:
    async def story(memory: FakeKeyMemory, ring: KeyRing) -> None:
        memory.revoke("anna")
        ages = [ring.is_old]
        await asyncio.sleep(READ_EVERY_S)
        ages.append(ring.is_old)
        await ring.look_again()
        assert [*ages, ring.is_old] == [False, True, False]
        assert ring.judge(ANNAS) is NoEntry.REVOKED

    virtually(story, ANNA)


def test_however_many_look_the_store_is_read_once_a_second() -> None:
    async def story(memory: FakeKeyMemory, ring: KeyRing) -> None:
        begun_s = asyncio.get_running_loop().time()
        for _ in range(3):
            await asyncio.gather(*(ring.look_again() for _ in range(100)))
        assert memory.readings == 1 + 3
        assert asyncio.get_running_loop().time() - begun_s == pytest.approx(3 * READ_EVERY_S)

    virtually(story, ANNA)


def test_while_the_store_does_not_answer_the_last_keys_hold() -> None:
    async def story(memory: FakeKeyMemory, ring: KeyRing) -> None:
        memory.fault = StoreError("away")
        with structlog.testing.capture_logs() as logged:
            for _ in range(2):
                await ring.look_again()
        assert [line["event"] for line in logged] == ["access_keys.not_read"] * 2
        assert ring.judge(ANNAS) == ANNA
        assert memory.readings == 1 + 2
        memory.fault = None
        memory.revoke("anna")
        await ring.look_again()
        assert ring.judge(ANNAS) is NoEntry.REVOKED

    virtually(story, ANNA)


def test_nobody_waits_for_ever_for_a_store_that_hangs() -> None:
    async def story(memory: FakeKeyMemory, ring: KeyRing) -> None:
        hangs = asyncio.Event()

        async def never() -> tuple[AccessKey, ...]:
            await hangs.wait()
            return ()

        memory.load_access_keys = never  # type: ignore[method-assign]
        begun_s = asyncio.get_running_loop().time()
        await ring.look_again()
        assert asyncio.get_running_loop().time() - begun_s == pytest.approx(PATIENCE_S)
        assert ring.judge(ANNAS) == ANNA
        hangs.set()

    virtually(story, ANNA)


@pytest.mark.parametrize(
    ("changes", "somebody"), [({}, True), ({"revoked_ms": 1}, False), ({"expires_ms": NOW_MS}, False)]
)
def test_whether_anybody_could_come_in(changes: dict[str, Any], *, somebody: bool) -> None:
    async def story(_memory: FakeKeyMemory, ring: KeyRing) -> None:
        assert ring.lets_somebody_in is somebody

    virtually(story, replace(ANNA, **changes))


def test_a_made_up_key_is_masked_like_a_real_one() -> None:
    assert without_keys(ANNAS) == MASKED


@pytest.mark.parametrize("text", [ANNAS, ANNAS[:-1] + "f", BOBS, key_of("old", number=3)[1]])
def test_one_comparison_of_constant_time_whoever_is_known(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[tuple[int, int]] = []
    compare = hmac.compare_digest

    def noted(ours: str, kept: str) -> bool:
        compared.append((len(ours), len(kept)))
        return compare(ours, kept)

    async def story(_memory: FakeKeyMemory, ring: KeyRing) -> None:
        ring.judge(text)

    monkeypatch.setattr(hmac, "compare_digest", noted)
    virtually(story, ANNA, replace(key_of("old", number=3)[0], revoked_ms=1))
    assert compared == [(64, 64)]
