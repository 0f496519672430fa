"""Who proves to be whom at the chargers' door, without TLS: keys, addresses, proxies, and who fails too often."""

import asyncio
from base64 import b64encode
from typing import Any

import pytest
from structlog.testing import capture_logs
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidMessage, InvalidStatus
from websockets.http11 import Response
from websockets.typing import Subprotocol

from csms.buckets import Rate
from csms.core.charger_access import ChargerAccess, Profile
from csms.core.events import ChargerConnected
from csms.core.ids import ChargerId
from csms.core.station import Station
from csms.gateway.origins import Origins
from csms.ports import StoreError
from csms.runtime.charger_access import KeyTold, NewKey
from csms.runtime.redaction import shown
from csms.settings import UnknownChargers
from tests.contract.gateway_world import STATION, World, gateway

CP001 = ChargerId("CP001")
PRIVATE, PUBLIC, OTHER_PUBLIC = "192.168.7.4", "203.0.113.5", "198.51.100.9"
BEHIND_PROXY = {"trusted_proxies": ("127.0.0.1",)}


def basic(user: str, password: bytes | str, scheme: str = "Basic") -> str:
    secret = password.encode() if isinstance(password, str) else password
    return f"{scheme} {b64encode(user.encode() + b':' + secret).decode()}"


async def key_of(world: World, charger_id: str = "CP001", *, rotate: bool = False) -> str:
    made = await world.access.make_key(ChargerId(charger_id), rotate=rotate)
    assert isinstance(made, NewKey)
    return made.key


async def refused(world: World, path: str = "/CP001", **headers: str) -> Response:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    with pytest.raises(InvalidStatus) as error:
        await connect(world.url(path), subprotocols=[Subprotocol("ocpp1.6")], additional_headers=sent)
    return error.value.response


def reasons(world: World) -> list[str]:
    return [knock.reason for knock in world.knocks.recent()]


@pytest.mark.parametrize("form", ["raw", "hex", "HEX"])
async def test_tc_085_the_right_key_opens_as_bytes_and_as_hex_digits(form: str) -> None:
    async with gateway() as world:
        key = await key_of(world)
        forms: dict[str, bytes | str] = {"raw": bytes.fromhex(key), "hex": key, "HEX": key.upper()}
        password = forms[form]
        async with world.client(Authorization=basic("CP001", password)) as client:
            assert (await client.call("Heartbeat", {}))[0] == 3
        assert world.access.find(CP001).profile is Profile.PASSWORD
        assert world.kept.kept[CP001].profile is Profile.PASSWORD, "durable before it was let in"


@pytest.mark.parametrize("scheme", ["basic", "BASIC"])
async def test_the_scheme_has_no_case_and_raw_bytes_that_are_no_utf8_and_hold_a_colon_are_taken(scheme: str) -> None:
    async with gateway() as world:
        world.access._random_bytes = lambda count: (b"\xff:\x00\xfe" * 5)[:count]
        key = bytes.fromhex(await key_of(world))
        assert key[:2] == b"\xff:"
        async with world.client(Authorization=basic("CP001", key, scheme)):
            pass


@pytest.mark.parametrize("path", ["/RDAM%20123", "/Zo%C3%AB%2f1"])
async def test_the_user_name_is_the_decoded_id(path: str) -> None:
    charger_id = {"/RDAM%20123": "RDAM 123", "/Zo%C3%AB%2f1": "Zoë/1"}[path]
    async with gateway() as world:
        key = await key_of(world, charger_id)
        assert (await refused(world, path, Authorization=basic("CP001", key))).status_code == 401
        async with world.client(path, Authorization=basic(charger_id, key)):
            pass


async def test_tc_085_missing_wrong_and_anothers_are_refused_alike() -> None:
    async with gateway() as world:
        key, others = await key_of(world), await key_of(world, "CP002")
        tries = [
            {},
            {"Authorization": basic("CP001", b"\x00" * 20)},
            {"Authorization": basic("CP001", key[:-1])},
            {"Authorization": basic("CP001", key + "0")},
            {"Authorization": basic("CP001", "")},
            {"Authorization": basic("CP002", others)},
            {"Authorization": basic("CP001", others)},
            {"Authorization": basic("CP002", key)},
            {"Authorization": basic("cp001", key)},
            {"Authorization": basic("", key)},
            {"Authorization": f"Bearer {key}"},
            {"Authorization": "Basic"},
            {"Authorization": "Basic ====="},
            {"Authorization": "Basic " + "é" * 5},
            {"Authorization": key},
        ]
        answers = [await refused(world, **one) for one in tries]
        shown = {(one.status_code, one.headers["WWW-Authenticate"], bytes(one.body)) for one in answers}
        said = b"The user name must be the charger's id, and the password its key.\n"
        assert shown == {(401, 'Basic realm="OCPP"', said)}
        assert sorted(reasons(world)) == ["no_password", "wrong_password"]
        assert world.desk.facts == []
        assert world.access.find(CP001).profile is Profile.NONE
        async with world.client(Authorization=basic("CP001", key)):
            pass


async def test_no_key_is_in_a_knock_or_a_line_of_the_log() -> None:
    with capture_logs() as lines:
        async with gateway() as world:
            key = await key_of(world)
            await refused(world, Authorization=basic("CP002", key))
            async with world.client(Authorization=basic("CP001", key)):
                pass
    told = f"{lines}{world.knocks.recent()}{world.kept.kept}"
    assert lines
    assert "CP001" in told
    for secret in (key, key.upper(), basic("CP001", key).split()[1], str(bytes.fromhex(key))):
        assert secret not in told


async def test_two_authorizations_are_none() -> None:
    async with gateway() as world:
        right = basic("CP001", await key_of(world))
        with pytest.raises(InvalidStatus) as error:
            await connect(
                world.url(), additional_headers=[("Authorization", right), ("Authorization", right)], open_timeout=5
            )
        assert error.value.response.status_code == 401


async def test_a_charger_without_a_key_comes_in_from_here_whatever_it_sends() -> None:
    async with gateway() as world:
        async with world.client(), world.client("/CP002", Authorization=basic("CP002", "factory")):
            pass
        assert world.desk.view.unproven == {}
        assert world.kept.writes == 0


async def test_in_a_rotation_the_old_key_is_good_until_the_first_use_of_the_new_one() -> None:
    async with gateway() as world:
        old = await key_of(world)
        async with world.client(Authorization=basic("CP001", old)):
            pass
        new = await key_of(world, rotate=True)
        async with world.client(Authorization=basic("CP001", old)):
            pass
        async with world.client(Authorization=basic("CP001", new)):
            pass
        assert (await refused(world, Authorization=basic("CP001", old))).status_code == 401
        async with world.client(Authorization=basic("CP001", new)):
            pass


async def test_an_unknown_charger_stays_404_whatever_it_shows() -> None:
    async with gateway() as world:
        key = await key_of(world, "CP999")
        answer = await refused(world, "/CP999", Authorization=basic("CP999", key))
        assert (answer.status_code, reasons(world)) == (404, ["unknown_charger"])


async def test_a_store_that_fails_lets_the_right_key_in_and_remembers_nothing_of_it() -> None:
    async with gateway() as world:
        key = await key_of(world)
        world.kept.failure = StoreError("disk full")
        async with world.client(Authorization=basic("CP001", key)):
            assert world.access.find(CP001).profile is Profile.NONE
        world.kept.failure = None
        async with world.client(Authorization=basic("CP001", key)):
            assert world.access.find(CP001).profile is Profile.PASSWORD


# --- from where -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("address", "proto", "with_key", "answer"),
    [
        (PRIVATE, "http", False, None),
        (PRIVATE, "https", False, None),
        (PRIVATE, "http", True, None),
        (PUBLIC, "http", False, "public_without_tls"),
        (PUBLIC, "http", True, "public_without_tls"),
        (PUBLIC, "https", False, "public_without_proof"),
        (PUBLIC, "https", True, None),
        (PUBLIC, "wss", True, None),
        ("2001:db8::7", "https", True, None),
        ("2001:db8::7", "https", False, "public_without_proof"),
        ("fd00::7", "http", False, None),
        ("100.64.3.2", "http", False, None),
        ("100.128.0.1", "http", False, "public_without_tls"),
        ("172.32.0.1", "http", False, "public_without_tls"),
        ("nobody", "http", False, "public_without_tls"),
        ("nobody", "https", True, None),
    ],
)
async def test_who_may_come_through_a_named_proxy(
    address: str, proto: str, answer: str | None, *, with_key: bool
) -> None:
    async with gateway(**BEHIND_PROXY) as world:
        sent = {"X_Forwarded_For": f"6.6.6.6, {address}", "X_Forwarded_Proto": proto}
        if with_key:
            sent["Authorization"] = basic("CP001", await key_of(world))
        if answer is None:
            async with world.client(**sent):
                shown = (await world.desk.wait_for(ChargerConnected)).address
                assert shown == (address if address != "nobody" else "behind 127.0.0.1")
            return
        assert (await refused(world, **sent)).status_code == 403
        assert reasons(world) == [answer]


async def test_who_comes_from_a_named_proxy_that_tells_nothing_could_be_anybody() -> None:
    async with gateway(**BEHIND_PROXY) as world:
        assert (await refused(world)).status_code == 403
        assert reasons(world) == ["public_without_tls"]


@pytest.mark.parametrize("header", ["X_Forwarded_For", "Forwarded"])
async def test_a_proxy_that_is_not_named_is_not_believed(header: str) -> None:
    async with gateway() as world:
        sent = {header: "127.0.0.1", "X_Forwarded_Proto": "https"}
        assert (await refused(world, **sent)).status_code == 403
        assert [(knock.reason, knock.remote) for knock in world.knocks.recent()] == [("unnamed_proxy", "127.0.0.1")]


async def test_profile_0_over_the_network_is_a_notice_per_charger_until_it_proves_who_it_is() -> None:
    async with gateway(**BEHIND_PROXY) as world:
        network = {"X_Forwarded_For": PRIVATE}
        for path in ("/CP001", "/CP002", "/CP001"):
            async with world.client(path, **network):
                pass
        assert sorted(one.alarm_id for one in world.desk.view.standing) == ["unproven:CP001", "unproven:CP002"]
        assert world.desk.view.unproven[CP001].cause == f"it came from {PRIVATE} with security profile 0"
        key = await key_of(world)
        async with world.client(**network, Authorization=basic("CP001", key)):
            pass
        assert list(world.desk.view.unproven) == ["CP002"]
        del world.desk.view.chargers[ChargerId("CP002")]
        world.desk.view.station = Station(STATION.station_id, STATION.grid_capacity_w, STATION.chargers[:1])
        for watcher in world.desk.view.watchers:
            watcher()
        assert world.desk.view.unproven == {}


@pytest.mark.parametrize(("address", "is_guest"), [(PRIVATE, True), (PUBLIC, False)])
async def test_a_stranger_from_a_public_address_is_no_guest(address: str, *, is_guest: bool) -> None:
    async with gateway(unknown_chargers=UnknownChargers.PENDING, **BEHIND_PROXY) as world:
        sent = {"X-Forwarded-For": address, "X-Forwarded-Proto": "https"}
        opening = connect(world.url("/NEW"), subprotocols=[Subprotocol("ocpp1.6")], additional_headers=sent)
        if is_guest:
            async with opening:
                pass
        else:
            with pytest.raises(InvalidStatus, match="404"):
                await opening
            assert reasons(world) == ["unknown_charger"]


# --- downgrades -------------------------------------------------------------------------------------------------------


async def test_tc_083_a_lower_profile_than_was_used_is_refused_until_an_operator_says_otherwise() -> None:
    async with gateway(**BEHIND_PROXY) as world:
        right = basic("CP001", await key_of(world))
        plain = {"X_Forwarded_For": PRIVATE, "Authorization": right}
        async with world.client(**plain):
            pass
        async with world.client(**plain, X_Forwarded_Proto="https"):
            assert world.access.find(CP001).profile is Profile.PASSWORD_TLS
        assert (await refused(world, **plain)).status_code == 403
        assert reasons(world)[0] == "lower_profile"
        await world.access.unpin(CP001)
        async with world.client(**plain):
            assert world.access.find(CP001).profile is Profile.PASSWORD


async def test_a_certificate_once_used_is_not_replaced_by_nothing() -> None:
    async with gateway() as world:
        world.access._kept[CP001] = ChargerAccess(CP001, profile=Profile.CERTIFICATE)
        assert (await refused(world)).status_code == 403
        assert reasons(world) == ["lower_profile"]
        key = await key_of(world)
        assert (await refused(world, Authorization=basic("CP001", key))).status_code == 403


# --- who fails too often ----------------------------------------------------------------------------------------------


async def test_guessing_is_not_looked_at_after_a_while_and_the_charger_itself_still_gets_in() -> None:
    async with gateway(**BEHIND_PROXY) as world:
        right = basic("CP001", await key_of(world))
        home = {"X_Forwarded_For": PRIVATE, "Authorization": right}
        async with world.client(**home):
            pass
        guess = {"X_Forwarded_For": OTHER_PUBLIC, "X_Forwarded_Proto": "https"}
        statuses = [
            (await refused(world, **guess, Authorization=basic("CP001", bytes([n]) * 20))).status_code
            for n in range(25)
        ]
        assert statuses == [401] * 20 + [429] * 5
        told = {"X_Forwarded_For": OTHER_PUBLIC, "X_Forwarded_Proto": "https", "Authorization": right}
        answer = await refused(world, **told)
        assert (answer.status_code, answer.headers["Retry-After"]) == (429, "60")
        assert (await refused(world, **(told | {"X_Forwarded_For": PUBLIC}))).status_code == 429, "of this charger"
        async with world.client(**home):
            pass
        world.clock.mono_ms += 5_000
        async with world.client(**told):
            assert world.access.find(CP001).address == OTHER_PUBLIC


async def test_an_address_that_fails_everywhere_is_not_looked_at_and_others_are() -> None:
    async with gateway(**BEHIND_PROXY) as world:
        keys = {one: await key_of(world, one) for one in ("CP001", "CP002", "GRIZZL", "RDAM 123")}
        guess = {"X_Forwarded_For": PUBLIC, "X_Forwarded_Proto": "https"}
        for path in ("/CP001", "/CP002", "/GRIZZL"):
            for _ in range(20):
                assert (await refused(world, path, **guess)).status_code == 401
        right = basic("RDAM 123", keys["RDAM 123"])
        assert (await refused(world, "/RDAM%20123", **guess, Authorization=right)).status_code == 429
        elsewhere = guess | {"X_Forwarded_For": OTHER_PUBLIC}
        async with world.client("/RDAM%20123", **elsewhere, Authorization=right):
            pass
        async with world.client("/RDAM%20123", **elsewhere, Authorization=right):
            pass


async def test_a_charger_that_is_asked_for_nothing_is_never_barred() -> None:
    async with gateway(**BEHIND_PROXY) as world:
        await key_of(world)
        for _ in range(30):
            await refused(world, X_Forwarded_For=PRIVATE)
        async with world.client("/CP002", X_Forwarded_For=PRIVATE):
            pass


async def test_one_address_holds_a_quarter_of_what_may_be_half_open(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Origins, "stands_for_many", lambda *_: False)
    async with gateway(max_half_open=8) as world:
        silent = [await asyncio.open_connection("127.0.0.1", world.port) for _ in range(2)]
        with pytest.raises(InvalidMessage):
            await connect(world.url(), open_timeout=5)
        assert reasons(world) == ["too_many_half_open"]
        for _, writer in silent:
            writer.transport.abort()


# --- telling a charger its key ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ([3, "?", {"status": "Accepted"}], KeyTold.TAKEN),
        ([3, "?", {"status": "RebootRequired"}], KeyTold.AT_BOOT),
        ([3, "?", {"status": "Rejected"}], KeyTold.REFUSED),
        ([3, "?", {"status": "NotSupported"}], KeyTold.REFUSED),
        ([3, "?", {}], KeyTold.UNANSWERED),
        ([3, "?", {"status": "Maybe"}], KeyTold.UNANSWERED),
        ([4, "?", "NotImplemented", "", {}], KeyTold.REFUSED),
    ],
)
async def test_tc_073_a_charger_is_told_its_key_and_nothing_of_it_becomes_a_fact_or_is_shown(
    answer: list[Any], told: KeyTold
) -> None:
    key = "0123456789abcdef0123456789abcdef01234567"
    async with gateway() as world, world.client() as client:
        changing = asyncio.create_task(world.registry.change_key(CP001, key))
        asked = await client.receive()
        assert asked[2:] == ["ChangeConfiguration", {"key": "AuthorizationKey", "value": key}]
        answer[1] = asked[1]
        await client.send(*answer)
        assert await changing is told
        assert (await client.call("Heartbeat", {}))[0] == 3
        assert {kind for kind in world.desk.kinds() if kind.startswith("Call")} == set()
        frames = shown(world.messages.frames_of(CP001))
        assert any(frame.action == "ChangeConfiguration" for frame in frames)
        assert key not in f"{frames}"


async def test_a_charger_that_leaves_or_is_away_has_not_said_whether_it_took_its_key() -> None:
    key = "00" * 20
    async with gateway() as world:
        assert await world.registry.change_key(CP001, key) is KeyTold.NOT_SENT
        async with world.client() as client:
            changing = asyncio.create_task(world.registry.change_key(CP001, key))
            await client.receive()
        assert await changing is KeyTold.UNANSWERED
        async with world.client() as client:
            changing = asyncio.create_task(world.registry.change_key(CP001, key))
            asked = await client.receive()
            world.pass_time(10_000)
            assert await changing is KeyTold.UNANSWERED
            await client.send(3, asked[1], {"status": "Accepted"})
            assert (await client.call("Heartbeat", {}))[0] == 3, "a late answer harms nobody"
            again = asyncio.create_task(world.registry.change_key(CP001, key))
            asked = await client.receive()
            world.registry.send(world.limit(1, connection=2))
            await client.send(3, asked[1], {"status": "Accepted"})
            assert await again is KeyTold.TAKEN
            assert (await client.receive())[2] == "SetChargingProfile", "it waited its turn"


async def test_who_is_refused_over_the_network_waits_for_the_answer_and_nobody_else_does() -> None:
    async with gateway(**BEHIND_PROXY, refusal_pause_s=3_600) as world:
        await key_of(world)
        guessing = asyncio.create_task(refused(world, X_Forwarded_For=PRIVATE, Authorization=basic("CP001", "x" * 20)))
        async with asyncio.timeout(10):
            while reasons(world) != ["wrong_password"]:  # noqa: ASYNC110 - nobody tells of it; this yields
                await asyncio.sleep(0)
        async with world.client("/CP002", X_Forwarded_For=PRIVATE) as other:
            assert (await other.call("Heartbeat", {}))[0] == 3
        assert not guessing.done()
        guessing.cancel()
        await asyncio.gather(guessing, return_exceptions=True)


async def test_refusals_of_one_address_do_not_fill_the_log_and_are_counted_all_the_same() -> None:
    async with gateway(**BEHIND_PROXY) as world:
        with capture_logs() as lines:
            for _ in range(40):
                await refused(world, "/NOBODY", X_Forwarded_For=PRIVATE)
            await refused(world, "/NOBODY", X_Forwarded_For="192.168.7.5")
        told = [line["log_level"] for line in lines if line["event"] == "handshake.refused"]
        assert told == ["warning"] * 30 + ["debug"] * 10 + ["warning"]
        assert [(knock.remote, knock.count) for knock in world.knocks.recent()] == [("192.168.7.5", 1), (PRIVATE, 40)]


async def test_an_address_that_connects_without_end_is_cut_off_unless_many_share_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("csms.gateway.server.CONNECTIONS", Rate(burst=3, each_ms=1_000))
    async with gateway() as world:
        for _ in range(5):
            async with world.client():
                pass
        monkeypatch.setattr(Origins, "stands_for_many", lambda *_: False)
        for _ in range(3):
            async with world.client():
                pass
        with pytest.raises((OSError, InvalidMessage)):
            await connect(world.url(), subprotocols=[Subprotocol("ocpp1.6")])
        assert reasons(world) == ["too_many_connections"]
        world.clock.mono_ms += 1_000
        async with world.client():
            pass
