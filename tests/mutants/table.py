"""The mistakes: what is written in the core, what a tired engineer might write instead, and which rule that breaks.

Each replaces a text that stands exactly once in its module; a test of the normal suite sees to that, so the table
cannot rot. Numbers of rules are those of docs/ledger.md, 0014 and the like are decisions (docs/adr).
"""

# ruff: noqa: E501  (texts of the core, as they stand there)

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Mutant:
    """One mistake in `csms/<package>/<module>.py`; `oracles`: those of which one should find it, spaces between.

    `worlds`: "" for those that are drawn for all, "phases" for those whose fuses are limited on each phase.
    """

    name: str
    module: str
    written: str
    instead: str
    rule: str
    oracles: str
    package: str = "core"
    worlds: str = ""

    @property
    def path(self) -> Path:
        """Return where the module stands, from the root of the repository."""
        return Path("csms") / self.package / f"{self.module}.py"

    def original(self) -> str:
        """Return the module as it is."""
        return (ROOT / self.path).read_text(encoding="utf-8")

    def source(self) -> str:
        """Return the module with the mistake in it."""
        original = self.original()
        if original.count(self.written) != 1:
            raise ValueError(
                f"{self.name}: what is written stands {original.count(self.written)} times in {self.module}"
            )
        return original.replace(self.written, self.instead)


UNCHANGED: Final = Mutant("no mistake", "limits", "def accept(", "def accept(", "", "")
UNCHANGED_ON_PHASES: Final = replace(UNCHANGED, name="no mistake, on phases", worlds="phases")
SILENT: Final = Mutant(
    "the core does not judge itself",
    "errors",
    "    if not condition:\n        raise InvariantError(message)\n",
    "    del condition, message\n",
    "",
    "",
)

MUTANTS: Final = (
    # --- limits: when a send is out of force -------------------------------------------------------------------------
    Mutant(
        "a refusal frees what was refused",
        "limits",
        "    send.state = SendState.REFUSED\n    return True",
        "    send.state = SendState.REFUSED\n    send.limit_w = 0\n    return True",
        "§1: Rejected is no evidence",
        "I2 I4 I5",
    ),
    Mutant(
        "a time-out frees what timed out",
        "limits",
        "    send.lost_ms = now_ms\n    return True",
        "    send.lost_ms = now_ms\n    send.limit_w = 0\n    return True",
        "§1: a time-out is no evidence",
        "I2 I4 I5",
    ),
    Mutant(
        "rule (b) asks for Accepted only",
        "limits",
        "                later.state is SendState.SETTLED\n                and later.purpose",
        "                later.answered_accepted\n                and later.purpose",
        "§1 (b): settled",
        "I2 I4 I5",
    ),
    Mutant(
        "rule (b) frees what was never answered",
        "limits",
        "    if send.answered and later.token > send.overtaken_by:\n        return True",
        "    if later.token > send.overtaken_by:\n        return True",
        "§1 (b): answered, or lost for H",
        "I2 I4 I5",
    ),
    Mutant(
        "rule (b) forgets H",
        "limits",
        "    return send.lost_ms is not None and later.sent_ms >= send.lost_ms + late_execution_ms",
        "    return send.lost_ms is not None",
        "§1 (b): H",
        "I2 I4 I5",
    ),
    Mutant(
        "rule (b) frees over the purposes",
        "limits",
        "                and later.purpose is send.purpose\n",
        "",
        "§1 (b): of the same purpose",
        "I2 I4 I5",
    ),
    Mutant(
        "a late answer counts as one in time",
        "limits",
        "        send.overtaken_by = max((s.token for s in self.sends if s.handed), default=0)",
        "        send.overtaken_by = 0",
        "§1 (b): late answers (0007)",
        "I2 I4 I5",
    ),
    Mutant(
        "rule (c) takes what may still be executed",
        "limits",
        "            if s.purpose is Purpose.TX and s.ends_with in ended and _harmless(s, now_ms, late_execution_ms)",
        "            if s.purpose is Purpose.TX and s.ends_with in ended",
        "§1 (c): answered or H",
        "I2 I4 I5",
    ),
    Mutant(
        "rule (c) takes the connector's default, too",
        "limits",
        "            if s.purpose is Purpose.TX and s.ends_with in ended and",
        "            if s.transaction_id in ended and",
        "§1 (c): tx only",
        "I2 I4 I5",
    ),
    Mutant(
        "rule (d) takes what was said after the clearing",
        "limits",
        "if send.purpose is Purpose.TX and send.token < by]",
        "if send.purpose is Purpose.TX]",
        "§1 (d)",
        "I2 I4 I5",
    ),
    Mutant(
        "nothing is handed over to the newer transaction",
        "limits",
        "        for send in bound:\n            send.ends_with = to\n",
        "        for send in bound:\n",
        "§1 (c): goes with that one instead",
        "I2 I4 I5",
    ),
    Mutant(
        "recovery takes what was answered for certain",
        "limits",
        "        lost_ms=now_ms,\n        accepted_ms=now_ms if row.state is SendState.ACCEPTED else None,\n        doubtful=True,",
        "        lost_ms=now_ms,\n        accepted_ms=now_ms if row.state is SendState.ACCEPTED else None,\n        doubtful=False,",
        "§1: recovery counts every send as aborted",
        "I2 I4 I5",
    ),
    Mutant(
        "only the newest send is booked",
        "limits",
        "        if len(sends) == 1:  # as nearly everywhere: this is asked most of all\n            return sends[0].limit_w\n        return max([send.limit_w for send in sends]) if sends else 0",
        "        return sends[-1].limit_w if sends else 0",
        "§1: P is a set",
        "I2 I5",
    ),
    Mutant(
        "recovery counts what was lost as lost long ago",
        "limits",
        "        lost_ms=now_ms,\n        accepted_ms",
        "        lost_ms=now_ms - 60_000,\n        accepted_ms",
        "§1: aborted at that moment",
        "I2 I4 I5",
    ),
    Mutant(
        "H lasts six seconds",
        "timings",
        "    late_execution_ms: int = 60_000",
        "    late_execution_ms: int = 6_000",
        "§1: H = 60 s",
        "I2 I4 I5",
    ),
    Mutant(
        "a limit settles after one second",
        "timings",
        "    settle_ms: int = 10_000",
        "    settle_ms: int = 1_000",
        "§1: settled after 10 s without a sample above it",
        "I4 I5",
    ),
    Mutant(
        "the age of a sample does not matter",
        "meter",
        "        if self.power_w is None or self.seen_ms is None or now_ms - self.seen_ms > fresh_ms:",
        "        if self.power_w is None or self.seen_ms is None:",
        "§1: a sample not older than 15 s",
        "I4 I5",
    ),
    # --- K ------------------------------------------------------------------------------------------------------------
    Mutant(
        "an unprovisioned connector is booked at its default",
        "charger",
        "        default_w = self.defaults.power_w if known else self.max_booked_w\n",
        "        default_w = self.defaults.power_w\n",
        "§1: P_default = {maxPower} until provisioned",
        "I2 I5",
    ),
    Mutant(
        "the default is not booked beside a transaction",
        "charger",
        "        return max(default_w, connector.told_w)\n",
        "        return connector.told_w or default_w\n",
        "§1: K = max(P_default ∪ P_tx)",
        "I2 I5",
    ),
    Mutant(
        "unprovisioned connectors of a charger are not counted",
        "charger",
        "        return known_w + (max(self.uncontrolled_booked_w, self._told_there_w(unknown)) if unknown else 0)",
        "        return known_w + (self._told_there_w(unknown) if unknown else 0)",
        "§1: the table",
        "I2 I5",
    ),
    Mutant(
        "an offline charger counts as nothing",
        "charger",
        "        return min(self.max_booked_w, self.sum_w())\n",
        "        return min(self.max_booked_w, self.sum_w()) if self.connection else 0\n",
        "§1: offline: unchanged",
        "I2 I5",
    ),
    Mutant(
        "REST clients are booked at their newest answer only",
        "connector",
        "        return max(session.unechoed_w) if session is not None and session.unechoed_w else 0",
        "        return session.unechoed_w[-1] if session is not None and session.unechoed_w else 0",
        "API: booked falls only on the echo",
        "I2 I5",
    ),
    Mutant(
        "M follows a lowered maximum at once",
        "charger",
        "        if total_w <= self.config.max_power_w:\n",
        "        if True:\n",
        "§1: M",
        "I2 I5",
    ),
    Mutant(
        "M is the configured maximum",
        "charger",
        "        return min(self.max_booked_w, self.sum_w())\n",
        "        return min(self.config.max_power_w, self.sum_w())\n",
        "§1: M",
        "I2 I5",
    ),
    Mutant(
        "a charger counts as nothing before it first connects",
        "charger",
        "        return self.ever_connected or self.config.control is Control.OCPP\n",
        "        return self.ever_connected\n",
        "§1: `control: ocpp`, not yet connected",
        "I5 A C",
    ),
    Mutant(
        "a first connection books nothing",
        "links",
        "            charger.ever_connected = True\n",
        "            charger.ever_connected = False\n",
        "§1: connected and never provisioned",
        "I2 I5",
    ),
    Mutant(
        "what is not controlled counts as nothing",
        "charger",
        "            return max(self.uncontrolled_booked_w, self._told_w())\n",
        "            return self._told_w()\n",
        "§1: `control: none`",
        "I5 A C",
    ),
    Mutant(
        "idle connectors count as nothing",
        "charger",
        "            if without and connector.key in without:\n",
        "            if connector.key in without or connector.session is None:\n",
        "§1: idle or not",
        "I2 I5",
    ),
    Mutant(
        "the static load is forgotten",
        "grid_root",
        "max(0, power_w - state.base_load_w) for power_w in",
        "power_w for power_w in",
        "I1: the capacity of the root",
        "I1",
    ),
    Mutant(
        "a circuit in a circuit does not count above it",
        "tree",
        "        circuit_id = parents[circuit_id]\n",
        "        circuit_id = None\n",
        "§1: all ancestors",
        "I1",
    ),
    Mutant(
        "a limit in amperes forgets the phases",
        "commands",
        "        return self.voltage_v * self.phases\n",
        "        return self.voltage_v\n",
        "§1: booked in the form in which it was sent",
        "I2 form",
    ),
    Mutant(
        "limits are rounded up",
        "commands",
        "            tenths -= tenths % 10\n",
        "            tenths += -tenths % 10\n",
        "§2: rounded down",
        "I1/I3 A form",
    ),
    Mutant(
        "an echo frees the answer that it shows",
        "requests",
        "        session.unechoed_w = answers[newest:]\n",
        "        session.unechoed_w = answers[newest + 1 :]\n",
        "API: booked is what the client obeys",
        "I2 I5",
    ),
    Mutant(
        "an answer to a client frees the one before",
        "requests",
        "            session.unechoed_w.append(told_w)\n",
        "            session.unechoed_w = [told_w]\n",
        "API: booked falls only on the echo",
        "I2",
    ),
    Mutant(
        "a client is told its target at once",
        "requests",
        "steered.target_w if steered.target_w < steered.booked_w else steered.grant_w",
        "steered.target_w",
        "§2: T if lower, else G",
        "I1/I3",
    ),
    Mutant(
        "recovery forgets what clients obey",
        "session",
        "        unechoed_w=[row.obeyed_w, row.answered_w] if rest else [],",
        "        unechoed_w=[row.answered_w] if rest else [],",
        "I7: books the same or more",
        "I2 I5",
    ),
    # --- steering -----------------------------------------------------------------------------------------------------
    Mutant(
        "raises ignore the head room of all rows but the charger's",
        "planning",
        "        node: None if cap_w is None else max(0, cap_w - taken_w[node]) for node, cap_w in state.tree.caps_w.items()",
        "        node: None if cap_w is None else cap_w for node, cap_w in state.tree.caps_w.items()",
        "I1",
        "I1/I3",
    ),
    Mutant(
        "fixed loads are forgotten",
        "planning",
        "            fixed_w[node] += load_w\n",
        "            fixed_w[node] += 0\n",
        "§2: caps − fixed",
        "A I10",
    ),
    Mutant(
        "cuts wait for the commit and never pass",
        "steering",
        "        if wants_cut and (last is None or self._worth_a_cut(each, last, urgent)):",
        "        if wants_cut and last is None:",
        "§2: T < K and due → send T",
        "I10 A C",
    ),
    Mutant(
        "an unresolved limit is not said again",
        "steering",
        "        if last.unresolved:\n            if not self._backing_off(each, last, urgent):\n",
        "        if last.unresolved:\n            if False:\n",
        "§2: unresolved → again",
        "I10",
    ),
    Mutant(
        "raises leave before their intent is durable",
        "steering",
        "        at_once = told_w <= durable_w(connector, charger.manner.purpose, session.transaction_id)\n",
        "        at_once = True\n",
        "I4",
        "I4",
    ),
    Mutant(
        "every session is granted its target at once",
        "planning",
        "    grants = list(_grants(state, claims, booked, targets, head_room_w(state, rows_w, missing, phases)))\n",
        "    grants = list(targets)\n",
        "§2: G, not T",
        "I1/I3",
    ),
    Mutant(
        "one head room is given to every waiting minimum",
        "planning",
        "            room_w.update({node: max(0, room - need_w * loads[node]) for node, room in rooms.items()})\n",
        "",
        "§2: G",
        "I1/I3",
    ),
    # --- answers ------------------------------------------------------------------------------------------------------
    Mutant(
        "the end of a connection loses nothing",
        "links",
        "        for send in charger.sends():\n            if lose(send, self.now.mono_ms):\n                self.journal.write_send(send)\n",
        "        del charger\n",
        "§1 (b): abort",
        "I10",
    ),
    Mutant(
        "a clearing that was refused counts as done",
        "calls",
        "        aftermath, done = connector.aftermath, answer in CLEARED\n",
        "        aftermath, done = connector.aftermath, True\n",
        "§4: Accepted or Unknown",
        "I2 I4 I5",
    ),
    Mutant(
        "a place that was not cleared counts as cleared",
        "calls",
        "                done = call.errand is not Errand.CLEAR_PLACE or status in CLEARED\n",
        "                done = True\n",
        "§4: Accepted or Unknown",
        "I2 I5",
    ),
    Mutant(
        "a CALLERROR counts as Accepted",
        "calls",
        "accepted=False, answer=fact.code",
        "accepted=True, answer=fact.code",
        "§1: settled = Accepted",
        "I2 I4 I5",
    ),
    Mutant(
        "any status counts as Accepted",
        "calls",
        "accepted=status == ACCEPTED, answer=status",
        "accepted=True, answer=status",
        "§1: settled = Accepted",
        "I2 I4 I5",
    ),
    Mutant(
        "a Rejected clearing counts",
        "calls",
        'CLEARED = frozenset({ACCEPTED, "Unknown"})',
        'CLEARED = frozenset({ACCEPTED, "Unknown", "Rejected"})',
        "§4: Accepted or Unknown",
        "I2 I4 I5",
    ),
    Mutant(
        "the status of a connector is taken for connector 1",
        "links",
        "        connector = None if charger is None else charger.connectors.get(fact.idx)\n        if charger is None or connector is None or self._is_overtaken(",
        "        connector = None if charger is None else charger.connectors.get(1)\n        if charger is None or connector is None or self._is_overtaken(",
        "§4: per connector",
        "I2 I4 I5",
    ),
    # --- settled and provisioned --------------------------------------------------------------------------------------
    Mutant(
        "an Accepted limit settles at once",
        "upkeep",
        "        if session is None or session.driver is not Driver.OCPP:\n            return True\n        if send.transaction_id is None",
        "        if session is None or session.driver is not Driver.OCPP or send.accepted_ms:\n            return True\n        if send.transaction_id is None",
        "§1: the car has let go",
        "I4 I5",
    ),
    Mutant(
        "provisioned although foreign defaults may stand",
        "upkeep",
        "        if charger.defaults.settled is None or not charger.provisioning.cleared or charger.provisioning.default_due:",
        "        if charger.defaults.settled is None or charger.provisioning.default_due:",
        "§4: cleared",
        "I2 I5",
    ),
    Mutant(
        "provisioned although a car charges under nobody's limit",
        "upkeep",
        "        return (idle and not self._has_drawn_since(charger, connector)) or self._has_own_limit(connector)\n",
        "        return True\n",
        "§4: status, or a settled limit",
        "I2 I5",
    ),
    Mutant(
        "provisioned by the limit of another transaction",
        "upkeep",
        "        return session is not None and connector.limits.has_settled(session.transaction_id, *Purpose)",
        "        return session is not None and connector.limits.settled is not None",
        "§4: an open transaction of ours whose TxProfile is settled",
        "I2 I4 I5",
    ),
    Mutant(
        "kept TxProfiles go with their transaction",
        "upkeep",
        "        if not (charger.keeps_tx_profile and connector.aftermath.clear_due):\n            gone",
        "        if True:\n            gone",
        "§1 (c): also only after the clearing",
        "I2 I4 I5",
    ),
    Mutant(
        "profiles are not asserted after a boot, and nothing follows",
        "upkeep",
        '            self._unprovision(charger, list(charger.connectors.values()), "profiles not asserted after a boot")\n',
        "",
        "§4: ≤ 15 s, then P_default = {maxPower}",
        "I5",
    ),
    Mutant(
        "the highest stack level is not cleared",
        "provisioning",
        "for s in range(highest + 1) if",
        "for s in range(highest) if",
        "§4: each s ≤ ChargeProfileMaxStackLevel",
        "I2 I5",
    ),
    Mutant(
        "unknown stack levels are not cleared",
        "provisioning",
        "MAX_LEVEL if told is None",
        "0 if told is None",
        "§4: unknown: 10",
        "I2 I5",
    ),
    Mutant(
        "defaults of single connectors are not cleared",
        "provisioning",
        "    return [*beside, *everywhere][::-1]",
        "    return everywhere[::-1]",
        "§4: (connectorId n, our level)",
        "I2 I5",
    ),
    # --- transactions -------------------------------------------------------------------------------------------------
    Mutant(
        "a start that is said again opens another transaction",
        "transactions",
        "        known = self.state.starts.get(fact.key.identity) or fact.known\n        if known is None or fact.key.words",
        "        known = None\n        if known is None or fact.key.words",
        "I6",
        "I6 I7",
    ),
    Mutant(
        "a stop may end a transaction of another charger",
        "transactions",
        "            return named if named.key.charger_id == fact.charger_id else None\n        if fact.transaction_id != -1",
        "            return named\n        if fact.transaction_id != -1",
        "I6; §1 (c): its power is freed",
        "I5 I6",
    ),
    Mutant(
        "an orphan that is said again is kept again",
        "transactions",
        "        if fact.repeated or identity in self.state.orphans:\n            return True\n        self.state.orphans",
        "        self.state.orphans",
        "I7",
        "I7",
    ),
    Mutant(
        "the end of a transaction frees all that it was told",
        "transactions",
        "            connector.session = None\n            connector.freed_ms",
        "            connector.session = None\n            connector.limits.sends.clear()\n            connector.freed_ms",
        "§1 (c): answered or H",
        "I2 I4 I5",
    ),
    Mutant(
        "energy is billed without the meter's start",
        "transactions",
        "        self.end(session, fact.reason, fact.stopped_ms, meter_stop_wh)\n",
        "        self.end(session, fact.reason, fact.stopped_ms, meter_stop_wh - session.meter_start_wh)\n",
        "I6: energy is meterStop − meterStart",
        "I6",
    ),
    Mutant(
        "a start leaves no record",
        "transactions",
        "            self._take_over(charger, connector, session)\n        self.journal.write_session(session)\n",
        "            self._take_over(charger, connector, session)\n",
        "I6: no start is answered before its commit",
        "I2 I4 I5 I6",
    ),
    Mutant(
        "an end leaves no record",
        "transactions",
        "            self._remember_ended(session)\n        self.journal.write_session(session)\n",
        "            self._remember_ended(session)\n",
        "I6: no stop is answered before its commit",
        "I2 I4 I5 I6",
    ),
    # --- recovery and configuration -----------------------------------------------------------------------------------
    Mutant(
        "recovery forgets that M was higher",
        "recovery",
        "    charger.max_booked_w = max(row.max_booked_w, config.max_power_w)\n",
        "    charger.max_booked_w = config.max_power_w\n",
        "§1: M",
        "I2 I5",
    ),
    Mutant(
        "recovery takes every connector for provisioned",
        "recovery",
        "        connector.provisioned = provisioned\n",
        "        connector.provisioned = True\n",
        "I7: books the same or more",
        "I2 I5",
    ),
    Mutant(
        "transaction ids begin anew after a restart",
        "recovery",
        "        next_transaction_id=snapshot.counters.next_transaction_id,",
        "        next_transaction_id=1,",
        "I6: one id for ever",
        "I6",
    ),
    Mutant(
        "tokens begin anew after a restart",
        "recovery",
        "        next_token=snapshot.counters.next_token,",
        "        next_token=1,",
        "§3: ids are never re-used",
        "I2 I4 I5 I7",
    ),
    Mutant(
        "limits of connectors are forgotten over a restart",
        "recovery",
        "    connector.limits.sends.append(send)\n",
        "",
        "I7: books the same or more",
        "I2 I5",
    ),
    Mutant(
        "a removed charger that charges is let go",
        "reconfiguration",
        "in self.journal.removed and not _charging(charger)\n",
        "in self.journal.removed\n",
        "§1: draining",
        "I2 I4 I5 I6",
    ),
    Mutant(
        "a lowered maximum frees at once",
        "reconfiguration",
        "        charger.max_booked_w = max(charger.max_booked_w, config.max_power_w)\n",
        "        charger.max_booked_w = config.max_power_w\n",
        "§1: M",
        "I2 I5",
    ),
    # --- fail-safe modes, trimming, power to start with, stops, the bound without this server -------------------------
    Mutant(
        "a limit that expires is booked at what it falls to",
        "limits",
        "        if len(sends) == 1:  # as nearly everywhere: this is asked most of all\n            return sends[0].limit_w\n        return max([send.limit_w for send in sends]) if sends else 0",
        "        return max((0 if send.expires else send.limit_w for send in self.sends), default=0)",
        "0017: an expiry frees nothing",
        "I2 I4 I5",
    ),
    Mutant(
        "a lower fail-safe power frees before cars have followed",
        "upkeep",
        "            if send.state is SendState.ACCEPTED and self._is_followed(charger, send) and settle(send):\n",
        "            if send.state is SendState.ACCEPTED and settle(send):\n",
        "0014: a cut frees when it is settled",
        "I2 I4 I5",
    ),
    Mutant(
        "sessions are cut below their fail-safe power, and booked so",
        "charger",
        "        default_w = self.defaults.power_w if known else self.max_booked_w\n",
        "        default_w = (0 if connector.session else self.defaults.power_w) if known else self.max_booked_w\n",
        "0014: a lost TxProfile falls back to F",
        "I2 I5",
    ),
    Mutant(
        "trimming gives away what is not drawn",
        "trimming",
        "        and (trim := _renewed(state.trims.get(node), cap_w, excess_w[node], now, timings, alarm)).power_w > 0\n",
        "        and (trim := Trim(excess_w[node], now.mono_ms)).power_w != 0\n",
        "0015: below what is booked nothing is trimmed",
        "I1/I3",
    ),
    Mutant(
        "power to start with is offered beyond what is free",
        "start_power",
        "    told_w = manner.form.round_down(min(target_w, free_w))\n",
        "    told_w = manner.form.round_down(target_w)\n",
        "0015: as far as it is free",
        "I1/I3",
    ),
    Mutant(
        "an accepted stop frees what its charger was told",
        "calls",
        "            case StopCall():\n                self.journal.reply(call.request, SessionEnded())\n",
        "            case StopCall():\n                for each in self.state.chargers[call.charger_id].connectors.values():\n                    each.limits.sends.clear()\n                self.journal.reply(call.request, SessionEnded())\n",
        "I5: a stop that was told frees nothing",
        "I2 I4 I5",
    ),
    Mutant(
        "a connector that is Finishing is booked as empty",
        "charger",
        "        return max(default_w, connector.told_w)\n",
        "        return 0 if connector.status == 'Finishing' else max(default_w, connector.told_w)\n",
        "I5: a status alone frees nothing",
        "I2 I5",
    ),
    Mutant(
        "cars to come are left out of what rows may carry without this server",
        "firm",
        "    booked_w = tree.booked_w(state.chargers.values())\n",
        "    booked_w = tree.booked_w(c for c in state.chargers.values() if any(True for _ in c.sessions()))\n",
        "I11: who comes falls under the default",
        "G I11",
    ),
    Mutant(
        "under an overbooked row nothing moves, cuts neither",
        "planning",
        "        return not path.isdisjoint(self.overbooked | self.wanted | self.overdrawn | self.lent)\n",
        "        return path.isdisjoint(self.overbooked) and not path.isdisjoint(self.wanted | self.overdrawn)\n",
        "§2: a cut is due at once when a row is overbooked",
        "A C",
    ),
    Mutant(
        "limits expire to the maximum",
        "steering",
        "    return falls_to_w if limit_w > falls_to_w else None\n",
        "    return manner.form.round_down(charger.config.max_power_w) if limit_w > falls_to_w else None\n",
        "§7: limits above F expire to F",
        "A G I2 I11",
    ),
    Mutant(
        "one sample convicts",
        "evidence",
        "SAMPLES_TO_CONVICT = 3\n",
        "SAMPLES_TO_CONVICT = 1\n",
        "§6: three samples or 15 s",
        "evidence",
    ),
    # --- the peer: for how long an answer is waited for ---------------------------------------------------------------
    Mutant(
        "answers are waited for ten times as long",
        "peer",
        "        return min(max(self._call_timeout_ms, 2 * self._slowest_answer_ms), MAX_TIMEOUT_MS)\n",
        "        return 10 * min(max(self._call_timeout_ms, 2 * self._slowest_answer_ms), MAX_TIMEOUT_MS)\n",
        "§3: 10 to 60 s",
        "wait",
        "ocpp16",
    ),
    Mutant(
        "a cut waits ten times as long behind an unanswered CALL",
        "peer",
        "URGENT_WAIT_MS = 5_000\n",
        "URGENT_WAIT_MS = 50_000\n",
        "§3: at most 5 s",
        "wait",
        "ocpp16",
    ),
)
