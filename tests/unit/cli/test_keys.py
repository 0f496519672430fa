"""`csms keys` on a database that no server uses: what is made, listed, refused and said."""

import re
from pathlib import Path

import pytest

from csms.cli import keys
from csms.cli.status import ExitStatus

KEY = re.compile(r"csms_[0-9a-f]{12}_[0-9a-f]{64}\n")
MIDDAY_MS = 1_767_268_800_000  # 2026-01-01T12:00:00Z


@pytest.fixture
def url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return the URL of a database that is not there yet; the clock stands still."""
    monkeypatch.setattr(keys, "_now_ms", lambda: MIDDAY_MS)
    return f"sqlite:///{tmp_path / 'site.sqlite3'}"


def test_the_key_alone_is_on_standard_output(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert keys.create("anna", "operator", 30, url) == ExitStatus.DONE
    told = capsys.readouterr()
    shown = told.out.splitlines()[-1]  # here what is logged of the new database stands before it
    assert KEY.fullmatch(f"{shown}\n")
    assert shown not in told.err
    assert "anna: operator, until 2026-01-31 12:00:00 UTC. The key is shown this once" in told.err
    assert keys.create("bob", "viewer", None, url) == ExitStatus.DONE
    assert "it does not expire" in capsys.readouterr().err


def test_every_key_is_listed_with_its_state(
    url: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = (("anna", "operator", 30), ("bob", "viewer", None), ("carl", "admin", 1), ("dora", "admin", 9))
    for name, role, days in made:
        keys.create(name, role, days, url)
    assert keys.revoke("dora", url) == ExitStatus.DONE
    shown = [line for line in capsys.readouterr().out.splitlines() if KEY.fullmatch(f"{line}\n")]
    monkeypatch.setattr(keys, "_now_ms", lambda: MIDDAY_MS + keys.DAY_MS)
    assert keys.list_(url) == ExitStatus.DONE
    listed = capsys.readouterr().out
    rows = {line.split()[0]: line for line in listed.splitlines()[1:]}
    assert {name: re.split(r" UTC  ", row)[1] for name, row in rows.items()} == {
        "anna": "in force until 2026-01-31 12:00:00 UTC",
        "bob": "in force",
        "carl": "expired 2026-01-02 12:00:00 UTC",
        "dora": "revoked 2026-01-01 12:00:00 UTC",
    }
    assert len(shown) == 4
    for key in shown:
        _, key_id, secret = key.split("_")
        assert key_id in listed
        assert secret not in listed


@pytest.mark.parametrize(
    ("name", "role", "said"),
    [
        ("", "viewer", "NAME must be"),
        ("-x", "viewer", "NAME must be"),
        ("a b", "viewer", "NAME must be"),
        ("a" * 65, "viewer", "NAME must be"),
        ("csms_1f0a5c77d2e9_" + "6b" * 32, "viewer", "NAME must be"),
        ("anna", "boss", "--role must be viewer, operator, admin"),
        ("anna", "Admin", "--role must be viewer, operator, admin"),
    ],
)
def test_what_is_asked_wrongly_makes_nothing_and_is_not_repeated(
    name: str, role: str, said: str, url: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert keys.create(name, role, None, url) == ExitStatus.USAGE
    told = capsys.readouterr()
    assert told.out == ""
    assert said in told.err
    assert "6b6b" not in told.err
    assert list(tmp_path.iterdir()) == []


def test_names_are_taken_once(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    keys.create("anna", "viewer", None, url)
    capsys.readouterr()
    assert keys.create("anna", "admin", None, url) == ExitStatus.NO
    told = capsys.readouterr()
    assert (told.out, "revoke it first" in told.err) == ("", True)


def test_nothing_to_list_or_revoke(url: str, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert (keys.list_(url), keys.revoke("anna", url)) == (ExitStatus.NO, ExitStatus.NO)
    assert list(tmp_path.iterdir()) == [], "looking makes no database"
    keys.create("anna", "viewer", None, url)
    assert keys.revoke("bob", url) == ExitStatus.NO
    assert "no key of this name" in capsys.readouterr().err


def test_a_database_that_cannot_be_one_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "photo.sqlite3").write_bytes(b"JFIF" * 100)
    assert keys.create("anna", "viewer", None, f"sqlite:///{tmp_path / 'photo.sqlite3'}") == ExitStatus.NO
    assert keys.create("anna", "viewer", None, "mysql://me:hush@db/csms") == ExitStatus.USAGE
    told = capsys.readouterr()
    assert "is not an SQLite database" in told.err
    assert (told.out, "hush" in told.err) == ("", False)
