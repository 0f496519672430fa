"""The key that commands show: where it comes from, and that no message tells it."""

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest

from csms.cli.asking import ask
from csms.cli.key import Unusable, key_to_show, use_file
from csms.core.access import key_text

KEY, OTHER = key_text("1f0a5c77d2e9", "6b" * 32), key_text("1f0a5c77d2ea", "6c" * 32)


@pytest.fixture(autouse=True)
def _no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CSMS_API_KEY", "CSMS_API_KEY_FILE"):
        monkeypatch.setenv(name, "")  # noted, so that what the code sets is undone


@contextmanager
def server(status: int, body: bytes) -> Iterator[tuple[str, list[str | None]]]:
    """Run a server that answers everything alike; yield its URL and the Authorization of each request."""
    seen: list[str | None] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append(self.headers["Authorization"])
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as http:
        thread = Thread(target=http.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{http.server_port}", seen
        finally:
            http.shutdown()
            thread.join()


def test_without_one_none_is_shown() -> None:
    assert key_to_show() is None


def test_the_environment_then_a_file_and_the_flag_before_both(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text(f"{OTHER}\n")
    monkeypatch.setenv("CSMS_API_KEY_FILE", str(file))
    assert key_to_show() == OTHER
    monkeypatch.setenv("CSMS_API_KEY", f" {KEY}\n")
    assert key_to_show() == KEY
    use_file(str(file))
    assert key_to_show() == OTHER


@pytest.mark.parametrize("text", ["hush", KEY[:-1], f"{KEY}\n{KEY}", "csms_0", f"Bearer {KEY}"])
def test_what_is_no_key_is_not_sent_and_not_repeated(
    text: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("CSMS_API_KEY", text)
    with server(200, b"{}") as (url, seen):
        assert ask(url, "GET", "/health") == (
            "CSMS_API_KEY holds no key: one begins with csms_, as csms keys create has shown it"
        )
        assert seen == []
    file = tmp_path / "key"
    file.write_text(text)
    use_file(str(file))
    found = key_to_show()
    assert isinstance(found, Unusable)
    assert text not in found.reason


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    use_file(str(tmp_path / "absent"))
    assert key_to_show() == Unusable(f"{tmp_path / 'absent'}: No such file or directory")
    (tmp_path / "odd").write_bytes(b"\xff\xfe")
    use_file(str(tmp_path / "odd"))
    assert isinstance(key_to_show(), Unusable)


@pytest.mark.parametrize(
    ("key", "status", "taught"),
    [
        ("", 401, ("csms keys create NAME", "CSMS_API_KEY", "--key-file FILE")),
        (KEY, 401, ("was revoked or has expired", "csms keys list")),
        (KEY, 403, ("Why not.", "Show a key with that role")),
        (KEY, 404, ("Why not.",)),
    ],
)
def test_a_key_that_does_not_do_teaches_what_does(
    key: str, status: int, taught: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CSMS_API_KEY", key)
    with server(status, b'{"error": "Why not."}') as (url, seen):
        said = ask(url, "GET", "/x")
    assert seen == [f"Bearer {key}" if key else None]
    assert isinstance(said, str)
    assert [words for words in taught if words not in said] == []
    assert "6b6b" not in said
    assert ("\n" in said) is (status in {401, 403})


def test_an_open_server_is_told_no_key_is_needed_by_nothing() -> None:
    with server(200, b'{"status": "ok"}') as (url, seen):
        assert ask(url, "GET", "/health") == {"status": "ok"}
    assert seen == [None]
