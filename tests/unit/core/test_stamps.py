import pytest

from csms.core.ids import Now
from csms.core.records import Doubt
from csms.core.stamps import Stamps

OLD, AHEAD = Doubt.OLD, Doubt.AHEAD

STAMPS: list[tuple[str, list[tuple[int, int]], list[Doubt | None]]] = [
    # caption, stamps (received at s, stamped so many s ahead of our time) | why each does not speak of now
    ("right", [(0, 0), (10, 0)], [None, None]),
    ("60 s behind", [(0, -60)], [None]),
    ("61 s behind: from a queue", [(0, -61)], [OLD]),
    ("60 s ahead, and back", [(0, 60), (10, 0), (20, -1)], [None, None, OLD]),
    ("a clock an hour ahead: the second one shows it", [(0, 3_600), (10, 3_600), (20, 3_590)], [AHEAD, None, None]),
    ("one stamp of tomorrow among good ones", [(0, 0), (10, 86_400), (20, 0), (30, 0)], [None, AHEAD, None, None]),
    ("two that do not agree", [(0, 3_600), (10, 7_200), (20, 0)], [AHEAD, AHEAD, None]),
    ("two in one message are one witness", [(0, 3_600), (0, 3_600), (10, 3_600)], [AHEAD, AHEAD, None]),
    ("a good one between: both stand alone", [(0, 3_600), (10, 0), (20, 3_600)], [AHEAD, None, AHEAD]),
    ("a clock that was set back: 2 min later", [(0, 0), (60, -500), (119, -500), (120, -500)], [None, OLD, OLD, None]),
    (
        "a long queue catches up",
        [(0, -28_800), *((2 + 2 * i, -28_740 + 58 * i) for i in range(400))],
        [OLD] * 401,
    ),
    (
        "a clock that was set back is believed after a minute of it",
        [(200, -500), (230, -520), (260, -500)],
        [OLD, OLD, None],
    ),
    ("a queue behind good ones", [(0, 0), (60, -9_000), (119, 0), (130, -8_000)], [None, OLD, None, OLD]),
]


@pytest.mark.parametrize(("stamps", "doubts"), [row[1:] for row in STAMPS], ids=[row[0] for row in STAMPS])
def test_which_stamps_speak_of_now(stamps: list[tuple[int, int]], doubts: list[Doubt | None]) -> None:
    seen, wall_ms = Stamps(), 1_800_000_000_000
    told = [
        seen.doubt(wall_ms + (at_s + ahead_s) * 1_000, Now(at_s * 1_000, wall_ms + at_s * 1_000))
        for at_s, ahead_s in stamps
    ]
    assert told == doubts


def test_a_new_connection_knows_still_that_a_clock_is_ahead() -> None:
    seen = Stamps(offset_ms=3_600_000, seen_ms=0, ahead_ms=9)
    seen.reconnected(5_000)
    assert seen == Stamps(3_600_000, 5_000)
    seen = Stamps(offset_ms=-3_600_000)
    seen.reconnected(5_000)
    assert seen == Stamps(0, 5_000), "else what a queue tells of an hour ago would be of now"


def test_a_clock_that_is_behind_is_believed_though_its_charger_boots_every_minute() -> None:
    seen, wall_ms, doubts = Stamps(), 1_800_000_000_000, []
    for at_s in range(0, 200, 20):
        if at_s % 60 == 40:
            seen.begin(at_s * 1_000)
        doubts.append(seen.doubt(wall_ms + (at_s - 1_700) * 1_000, Now(at_s * 1_000, wall_ms + at_s * 1_000)))
    assert doubts == [OLD] * 6 + [None] * 4
    seen.begin(200_000)
    assert seen.doubt(wall_ms + 201_000, Now(201_000, wall_ms + 201_000)) is None, "the boot has set it"
    seen.begin(202_000)
    assert seen.doubt(wall_ms - 1_500_000, Now(203_000, wall_ms + 203_000)) is OLD, "it was right before: a queue"


def test_a_boot_forgets() -> None:
    seen = Stamps(offset_ms=3_600_000, seen_ms=0, ahead_ms=9)
    seen.begin(5_000)
    assert seen == Stamps(0, 5_000)
    assert seen.doubt(0, Now(6_000, 0)) is None


OUR_STEPS_S = [-86_400, -3_600, -61, 61, 3_600, 86_400]


@pytest.mark.parametrize("step_s", OUR_STEPS_S)
@pytest.mark.parametrize("ahead_s", [0, 3_600, -30])
def test_a_step_of_our_own_clock_says_nothing_about_theirs(ahead_s: int, step_s: int) -> None:
    seen, wall_ms = Stamps(offset_ms=ahead_s * 1_000), 1_800_000_000_000
    seen.our_clock_stepped(step_s * 1_000)
    now = Now(1_000, wall_ms + 1_000 + step_s * 1_000)
    assert seen.doubt(wall_ms + 1_000 + ahead_s * 1_000, now) is None
    assert seen.offset_ms == (ahead_s - step_s) * 1_000
    assert seen.doubt(wall_ms + 1_000 + (ahead_s + 61) * 1_000, now) is AHEAD, "as before"
    assert seen.doubt(wall_ms + 1_000 + (ahead_s - 61) * 1_000, now) is OLD, "as before"


def test_what_is_ahead_and_behind_is_still_so_when_our_clock_has_stepped() -> None:
    seen, wall_ms = Stamps(), 1_800_000_000_000
    assert seen.doubt(wall_ms + 3_600_000, Now(0, wall_ms)) is AHEAD
    seen.our_clock_stepped(-500_000)
    assert seen.doubt(wall_ms + 3_610_000, Now(10_000, wall_ms - 490_000)) is None, "the second one shows it"
    assert seen.doubt(wall_ms, Now(20_000, wall_ms - 480_000)) is OLD
    seen.our_clock_stepped(500_000)
    assert seen.doubt(wall_ms + 125_000, Now(145_000, wall_ms + 145_000)) is None, "it was set back, and stayed so"
