"""What is published of chargers, step by step, is what a view built anew shows: in storms of every kind of fault."""

from collections.abc import Sequence

import pytest

from csms.core.engine import Engine, Step
from csms.core.events import Fact
from csms.core.ids import ChargerId, Now
from csms.core.records import Snapshot
from csms.core.replies import ChargerView
from csms.simulation.faults import Profile
from csms.simulation.run import Options, simulate

pytestmark = pytest.mark.timeout(900)
SEEDS = 5


class Published(Engine):
    """Compares after each step what was published so far with what is."""

    steps = 0
    """Of all engines; so many steps were compared."""

    def __init__(self, snapshot: Snapshot, now: Now) -> None:
        super().__init__(snapshot, now)
        self.published: dict[ChargerId, ChargerView | None] = dict(self.all_changes().chargers)

    def step(self, facts: Sequence[Fact], now: Now) -> Step:
        step = super().step(facts, now)
        for charger_id, view in step.changes.chargers.items():
            if view is None:
                del self.published[charger_id]
            else:
                self.published[charger_id] = view
        anew = self.all_changes().chargers
        assert self.published == anew, [
            (facts, self.published.get(charger_id), anew.get(charger_id))
            for charger_id in {*self.published, *anew}
            if self.published.get(charger_id) != anew.get(charger_id)
        ]
        Published.steps += 1
        return step


@pytest.mark.parametrize("profile", [Profile.DRAWN, Profile.STORM], ids=lambda profile: profile.value)
def test_what_is_published_of_chargers_is_what_is(profile: Profile) -> None:
    before = Published.steps
    for seed in range(SEEDS):
        options = Options(seed, 0.2, None, profile)
        outcome = simulate(options, Published)
        if outcome.violation is not None:
            pytest.fail(f"{outcome.violation}\ncsms simulate {options.text}", pytrace=False)
    assert Published.steps - before > 100 * SEEDS, "the worlds have lived"
