"""The target of long runs (`make fuzz`, `make fuzz-atheris`) takes inputs, finds what is wrong and keeps it."""

import importlib.util
import os
import random
import re
import subprocess
import sys
from pathlib import Path

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


@pytest.mark.skipif(importlib.util.find_spec("atheris") is None, reason="it needs atheris: make fuzz-atheris")
def test_atheris_calls_the_target(tmp_path: Path) -> None:
    ended = run(tmp_path, "--runs", "300", "--minutes", "1")
    assert ended.returncode == 0, ended.stderr
    done = re.search(r"Done (\d+) runs", ended.stderr)
    assert done is not None, ended.stderr
    assert int(done[1]) >= 300
    assert re.search(r"cov: [1-9]", ended.stderr), "it sees branches of what it sends to"
