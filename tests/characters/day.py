"""What happens to a charger and to its well-behaved neighbour, and what is seen of it from outside.

Both hang behind a grid connection that cannot feed both; the neighbour starts first, so it is the other car that has to
give way when the charger under test does not. Then the grid is cut so far that only one of them can charge, comes back,
the neighbour's car leaves, and the charger's own. Later the charger reboots, both charge again, and in the end one more
car comes and goes while the charger's network is down.
"""

from dataclasses import dataclass, field, replace
from typing import Any, Final

from csms.core.ids import ChargerId
from csms.core.station import Charger, Control, Station
from simulators.build import Wanted
from simulators.cars import PPM, CarModel
from tests.characters.rig import Asked, Rig, Truth, rigged
from tests.virtual.loop import VirtualClock
from tests.virtual.site import Site, serving

SUBJECT: Final = ChargerId("CHARGER 1")
NEIGHBOUR: Final = ChargerId("NEIGHBOUR")
TAG, OTHER_TAG = "04A1B2C3D4", "04FFEEDDCC"
METER_INTERVAL_S = 10


@dataclass(frozen=True, slots=True)
class Ground:
    """Where a day takes place; powers in W.

    Attributes:
        phases: of the chargers: 3, or 0 for DC.
        max_w: of each charger, which its car can take.
        ample_w, scarce_w: the grid connection's capacity: too small for both, and for one of them only.
    """

    name: str
    phases: int
    max_w: int
    min_w: int
    ample_w: int
    scarce_w: int

    @property
    def car(self) -> CarModel:
        """Return a car that takes whatever the charger can give."""
        return CarModel(self.name, 200_000, max(self.max_w, 1), 3, ((0, self.max_w), (PPM, self.max_w)))


AC: Final = Ground("AC", phases=3, max_w=22_080, min_w=4_140, ample_w=30_000, scarce_w=6_000)
DC: Final = Ground("DC", phases=0, max_w=100_000, min_w=10_000, ample_w=130_000, scarce_w=14_000)


@dataclass(frozen=True, slots=True)
class Tick:
    """One instant: what both cars draw, and what the central system says of it; W.

    `told_w` is the limit that the charger's session was last told, None when the central system knows of none.
    """

    at_ms: int
    drawn_w: int
    other_w: int
    booked_w: int
    told_w: int | None
    capacity_w: int


@dataclass(frozen=True, slots=True)
class Moment:
    """The end of one part of the day: what was so then, and the notices that stood."""

    tick: Tick
    began_ms: int
    notices: frozenset[str]


@dataclass(slots=True)
class Observed:
    """Everything that was seen of one day.

    Attributes:
        notices: every notice that stood at some time.
        records: the transactions that the store holds of the charger.
        refusals: why it was refused at the door.
    """

    ground: Ground
    ticks: list[Tick] = field(default_factory=list)
    moments: dict[str, Moment] = field(default_factory=dict)
    notices: set[str] = field(default_factory=set)
    was_online: bool = False
    asked: list[Asked] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    truths: list[Truth] = field(default_factory=list)
    other_truths: list[Truth] = field(default_factory=list)
    records: list[dict[str, Any]] = field(default_factory=list)
    other_records: list[dict[str, Any]] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


class Day:
    """One run of the programme."""

    def __init__(self, site: Site, clock: VirtualClock, observed: Observed) -> None:
        self.site = site
        self.clock = clock
        self.observed = observed
        self.subject: Rig
        self.neighbour: Rig

    def watch(self) -> None:
        """Look at both cars and at what the central system shows."""
        view, observed = self.site.view, self.observed
        session = next((s for s in view.sessions.values() if s.charger_id == SUBJECT), None)
        observed.was_online |= view.chargers[SUBJECT].online
        observed.notices |= view.notices.keys()
        observed.ticks.append(
            Tick(
                at_ms=self.clock.now_ms(),
                drawn_w=self.subject.power_w,
                other_w=self.neighbour.power_w,
                booked_w=view.chargers[SUBJECT].booked_w,
                told_w=None if session is None else session.allocated_w,
                capacity_w=view.station.grid_capacity_w,
            )
        )

    async def live(self) -> None:
        """Go through the programme."""
        car, grid = self.observed.ground.car, self.observed.ground
        await self._part("idle", 90)
        self.neighbour.start(car, OTHER_TAG)
        await self._part("neighbour alone", 40)
        self.subject.start(car, TAG)
        await self._part("both", 90)
        await self.site.set_capacity(grid.scarce_w)
        await self._part("scarce", 90)
        await self.site.set_capacity(grid.ample_w)
        await self._part("both again", 60)
        self.neighbour.stop(OTHER_TAG)
        await self._part("alone", 90)
        self.subject.stop(TAG)
        await self._part("stopped", 100)
        self.subject.charger.reset("PowerLoss", wait_for_stops=False)
        await self._part("rebooted", 60)
        self.neighbour.start(car, OTHER_TAG)
        self.subject.start(car, TAG)
        await self._part("both after a reboot", 90)
        self.subject.stop(TAG)
        self.neighbour.stop(OTHER_TAG)
        await self._part("stopped again", 100)
        self.subject.charger.drop(60_000)
        await self._part("offline", 5)
        self.subject.start(car, TAG)
        await self._part("charging offline", 30)
        self.subject.stop(TAG)
        await self._part("back", 120)
        await self._part("quiet", 120)

    async def _part(self, name: str, seconds: int) -> None:
        began_ms = self.clock.now_ms()
        await self.clock.sleep_until_ms(began_ms + seconds * 1000)
        self.observed.moments[name] = Moment(self.observed.ticks[-1], began_ms, frozenset(self.site.view.notices))


async def observe(
    clock: VirtualClock, characters: list[str], ground: Ground, *, assume_ocpp16: bool = False
) -> Observed:
    """Return what is seen of a charger of these characters in one day."""
    observed = Observed(ground)
    wanted = Wanted(1, ground.max_w, phases=ground.phases, meter_interval_s=METER_INTERVAL_S)
    async with serving(_station(ground, assume_ocpp16=assume_ocpp16), clock) as site:
        day = Day(site, clock, observed)
        async with (
            rigged(SUBJECT, wanted, site.url, clock, characters=characters) as day.subject,
            # Of another make: what one charger shows is believed of all chargers of its make.
            rigged(
                NEIGHBOUR, replace(wanted, model="Neighbour"), site.url, clock, each_tick=day.watch
            ) as day.neighbour,
        ):
            await day.live()
            records = site.records().sessions
    observed.asked = list(day.subject.asked.values())
    observed.said = day.subject.said
    observed.truths, observed.other_truths = day.subject.truths, day.neighbour.truths
    observed.records = [row for row in records if row["charger_id"] != NEIGHBOUR]
    observed.other_records = [row for row in records if row["charger_id"] == NEIGHBOUR]
    observed.refusals = sorted({knock.reason for knock in site.knocks.recent()})
    observed.errors = site.errors
    return observed


def _station(ground: Ground, *, assume_ocpp16: bool) -> Station:
    subject = Charger(
        SUBJECT,
        ground.max_w,
        connectors=1,
        control=Control.OCPP,
        min_power_w=ground.min_w,
        phases=ground.phases,
        assume_ocpp16=assume_ocpp16,
    )
    neighbour = replace(subject, charger_id=NEIGHBOUR, assume_ocpp16=False)
    return Station("CHARACTERS", ground.ample_w, (subject, neighbour), fail_safe_chosen=True)
