"""What one step produces, collected while facts are taken in and the plan is carried out.

The engine turns it into a `Step` at the end: rows are written from the state as it is then, once each, so the order in
which a step touched things does not matter.
"""

from dataclasses import dataclass, field

from csms.core.commanded import Commanded
from csms.core.commands import Command, SetBattery
from csms.core.events import BootInfo, MeterSampled, Sample, TransactionStopped
from csms.core.hiding import without_credentials
from csms.core.ids import CampaignId, ChargerId, CommandId, RequestId, SessionId, Token
from csms.core.learnt import Make
from csms.core.limits import Send
from csms.core.records import CampaignStored, Doubt, EventLogged, SampleStored, SessionStored, StopCorrected
from csms.core.replies import Outcome, Reply
from csms.core.session import Session

LOGGED_CHARS_MAX = 8_192
"""Of one text in a line of the station's history: a charger may send 1 MiB in a message that steers nothing, but the
longest that OCPP has a use for holds a certificate request of 5500 characters."""


@dataclass(slots=True)
class Journal:
    """One step's output in the making.

    Attributes:
        chargers, makes, sessions, sends, operated, campaigns, capacity_events: what has to be written again.
        gone: sends that are out of force, freed: chargers of such; removed: chargers taken out of the configuration;
            forgotten: those of which nothing is left.
        orphans: closed records of stops that belong to no transaction.
        corrections: true ends of sessions whose end had been guessed.
        shown: sessions whose view may have changed; ended: those that left the view.
        peak: whether the capacity tariff has a higher one.
        plan: whether something changed that a plan depends on.
        battery: what the battery is told.
    """

    wall_ms: int
    at_once: list[Command] = field(default_factory=list)
    after_commit: list[Command] = field(default_factory=list)
    replies: list[Reply] = field(default_factory=list)
    events: list[EventLogged] = field(default_factory=list)
    samples: list[SampleStored] = field(default_factory=list)
    orphans: list[SessionStored] = field(default_factory=list)
    corrections: list[StopCorrected] = field(default_factory=list)
    chargers: set[ChargerId] = field(default_factory=set)
    makes: set[Make] = field(default_factory=set)
    removed: set[ChargerId] = field(default_factory=set)
    forgotten: set[ChargerId] = field(default_factory=set)
    sessions: dict[SessionId, Session] = field(default_factory=dict)
    sends: dict[Token, Send] = field(default_factory=dict)
    gone: set[Token] = field(default_factory=set)
    operated: dict[CommandId, Commanded] = field(default_factory=dict)
    campaigns: dict[CampaignId, CampaignStored] = field(default_factory=dict)
    capacity_events: set[str] = field(default_factory=set)
    freed: set[ChargerId] = field(default_factory=set)
    shown: dict[SessionId, None] = field(default_factory=dict)
    station: bool = False
    peak: bool = False
    plan: bool = False
    battery: SetBattery | None = None

    def log(
        self,
        kind: str,
        charger_id: ChargerId | None = None,
        idx: int | None = None,
        **detail: str | int | bool | None,
    ) -> None:
        """Add a line to the station's history; texts are without passwords of URLs, and cut where they are too long."""
        cut = {
            key: _cut(without_credentials(value)) if isinstance(value, str) else value for key, value in detail.items()
        }
        self.events.append(EventLogged(self.wall_ms, kind, charger_id, idx, cut))

    def keep_sample(
        self,
        fact: MeterSampled | TransactionStopped,
        idx: int,
        sample: Sample,
        owner_id: SessionId | None,
        doubt: Doubt | None = None,
    ) -> None:
        """Have a sample kept as it came."""
        self.samples.append(
            SampleStored(
                fact.charger_id,
                idx,
                owner_id,
                fact.transaction_id,
                sample.at_ms,
                self.wall_ms,
                sample.power_w,
                sample.energy_wh,
                sample.raw_json,
                doubt,
            )
        )

    def write_session(self, session: Session) -> None:
        """Have a session's row written and its view renewed."""
        self.sessions[session.session_id] = session
        self.show(session.session_id)

    def show(self, session_id: SessionId) -> None:
        """Have a session's view renewed; in the order in which they were touched, the same in every process."""
        self.shown[session_id] = None

    def write_make(self, boot: BootInfo | None) -> None:
        """Have what was learnt of a charger's make written; one that has not told its make is not remembered."""
        if boot is not None and boot.make is not None:
            self.makes.add(boot.make)

    def write_send(self, send: Send) -> None:
        """Have a send's row written."""
        self.sends[send.token] = send

    def drop_sends(self, sends: list[Send]) -> None:
        """Have sends that are out of force forgotten."""
        self.gone |= {send.token for send in sends}
        self.freed |= {send.charger_id for send in sends}

    def touched(self) -> set[ChargerId]:
        """Return the chargers of which something is written, or was freed."""
        of_sessions = {session.key.charger_id for session in self.sessions.values()}
        return self.chargers | self.freed | of_sessions | {send.charger_id for send in self.sends.values()}

    def reply(self, request: RequestId | None, outcome: Outcome) -> None:
        """Answer whoever waits, if anybody does."""
        if request is not None:
            self.replies.append(Reply(request, outcome))


def _cut(text: str) -> str:
    if len(text) <= LOGGED_CHARS_MAX:
        return text
    return f"{text[:LOGGED_CHARS_MAX]}… (cut, {len(text)} characters)"
