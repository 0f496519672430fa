"""Chargers that boot in their own ways, simulated, against the whole central system: each is served, or shown.

OCPP 1.6 §4.2, OCPP-J §5.4. The names are those of `python -m simulators characters`.
"""

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from csms.core.commands import ReadConfiguration, SetLimit, Trigger
from csms.core.events import BootInfo, StationConfigured
from csms.core.replies import StationShown
from csms.settings import UnknownChargers
from simulators.build import Wanted
from simulators.cars import flat_car
from simulators.driven import Driven, driven
from tests.contract.central_system import SITE, CentralSystem, central_system, first_words, hurried

WANTED = Wanted(connectors=2, max_w=200_000, meter_interval_s=5)
HEARD_FIRST = {"ChargerHeard"}


@asynccontextmanager
async def met(path: Path, *characters: str) -> AsyncIterator[tuple[CentralSystem, Driven]]:
    """Run a central system on an empty database and a charger of these characters that connects to it."""
    async with (
        central_system(path / "csms.sqlite3") as csms,
        driven("CP001", WANTED, csms.url, csms.clock, characters=characters) as charger,
    ):
        yield csms, charger


def requested(csms: CentralSystem) -> list[str]:
    """Return the messages that we have asked for."""
    return [trigger.requested for trigger in csms.commands(Trigger)]


def addressed_only_after_it_spoke(csms: CentralSystem) -> bool:
    return {kind for _, kind in first_words(csms.story)} == HEARD_FIRST


@pytest.mark.parametrize(
    ("characters", "boots"),
    [
        ((), 1),
        (("boots_undisturbed",), 1),
        (("accepted_long_ago",), 0),
        (("long_serials",), 1),
        (("ancient_stop",), 1),
        (("counted_ids",), 1),
        (("triggers_rejected",), 1),
        (("offers_201_first",), 1),
    ],
    ids=lambda row: "+".join(row) if isinstance(row, tuple) else None,
)
def test_connected_and_served(tmp_path: Path, characters: tuple[str, ...], boots: int) -> None:
    async def test() -> None:
        async with met(tmp_path, *characters) as (csms, charger):
            await csms.provisioned()
            assert len(csms.events("charger.booted")) == boots
            assert len(csms.events("charger.connected")) == 1, "it never had a reason to drop the connection"
            assert addressed_only_after_it_spoke(csms)
            assert csms.charger.booked_w == 0
            await charger.start(flat_car(50_000), stays_ms=None)
            await csms.until(lambda: charger.power_w() == 50_000, "the car charges")
            asked = {"BootNotification"} if boots == 0 else set[str]()
            assert asked.issuperset(requested(csms)), "and that not before it was silent for 10 s"

    hurried(test())


def test_one_that_is_addressed_only_after_its_boot_never_drops_a_connection(tmp_path: Path) -> None:
    """C9: it boots 5 s after each connection, and drops one on which a CALL comes before."""

    async def test() -> None:
        async with met(tmp_path, "boots_undisturbed") as (csms, charger):
            for boots in (1, 2, 3):
                await csms.until(lambda: len(csms.events("charger.booted")) == boots, "boots")  # noqa: B023
                await csms.provisioned()
                if boots < 3:
                    charger.charger.drop(1_000)
                    charger.link.nudge()
            await charger.run(30)
            assert len(csms.events("charger.connected")) == 3, "only those that were dropped here were"
            assert addressed_only_after_it_spoke(csms)

    hurried(test())


def test_a_reboot_loop_is_set_up_a_few_times_only_and_served_in_the_end(tmp_path: Path) -> None:
    """C11: nine boots within a minute or so."""

    async def test() -> None:
        async with met(tmp_path, "reboot_loop") as (csms, charger):
            await csms.until(lambda: len(csms.events("charger.booted")) == 9, "nine boots")
            started_ms = csms.clock.now_ms()
            await csms.provisioned()
            await csms.until(lambda: csms.charger.provisioned and csms.charger.booked_w == 0, "served")
            assert csms.clock.now_ms() - started_ms < 120_000
            sent = Counter(type(call) for call in csms.calls)
            assert sent[ReadConfiguration] <= 4
            assert sent[SetLimit] <= 4
            assert addressed_only_after_it_spoke(csms)
            await charger.start(flat_car(50_000), stays_ms=None)
            await csms.until(lambda: charger.power_w() == 50_000, "the car charges")

    hurried(test())


def test_one_that_never_boots_is_asked_for_it_once_and_shown_as_silent(tmp_path: Path) -> None:
    async def test() -> None:
        async with met(tmp_path, "never_boots") as (csms, _):
            await csms.until(lambda: bool(csms.calls), "asked for its boot")
            await csms.until(lambda: "silent:CP001" in csms.controller.view.notices, "shown")
            assert requested(csms) == ["BootNotification"]
            assert len(csms.calls) == 1, "and for nothing else"
            assert csms.charger.online
            assert not csms.charger.provisioned
            assert csms.charger.booked_w == 200_000, "what it may draw is not known"

    hurried(test())


def test_backlogs_of_the_past_become_history_and_the_charger_is_served(tmp_path: Path) -> None:
    async def test() -> None:
        async with met(tmp_path, "backlog") as (csms, charger):
            await csms.provisioned()
            await csms.until(lambda: not charger.charger.outbox.kept, "everything was confirmed")
            assert csms.controller.view.sessions == {}
            await charger.start(flat_car(50_000), stays_ms=None)
            await csms.until(lambda: charger.power_w() == 50_000, "the car charges")

    hurried(test())


def test_a_transaction_goes_on_over_an_outage_after_which_no_meter_values_come(tmp_path: Path) -> None:
    async def test() -> None:
        async with met(tmp_path, "silent_after_reconnect") as (csms, charger):
            await csms.provisioned()
            await charger.start(flat_car(50_000), stays_ms=None)
            await csms.until(lambda: charger.power_w() == 50_000, "the car charges")
            await csms.until(lambda: len(csms.events("charger.booted")) == 2, "it comes back and boots")
            (session,) = csms.controller.view.sessions.values()
            await charger.swipe()
            await csms.until(lambda: csms.controller.view.sessions == {}, "stopped")
            assert session.transaction_id == 1
            assert addressed_only_after_it_spoke(csms)

    hurried(test())


# --- registration is the charger's, not the socket's ------------------------------------------------------------------


@pytest.mark.parametrize("how", ["reconnects", "the server restarts"])
def test_a_reconnect_without_boot_is_served_and_what_is_known_stays_known(tmp_path: Path, how: str) -> None:
    """OCPP-J §5.4, C10: with a transaction running, over the socket's and over the server's end."""

    async def test() -> None:
        async with met(tmp_path) as (csms, charger):
            await csms.provisioned()
            await charger.start(flat_car(50_000), stays_ms=None)
            await csms.until(lambda: charger.power_w() == 50_000, "the car charges")
            if how == "reconnects":
                charger.charger.drop(2_000)
                charger.link.nudge()
                await csms.until(lambda: len(csms.events("charger.connected")) == 2, "back")
                await still_served(csms, charger)
            else:
                await csms.stop()
                async with central_system(csms.path, port=csms.port, clock=csms.clock) as after:
                    await after.until(lambda: after.charger.online, "back")
                    await still_served(after, charger)

    async def still_served(csms: CentralSystem, charger: Driven) -> None:
        await csms.provisioned()
        await charger.run(20)
        assert [event["model"] for event in csms.events("charger.booted")] == ["Simulated charger"], "one boot in all"
        assert "BootNotification" not in requested(csms), "E 3.40: it was accepted"
        (session,) = csms.controller.view.sessions.values()
        assert session.transaction_id == 1
        assert charger.power_w() == 50_000
        await charger.swipe()
        await csms.until(lambda: csms.controller.view.sessions == {}, "stopped")

    hurried(test())


def test_a_guest_that_is_configured_while_it_waits_comes_back_at_once_and_is_served(tmp_path: Path) -> None:
    async def test() -> None:
        empty = replace(SITE, chargers=())
        path = tmp_path / "csms.sqlite3"
        async with (
            central_system(path, empty, unknown_chargers=UnknownChargers.PENDING) as csms,
            driven("CP001", WANTED, csms.url, csms.clock) as charger,
        ):
            await csms.until(lambda: any(knock.boot for knock in csms.knocks.recent()), "it waits")
            (knock,) = csms.knocks.recent()
            assert knock.boot == BootInfo("Electra SEMS simulat", "Simulated charger", "CP001", firmware_version="1.0")
            assert csms.story == []
            configured_ms = csms.clock.now_ms()
            outcome = await csms.controller.ask(lambda request: StationConfigured(SITE, request))
            assert isinstance(outcome, StationShown)
            await csms.provisioned()
            assert csms.clock.now_ms() - configured_ms < 60_000, "sooner than it was told to try again"
            await charger.start(flat_car(50_000), stays_ms=None)
            await csms.until(lambda: charger.power_w() == 50_000, "the car charges")

    hurried(test())
