"""Make or refresh `.venv`: `run` for the program alone, `dev` with the tools of `make check`; `lock` writes the locks.

`plots` is `dev` and what draws the pictures of the documentation, which no test needs.
Standard library only, because it runs before anything is installed. uv goes into the environment itself and installs
exactly what the hashed lock says; the environment is left alone while the lock and the project file stay as they were.
uv does not read pip's configuration, so what pip on this machine is told about package indexes is handed on to it.
"""

# ruff: noqa: INP001, T201, S603  (a script, no package; it talks to a person; it starts only what it names itself)

from __future__ import annotations

import ast
import hashlib
import importlib.util
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
LOCKS = {"run": "requirements.lock", "dev": "requirements-dev.lock", "plots": "requirements-plots.lock"}
PYTHON_MIN = (3, 11)
UV = "uv>=0.8"

HANDED_ON = {
    "index-url": "UV_DEFAULT_INDEX",
    "extra-index-url": "UV_INDEX",
    "find-links": "UV_FIND_LINKS",
    "no-index": "UV_NO_INDEX",
    "trusted-host": "UV_INSECURE_HOST",
    "cert": "SSL_CERT_FILE",
}
"""pip's settings that decide where packages come from, and uv's names for them."""

MAIN_INDEX = ("UV_DEFAULT_INDEX", "UV_INSECURE_HOST", "SSL_CERT_FILE")


def main() -> int:
    """Do what the command line says; return the exit status."""
    arguments = sys.argv[1:]
    if arguments == ["lock"]:
        return lock()
    if len(arguments) == 1 and arguments[0] in LOCKS:
        return 0 if is_ready(arguments[0]) else prepare(arguments[0])
    return complain(f"usage: {Path(__file__).name} run|dev|plots|lock")


def prepare(kind: str) -> int:
    """Make the environment what `kind` asks for; return the exit status."""
    if sys.version_info < PYTHON_MIN:
        return complain(
            f"Python {'.'.join(map(str, PYTHON_MIN))} or newer is needed; this is {sys.version.split()[0]}."
        )
    if missing := [name for name in ("venv", "ensurepip") if importlib.util.find_spec(name) is None]:
        version = "python{}.{}".format(*sys.version_info)
        return complain(
            f"{sys.executable} has no {' and no '.join(missing)}, which a virtual environment needs.\n"
            f"On Debian and Ubuntu: sudo apt install python3-venv {version}-venv"
        )
    try:
        make_environment()
        install(kind)
    except subprocess.CalledProcessError as failed:
        return explain(failed)
    stamp(kind).write_text(key(kind), encoding="utf-8")
    return 0


def is_ready(kind: str) -> bool:
    """Return whether the environment already is what `kind` asks for; one that has more serves as well."""
    enough = {"run": ("run", "dev", "plots"), "dev": ("dev", "plots"), "plots": ("plots",)}[kind]
    return works() and any(stamp(one).is_file() and stamp(one).read_text("utf-8") == key(one) for one in enough)


def stamp(kind: str) -> Path:
    """Return the file that says what the environment was last made from."""
    return VENV / f".ready-{kind}"


def key(kind: str) -> str:
    """Return a digest of all that an environment of that kind depends on."""
    digest = hashlib.sha256()
    for name in (LOCKS[kind], "pyproject.toml", ".ci/setup_venv.py"):
        digest.update((ROOT / name).read_bytes())
    return digest.hexdigest()


def works() -> bool:
    """Return whether the environment's Python starts and is new enough (it breaks when the system's Python goes)."""
    question = f"import sys; sys.exit(sys.version_info < {PYTHON_MIN})"
    try:
        return subprocess.run([PYTHON, "-c", question], check=False, capture_output=True).returncode == 0
    except OSError:
        return False


def make_environment() -> None:
    """Create `.venv` if it is absent or broken, and put uv into it."""
    if not works():
        print(f"Making .venv with Python {sys.version.split()[0]}", flush=True)
        run([sys.executable, "-m", "venv", "--clear", VENV])
    for kind in LOCKS:
        stamp(kind).unlink(missing_ok=True)
    if not (VENV / "bin" / "uv").exists():
        run([PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", UV])


def install(kind: str) -> None:
    """Install exactly the lock's packages, then the project itself."""
    print(f"Installing {LOCKS[kind]}", flush=True)
    uv: list[str | Path] = [VENV / "bin" / "uv", "--quiet", "pip"]
    environment = os.environ | indexes_of_pip()
    run([*uv, "sync", "--python", PYTHON, "--require-hashes", "--compile-bytecode", LOCKS[kind]], environment)
    run([*uv, "install", "--python", PYTHON, "--no-deps", "--editable", "."], environment)


def lock() -> int:
    """Choose the newest versions that fit and write the locks, which agree; return the exit status."""
    compile_: list[str | Path] = [VENV / "bin" / "uv", "--quiet", "pip", "compile", "pyproject.toml", "--upgrade"]
    compile_ += ["--extra", "fast", "--extra", "postgres", "--extra", "modbus"]
    compile_ += ["--universal", "--python-version", ".".join(map(str, PYTHON_MIN))]
    compile_ += ["--generate-hashes", "--no-header", "--no-annotate"]
    try:
        # Only the main index: local additions often hold one platform's files, and the lock is for all.
        told = indexes_of_pip()
        environment = os.environ | {name: told[name] for name in MAIN_INDEX if name in told}
        # The tools' bounds count for the program too: users run what was tested, so its lock is held to theirs.
        run([*compile_, "--group", "dev", "--output-file", LOCKS["dev"]], environment)
        held = [*compile_, "--constraint", LOCKS["dev"]]
        run([*held, "--output-file", LOCKS["run"]], environment)
        run([*held, "--group", "dev", "--extra", "plots", "--output-file", LOCKS["plots"]], environment)
    except subprocess.CalledProcessError as failed:
        return explain(failed)
    return 0


def indexes_of_pip() -> dict[str, str]:
    """Return uv's environment variables for the package indexes that pip is configured with; uv's own come first."""
    listed = subprocess.run(
        [PYTHON, "-m", "pip", "config", "list"], check=True, capture_output=True, text=True, cwd=ROOT
    ).stdout
    told: dict[str, str] = {}
    for section in ("global.", "install.", ":env:."):  # the later overrides the earlier, as in pip
        for line in listed.splitlines():
            name, _, value = line.partition("=")
            if name.startswith(section):
                told[name.removeprefix(section)] = str(ast.literal_eval(value))
    variables = {
        variable: ("," if name == "find-links" else " ").join(told[name].split())
        for name, variable in HANDED_ON.items()
        if name in told and variable not in os.environ
    }
    if "UV_INDEX" in variables and "UV_INDEX_STRATEGY" not in os.environ:
        # pip looks at all indexes alike; the lock's hashes say which file is the right one.
        variables["UV_INDEX_STRATEGY"] = "unsafe-best-match"
    return variables


def run(command: list[str | Path], environment: dict[str, str] | None = None) -> None:
    """Run a command in the project's folder; raise CalledProcessError when it fails."""
    subprocess.run(command, check=True, cwd=ROOT, env=environment)


def explain(failed: subprocess.CalledProcessError) -> int:
    """Say which command failed (it has said why) and return the exit status for it."""
    return complain(f"This command failed: {' '.join(map(str, failed.cmd))}")


def complain(text: str) -> int:
    """Say what is wrong and return the exit status for it."""
    print(text, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
