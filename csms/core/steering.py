"""Steering: the plan becomes limits on the wire (LEDGER.md §2 and §3).

Cuts leave first and at once: they depend on nothing. A raise leaves only after the commit of its intent, and only if
what it adds fits beside everything booked on every row: that is checked here again, command by command, with the
numbers as they are (I1, I3). Σ K of the rows is kept up to date with each command, and counted anew when all have been
given (`Engine._check_plan`). Everything that has to wait says until when, so that the engine wakes for it.
"""

from csms.core.charger import ChargerState
from csms.core.commands import EXPIRY_S, RENEWAL_MS, Purpose, SetLimit
from csms.core.connector import Connector
from csms.core.demand import dead_band_w
from csms.core.errors import InvariantError, check
from csms.core.expiry import SEEN_WITHIN_MS, is_to_be_seen, may_be_conditional
from csms.core.ids import Now, SessionId, TransactionId
from csms.core.journal import Journal
from csms.core.ladder import Manner, fail_safe_w
from csms.core.limits import Send
from csms.core.part import Alarm, TimedPart
from csms.core.phase_booking import booked_phases, room_w
from csms.core.planning import Plan, Steered, loaded_rows
from csms.core.records import Driver, SendState
from csms.core.state import LimitCall, State
from csms.core.station import FailSafe
from csms.core.timings import Timings

LONGER_MS = 10_000
"""A limit is not said again to last less than this longer."""


class Steering(TimedPart):
    """Carries out one plan; lives for one step."""

    def __init__(self, state: State, plan: Plan, journal: Journal, now: Now, timings: Timings, alarm: Alarm) -> None:
        super().__init__(state, journal, now, timings, alarm)
        self.plan = plan
        self.booked_w = dict(plan.booked_w)
        self.booked_phases = dict(plan.booked_phases)
        self._cutting: set[SessionId] | None = None
        self._filled: set[str] = set()

    def run(self) -> None:
        """Send every cut and repetition that is due, then every raise that fits."""
        steered = [s for s in self.plan.steered.values() if s.session.driver is Driver.OCPP]
        for each in steered:
            self._cut_or_repeat(each)
        for each in steered:
            self._raise(each)

    # --- cuts and repetitions ---------------------------------------------------------------------------------------

    def _cut_or_repeat(self, each: Steered) -> None:
        """Send T when it is below K and the cut is due; else say again what may not have been heard."""
        last = last_send(each)
        urgent = self.plan.cut_is_urgent(self.state, each)
        wants_cut = each.target_w < each.booked_w and self.plan.cut_is_due(self.state, each)
        if last is not None and last.in_flight:
            if wants_cut and urgent and self._worth_passing(each, last):
                self._send(each, each.target_w, urgent=True, cause="cut: a row is overbooked")
            return
        if wants_cut and (last is None or self._worth_a_cut(each, last, urgent)):
            self._send(each, each.target_w, urgent=urgent, cause=f"cut: {self._cut_reason(each, urgent=urgent)}")
        elif last is not None and self._leaves_too_much(each, last):
            self._send(each, self._kept_w(each, last), urgent=False, cause="another session has no firm share")
        elif last is not None and self._would_show(each, last):
            self._send(each, _again_w(each, last), urgent=False, cause="again: to see whether it expires")
        elif last is not None:
            self._repeat(each, last, each.target_w if wants_cut else _again_w(each, last), urgent=urgent)
        elif self._needs_first_profile(each):
            self._send(each, each.target_w, urgent=False, cause="first limit, below what is booked already")

    def _leaves_too_much(self, each: Steered, last: Send) -> bool:
        """Return whether a limit is to be said again because more is left of it than its firm share when it expires."""
        firm = each.firm
        if firm is None or not self.plan.is_to_give_firm(each) or last.unresolved:
            return False
        if not may_be_conditional(each.charger, each.connector) or last.firm_w <= self._falls_to_w(each, last.limit_w):
            return False
        return self._reached(last.sent_ms + self.timings.raise_spacing_ms)

    def _kept_w(self, each: Steered, last: Send) -> int:
        """Return what is said again of a limit that expires, W: all of it, unless a cut of it is due."""
        return _again_w(each, last) if self.plan.cut_is_due(self.state, each) else last.limit_w

    def _would_show(self, each: Steered, last: Send) -> bool:
        """Return whether a limit is to be said again so that it expires: capacity has become conditional since.

        Whether its charger lets limits expire is not known, and one that stands for good does not show it, nor does one
        beside which another may be in force.
        """
        if each.firm is None or not is_to_be_seen(each.charger, each.connector):
            return False
        if last.expires:
            self._reached((each.charger.provisioning.asked_ms or last.sent_ms) + SEEN_WITHIN_MS)  # then: what is firm
            return outlives_a_lost_send(each, last, self.now, self.timings, self.alarm, above_w=-1)
        if last.state is not SendState.SETTLED or self._falls_to_w(each, last.limit_w) >= last.limit_w:
            return False
        return self._reached(last.sent_ms + self.timings.raise_spacing_ms)

    def _falls_to_w(self, each: Steered, limit_w: int) -> int:
        """Return what is left of a limit that is said now when it has expired, W; all of it where it stays."""
        if each.firm is None:
            return limit_w
        form = each.charger.manner.form
        if may_be_conditional(each.charger, each.connector):
            left_w = max(form.round_down(each.firm.next_w), each.charger.defaults.power_w)
        elif is_to_be_seen(each.charger, each.connector):
            left_w = max(form.round_down(limit_w // 2), each.charger.defaults.power_w)
        else:
            return limit_w
        return min(left_w, limit_w)

    def _cut_reason(self, each: Steered, *, urgent: bool) -> str:
        if urgent:
            return "a row is overbooked"
        if each.above_cap:
            return "an operator's cap"
        path = self.state.tree.paths[each.charger.charger_id]
        if not self.plan.wanted.isdisjoint(path):
            return "another session is short"
        if self.plan.is_to_give_firm(each):
            return "more than its share of what is firm"
        if self.plan.cut_is_a_trim(self.state, each) and self.state.tree.held_w <= 0:
            return "the capacity tariff" if self.state.withheld_w else "a row is overdrawn"
        return "the battery has less to give, or need not give it"

    def _worth_passing(self, each: Steered, last: Send) -> bool:
        """Return whether an urgent cut is to be sent although the last limit is not answered yet.

        A small one waits for that answer, but no longer than §3 has any wait: a slow charger may take a minute.
        """
        if not last.urgent and not last.handed and each.target_w <= last.limit_w:
            return True  # it waits in the queue without haste, and its row has become overbooked since
        band_w = dead_band_w(each.charger.config, each.target_w)
        if each.target_w == 0 < last.limit_w or each.target_w <= last.limit_w - band_w:
            return True
        return each.target_w < last.limit_w and self._reached(last.sent_ms + self.timings.urgent_wait_ms)

    def _worth_a_cut(self, each: Steered, last: Send, urgent: bool) -> bool:  # noqa: FBT001 - a plain condition
        """Return whether T is to be sent after `last`: small cuts keep the spacing of raises."""
        if last.unresolved:
            return last.limit_w != each.target_w and not self._backing_off(each, last, urgent)
        if last.limit_w <= each.target_w:
            return False  # what is still booked above T falls when the last limit settles
        band_w = dead_band_w(each.charger.config, each.target_w)
        if urgent or each.target_w == 0 or last.limit_w - each.target_w >= band_w:
            return True
        return self._reached(last.sent_ms + self.timings.raise_spacing_ms)

    def _repeat(self, each: Steered, last: Send, limit_w: int, *, urgent: bool) -> None:
        """Send again what is unresolved, what a boot or reconnect may have lost, and what outlives a lost send."""
        if last.unresolved:
            if not self._backing_off(each, last, urgent):
                self._send(each, limit_w, urgent=urgent, cause="again: the last send is unresolved")
        elif each.session.steering.reassert:
            self._send(each, limit_w, urgent=urgent, cause="again: the charger has reconnected or booted")
        elif is_to_be_renewed(last, expires_s(self.state, self.now), self.now, self.alarm):
            self._send(each, self._kept_w(each, last), urgent=urgent, cause="again: it would expire")
        elif outlives_a_lost_send(each, last, self.now, self.timings, self.alarm):
            self._send(each, limit_w, urgent=urgent, cause="again: a lost send can no longer be executed")

    def _backing_off(self, each: Steered, last: Send, urgent: bool) -> bool:  # noqa: FBT001 - a plain condition
        if not last.unresolved or (urgent and each.session.steering.attempts == 0):
            return False
        return not self._reached(each.session.steering.retry_ms)

    @staticmethod
    def _needs_first_profile(each: Steered) -> bool:
        """Return whether a session without a limit of its own is to be told T although that frees nothing.

        An unprovisioned connector needs the TxProfile of its transaction to become provisioned, also when T = K. And
        what was sent to the transaction before may be in force or gone, and a car may charge although its default is 0:
        only a limit of its own is certain. Where T is more than K it is told as much of it as is booked, unless it can
        be raised now.
        """
        if each.grant_w > each.booked_w:
            return False
        if each.connector.provisioned or not each.charger.unknown_default:
            sends = each.connector.limits.sends
            told = any(send.purpose is Purpose.TX for send in sends)
            # A fail-safe power that was refused or lost may be executed yet; one that is in flight is waited for.
            told = told or (bool(sends) and not any(send.in_flight for send in sends))
            return told or each.connector.start_w > 0 or each.connector.evidence.measured_w > 0
        # Its connectors may be about to become provisioned, and T about to rise.
        return not each.charger.provisioning.under_way

    # --- raises -----------------------------------------------------------------------------------------------------

    def _raise(self, each: Steered) -> None:
        """Send G when it is above K and nothing is unresolved, in flight or still to wait for."""
        steering = each.session.steering
        last = last_send(each)
        if each.grant_w <= each.booked_w:
            steering.wanting_ms = steering.gathering_ms = None
            self._give_what_is_booked(each, last)
            return
        if last is not None and (last.in_flight or last.unresolved or last.limit_w == each.grant_w):
            return
        if any(send.in_flight for send in each.connector.limits.sends):
            return
        if self._spaced(each) or self._too_small(each) or self._gathering(each) or self._worn(each):
            return
        if self._is_taken(each):
            return  # it is planned again when the limit that took it is answered
        first = each.booked_w == 0
        grant_w = self._free_on_phases_w(each, each.grant_w)
        if grant_w <= each.booked_w or (last is not None and last.limit_w == grant_w):
            return  # what is booked on a phase is not what the plan took it for: a limit told in another form
        if each.shows:
            each.charger.provisioning.trusted_ms = each.charger.provisioning.asked_ms = self.now.mono_ms
        self._send(each, grant_w, urgent=False, cause="first power" if first else "raise")
        self._check_rows(each)
        steering.raised_ms = self.now.mono_ms
        steering.wanting_ms = steering.gathering_ms = None

    def _is_taken(self, each: Steered) -> bool:
        """Return whether the room of a raise was taken in this step, by a limit that books more than was planned with.

        A charger that is not provisioned may be booked below its maximum (`reservedPower`): limits of its transactions
        above that fill a row although K of their connectors does not rise.
        """
        path = self.state.tree.paths[each.charger.charger_id]
        if self._filled.isdisjoint(path):
            return False
        added_w, caps_w = each.grant_w - each.booked_w, self.state.tree.caps_w
        rooms_w = [cap_w - self.booked_w[node] for node in path if (cap_w := caps_w[node]) is not None]
        return added_w > min(rooms_w, default=added_w)

    def _give_what_is_booked(self, each: Steered, last: Send | None) -> None:
        """Say min(T, K) to a session whose last limit is below: it is booked already, by its default or a lost send."""
        if last is None or last.in_flight or last.unresolved or self.plan.cut_is_urgent(self.state, each):
            return
        free_w = each.charger.manner.form.round_down(min(each.target_w, each.booked_w, self._room_w(each)))
        if last.limit_w >= free_w or self._worn(each):
            return
        if self._reached(last.sent_ms + self.timings.raise_spacing_ms):
            self._send(each, free_w, urgent=False, cause="what is booked for it already")

    def _spaced(self, each: Steered) -> bool:
        """Return whether the spacing between two raises of one connector is still to pass."""
        raised_ms = each.session.steering.raised_ms
        if raised_ms is None or each.booked_w == 0:
            return False
        return not self._reached(raised_ms + self.timings.raise_spacing_ms)

    def _too_small(self, each: Steered) -> bool:
        """Return whether the raise is within the dead band and has not waited long enough."""
        steering = each.session.steering
        whole_minimum = each.booked_w == 0 and 0 < each.claim.min_w <= each.grant_w
        band_w = dead_band_w(each.charger.config, each.grant_w)
        if whole_minimum or each.shows or each.grant_w - each.booked_w >= band_w:
            return False
        if steering.wanting_ms is None:
            steering.wanting_ms = self.now.mono_ms
        return not self._reached(steering.wanting_ms + self.timings.dead_band_delay_ms)

    def _gathering(self, each: Steered) -> bool:
        """Return whether a raise far below its target should wait a moment for cuts that are in flight for it."""
        steering = each.session.steering
        if each.booked_w == 0 or each.grant_w * 10 >= each.target_w * 9 or not self._cuts_in_flight(each):
            return False
        if steering.gathering_ms is None:
            steering.gathering_ms = self.now.mono_ms
        return not self._reached(steering.gathering_ms + self.timings.gather_ms)

    def _worn(self, each: Steered) -> bool:
        """Return whether a raise waits because it would be kept in flash memory; first power does not."""
        charger, last = each.charger, last_send(each)
        if charger.manner.purpose is not Purpose.DEFAULT or last is None or last.limit_w == 0:
            return False
        return not self._reached(charger.wear.free_ms(self.timings))

    def _cuts_in_flight(self, each: Steered) -> bool:
        """Return whether another session is being cut: all share the grid connection at least."""
        if self._cutting is None:
            self._cutting = {key for key, other in self.plan.steered.items() if _is_cutting(other)}
        return len(self._cutting) > (each.session.session_id in self._cutting)

    def _check_rows(self, each: Steered) -> None:
        """Assert I1 and I3: no row of a raise is above its capacity with the raise booked.

        Of phases those that its car may use: another one may be overbooked meanwhile, and no watt is added there
        (`Engine._check_plan`).
        """
        booked_w = self.booked_w
        for node in self.state.tree.paths[each.charger.charger_id]:
            cap_w = self.state.tree.caps_w[node]
            check(
                cap_w is None or booked_w[node] <= cap_w,
                f"I1: raising {each.connector.key} to {each.grant_w} W books {booked_w[node]} W of {cap_w} W on {node}",
            )
        for row, _ in loaded_rows(self.state, each.claim):
            booked, cap = self.booked_phases[row], self.state.tree.phase_caps[row]
            check(booked <= cap, f"I1: raising {each.connector.key} books {booked} of {cap} sixths of a watt on {row}")
        sum_w, max_w = each.charger.sum_w(), each.charger.config.max_power_w
        check(sum_w <= max_w, f"I1: raising {each.connector.key} books {sum_w} W of {max_w} W on its charger")

    def _room_w(self, each: Steered) -> int:
        """Return the most that may be said to this connector without a raise on any row, W.

        A charger that is not provisioned counts once, with its `reservedPower`: limits of its transactions above that
        are a raise, although K of the connector alone is the maximum; and all that its connectors are told stays within
        its own maximum, which may have been configured below what it could do. Under an overbooked row what was
        measured is no permission: a meter that lies would become the truth; nor is what a connector that is not
        provisioned is booked at, once its transaction was told less; what cannot be taken from it may be said, as far
        as that is booked for its charger. 0 fits.
        """
        charger, connector = each.charger, each.connector
        if connector.provisioned or not charger.unknown_default:
            if self.plan.cut_is_urgent(self.state, each) and connector.evidence.measured_w:
                return max(charger.defaults.power_w, connector.limits.power_w)
            return max(each.booked_w, each.grant_w)
        if self.plan.cut_is_urgent(self.state, each):
            if last_send(each) is None:
                return self._left_w(each)
            within_w = charger.booked_w() - charger.told_beside_w(connector)  # this much more raises no row
            return max(connector.limits.power_w, min(each.floor_w, max(within_w, self._left_w(each))))
        booked_w = self.booked_w
        caps_w = ((node, self.state.tree.caps_w[node]) for node in self.state.tree.paths[charger.charger_id][1:])
        rooms_w = [max(0, cap_w - booked_w[node]) for node, cap_w in caps_w if cap_w is not None]
        room_w = min(rooms_w, default=charger.max_booked_w)
        own_w = charger.config.max_power_w - charger.told_beside_w(connector)
        free_w = charger.unprovisioned_w() + room_w - charger.unprovisioned_w(connector)
        return max(connector.limits.power_w, min(own_w, free_w))

    def _free_on_phases_w(self, each: Steered, limit_w: int) -> int:
        """Return how much of a limit, W, can be told without a raise on a phase that has no room for it."""
        form = each.charger.manner.form
        free_w = room_w(self.state, self.booked_phases, each.charger, each.connector, form, limit_w)
        return limit_w if free_w >= limit_w else form.round_down(free_w)

    def _left_w(self, each: Steered) -> int:
        """Return what all others leave on the rows of a connector that is not provisioned, W, by what they are booked.

        Those beside it at its charger count with what they were told: some of that may still have to be cut.
        """
        charger, connector = each.charger, each.connector
        beside_w = min(charger.max_booked_w, charger.told_beside_w(connector)) - charger.booked_w()
        nodes = ((node, self.state.tree.caps_w[node]) for node in self.state.tree.paths[charger.charger_id])
        lefts_w = [cap_w - self.booked_w[node] - beside_w for node, cap_w in nodes if cap_w is not None]
        return max(charger.defaults.power_w, connector.limits.power_w, min(lefts_w, default=charger.max_booked_w))

    def _firm_w(self, each: Steered) -> int:
        """Return the most that may be said to a connector for good where capacity is conditional, W."""
        charger, connector = each.charger, each.connector
        if each.firm is None:
            return charger.max_booked_w
        most_w = max(each.firm.booked_w, each.firm.grant_w)
        if connector.provisioned or not charger.unknown_default:
            return most_w
        room_w = self.state.tree.firm_room_w(self.state.chargers.values(), self.state.tree.paths[charger.charger_id])
        within_w = charger.unprovisioned_w() + max(0, room_w or 0) - charger.unprovisioned_w(connector)
        return max(connector.limits.power_w, min(most_w, within_w))

    # --- the wire ---------------------------------------------------------------------------------------------------

    def _send(self, each: Steered, limit_w: int, *, urgent: bool, cause: str) -> None:
        """Book a limit for the session's transaction and command it."""
        session, charger, connector = each.session, each.charger, each.connector
        told_w = charger.manner.form.round_down(min(limit_w, self._room_w(each)))
        told_w = self._free_on_phases_w(each, told_w)
        if each.firm is not None and not may_be_conditional(charger, connector):
            told_w = min(told_w, charger.manner.form.round_down(self._firm_w(each)))
        falls_to_w = self._falls_to_w(each, told_w)
        at_once = told_w <= durable_w(connector, charger.manner.purpose, session.transaction_id)
        before_w, rows = charger.booked_w(), self.state.tree.phase_paths.get(charger.charger_id, ())
        before = booked_phases(charger) if rows else None
        send = give_limit(
            self.state,
            self.journal,
            charger,
            connector,
            charger.manner,
            told_w,
            self.now,
            self.timings,
            urgent=urgent,
            cause=cause,
            at_once=at_once,
            falls_to_w=falls_to_w,
        )
        added_w = charger.booked_w() - before_w
        for node in self.state.tree.paths[charger.charger_id]:
            self.booked_w[node] += added_w
        if before is not None:
            after = booked_phases(charger)
            for row, line in rows:
                self.booked_phases[row] += after[line] - before[line]
        if added_w > 0 and each.grant_w <= each.booked_w:
            self._filled.update(self.state.tree.paths[charger.charger_id])
        if self._cutting is not None:
            self._cutting.discard(session.session_id)
        session.steering.reassert = False
        if session.answered_w != send.limit_w:
            session.answered_w = send.limit_w
            session.demand.limit_changed(self.now.mono_ms, self.timings)
            self.journal.write_session(session)


def _again_w(each: Steered, last: Send) -> int:
    """Return what is said again, W: no more than before, or the least where that was refused for being less."""
    least_w = each.floor_w if last.state is SendState.REFUSED else 0
    return min(max(last.limit_w, least_w), each.target_w)


def _is_cutting(each: Steered) -> bool:
    """Return whether its newest limit is below what is booked, and the car has not let go yet."""
    last = last_send(each)
    return last is not None and (last.in_flight or last.state is SendState.ACCEPTED) and last.limit_w < each.booked_w


def outlives_a_lost_send(
    each: Steered, last: Send, now: Now, timings: Timings, alarm: Alarm, above_w: int | None = None
) -> bool:
    """Return whether a send that can no longer be executed keeps K above the last, settled limit.

    The last limit left too early to free it (rule b asks for H between them), so it is said once more. `above_w`: what
    the send is to be above instead.
    """
    if last.state is not SendState.SETTLED:
        return False
    above_w = last.limit_w if above_w is None else above_w
    lost = [s.lost_ms for s in each.connector.limits.sends if s.limit_w > above_w and s.lost_ms is not None]
    harmless = [lost_ms + timings.late_execution_ms for lost_ms in lost]
    for harmless_ms in harmless:
        if harmless_ms > now.mono_ms:
            alarm.at(harmless_ms)
    return any(last.sent_ms < harmless_ms <= now.mono_ms for harmless_ms in harmless)


def is_to_be_renewed(last: Send, expires_s: int, now: Now, alarm: Alarm) -> bool:
    """Return whether a limit that expires is to be said again: after a third of its time, if it would last longer then.

    `expires_s`: in so many seconds it would expire then. Until a fall of capacity counts it would not do so any later.
    """
    if not last.expires or not alarm.reached(last.sent_ms + last.expires_s * RENEWAL_MS // EXPIRY_S, now):
        return False
    left_ms = last.sent_ms + 1_000 * last.expires_s - now.mono_ms
    return 1_000 * expires_s - left_ms >= LONGER_MS


def expires_s(state: State, now: Now) -> int:
    """Return in how many seconds a limit that is said now and expires does so: until the capacity is to fall."""
    if state.falls_ms is None:
        return EXPIRY_S
    return min(EXPIRY_S, max(1, (state.falls_ms - now.wall_ms) // 1_000))


def _expires_to_w(charger: ChargerState, manner: Manner, limit_w: int, firm_w: int) -> int | None:
    """Return where a limit falls without this server, W, or None where it stays: mode `expire`, and conditional power.

    To no more than is firm for it: a fail-safe power may wait for room. A TxDefaultProfile is kept in flash memory,
    which is not written every other minute.
    """
    if manner.purpose is not Purpose.TX or not charger.takes_expiry:
        return None
    expires = charger.config.fail_safe is FailSafe.EXPIRE
    falls_to_w = min(firm_w, fail_safe_w(charger.config, manner.form)) if expires else firm_w
    return falls_to_w if limit_w > falls_to_w else None


def last_send(each: Steered) -> Send | None:
    """Return the newest send of the session's own transaction."""
    return each.connector.limits.last_of(each.session.transaction_id)


def durable_w(connector: Connector, purpose: Purpose, transaction_id: TransactionId | None) -> int:
    """Return the highest limit that has certainly been made durable and handed over in the same place, W; −1 without.

    A cut may leave before its own intent is durable, but only below what recovery would book anyway, and for as long:
    a limit in the other purpose, or of another transaction, may go while this one stays in force.
    """
    return max(
        (
            send.limit_w
            for send in connector.limits.sends
            if send.handed
            and send.purpose is purpose
            and (purpose is Purpose.DEFAULT or send.transaction_id == transaction_id)
        ),
        default=-1,
    )


def give_limit(
    state: State,
    journal: Journal,
    charger: ChargerState,
    connector: Connector | None,
    manner: Manner,
    limit_w: int,
    now: Now,
    timings: Timings,
    *,
    urgent: bool,
    cause: str,
    at_once: bool,
    probing: bool = False,
    as_default: bool = False,
    falls_to_w: int | None = None,
) -> Send:
    """Book one send in the ledger and command it.

    For the transaction on a connector, for a connector without one as its fail-safe default, for no connector (None) as
    the fail-safe default of the charger. `as_default`: for the connector in any case. `falls_to_w`: what is left of it
    when it has expired, W; as much as of the one before where nobody says.
    """
    if charger.connection is None:
        raise InvariantError(f"a limit for {charger.charger_id} needs a connection")
    session = None if connector is None else connector.session
    transaction_id = None if session is None or as_default else session.transaction_id
    purpose, form = manner
    check(transaction_id is not None or purpose is Purpose.DEFAULT, "a TxProfile is for a running transaction")
    before = None if connector is None else connector.limits.last_of(transaction_id)
    before_w = charger.defaults.power_w if before is None else before.limit_w
    if falls_to_w is None:
        falls_to_w = limit_w if before is None or before.expires_to_w is None else before.expires_to_w
    expires_to_w = _expires_to_w(charger, manner, limit_w, falls_to_w)
    send = Send(
        token=state.take_token(),
        charger_id=charger.charger_id,
        idx=0 if connector is None else connector.key.idx,
        purpose=purpose,
        limit_w=limit_w,
        form=form,
        transaction_id=transaction_id,
        ends_with=transaction_id if purpose is Purpose.TX else None,
        connection=charger.connection,
        sent_ms=now.mono_ms,
        sent_wall_ms=now.wall_ms,
        urgent=urgent,
        probing=probing,
        expires_to_w=expires_to_w,
        expires_s=EXPIRY_S if expires_to_w is None else expires_s(state, now),
        resumes=transaction_id is not None and before_w == 0 < limit_w,
    )
    (charger.defaults if connector is None else connector.limits).sends.append(send)
    if send.expires and charger.provisioning.asked_ms is None:
        charger.provisioning.asked_ms = now.mono_ms
    if purpose is Purpose.DEFAULT:
        charger.wear.written(now.mono_ms, timings)
    state.calls[send.token] = LimitCall(charger.charger_id, charger.connection, send)
    journal.write_send(send)
    command = SetLimit(
        send.token,
        charger.connection,
        charger.charger_id,
        send.idx,
        send.purpose,
        limit_w,
        form,
        send.transaction_id,
        urgent,
        cause,
        probing,
        expires_to_w,
        send.expires_s,
    )
    (journal.at_once if at_once else journal.after_commit).append(command)
    return send
