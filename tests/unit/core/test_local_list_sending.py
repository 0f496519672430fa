"""Which message brings a charger's local list where it is to be, row by row; what is said is OCPP's to the letter."""

import json
from dataclasses import replace
from typing import Any

import pytest

from csms.core.ids import ChargerId, CommandId
from csms.core.local_list import (
    VERSION_MAX,
    Entry,
    Held,
    ListState,
    LocalListStored,
    Sent,
)
from csms.core.local_list_sending import (
    CHUNK_DEFAULT,
    CHUNK_MAX,
    FULLS_MAX,
    SILENCES_MAX,
    Answered,
    AskLimits,
    AskVersion,
    Ended,
    Errored,
    Fate,
    NeverLeft,
    NotKnown,
    Send,
    Silent,
    answered,
    begun,
    fate_of,
    leaving,
    next_message,
    payload,
    recognised,
    resumed,
)
from csms.core.records import CommandState, CommandStored
from csms.ocpp16 import vendor

CP = ChargerId("CP001")
NOW_MS = 1_795_744_800_000
A, B, C = Entry("A"), Entry("B", "Fleet"), Entry("C", None, NOW_MS)
MANY = tuple(Entry(f"T{number:03}") for number in range(45))

BEGUN = LocalListStored(CP, ListState.SENDING, (A, B, C), "", NOW_MS, NOW_MS, NOW_MS)
READY = replace(BEGUN, is_asked=True, is_confirmed=True, are_limits_read=True)
"""A list of a charger that has told what it takes, and of which nobody knows what it holds."""


def knows(*entries: Entry, version: int = 7, **fields: Any) -> LocalListStored:
    return replace(READY, held=Held(version, entries), version_last=version, **fields)


def full(version: int, *listed: Entry) -> Send:
    return Send(Sent(version, True, listed))


def differential(version: int, *listed: Entry, removed: tuple[str, ...] = ()) -> Send:
    return Send(Sent(version, False, listed, removed))


@pytest.mark.parametrize(
    ("stored", "expected"),
    [
        pytest.param(BEGUN, AskVersion(), id="first the version"),
        pytest.param(replace(BEGUN, is_asked=True), AskLimits(), id="then what it takes"),
        pytest.param(READY, full(1, A, B, C), id="unknown: all of it"),
        pytest.param(replace(READY, version_last=4), full(5, A, B, C), id="versions rise"),
        pytest.param(knows(version=0), full(1, A, B, C), id="empty, as it says: all of it"),
        pytest.param(knows(A, B, C), Ended(ListState.HELD), id="nothing to do"),
        pytest.param(knows(A, B, C, are_limits_read=False), Ended(ListState.HELD), id="nothing to do at first sight"),
        pytest.param(knows(A, B, C, is_confirmed=False), AskVersion(), id="accepted is not believed"),
        pytest.param(knows(C, B, A), Ended(ListState.HELD), id="in whatever order"),
        pytest.param(knows(Entry("a"), B, C), Ended(ListState.HELD), id="in whatever case"),
        pytest.param(knows(A, B), differential(8, C), id="one more"),
        pytest.param(knows(A, B, C, Entry("D")), differential(8, removed=("D",)), id="one less"),
        pytest.param(knows(A, Entry("B"), C), differential(8, B), id="another parent"),
        pytest.param(knows(A, B, Entry("C")), differential(8, C), id="another expiry"),
        pytest.param(knows(), differential(8, A, B, C), id="empty by our own Full"),
        pytest.param(knows(wanted=(), version=0), Ended(ListState.HELD), id="none wanted, none there"),
        pytest.param(replace(READY, wanted=()), full(1), id="none wanted, unknown there"),
        pytest.param(knows(A, B, C, wanted=()), full(8), id="none wanted, some there"),
        pytest.param(replace(READY, wanted=MANY, chunk_max=10), full(1, *MANY[:10]), id="the first part"),
        pytest.param(knows(*MANY[:10], wanted=MANY, chunk_max=10), differential(8, *MANY[10:20]), id="the next"),
        pytest.param(replace(READY, wanted=MANY), full(1, *MANY[:CHUNK_DEFAULT]), id="it tells no limit"),
        pytest.param(
            knows(Entry("X"), Entry("Y"), chunk_max=3), differential(8, A, removed=("X", "Y")), id="removals first"
        ),
        pytest.param(knows(Entry("X"), Entry("Y"), chunk_max=1), differential(8, removed=("X",)), id="one by one"),
        pytest.param(
            replace(READY, wanted=tuple(Entry(str(n)) for n in range(1_000)), chunk_max=900),
            full(1, *(Entry(str(n)) for n in range(CHUNK_MAX))),
            id="no message is endless",
        ),
        pytest.param(replace(READY, entries_max=3), full(1, A, B, C), id="as long as may be"),
        pytest.param(
            replace(READY, entries_max=2),
            Ended(
                ListState.FAILED,
                "the list has 3 id tags, and LocalAuthListMaxLength of the charger is 2: nothing was sent",
            ),
            id="too long",
        ),
        pytest.param(
            replace(READY, version_last=VERSION_MAX),
            Ended(ListState.FAILED, "the charger's versions have come to their end"),
            id="no version is left",
        ),
        pytest.param(
            replace(READY, fulls=FULLS_MAX, reason="it said no"),
            Ended(ListState.FAILED, "begun 3 times: it said no"),
            id="begun too often",
        ),
        pytest.param(knows(A, B, fulls=FULLS_MAX), differential(8, C), id="a Differential begins nothing"),
        pytest.param(
            replace(BEGUN, silences=SILENCES_MAX),
            Ended(ListState.FAILED, "5 messages stayed without an answer"),
            id="silent too often",
        ),
        pytest.param(replace(READY, state=ListState.FAILED, reason="x"), Ended(ListState.FAILED, "x"), id="it is over"),
    ],
)
def test_the_next_message(stored: LocalListStored, expected: object) -> None:
    assert next_message(stored) == expected


SENT = differential(8, C)
UNDER_WAY = leaving(knows(A, B), SENT)


def version(number: object) -> Answered:
    return Answered({"listVersion": number})


@pytest.mark.parametrize(
    ("stored", "fate", "state", "held", "version_last"),
    [
        pytest.param(knows(A), version(-1), ListState.NOT_SUPPORTED, None, 7, id="-1: not supported"),
        pytest.param(knows(A), NotKnown(), ListState.NOT_SUPPORTED, None, 7, id="NotImplemented"),
        pytest.param(knows(A), version(0), ListState.SENDING, Held(0, ()), 7, id="0: empty"),
        pytest.param(knows(A), version(7), ListState.SENDING, Held(7, (A,)), 7, id="the one that we know"),
        pytest.param(knows(A), version(9), ListState.SENDING, None, 9, id="somebody else's"),
        pytest.param(knows(A), version(3), ListState.SENDING, None, 7, id="an old one"),
        pytest.param(knows(A), version(-2), ListState.SENDING, None, 7, id="no version at all"),
        pytest.param(knows(A), version(2**40), ListState.SENDING, None, 7, id="more than 32 bits"),
        pytest.param(UNDER_WAY, version(8), ListState.SENDING, Held(8, (A, B, C)), 8, id="it was taken in"),
        pytest.param(UNDER_WAY, version(7), ListState.SENDING, Held(7, (A, B)), 8, id="it was not"),
        pytest.param(UNDER_WAY, version(9), ListState.SENDING, None, 9, id="neither"),
        pytest.param(knows(A), version("7"), ListState.FAILED, Held(7, (A,)), 7, id="no number"),
        pytest.param(knows(A), version(True), ListState.FAILED, Held(7, (A,)), 7, id="a truth"),
        pytest.param(knows(A), Errored("InternalError"), ListState.FAILED, Held(7, (A,)), 7, id="an error"),
        pytest.param(knows(A), NeverLeft("it is offline"), ListState.FAILED, Held(7, (A,)), 7, id="it never left"),
    ],
)
def test_what_a_version_tells(
    stored: LocalListStored, fate: Fate, state: ListState, held: Held | None, version_last: int
) -> None:
    after = answered(stored, AskVersion(), fate)
    assert (after.state, after.held, after.version_last) == (state, held, version_last)
    if state is ListState.SENDING:
        assert (after.sent, after.is_asked) == (None, True)


@pytest.mark.parametrize(
    ("sent", "fate", "state", "held", "follows"),
    [
        pytest.param(
            SENT, Answered({"status": "Accepted"}), "sending", Held(8, (A, B, C)), AskVersion(), id="accepted"
        ),
        pytest.param(SENT, Answered({"status": "Failed"}), "sending", None, full(9, A, B, C), id="failed"),
        pytest.param(SENT, Answered({"status": "VersionMismatch"}), "sending", None, AskVersion(), id="mismatch"),
        pytest.param(SENT, Answered({"status": "NotSupported"}), "not_supported", None, Ended, id="not supported"),
        pytest.param(SENT, NotKnown(), "not_supported", None, Ended, id="not implemented"),
        pytest.param(SENT, Errored("OccurrenceConstraintViolation"), "sending", None, full(9, A, B, C), id="error"),
        pytest.param(SENT, Answered({}), "sending", None, full(9, A, B, C), id="an answer that says nothing"),
        pytest.param(SENT, Silent(), "sending", Held(7, (A, B)), AskVersion(), id="silence: ask what it holds"),
        pytest.param(SENT, NeverLeft("offline"), "failed", Held(7, (A, B)), Ended, id="it never left"),
        pytest.param(full(8, A, B), Answered({"status": "Accepted"}), "sending", Held(8, (A, B)), differential(9, C)),
        pytest.param(full(8, A), Answered({"status": "Failed"}), "sending", None, full(9, A, B, C), id="Full: again"),
    ],
)
def test_what_an_answer_to_a_list_leads_to(
    sent: Send, fate: Fate, state: str, held: Held | None, follows: object
) -> None:
    after = answered(leaving(knows(A, B, chunk_max=10), sent), sent, fate)
    assert (after.state, after.held) == (state, held)
    message = next_message(after)
    assert isinstance(message, Ended) if follows is Ended else message == follows
    assert (after.sent == sent.sent) is isinstance(fate, Silent)


@pytest.mark.parametrize(
    ("wanted", "told", "ended"),
    [
        ((A,), 1, Ended(ListState.HELD)),
        ((A,), 0, Ended(ListState.FAILED, "begun 3 times: it tells version 0 after it has accepted 3")),
        ((), 0, Ended(ListState.HELD)),
        ((), 1, Ended(ListState.HELD)),
    ],
)
def test_a_charger_that_accepts_and_does_not_keep_is_found_out(
    wanted: tuple[Entry, ...], told: int, ended: Ended
) -> None:
    stored = replace(READY, wanted=wanted)
    while not isinstance(message := next_message(stored), Ended):
        fate = version(told) if isinstance(message, AskVersion) else Answered({"status": "Accepted"})
        stored = answered(leaving(stored, message), message, fate)
    assert message == ended


def test_a_charger_that_fails_each_full_is_given_up_and_says_why() -> None:
    stored, fulls = replace(READY, chunk_max=10), 0
    while isinstance(message := next_message(stored), Send):
        stored = answered(leaving(stored, message), message, Answered({"status": "Failed"}))
        fulls += 1
    assert (fulls, stored.version_last) == (FULLS_MAX, FULLS_MAX)
    why = "begun 3 times: it answered a Full SendLocalList with Failed"
    assert message == Ended(ListState.FAILED, why)


@pytest.mark.parametrize(
    ("rows", "chunk_max", "entries_max", "enabled"),
    [
        (
            [
                {"key": "SendLocalListMaxLength", "readonly": True, "value": "10"},
                {"key": "localauthlistmaxlength ", "readonly": True, "value": " 500"},
                {"key": "LocalAuthListEnabled", "readonly": False, "value": "False"},
            ],
            10,
            500,
            False,
        ),
        ([{"key": "LocalAuthListEnabled", "readonly": False, "value": "true"}], None, None, True),
        ([{"key": "SendLocalListMaxLength", "value": "0"}, {"key": "LocalAuthListMaxLength"}], None, None, None),
        ([{"key": "SendLocalListMaxLength", "value": "99999999999"}, 5, {"value": "1"}], None, None, None),
        ([{"key": "SendLocalListMaxLength", "value": "-1"}, {"key": 7, "value": "x"}], None, None, None),
        (None, None, None, None),
        ("rows", None, None, None),
    ],
)
def test_limits_are_taken_as_far_as_they_are_told(
    rows: object, chunk_max: int | None, entries_max: int | None, *, enabled: bool | None
) -> None:
    asked = replace(BEGUN, is_asked=True)
    after = answered(asked, AskLimits(), Answered({"configurationKey": rows}))
    assert (after.chunk_max, after.entries_max, after.enabled) == (chunk_max, entries_max, enabled)
    assert after.are_limits_read


@pytest.mark.parametrize("fate", [NotKnown(), Errored("InternalError")])
def test_who_tells_no_limits_is_sent_short_messages(fate: Fate) -> None:
    after = answered(replace(BEGUN, is_asked=True), AskLimits(), fate)
    assert isinstance(next_message(after), Send)


@pytest.mark.parametrize(("message", "fate"), [(AskVersion(), Silent()), (AskLimits(), Silent()), (SENT, Silent())])
def test_silence_is_counted_and_an_answer_ends_it(message: AskVersion | AskLimits | Send, fate: Fate) -> None:
    after = answered(leaving(knows(A, B), message), message, fate)
    assert (after.silences, after.is_asked) == (1, False)
    assert answered(after, AskVersion(), version(7)).silences == 0


def test_another_wish_goes_on_from_what_is_known_and_another_charger_from_nothing() -> None:
    wish = replace(BEGUN, wanted=(A,), asked_by="10.0.0.9", asked_ms=NOW_MS + 5)
    same = begun(UNDER_WAY, wish)
    assert (same.held, same.sent, same.version_last) == (UNDER_WAY.held, UNDER_WAY.sent, 8)
    assert (same.wanted, same.asked_by, same.is_asked, same.state) == ((A,), "10.0.0.9", False, ListState.SENDING)
    assert begun(None, wish) == wish
    assert begun(replace(UNDER_WAY, is_on=False), wish) == replace(wish, version_last=8), "it was not ours meanwhile"
    old = begun(replace(UNDER_WAY, boot="this"), wish)
    assert recognised(old, "this") == old
    assert recognised(begun(UNDER_WAY, wish), "this") == old, "it had not told anything of itself before"
    other = recognised(old, "another")
    assert (other.held, other.sent, other.version_last) == (None, None, 8)
    late = answered(other, SENT, Answered({"status": "Accepted"}))
    assert (late.held, next_message(late)) == (None, AskVersion()), "a change of a list that nobody knows"


def test_who_has_told_no_limits_is_asked_for_them_again_when_it_refuses() -> None:
    after = answered(leaving(READY, full(1, A)), full(1, A), Errored("OccurrenceConstraintViolation"))
    assert next_message(after) == AskLimits()


def test_a_new_process_asks_first() -> None:
    again = resumed(replace(UNDER_WAY, silences=3))
    assert next_message(again) == AskVersion()
    assert (again.held, again.sent, again.silences) == (UNDER_WAY.held, UNDER_WAY.sent, 0)


def command(state: CommandState, **fields: Any) -> CommandStored:
    return CommandStored(CommandId("c"), CP, "SendLocalList", "{}", "", NOW_MS, state=state, **fields)


@pytest.mark.parametrize(
    ("stored", "fate"),
    [
        (command(CommandState.ACCEPTED, answer_json='{"listVersion":3}'), Answered({"listVersion": 3})),
        (
            command(CommandState.REJECTED, answer="Failed", answer_json='{"status":"Failed"}'),
            Answered({"status": "Failed"}),
        ),
        (
            command(CommandState.NOT_SUPPORTED, answer="NotSupported", answer_json='{"status":"NotSupported"}'),
            Answered({"status": "NotSupported"}),
        ),
        (command(CommandState.NOT_SUPPORTED, answer="NotImplemented"), NotKnown()),
        (command(CommandState.FAILED, answer="InternalError"), Errored("InternalError")),
        (command(CommandState.ACCEPTED), Errored("an answer that cannot be read")),
        (command(CommandState.TIMED_OUT), Silent()),
        (command(CommandState.UNKNOWN), Silent()),
        (command(CommandState.EXPIRED, reason="the charger is offline"), NeverLeft("the charger is offline")),
        (command(CommandState.EXPIRED), NeverLeft("its turn never came")),
    ],
)
def test_what_came_of_a_command(stored: CommandStored, fate: Fate) -> None:
    assert fate_of(stored) == fate


@pytest.mark.parametrize(
    ("message", "action", "body"),
    [
        (AskVersion(), "GetLocalListVersion", {}),
        (
            AskLimits(),
            "GetConfiguration",
            {"key": ["SendLocalListMaxLength", "LocalAuthListMaxLength", "LocalAuthListEnabled"]},
        ),
        (
            full(1, A, B, C),
            "SendLocalList",
            {
                "listVersion": 1,
                "updateType": "Full",
                "localAuthorizationList": [
                    {"idTag": "A", "idTagInfo": {"status": "Accepted"}},
                    {"idTag": "B", "idTagInfo": {"status": "Accepted", "parentIdTag": "Fleet"}},
                    {"idTag": "C", "idTagInfo": {"status": "Accepted", "expiryDate": "2026-11-27T02:00:00Z"}},
                ],
            },
        ),
        (
            differential(2, A, removed=("Z",)),
            "SendLocalList",
            {
                "listVersion": 2,
                "updateType": "Differential",
                "localAuthorizationList": [{"idTag": "Z"}, {"idTag": "A", "idTagInfo": {"status": "Accepted"}}],
            },
        ),
        (full(3), "SendLocalList", {"listVersion": 3, "updateType": "Full"}),
    ],
)
def test_what_is_said_is_by_the_schema_of_ocpp(message: Any, action: str, body: dict[str, Any]) -> None:
    said, text = payload(message)
    assert (said, json.loads(text)) == (action, body)
    assert vendor.check_call(said, text.encode()) is None
