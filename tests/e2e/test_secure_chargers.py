"""Chargers that prove who they are, over real TLS: a key typed in, a key sent, a certificate, and who has neither.

The server and the chargers are processes, told by their command lines what an operator would tell them.
"""

import asyncio
import re
import ssl
from base64 import b64encode
from pathlib import Path

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Subprotocol

from tests.e2e.programs import Program, Server, charger, program, run, serving, station, until
from tests.tls import SERVER, Authority

pytestmark = pytest.mark.e2e

SITE = station(400, *(charger(name, 50, connectors=1) for name in ("CP001", "CP002", "CP003")))
CHARGER = ("simulators", "charger", "--connectors", "1")


async def csms(folder: Path, server: Server, *arguments: str, status: int = 0) -> str:
    """Return what `csms chargers key` prints."""
    ended = await run(folder, "csms", "chargers", "key", *arguments, "--url", server.url)
    assert ended.status == status, ended.err
    return ended.out


async def status_of(url: str, tls: ssl.SSLContext | None, key: str) -> int:
    """Return with what a handshake as CP001 is answered."""
    header = {"Authorization": f"Basic {b64encode(b'CP001:' + bytes.fromhex(key)).decode()}"}
    try:
        async with connect(
            f"{url}/CP001", ssl=tls, additional_headers=header, subprotocols=[Subprotocol("ocpp1.6")]
        ) as socket:
            assert socket.subprotocol == "ocpp1.6"
            return 101
    except InvalidStatus as refused:
        return refused.response.status_code


async def is_booted(server: Server, name: str, process: Program) -> None:
    async def look() -> bool:
        shown = (await server.get(f"/chargers/{name}"))["charger"]
        return "connection" in shown and "boot" in shown

    await until(look, process.story)


def everything_in(folder: Path) -> bytes:
    """Return all bytes of the database."""
    return b"".join(each.read_bytes() for each in folder.glob("csms.sqlite3*"))


async def test_chargers_with_keys_and_certificates_come_in_over_tls_and_others_do_not(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    certificate, private = authority.issue(*SERVER)
    own, own_key = authority.issue(common_name="CP002")
    tls = ("--ocpp-tls-cert", str(certificate), "--ocpp-tls-key", str(private), "--ocpp-tls-port", "0")
    ca = str(authority.file)
    async with serving(tmp_path, config=SITE, arguments=(*tls, "--ocpp-client-ca", ca)) as server:
        url = (await server.says(r"^ +(wss://\S+)  \(each charger with its key or its certificate"))[1]
        assert f"      type into a charger: {url}/CP001  (the last part is its id)" in server.lines
        made = await csms(tmp_path, server, "CP001")
        key = re.findall("AuthorizationKey ([0-9a-f]{40}) ", made)[0]
        secure = (*CHARGER, "--url", url, "--ca", ca)

        async with program(tmp_path, *secure, "--id", "CP001", "--key", key) as first:
            await is_booted(server, "CP001", first)
            assert "security profile 2, last from 127.0.0.1" in await csms(tmp_path, server, "CP001", "--show")
            assert (
                "has a key already"
                in (await run(tmp_path, "csms", "chargers", "key", "CP001", "--url", server.url)).err
            )
            sent = await csms(tmp_path, server, "CP001", "--rotate", "--send")
            assert "the charger was told: Accepted" in sent
            new = re.findall("AuthorizationKey ([0-9a-f]{40}) ", sent)[0]
            answer = await server.post("/chargers/CP001/commands/Reset", {"type": "Soft"}, wait="10")
            assert answer.json()["command"]["state"] == "accepted", answer.text
            await until(lambda: len([line for line in first.lines if "connected to" in line]) > 1, first.story)
            await is_booted(server, "CP001", first)
        assert await status_of(url, authority.client(), key) == 401
        assert await status_of(server.ocpp_url, None, new) == 403, "without TLS any more"
        assert await status_of(url, authority.client(), new) == 101

        shown = (*secure, "--cert", str(own), "--cert-key", str(own_key))
        async with program(tmp_path, *shown, "--id", "CP002") as second:
            await is_booted(server, "CP002", second)
        assert "asked for no key; security profile 3" in await csms(tmp_path, server, "CP002", "--show")

        await csms(tmp_path, server, "CP003")
        async with (
            program(tmp_path, *secure, "--id", "CP003", "--key", "00" * 20) as wrong,
            program(tmp_path, *shown, "--id", "CP001") as swapped,
        ):
            await wrong.says("HTTP 401: wrong or missing credentials")
            await swapped.says("HTTP 403: this way of proving who it is is not enough there")
        knocking = (await server.get("/chargers/knocking"))["knocking"]
        assert {(one["chargerId"], one["reason"]) for one in knocking} == {
            ("CP001", "wrong_password"),
            ("CP001", "lower_profile"),
            ("CP001", "wrong_certificate"),
            ("CP003", "wrong_password"),
        }
        await csms(tmp_path, server, "CP003", "--remove")
        async with program(tmp_path, *secure, "--id", "CP003") as third:
            await is_booted(server, "CP003", third)
        said = f"{server.out}{server.err}{await server.get('/chargers/CP001/messages')}{await server.get('/audit')}"
        assert "AuthorizationKey" in said
        for secret in (key, new):
            assert secret not in said
        stored = await asyncio.to_thread(everything_in, tmp_path)
        assert new.encode() not in stored
        assert bytes.fromhex(new) not in stored
