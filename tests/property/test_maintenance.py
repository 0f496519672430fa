"""Maintenance moves no watt: whatever happens, with it and without it the same is booked and the same is said.

Two engines live through the same facts at the same times; one of them is also told of maintenance, at moments that
Hypothesis chooses. What the first one books is the oracle of the second, after every step and on every row.
"""

from itertools import count

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from csms.core.commands import Operate
from csms.core.events import ConnectorStatus, MaintenanceEndRequested, MaintenanceRequested
from csms.core.ids import ChargerId, RequestId
from tests.unit.core.driving import Drive, charger, station

PLACES = (("A", 1), ("A", 2), ("B", 1))

place = st.sampled_from(PLACES)
happenings = st.one_of(
    st.tuples(st.just("start"), place),
    st.tuples(st.just("stop"), place),
    st.tuples(st.just("draw"), place, st.integers(0, 110)),
    st.tuples(st.just("accept")),
    st.tuples(st.just("wait"), st.sampled_from((1, 10, 30, 61, 200))),
    st.tuples(st.just("away"), st.sampled_from("AB")),
    st.tuples(st.just("back"), st.sampled_from("AB")),
    st.tuples(st.just("status"), place, st.sampled_from((ConnectorStatus.AVAILABLE, ConnectorStatus.UNAVAILABLE))),
    st.tuples(st.just("crash")),
)
marks = st.tuples(st.just("mark"), st.sampled_from("AB"), st.sampled_from((0, 1)), st.sampled_from((None, 20, 100)))
ends = st.tuples(st.just("end"), st.sampled_from("AB"), st.sampled_from((0, 1)))
NUMBERS = count(1_000_000)


class Site:
    """Two chargers behind a grid connection that cannot carry both, and their cars."""

    def __init__(self) -> None:
        self.drive = Drive(station(150, charger("A", 100, 2), charger("B", 100)))
        self.drive.bring_up("A", "B")
        self.running: dict[tuple[str, int], int] = {("A", 1): self.drive.start("A", 1)}
        self.drive.accept()
        assert self.drive.engine.rows_booked_w()["A"] == 100_000, "something is booked from the beginning"

    def happen(self, what: tuple[object, ...]) -> None:  # noqa: C901 - one table of all happenings
        """Live through one thing, as far as it can happen now."""
        match what:
            case ("start", (str(name), int(idx))) if (name, idx) not in self.running:
                self.running[name, idx] = self.drive.start(name, idx)
            case ("stop", (str(name), int(idx))) if (name, idx) in self.running:
                self.drive.stop(name, self.running.pop((name, idx)))
            case ("draw", (str(name), int(idx)), int(power_kw)):
                self.drive.sample(name, idx, power_kw * 1_000, transaction_id=self.running.get((name, idx)))
            case ("accept",):
                for call in [each for each in self.drive.open_calls if not isinstance(each, Operate)]:
                    if call in self.drive.open_calls:
                        self.drive.answer(call)
            case ("wait", int(seconds)):
                self.drive.wait(seconds)
            case ("away", str(name)) if name in self.drive.connections:
                self.drive.disconnect(name)
            case ("back", str(name)) if name not in self.drive.connections:
                self.drive.connect(name)
            case ("status", (str(name), int(idx)), ConnectorStatus() as status):
                self.drive.status(name, idx, status)
            case ("crash",):
                self.drive.recover()

    def mark(self, what: tuple[object, ...]) -> None:
        """Be told of maintenance, or of its end."""
        request = RequestId(next(NUMBERS))
        match what:
            case ("mark", str(name), int(idx), until_s):
                until_ms = self.drive.now.wall_ms + until_s * 1_000 if isinstance(until_s, int) else None
                self.drive.do(MaintenanceRequested(request, f"m{request}", ChargerId(name), idx, "x", "y", until_ms))
            case ("end", str(name), int(idx)):
                self.drive.do(MaintenanceEndRequested(request, ChargerId(name), idx, "y"))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.one_of(happenings, happenings, marks, ends), min_size=5, max_size=40))
def test_the_same_is_booked_and_said_with_it_and_without_it(story: list[tuple[object, ...]]) -> None:
    marked, plain = Site(), Site()
    for what in story:
        if what[0] in {"mark", "end"}:
            marked.mark(what)
            plain.drive.do()
        else:
            marked.happen(what)
            plain.happen(what)
        assert marked.drive.engine.rows_booked_w() == plain.drive.engine.rows_booked_w()
    assert marked.drive.commands == plain.drive.commands
