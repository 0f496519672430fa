"""Alarms and notices: conditions that somebody should see, each with what it means and what to do about it.

An *alarm* asks for somebody now: power is booked that cannot be steered, or cannot be trusted. A *notice* can wait for
a working day. Both are facts of the state (`csms.core.notices`), but for `nothing_stored`, which the station's loop
raises because nothing of the state could tell it, and `unproven`, which the chargers' door raises: raised and cleared
by evidence, never by hand. Whoever shows them takes the words from the table below; the figures of a single case are
its cause.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from csms.core.ids import ChargerId


class Severity(StrEnum):
    """How soon somebody should look."""

    ALARM = "alarm"
    NOTICE = "notice"


@dataclass(frozen=True, slots=True)
class Kind:
    """What all alarms of one kind have in common.

    Attributes:
        subject: what the part of their ids behind the colon names.
        excused: where maintenance is done it asks for nobody: it only says that nothing is heard there.
    """

    severity: Severity
    subject: str
    meaning: str
    to_do: str
    excused: bool = False


@dataclass(frozen=True, slots=True)
class Alarm:
    """One condition that stands.

    Attributes:
        kind: a key of `KINDS`.
        subject: the charger, connector, row or session that it is about, as ids write it; empty for the station.
        cause: what raised it, with the figures of that moment.
        since_ms: when it was raised, UTC.
        maintenance: what excuses it, or what it tells of, in words; a notice then, whatever its kind. Else None.
    """

    kind: str
    subject: str
    cause: str
    since_ms: int
    charger_id: ChargerId | None = None
    idx: int | None = None
    maintenance: str | None = None

    @property
    def severity(self) -> Severity:
        """Return how soon somebody should look at this one."""
        return KINDS[self.kind].severity if self.maintenance is None else Severity.NOTICE

    @property
    def alarm_id(self) -> str:
        """Return what names it as long as it stands."""
        return f"{self.kind}:{self.subject}" if self.subject else self.kind


_A, _N = Severity.ALARM, Severity.NOTICE

KINDS: Final[dict[str, Kind]] = {
    "safe_mode": Kind(
        _A,
        "",
        "This system has found a mistake of its own. Cars have an equal share at most and nobody is raised; a new car"
        " waits. It tries to go on as usual once, after ten minutes.",
        "Report the mistake with the log (`station.step_failed`). `POST /station/safe-mode/end` or a restart ends it.",
    ),
    "nothing_stored": Kind(
        _A,
        "",
        "What chargers and clients tell cannot be stored: they are asked to try again, and chargers give up after some"
        " attempts (`TransactionMessageAttempts`, often 3). No car is raised, and a new one has the fail-safe power."
        " It clears with the next thing that can be stored.",
        "See the cause: make room on the disk, make it writable, or bring the database back. No restart is needed.",
    ),
    "grid_operator_silent": Kind(
        _A,
        "",
        "No heartbeat of the grid operator has come for `silentAfterS`, for what an event promises, or since this"
        " system began. His `failSafeCapacity` holds until one comes.",
        "See whether what sends `POST /station/grid-operator/heartbeat` runs and reaches this system.",
    ),
    "base_load_meter_stale": Kind(
        _A,
        "",
        "The site's meter has told nothing that counts for longer than its `maxAgeS`: `staticLoad` counts as base load"
        " instead, or what was measured above that.",
        "See the cause, and what the meter shows by itself; check its network, and who sends `PUT /station/meter` or"
        " what `siteMeter.modbus` says.",
    ),
    "base_load_above_maximum": Kind(
        _A,
        "",
        "More was measured than the configured maximum of the base load. What was measured counts, and cars are cut.",
        "Correct `staticLoad` in the configuration: it is also what is counted on when the meter, or this system, is"
        " away. If it is right, see what else draws behind the grid connection.",
    ),
    "overbooked": Kind(
        _A,
        "row",
        "More is booked behind this row than it can carry. Cars that can be cut are cut; no car behind it is raised.",
        "See which chargers behind it cannot be steered (other alarms name them). If it stays, unplug a car or lower"
        " what cannot be steered before the fuse does.",
    ),
    "battery_silent": Kind(
        _A,
        "",
        "The battery cannot be read, so it is counted as gone: cars get what the grid connection has without it.",
        "Look after the battery's inverter and the way to it.",
    ),
    "battery_not_following": Kind(
        _A,
        "",
        "The battery does not do what it is told, or does not acknowledge that it would: cars get no power from it that"
        " it has not acknowledged, and no more than it gives where it gives less than it is told.",
        "See whether its inverter is in remote mode, and whether somebody else controls it.",
    ),
    "uncontrollable": Kind(
        _A,
        "charger",
        "The charger refuses every form of limit, or does not answer. Its maximum is booked and other cars get less.",
        "Enable smart charging in the charger, update its firmware, or set `reservedPower` to what it can really draw.",
    ),
    "not_obeying": Kind(
        _A,
        "connector",
        "The charger accepts limits here and draws more. Its maximum is booked; other ways to limit it are tried.",
        "Look for a second energy manager or a local setting that overrules ours; update the charger's firmware.",
    ),
    "not_contained": Kind(
        _A,
        "connector",
        "The charger ignores limits here, the stop of its transaction and being taken out of service; its row stays"
        " overbooked. It is told again every ten minutes.",
        "Switch the charger off by hand.",
    ),
    "out_of_service": Kind(
        _A,
        "connector",
        "It ignored every limit while its row was overbooked, so the connector was taken out of service (Inoperative)."
        " It is given back when there is room for its maximum, or when it was seen to obey.",
        "Have the charger repaired or its firmware updated, or make room for its maximum.",
    ),
    "stopped": Kind(
        _A,
        "connector",
        "It ignored every limit while its row was overbooked, so its transaction was stopped. Its maximum stays"
        " booked.",
        "Have the charger repaired or its firmware updated; look for a second energy manager.",
    ),
    "identity_conflict": Kind(
        _A,
        "charger",
        "More than one charger connects under this identity. Until that is over, and ten minutes were quiet, it is told"
        " nothing, keeps what is booked, and is not raised.",
        "Give each charger its own identity, and configure each.",
    ),
    "uncommanded": Kind(
        _A,
        "connector",
        "Power flows at a connector where no transaction runs, or in one more than it was told, under the id of another"
        " that has ended; or one that was closed may run on. What was measured, or what that was told, is booked.",
        "See who charges there: perhaps without authorization, or the charger has not told of its transaction, or names"
        " the wrong one in its meter values.",
    ),
    "held_over_rest": Kind(
        _A,
        "connector",
        "Its charger tells of a car at a connector that a session driven over REST holds: a car there gets no limit of"
        " its own over OCPP.",
        "If the car of that session is gone, stop the session (POST /sessions/{id}/stop).",
    ),
    "energy_gap": Kind(
        _A,
        "connector",
        "Yesterday a transaction began at a higher register than the one before it had ended: energy that nobody is"
        " billed for. It is said again each day that has more than 0.1 kWh of it.",
        "See GET /reports/energy-continuity?day=: between which transactions it was. Perhaps somebody charges without"
        " a transaction, or the charger has lost one.",
    ),
    "phases_changed": Kind(
        _N,
        "CHARGER#CONNECTOR",
        "A car draws from a phase that it did not use before in its session. Its limit counts on every phase again.",
        "Nothing, if it is seldom. Where chargers switch cars between one phase and three, switch that off in them.",
    ),
    "max_power_wrong": Kind(
        _A,
        "charger",
        "More was measured than the charger's configured maximum. What was measured is booked.",
        "Correct `maxPower` in the configuration, or have the charger's own maximum lowered.",
    ),
    "silent": Kind(
        _A,
        "charger",
        "The charger is connected and has sent nothing that can be read: it is not addressed, its maximum is booked.",
        "Restart the charger; check that it is set to OCPP 1.6 JSON.",
        excused=True,
    ),
    "offline": Kind(
        _A,
        "charger",
        "The charger has not been connected for ten minutes: its cars go on with their last limit, or with its"
        " fail-safe power, and what they may draw stays booked. What it has to tell, bills too, waits in it.",
        "See whether it has power and network; it connects by itself. If it is gone, take it out of the configuration"
        " (`csms chargers remove`).",
        excused=True,
    ),
    "meter_silent": Kind(
        _A,
        "connector",
        "A transaction runs and its meter tells nothing: what it consumes is unknown.",
        "Check the charger's meter and its `MeterValueSampleInterval`.",
        excused=True,
    ),
    "zero_refused": Kind(
        _N,
        "charger",
        "The charger cannot be told 0 W, so the least power that it accepts is booked for it at all times.",
        "Nothing, if the station can spare that power; else update the charger's firmware.",
    ),
    "campaign_halted": Kind(
        _A,
        "campaign",
        "A charger of a firmware campaign has failed, or nobody knows what became of it; no other charger is begun.",
        "See what the charger did (`GET /campaigns/{id}`, and at the charger itself). Then let the others follow"
        " (`POST /campaigns/{id}/resume`), or end the campaign (`POST /campaigns/{id}/stop`).",
    ),
    "released": Kind(
        _N,
        "charger",
        "The charger is taken out, or is being: nothing is written to it but what undoes. Without its limits it may"
        " draw its maximum, or its `reservedPower`, which is booked.",
        "Remove it from the configuration when it is gone (`csms chargers remove`), or take it in again"
        " (`csms release --undo`).",
    ),
    "release_incomplete": Kind(
        _N,
        "charger",
        "Something of this system may be left in a charger that was released.",
        "See GET /chargers/{chargerId}/release for what and why; mend that at the charger, or release it again.",
    ),
    "fail_safe_waits": Kind(
        _N,
        "charger",
        "The charger's fail-safe power is below the configured one: that has no room yet, or was refused.",
        "Nothing, if it clears when cars leave; else lower `failSafePower`, or update the charger's firmware.",
    ),
    "does_not_expire": Kind(
        _N,
        "charger",
        "Limits of this charger do not expire: without this system its running cars go on with their last limit.",
        "Nothing, if `reserve` does for it; else update the charger's firmware, or set its clock.",
    ),
    "does_not_pause": Kind(
        _N,
        "charger",
        "A transaction at this charger cannot be paused: it refuses 0 W or does not resume from it.",
        "Nothing: its cars always get the least power that can be told. An update of the firmware is learnt anew.",
    ),
    "flash_budget_used": Kind(
        _N,
        "charger",
        "The charger takes its limits as default profiles, which it keeps in flash memory; to spare that, raises wait.",
        "Nothing, if its cars can wait for more power; else update its firmware to one that takes a TxProfile.",
    ),
    "not_clearable": Kind(
        _N,
        "charger",
        "The charger knows no ClearChargingProfile: limits of another central system may stand in it, so its maximum is"
        " booked whenever no limit of ours is in force.",
        "Delete its charging profiles locally or by a factory reset, or update its firmware.",
    ),
    "forgets_default": Kind(
        _N,
        "charger",
        "Chargers of this make lose their fail-safe limit at a boot; after each one their maximum is booked a while.",
        "Update the charger's firmware.",
    ),
    "configuration_suggested": Kind(
        _N,
        "charger",
        "A setting of the charger should be another, and was not changed: `configure` is `suggest`, or `mode` is"
        " `observe`.",
        "Change the setting in the charger, or let it be changed with `configure: auto` and `mode: control`.",
    ),
    "observed": Kind(
        _N,
        "charger",
        "The charger is only observed (`mode: observe`): nothing is written to it, what its sessions would get is"
        " shown, and its maximum (or `reservedPower`) is booked.",
        "Set its `mode` to `control` when it is to be steered.",
    ),
    "certificate_requested": Kind(
        _N,
        "charger",
        "The charger has asked for a certificate of its own, and will go on with the one that it has.",
        "Have `certificateRequest` of `GET /chargers/{id}` signed by the authority of the chargers, and send what it"
        " gives with `POST /chargers/{id}/commands/CertificateSigned`.",
    ),
    "unproven": Kind(
        _N,
        "charger",
        "The charger comes over the network without a password or a certificate (security profile 0): whoever is in"
        " that network can pass for it, and read along.",
        "Give it a key with `csms chargers key ID`, and better TLS as well.",
    ),
    "reboot_required": Kind(
        _N,
        "charger",
        "The charger takes a changed setting on at its next boot only.",
        "Reboot it when no car charges there.",
    ),
    "status_unknown": Kind(
        _N,
        "connector",
        "The connector has told no status since the charger connected, so its maximum is booked.",
        "Check that the charger really has this connector (`connectors`); restart the charger.",
        excused=True,
    ),
    "slow_meter": Kind(
        _N,
        "connector",
        "The meter tells more seldom than once a minute: too slow to be steered by.",
        "Set the charger's `MeterValueSampleInterval` to 10 s, or allow it with `configure: auto`.",
    ),
    "never_seen": Kind(
        _N,
        "charger",
        "The charger has never connected; nothing is booked for it, whatever it may draw.",
        "Connect it, or set its `control` to `ocpp` (its maximum is then booked until it connects) or to `rest`.",
        excused=True,
    ),
    "under_maintenance": Kind(
        _N,
        "charger or connector",
        "An operator has marked the charger, or one connector of it, as under maintenance: no session is begun there"
        " over REST, campaigns leave it alone, and what only says that nothing is heard there is no alarm. What is"
        " booked for it stays booked.",
        "When the work is done: `DELETE /chargers/{chargerId}/maintenance`, or that of the connector.",
    ),
    "still_inoperative": Kind(
        _N,
        "charger or connector",
        "Its maintenance is over, and it was not seen back in operation: it has not taken Operative.",
        "See what it answered (`GET /commands?charger=`); `DELETE` of the maintenance tells it again. It goes when the"
        " charger tells another status than Unavailable.",
    ),
    "silent_client": Kind(
        _N,
        "session",
        "The client of a REST-driven session has not called for a quarter of an hour; what it was told stays booked.",
        "Check the client, or stop the session.",
    ),
    "fail_safe_not_chosen": Kind(
        _N,
        "",
        "Nobody has chosen what chargers do while this server is away; `closed` holds: nobody new can charge.",
        "Set `failSafe` in the station's configuration.",
    ),
    "battery_not_used": Kind(
        _N,
        "",
        "A battery is configured, and nothing reads it: its power is not used.",
        "Nothing, in a simulation; under `csms serve` it goes within a second.",
    ),
    "battery_computed": Kind(
        _N,
        "",
        "The battery is not measured: its charge is computed from what it was told to give and take, and cars get power"
        " from it that nobody sees flow.",
        "See that the real one gives what the grid connection cannot, or take `battery` out of the configuration.",
    ),
    "battery_empty": Kind(
        _N,
        "",
        "The battery has come to its reserve; cars get no power from it until it is 5 % above.",
        "Nothing: it is charged when no car needs the power. If it is never full enough, the grid connection is small.",
    ),
}
"""Every kind there is, the pressing ones first."""


def order(alarm: Alarm) -> tuple[bool, int, str]:
    """Return what sorts alarms before notices, the oldest of each first."""
    return alarm.severity is Severity.NOTICE, alarm.since_ms, alarm.alarm_id
