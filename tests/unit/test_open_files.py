import resource
from dataclasses import replace

import pytest
from structlog.testing import capture_logs

from csms.core.station import Control
from csms.open_files import OTHERS, PLENTY, check_limit, raise_limit
from tests.unit.core.driving import charger, station

NONE = resource.RLIM_INFINITY


class Kernel:
    """Holds the limits; refuses to raise the soft one above `most`."""

    def __init__(self, soft: int, hard: int, most: int) -> None:
        self.limits, self.most = (soft, hard), most

    def get(self, which: int) -> tuple[int, int]:
        assert which == resource.RLIMIT_NOFILE
        return self.limits

    def set(self, which: int, limits: tuple[int, int]) -> None:
        assert which == resource.RLIMIT_NOFILE
        if limits[0] > self.most:
            raise ValueError("current limit exceeds maximum limit")
        self.limits = limits


@pytest.mark.parametrize(
    ("soft", "hard", "most", "limit"),
    [
        (1_024, 524_288, 10**9, 524_288),
        (1_024, 1_024, 10**9, 1_024),
        (256, NONE, 10**9, PLENTY),
        (256, NONE, 10_240, 256),
        (2_000_000, NONE, 10**9, 2_000_000),
        (NONE, NONE, 10**9, None),
    ],
)
def test_the_soft_limit_is_raised_to_the_hard_one(
    monkeypatch: pytest.MonkeyPatch, soft: int, hard: int, most: int, limit: int | None
) -> None:
    kernel = Kernel(soft, hard, most)
    monkeypatch.setattr(resource, "getrlimit", kernel.get)
    monkeypatch.setattr(resource, "setrlimit", kernel.set)
    assert raise_limit() == limit
    assert kernel.limits == (NONE if limit is None else limit, hard)


@pytest.mark.parametrize(("limit", "fits"), [(None, True), (OTHERS + 3, True), (OTHERS + 2, False), (100, False)])
def test_chargers_that_do_not_fit_are_told_with_what_to_do(limit: int | None, *, fits: bool) -> None:
    chargers = [charger(name, 10) for name in "ABC"]
    others = [
        replace(charger(name, 10), control=control) for name, control in (("D", Control.REST), ("E", Control.NONE))
    ]
    with capture_logs() as log:
        assert check_limit(limit, station(100, *chargers, *others)) is fits
    if fits:
        assert log == []
    else:
        (line,) = log
        assert (line["event"], line["log_level"]) == ("open_files.limit_too_low", "error")
        assert (line["limit"], line["needed"], line["chargers"]) == (limit, OTHERS + 3, 3)
        assert "LimitNOFILE" in line["to_do"]
