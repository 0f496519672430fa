"""What `csms doctor` says of clocks, databases and chargers."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from csms.cli.doctoring import Level, _clock, _database, _tls, _without_server, who_may_start
from csms.core.ids import ChargerId
from csms.core.station import Charger, Control, Mode
from csms.settings import Settings, read_settings
from csms.store import NotOpened
from csms.store.examining import Examined
from csms.store.migrate import head
from tests.tls import SERVER, Authority

NOW_MS = 1_800_000_000_000


@pytest.mark.parametrize(
    ("now_ms", "newest_ms", "level"),
    [
        (NOW_MS, None, Level.OK),
        (NOW_MS, NOW_MS + 60_000, Level.OK),
        (NOW_MS, NOW_MS + 60_001, Level.FAULT),
        (1_735_689_599_999, None, Level.FAULT),
    ],
)
def test_a_clock_that_was_set_back(now_ms: int, newest_ms: int | None, level: Level) -> None:
    assert _clock(now_ms, newest_ms).level is level


@pytest.mark.parametrize(
    ("examined", "levels"),
    [
        (NotOpened("x: is a folder"), [Level.FAULT]),
        (Examined("x", None, free_bytes=10**10), [Level.NOTE, Level.OK]),
        (Examined("x", head(), 1, in_use=True, free_bytes=10**10), [Level.OK, Level.OK]),
        (Examined("x", "0001", 1, in_use=False, free_bytes=999_999_999), [Level.NOTE, Level.FAULT]),
        (Examined("postgresql://host/name", head()), [Level.OK]),
    ],
)
def test_a_database_and_its_disk(examined: Examined | NotOpened, levels: list[Level]) -> None:
    assert [finding.level for finding in _database(examined)] == levels


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ({}, "which cards are accepted it does not tell"),
        ({"localauthorizeoffline": "false"}, "no card is accepted (LocalAuthorizeOffline is false)"),
        ({"localauthorizeoffline": "true"}, "no card is accepted: it keeps neither"),
        (
            {"localauthorizeoffline": "true", "authorizationcacheenabled": "true"},
            "cards are accepted: those it has seen",
        ),
        (
            {"localauthorizeoffline": "true", "localauthlistenabled": "true"},
            "cards are accepted: those of its local list",
        ),
        ({"allowofflinetxforunknownid": "true", "localauthorizeoffline": "false"}, "any card is accepted"),
    ],
)
def test_who_may_start_without_the_server(told: dict[str, str], said: str) -> None:
    assert who_may_start(told).startswith(said)


SEEN: dict[str, Any] = {"boot": {}, "connection": {}, "provisioned": True, "bookedPower": 11}


@pytest.mark.parametrize(
    ("control", "charger", "level", "said"),
    [
        (Control.NONE, {}, Level.OK, "it is not steered, 22 kW are booked"),
        (Control.REST, {}, Level.OK, "gets no power"),
        (Control.AUTO, {"provisioned": False}, Level.NOTE, "it has never connected"),
        (Control.OCPP, SEEN | {"provisioned": False}, Level.NOTE, "a car may get all that it has"),
        (Control.OCPP, SEEN, Level.OK, "gets no power until the server is back; any card"),
        (Control.OCPP, SEEN | {"failSafePower": 4.14}, Level.OK, "gets 4.14 kW; any card"),
        (Control.OCPP, SEEN | {"release": "incomplete"}, Level.OK, "as always: the charger was released, 11 kW are"),
    ],
)
def test_whether_a_car_can_start_without_the_server(
    control: Control, charger: dict[str, Any], level: Level, said: str
) -> None:
    config = Charger(ChargerId("CP001"), 22_000, 1, control)
    found_level, charger_id, sentence = _without_server(config, charger, "any card is accepted")
    assert (found_level, charger_id) == (level, "CP001")
    assert said in sentence


@pytest.mark.parametrize("charger", [{"provisioned": False, "bookedPower": 22}, SEEN | {"bookedPower": 22}])
def test_a_car_starts_at_an_observed_charger_without_the_server_as_with_it(charger: dict[str, Any]) -> None:
    config = Charger(ChargerId("CP001"), 22_000, 1, mode=Mode.OBSERVE)
    found = _without_server(config, charger, "")
    assert found == (
        Level.OK,
        "CP001",
        "a car starts while the server is away as always: it is only observed, 22 kW are booked",
    )


def test_certificates_of_chargers(tmp_path: Path) -> None:
    authority = Authority(tmp_path)

    def look(*pairs: tuple[Path, Path]) -> list[tuple[Level, str]]:
        certificates, keys = zip(*pairs, strict=True) if pairs else ((), ())
        settings = read_settings({"ocpp_tls_cert": certificates, "ocpp_tls_key": keys})
        assert isinstance(settings, Settings), settings
        now_ms = int(datetime.now(UTC).timestamp() * 1_000)
        return [(finding.level, finding.said) for finding in _tls(settings, now_ms)]

    good, soon, ended = (authority.issue(*SERVER, days=days) for days in (90, 10, -2))
    assert look() == []
    assert look(good) == [(Level.OK, "can be used, and hold for more than 30 days")]
    assert look(good, soon) == [(Level.NOTE, f"{soon[0]}: ends in 9 days")]
    assert look(ended) == [(Level.FAULT, f"{ended[0]}: has ended")]
    wrong = (good[0], soon[1])
    assert look(wrong) == [(Level.FAULT, f"{good[0]} with {soon[1]}: the key is not that of the certificate")]
