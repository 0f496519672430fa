import pytest

from csms.cli.demo.reports import ChargerReport, ConnectorReport, parse_report
from csms.cli.demo.tally import Site, Tally
from csms.core.ids import ChargerId
from csms.core.station import Charger, Circuit, Station

A, B = ChargerId("CP001"), ChargerId("CP002")
STATION = Station(
    station_id="S",
    grid_capacity_w=400_000,
    chargers=(Charger(A, 200_000, 2, circuit="inner"), Charger(B, 300_000, 1)),
    circuits=(Circuit("outer", None, 250_000), Circuit("inner", "outer", None)),
)


def report(
    charger_id: str, at_ms: int, power_w: int, *, energy_wh: int = 0, transaction_id: int | None = 1
) -> ChargerReport:
    connector = ConnectorReport(
        idx=1,
        power_w=power_w,
        energy_wh=energy_wh,
        limit_w=0,
        status="Charging",
        car="a car",
        transaction_id=transaction_id,
        soc_percent=50,
    )
    return ChargerReport(charger_id, at_ms, (connector,))


@pytest.mark.parametrize(
    ("reports", "highest_w", "what"),
    [
        ([], 0, "nothing"),
        ([(A, 998, 100), (B, 1003, 200)], 300, "both on one second, give or take"),
        ([(A, 0, 100), (B, 0, 0), (B, 1000, 200), (A, 1000, 0)], 200, "one hands over to the other at the second"),
        ([(A, 0, 100), (A, 400, 150), (B, 10, 0)], 150, "the higher of two in one second"),
        ([(B, 0, 50), (A, 0, 100), (B, 1000, 50), (B, 5000, 60)], 160, "a silent one keeps its last power"),
        ([(A, 0, 100), (A, 2000, 0), (B, 20, 300)], 400, "a second waits for its late report"),
        ([(A, 0, 100), (A, 1000, 150)], 150, "the seconds that still wait are summed at the end"),
        ([(A, 0, 0), (B, 0, 0), (A, 5000, 1), (B, 5000, 1), (A, 1000, 999)], 2, "a report from long ago is too late"),
    ],
)
def test_the_highest_second(reports: list[tuple[str, int, int]], highest_w: int, what: str) -> None:
    tally = Tally.of(STATION)
    for charger_id, at_ms, power_w in reports:
        tally.add(report(charger_id, at_ms, power_w))
    tally.close()
    assert tally.rows[0].highest_w == highest_w, what


def test_every_capacity_is_a_row_and_knows_its_chargers() -> None:
    assert [(row.name, row.capacity_w, set(row.charger_ids)) for row in Tally.of(STATION).rows] == [
        ("grid", 400_000, {A, B}),
        ("outer", 250_000, {A}),
        ("CP001", 200_000, {A}),
        ("CP002", 300_000, {B}),
    ]


@pytest.mark.parametrize(("power_w", "kept"), [(200_000, True), (200_001, False)])
def test_a_watt_too_much_breaks_a_row(power_w: int, kept: bool) -> None:  # noqa: FBT001  # a column of the table
    tally = Tally.of(STATION)
    tally.add(report(A, 0, power_w))
    tally.close()
    assert [row.is_kept for row in tally.rows] == [True, True, kept, True]


def test_the_static_load_counts_at_the_grid_connection() -> None:
    tally = Tally.of(Station("S", 100_000, (Charger(A, 100_000, 1),), static_load_w=30_000))
    tally.add(report(A, 0, 70_001))
    tally.close()
    assert (tally.rows[0].highest_w, tally.rows[0].is_kept) == (100_001, False)


@pytest.mark.parametrize(
    ("sites", "highest_w", "what"),
    [
        ({0: Site(30_000)}, 130_000, "the base load is added"),
        ({0: Site(30_000, 40_000)}, 90_000, "what the battery gives is taken off"),
        ({0: Site(30_000, -5_000)}, 135_000, "what it takes is not"),
        ({0: Site(30_000), 12: Site(30_000, 40_000)}, 90_000, "it gave that within two seconds"),
        ({0: Site(30_000), 13: Site(30_000, 40_000)}, 130_000, "it did not yet"),
        ({0: Site(30_000, 40_000), 9: Site(50_000)}, 110_000, "it gave that two seconds before"),
        ({0: Site(30_000), 9: Site(45_000), 11: Site(70_000)}, 145_000, "the base load of the second counts"),
    ],
)
def test_the_grid_connection_carries_what_a_meter_there_shows(
    sites: dict[int, Site], highest_w: int, what: str
) -> None:
    """Cars draw 100 kW in the tenth second alone, and the battery is read once a second."""
    station = Station("S", 400_000, (Charger(A, 100_000, 1),), static_load_w=60_000)
    tally, site = Tally.of(station), Site(60_000)
    for second in range(16):
        site = sites.get(second, site)
        tally.surrounded(second * 1_000, site)
        tally.add(report(A, second * 1_000, 100_000 if second == 10 else 0))
    tally.close()
    assert tally.rows[0].highest_w == highest_w, what
    assert tally.rows[1].highest_w == 100_000


def test_sessions_and_energy() -> None:
    tally = Tally.of(STATION)
    tally.add(report(A, 0, 1, energy_wh=500, transaction_id=1))
    tally.add(report(A, 1000, 1, energy_wh=900, transaction_id=1))
    tally.add(report(B, 1000, 1, energy_wh=0, transaction_id=2))
    assert (tally.completed, tally.running, tally.energy_wh) == (0, 2, 900)
    tally.add(report(A, 2000, 0, transaction_id=None))
    tally.add(report(B, 2000, 0, transaction_id=None))
    assert (tally.completed, tally.running, tally.energy_wh) == (1, 0, 900), "one of the two took nothing"
    tally.add(report(A, 3000, 1, energy_wh=100, transaction_id=3))
    assert (tally.completed, tally.running, tally.energy_wh) == (1, 1, 1000)


def test_how_long_sessions_last() -> None:
    tally = Tally.of(STATION)
    assert tally.mean_ms is None
    for begins_ms, ends_ms, transaction_id in ((1_000, 61_000, 1), (70_000, 190_000, 2)):
        tally.add(report(A, begins_ms, 1, energy_wh=5, transaction_id=transaction_id))
        tally.add(report(A, ends_ms, 1, energy_wh=900, transaction_id=transaction_id))
    tally.add(report(A, 200_000, 1, energy_wh=5, transaction_id=3))
    assert tally.mean_ms == 90_000, "the third still runs"


LINE = (
    '{"at_ms": 5, "charger_id": "CP001", "connectors": [{"idx": 1, "power_w": 7, "energy_wh": 8, "limit_w": 9,'
    ' "status": "Available", "car": null, "transaction_id": null, "soc": null}]}'
)


def test_a_line_becomes_a_report() -> None:
    found = parse_report(LINE)
    assert found == ChargerReport("CP001", 5, (ConnectorReport(1, 7, 8, 9, "Available", None, None, None),))
    assert found.power_w == 7


@pytest.mark.parametrize("line", ["", "connected", "[]", "{}", "null", LINE[:-2], LINE.replace("power_w", "power")])
def test_other_lines_are_no_reports(line: str) -> None:
    assert parse_report(line) is None
