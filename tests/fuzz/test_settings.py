"""Whatever the environment and the command line hold: settings, or faults that name the setting, never a traceback."""

import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from csms.settings import ENV_PREFIX, SettingFault, Settings, read_settings, unknown_variables

EXAMPLES: Final = 500
FIELDS: Final = tuple(Settings.model_fields)
LISTS: Final = frozenset({"ocpp_tls_cert", "ocpp_tls_key", "trusted_proxy"})
WORDS: Final = (
    *("", " ", "0", "-1", "1", "80", "65536", "1e3", "1.0", "0x10", "٣", "9" * 400, "true", "yes", "null", "[]", "{}"),
    *("auto", "open", "keys", "listed", "OPEN", "info", "json", "pending", "tcp://10.0.0.1:9000", "127.0.0.1", "::1"),
    *("localhost", "a,b", ",", ",,", "10.0.0.1,10.0.0.2", ".", "..", "/", "/dev/null", "/proc/self/mem", "~", "~root"),
    *(
        "x" * 300,
        "x" * 5_000,
        "a/" * 3_000,
        "\udcff",
        "\udcff/\udcfe",
        "é",
        "😀",
        "\x7f",
        "\n",
        "%s",
        "{path}",
        "{",
        "}",
    ),
    *(
        "sqlite:///",
        "sqlite:////",
        "sqlite:///:memory:",
        "sqlite:///a?b",
        "sqlite:///\udcff",
        f"sqlite:///{'x' * 300}/y",
    ),
    *(
        "postgresql://",
        "postgresql://a@b/c",
        "postgresql://a:hush@b:99999/c",
        "postgresql://[::1/c",
        "postgresql://\udcff",
    ),
    *("postgresql://u:%ZZhush@h/d", "postgresql://u:hush@h:port/d", f"postgresql://{'x' * 300}/d", "mysql://a/b"),
)
"""Neither an environment nor a command line can hold a NUL; half a surrogate pair is how Python reads a byte that is
not UTF-8."""


def values() -> st.SearchStrategy[str]:
    return st.sampled_from(WORDS) | st.text(
        st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=40
    )


@pytest.fixture(autouse=True, scope="module")
def _bare_environment() -> None:
    for name in [name for name in os.environ if name.upper().startswith(ENV_PREFIX)]:
        del os.environ[name]


def test_settings_or_faults_that_name_them() -> None:
    taken, refused = 0, 0

    @settings(max_examples=EXAMPLES, deadline=None)
    @given(
        st.dictionaries(st.sampled_from(FIELDS), values(), max_size=2),
        st.dictionaries(st.sampled_from(FIELDS), values(), max_size=2),
    )
    def check(environment: dict[str, str], line: dict[str, str]) -> None:
        nonlocal taken, refused
        found = read(environment, line)
        taken += isinstance(found, Settings)
        refused += not isinstance(found, Settings)
        if not isinstance(found, Settings):
            check_faults(found, environment, line)

    check()
    assert min(taken, refused) > EXAMPLES // 100


def read(environment: dict[str, str], line: dict[str, str]) -> Settings | tuple[SettingFault, ...]:
    given_ = {name: [word] if name in LISTS else word for name, word in line.items()}
    with pytest.MonkeyPatch.context() as patch:
        for name, word in environment.items():
            patch.setenv(ENV_PREFIX + name.upper(), word)
        assert unknown_variables() == []
        return read_settings(given_)


def check_faults(found: tuple[SettingFault, ...], environment: dict[str, str], line: dict[str, str]) -> None:
    said = {f"--{name.replace('_', '-')}" for name in line}
    said |= {ENV_PREFIX + name.upper() for name in environment if name not in line}
    assert found != ()
    for fault in found:
        assert fault.where in {"settings", *said}, fault
        assert 0 < len(fault.reason) < 400, fault
        assert fault.where not in {"--database", "CSMS_DATABASE"} or "hush" not in fault.reason, "a password is said"
        str(fault).encode()


def test_the_program_itself_says_it_in_a_line_each(tmp_path: Path) -> None:
    """As a process, with bytes that are not UTF-8 in the environment, the command line and a file's name."""
    rng = random.Random(1)
    environment = {os.fsencode(name): os.fsencode(word) for name, word in os.environ.items()}
    for name in ("port", "config", "log_level", "database", "trusted_proxy"):
        environment[f"{ENV_PREFIX}{name.upper()}".encode()] = b"\xff" + rng.randbytes(3).replace(b"\0", b"\xfe")
    environment[b"CSMS_PROT"] = b"1"
    command = [os.fsencode(sys.executable), b"-m", b"csms", b"serve", b"--host", b" ", b"--id-tags", b"x" * 3_000]
    ran = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, check=False)
    said = ran.stderr.decode().splitlines()
    assert ran.returncode == 2, said
    assert all(line.startswith("csms serve: ") for line in said), said
    named = {line.removeprefix("csms serve: ").partition(":")[0].partition(" ")[0] for line in said}
    expected = {"CSMS_PROT", "CSMS_PORT", "CSMS_CONFIG", "CSMS_LOG_LEVEL", "CSMS_DATABASE", "CSMS_TRUSTED_PROXY"}
    assert named == {*expected, "--host", "--id-tags"}
    assert list(tmp_path.iterdir()) == []
