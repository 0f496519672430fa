"""One charger as control sees it: its connection, its connectors, and what is booked for it (LEDGER.md §1).

    K(connector) = max(P_default ∪ P_tx), P_default = {M} until the connector is provisioned
    K(charger)   = min(M, Σ K(connector)), connectors that are not provisioned counted once for the charger

M is the highest `maxPower` configured since Σ K(connector) was last at or below the present one, so that a lowered
value frees nothing by itself; the same holds for what is booked while nobody steers the charger (`reservedPower`).
A charger that has never connected over OCPP has no default to fall back to: K is what its REST clients were told.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from csms.core.caps import CapView
from csms.core.commands import RENEWAL_MS, Purpose
from csms.core.connector import Connector, Evidence
from csms.core.events import BootInfo
from csms.core.identity import Identity
from csms.core.ids import ChargerId, CommandId, ConnectionId, ConnectorKey
from csms.core.ladder import Attempt, Manner, attempts, likeliest_manner, manners
from csms.core.learnt import Learnt
from csms.core.limits import Book, Send
from csms.core.provisioning import Provisioning, Seen
from csms.core.records import CertificateRequest, ChargerStored, Driver, EvidenceStored, Maintenance
from csms.core.release import Progress, Release
from csms.core.session import Phase, Session
from csms.core.settings import Settings
from csms.core.stamps import Stamps
from csms.core.station import Charger, Control
from csms.core.wear import Wear

BEHIND_MS = 30_000
"""A clock that is further behind lets a limit expire too late for the dead-server bound (LEDGER.md I11)."""


@dataclass(slots=True)
class ChargerState:
    """What is known of one configured (or draining) charger; times monotonic ms, powers W.

    Attributes:
        connection: its current connection, None while offline; connected_wall_ms: when it began, UTC ms, to be shown.
        closing: the connection that we have asked to be closed.
        away_ms: since when it has no connection; while it has one this means nothing.
        heard: a CALL of its own came on this connection, or an answer to ours, so it may be addressed.
        busy_ms: last time that it sent a start, a stop or meter values (its queue is quiet after that).
        stamps: how its time stamps stand to our time.
        asserting_ms: since when its profiles wait to be asserted after a boot; None when they are.
        timeouts: CALLs in a row that timed out; aborts: when its socket was aborted.
        refusing_until_ms: set while it is `refusing`: its next try.
        identity: whether more than one charger connects under its identity.
        wear: its budget of profiles that are kept in flash memory.
        learnt: what its make has shown, shared by all chargers of it.
        default_in_doubt: it has booted, and its default was not asserted again since.
        disturbers: operators' commands after which its profiles are not certain: nothing of it is provisioned.
        draining: it was removed, and something of it is still booked; let_go: it may not connect any more.
        caps: what operators cap at it (`csms.core.capping`); cap_w: that of the whole charger now, W.
        certificate_request: what it wants to have signed; None: nothing.
        maintenance: what operators have said of it (`csms.core.maintaining`), by connector; 0: of all of it.
        cleared_foreign: default profiles of another central system were in it, and we have cleared them.
        release: it was taken out, or is being: it is left alone (`csms.core.releasing`); undoing: how far that is.
    """

    config: Charger
    max_booked_w: int
    uncontrolled_booked_w: int
    connectors: dict[int, Connector] = field(default_factory=dict)
    defaults: Book = field(default_factory=Book)
    provisioning: Provisioning = field(default_factory=Provisioning)
    ever_connected: bool = False
    boot: BootInfo | None = None
    settings: Settings = field(default_factory=Settings)
    connection: ConnectionId | None = None
    connected_ms: int = 0
    connected_wall_ms: int = 0
    away_ms: int = 0
    heard: bool = False
    closing: ConnectionId | None = None
    busy_ms: int = 0
    stamps: Stamps = field(default_factory=Stamps)
    asserting_ms: int | None = None
    timeouts: int = 0
    aborts: deque[int] = field(default_factory=deque)
    refusing_until_ms: int | None = None
    identity: Identity = field(default_factory=Identity)
    wear: Wear = field(default_factory=Wear)
    learnt: Learnt = field(default_factory=Learnt)
    default_in_doubt: bool = False
    disturbers: set[CommandId] = field(default_factory=set)
    draining: bool = False
    let_go: bool = False
    cap_w: int | None = None
    caps: tuple[CapView, ...] = ()
    certificate_request: CertificateRequest | None = None
    maintenance: dict[int, Maintenance] = field(default_factory=dict)
    cleared_foreign: bool = False
    release: Release | None = None
    undoing: Progress = field(default_factory=Progress)

    @property
    def charger_id(self) -> ChargerId:
        """Return its identity."""
        return self.config.charger_id

    @property
    def steered_over_ocpp(self) -> bool:
        """Return whether its sessions are transactions (API.md: `auto` from the first time it connected)."""
        control = self.config.control
        return control is Control.OCPP or (control is Control.AUTO and self.ever_connected)

    def lacks(self, connector: Connector) -> bool:
        """Return whether the charger itself says that it has fewer connectors (NumberOfConnectors, §9.1.20)."""
        said = self.settings.capabilities.connectors
        return said is not None and said < connector.key.idx and connector.status is None

    @property
    def served(self) -> bool:
        """Return whether it may connect: over OCPP by configuration, or until its open transactions have ended."""
        if self.draining:
            return not self.let_go
        if self.config.control in {Control.AUTO, Control.OCPP}:
            return True
        return any(session.driver is Driver.OCPP for session in self.sessions())

    @property
    def is_asserting(self) -> bool:
        """Return whether its profiles wait to be asserted after a boot."""
        return self.asserting_ms is not None

    @property
    def manner(self) -> Manner:
        """Return how its running transactions are limited at present."""
        ladder = self.manners
        return ladder[likeliest_manner(ladder, self.provisioning.manner, self.learnt.manner)]

    @property
    def manners(self) -> tuple[Manner, ...]:
        """Return the ways to limit its running transactions: none below a stack level at which one is in force."""
        proven = None if self.provisioning.way is None else self.provisioning.way.form
        default_form = proven or self.learnt.default_form
        tenths = self.learnt.tenths is True
        ways = manners(self.config, self.settings.capabilities, default_form, tenths=tenths)
        taken = [s for c in self.connectors.values() for s in c.limits.sends if s.answered_accepted]
        if not any(send.form.stack_level for send in taken):
            return ways
        least = {p: max((s.form.stack_level for s in taken if s.purpose is p), default=0) for p in Purpose}
        kept = [way for way in ways if way.form.stack_level >= least[way.purpose]]
        for purpose in Purpose:
            first = next(way for way in ways if way.purpose is purpose)
            if kept and all(way.purpose is not purpose for way in kept):
                kept.append(Manner(purpose, replace(first.form, stack_level=least[purpose])))
        return tuple(kept) or ways

    @property
    def default_ways(self) -> tuple[Attempt, ...]:
        """Return the ways to say its fail-safe default: none below a stack level at which one is in force."""
        ways = attempts(self.config, self.settings.capabilities, pauses=self.pauses)
        taken = [send.form.stack_level for send in self.defaults.sends if send.answered_accepted]
        return tuple(way for way in ways if way.form.stack_level >= max(taken, default=0)) or ways

    @property
    def keeps_tx_profile(self) -> bool:
        """Return whether a TxProfile is known to stay in force here when its transaction has ended."""
        return self.learnt.keeps_tx_profile is True

    @property
    def pauses(self) -> bool:
        """Return whether it can be told 0 W, as far as is known."""
        return self.learnt.pauses is not False

    @property
    def takes_expiry(self) -> bool:
        """Return whether limits that expire can be said to it, as far as is known."""
        periods_max = self.settings.capabilities.periods_max
        is_ahead = self.stamps.offset_ms > RENEWAL_MS  # a limit would expire before it is said again
        return not (self.provisioning.without_expiry or is_ahead) and (periods_max is None or periods_max > 1)

    @property
    def honours_expiry(self) -> bool:
        """Return whether it was seen since its boot that limits expire there in time (`csms.core.expiry`)."""
        is_behind = self.stamps.offset_ms < -BEHIND_MS  # a limit would expire too late
        return self.provisioning.expiry is Seen.KEPT and self.takes_expiry and not is_behind

    @property
    def shows_expiry(self) -> bool:
        """Return whether a limit of it counts as one that expires, because it is asked about that just now."""
        is_trusted = self.provisioning.trusted_ms is not None and self.provisioning.expiry is Seen.NOT_YET
        return is_trusted and self.takes_expiry

    @property
    def may_be_asked(self) -> bool:
        """Return whether it may be asked something now that changes nothing in it."""
        certain = self.refusing_until_ms is None and not self.identity.in_conflict
        return self.connection is not None and self.heard and certain

    @property
    def is_left_alone(self) -> bool:
        """Return whether nothing is written to it of our own accord: it is observed, or released."""
        return self.config.is_observed or self.release is not None

    @property
    def addressable(self) -> bool:
        """Return whether limits may be sent to it now."""
        return self.may_be_asked and not self.is_left_alone

    @property
    def unknown_default(self) -> bool:
        """Return whether an unprovisioned connector of it may fall back to anything up to M."""
        if self.config.is_observed:
            return True
        return self.ever_connected or self.config.control is Control.OCPP

    def limit_in_force(self, connector: Connector, session: Session) -> Send | None:
        """Return the newest limit of a session that was Accepted, else the default, or None."""
        for send in reversed(connector.limits.sends):
            if send.transaction_id == session.transaction_id and send.answered_accepted:
                return send
        return self.defaults.settled if connector.provisioned else None

    def connector_booked_w(self, connector: Connector) -> int:
        """Return K of one connector, W."""
        known = connector.provisioned or not self.unknown_default
        default_w = self.defaults.power_w if known else self.max_booked_w
        return max(default_w, connector.told_w)

    def sum_w(self) -> int:
        """Return Σ K of its connectors, W, those that are not provisioned counted once for the charger."""
        return self.load_w(set())

    def load_w(self, without: set[ConnectorKey]) -> int:
        """Return `sum_w` as it is without the connectors in `without`, W: the part that cannot be cut now."""
        if self.config.control is Control.NONE:
            return max(self.uncontrolled_booked_w, self._told_w())
        unknown_default, known_w = self.unknown_default, 0
        unknown: list[Connector] = []
        for connector in self.connectors.values():
            if without and connector.key in without:
                continue
            if unknown_default and not connector.provisioned:
                unknown.append(connector)
            else:
                known_w += self.connector_booked_w(connector)
        return known_w + (max(self.uncontrolled_booked_w, self._told_there_w(unknown)) if unknown else 0)

    def connector_firm_w(self, connector: Connector) -> int:
        """Return K of one connector when all limits that expire have, W (LEDGER.md I11).

        A REST client falls back by itself, whatever becomes of its charger's limits.
        """
        if not connector.provisioned and self.unknown_default:
            return self.connector_booked_w(connector)
        expires = connector.provisioned and (self.honours_expiry or self.shows_expiry)
        return max(self.defaults.power_w, connector.told_firm_w(expires=expires))

    def firm_load_w(self, without: set[ConnectorKey]) -> int:
        """Return `load_w` when all limits that expire have, W."""
        load_w = self.load_w(without)
        if self.config.control is Control.NONE:
            return load_w
        connectors = (c for c in self.connectors.values() if c.key not in without)
        return load_w - sum(self.connector_booked_w(c) - self.connector_firm_w(c) for c in connectors)

    def firm_w(self) -> int:
        """Return K of the charger when all limits that expire have, W."""
        return min(self.max_booked_w, self.firm_load_w(set()))

    def unprovisioned_w(self, without: Connector | None = None) -> int:
        """Return what is booked for its unprovisioned connectors, W; `without` one: what the others were told."""
        unknown = [c for c in self.connectors.values() if not c.provisioned and c is not without]
        told_w = self._told_there_w(unknown)
        return told_w if without is not None else max(self.uncontrolled_booked_w, told_w)

    def told_beside_w(self, connector: Connector) -> int:
        """Return what is booked at its other connectors, W; where that is unknown, what they were told."""
        others = [each for each in self.connectors.values() if each is not connector]
        known_w = sum(self.connector_booked_w(each) for each in others if each.provisioned)
        return known_w + self._told_there_w([each for each in others if not each.provisioned])

    def _told_there_w(self, connectors: list[Connector]) -> int:
        """Return the most that connectors were told, by default, transaction and REST client, W."""
        return sum(max(self.defaults.power_w, c.told_w) for c in connectors)

    def booked_w(self) -> int:
        """Return K of the charger: what its ancestors count, W."""
        return min(self.max_booked_w, self.sum_w())

    def _told_w(self) -> int:
        """Return the most that its transactions and REST clients have been told, W."""
        return sum(c.told_w for c in self.connectors.values())

    def lower_ceilings(self) -> bool:
        """Let M follow a lowered configuration where evidence allows; return whether anything changed."""
        before = (self.max_booked_w, self.uncontrolled_booked_w)
        total_w = sum(self.connector_booked_w(c) for c in self.connectors.values())
        if total_w <= self.config.max_power_w:
            self.max_booked_w = self.config.max_power_w
        if self.config.control is Control.NONE:
            certain = not any(True for _ in self.sessions()) and self._told_w() <= self.config.uncontrolled_power_w
        elif self.config.is_observed:
            told_w = self._told_there_w(list(self.connectors.values()))
            certain = not any(True for _ in self.sessions()) and told_w <= self.config.uncontrolled_power_w
        else:
            known = not self.unknown_default or all(c.provisioned for c in self.connectors.values())
            certain = known and self.max_booked_w == self.config.max_power_w
        if certain:
            self.uncontrolled_booked_w = self.config.uncontrolled_power_w
        return before != (self.max_booked_w, self.uncontrolled_booked_w)

    def sessions(self) -> Iterator[Session]:
        """Yield the sessions that hold its connectors."""
        for connector in self.connectors.values():
            if connector.session is not None:
                yield connector.session

    def steerable(self, connector: Connector) -> Session | None:
        """Return the OCPP session of a connector if its limit can be changed now, else None."""
        session = connector.session
        if session is None or session.driver is not Driver.OCPP or session.phase is not Phase.RUNNING:
            return None
        if connector.evidence.speaks or self.config.control is Control.NONE:
            return None
        return session if self.addressable else None

    def begin_asserting(self, now_ms: int) -> None:
        """Let raises wait until profiles that may be lost were asserted again."""
        if any(connector.provisioned for connector in self.connectors.values()):
            self.asserting_ms = now_ms

    def our_clock_stepped(self, by_ms: int) -> None:
        """Take note that our clock was set by so much: what its stamps were compared with moves along."""
        self.stamps.our_clock_stepped(by_ms)
        for connector in self.connectors.values():
            connector.our_clock_stepped(by_ms)

    def reconnected(self) -> None:
        """Begin a new connection: what was asked on the one before will not be answered."""
        self.provisioning.reconnected()
        self.forget_errands()
        for connector in self.connectors.values():
            if connector.idle is not None:
                connector.idle = connector.idle._replace(energy_wh=0)  # what flowed in the meantime, nobody has told

    def forget_errands(self) -> None:
        """Take note that nobody will answer what was asked after the ends of transactions."""
        for connector in self.connectors.values():
            connector.aftermath.pending = None

    def observe(self) -> None:
        """Leave it to itself: what was sent stays booked, and beside that nothing about it is certain any more."""
        self.distrust()
        self.asserting_ms = self.refusing_until_ms = None
        self.default_in_doubt = False
        self.provisioning.probe = self.provisioning.unclearable_ms = None
        for connector in self.connectors.values():
            if not connector.evidence.not_obeying:
                connector.evidence = Evidence(measured_w=connector.evidence.measured_w)
            connector.start_offered = False

    def take_over(self, now_ms: int, boot_spacing_ms: Sequence[int]) -> None:
        """Begin to steer it: others may have cleared what was ours and left what was theirs, so all is said anew."""
        self.default_in_doubt = False
        self.provisioning.booted(now_ms, boot_spacing_ms)
        self.provisioning.to_clear = None
        for session in self.sessions():
            session.steering.reassert = True

    def distrust(self) -> None:
        """Count every connector as unprovisioned: its default may be gone."""
        for connector in self.connectors.values():
            connector.distrust()

    def sends(self) -> Iterator[Send]:
        """Yield every send that may be in force."""
        yield from self.defaults.sends
        for connector in self.connectors.values():
            yield from connector.limits.sends

    def stored(self) -> ChargerStored:
        """Return its row."""
        return ChargerStored(
            charger_id=self.charger_id,
            max_booked_w=self.max_booked_w,
            uncontrolled_booked_w=self.uncontrolled_booked_w,
            ever_connected=self.ever_connected,
            boot=self.boot,
            provisioned=tuple(
                idx in self.connectors and self.connectors[idx].provisioned
                for idx in range(1, max(self.connectors, default=0) + 1)
            ),
            configuration=self.settings.stored(),
            statuses={idx: c.status for idx, c in self.connectors.items() if c.status is not None},
            evidence={
                idx: EvidenceStored(
                    c.evidence.measured_w, c.evidence.not_obeying, c.containment.out_of_service, c.closed
                )
                for idx, c in self.connectors.items()
                if c.evidence.measured_w or c.evidence.not_obeying or c.containment.out_of_service or c.closed
            },
            draining=self.config if self.draining else None,
            certificate_request=self.certificate_request,
            maintenance=dict(self.maintenance),
            release=self.release,
            cleared_foreign=self.cleared_foreign,
        )


def new_charger(config: Charger) -> ChargerState:
    """Return the state of a charger that nothing is known of yet."""
    state = ChargerState(config, config.max_power_w, config.uncontrolled_power_w)
    state.connectors = {key.idx: Connector(key) for key in config.connector_keys()}
    return state
