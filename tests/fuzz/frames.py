"""Spoilt frames for as long as wanted: `python -m tests.fuzz.frames --minutes 60`, with atheris when it is installed.

`test_one_input` is a fuzz target in atheris' form: each line of `data` is one text frame of a charger, sent to a whole
central system (`tests.fuzz.whole`), which is a fresh one after every `INPUTS_OF_ONE` inputs. Without atheris the loop
here makes lines itself (`tests.fuzz.texts`). Whatever is wrong ends the run; its input is then in a file of the folder
`--findings`, and `--replay FILE` sends it to a fresh system again.
"""

import argparse
import asyncio
import contextlib
import importlib.util
import random
import resource
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any, Final

from tests.fuzz import whole
from tests.fuzz.texts import FROM_CHARGERS, Texts, schema_of
from tests.property import mutations
from tests.virtual.loop import VirtualClock
from tests.virtual.network import NetworkLoop

INPUTS_OF_ONE: Final = 2_000
LINES_MAX: Final = whole.ROUND


class Target:
    """The system that takes the inputs, made anew from time to time."""

    def __init__(self) -> None:
        self._inputs = 0
        self._running = contextlib.ExitStack()
        self._runner: asyncio.Runner
        self._under: whole.UnderFire
        self.systems = 0
        self.frames = 0

    def take(self, data: bytes) -> None:
        """Send one input; raise when anything is wrong."""
        if self._inputs % INPUTS_OF_ONE == 0:
            self.end()
            self._begin()
        self._inputs += 1
        lines = data.decode("utf-8", "replace").split("\n")[:LINES_MAX]
        self.frames += len(lines)
        self._runner.run(self._sent(lines))

    async def _sent(self, lines: list[str]) -> None:
        await self._under.send(lines)
        await self._under.check()

    def end(self) -> None:
        """End the system that runs."""
        self._running.close()

    def _begin(self) -> None:
        self.systems += 1
        self._runner = self._running.enter_context(asyncio.Runner(loop_factory=partial(NetworkLoop, "target")))
        loop = self._runner.get_loop()
        assert isinstance(loop, NetworkLoop), "made by our factory"
        fuzzed = whole.fuzzed(VirtualClock(loop), self.systems)
        self._under = self._runner.run(_entered(fuzzed))
        self._running.callback(lambda: self._runner.run(_left(fuzzed)))


async def _entered(fuzzed: contextlib.AbstractAsyncContextManager[whole.UnderFire]) -> whole.UnderFire:
    return await fuzzed.__aenter__()


async def _left(fuzzed: contextlib.AbstractAsyncContextManager[whole.UnderFire]) -> None:
    await fuzzed.__aexit__(None, None, None)


_target: Final = Target()


def test_one_input(data: bytes) -> None:
    """Take one input of a fuzzer."""
    _target.take(data)


def corpus() -> list[bytes]:
    """Return valid frames to begin with: every action of a charger, bare and full, and what answers nothing."""
    rng = random.Random(1)
    lines = ['[3,"test-1-1",{"status":"Accepted"}]', '[4,"test-1-1","NotSupported","",{}]']
    for action in FROM_CHARGERS:
        for number in range(3):
            payload = mutations.dump(mutations.valid(rng, schema_of(action)))
            lines.append(f'[2,"{action}{number}","{action}",{payload}]')
    return [line.encode("utf-8", "replace") for line in lines]


def lines_of(rng: random.Random, number: int) -> bytes:
    """Return an input as the loop here makes it."""
    texts = Texts(rng, f"i{number}-")
    frames = [texts.frame().replace("\n", " ") for _ in range(rng.randint(1, LINES_MAX))]
    return "\n".join(frames).encode("utf-8", "replace")


def main() -> int:
    """Do what the command line says; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.frames", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10, help="how long to go on for")
    parser.add_argument("--runs", type=int, default=-1, help="of atheris at the most: so many inputs")
    parser.add_argument("--seed", type=int, default=int(time.time()), help="of the loop without atheris")
    parser.add_argument("--findings", type=Path, default=Path("findings"), help="where inputs are kept that fail")
    parser.add_argument("--replay", type=Path, help="send the input of this file alone")
    parser.add_argument("--without-atheris", action="store_true", help="use the loop here even where atheris is")
    given = parser.parse_args()
    if given.replay is not None:
        test_one_input(given.replay.read_bytes())
        _target.end()
        print("nothing is wrong with it")
        return 0
    given.findings.mkdir(exist_ok=True)
    if importlib.util.find_spec("atheris") is not None and not given.without_atheris:
        return _guided(given.minutes, given.runs, given.findings)
    return _unguided(given.minutes, given.seed, given.findings)


def _unguided(minutes: float, seed: int, findings: Path) -> int:
    rng, begun, number, told = random.Random(seed), time.monotonic(), 0, 0.0
    while (spent_s := time.monotonic() - begun) < 60 * minutes:
        data = lines_of(rng, number)
        try:
            test_one_input(data)
        except Exception:
            path = findings / f"seed-{seed}-input-{number}.txt"
            path.write_bytes(data)
            print(f"wrong: see {path}", file=sys.stderr)
            raise
        number += 1
        if spent_s >= told:
            told += 60
            _tell(spent_s)
    _target.end()
    _tell(time.monotonic() - begun)
    return 0


def _tell(spent_s: float) -> None:
    peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    frames = _target.frames
    print(f"{spent_s:.0f} s, {frames} frames, {_target.systems} systems, at most {peak_mib} MiB", flush=True)


def _guided(minutes: float, runs: int, findings: Path) -> int:
    """Let atheris make the inputs, guided by the branches of `csms.ocpp16` and `csms.gateway` that they reach."""
    atheris: Any = importlib.import_module("atheris")
    for package in ("csms.ocpp16", "csms.gateway"):
        for name in [name for name in sys.modules if name.startswith(package)]:
            _instrument(atheris, sys.modules[name])
    seeds = findings / "corpus"
    seeds.mkdir(exist_ok=True)
    for number, data in enumerate(corpus()):
        (seeds / f"seed-{number}").write_bytes(data)

    def mutated(data: bytes, size_max: int, seed: int) -> bytes:
        rng = random.Random(seed)
        if rng.random() < 0.7:
            return bytes(atheris.Mutate(data, size_max))
        lines = [*data.split(b"\n"), Texts(rng, f"s{seed}-").frame().encode("utf-8", "replace")]
        rng.shuffle(lines)
        return b"\n".join(lines)[:size_max]

    options = [
        f"-max_total_time={60 * minutes:.0f}",
        f"-runs={runs}",
        "-max_len=20000",
        f"-artifact_prefix={findings}/",
    ]
    options.append(str(seeds))
    atheris.Setup([sys.argv[0], *options], test_one_input, custom_mutator=mutated)
    atheris.Fuzz()  # ends the process
    return 0


def _instrument(atheris: Any, module: Any) -> None:
    """Have atheris see the branches of a module's functions and methods."""
    for name, value in list(vars(module).items()):
        if getattr(value, "__module__", None) != module.__name__:
            continue
        if isinstance(value, type):
            for inner, method in list(vars(value).items()):
                if callable(method) and hasattr(method, "__code__"):
                    setattr(value, inner, atheris.instrument_func(method))
        elif hasattr(value, "__code__"):
            setattr(module, name, atheris.instrument_func(value))


if __name__ == "__main__":
    sys.exit(main())
