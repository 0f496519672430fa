"""The target of long runs (`make fuzz`, `make fuzz-atheris`) takes inputs, finds what is wrong and keeps it."""

import os
import random
import subprocess
import sys
from collections.abc import Callable
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import FunctionType, ModuleType

import pytest

from tests.docs.console_blocks import ROOT
from tests.fuzz import frames


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tests.fuzz.frames", "--findings", str(folder / "findings"), *arguments]
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    return subprocess.run(
        command, cwd=folder, env=os.environ | {"PYTHONPATH": path}, check=False, capture_output=True, text=True
    )


def test_every_frame_of_the_corpus_is_taken_and_systems_take_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frames, "INPUTS_OF_ONE", 30)
    target = frames.Target()
    inputs = [*frames.corpus(), b"", b"\xff\n[\n\n", frames.lines_of(random.Random(1), 1)]
    for data in inputs:
        target.take(data)
    target.end()
    assert target.frames >= len(inputs) > 30
    assert target.systems == 2


def test_what_is_wrong_is_kept_and_sent_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def wrong(_: bytes) -> None:
        raise AssertionError("something is wrong")

    monkeypatch.setattr(frames, "test_one_input", wrong)
    monkeypatch.setattr(sys, "argv", ["frames", "--findings", str(tmp_path), "--seed", "1", "--without-atheris"])
    with pytest.raises(AssertionError, match="something is wrong"):
        frames.main()
    replayed = run(tmp_path, "--replay", str(tmp_path / "seed-1-input-0.txt"))
    assert (replayed.returncode, replayed.stdout) == (0, "nothing is wrong with it\n"), replayed.stderr


def test_atheris_is_given_the_target_the_corpus_and_the_branches(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """That atheris itself takes them, CI shows with `make fuzz-atheris`."""
    monkeypatch.setattr(frames, "INPUTS_OF_ONE", 30)
    seen, options = set[str](), list[str]()

    class Guide(ModuleType):
        def instrument_func(self, function: FunctionType) -> FunctionType:
            seen.add(function.__module__)
            return function

        def Mutate(self, data: bytes, size_max: int) -> bytes:  # noqa: N802  # its own name
            return data[:size_max]

        def Setup(  # noqa: N802
            self, argv: list[str], target: Callable[[bytes], None], custom_mutator: Callable[[bytes, int, int], bytes]
        ) -> None:
            options.extend(argv)
            self.target, self.mutated = target, custom_mutator

        def Fuzz(self) -> None:  # noqa: N802
            for seed, path in enumerate(sorted((tmp_path / "corpus").iterdir())):
                self.target(self.mutated(path.read_bytes(), 1_000, seed))

    guide = Guide("atheris")
    guide.__spec__ = ModuleSpec("atheris", None)
    monkeypatch.setitem(sys.modules, "atheris", guide)
    monkeypatch.setattr(frames, "_target", frames.Target())
    monkeypatch.setattr(sys, "argv", ["frames", "--findings", str(tmp_path), "--runs", "300", "--minutes", "1"])
    assert frames.main() == 0
    assert frames._target.frames >= len(frames.corpus()) > 30
    frames._target.end()
    assert {name.rpartition(".")[0] for name in seen} >= {"csms.ocpp16", "csms.gateway"}
    assert {"-runs=300", "-max_total_time=60", str(tmp_path / "corpus")} <= set(options)
