"""Keys of REST over real sockets: no start without one, then roles, a late key, a revoked one, and the command line."""

import os
import re
from pathlib import Path

import pytest

from tests.e2e.programs import Ended, Server, charger, run, serving, station, until, write_json

pytestmark = pytest.mark.e2e

SITE = station(400, charger("CP001", 100))
KEYS = ("--rest-access", "keys")
KEY = re.compile(r"csms_[0-9a-f]{12}_[0-9a-f]{64}")


async def csms(folder: Path, *arguments: str, key: str = "") -> Ended:
    """Run a command as somebody who has a key, or none."""
    database = f"sqlite:///{folder / 'csms.sqlite3'}"
    return await run(folder, "csms", *arguments, variables={"CSMS_API_KEY": key, "CSMS_DATABASE": database})


async def created(folder: Path, name: str, role: str) -> str:
    """Make a key and return it; the first one makes the database, too."""
    ended = await csms(folder, "keys", "create", name, "--role", role)
    assert ended.status == 0, ended
    assert KEY.fullmatch(ended.out.strip()), "nothing else is on standard output"
    assert ended.out.strip() not in ended.err
    return ended.out.strip()


async def status(server: Server, key: str | None, path: str = "/station/status", method: str = "GET") -> int:
    """Return the status of a call with a key."""
    headers = {} if key is None else {"Authorization": f"Bearer {key}"}
    return (await server.rest.request(method, path, headers=headers)).status_code


async def test_keys_from_none_to_revoked(tmp_path: Path) -> None:
    await _no_start_without_one(tmp_path)
    admin = await created(tmp_path, "anna", "admin")
    async with serving(tmp_path, config=SITE, arguments=KEYS) as server:
        await server.says("^REST .*with a key")
        await _roles(server, tmp_path, admin)
        await _hosts_and_pages(server, admin)
        await _command_line(server, tmp_path, admin)
        operator = await created(tmp_path, "bob", "operator")
        assert await status(server, operator, "/commands") == 200, "a key that was just made lets its holder in"
        assert (await csms(tmp_path, "keys", "revoke", "bob")).status == 0

        async def is_out() -> bool:
            return await status(server, operator, "/commands") == 401

        await until(is_out, "the revoked key to let nobody in")
        acts = (await server.rest.get("/audit", headers={"Authorization": f"Bearer {admin}"})).json()["audit"]
        assert {act["by"]["key"] for act in acts} == {"anna", "eve"}
        ended = await server.stop()
    _nothing_tells_a_key(tmp_path, ended, admin, operator)


async def _no_start_without_one(folder: Path) -> None:
    """Beyond this machine; it is refused before anything listens there."""
    site = str(write_json(folder / "site.json", SITE))
    everywhere = "0.0.0.0"  # noqa: S104 - it does not come to that
    given = ("--host", everywhere, "--config", site, "--database", f"sqlite:///{folder / 'other.sqlite3'}")
    ended = await csms(folder, "serve", "--port", "0", "--ocpp-port", "0", *given)
    assert (ended.status, ended.out) == (2, "")
    assert "REST needs a key (--host 0.0.0.0 is more than this machine)" in ended.err
    assert "csms keys create NAME --role admin" in ended.err


async def _roles(server: Server, folder: Path, admin: str) -> None:
    viewer = await created(folder, "eve", "viewer")
    for key, expected in ((None, (401, 401, 401)), (viewer, (200, 403, 403)), (admin, (200, 404, 200))):
        seen = (
            await status(server, key),
            await status(server, key, "/id-tags/A1B2", "DELETE"),
            await status(server, key, "/audit"),
        )
        assert seen == expected
    assert await status(server, None, "/health") == 200


async def _hosts_and_pages(server: Server, admin: str) -> None:
    key = {"Authorization": f"Bearer {admin}"}
    led_here = await server.rest.get("/health", headers={"Host": "evil.example"})
    assert led_here.status_code == 421
    from_elsewhere = await server.rest.put("/id-tags/A1B2", json={}, headers=key | {"Origin": "http://evil.example"})
    assert from_elsewhere.status_code == 403
    assert led_here.headers["x-content-type-options"] == "nosniff"
    spoofed = await server.rest.put("/id-tags/A1B2", json={}, headers=key | {"X-Forwarded-For": "192.0.2.1"})
    assert spoofed.status_code == 200
    newest = (await server.rest.get("/audit?limit=1", headers=key)).json()["audit"][0]
    assert newest["by"] == {"address": "127.0.0.1", "key": "anna"}, "who asks is who connects"


async def _command_line(server: Server, folder: Path, admin: str) -> None:
    listing = ("chargers", "list", "--url", server.url)
    without = await csms(folder, *listing)
    assert (without.status, "csms keys create" in without.err) == (1, True)
    with_key = await csms(folder, *listing, key=admin)
    assert (with_key.status, "CP001" in with_key.out) == (0, True)


def _nothing_tells_a_key(folder: Path, ended: Ended, *keys: str) -> None:
    """Neither the database nor anything that was printed or logged holds a secret."""
    kept = b"".join(file.read_bytes() for file in folder.iterdir() if file.is_file())
    for key in keys:
        secret = key.rpartition("_")[2]
        assert secret.encode() not in kept
        assert secret not in ended.out + ended.err
    assert os.fsencode("rest.key_refused") in kept, "what was refused is in the log"
