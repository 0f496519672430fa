import pytest

from csms.core.allocator import allocate
from tests.bench.bench_allocator import SHAPES, Shape, main, station


@pytest.mark.bench
def test_the_tables_are_printed(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.bench.bench_allocator.SESSIONS_A_TIMING", 200)

    main(["--sizes", "10", "200", "--repeats", "1"])

    printed = capsys.readouterr().out
    lines = printed.splitlines()
    assert len(lines) == 2 * (2 + len(SHAPES)) + 1
    assert lines[1].split() == ["10", "200"]
    for shape, large, small in zip(SHAPES, lines[2:], lines[-len(SHAPES) :], strict=False):
        assert large.startswith(shape.name)
        assert (large.count("×"), large.count("ms)")) == (2, 2)
        assert small.startswith(shape.name)
        assert small.count("µs") == 3


@pytest.mark.bench
@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.name)
def test_most_sessions_are_limited_by_a_row(shape: Shape) -> None:
    allocation = allocate(*station(shape, 400))

    assert all(allocation.admitted)
    assert allocation.limited_by.count("vehicle") < 200
    assert len({reason[:2] for reason in allocation.limited_by} - {"ve"}) >= min(shape.levels, 2)
