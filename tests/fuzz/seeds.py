"""Long runs, each made from one number by code of our own: Hypothesis draws the numbers and nothing else."""

from collections.abc import Callable

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st


def with_seeds(run: Callable[[int], object], runs: int) -> None:
    """Call `run` with so many numbers; the first one is always 0, the others are fresh."""

    @settings(
        max_examples=runs,
        deadline=None,
        database=None,
        phases=[Phase.generate],  # a run that fails is long; its seed says it all
        suppress_health_check=list(HealthCheck),
    )
    @given(st.integers(0, 2**32 - 1))
    def each(seed: int) -> None:
        run(seed)

    each()
