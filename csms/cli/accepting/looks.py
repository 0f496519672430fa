"""What the acceptance test sees: one look at a charger over REST, and what its last messages tell.

Pure: documents in, values out. A reading of the meter is a MeterValues that was not there before, with the power that
the server made of it; its time, like that of every message, is the server's own, so neither the charger's clock nor
that of the machine on which the test runs counts.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

Json = dict[str, Any]

CALL, RESULT, ERROR = 2, 3, 4
CURRENT_FLOWS_A = 1.0
PHASES = ("L1", "L2", "L3")
STAMPED = frozenset({"StatusNotification", "MeterValues", "StartTransaction", "StopTransaction"})


@dataclass(frozen=True, slots=True)
class Reply:
    """What came of a request: the document, or in words why there is none."""

    document: Json | None
    said: str = ""


@dataclass(frozen=True, slots=True)
class Told:
    """A limit that the charger was sent; times UTC ms of the server."""

    at_ms: int
    idx: int
    purpose: str
    kind: str
    stack_level: int
    unit: str
    limit: float
    number_phases: int | None
    answer: str = ""
    answered_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """What a car drew when the meter told it; UTC ms of the server, W."""

    at_ms: int
    power_w: int


@dataclass(frozen=True, slots=True)
class Look:
    """One look at a charger.

    Attributes:
        at_ms: when, by a clock that only runs forward.
        idx: the connector under test.
        known: `GET /chargers/{id}`; None: the server does not answer.
        frames: `GET /chargers/{id}/messages`.
        reply: what came of the request that was made just before, None without one.
        consents: False when the person did not want to do what was asked.
    """

    at_ms: int
    idx: int
    known: Json | None = None
    frames: tuple[Json, ...] = ()
    reply: Reply | None = None
    consents: bool = True

    @property
    def charger(self) -> Json:
        """Return what the server shows of the charger, empty when it does not answer."""
        found: Json = {} if self.known is None else self.known["charger"]
        return found

    @property
    def connected_since(self) -> str | None:
        """Return since when it is connected, None while it is not."""
        connection = self.charger.get("connection")
        return None if connection is None else str(connection.get("since", ""))

    @property
    def connector(self) -> Json:
        """Return the connector under test, empty when there is none."""
        return next((one for one in self.charger.get("connectors", ()) if one["idx"] == self.idx), {})

    @property
    def session(self) -> Json:
        """Return the session at the connector, empty without one."""
        found: Json = self.connector.get("session", {})
        return found

    @property
    def transaction_id(self) -> int | None:
        """Return the transaction that runs at the connector."""
        return self.session.get("transactionId")

    @property
    def power_w(self) -> int | None:
        """Return what was metered last, W."""
        return self.session.get("consumedPowerW")

    @property
    def told_w(self) -> int | None:
        """Return the limit that the charger was told last, W."""
        return self.session.get("allocatedPowerW")

    @property
    def alarms(self) -> tuple[str, ...]:
        """Return the kinds of what stands about the charger or the connector."""
        found = () if self.known is None else self.known["alarms"]
        return tuple(sorted({one["kind"] for one in found if one.get("connector") in {None, self.idx}}))


def utc_ms(stamp: object) -> int | None:
    """Return a time stamp as UTC ms; one without a zone counts as UTC, as the server takes it; None: none."""
    if not isinstance(stamp, str):
        return None
    try:
        moment = datetime.fromisoformat(stamp)
    except ValueError:
        return None
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1_000)


def calls(frames: Sequence[Json], action: str, direction: str) -> Iterator[tuple[int, str, Json]]:
    """Yield the calls of an action: when, message id, payload; what cannot be read is passed over."""
    for frame in frames:
        match frame.get("message"):
            case [2, str(message_id), str(name), dict(payload), *_] if (
                name == action and frame["direction"] == direction
            ):
                yield utc_ms(frame["at"]) or 0, message_id, payload


def limits_told(frames: Sequence[Json], idx: int) -> list[Told]:
    """Return the limits that were sent to a connector or to the whole charger, oldest first, with their answers."""
    answers: dict[str, tuple[int, str]] = {}
    for frame in frames:
        if frame["direction"] != "received" or frame.get("action") != "SetChargingProfile":
            continue
        match frame.get("message"):
            case [3, str(message_id), dict(payload), *_]:
                answers[message_id] = (utc_ms(frame["at"]) or 0, str(payload.get("status", "")))
            case [4, str(message_id), code, *_]:
                answers[message_id] = (utc_ms(frame["at"]) or 0, str(code))
    told = []
    for at_ms, message_id, payload in calls(frames, "SetChargingProfile", "sent"):
        if payload["connectorId"] not in {0, idx}:
            continue
        answered_ms, answer = answers.get(message_id, (None, ""))
        told.append(_told(at_ms, payload, answer, answered_ms))
    return told


def _told(at_ms: int, payload: Json, answer: str, answered_ms: int | None) -> Told:
    profile = payload["csChargingProfiles"]
    schedule = profile["chargingSchedule"]
    first = schedule["chargingSchedulePeriod"][0]
    return Told(
        at_ms=at_ms,
        idx=payload["connectorId"],
        purpose=profile["chargingProfilePurpose"],
        kind=profile["chargingProfileKind"],
        stack_level=profile["stackLevel"],
        unit=schedule["chargingRateUnit"],
        limit=first["limit"],
        number_phases=first.get("numberPhases"),
        answer=answer,
        answered_ms=answered_ms,
    )


def metered(frames: Sequence[Json], idx: int) -> list[int]:
    """Return when MeterValues of a connector came, UTC ms, oldest first."""
    return [at_ms for at_ms, _, payload in calls(frames, "MeterValues", "received") if _is_of(payload, idx)]


def _is_of(payload: Mapping[str, Any], idx: int) -> bool:
    return str(payload.get("connectorId", "")).strip() == str(idx)


def phases_metered(frames: Sequence[Json], idx: int) -> int | None:
    """Return on how many phases the newest MeterValues that tell currents by phase show one; None: none tells."""
    for _, _, payload in reversed(list(calls(frames, "MeterValues", "received"))):
        if not _is_of(payload, idx):
            continue
        currents = dict(_currents(payload.get("meterValue")))
        if currents:
            return sum(ampere > CURRENT_FLOWS_A for ampere in currents.values()) or None
    return None


def _currents(values: object) -> Iterator[tuple[str, float]]:
    for element in values if isinstance(values, list) else [values]:
        samples = element.get("sampledValue") if isinstance(element, dict) else None
        for sample in samples if isinstance(samples, list) else ():
            match sample:
                case {"measurand": "Current.Import", "phase": str(phase), "value": value} if phase[:2] in PHASES:
                    if (ampere := _number(value)) is not None:
                        yield phase[:2], ampere


def _number(value: object) -> float | None:
    try:
        return float(str(value))
    except ValueError:
        return None


def clock_errors_ms(frames: Sequence[Json]) -> list[int]:
    """Return by how much the charger's clock is behind the server's (below 0: ahead) with each message, oldest first.

    A message that waited in a queue looks like a clock that is behind; it is never the other way round.
    """
    found = []
    for frame in frames:
        match frame.get("message"):
            case [2, str(), str(action), dict(payload), *_] if frame["direction"] == "received" and action in STAMPED:
                stamps = [utc_ms(stamp) for stamp in _stamps(payload)]
                at_ms = utc_ms(frame["at"])
                found += [at_ms - each for each in stamps if each is not None and at_ms is not None]
    return found


def _stamps(payload: Json) -> Iterator[object]:
    yield payload.get("timestamp")
    values = payload.get("meterValue")
    for element in values if isinstance(values, list) else [values]:
        if isinstance(element, dict):
            yield element.get("timestamp")
