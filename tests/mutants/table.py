"""The mistakes: what is written in the core, what a tired engineer might write instead, and which rule that breaks.

Each replaces a text that stands exactly once in its module; a test of the normal suite sees to that, so the table
cannot rot. Numbers of rules are those of docs/ledger.md.
"""

# ruff: noqa: E501  (texts of the core, as they stand there)

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Mutant:
    """One mistake in `csms/core/<module>.py`."""

    name: str
    module: str
    written: str
    instead: str
    rule: str


MUTANTS: Final = (
    # --- limits: when a send is out of force -------------------------------------------------------------------------
    Mutant(
        "a refusal frees what was refused",
        "limits",
        "    send.state = SendState.REFUSED\n    return True",
        "    send.state = SendState.REFUSED\n    send.limit_w = 0\n    return True",
        "§1: Rejected is no evidence",
    ),
    Mutant(
        "a time-out frees what timed out",
        "limits",
        "    send.lost_ms = now_ms\n    return True",
        "    send.lost_ms = now_ms\n    send.limit_w = 0\n    return True",
        "§1: a time-out is no evidence",
    ),
    Mutant(
        "rule (b) asks for Accepted only",
        "limits",
        "                later.state is SendState.SETTLED\n                and later.purpose",
        "                later.answered_accepted\n                and later.purpose",
        "§1 (b): settled",
    ),
    Mutant(
        "rule (b) frees what was never answered",
        "limits",
        "    if send.answered and later.token > send.overtaken_by:\n        return True",
        "    if later.token > send.overtaken_by:\n        return True",
        "§1 (b): answered, or lost for H",
    ),
    Mutant(
        "rule (b) forgets H",
        "limits",
        "    return send.lost_ms is not None and later.sent_ms >= send.lost_ms + late_execution_ms",
        "    return send.lost_ms is not None",
        "§1 (b): H",
    ),
    Mutant(
        "rule (b) frees over the purposes",
        "limits",
        "                and later.purpose is send.purpose\n",
        "",
        "§1 (b): of the same purpose",
    ),
    Mutant(
        "rule (b) forgets the stack levels",
        "limits",
        "    if later.form.stack_level < send.form.stack_level and not send.level_cleared:\n        return False\n",
        "",
        "§1 (b): stack levels",
    ),
    Mutant(
        "a late answer counts as one in time",
        "limits",
        "        send.overtaken_by = max((s.token for s in self.sends if s.handed), default=0)",
        "        send.overtaken_by = 0",
        "§1 (b): late answers (0007)",
    ),
    Mutant(
        "rule (c) takes what may still be executed",
        "limits",
        "            if s.purpose is Purpose.TX and s.ends_with in ended and _harmless(s, now_ms, late_execution_ms)",
        "            if s.purpose is Purpose.TX and s.ends_with in ended",
        "§1 (c): answered or H",
    ),
    Mutant(
        "rule (c) takes the connector's default, too",
        "limits",
        "            if s.purpose is Purpose.TX and s.ends_with in ended and",
        "            if s.transaction_id in ended and",
        "§1 (c): tx only",
    ),
    Mutant(
        "rule (d) takes what was said after the clearing",
        "limits",
        "if send.purpose is Purpose.TX and send.token < by]",
        "if send.purpose is Purpose.TX]",
        "§1 (d)",
    ),
    Mutant(
        "what is accepted after its transaction is forgotten",
        "limits",
        "    if send.outlives_its_own:\n        return False\n",
        "",
        "0007, 5",
    ),
    Mutant(
        "nothing is handed over to the newer transaction",
        "limits",
        "        for send in bound:\n            send.ends_with = to\n",
        "        for send in bound:\n",
        "§1 (c): goes with that one instead",
    ),
    Mutant(
        "recovery takes what was answered for certain",
        "limits",
        "        lost_ms=now_ms,\n        accepted_ms=now_ms if row.state is SendState.ACCEPTED else None,\n        doubtful=True,",
        "        lost_ms=now_ms,\n        accepted_ms=now_ms if row.state is SendState.ACCEPTED else None,\n        doubtful=False,",
        "§1: recovery counts every send as aborted",
    ),
    Mutant(
        "only the newest send is booked",
        "limits",
        '        """Return the most that may be in force, W; 0 without sends."""\n        return max((send.limit_w for send in self.sends), default=0)',
        '        """Return the most that may be in force, W; 0 without sends."""\n        return self.sends[-1].limit_w if self.sends else 0',
        "§1: P is a set",
    ),
    # --- K ------------------------------------------------------------------------------------------------------------
    Mutant(
        "an unprovisioned connector is booked at its default",
        "charger",
        "        default_w = self.defaults.power_w if known else self.max_booked_w\n",
        "        default_w = self.defaults.power_w\n",
        "§1: P_default = {maxPower} until provisioned",
    ),
    Mutant(
        "the default is not booked beside a transaction",
        "charger",
        "        return max(default_w, connector.told_w)\n",
        "        return connector.told_w or default_w\n",
        "§1: K = max(P_default ∪ P_tx)",
    ),
    Mutant(
        "unprovisioned connectors of a charger are not counted",
        "charger",
        "        return known_w + (max(self.uncontrolled_booked_w, self._told_there_w(unknown)) if unknown else 0)",
        "        return known_w + (self._told_there_w(unknown) if unknown else 0)",
        "§1: the table",
    ),
    Mutant(
        "an offline charger counts as nothing",
        "charger",
        "        return min(self.max_booked_w, self.sum_w())\n",
        "        return min(self.max_booked_w, self.sum_w()) if self.connection else 0\n",
        "§1: offline: unchanged",
    ),
    Mutant(
        "REST clients are booked at their newest answer only",
        "connector",
        "        return 0 if session is None else max(session.unechoed_w, default=0)",
        "        return 0 if session is None or not session.unechoed_w else session.unechoed_w[-1]",
        "API: booked falls only on the echo",
    ),
    # --- steering -----------------------------------------------------------------------------------------------------
    Mutant(
        "raises ignore the head room of all rows but the charger's",
        "planning",
        "        node: None if cap_w is None else max(0, cap_w - taken_w[node]) for node, cap_w in state.tree.caps_w.items()",
        "        node: None if cap_w is None else cap_w for node, cap_w in state.tree.caps_w.items()",
        "I1",
    ),
    Mutant(
        "a raise goes to the target at once",
        "steering",
        '        self._send(each, each.grant_w, urgent=False, cause="first power" if first else "raise")',
        '        self._send(each, each.target_w, urgent=False, cause="first power" if first else "raise")',
        "§2: G, not T",
    ),
    Mutant(
        "fixed loads are forgotten",
        "planning",
        "            fixed_w[node] += load_w\n",
        "            fixed_w[node] += 0\n",
        "§2: caps − fixed",
    ),
    Mutant(
        "cuts wait for the commit and never pass",
        "steering",
        "        if wants_cut and (last is None or self._worth_a_cut(each, last, urgent)):",
        "        if wants_cut and last is None:",
        "§2: T < K and due → send T",
    ),
    Mutant(
        "an unresolved limit is not said again",
        "steering",
        "        if last.unresolved:\n            if not self._backing_off(each, last, urgent):\n",
        "        if last.unresolved:\n            if False:\n",
        "§2: unresolved → again",
    ),
    Mutant(
        "a reconnect asserts nothing",
        "links",
        "        for session in charger.sessions():\n            session.steering.reassert = True\n            session.steering.attempts = 0\n",
        "        for session in charger.sessions():\n            session.steering.attempts = 0\n",
        "§2: boot or reconnect since → again",
    ),
    Mutant(
        "raises leave before their intent is durable",
        "steering",
        "        at_once = told_w <= durable_w(connector)\n",
        "        at_once = True\n",
        "I4",
    ),
    Mutant(
        "what was not handed over counts as durable",
        "steering",
        "    return max((send.limit_w for send in connector.limits.sends if send.handed), default=-1)",
        "    return max((send.limit_w for send in connector.limits.sends), default=-1)",
        "I4",
    ),
    Mutant(
        "a lost send is never outlived",
        "steering",
        "        return any(last.sent_ms < harmless_ms for harmless_ms in past)\n",
        "        return False\n",
        "§2: send that limit once more",
    ),
    # --- answers ------------------------------------------------------------------------------------------------------
    Mutant(
        "an answer counts on any connection",
        "calls",
        "        return charger is not None and charger.connection == call.connection\n",
        "        return charger is not None\n",
        "§3: only on the connection on which its call was sent",
    ),
    Mutant(
        "the end of a connection loses nothing",
        "links",
        "        for send in charger.sends():\n            if lose(send, self.now.mono_ms):\n                self.journal.write_send(send)\n",
        "        del charger\n",
        "§1 (b): abort",
    ),
    Mutant(
        "a clearing that was refused counts as done",
        "calls",
        "        aftermath, done = connector.aftermath, answer in CLEARED\n",
        "        aftermath, done = connector.aftermath, True\n",
        "§4: Accepted or Unknown",
    ),
    Mutant(
        "a place that was not cleared counts as cleared",
        "calls",
        "                done = call.errand is not Errand.CLEAR_PLACE or status in CLEARED\n",
        "                done = True\n",
        "§4: Accepted or Unknown",
    ),
    # --- settled and provisioned --------------------------------------------------------------------------------------
    Mutant(
        "an Accepted limit settles at once",
        "upkeep",
        "        if session is None or session.driver is not Driver.OCPP:\n            return True\n        if send",
        "        if session is None or session.driver is not Driver.OCPP or send.accepted_ms:\n            return True\n        if send",
        "§1: the car has let go",
    ),
    Mutant(
        "an old sample settles",
        "upkeep",
        "        if seen_w is not None and seen_w <= allowed_w and above_ms is None:\n",
        "        if (meter.power_w or 0) <= allowed_w:\n",
        "§1: newest sample, not older than 15 s",
    ),
    Mutant(
        "provisioned although foreign defaults may stand",
        "upkeep",
        "        if charger.defaults.settled is None or not charger.provisioning.cleared or charger.provisioning.default_due:",
        "        if charger.defaults.settled is None or charger.provisioning.default_due:",
        "§4: cleared",
    ),
    Mutant(
        "provisioned although a car charges under nobody's limit",
        "upkeep",
        "        return idle or Upkeep._has_own_limit(connector)\n",
        "        return True\n",
        "§4: status, or a settled limit",
    ),
    Mutant(
        "provisioned by the limit of another transaction",
        "upkeep",
        "        return session is not None and connector.limits.has_settled(session.transaction_id, *Purpose)",
        "        return session is not None and connector.limits.settled is not None",
        "§4: an open transaction of ours whose TxProfile is settled",
    ),
    Mutant(
        "kept TxProfiles go with their transaction",
        "upkeep",
        "        if not (charger.keeps_tx_profile and connector.aftermath.clear_due):\n            gone",
        "        if True:\n            gone",
        "§1 (c): also only after the clearing",
    ),
    Mutant(
        "profiles are not asserted after a boot, and nothing follows",
        "upkeep",
        '            self._unprovision(charger, list(charger.connectors.values()), "profiles not asserted after a boot")\n',
        "",
        "§4: ≤ 15 s, then P_default = {maxPower}",
    ),
    Mutant(
        "a default steered by stays where it was",
        "aftermath",
        "    if last.limit_w != fail_safe_w or last.unresolved:\n        return True\n",
        "",
        "§4: the end of a transaction sends the fail-safe first",
    ),
    # --- transactions -------------------------------------------------------------------------------------------------
    Mutant(
        "a start that is said again opens another transaction",
        "transactions",
        "        known = self.state.starts.get(fact.key.identity) or fact.known\n        if known is None or fact.key.words",
        "        known = None\n        if known is None or fact.key.words",
        "I6",
    ),
    Mutant(
        "a stop may end a transaction of another charger",
        "transactions",
        "            return named if named.key.charger_id == fact.charger_id else None\n        if fact.transaction_id != -1",
        "            return named\n        if fact.transaction_id != -1",
        "I6",
    ),
    Mutant(
        "a replayed old start takes the connector",
        "transactions",
        "        if session.started_ms >= current.started_ms:\n            return False\n        return abs(",
        "        return False\n        return abs(",
        "I6",
    ),
    Mutant(
        "an orphan that is said again is kept again",
        "transactions",
        "        if fact.repeated or identity in self.state.orphans:\n            return True\n        self.state.orphans",
        "        self.state.orphans",
        "I7",
    ),
    Mutant(
        "a superseded transaction stays open",
        "transactions",
        "        self._supersede(charger, connector, session, session.started_ms)\n",
        "",
        "I6",
    ),
    # --- recovery -----------------------------------------------------------------------------------------------------
    Mutant(
        "recovery forgets that M was higher",
        "recovery",
        "    charger.max_booked_w = max(row.max_booked_w, config.max_power_w)\n",
        "    charger.max_booked_w = config.max_power_w\n",
        "§1: M",
    ),
    Mutant(
        "recovery takes every connector for provisioned",
        "recovery",
        "        connector.provisioned = provisioned\n",
        "        connector.provisioned = True\n",
        "I7: books the same or more",
    ),
    Mutant(
        "recovery forgets what outlives its transaction",
        "recovery",
        "        send.outlives_its_own = ended and send.answered_accepted\n",
        "        send.outlives_its_own = False\n",
        "I7: books the same or more",
    ),
)
