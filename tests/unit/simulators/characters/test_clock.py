"""Characters of the clock, as time stamps are on the wire. The test begins at 22:13:20 on 14 November 2023."""

import pytest

from tests.unit.simulators.characters.central import Central, bench


def stamps_of(central: Central) -> list[str]:
    """Return the time stamps of StartTransaction, the first MeterValues and StopTransaction."""
    start, sample, stop = (central.of(name)[0] for name in ("StartTransaction", "MeterValues", "StopTransaction"))
    return [start["timestamp"], sample["meterValue"][0]["timestamp"], stop["timestamp"]]


@pytest.mark.parametrize(
    ("character", "stamps"),
    [
        ("no_zone", ["2023-11-14T22:13:20", "2023-11-14T22:13:30", "2023-11-14T22:13:32"]),
        ("zone_of_hours", ["2023-11-15T00:13:20+02", "2023-11-15T00:13:30+02", "2023-11-15T00:13:32+02"]),
        (
            "local_time_as_utc",
            ["2023-11-15T00:13:20.000Z", "2023-11-15T00:13:30.000Z", "2023-11-15T00:13:32.250Z"],
        ),
        (
            "microseconds_and_offset",
            [
                "2023-11-14T22:13:20.000123+00:00",
                "2023-11-14T22:13:30.000123+00:00",
                "2023-11-14T22:13:32.250123+00:00",
            ],
        ),
        ("no_fraction", ["2023-11-14T22:13:20Z", "2023-11-14T22:13:30Z", "2023-11-14T22:13:32Z"]),
        ("starts_in_1970", ["1970-01-01T00:00:00.000Z", "1970-01-01T00:00:10.000Z", "1970-01-01T00:00:12.250Z"]),
        ("never_set_clock", ["2000-01-01T00:00:00.000Z", "2000-01-01T00:00:10.000Z", "2000-01-01T00:00:12.250Z"]),
    ],
)
async def test_time_stamps(character: str, stamps: list[str]) -> None:
    async with bench(character) as b:
        await b.start()
        await b.run(12.25)
        b.charger.sessions.unplug(b.driven.connector())
        await b.driven.settle()
        assert stamps_of(b.central) == stamps


async def test_a_clock_that_is_set_within_a_transaction() -> None:
    async with bench("starts_in_1970") as b:
        await b.start()
        await b.run(70)
        seen = [m["meterValue"][0]["timestamp"] for m in b.central.of("MeterValues")]
        assert seen[4:] == ["1970-01-01T00:00:50.000Z", "2023-11-14T22:14:20.000Z", "2023-11-14T22:14:30.000Z"]


async def test_what_was_kept_from_before_the_clock_was_set_keeps_its_wrong_time() -> None:
    async with bench("starts_in_1970") as b:
        b.charger.drop(60_000)
        await b.driven.settle()
        await b.start()
        await b.connected()
        assert b.central.of("StartTransaction")[0]["timestamp"] == "1970-01-01T00:00:00.000Z"
