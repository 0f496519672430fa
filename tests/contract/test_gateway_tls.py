"""The chargers' door over TLS: which certificates, versions and suites, whose certificate, and replacing them."""

import asyncio
import socket
import ssl
import warnings
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import uvloop
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from structlog.testing import capture_logs
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus
from websockets.typing import Subprotocol

from csms.buckets import Rate
from csms.core.charger_access import Profile
from csms.core.commands import AbortConnection
from csms.core.events import ChargerDisconnected
from csms.core.ids import ChargerId, ConnectionId
from csms.gateway.origins import Origins
from csms.gateway.tls import Certificates, TlsFiles
from tests.contract.gateway_world import ManualClock, World, gateway
from tests.contract.test_gateway_access import CP001, basic, key_of, reasons
from tests.tls import SERVER, Authority


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tls")


@pytest.fixture(scope="module")
def authority(folder: Path) -> Authority:
    return Authority(folder)


@pytest.fixture(scope="module")
def files(authority: Authority) -> TlsFiles:
    return authority.files(client_ca=authority.file)


@asynccontextmanager
async def secure(files: TlsFiles, **parts: Any) -> AsyncIterator[World]:
    async with gateway(certificates=Certificates(files, ManualClock()), **parts) as world:
        yield world


async def refused(world: World, tls: ssl.SSLContext, **headers: str) -> int:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    with pytest.raises(InvalidStatus) as error:
        await connect(
            world.secure_url(), ssl=tls, subprotocols=[Subprotocol("ocpp1.6")], additional_headers=sent, open_timeout=5
        )
    return error.value.response.status_code


async def knock(world: World) -> str:
    """Wait until somebody was turned away, and return why."""
    async with asyncio.timeout(10):
        while not world.knocks.recent():  # noqa: ASYNC110 - what is waited for is on the other side of a socket
            await asyncio.sleep(0.001)
    return reasons(world)[0]


async def test_profile_2_is_the_key_over_tls(authority: Authority, files: TlsFiles) -> None:
    async with secure(files) as world:
        right = basic("CP001", await key_of(world))
        assert await refused(world, authority.client()) == 401
        async with world.secure_client(authority.client(), Authorization=right) as client:
            assert (await client.call("Heartbeat", {}))[0] == 3
            assert world.access.find(CP001).profile is Profile.PASSWORD_TLS
        with pytest.raises(InvalidStatus, match="403"):
            await world.client(Authorization=right).__aenter__()
        assert reasons(world)[0] == "lower_profile"


async def test_both_doors_are_open_and_tls_alone_proves_nothing(authority: Authority, files: TlsFiles) -> None:
    async with (
        secure(files) as world,
        world.client("/CP001") as plain,
        world.secure_client(authority.client(), "/CP002") as client,
    ):
        assert (await plain.call("Heartbeat", {}))[0] == 3
        assert (await client.call("Heartbeat", {}))[0] == 3
        assert world.access.find(ChargerId("CP002")).profile is Profile.NONE


# --- profile 3 --------------------------------------------------------------------------------------------------------


async def test_profile_3_is_a_certificate_that_names_the_charger(authority: Authority, files: TlsFiles) -> None:
    pair = authority.issue("example.org", common_name="CP001")
    async with secure(files) as world:
        async with world.secure_client(authority.client(pair)) as client:
            assert (await client.call("Heartbeat", {}))[0] == 3
        assert world.access.find(CP001).profile is Profile.CERTIFICATE
        right = basic("CP001", await key_of(world))
        assert await refused(world, authority.client(), Authorization=right) == 403, "the key is a lower profile"
        assert reasons(world)[0] == "lower_profile"


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_a_session_that_is_resumed_is_one_of_these_files_and_proves_no_more_than_a_new_one(
    authority: Authority, files: TlsFiles, version: ssl.TLSVersion
) -> None:
    tls = authority.client(authority.issue(common_name="CP001"))
    tls.maximum_version = version
    certificates = Certificates(files, ManualClock())
    async with gateway(certificates=certificates) as world:

        async def come(session: ssl.SSLSession | None, path: str = "/CP001") -> tuple[int, bool, ssl.SSLSession | None]:
            return await asyncio.to_thread(asked, world.secure_url(path), tls, session)

        status, is_resumed, session = await come(None)
        assert (status, is_resumed) == (101, False)
        can_be = version is ssl.TLSVersion.TLSv1_2
        assert (await come(session))[:2] == (101, can_be)
        assert (await come(session, "/CP002"))[:2] == (403, can_be)
        certificates._seen = ()
        certificates.look()
        status, is_resumed, session = await come(session)
        assert (status, is_resumed) == (101, False), "new files, nothing is resumed"
        world.clock.mono_ms += 800 * 86_400_000
        assert (await come(session))[:2] == (403, can_be), "it has ended since it was verified"
        assert [knock.reason for knock in world.knocks.recent()] == ["ended_certificate", "wrong_certificate"]


def asked(url: str, tls: ssl.SSLContext, session: ssl.SSLSession | None) -> tuple[int, bool, ssl.SSLSession | None]:
    """Return what the handshake of a WebSocket is answered on a session of TLS, whether that is an old one, and it."""
    to = urlsplit(url)
    assert to.port is not None
    plain = socket.create_connection(("127.0.0.1", to.port), timeout=10)
    with tls.wrap_socket(plain, server_hostname="127.0.0.1", session=session) as found:
        found.sendall(
            f"GET {to.path} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Protocol: ocpp1.6\r\n\r\n".encode()
        )
        status = int(found.recv(4_096).split()[1])
        return status, bool(found.session_reused), found.session


@pytest.mark.parametrize("common_name", ["CP002", "cp001", "CP001 ", "ws://sems/CP001", "127.0.0.1"])
async def test_tc_087_anothers_certificate_is_refused_whatever_else_is_right(
    authority: Authority, files: TlsFiles, common_name: str
) -> None:
    async with secure(files) as world:
        right = basic("CP001", await key_of(world))
        swapped = authority.client(authority.issue("CP001", common_name=common_name))
        assert await refused(world, swapped, Authorization=right) == 403
        assert reasons(world) == ["wrong_certificate"]
        assert world.desk.facts == []


@pytest.mark.parametrize("fault", ["expired", "unknown authority", "weak"])
async def test_tc_087_a_client_certificate_that_does_not_hold_ends_the_connection(
    authority: Authority, files: TlsFiles, folder: Path, fault: str
) -> None:
    if fault == "expired":
        pair = authority.issue(common_name="CP001", days=-1)
    elif fault == "unknown authority":
        pair = Authority(folder, "stranger").issue(common_name="CP001")
    else:
        pair = weak_certificate(folder)
    async with secure(files) as world:
        right = basic("CP001", await key_of(world))
        with capture_logs() as lines:
            try:
                tls = authority.client()
                tls.set_ciphers("DEFAULT:@SECLEVEL=0")
                tls.load_cert_chain(*pair)
                await world.secure_client(tls, Authorization=right).__aenter__()
            except (OSError, EOFError, InvalidHandshake, ConnectionClosed):
                pass
            else:
                raise AssertionError("it came in")
            assert await knock(world) == "no_tls"
        assert world.desk.facts == []
        (line,) = [one for one in lines if one["event"] == "handshake.refused"]
        words = {"expired": "has expired", "unknown authority": "unable to get", "weak": "too weak"}[fault]
        assert words in line["detail"], line
        assert line["remote"] == "127.0.0.1"


def weak_certificate(folder: Path) -> tuple[Path, Path]:
    """Return a certificate with an RSA key of 1024 bits, signed by itself."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        key = rsa.generate_private_key(public_exponent=65537, key_size=1024)  # noqa: S505 - it is to be refused
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "CP001")])
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1)
    now = datetime.now(UTC)
    builder = builder.not_valid_before(now - timedelta(1)).not_valid_after(now + timedelta(1))
    certificate, key_file = folder / "weak.crt", folder / "weak.key"
    certificate.write_bytes(builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    form = serialization.PrivateFormat.PKCS8
    key_file.write_bytes(key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()))
    return certificate, key_file


async def test_without_an_authority_no_certificate_is_asked_for(authority: Authority) -> None:
    async with secure(authority.files()) as world:
        tls = authority.client(authority.issue("CP002"))
        async with world.secure_client(tls):
            assert world.access.find(CP001).profile is Profile.NONE


# --- what a charger finds ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "words"), [("expired", "expired"), ("other name", "mismatch"), ("unknown authority", "unable to get")]
)
async def test_tc_086_a_charger_that_does_not_trust_our_certificate_stays_away_and_is_a_knock(
    authority: Authority, folder: Path, fault: str, words: str
) -> None:
    server, client = authority.files(), authority.client()
    if fault == "expired":
        server = TlsFiles((authority.issue(*SERVER, days=-1),))
    elif fault == "other name":
        server = TlsFiles((authority.issue("sems.example"),))
    else:
        client = Authority(folder, "elsewhere").client()
    async with secure(server) as world:
        with pytest.raises(ssl.SSLCertVerificationError, match=words):
            await connect(world.secure_url(), ssl=client)
        assert await knock(world) == "no_tls"


def only(client: ssl.SSLContext, version: ssl.TLSVersion, suites: str = "DEFAULT:@SECLEVEL=0") -> ssl.SSLContext:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        client.minimum_version = client.maximum_version = version
    client.set_ciphers(suites)
    return client


@pytest.mark.parametrize(
    ("suite", "rsa"),
    [
        ("ECDHE-ECDSA-AES128-GCM-SHA256", False),
        ("ECDHE-ECDSA-AES256-GCM-SHA384", False),
        ("AES128-GCM-SHA256", True),
        ("AES256-GCM-SHA384", True),
    ],
)
async def test_the_four_suites_of_the_whitepaper_are_spoken_with_two_certificates(
    authority: Authority, suite: str, *, rsa: bool
) -> None:
    both = TlsFiles((authority.issue(*SERVER), authority.issue(*SERVER, rsa=True)))
    async with secure(both) as world:
        tls = only(authority.client(), ssl.TLSVersion.TLSv1_2, suite)
        async with world.secure_client(tls) as client:
            spoken = client.socket.transport.get_extra_info("ssl_object")
            assert (spoken.cipher()[0], spoken.version(), spoken.compression()) == (suite, "TLSv1.2", None)
            assert spoken.session.has_ticket is False
            assert (await client.call("Heartbeat", {}))[0] == 3
        assert rsa is (not suite.startswith("ECDHE-ECDSA")), "the key that the suite is for"


@pytest.mark.parametrize(
    ("version", "suites"),
    [
        (ssl.TLSVersion.TLSv1, "DEFAULT:@SECLEVEL=0"),
        (ssl.TLSVersion.TLSv1_1, "DEFAULT:@SECLEVEL=0"),
        (ssl.TLSVersion.TLSv1_2, "AES128-SHA:@SECLEVEL=0"),
        (ssl.TLSVersion.TLSv1_2, "ECDHE-ECDSA-AES128-SHA256:@SECLEVEL=0"),
    ],
)
async def test_weak_tls_is_refused_and_is_a_knock(authority: Authority, version: ssl.TLSVersion, suites: str) -> None:
    both = TlsFiles((authority.issue(*SERVER), authority.issue(*SERVER, rsa=True)))
    async with secure(both) as world:
        with pytest.raises((ssl.SSLError, ConnectionError)):
            await connect(world.secure_url(), ssl=only(authority.client(), version, suites))
        assert await knock(world) == "no_tls"


async def test_who_speaks_no_tls_at_the_door_for_it_is_cut_off(authority: Authority) -> None:
    async with secure(authority.files()) as world:
        reader, writer = await asyncio.open_connection("127.0.0.1", world.tls_port)
        writer.write(b"GET /CP001 HTTP/1.1\r\n\r\n")
        with suppress(ConnectionError):
            await reader.read()
        writer.close()
        assert await knock(world) == "no_tls"


# --- slow and many ----------------------------------------------------------------------------------------------------


async def test_who_begins_tls_and_does_not_go_on_is_cut_off_in_time(authority: Authority) -> None:
    async with secure(authority.files(), open_timeout_s=0.05) as world:
        reader, writer = await asyncio.open_connection("127.0.0.1", world.tls_port)
        writer.write(b"\x16\x03\x01\x02\x00")
        with suppress(ConnectionError):
            assert await reader.read() == b""
        writer.close()
        assert await knock(world) == "no_tls"


async def test_those_that_have_not_come_through_tls_count_as_half_open(authority: Authority) -> None:
    async with secure(authority.files(), max_half_open=1) as world:
        _, writer = await asyncio.open_connection("127.0.0.1", world.tls_port)
        with pytest.raises((OSError, EOFError)):
            await connect(world.secure_url(), ssl=authority.client(), open_timeout=5)
        assert reasons(world) == ["too_many_half_open"]
        writer.transport.abort()
        assert await knock(world)
        async with asyncio.timeout(10):
            while True:
                with suppress(OSError, EOFError):
                    async with world.secure_client(authority.client()):
                        break


async def test_a_connection_over_tls_counts_once(
    authority: Authority, files: TlsFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("csms.gateway.server.CONNECTIONS", Rate(burst=3, each_ms=1_000))
    monkeypatch.setattr(Origins, "stands_for_many", lambda *_: False)
    async with secure(files) as world:
        for _ in range(3):
            async with world.secure_client(authority.client()):
                pass
        assert reasons(world) == []
        with pytest.raises((OSError, EOFError)):
            await connect(world.secure_url(), ssl=authority.client(), open_timeout=5)
        assert reasons(world) == ["too_many_connections"]
        world.clock.mono_ms += 1_000
        async with world.secure_client(authority.client()):
            pass


async def test_stopping_ends_those_that_have_not_come_through(authority: Authority) -> None:
    async with secure(authority.files()) as world:
        reader, writer = await asyncio.open_connection("127.0.0.1", world.tls_port)
        async with world.secure_client(authority.client()) as client:
            stopping = asyncio.create_task(world.stop())
            with pytest.raises(ConnectionClosed) as closed:
                await client.socket.recv()
            with suppress(ConnectionError):
                assert await reader.read() == b""
            await stopping
        writer.close()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1001


# --- the connection itself --------------------------------------------------------------------------------------------


async def much_is_said(world: World, authority: Authority) -> None:
    """Say much in both directions, more than TLS puts into a record and more than is read in one turn."""
    async with world.secure_client(authority.client()) as client:
        for size in (1, 5_000, 20_000, 70_000):
            data = {"vendorId": "x", "data": "y" * size}
            assert (await client.call("DataTransfer", data))[2] == {"status": "UnknownVendorId"}
        flood = b"\x81\x82\x00\x00\x00\x00[]" * 500
        client.socket.transport.write(flood)
        assert (await client.call("Heartbeat", {}))[0] == 3
        await client.socket.send(['[2,"f","He', 'artbeat",', "{}]"])
        assert (await client.receive())[:2] == [3, "f"]
        await (await client.socket.ping())
        world.registry.send(AbortConnection(ConnectionId(1), CP001, "two time-outs running"))
        with pytest.raises(ConnectionClosed):
            await client.socket.recv()
        assert world.desk.kinds()[-1] == "ChargerDisconnected"


async def test_large_and_many_messages_fragments_pings_and_aborts(authority: Authority) -> None:
    async with secure(authority.files()) as world:
        await much_is_said(world, authority)


async def it_does_not_read(world: World, authority: Authority) -> None:
    """Write to a charger that does not read until its bytes pile up here, then give it up."""
    async with world.secure_client(authority.client()) as client:
        client.socket.transport.pause_reading()
        connection = world.registry._links[CP001]._connection
        for _ in range(1_000):
            assert connection.write_text("x" * 65_536)
            await asyncio.sleep(0)
            if connection.is_clogged:
                break
        assert connection.is_clogged
        connection.abort()
        await world.desk.wait_for(ChargerDisconnected)
        assert not connection.write_text("x"), "nothing is handed to a connection that has ended"
        client.socket.transport.abort()


async def test_a_charger_that_does_not_read_is_found_out(authority: Authority) -> None:
    async with secure(authority.files()) as world:
        await it_does_not_read(world, authority)


def test_the_same_on_the_faster_event_loop(authority: Authority) -> None:
    async def run() -> None:
        async with secure(authority.files()) as world:
            await it_does_not_read(world, authority)
        async with secure(authority.files(client_ca=authority.file)) as world:
            await much_is_said(world, authority)
            pair = authority.issue(common_name="CP001")
            async with world.secure_client(authority.client(pair)):
                assert world.access.find(CP001).profile is Profile.CERTIFICATE
            assert await refused(world, authority.client(authority.issue(common_name="CP002"))) == 403

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run())


# --- replacing certificates -------------------------------------------------------------------------------------------


def put(pair: tuple[Path, Path], over: tuple[Path, Path]) -> None:
    for new, old in zip(pair, over, strict=True):
        old.unlink()
        old.write_bytes(new.read_bytes())


async def serial(world: World, tls: ssl.SSLContext) -> str:
    async with world.secure_client(tls, "/CP002") as client:
        return str(client.socket.transport.get_extra_info("peercert")["serialNumber"])


async def test_new_certificates_serve_new_connections_and_end_none(authority: Authority) -> None:
    pair = authority.issue(*SERVER)
    certificates = Certificates(TlsFiles((pair,)), ManualClock())
    async with gateway(certificates=certificates) as world, world.secure_client(authority.client()) as client:
        before = await serial(world, authority.client())
        certificates.look()
        assert await serial(world, authority.client()) == before
        put(authority.issue(*SERVER), pair)
        certificates.look()
        assert await serial(world, authority.client()) != before
        assert (await client.call("Heartbeat", {}))[0] == 3, "on the connection of before"


@pytest.mark.parametrize("broken", ["no certificate", "another key", "no file"])
async def test_files_that_cannot_be_used_change_nothing_and_are_told_once(authority: Authority, broken: str) -> None:
    pair = authority.issue(*SERVER)
    certificates = Certificates(TlsFiles((pair,)), ManualClock())
    async with gateway(certificates=certificates) as world:
        before = await serial(world, authority.client())
        if broken == "no certificate":
            pair[0].write_text("half of it")
        elif broken == "another key":
            pair[1].write_bytes(authority.issue(*SERVER)[1].read_bytes())
        else:
            pair[1].unlink()
        with capture_logs() as lines:
            certificates.look()
            certificates.look()
        assert [line["event"] for line in lines] == ["certificates.not_reloaded"]
        assert str(pair[0]) in lines[0]["reason"]
        assert await serial(world, authority.client()) == before
        new = authority.issue(*SERVER)
        for kept, other in zip(pair, new, strict=True):
            kept.write_bytes(other.read_bytes())
        certificates.look()
        assert await serial(world, authority.client()) != before


async def test_a_new_authority_of_chargers_counts_from_then_on(authority: Authority, folder: Path) -> None:
    other = Authority(folder, "next")
    file = folder / "clients.pem"
    file.write_bytes(authority.file.read_bytes())
    certificates = Certificates(authority.files(client_ca=file), ManualClock())
    theirs = authority.client(other.issue(common_name="CP001"))
    async with gateway(certificates=certificates) as world:
        with suppress(OSError, EOFError, InvalidHandshake, ConnectionClosed):
            await world.secure_client(theirs).__aenter__()
        assert await knock(world) == "no_tls"
        file.write_bytes(authority.file.read_bytes() + other.file.read_bytes())
        certificates.look()
        async with world.secure_client(theirs):
            assert world.access.find(CP001).profile is Profile.CERTIFICATE
