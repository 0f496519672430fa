import pytest

from csms.core.units import used_wh

MOST, LEAST = 2**63 - 1, -(2**63)


@pytest.mark.parametrize(
    ("from_wh", "to_wh", "used"),
    [(1_000, 9_000, 8_000), (9_000, 1_000, -8_000), (-5, MOST, MOST), (LEAST, MOST, MOST), (MOST, LEAST, LEAST)],
)
def test_what_a_register_rose_by_has_64_bits(from_wh: int, to_wh: int, used: int) -> None:
    assert used_wh(from_wh, to_wh) == used
