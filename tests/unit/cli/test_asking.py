"""What is said of an address at which no central system answers."""

import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from csms.cli.asking import No, ask


class Stranger(BaseHTTPRequestHandler):
    """Another program's web page."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"<html>")

    def do_POST(self) -> None:
        """Take it in and end without an answer."""
        self.rfile.read(int(self.headers["Content-Length"]))

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def stranger() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Stranger) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize("url", ["localhost:3000", "127.0.0.1", "ftp://127.0.0.1", ""])
def test_an_address_without_http_is_told_how_it_must_begin(url: str) -> None:
    said = ask(url, "GET", "/health")
    assert said == f"--url {url}: must begin with http:// or https://, such as http://127.0.0.1:3000"


def test_a_port_where_nobody_listens_is_told_with_what_to_look_at() -> None:
    with closing(socket.socket()) as held:
        held.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{held.getsockname()[1]}"
        said = ask(url, "GET", "/health")
    assert isinstance(said, No)
    assert said.kind == ""
    assert said.startswith(f"--url {url}: no answer from a central system there (")
    assert said.endswith("; is `csms serve` running?")


def test_what_another_program_answers_is_no_answer() -> None:
    with stranger() as url:
        said = ask(url, "GET", "/health")
    assert isinstance(said, str)
    assert said.startswith(f"--url {url}: no central system answers there (")


def test_what_was_sent_and_has_no_answer_may_have_been_taken_in() -> None:
    with stranger() as url:
        said = ask(url, "POST", "/chargers/CP001/commands/ClearCache", {})
    assert isinstance(said, No)
    assert said.kind == "not-yet"
    assert said.startswith(f"--url {url}: no answer from a central system there (")
