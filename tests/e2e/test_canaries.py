"""Every secret there is, planted as a word of its own, and everything that comes out of the system searched for it.

One server with keys at both doors and TLS, at its most talkative, and the commands as processes beside it. Secrets of
access are kept as hashes, so they are not in the database either; what a charger was asked for (a password within an
address) is kept as it was said, and is not shown.
"""

import asyncio
import re
import zipfile
from base64 import b64encode
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Subprotocol

from csms.cli.accepting.steps import NAMES
from tests.e2e.chargers import HandCharger
from tests.e2e.programs import Ended, Server, charger, run, serving, station, until
from tests.tls import SERVER, Authority

pytestmark = pytest.mark.e2e

SITE: Final = station(400, charger("CP001", 50, connectors=1, control="ocpp"), charger("CP002", 50, connectors=1))
PATIENCE_S: Final = 30
TAG: Final = "CANARYTAG0123456789"
PLANTED: Final = {
    "a password in an address": "canary-address-55e1",
    "a password of a network": "canary-wifi-77aa",
    "a charger's own word for its key": "canary-told-0c3d",
    "a wrong password": "canary-wrong-91b2",
    "the data of a vendor": "canary-data-3f6e",
    "the password of a database": "canary-database-2b8c",
}
AS_SAID: Final = {"a password in an address", "a password of a network", "the data of a vendor"}
"""What operators have asked of chargers, and what vendors say to each other, is kept as it was said; no key is."""
ADDRESS: Final = f"ftp://somebody:{PLANTED['a password in an address']}@files.example/x"
SEEN: Final = (
    *("/chargers", "/chargers/CP001", "/chargers/CP001/messages?limit=200", "/chargers/CP001/key", "/commands"),
    *("/chargers/knocking", "/audit?limit=200", "/alarms", "/campaigns", "/sessions", "/station/config"),
    *("/station/status", "/makes", "/health", "/openapi.json", "/docs", "/metrics", "/nothing"),
)
COMMANDS: Final[dict[str, dict[str, Any]]] = {
    "GetDiagnostics": {"location": ADDRESS},
    "UpdateFirmware": {"location": ADDRESS, "retrieveDate": "2026-11-27T02:00:00Z"},
    "GetLog": {"logType": "SecurityLog", "requestId": 7, "log": {"remoteLocation": ADDRESS}},
    "ChangeConfiguration": {"key": "WifiPassword", "value": PLANTED["a password of a network"]},
    "RemoteStartTransaction": {"idTag": TAG, "connectorId": 1},
    "GetConfiguration": {"key": ["AuthorizationKey", "WifiPassword"]},
}
NO_TAGS: Final = ("standard", "the", "bundle", "/chargers", "/audit", "/alarms", "/health", "backup")
"""Where no whole id tag may be; operators see them in commands and transactions."""
ANSWERS: Final[dict[str, dict[str, Any]]] = {
    "GetDiagnostics": {"fileName": "x"},
    "UpdateFirmware": {},
    "GetConfiguration": {
        "configurationKey": [
            {"key": "AuthorizationKey", "readonly": False, "value": PLANTED["a charger's own word for its key"]},
            {"key": "WifiPassword", "readonly": False, "value": PLANTED["a password of a network"]},
        ]
    },
}


@dataclass(slots=True)
class Heap:
    """What has come out so far, by where it did, and what is secret."""

    texts: dict[str, str] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=lambda: dict(PLANTED))

    def add(self, where: str, text: str) -> None:
        """Keep what has come out."""
        assert text, where
        self.texts[f"{len(self.texts)} {where}"] = text

    def add_ended(self, where: str, ended: Ended) -> None:
        """Keep what a command has printed."""
        self.add(where, f"{ended.out}\n{ended.err}")

    def found(self, *more: str) -> list[tuple[str, str]]:
        """Return which secret, or which of other words, is where."""
        words = {**self.secrets, **{word: word for word in more}}
        return [
            (what, where)
            for where, text in self.texts.items()
            for what, word in words.items()
            if word.lower() in text.lower()
        ]


def basic(password: bytes) -> dict[str, str]:
    return {"Authorization": f"Basic {b64encode(b'CP001:' + password).decode()}"}


async def charging(hand: HandCharger) -> None:
    """Boot, and say everything that has a secret in it."""
    await hand.call("BootNotification", {"chargePointVendor": "V", "chargePointModel": "M", "iccid": "8931"})
    for idx in (0, 1):
        said = {"connectorId": idx, "status": "Available", "errorCode": "NoError"}
        await hand.call("StatusNotification", said)
    await hand.call("Authorize", {"idTag": TAG})
    await hand.call("DataTransfer", {"vendorId": "V", "data": PLANTED["the data of a vendor"]})
    await hand.call("MeterValues", {"connectorId": 1, "idTag": TAG, "meterValue": []})
    start = {"connectorId": 1, "idTag": TAG, "meterStart": 0, "timestamp": "2026-11-27T02:00:00Z"}
    started = await hand.call("StartTransaction", start)
    stop = {"transactionId": started["transactionId"], "meterStop": 9, "idTag": TAG, "timestamp": start["timestamp"]}
    await hand.call("StopTransaction", stop)


async def asked(server: Server, heap: Heap, hand: HandCharger) -> None:
    """Have the charger asked for everything that has a secret in it, and told a key."""
    for action, body in COMMANDS.items():
        answer = await server.post(f"/chargers/CP001/commands/{action}", body, wait="1", force="true")
        heap.add(action, answer.text)
        assert answer.status_code in {200, 202}, (action, answer.text)
        assert answer.json()["command"]["state"] == "accepted", answer.text
    wrong = await server.post("/chargers/CP001/commands/ChangeConfiguration", {"value": 1, "key": ADDRESS})
    heap.add("a body that is wrong", wrong.text)
    told = (await server.rest.post("/chargers/CP001/key?rotate=true&send=true")).json()["key"]
    heap.secrets["the key that was sent"] = told["authorizationKey"]
    assert ("ChangeConfiguration", {"key": "AuthorizationKey", "value": told["authorizationKey"]}) in hand.received


async def released(server: Server, heap: Heap) -> None:
    """Set a secret, an address with a password too, and take the charger out and in again."""
    for key, value in (("WifiPassword", PLANTED["a password of a network"]), ("ApnUrl", ADDRESS)):
        await server.post("/chargers/CP001/commands/ChangeConfiguration", {"key": key, "value": value}, wait="20")
    begun = await server.post("/chargers/CP001/release", force="true")
    heap.add("a release begins", begun.text)

    async def ended() -> bool:
        shown = await server.rest.get("/chargers/CP001/release")
        heap.texts["a release"] = shown.text
        return bool(shown.json()["release"]["state"] == "incomplete")

    await until(ended, lambda: heap.texts["a release"])
    assert "WifiPassword" in heap.texts["a release"]
    taken_in = await server.rest.delete("/chargers/CP001/release")
    assert taken_in.status_code == 204, taken_in.text


async def everything_shown(server: Server, heap: Heap) -> None:
    """Ask for everything that there is to see, and for the errors."""
    for path in SEEN:
        heap.add(path, (await server.rest.get(path)).text)
    for command in (await server.get("/commands"))["commands"]:
        heap.add("a command", (await server.rest.get(f"/commands/{command['id']}")).text)


async def beside(folder: Path, server: Server, heap: Heap, key: str) -> None:
    """Run the commands that write something out."""
    with_key = {"CSMS_API_KEY": key, "CSMS_DATABASE": f"sqlite:///{folder / 'csms.sqlite3'}"}
    bundled = await run(folder, "csms", "bundle", "CP001", "--url", server.url, variables=with_key)
    assert bundled.status == 0, bundled.err
    heap.add_ended("bundle", bundled)
    with zipfile.ZipFile(folder / "CP001.zip") as bundle:
        for name in bundle.namelist():
            heap.add(f"bundle: {name}", bundle.read(name).decode())
    shown = await run(folder, "csms", "commands", "--charger", "CP001", "--url", server.url, variables=with_key)
    heap.add_ended("csms commands", shown)
    doctored = await run(folder, "csms", "doctor", "--port", server.url.rpartition(":")[2], variables=with_key)
    assert "CP001" in doctored.out, doctored.out + doctored.err
    heap.add_ended("doctor", doctored)
    skips = tuple(word for step in NAMES[2:] for word in ("--skip", step))
    accept = ("csms", "accept", "CP001", "--yes", *skips, "--report", "accepted", "--url", server.url)
    accepted = await run(folder, *accept, variables=with_key)
    heap.add_ended("accept", accepted)
    for name in ("accepted.json", "accepted.html"):
        heap.add(name, await asyncio.to_thread((folder / name).read_text))
    backed_up = await run(folder, "csms", "backup", "copy.backup", variables=with_key)
    assert backed_up.status == 0, backed_up.err
    heap.add_ended("backup", backed_up)


async def elsewhere(folder: Path, heap: Heap, key: str) -> None:
    """Start with a database that cannot be had, and ask for help with every secret in the environment."""
    url = f"postgresql://csms:{PLANTED['the password of a database']}@127.0.0.1:1/csms"
    variables = {"CSMS_DATABASE": url, "CSMS_API_KEY": key, "CSMS_LOG_LEVEL": "debug"}
    for words in (("serve", "--port", "0", "--ocpp-port", "0"), ("serve", "--help"), ("keys", "list"), ("doctor",)):
        heap.add_ended(" ".join(words), await run(folder, "csms", *words, variables=variables))


def kept(folder: Path) -> str:
    """Return the bytes of the database and its copy."""
    files = [file for file in folder.iterdir() if file.name.startswith(("csms.sqlite3", "copy.backup"))]
    assert len(files) > 1
    return b"".join(file.read_bytes() for file in files).decode("latin-1")


async def test_no_secret_comes_out_anywhere(tmp_path: Path) -> None:
    heap = Heap()
    authority = Authority(tmp_path)
    certificate, private = authority.issue(*SERVER)
    heap.secrets["the key of TLS"] = private.read_text().splitlines()[1]
    database = {"CSMS_DATABASE": f"sqlite:///{tmp_path / 'csms.sqlite3'}"}
    made = await run(tmp_path, "csms", "keys", "create", "anna", "--role", "admin", variables=database)
    key = made.out.strip()
    heap.secrets["the key of REST"] = key.rpartition("_")[2]
    tls = ("--ocpp-tls-cert", str(certificate), "--ocpp-tls-key", str(private), "--ocpp-tls-port", "0")
    talkative = ("--rest-access", "keys", "--log-level", "debug", "--id-tags", "open")
    async with serving(tmp_path, config=SITE, arguments=(*tls, *talkative)) as server:
        server.rest.headers["Authorization"] = f"Bearer {key[:-1]}0"
        heap.add("a wrong key", (await server.rest.get("/audit")).text)
        server.rest.headers["Authorization"] = f"Bearer {key}"
        first = (await server.rest.post("/chargers/CP001/key")).json()["key"]["authorizationKey"]
        heap.secrets["the charger's key"] = first
        url = (await server.says(r"(wss://\S+)"))[1]
        context = authority.client()
        with pytest.raises(InvalidStatus) as refused:
            await connect(f"{url}/CP001", ssl=context, additional_headers=basic(PLANTED["a wrong password"].encode()))
        heap.add("a wrong password", str(refused.value.response))
        shows = basic(bytes.fromhex(first))
        async with connect(
            f"{url}/CP001", ssl=context, additional_headers=shows, subprotocols=[Subprotocol("ocpp1.6")]
        ) as socket:
            hand = HandCharger(socket, defaultdict(lambda: {"status": "Accepted"}, ANSWERS), PATIENCE_S)
            await charging(hand)
            await released(server, heap)
            await asked(server, heap, hand)
            await everything_shown(server, heap)
            await beside(tmp_path, server, heap, key)
            await hand.end()
        ended = await server.stop()
    heap.add("standard output", ended.out)
    heap.add("the log", ended.err)
    assert ended.err.count('"frame.received"') > 10, "each frame is in it"
    await elsewhere(tmp_path, heap, key)
    assert heap.found() == []
    assert [where for what, where in heap.found(TAG) if where.split()[1].startswith(NO_TAGS)] == []
    assert re.search("CANA|TAG", "".join(heap.texts.values())), "tags are shortened, not lost"
    stored = await asyncio.to_thread(kept, tmp_path)
    for what in ("the key of REST", "the charger's key", "the key that was sent", "the key of TLS"):
        assert heap.secrets[what] not in stored, what
        if re.fullmatch("[0-9a-f]+", heap.secrets[what]):
            assert bytes.fromhex(heap.secrets[what]).decode("latin-1") not in stored, what
    assert {what for what, word in PLANTED.items() if word in stored} == AS_SAID
