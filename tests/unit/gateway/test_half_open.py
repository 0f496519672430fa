"""How many handshakes may be under way at once."""

from csms.gateway.half_open import HalfOpen


def test_half_open_ones_are_counted_in_all_and_by_address() -> None:
    half_open = HalfOpen(8)
    assert [half_open.enter(n, "A") for n in range(3)] == [True, True, False]
    half_open.leave(2)
    half_open.leave(0)
    half_open.leave(0)
    assert half_open.enter(3, "A")
    assert not half_open.enter(4, "A")
    assert [half_open.enter((n, m), f"B{n}") for n in range(4) for m in range(2)] == [True] * 6 + [False] * 2
    assert len(half_open) == 8
    half_open.leave(1)
    assert half_open.enter("C", "C")
    half_open = HalfOpen(8)
    assert [half_open.enter(n, f"2001:db8::{n:x}%eth0") for n in range(3)] == [True, True, False], "one network"
    assert half_open.enter(3, "2001:db8:0:1::1"), "another one"
    half_open.leave(0)
    assert half_open.enter(4, "2001:db8::4")
    half_open = HalfOpen(8)
    assert [half_open.enter(n, "A", stands_for_many=True) for n in range(9)] == [True] * 8 + [False]
