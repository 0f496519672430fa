"""The table that a scenario prints while it runs: step, expected, got, and whether they are the same."""

from collections.abc import Callable

WIDTHS = (44, 24, 24)


class Checks:
    """Collects the outcome of each step and prints it as it comes."""

    def __init__(self, show: Callable[[str], None]) -> None:
        self._show = show
        self.wrong = 0
        self.right = 0
        self._line("step", "expected", "got", "")

    def check(self, step: str, expected: str, got: str) -> None:
        """Note and print one step; it is right when both texts are the same."""
        same = expected == got
        self.right += same
        self.wrong += not same
        self._line(step, expected, got, "ok" if same else "WRONG")

    def fail(self, step: str, expected: str, why: str) -> None:
        """Note and print a step that gave no figure at all."""
        self.wrong += 1
        self._line(step, expected, why, "WRONG")

    def _line(self, step: str, expected: str, got: str, verdict: str) -> None:
        cells = (f"{text:<{width}}" for text, width in zip((step, expected, got), WIDTHS, strict=True))
        self._show("  ".join((*cells, verdict)).rstrip())
