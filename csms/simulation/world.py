"""One seed, one run: a random station, its chargers, cars and clients, faults, and a calm end."""

import random
from dataclasses import replace

from csms.core.commands import EXPIRY_S
from csms.core.ids import ChargerId
from csms.core.learnt import Learnt, Make
from csms.core.records import Driver, MakeStored
from csms.core.station import GRID, Charger, Control, FailSafe, Station
from csms.simulation import calm
from csms.simulation.acts import Acts
from csms.simulation.ampere_stations import in_amperes, with_currents
from csms.simulation.car import random_car
from csms.simulation.charger import ChargerModel
from csms.simulation.client import RestClient
from csms.simulation.clock import Clock
from csms.simulation.energy import Energy
from csms.simulation.fate import STORM, Fate, random_fate
from csms.simulation.faults import LIES, Choice, Faults, Kind, Profile, allowed
from csms.simulation.grid import GridConnection
from csms.simulation.host import Host, MakeController
from csms.simulation.judge import Judge
from csms.simulation.manners import AWFUL, POLITE, Manners, random_manners
from csms.simulation.obedience import Obedience
from csms.simulation.odds import NOTHING_ODD, drawn_character, random_odds, with_acts, with_later, with_phases
from csms.simulation.operator import Operator
from csms.simulation.profiles import ProfileMemory
from csms.simulation.remembered import remembering
from csms.simulation.scene import Scene
from csms.simulation.site import SiteFate, as_it_would_be, random_site, with_site
from csms.simulation.stations import random_habits, random_nature, random_station, with_start_power
from csms.simulation.store import Store
from csms.simulation.supplies import Supplies
from csms.simulation.surroundings import Surroundings, Switches
from csms.simulation.trace import Trace, ViolationError
from csms.simulation.weather import Weather
from csms.simulation.wiring import Phased

TICK_MS = 1_000
TOLD_LINES = 1_000
CALM_MS = 600_000
ALARMS_MS = 960_000
TWO_MS = 600_000
TOLD_AGAIN_MS = 360_000
"""H + 30 s, and what a demand estimate that was low needs to grow to the declared demand."""
BUSY_MS = 30_000
"""Cars come that often at least in worlds with energy: what is above firm power is given where somebody needs it."""
SHOWS_SHARE = 0.85
"""Share of the chargers in worlds with energy that let limits expire, and show it in their composite schedule."""
DEAD_MS = 600_000
"""So long the world goes on without a server that never returns."""
ALL_FAULTS = Switches()


class World:
    """Everything of one run."""

    def __init__(
        self,
        seed: int,
        make: MakeController,
        switches: Switches = ALL_FAULTS,
        *,
        choice: Choice = Profile.DRAWN,
        chargers_count: int | None = None,
        without: frozenset[Kind] = frozenset(),
    ) -> None:
        clock = Clock()
        self._possible = possible = allowed(choice) - without
        self.around = Surroundings(clock, random.Random(seed), Trace(clock), switches, faults=Faults(possible))
        self.choice = choice if switches.faults else Profile.NONE
        rng = self.around.rng
        self.around.faults.now_ms = lambda: clock.now_ms
        self.around.odd_rng = odd_rng = random.Random(f"odd {seed}")
        if switches.odd and switches.faults:
            later_rng = self.around.later_rng = random.Random(f"later {seed}")
            acts_rng = self.around.acts_rng = random.Random(f"acts {seed}")
            odds = with_later(later_rng, random_odds(odd_rng, choice), choice)
            self.around.odds = with_acts(acts_rng, odds, choice)
        fate = self._draw_fate()
        station = random_station(rng, chargers_count)
        station = with_start_power(station) if switches.need_start_power else station
        self.site: SiteFate | None = None
        if switches.energy:
            station, fate, self.site = self._draw_site(seed, station, fate)
        self._phased: dict[ChargerId, Phased] = {}
        if switches.phases:
            phases_rng = self.around.phases_rng = random.Random(f"phases {seed}")
            station, self._phased = in_amperes(phases_rng, station)
            self.around.odds = with_phases(phases_rng, self.around.odds, self.choice)
        self.station, self.fate = station, fate
        self.store = Store(station)
        self.chargers: dict[ChargerId, ChargerModel] = {}
        self.clients: list[RestClient] = []
        self.judge = Judge(self.around, self.store, self.chargers, self.clients)
        self.host = Host(self.around, remembering(make), self.store, self.judge)
        self.host.slow_commits = fate.slow_commits
        self.host.aborted = self._lost
        self.judge.truth.patience_ms = self.host.patience_ms
        self.around.start_confirmed = self.judge.registry.start_confirmed
        self.around.obeys = self._obeys
        self.compared = 0
        self._disobeyed_ms = 0
        self.grid = GridConnection(random.Random(f"house {seed}"))
        late = {c.charger_id: rng.randint(20_000, 400_000) for c in station.chargers if self._is_late(c)}
        self.late = late = late if Kind.FIRST_CONNECTION in self._possible else {}
        self.patient = frozenset(charger_id for charger_id in late if self._is_patient())
        self.energy: Energy | None = None if self.site is None else self._make_energy(self.site)
        scene = Scene(
            self.around, self.host, self.judge, self.store, self.chargers, self.clients, self.grid, self.energy
        )
        self._operator = Operator(scene, dict(late), self.patient)
        self._acts = Acts(scene)
        self._weather = Weather(scene, self._operator, self._acts, fate)
        self.host.dies = self._weather.die
        self.host.turned_away = self._weather.turned_away
        self.host.may_connect = self._operator.may_connect
        self.judge.configured = self._operator.configured
        for charger in station.chargers:
            self._install(charger)

    def length_ms(self) -> tuple[int, int]:
        """Return how long to run: a storm of some minutes, then a calm in half of the runs."""
        rng = self.around.rng
        return rng.randint(120, 900) * 1_000, CALM_MS if rng.random() < 0.4 else 0

    # --- running ---------------------------------------------------------------------------------------------------

    def run(self, stormy_ms: int, calm_ms: int) -> None:
        """Run the storm, then the calm; a violation carries the story."""
        try:
            self.host.boot()
            self._tick()
            self._weather.begin()
            if self.energy is not None:
                self.energy.begin()
            self.around.clock.run_until(stormy_ms)
            if self._is_to_go and self.around.faults.strike(Kind.SERVER_GONE):
                self._weather.end_server()
                self.around.clock.run_until(stormy_ms + DEAD_MS)
                return
            if calm_ms:
                self._calm()
                self.around.clock.run_until(stormy_ms + calm_ms)
                self._wait_for_alarms(stormy_ms + calm_ms + ALARMS_MS)
                self._check_calm()
            self.judge.registry.finished(self.store, self.chargers.values())
        except AssertionError as error:
            message = f"{type(error).__name__}: {error}\n{self.around.trace.tell(TOLD_LINES)}"
            raise ViolationError(message) from error

    @property
    def _is_to_go(self) -> bool:
        """Return whether the server never returns after the storm."""
        return self.around.odds.gone or (self.site is not None and self.site.gone)

    def _wait_for_alarms(self, until_ms: int) -> None:
        """Go on while an alarm may stand, and for as long after it as it takes to be told everything (I10).

        A charger that refuses gets one try in ten minutes; one that seemed to be two is spoken to after ten minutes;
        one that does not obey is told the least power until it has shown that it does.
        """
        clock, trouble = self.around.clock, self.judge.trouble
        taken_over = (model.taken_over_ms for model in self.chargers.values() if model.taken_over_ms is not None)
        one_ms = max((at_ms + TWO_MS for at_ms in taken_over), default=0)
        while clock.now_ms < until_ms and (
            trouble.refusing
            or clock.now_ms < max(trouble.over_ms, one_ms, self._disobeyed_ms) + TOLD_AGAIN_MS
            or not self.judge.turns.are_settled(clock.now_ms)
        ):
            clock.run_until(clock.now_ms + 60_000)

    def run_to_death(self, stormy_ms: int, dead_ms: int) -> None:
        """Run the storm; then the server dies, and never returns."""
        try:
            self.host.boot()
            self._tick()
            self._weather.begin()
            if self.energy is not None:
                self.energy.begin()
            self.around.clock.run_until(stormy_ms)
            self._weather.end_server()
            self.around.clock.run_until(stormy_ms + dead_ms)
        except AssertionError as error:
            message = f"{type(error).__name__}: {error}\n{self.around.trace.tell(TOLD_LINES)}"
            raise ViolationError(message) from error

    def _tick(self) -> None:
        self.around.clock.after(TICK_MS, self._tick)
        for model in self.chargers.values():
            model.run(TICK_MS)
        if self.energy is not None:
            self.energy.run(self.around.clock.now_ms, TICK_MS)
        rows = self.store.chargers.values() if self.around.calm else ()
        if any(each.not_obeying for row in rows for each in row.evidence.values()):
            self._disobeyed_ms = self.around.clock.now_ms
        self.judge.tick(self.host.engine, TICK_MS)
        self._read_meter(self.judge.fuses.carried_w.get(GRID, 0))

    def _read_meter(self, chargers_w: int) -> None:
        """Read the meter of the grid connection, which sees the house as well, and hold it against the fuse."""
        station, now_ms, engine = self.judge.mirror.station, self.around.clock.now_ms, self.host.engine
        shown_w = self.grid.read(chargers_w, station.static_load_w, now_ms)
        unheard = any(not client.is_sure for client in self.clients)
        if self.judge.liars:
            return
        if self.judge.supplies is not None:
            if engine is not None:
                self.judge.look_at_flow(self.judge.supplies, chargers_w, self.grid.house_now_w)
            return
        if engine is not None:
            is_full = self.judge.is_full_on_a_phase(engine, GRID)
            self.grid.hold(shown_w, station.grid_capacity_w, engine, now_ms, is_full_on_a_phase=is_full)
        elif not unheard:
            self.grid.hold_without(shown_w, station.grid_capacity_w, station.static_load_w, self.judge.bounds, now_ms)

    def _calm(self) -> None:
        self._operator.late.clear()
        self._acts.uncap()
        for client in self.clients:
            client.stop()
        calm.begin(self.around, list(self.chargers.values()))
        if self.energy is not None:
            self.energy.calm_down()

    def _check_calm(self) -> None:
        engine = self.host.engine
        assert engine is not None, "the server is up in the calm"
        troubled = {
            row.charger_id for row in self.store.sessions.values() if row.ended_ms is None and row.driver is Driver.REST
        }
        troubled |= {
            charger_id
            for charger_id, model in self.chargers.items()
            if model.has_odd_cars
            or charger_id in self.judge.trouble.chargers
            or self.judge.has_raised_default(charger_id)
        }
        troubled |= {c.charger_id for c in self.judge.mirror.station.chargers if self._expires_too_soon(c)}
        self.compared = calm.check(self.judge, engine, self.around.clock.now_ms, troubled)
        self.judge.asked.compared["F"] += self.compared

    def _expires_too_soon(self, charger: Charger) -> bool:
        """Return whether limits expire before they are renewed: the charger's clock is ahead of the server's."""
        ahead_ms = self.chargers[charger.charger_id].skew_ms - self.around.server_ahead_ms
        return charger.fail_safe is FailSafe.EXPIRE and ahead_ms > EXPIRY_S * 1_000 * 2 // 3

    # --- the inhabitants -------------------------------------------------------------------------------------------

    def _draw_fate(self) -> Fate:
        if self.choice is Profile.NONE:
            return Fate()
        return random_fate(self.around.rng) if self.choice is Profile.DRAWN else STORM

    def _draw_site(self, seed: int, station: Station, fate: Fate) -> tuple[Station, Fate, SiteFate]:
        """Return the station as a site with energy, and what happens beside that."""
        rng = self.around.energy_rng = random.Random(f"energy {seed}")
        station = with_site(rng, station)
        site = as_it_would_be(random_site(rng, self.choice), station)
        if site.alone:
            self.around.odds, fate = NOTHING_ODD, Fate(crash_ms=fate.crash_ms)
        return station, replace(fate, arrival_ms=min(fate.arrival_ms, BUSY_MS)), site

    def _make_energy(self, site: SiteFate) -> Energy:
        """Return the energy side of the world, with its own judge."""
        energy = Energy(self.around, self.host, self.grid, lambda: self.judge.mirror.station, site)
        self.judge.supplies = Supplies(self.around, energy)
        self.judge.started_ms = lambda: self.host.started_ms
        return energy

    def _draw_manners(self) -> Manners:
        if self.choice is Profile.NONE or (self.site is not None and self.site.alone):
            return POLITE
        return random_manners(self.around.rng) if self.choice is Profile.DRAWN else AWFUL

    def _is_late(self, charger: Charger) -> bool:
        return charger.control is Control.AUTO and self.around.chance(0.15)

    def _is_patient(self) -> bool:
        """Return whether a charger waits for a full station before it comes for the first time."""
        return self.around.is_later(self.around.odds.full) and Kind.FIRST_CONNECTION_FULL in self._possible

    def _install(self, charger: Charger) -> None:
        around, rng = self.around, self.around.rng
        memory = ProfileMemory(
            own_default_first=around.chance(0.5), keeps_tx=around.chance(0.15), heeds_tx=around.chance(0.95)
        )
        if memory.keeps_tx:  # that a make does so is found out at its first stop (unit tables); here it is known
            make = Make("Vendor", charger.charger_id, "")
            self.store.makes[make] = MakeStored(make, Learnt(keeps_tx_profile=True))
        nature = random_nature(rng, charger, memory)
        if self.site is not None and around.energy_rng.random() < SHOWS_SHARE:
            nature = replace(nature, shows_both=True, two_periods=True, reads_back=True, tx_profiles=True)
        phased = self._phased.get(charger.charger_id)
        if phased is not None:
            nature = with_currents(around.phases_rng, nature)
        manners = self._draw_manners()
        hardware_w = charger.max_power_w if charger.control is not Control.NONE else charger.uncontrolled_power_w
        model = ChargerModel(
            charger.charger_id,
            hardware_w,
            charger.connectors,
            around,
            self.host,
            Obedience(around, nature, manners, memory),
            random_habits(rng),
        )
        model.phased = phased
        self.chargers[charger.charger_id] = model
        character = drawn_character(around.odd_rng, around.odds, self._possible, is_dc=charger.is_dc)
        if charger.control in {Control.AUTO, Control.OCPP} and character is not None:
            model.obedience.character = character
            if character in LIES:
                self.judge.liars[charger.charger_id] = model.habits.longest_period_ms
        if around.chance(0.3) and charger.control is not Control.REST and charger.charger_id not in self._operator.late:
            old_id = 900_000_000 + around.number("old")
            car = random_car(rng, hardware_w)
            model.adopt(1, car, old_id)
            around.arrived(charger.charger_id, 1, None, car)
            if around.chance(0.5):
                memory.set_tx(1, rng.randint(0, 3), old_id, rng.randint(0, hardware_w))

    def _obeys(self, charger_id: ChargerId) -> None:
        model = self.chargers[charger_id]
        limits = tuple(model.obeyed_w(outlet.idx) for outlet in model.outlets)
        self.around.trace.add("obeys", f"{charger_id} {limits}")
        self.judge.obeys(self.host.engine)

    def _lost(self, charger_id: ChargerId) -> None:
        self.chargers[charger_id].lost()
