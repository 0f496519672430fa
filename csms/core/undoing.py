"""How each trace of this system is taken out of a charger: what is asked, and what the answers mean (OCPP 1.6 §5).

    profile      ClearChargingProfile by its id, and again: Unknown says that it is not there, and is believed. Accepted
                 both times says nothing; then it counts what is in force (`limit`)
    limit        GetCompositeSchedule of a connector: a limit that this system has told it is not gone
    reservation  CancelReservation; Rejected says that there is none of that id (§5.4)
    local list   its version, an empty one in its place, and its version again: what was in it before, no message tells
    key          read, written if it is another than before, and read back
    connector    ChangeAvailability(Operative), where this system had made it Inoperative
    certificate  GetInstalledCertificateIds; DeleteCertificate by the hashes that it tells of this one; the list again

Everything here may be asked twice. One question to a charger is out at a time.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from csms.core.certificates import Named, named_in, read_certificate
from csms.core.charger import ChargerState
from csms.core.commands import VALUE_CHARS_MAX, Operate, RateUnit, ReadConfiguration, ReadSchedule
from csms.core.errors import check
from csms.core.events import CommandAnswered, ConfigurationRead, ScheduleRead
from csms.core.ids import ConnectionId, Token
from csms.core.limits import Send
from csms.core.records import SendState
from csms.core.release import Installed, Progress, ReleaseStep, StepState, Trace
from csms.core.tuning import is_same

Question = Operate | ReadConfiguration | ReadSchedule

ALREADY = "it was not there"
DETAIL_CHARS_MAX = 300


@dataclass(frozen=True, slots=True)
class Said:
    """What a charger has answered.

    Attributes:
        word: its status, or the code of its CALLERROR; empty where the answer has none.
        keys, schedule: the answers to what was read; version: of its local list.
        named: what it calls the certificates that it has, where it tells.
    """

    word: str = ""
    keys: ConfigurationRead | None = None
    schedule: ScheduleRead | None = None
    version: int | None = None
    named: tuple[Named, ...] | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """One question: `action` and payload as OCPP has them; `changes`: it undoes something, and may be executed late."""

    action: str
    payload: Mapping[str, object] = field(default_factory=dict)
    changes: bool = True


def said_of(fact: CommandAnswered) -> Said:
    """Return what an answer says; a version that is no whole number is none."""
    told = json.loads(fact.payload_json)
    version = told.get("listVersion")
    is_whole = isinstance(version, int) and not isinstance(version, bool)
    named = named_in(told.get("certificateHashData"))
    return Said(fact.status or "", version=version if is_whole else None, named=named)


# --- what is asked ----------------------------------------------------------------------------------------------------


def asked(charger: ChargerState, step: ReleaseStep, progress: Progress) -> Asked:
    """Return the next question of a step."""
    match step.trace, progress.stage:
        case Trace.PROFILE, _:
            return Asked("ClearChargingProfile", {"id": int(step.name)})
        case Trace.LIMIT, _:
            return Asked("GetCompositeSchedule", changes=False)
        case Trace.RESERVATION, _:
            return Asked("CancelReservation", {"reservationId": int(step.name)})
        case Trace.LOCAL_LIST, 1:
            emptied = {"listVersion": int(progress.told) + 1, "localAuthorizationList": [], "updateType": "Full"}
            return Asked("SendLocalList", emptied)
        case Trace.LOCAL_LIST, _:
            return Asked("GetLocalListVersion", changes=False)
        case Trace.KEY, 1:
            return Asked("ChangeConfiguration", {"key": charger.settings.own_name(step.name), "value": step.before})
        case Trace.KEY, _:
            return Asked("GetConfiguration", changes=False)
        case Trace.CERTIFICATE, 1:
            return Asked("DeleteCertificate", {"certificateHashData": json.loads(progress.told)})
        case Trace.CERTIFICATE, _:
            return Asked("GetInstalledCertificateIds", {"certificateType": _installed(step).use}, changes=False)
        case _:
            return Asked("ChangeAvailability", {"connectorId": int(step.name), "type": "Operative"})


def question(
    charger: ChargerState, step: ReleaseStep, asked_now: Asked, token: Token, connection: ConnectionId
) -> Question:
    """Return the CALL that puts a question."""
    charger_id = charger.charger_id
    if asked_now.action == "GetConfiguration":
        return ReadConfiguration(token, connection, charger_id, (charger.settings.own_name(step.name),))
    if asked_now.action == "GetCompositeSchedule":
        return ReadSchedule(token, connection, charger_id, int(step.name), _unit(charger, int(step.name)))
    payload = json.dumps(asked_now.payload, separators=(",", ":"))
    return Operate(token, connection, charger_id, asked_now.action, payload)


# --- what the answers mean --------------------------------------------------------------------------------------------


def answered(charger: ChargerState, step: ReleaseStep, progress: Progress, said: Said) -> ReleaseStep | None:
    """Return how a step has ended with this answer; None: it goes on with its next question."""
    match step.trace:
        case Trace.PROFILE:
            return _of_profile(step, progress, said)
        case Trace.LIMIT:
            return _of_limit(charger, step, said)
        case Trace.RESERVATION:
            if said.word in {"Accepted", "Rejected"}:
                return _undone(step, "" if said.word == "Accepted" else ALREADY)
            return _left(step, f"CancelReservation: {said.word}")
        case Trace.LOCAL_LIST:
            return _of_local_list(step, progress, said)
        case Trace.KEY:
            return _of_key(charger, step, progress, said)
        case Trace.CERTIFICATE:
            return _of_certificate(charger, step, progress, said)
        case _:
            if said.word in {"Accepted", "Scheduled"}:
                return _undone(step)
            return _left(step, f"ChangeAvailability: {said.word}")


def unanswered(step: ReleaseStep, progress: Progress, action: str) -> ReleaseStep:
    """Return how a step has ended that a charger does not answer."""
    verifies = step.trace is Trace.LIMIT or progress.stage == _LAST_STAGE.get(step.trace, 0) > 0
    state = StepState.UNVERIFIED if verifies else StepState.NOT_UNDONE
    return replace(step, state=state, detail=f"no answer to {action}")


_LAST_STAGE = {Trace.PROFILE: 1, Trace.LOCAL_LIST: 2, Trace.KEY: 2, Trace.CERTIFICATE: 2}
"""The question that only looks whether it was done, where there is one."""


def _undone(step: ReleaseStep, detail: str = "") -> ReleaseStep:
    return _ended(step, StepState.UNDONE, detail)


def _unverified(step: ReleaseStep, detail: str) -> ReleaseStep:
    return _ended(step, StepState.UNVERIFIED, detail)


def _left(step: ReleaseStep, detail: str) -> ReleaseStep:
    return _ended(step, StepState.NOT_UNDONE, detail)


def _ended(step: ReleaseStep, state: StepState, detail: str) -> ReleaseStep:
    """Return a step that has ended; a charger's own words may be long."""
    return replace(
        step, state=state, detail=detail if len(detail) <= DETAIL_CHARS_MAX else f"{detail[:DETAIL_CHARS_MAX]}…"
    )


def _of_profile(step: ReleaseStep, progress: Progress, said: Said) -> ReleaseStep | None:
    if progress.stage == 0:
        if said.word == "Accepted":
            return None
        return _undone(step, ALREADY) if said.word == "Unknown" else _left(step, f"ClearChargingProfile: {said.word}")
    if said.word == "Unknown":
        return _undone(step)
    return _unverified(step, f"ClearChargingProfile: Accepted, and when asked again: {said.word}")


def _of_local_list(step: ReleaseStep, progress: Progress, said: Said) -> ReleaseStep | None:
    if progress.stage == 1:
        return None if said.word == "Accepted" else _left(step, f"SendLocalList: {said.word}")
    if said.version is None:
        detail = f"GetLocalListVersion: {said.word or 'no version'}"
        return _left(step, detail) if progress.stage == 0 else _unverified(step, detail)
    if progress.stage == 0:
        progress.told = str(said.version)
        return None if said.version > 0 else _undone(step, "its list is empty")
    if said.version not in {0, int(progress.told) + 1}:  # 0: the list is empty (§5.10)
        return _unverified(step, f"it took version {int(progress.told) + 1}, and says that it has {said.version}")
    return _undone(step, "it was emptied; what was in it before this system's is not known")


def _of_key(charger: ChargerState, step: ReleaseStep, progress: Progress, said: Said) -> ReleaseStep | None:
    if progress.stage == 1:
        progress.needs_boot = said.word == "RebootRequired"
        if said.word in {"Accepted", "RebootRequired"}:
            return None
        return _left(step, f"ChangeConfiguration: {said.word}")
    name = charger.settings.own_name(step.name)
    value = None if said.keys is None else _value_of(said.keys, name)
    if progress.stage == 0:
        if said.keys is None or value is None:
            return _left(step, f"GetConfiguration: {said.word or 'it does not tell this key any more'}")
        progress.told = value
        if value == step.before:
            return _undone(step, "it had it already")
        if len(step.before or "") > VALUE_CHARS_MAX:
            return _left(step, f"what it was is longer than {VALUE_CHARS_MAX} characters, which cannot be written")
        return _left(step, "it is read-only, and has another value") if name in said.keys.readonly else None
    if value is not None and is_same(value, step.before or ""):
        return _undone(step, "it counts from its next boot on" if progress.needs_boot else "")
    if progress.needs_boot:
        return _unverified(step, "RebootRequired: to be seen after its next boot")
    if value is None:
        return _unverified(step, f"ChangeConfiguration: Accepted; GetConfiguration: {said.word or 'no such key'}")
    return _left(step, "ChangeConfiguration: Accepted; it has another value")


def _value_of(keys: ConfigurationRead, name: str) -> str | None:
    wanted = name.strip().lower()
    return next((value for key, value in keys.values.items() if key.strip().lower() == wanted), None)


def _of_certificate(charger: ChargerState, step: ReleaseStep, progress: Progress, said: Said) -> ReleaseStep | None:
    if progress.stage == 1:
        return None if said.word in {"Accepted", "NotFound"} else _left(step, f"DeleteCertificate: {said.word}")
    named = () if said.word == "NotFound" else said.named
    if named is None:
        detail = f"GetInstalledCertificateIds: {said.word}, and it does not tell what it has"
        return _left(step, detail) if progress.stage == 0 else _unverified(step, detail)
    mine = next((each for each in named if _is_called(step, each)), None)
    if progress.stage == 0 and mine is not None:
        progress.told = json.dumps(mine.hash_data())
        return None
    if mine is not None:
        return _left(step, "DeleteCertificate: Accepted; it still has it")
    if progress.stage == 0 and _strange(charger, step, named):
        return _unverified(step, "it has certificates that were not there before, and none that is called as this one")
    return _undone(step, ALREADY if progress.stage == 0 else "")


def _strange(charger: ChargerState, step: ReleaseStep, named: tuple[Named, ...]) -> bool:
    """Return whether a charger has a certificate that was not there before, and is none of the others of ours."""
    others = () if charger.release is None else charger.release.steps
    before = _installed(step).before
    return any(each not in before and not any(_is_called(other, each) for other in others) for each in named)


def _is_called(step: ReleaseStep, named: Named) -> bool:
    certificate = None if step.installed is None else read_certificate(step.installed.pem)
    return certificate is not None and certificate.is_called(named)


def _installed(step: ReleaseStep) -> Installed:
    check(step.installed is not None, "a certificate that is not known is never asked for")
    return step.installed or Installed("", "")


# --- what is in force -------------------------------------------------------------------------------------------------


def _of_limit(charger: ChargerState, step: ReleaseStep, said: Said) -> ReleaseStep:
    schedule = said.schedule
    if schedule is None or (schedule.limit_w is None and schedule.limit_tenths_a is None):
        return _unverified(step, f"it does not tell what is in force{f': {said.word}' if said.word else ''}")
    shown = f"{schedule.limit_w} W" if schedule.limit_tenths_a is None else f"{schedule.limit_tenths_a / 10:g} A"
    if any(_is_shown(charger, send, schedule) for send in _told_at(charger, int(step.name))):
        return _left(step, f"it says that {shown} are in force, which this system has told it")
    return _undone(step, f"it says that {shown} are in force")


def _told_at(charger: ChargerState, idx: int) -> list[Send]:
    """Return what a connector was told and may have in force, but for what was its charger's maximum."""
    connector = charger.connectors.get(idx)
    sends = [*charger.defaults.sends, *(() if connector is None else connector.limits.sends)]
    return [s for s in sends if s.state is not SendState.REFUSED and s.limit_w < charger.config.max_power_w]


def _is_shown(charger: ChargerState, send: Send, schedule: ScheduleRead) -> bool:
    """Return whether a schedule shows what was sent, to a hundredth or a tenth of an ampere."""
    if schedule.limit_tenths_a is None:
        check(schedule.limit_w is not None, "a schedule that tells a limit")
        return abs((schedule.limit_w or 0) - send.limit_w) <= send.limit_w // 100
    ampere_w = send.form.voltage_v * (send.form.phases or charger.config.phases or 3)
    told = send.limit_w * 10 // ampere_w
    return abs(schedule.limit_tenths_a - told) <= (1 if told else 0)


def _unit(charger: ChargerState, idx: int) -> RateUnit:
    """Return the unit in which a connector was told its limits."""
    told = _told_at(charger, idx)
    return told[-1].form.unit if told else charger.manner.form.unit
