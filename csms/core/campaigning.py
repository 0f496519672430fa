"""Firmware campaigns: UpdateFirmware for many chargers, so many at a time, until one fails.

    waiting ⇄ waiting for cars → asked → downloading → installing → installed
                                 asked → waiting     its command certainly never left
                                 asked, downloading, installing → failed, and the campaign is halted
    waiting, waiting for cars → skipped              the campaign was stopped
    any but the last three    → skipped              the charger was removed

A charger is asked only when it is connected, no car charges there, its maximum has room on its rows, and its turn has
come; one that has to wait holds up nobody behind it. Its command is one of `csms.core.commanding`, made in the step in
which it leaves, so that the place and the command are durable together: after a crash a charger whose command may have
left is never asked again. What came of it is the command's outcome and nothing else. A command whose fate is unknown
counts as failed.

One failure halts the campaign: those under way go on, nobody else is begun, until an operator resumes it or stops it.
Booked power is touched by the commands alone (LEDGER.md §4).
"""

import json
from dataclasses import replace
from datetime import UTC, datetime

from csms.core.actions import FIRMWARE
from csms.core.charger import ChargerState
from csms.core.commanding import CommandQueue, is_there, is_updated
from csms.core.events import (
    CampaignRequested,
    CampaignResumeRequested,
    CampaignStopRequested,
    ChargerReported,
    ConnectorStatus,
    Fact,
)
from csms.core.ids import CommandId
from csms.core.maintenance import anywhere
from csms.core.part import Part, TimedPart
from csms.core.records import (
    CampaignState,
    CampaignStored,
    CommandOutcome,
    CommandState,
    CommandStored,
    Place,
    PlaceState,
)
from csms.core.replies import CampaignShown, Refusal, Refused

OPEN_MAX = 20
"""Campaigns that have not ended; one more is refused."""

CHARGERS_MAX = 1_000
"""Chargers of one campaign."""

TRIES_MAX = 5
"""So often may the command of one charger not leave at all: its connection ended at that moment each time."""

WAITS = frozenset({PlaceState.WAITING, PlaceState.WAITING_FOR_CARS})
UNDER_WAY = frozenset({PlaceState.ASKED, PlaceState.DOWNLOADING, PlaceState.INSTALLING})

REPORTED = {
    "Downloading": PlaceState.DOWNLOADING,
    "Downloaded": PlaceState.DOWNLOADING,
    "Installing": PlaceState.INSTALLING,
}
"""What a charger says on the way (§7.25); its end is the command's outcome, and Idle says nothing."""

CAR_THERE = frozenset({ConnectorStatus.CHARGING, ConnectorStatus.SUSPENDED_EV, ConnectorStatus.SUSPENDED_EVSE})
"""Statuses with a transaction, be it one that nobody has told us of yet."""

UNKNOWN = "nobody knows whether it was told: the connection, or this system, ended before its answer"

DOUBTFUL = "another update of its firmware was not answered: nobody knows whether it is under way"
REMOVED = "the charger was removed"
NEVER_LEFT = f"its connection ended {TRIES_MAX} times before it was told"

FAILURES = {
    CommandState.NOT_SUPPORTED: "it does not know UpdateFirmware",
    CommandState.REJECTED: "it refused UpdateFirmware",
    CommandState.FAILED: "it answered UpdateFirmware with an error",
    CommandState.TIMED_OUT: "it did not answer UpdateFirmware, and may do it all the same",
    CommandState.UNKNOWN: UNKNOWN,
}
OUTCOMES = {
    CommandOutcome.FAILED: "it reported that the download or the installation has failed",
    CommandOutcome.NOT_SEEN: "it did not report Installed in time",
    CommandOutcome.CANCELLED: "another command has put an end to it",
}


class Campaigning(Part):
    """Intake of campaigns and of what chargers report on the way; lives for one step."""

    def requested(self, fact: CampaignRequested) -> None:
        """Take a campaign in; its first chargers are asked in this step if they can be."""
        refused = self._why_refused(fact)
        if refused is not None:
            self.journal.reply(fact.request, refused)
            return
        now_ms = self.now.wall_ms
        campaign = CampaignStored(
            fact.campaign_id,
            fact.name,
            fact.asked_by,
            now_ms,
            fact.at_a_time,
            fact.body_json,
            fact.retrieve_ms,
            tuple(Place(charger_id, changed_ms=now_ms) for charger_id in fact.charger_ids),
        )
        write(self, campaign)
        self.journal.log("campaign.begun", campaign_id=fact.campaign_id, chargers=len(campaign.places))
        self.journal.reply(fact.request, CampaignShown(campaign))

    def _why_refused(self, fact: CampaignRequested) -> Refused | None:
        if len(self.state.campaigns) >= OPEN_MAX:
            return Refused(Refusal.CAMPAIGN_REFUSED, f"{OPEN_MAX} campaigns have not ended yet")
        for charger_id in fact.charger_ids:
            if charger_id not in self.state.chargers:
                return Refused(Refusal.UNKNOWN_CHARGER, "one of the chargers does not exist")
        taken = {p.charger_id for c in self.state.campaigns.values() for p in c.places if p.state in WAITS | UNDER_WAY}
        for charger_id in fact.charger_ids:
            if charger_id in taken:
                return Refused(Refusal.CAMPAIGN_REFUSED, f"{charger_id} is in another campaign that has not ended")
        return None

    def stop_requested(self, fact: CampaignStopRequested) -> None:
        """Begin with nobody else, for good; those under way go on."""
        campaign = self.state.campaigns.get(fact.campaign_id)
        if campaign is None:
            self.journal.reply(fact.request, ENDED)
            return
        if campaign.state is not CampaignState.STOPPED:
            places = tuple(self._skipped(place) if place.state in WAITS else place for place in campaign.places)
            campaign = write(self, replace(campaign, state=CampaignState.STOPPED, places=places))
            self.journal.log("campaign.stopped", campaign_id=fact.campaign_id)
        self.journal.reply(fact.request, CampaignShown(campaign))

    def _skipped(self, place: Place) -> Place:
        reason = "the campaign was stopped"
        return replace(place, state=PlaceState.SKIPPED, reason=reason, changed_ms=self.now.wall_ms)

    def resume_requested(self, fact: CampaignResumeRequested) -> None:
        """Go on with the chargers that were not begun; those that failed are not asked again."""
        campaign = self.state.campaigns.get(fact.campaign_id)
        if campaign is None:
            self.journal.reply(fact.request, ENDED)
            return
        if campaign.state is CampaignState.STOPPED:
            self.journal.reply(fact.request, Refused(Refusal.CAMPAIGN_ENDED, "it was stopped by an operator, for good"))
            return
        if campaign.state is CampaignState.HALTED:
            campaign = replace(campaign, state=CampaignState.RUNNING, halted_by=None, halted_why=None)
            write(self, campaign)
            self.journal.log("campaign.resumed", campaign_id=fact.campaign_id)
        self.journal.reply(fact.request, CampaignShown(campaign))

    def noticed(self, fact: Fact) -> None:
        """Take note of how far the firmware of a charger under way has come."""
        if not isinstance(fact, ChargerReported) or fact.action != "FirmwareStatusNotification":
            return
        state = next((REPORTED[word] for word in REPORTED if f'"{word}"' in fact.payload_json), None)
        if state is None:
            return
        for campaign in list(self.state.campaigns.values()):
            for number, place in enumerate(campaign.places):
                if place.charger_id == fact.charger_id and place.state in UNDER_WAY - {state}:
                    told = replace(place, state=state, changed_ms=self.now.wall_ms)
                    write(self, with_place(campaign, number, told))


class CampaignQueue(TimedPart):
    """Follows what came of the commands, and asks the next chargers; lives for one step."""

    def run(self, queue: CommandQueue) -> None:
        """Go through all campaigns, oldest first, after the commands have been gone through."""
        for campaign in list(self.state.campaigns.values()):
            followed = self._followed(campaign)
            if followed.state is CampaignState.RUNNING:
                followed = self._asked(followed, queue)
            followed = self._ended(followed)
            if followed is not campaign:
                write(self, followed)
            if followed.ended_ms is not None:
                del self.state.campaigns[campaign.campaign_id]

    # --- what came of it ----------------------------------------------------------------------------------------------

    def _followed(self, campaign: CampaignStored) -> CampaignStored:
        for number, place in enumerate(campaign.places):
            moved = place
            if place.state in UNDER_WAY:
                moved = self._moved(place)
            elif place.state in WAITS and self._is_doubtful(place):
                moved = self._told(place, PlaceState.FAILED, DOUBTFUL)
            if moved is place:
                continue
            campaign = with_place(campaign, number, moved)
            if moved.state is PlaceState.FAILED:
                campaign = self._halted(campaign, moved)
        return campaign

    def _moved(self, place: Place) -> Place:
        """Return a place that is under way as the outcome of its command leaves it."""
        charger = self.state.chargers.get(place.charger_id)
        if charger is None or charger.draining:
            return self._told(place, PlaceState.SKIPPED, REMOVED)
        command = self._command(place.command_ids[-1])
        if command is None:
            return self._told(place, PlaceState.FAILED, UNKNOWN)
        if command.state is CommandState.EXPIRED:
            if len(place.command_ids) >= TRIES_MAX:
                return self._told(place, PlaceState.SKIPPED, NEVER_LEFT)
            return self._told(place, PlaceState.WAITING, command.reason)
        if command.outcome is CommandOutcome.HAPPENED:
            return self._told(place, PlaceState.INSTALLED, None)
        if command.outcome in OUTCOMES:
            return self._told(place, PlaceState.FAILED, OUTCOMES[command.outcome])
        if command.state in FAILURES:
            return self._told(place, PlaceState.FAILED, FAILURES[command.state])
        return place

    def _command(self, command_id: CommandId) -> CommandStored | None:
        """Return a command that has not ended before this step."""
        commanded = self.state.commands.get(command_id) or self.journal.operated.get(command_id)
        return None if commanded is None else commanded.stored

    def _halted(self, campaign: CampaignStored, place: Place) -> CampaignStored:
        """Begin with nobody else; one that is stopped stays so."""
        log = {"campaign_id": campaign.campaign_id, "reason": place.reason}
        self.journal.log("campaign.charger_failed", place.charger_id, None, **log)
        if campaign.state is not CampaignState.RUNNING:
            return campaign
        why = f"{place.charger_id}: {place.reason}"
        return replace(campaign, state=CampaignState.HALTED, halted_by=place.charger_id, halted_why=why)

    # --- who is next --------------------------------------------------------------------------------------------------

    def _asked(self, campaign: CampaignStored, queue: CommandQueue) -> CampaignStored:
        """Ask as many chargers as may be under way, in the order in which they were named."""
        free = campaign.at_a_time - sum(place.state in UNDER_WAY for place in campaign.places)
        if campaign.retrieve_ms is not None:
            from_ms = self.now.mono_ms + max(0, campaign.retrieve_ms - self.now.wall_ms)
            free = free if self._reached(from_ms) else 0
        for number, place in enumerate(campaign.places):
            if place.state not in WAITS:
                continue
            moved = self._next(campaign, number, queue) if free > 0 else self._unasked(place)
            free -= moved.state in UNDER_WAY
            if moved is not place:
                campaign = with_place(campaign, number, moved)
        return campaign

    def _unasked(self, place: Place) -> Place:
        """Return a place whose turn has not come; one that was found to have a car waits for that as long as it has."""
        charger = self.state.chargers.get(place.charger_id)
        if place.state is PlaceState.WAITING_FOR_CARS and charger is not None and has_car(charger):
            return place
        return self._told(place, PlaceState.WAITING, None)

    def _next(self, campaign: CampaignStored, number: int, queue: CommandQueue) -> Place:
        """Ask a charger whose turn it is, if it can be asked now."""
        place = campaign.places[number]
        hindered = self._hindered(place)
        if hindered is not None:
            return hindered
        stored = self._update(campaign, number)
        why_not = queue.offer(stored)
        if why_not is not None:
            return self._told(place, PlaceState.WAITING, why_not)
        asked = self._told(place, PlaceState.ASKED, None)
        return replace(asked, command_ids=(*place.command_ids, stored.command_id))

    def _hindered(self, place: Place) -> Place | None:
        """Return a place whose charger is not to be asked as it stands, and why; or None."""
        charger = self.state.chargers.get(place.charger_id)
        if charger is None or charger.draining:
            return self._told(place, PlaceState.SKIPPED, REMOVED)
        if charger.release is not None:
            return self._told(place, PlaceState.SKIPPED, "the charger was released")
        marked = anywhere(charger)
        if marked is not None:
            return self._told(place, PlaceState.WAITING, f"it is under maintenance: {marked[1].reason}")
        if not is_there(charger):
            return self._told(place, PlaceState.WAITING, "the charger is offline")
        if has_car(charger):
            return self._told(place, PlaceState.WAITING_FOR_CARS, "a car charges there")
        if self._is_untold(charger):
            return self._told(place, PlaceState.WAITING, "its connectors have not told their status yet")
        if self._is_starting(charger):
            return self._told(place, PlaceState.WAITING_FOR_CARS, "a car is about to start there")
        if is_updated(self.state, place.charger_id):
            return self._told(place, PlaceState.WAITING, "another update of its firmware is under way")
        return None

    def _is_untold(self, charger: ChargerState) -> bool:
        """Return whether a car may charge there since before it connected, and we are yet to be told."""
        told = all(c.status is not None and c.status_ms >= charger.connected_ms for c in charger.connectors.values())
        return not told and not self._reached(charger.connected_ms + self.timings.status_unknown_ms)

    def _is_doubtful(self, place: Place) -> bool:
        """Return whether an update of another asker's may be under way at a charger, and nobody knows."""
        return any(
            each.stored.charger_id == place.charger_id
            and each.stored.action in FIRMWARE
            and each.stored.state in {CommandState.TIMED_OUT, CommandState.UNKNOWN}
            for each in (*self.state.commands.values(), *self.journal.operated.values())
        )

    def _is_starting(self, charger: ChargerState) -> bool:
        """Return whether a driver was told to plug in there, and the start is yet to come."""
        asked = any(
            each.stored.charger_id == charger.charger_id
            and each.stored.action == "RemoteStartTransaction"
            and (each.stored.state is CommandState.SENT or each.stored.outcome is CommandOutcome.AWAITED)
            for each in self.state.commands.values()
        )
        return asked or any(waiter.key.charger_id == charger.charger_id for waiter in self.state.waiters.values())

    def _update(self, campaign: CampaignStored, number: int) -> CommandStored:
        """Return the command for a charger; its id is not used twice, for no charger is asked twice."""
        place, now_ms = campaign.places[number], self.now.wall_ms
        fetched_ms = now_ms if campaign.retrieve_ms is None else campaign.retrieve_ms
        fetched = datetime.fromtimestamp(fetched_ms // 1_000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        body = json.dumps(json.loads(campaign.body_json) | {"retrieveDate": fetched})
        command_id = CommandId(f"{campaign.campaign_id}-{number + 1}-{len(place.command_ids) + 1}")
        return CommandStored(command_id, place.charger_id, "UpdateFirmware", body, campaign.asked_by, now_ms)

    def _told(self, place: Place, state: PlaceState, reason: str | None) -> Place:
        """Return a place in a state, itself if it is so already."""
        if (place.state, place.reason) == (state, reason):
            return place
        return replace(place, state=state, reason=reason, changed_ms=self.now.wall_ms)

    # --- the end ------------------------------------------------------------------------------------------------------

    def _ended(self, campaign: CampaignStored) -> CampaignStored:
        """End a campaign of which nothing is left to do."""
        if campaign.state is CampaignState.HALTED or any(p.state in WAITS | UNDER_WAY for p in campaign.places):
            return campaign
        self.journal.log("campaign.ended", campaign_id=campaign.campaign_id)
        state = CampaignState.DONE if campaign.state is CampaignState.RUNNING else campaign.state
        return replace(campaign, state=state, ended_ms=self.now.wall_ms)


ENDED = Refused(Refusal.CAMPAIGN_ENDED, "it has ended")


def has_car(charger: ChargerState) -> bool:
    """Return whether a transaction runs at a charger, as far as anybody knows."""
    held = next(charger.sessions(), None) is not None
    return held or any(connector.status in CAR_THERE for connector in charger.connectors.values())


def with_place(campaign: CampaignStored, number: int, place: Place) -> CampaignStored:
    """Return a campaign with one of its places changed."""
    return replace(campaign, places=(*campaign.places[:number], place, *campaign.places[number + 1 :]))


def write(part: Part, campaign: CampaignStored) -> CampaignStored:
    """Have a campaign count, and be written."""
    part.state.campaigns[campaign.campaign_id] = campaign
    part.journal.campaigns[campaign.campaign_id] = campaign
    part.journal.plan = True
    return campaign
