"""The answer of `GET /sessions/{id}/explain`, powers in kW, and how it is made from what the core has found."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field, WithJsonSchema

from api.answers import iso_time
from api.schemas import Absent, AnswerBody, ConnectorIdAnswer
from csms.core.configuration import kilowatts
from csms.core.explanation import (
    NAMED_MAX,
    Awaited,
    BaseLoadShare,
    Binding,
    Cause,
    Explanation,
    Known,
    Load,
    Reason,
    Share,
    Wait,
)
from csms.core.grid_terms import Held, HeldBy, clock_text
from csms.core.sentences import sentence

Kilo = int | float


def _one_of(words: type[StrEnum]) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "enum": [word.value for word in words]})


ReasonWord = Annotated[str, _one_of(Reason)]
CauseWord = Annotated[str, _one_of(Cause)]
KnownWord = Annotated[str, _one_of(Known)]
AwaitedWord = Annotated[str, _one_of(Awaited)]
HeldByWord = Annotated[
    str, WithJsonSchema({"type": "string", "enum": [by.value for by in HeldBy if by is not HeldBy.GRID_CAPACITY]})
]


class DemandBody(AnswerBody):
    """What the car can take now."""

    power: Kilo = Field(description="What it counts with, kW.")
    declared_power: Kilo = Field(description="Never more than that, kW.")
    because: CauseWord = Field(
        description="declared: the most there can be; stated: its client takes less; at_limit: it draws what it may; "
        "below_limit: what it draws and head room; not_judged: not enough was metered under its limit; "
        "parked: it took nothing, and is offered its least again now and then; tag_refused."
    )


class ShareBody(AnswerBody):
    """One of those who share the row."""

    session_id: str
    connector_id: ConnectorIdAnswer
    limit_power: Kilo | Absent = Field(None, description="What it was told last, kW; absent where nobody knows.")
    target_power: Kilo
    booked_power: Kilo
    weight: int


class LoadBody(AnswerBody):
    """What is booked for a charger and nobody shares."""

    charger_id: str
    power: Kilo


class BindingBody(AnswerBody):
    """The row that limits the session: grid, a circuit or a charger. All powers in kW."""

    id: str
    capacity: Kilo = Field(description="What it can carry; of the grid less the static load.")
    battery_power: Kilo | Absent = Field(None, description="What of that is the battery's; absent where nothing is.")
    booked_power: Kilo = Field(description="The most that may be drawn there now.")
    not_shared: Kilo = Field(description="Booked and not to be cut now: offline, silent, not controlled, idle.")
    trimmed: Kilo = Field(description="Taken off because cars there draw more than is booked for them.")
    withheld: Kilo = Field(description="Taken off the grid for the capacity tariff.")
    shared: Kilo = Field(description="What that leaves for the sessions.")
    sessions: int = Field(description="How many share it.")
    target_power: Kilo = Field(description="What they are to have together.")
    sharing: list[ShareBody] = Field(description=f"The session itself, then by arrival; at most {NAMED_MAX}.")
    loads: list[LoadBody] = Field(description=f"What is not shared, the greatest first; at most {NAMED_MAX}.")
    one_more_kilowatt_gives: Kilo = Field(
        description="What the session would have more with 1 kW more here; below 0 where another car comes in first."
    )


class HeldBody(AnswerBody):
    """What holds the grid connection below gridCapacity."""

    by: HeldByWord
    capacity: Kilo = Field(description="What it may be loaded with, kW, static load included.")
    from_: str | Absent = Field(
        None, serialization_alias="from", description="Schedule: by the station's clock. Event: UTC, ISO 8601."
    )
    to: str | Absent = Field(None, description="Likewise; absent: an event that ends when it is deleted.")
    event: str | Absent = Field(None, description="Id of the event.")
    source: str | Absent = Field(None, description="Who has told the event.")


class BaseLoadBody(AnswerBody):
    """What the grid connection carries besides the chargers, as it counts."""

    power: Kilo
    because: KnownWord = Field(
        description="measured; silent: the meter tells nothing, and staticLoad counts, or what was measured above it."
    )


class WaitBody(AnswerBody):
    """Power that another session has beyond its target, and what has to happen before it is free."""

    session_id: str
    connector_id: ConnectorIdAnswer
    power: Kilo
    until: AwaitedWord = Field(
        description="cut: it is told; answer: its charger answers; car: the car lets go; lost_limit: a limit that was "
        "not confirmed cannot be in force any more; client: its client calls; setup: its charger confirms what is set "
        "up in it; start_power: what it was offered to start with is taken back."
    )


class ExplanationBody(AnswerBody):
    """Why a session has what it has now. All powers in kW, exact to the watt."""

    session_id: str
    connector_id: ConnectorIdAnswer
    sentence: str = Field(description="The whole of it in one plain sentence, figures rounded down.")
    reason: ReasonWord = Field(description="Why it has what it has, in one word.")
    limited_by: str | Absent = Field(
        None, description="What its target rests on, as in the session; absent while it is not planned for."
    )
    target_power: Kilo | Absent = Field(None, description="What it is to have; likewise. Observed: what it would have.")
    limit_power: Kilo | Absent = Field(None, description="What was told last and may hold; absent where nobody knows.")
    booked_power: Kilo = Field(description="The most that may be drawn there now.")
    consumed_power: Kilo | Absent = Field(None, description="Metered; absent while unknown.")
    least_power: Kilo = Field(description="With less it cannot charge.")
    kept_power: Kilo = Field(description="What cannot be taken from it: the fail-safe power, or the least.")
    cap_power: Kilo | Absent = Field(None, description="What an operator allows it; absent: there is no cap.")
    weight: int = Field(description="Its share beside others.")
    priority: int = Field(description="Higher is let in first where not all least powers fit.")
    demand: DemandBody
    node: BindingBody | Absent = Field(None, description="The row that limits it; absent where none does.")
    grid_held_by: HeldBody | Absent = Field(
        None, description="Where that is the grid, or too much is booked there: what holds it; absent: gridCapacity."
    )
    base_load: BaseLoadBody | Absent = Field(
        None, description="Where the grid connection is why, and the site has a meter; else absent."
    )
    certain_capacity: Kilo | Absent = Field(
        None,
        description="What the grid connection is certain to have at any hour, without a battery and without this "
        "system: where the session has its share of that alone, because its charger was not seen to let limits expire.",
    )
    until: AwaitedWord | Absent = Field(None, description="What its own booked power hangs on; absent: nothing.")
    waits_for: list[WaitBody] = Field(
        description=f"Whose power its raise waits for, the greatest first; at most {NAMED_MAX}."
    )
    waits_for_power: Kilo = Field(description="The sum of all of that.")


class ExplanationAnswer(AnswerBody):
    """One explanation."""

    explanation: ExplanationBody


def explanation_answer(found: Explanation) -> ExplanationAnswer:
    """Return an explanation as REST shows it."""
    body = ExplanationBody(
        session_id=found.session_id,
        connector_id=ConnectorIdAnswer(charger_id=found.charger_id, idx=found.idx),
        sentence=sentence(found),
        reason=found.reason.value,
        limited_by=found.limited_by,
        target_power=_kilo(found.target_w),
        limit_power=_kilo(found.limit_w),
        booked_power=kilowatts(found.booked_w),
        consumed_power=_kilo(found.consumed_w),
        least_power=kilowatts(found.least_w),
        kept_power=kilowatts(found.floor_w),
        cap_power=_kilo(found.cap_w),
        weight=found.weight,
        priority=found.priority,
        demand=DemandBody(
            power=kilowatts(found.demand_w),
            declared_power=kilowatts(found.declared_w),
            because=found.cause.value,
        ),
        node=None if found.binding is None else _binding(found.binding),
        grid_held_by=None if found.held is None else _held(found.held),
        base_load=None if found.base_load is None else _base_load(found.base_load),
        certain_capacity=_kilo(found.firm_w),
        until=None if found.awaited is None else found.awaited.value,
        waits_for=[_wait(each) for each in found.waits],
        waits_for_power=kilowatts(found.waits_w),
    )
    return ExplanationAnswer(explanation=body)


def _kilo(power_w: int | None) -> Kilo | None:
    return None if power_w is None else kilowatts(power_w)


def _held(found: Held) -> HeldBody:
    event, window, begin, end = found.event, found.window, None, None
    if event is not None:
        begin, end = iso_time(event.from_ms), None if event.to_ms is None else iso_time(event.to_ms)
    elif window is not None:
        begin, end = clock_text(window.from_min), clock_text(window.to_min)
    return HeldBody(
        by=found.by.value,
        capacity=kilowatts(found.capacity_w),
        from_=begin,
        to=end,
        event=None if event is None else event.event_id,
        source=None if event is None else event.source,
    )


def _binding(found: Binding) -> BindingBody:
    return BindingBody(
        id=found.node_id,
        capacity=kilowatts(found.capacity_w),
        battery_power=kilowatts(found.battery_w) if found.battery_w else None,
        booked_power=kilowatts(found.booked_w),
        not_shared=kilowatts(found.loads_w),
        trimmed=kilowatts(found.trimmed_w),
        withheld=kilowatts(found.withheld_w),
        shared=kilowatts(found.shared_w),
        sessions=found.sessions,
        target_power=kilowatts(found.target_w),
        sharing=[_share(each) for each in found.shares],
        loads=[_load(each) for each in found.loads],
        one_more_kilowatt_gives=kilowatts(found.more_w),
    )


def _base_load(found: BaseLoadShare) -> BaseLoadBody:
    return BaseLoadBody(power=kilowatts(found.power_w), because=found.known.value)


def _share(found: Share) -> ShareBody:
    return ShareBody(
        session_id=found.session_id,
        connector_id=ConnectorIdAnswer(charger_id=found.charger_id, idx=found.idx),
        limit_power=_kilo(found.limit_w),
        target_power=kilowatts(found.target_w),
        booked_power=kilowatts(found.booked_w),
        weight=found.weight,
    )


def _load(found: Load) -> LoadBody:
    return LoadBody(charger_id=found.charger_id, power=kilowatts(found.power_w))


def _wait(found: Wait) -> WaitBody:
    return WaitBody(
        session_id=found.session_id,
        connector_id=ConnectorIdAnswer(charger_id=found.charger_id, idx=found.idx),
        power=kilowatts(found.power_w),
        until=found.awaited.value,
    )
