"""Clients that others have written, from two package registries, against the whole central system over ws and wss.

For each security profile that a client can, a charger of its own comes: it boots, charges and leaves. The clients hold
what we send against schemas of their own.
"""

import asyncio
import itertools
import json
import os
import shutil
import ssl
import sys
from base64 import b64encode
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any, Final

import pytest
from ocpp.charge_point import snake_to_camel_case  # type: ignore[import-untyped]
from ocpp.routing import on  # type: ignore[import-untyped]
from ocpp.v16 import ChargePoint, call, call_result  # type: ignore[import-untyped]
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from csms.core.charger_access import Profile
from csms.core.ids import ChargerId
from csms.core.station import Charger, Control, Station
from csms.gateway.tls import Certificates
from csms.runtime.charger_access import NewKey
from csms.runtime.clock import SystemClock
from tests.interop.others import CLIENTS, Client
from tests.tls import Authority
from tests.virtual.site import Site, errors_logged, running

CHARGERS: Final = {profile: ChargerId(f"PROFILE{profile}") for profile in Profile}
STATION: Final = Station(
    "OTHERS",
    100_000,
    tuple(Charger(name, 22_080, connectors=1, control=Control.OCPP, phases=3) for name in CHARGERS.values()),
)
NODE: Final = shutil.which("node")
FOLDER: Final = Path(__file__).parent / "clients"
INSTALLED: Final = Path(sys.prefix) / "interop" / "node_modules"
"""Where `make interop-clients` puts what others have written: beside all other packages, not in the project."""
PATIENCE_S: Final = 60
TAG: Final = "04A1B2C3D4"
Json = dict[str, Any]

installed = pytest.mark.skipif(
    NODE is None or not INSTALLED.is_dir(), reason="it needs Node.js, and make interop-clients"
)


# --- the clients ------------------------------------------------------------------------------------------------------


class Others(ChargePoint):  # type: ignore[misc]  # the package has no types for it
    """The `ocpp` package's own charge point, with an answer to whatever it is asked."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.asked: list[tuple[str, Json]] = []
        self.was_asked = asyncio.Condition()

    async def _note(self, action: str, payload: Json) -> None:
        async with self.was_asked:
            self.asked.append((action, payload))
            self.was_asked.notify_all()

    async def wait_for(self, look: Callable[[str, Json], bool]) -> None:
        """Wait until it has been asked for something."""
        async with self.was_asked:
            await self.was_asked.wait_for(lambda: any(itertools.starmap(look, self.asked)))

    @on("GetConfiguration")  # type: ignore[untyped-decorator]
    async def _configuration(self, **payload: Any) -> Any:
        await self._note("GetConfiguration", payload)
        keys = {"NumberOfConnectors": "1", "ChargingScheduleAllowedChargingRateUnit": "Current,Power"}
        told = [{"key": key, "readonly": True, "value": value} for key, value in keys.items()]
        return call_result.GetConfiguration(configuration_key=told, unknown_key=[])

    @on("SetChargingProfile")  # type: ignore[untyped-decorator]
    async def _profile(self, **payload: Any) -> Any:
        await self._note("SetChargingProfile", payload)
        return call_result.SetChargingProfile(status="Accepted")

    @on("ChangeConfiguration")  # type: ignore[untyped-decorator]
    async def _change(self, **payload: Any) -> Any:
        await self._note("ChangeConfiguration", payload)
        return call_result.ChangeConfiguration(status="Accepted")

    @on("ClearChargingProfile")  # type: ignore[untyped-decorator]
    async def _clear(self, **payload: Any) -> Any:
        await self._note("ClearChargingProfile", payload)
        return call_result.ClearChargingProfile(status="Unknown")

    @on("TriggerMessage")  # type: ignore[untyped-decorator]
    async def _trigger(self, **payload: Any) -> Any:
        await self._note("TriggerMessage", payload)
        return call_result.TriggerMessage(status="NotImplemented")


async def charge(point: Others) -> Json:
    """Boot, charge and leave; return what each was answered."""
    said: Json = {}

    async def say(payload: Any) -> Any:
        answer = await point.call(payload, suppress=False)
        said[type(payload).__name__] = {name: value for name, value in vars(answer).items() if value is not None}
        return answer

    def now() -> str:
        return datetime.now(UTC).isoformat()

    def status(idx: int, word: str) -> Any:
        return say(call.StatusNotification(connector_id=idx, error_code="NoError", status=word, timestamp=now()))

    await say(call.BootNotification(charge_point_vendor="Others", charge_point_model="ocpp"))
    await status(0, "Available")
    await status(1, "Available")
    await say(call.Heartbeat())
    await point.wait_for(lambda action, _: action == "GetConfiguration")
    await say(call.Authorize(id_tag=TAG))
    await status(1, "Preparing")
    start = call.StartTransaction(connector_id=1, id_tag=TAG, meter_start=100, timestamp=now())
    transaction_id = (await say(start)).transaction_id
    await status(1, "Charging")
    await point.wait_for(
        lambda action, payload: (
            action == "SetChargingProfile" and payload["cs_charging_profiles"].get("transaction_id") == transaction_id
        )
    )
    sampled = [{"value": "150", "measurand": "Energy.Active.Import.Register", "unit": "Wh"}]
    values = [{"timestamp": now(), "sampled_value": sampled}]
    await say(call.MeterValues(connector_id=1, transaction_id=transaction_id, meter_value=values))
    await say(call.StopTransaction(transaction_id=transaction_id, meter_stop=200, timestamp=now(), reason="Local"))
    await status(1, "Available")
    return said


async def over_ocpp(plan: Json) -> Json:
    """Charge with the Python package."""
    tls = None if "ca" not in plan else ssl.create_default_context(cafile=plan["ca"])
    if tls is not None and "cert" in plan:
        tls.load_cert_chain(plan["cert"], plan["privateKey"])
    proof = b64encode(plan["id"].encode() + b":" + bytes.fromhex(plan.get("key", ""))).decode()
    headers = {"Authorization": f"Basic {proof}"} if "key" in plan else {}
    url = f"{plan['url']}/{plan['id']}"
    async with connect(url, ssl=tls, additional_headers=headers, subprotocols=[Subprotocol("ocpp1.6")]) as socket:
        point = Others(plan["id"], socket)
        reading = asyncio.create_task(point.start())
        said = await charge(point)
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
    found: Json = snake_to_camel_case({"said": said, "asked": point.asked})
    return found


async def over_node(plan: Json) -> Json:
    """Charge with a package for Node.js."""
    assert NODE is not None, "skipped without it"
    trusted = {"NODE_EXTRA_CA_CERTS": plan["ca"]} if "ca" in plan else {}
    process = await asyncio.create_subprocess_exec(
        *(NODE, str(FOLDER / "charge.js"), json.dumps(plan)),
        env=dict(os.environ) | trusted | {"NODE_PATH": str(INSTALLED)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        out, errors = await asyncio.wait_for(process.communicate(), PATIENCE_S)
    finally:
        if process.returncode is None:
            process.kill()
    assert (process.returncode, errors) == (0, b""), errors.decode()
    found: Json = json.loads(out)
    return found


# --- what they do -----------------------------------------------------------------------------------------------------


async def come(site: Site, authority: Authority, client: Client, profile: Profile) -> Json:
    """Have a client charge with a security profile, and return what it was answered and asked."""
    charger = CHARGERS[profile]
    plan: Json = {"client": client.name, "id": charger, "url": site.url}
    if profile >= Profile.PASSWORD_TLS:
        plan |= {"url": f"wss://127.0.0.1:{site.tls_port}", "ca": str(authority.file)}
    if profile is Profile.CERTIFICATE:
        certificate, private = await asyncio.to_thread(authority.issue, common_name=charger)
        plan |= {"cert": str(certificate), "privateKey": str(private)}
    elif profile >= Profile.PASSWORD:
        made = await site.access.make_key(charger, rotate=False)
        assert isinstance(made, NewKey)
        plan |= {"key": made.key}
    over: Callable[[Json], Awaitable[Json]] = over_ocpp if client.name == "ocpp" else over_node
    return await asyncio.wait_for(over(plan), PATIENCE_S)


def assert_charged(found: Json) -> None:
    """Look at what a client was answered and asked."""
    said, asked = found["said"], found["asked"]
    assert said["BootNotification"]["status"] == "Accepted"
    assert said["Heartbeat"]["currentTime"].endswith("Z")
    assert said["Authorize"]["idTagInfo"]["status"] == "Accepted"
    assert said["StartTransaction"]["idTagInfo"]["status"] == "Accepted"
    assert said["StartTransaction"]["transactionId"] > 0
    assert [said[action] for action in ("StatusNotification", "MeterValues", "StopTransaction")] == [{}, {}, {}]
    assert {"GetConfiguration", "SetChargingProfile"} <= {action for action, _ in asked}


@pytest.mark.parametrize(
    "client",
    [pytest.param(client, marks=[] if client.language == "Python" else [installed]) for client in CLIENTS],
    ids=lambda client: client.name,
)
async def test_others_charge_with_each_security_profile_that_they_can(client: Client, tmp_path: Path) -> None:
    clock, numbers = SystemClock(), itertools.count(1)
    authority = Authority(tmp_path)
    certificates = Certificates(authority.files(client_ca=authority.file), clock)
    with errors_logged() as errors:
        served = running(
            *(STATION, clock, tmp_path / "csms.sqlite3", errors),
            new_id=lambda: f"session-{next(numbers)}",
            certificates=certificates,
        )
        async with served as site:
            for profile in map(Profile, client.profiles):
                assert_charged(await come(site, authority, client, profile))
                assert site.access.find(CHARGERS[profile]).profile is profile, "it is held to it from now on"
                assert not site.view.sessions, "it has stopped"
            assert not site.knocks.recent()
        assert errors == []


def test_what_is_installed_is_what_the_page_tells() -> None:
    wanted = json.loads((FOLDER / "package.json").read_text("utf-8"))["dependencies"]
    assert wanted == {client.name: client.version for client in CLIENTS if client.language == "JavaScript"}
    locked = json.loads((FOLDER / "package-lock.json").read_text("utf-8"))["packages"]
    assert {name: locked[f"node_modules/{name}"]["version"] for name in wanted} == wanted
    assert not [name for name, each in locked.items() if name and ("integrity" not in each or "resolved" in each)]
    assert metadata.version("ocpp") == next(client.version for client in CLIENTS if client.name == "ocpp")
