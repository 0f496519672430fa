"""`csms serve` as its operator meets it: what it says when it starts, what it says when it cannot, and how it stops."""

import asyncio
import contextlib
import json
import os
import re
import signal
import socket
import sqlite3
import sys
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.e2e.chargers import by_hand, simulated
from tests.e2e.programs import EXAMPLE_CONFIG, ROOT, Program, charger, program, run, serving, station, until, write_json
from tests.tls import SERVER as TLS_NAMES
from tests.tls import Authority

pytestmark = pytest.mark.e2e

SERVE = ("csms", "serve")
ANY_PORT = ("--port", "0", "--ocpp-port", "0")
STATION = station(100, charger("CP001", 50))
STOPPED = "csms serve: stopped"


# --- what is said at the start ----------------------------------------------------------------------------------------


async def test_start_up_prints_both_doors_and_what_to_type_into_a_charger(tmp_path: Path) -> None:
    async with serving(tmp_path) as server:
        await server.get("/health")
        async with by_hand(server.ocpp_url, "CP001") as hand:
            await hand.boot(2)
        assert server.lines == [
            "station ELECTRA_PARIS_15: 3 chargers, 400 kW",
            f"REST  {server.url}  (this machine only; documentation at /docs)",
            f"OCPP  {server.ocpp_url}  (this machine only)",
            f"      type into a charger: {server.ocpp_url}/CP001  (the last part is its id)",
            "cards that are not listed: all may charge",
            "ready",
        ]


async def test_start_up_warns_when_everybody_can_reach_it(tmp_path: Path) -> None:
    everywhere = "0.0.0.0"  # noqa: S104  # with a port of its own, for as long as the test lasts
    async with serving(tmp_path, arguments=("--ocpp-host", everywhere)) as server:
        said = await server.says("^OCPP ")
        assert "chargers with a key need it; those without come in from private addresses alone" in said.string
        assert "cards that are not listed: none may charge (--id-tags open lets all)" in server.lines
        assert f"type into a charger: {server.ocpp_url}/CP001 " in server.out
        assert everywhere not in server.out, "nobody can type that into a charger"


EVERY_VARIABLE = {
    "CSMS_CONFIG": str(EXAMPLE_CONFIG),
    "CSMS_REPLACE_CONFIG": "true",
    "CSMS_HOST": "localhost",
    "CSMS_PORT": "0",
    "CSMS_OCPP_RATE_PER_S": "20",
    "CSMS_STALL_REPORT_S": "20",
    "CSMS_STALL_EXIT_S": "120",
    "CSMS_REST_ACCESS": "open",
    "CSMS_REST_HOSTS": "station.example",
    "CSMS_REST_RATE_PER_S": "1",
    "CSMS_OCPP_HOST": "127.0.0.1",
    "CSMS_OCPP_PORT": "0",
    "CSMS_OCPP_TLS_CERT": "authority-1.crt, authority-2.crt",
    "CSMS_OCPP_TLS_KEY": "authority-1.key, authority-2.key",
    "CSMS_OCPP_TLS_PORT": "0",
    "CSMS_OCPP_CLIENT_CA": "authority.pem",
    "CSMS_TRUSTED_PROXY": "10.0.0.5",
    "CSMS_UNKNOWN_CHARGERS": "reject",
    "CSMS_DATABASE": "sqlite:///from_variables.sqlite3",
    "CSMS_ID_TAGS": "tags.txt",
    "CSMS_KEEP_SAMPLES_DAYS": "0",
    "CSMS_KEEP_LOG_DAYS": "0",
    "CSMS_KEEP_LOG_ROWS": "7",
    "CSMS_LOG_LEVEL": "debug",
    "CSMS_LOG_FORMAT": "json",
    "CSMS_VIRTUAL_ID_TAG": "VIRTUAL7",
    "CSMS_HEARTBEAT_INTERVAL_S": "77",
    "CSMS_REQUEST_WAIT_S": "1",
}


async def test_every_option_has_a_variable(tmp_path: Path) -> None:
    documented = (ROOT / "docs" / "reference" / "settings.md").read_text("utf-8")
    assert EVERY_VARIABLE.keys() == {part for part in documented.split("`") if part.startswith("CSMS_")} - {
        "CSMS_PORT=tcp://…"
    }
    (tmp_path / "tags.txt").write_text("GOOD1\nBAD22, Blocked\n", encoding="utf-8")
    authority = Authority(tmp_path)
    for rsa in (False, True):
        authority.issue(*TLS_NAMES, rsa=rsa)
    other = write_json(tmp_path / "first.json", STATION)
    first = await run_until_ready(tmp_path, "--config", str(other), "--database", "sqlite:///from_variables.sqlite3")
    assert "station E2E" in first
    async with program(tmp_path, *SERVE, variables=EVERY_VARIABLE) as server:
        await server.says("^ready$")
        assert "--replace-config has put the file into force" in server.out
        assert "http://localhost:" in server.out
        assert re.search(r"wss://127.0.0.1:[1-9]\d+  \(each charger with its key or its certificate;", server.out)
        assert "cards that are not listed: those of tags.txt may charge" in server.lines
        ocpp_url = (await server.says(r"^OCPP +(ws://\S+)"))[1]
        url = (await server.says(r"^REST +(http://\S+)"))[1]
        async with by_hand(ocpp_url, "CP003", {"RemoteStartTransaction": None}) as hand:
            booted = await hand.call("BootNotification", {"chargePointVendor": "V", "chargePointModel": "M"})
            assert booted["interval"] == 77
            verdicts = [
                (await hand.call("Authorize", {"idTag": tag}))["idTagInfo"]["status"]
                for tag in ("good1", "BAD22", "NONE")
            ]
            assert verdicts == ["Accepted", "Blocked", "Invalid"]
            answer = await post(
                url, "/sessions", {"connectorId": {"chargerId": "CP003", "idx": 1}, "vehicleMaxPower": 9}
            )
            assert answer.status_code == 504, "it waited for one second, not for thirty"
            assert (await hand.asked("RemoteStartTransaction"))["idTag"] == "VIRTUAL7"
        async with by_hand(ocpp_url, "CP999") as stranger:
            booted = await stranger.call("BootNotification", {"chargePointVendor": "V", "chargePointModel": "M"})
            assert booted["status"] == "Rejected"
        await _is_asked_under_a_name_and_not_too_often(url)
        assert {line["level"] for line in server.log()} >= {"debug", "info"}
        assert "VIRTUAL7" not in server.err, "id tags are masked in the log"
    assert (tmp_path / "from_variables.sqlite3").exists()


async def _is_asked_under_a_name_and_not_too_often(url: str) -> None:
    import httpx2

    async with httpx2.AsyncClient(base_url=url, trust_env=False, headers={"Host": "station.example"}) as rest:
        assert (await rest.get("/health")).status_code == 200

        async def is_too_often() -> bool:
            return (await rest.get("/health")).status_code == 429

        await until(is_too_often, "more than one request a second to be refused")


async def test_old_lines_of_the_event_log_are_forgotten_while_it_runs(tmp_path: Path) -> None:
    database = ("--config", str(EXAMPLE_CONFIG), "--database", "sqlite:///old.sqlite3")
    await run_until_ready(tmp_path, *database)
    with contextlib.closing(sqlite3.connect(tmp_path / "old.sqlite3")) as connection, connection:
        line = "INSERT INTO event_log (station_id, at_ms, kind, detail) VALUES ('main', ?, 'test', '{}')"
        connection.executemany(line, [(n,) for n in range(3)])
    async with program(tmp_path, *SERVE, *ANY_PORT, *database) as server:
        await server.says("^ready$")
        await until(lambda: "history.pruned" in server.err, server.story)
        (pruned,) = [line for line in server.log() if line["event"] == "history.pruned"]
        assert (pruned["samples"], pruned["lines"]) == (0, 3)


async def test_chargers_that_are_more_than_files_may_be_open_are_told(tmp_path: Path) -> None:
    """Its soft limit is 100 and its hard one 210: room for ten chargers beside everything else."""
    limited = ("-c", 'ulimit -Sn 100 && ulimit -Hn 210 && exec "$0" "$@"', sys.executable, "-m", *SERVE, *ANY_PORT)
    variables = {name: value for name, value in os.environ.items() if not name.startswith("CSMS_")}
    errors = tmp_path / "errors.log"
    with errors.open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            "sh", *limited, "--config", str(EXAMPLE_CONFIG), cwd=tmp_path, env=variables,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=log,
        )  # fmt: skip
    server = Program(process, errors)
    try:
        await server.says("^ready$")
        url = (await server.says(r"^REST +(http://\S+)"))[1]
        events = {line["event"]: line for line in server.log()}
        assert (events["open_files.limit_raised"]["before"], events["open_files.limit_raised"]["now"]) == (100, 210)
        assert "open_files.limit_too_low" not in events
        many = station(100, *(charger(f"C{n}", 20, 1) for n in range(11)))
        assert (await post(url, "/station/config", many)).status_code == 200
        await until(lambda: "open_files.limit_too_low" in server.err, server.story)
        (told,) = [line for line in server.log() if line["event"] == "open_files.limit_too_low"]
        assert (told["level"], told["limit"], told["needed"], told["chargers"]) == ("error", 210, 211, 11)
    finally:
        await server.end()


async def post(url: str, path: str, body: object) -> Any:
    import httpx2

    async with httpx2.AsyncClient(base_url=url, trust_env=False) as rest:
        return await rest.post(path, json=body)


async def run_until_ready(folder: Path, *arguments: str) -> str:
    """Start a server on any ports, stop it when it is ready, and return what it printed."""
    async with program(folder, *SERVE, *ANY_PORT, *arguments) as server:
        await server.says("^ready$")
        ended = await server.stop()
    assert ended.status == 0, ended.err
    return ended.out


# --- what is said when it cannot start --------------------------------------------------------------------------------


@pytest.mark.parametrize(("flag", "door"), [("--port", "REST"), ("--ocpp-port", "OCPP")])
async def test_a_taken_port_is_a_clear_error(flag: str, door: str, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = await run(tmp_path, *SERVE, "--config", str(EXAMPLE_CONFIG), *ANY_PORT, flag, str(port))
    assert ended.status == 1
    assert said(ended.err) == [
        f"{door} cannot listen on 127.0.0.1 port {port}: Address already in use",
        f"another process is using it: choose another with {flag}, or {flag} 0 for any free one",
    ]
    assert "Traceback" not in ended.err
    assert "ready" not in ended.out


@pytest.mark.parametrize(("flag", "door"), [("--host", "REST"), ("--ocpp-host", "OCPP")])
async def test_an_address_of_another_machine_is_a_clear_error(flag: str, door: str, tmp_path: Path) -> None:
    arguments = ("--config", str(EXAMPLE_CONFIG), "--rest-access", "open", *ANY_PORT, flag, "192.0.2.1")
    ended = await run(tmp_path, *SERVE, *arguments)
    first, second = said(ended.err)
    assert ended.status == 1
    assert first.startswith(f"{door} cannot listen on 192.0.2.1 port 0: ")
    assert second == f"is it an address of this machine? choose another with {flag}"
    assert "Traceback" not in ended.err


async def test_a_second_server_on_the_same_database_is_refused(tmp_path: Path) -> None:
    async with serving(tmp_path) as server:
        database = ("--database", f"sqlite:///{tmp_path / 'csms.sqlite3'}")
        ended = await run(tmp_path, *SERVE, *ANY_PORT, *database)
        (line,) = said(ended.err)
        assert ended.status == 1
        assert line.startswith("--database: ")
        assert str(server.pid) in line, "it names the process that has it"
        assert "Traceback" not in ended.err
        await server.get("/station/status")


async def test_without_any_configuration_it_says_what_to_give(tmp_path: Path) -> None:
    ended = await run(tmp_path, *SERVE, *ANY_PORT)
    assert ended.status == 2
    hint = "give one with --config FILE, for example --config examples/station_config.json"
    assert said(ended.err) == [f"the store holds no station configuration yet: {hint}"]


async def test_a_faulty_configuration_is_told_with_every_fault_by_its_path(tmp_path: Path) -> None:
    write_json(
        tmp_path / "bad.json", {"stationId": "", "gridCapacity": "400", "chargers": [{"id": "A", "maxPower": -1}]}
    )
    ended = await run(tmp_path, *SERVE, *ANY_PORT, "--config", "bad.json")
    first, *faults = said(ended.err)
    assert ended.status == 2
    assert first.startswith("--config: bad.json is not a valid configuration")
    assert [fault.partition(":")[0] for fault in faults] == [
        "$.stationId",
        "$.gridCapacity",
        "$.chargers[0].maxPower",
        "$.chargers[0].connectors",
    ]
    assert "Traceback" not in ended.err
    assert not (tmp_path / "csms.sqlite3").exists()


async def test_a_faulty_list_of_id_tags_is_told_with_every_line(tmp_path: Path) -> None:
    (tmp_path / "tags.txt").write_text("# mine\nGOOD1\nTAG, Perhaps\n, Accepted\nGOOD1\n", encoding="utf-8")
    ended = await run(tmp_path, *SERVE, *ANY_PORT, "--config", str(EXAMPLE_CONFIG), "--id-tags", "tags.txt")
    first, *faults = said(ended.err)
    assert ended.status == 2
    assert first == "--id-tags: tags.txt is not a valid list:"
    assert [fault.partition(": ")[0] for fault in faults] == ["tags.txt:3", "tags.txt:4", "tags.txt:5"]
    assert "Traceback" not in ended.err


BAD_VARIABLES = {
    "CSMS_CONFIG": "absent.json",
    "CSMS_REPLACE_CONFIG": "perhaps",
    "CSMS_HOST": " ",
    "CSMS_PORT": "tcp://10.0.0.1:3000",
    "CSMS_OCPP_HOST": " ",
    "CSMS_OCPP_PORT": "65536",
    "CSMS_DATABASE": "mysql://me:hush@db/csms",
    "CSMS_ID_TAGS": "absent.txt",
    "CSMS_LOG_LEVEL": "loud",
    "CSMS_LOG_FORMAT": "xml",
    "CSMS_VIRTUAL_ID_TAG": "two words",
    "CSMS_HEARTBEAT_INTERVAL_S": "0",
    "CSMS_REQUEST_WAIT_S": "1e9",
}


async def test_bad_variables_are_all_told_at_once(tmp_path: Path) -> None:
    ended = await run(tmp_path, *SERVE, variables=BAD_VARIABLES)
    assert ended.status == 2
    assert sorted(line.partition(": ")[0] for line in said(ended.err)) == sorted(BAD_VARIABLES)
    assert "hush" not in ended.err
    assert "Traceback" not in ended.err


@pytest.mark.parametrize("content", [b"", b"no database at all, but long enough to have a header" * 10])
async def test_a_file_that_is_no_database_of_ours(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "other.sqlite3").write_bytes(content)
    ended = await run(tmp_path, *SERVE, *ANY_PORT, "--database", "sqlite:///other.sqlite3")
    (line,) = said(ended.err)
    if content:
        assert (ended.status, line) == (1, "--database: other.sqlite3: is not an SQLite database")
        assert (tmp_path / "other.sqlite3").read_bytes() == content
    else:
        assert ended.status == 2, "an empty file is an empty store"
        assert "no station configuration yet" in line


def said(errors: str) -> list[str]:
    """Return what the program says to its user on standard error, apart from the log."""
    return [line.removeprefix("csms serve: ") for line in errors.splitlines() if not line.startswith("{")]


# --- the stored configuration wins ------------------------------------------------------------------------------------


async def test_a_differing_file_is_reported_and_applied_only_when_asked(tmp_path: Path) -> None:
    changed = station(80, charger("CP001", 50, minPower=5), charger("CP002", 22))
    lines = ["$.gridCapacity: 100 → 80", '$.chargers["CP001"].minPower: default → 5', '$.chargers["CP002"]: added']

    async def serve_and_read(config: dict[str, Any], *arguments: str) -> tuple[str, Any]:
        async with serving(tmp_path, config=config, arguments=arguments) as server:
            stored = await server.get("/station/config")
            assert (await server.stop()).status == 0
            return server.out, stored

    said_first, stored = await serve_and_read(STATION)
    assert stored == STATION
    assert "differs" not in said_first

    said_other, stored = await serve_and_read(changed)
    assert stored == STATION
    assert "the file of --config differs from the store, and the store wins" in said_other
    assert [line for line in lines if line not in said_other] == []

    said_replaced, stored = await serve_and_read(changed, "--replace-config")
    assert stored == changed
    assert "--replace-config has put the file into force" in said_replaced
    assert [line for line in lines if line not in said_replaced] == []

    said_same, stored = await serve_and_read(changed)
    assert stored == changed
    assert "differs" not in said_same


async def test_a_charger_that_waits_is_served_as_soon_as_an_operator_adds_it(tmp_path: Path) -> None:
    boot = {"chargePointVendor": "V", "chargePointModel": "M", "chargePointSerialNumber": "S", "firmwareVersion": "F"}
    async with serving(tmp_path, config=STATION, arguments=("--unknown-chargers", "pending")) as server:
        async with by_hand(server.ocpp_url, "CP002") as guest:
            booted = await guest.call("BootNotification", boot)
            assert (booted["status"], booted["interval"]) == ("Pending", 60)
            (knock,) = (await server.get("/chargers/knocking"))["knocking"]
            said = {"vendor": "V", "model": "M", "serialNumber": "S", "firmwareVersion": "F"}
            assert knock | said | {"chargerId": "CP002", "reason": "pending", "count": 1} == knock
            added = await server.post("/station/config", station(100, charger("CP001", 50), charger("CP002", 50)))
            assert added.status_code == 200, added.text
            await until(lambda: guest.socket.close_code == 1012, "sent away")
            assert guest.received == [], "it was asked nothing"
        async with by_hand(server.ocpp_url, "CP002") as served:
            await served.boot(2)


# --- stopping ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
async def test_it_stops_cleanly_in_the_midst_of_work(signum: signal.Signals, tmp_path: Path) -> None:
    """With a charging car, a remote start that nobody answers, an idle client, and two that never finish asking."""
    config = station(400, charger("CP001", 200), charger("CP002", 200, 1))
    silent: dict[str, dict[str, Any] | None] = {"RemoteStartTransaction": None}
    async with contextlib.AsyncExitStack() as stack:
        server = await stack.enter_async_context(serving(tmp_path, config=config))
        cars = await stack.enter_async_context(simulated(server.ocpp_url, "CP001"))
        hand = await stack.enter_async_context(by_hand(server.ocpp_url, "CP002", silent))
        await cars.provisioned()
        cars.start(1)
        await until(lambda: cars.connector(1).power_w, cars.story)
        await hand.boot()
        body = {"connectorId": {"chargerId": "CP002", "idx": 1}, "vehicleMaxPower": 50}
        waiting = asyncio.create_task(server.post("/sessions", body))
        await hand.asked("RemoteStartTransaction")
        head = b"POST /sessions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n"
        for sent in (b"", b"GET /hea", head + b"{"):
            await half_a_request(stack, server.url, sent)
        await server.get("/health")

        ended = await server.stop(signum)
        assert (ended.status, ended.out.splitlines()[-1]) == (0, STOPPED)
        assert "Traceback" not in ended.err
        assert [line for line in server.log() if line["level"] == "error" or "exception" in line] == []
        assert (await waiting).status_code == 503, "its charger is gone"
        with pytest.raises(ConnectionClosed) as closed:
            await hand.socket.send("[]")
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1001, "going away"


async def half_a_request(stack: contextlib.AsyncExitStack, url: str, sent: bytes) -> None:
    """Connect, send the beginning of a request, and keep still."""
    host, _, port = url.removeprefix("http://").rpartition(":")
    _, writer = await asyncio.open_connection(host, int(port))
    writer.write(sent)
    await writer.drain()
    stack.callback(writer.close)


async def test_a_charger_that_ignores_the_goodbye_does_not_keep_it_alive(tmp_path: Path) -> None:
    async with serving(tmp_path) as server:
        host, _, port = server.ocpp_url.removeprefix("ws://").rpartition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(
            f"GET /CP001 HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
            "Sec-WebSocket-Protocol: ocpp1.6\r\n\r\n".encode()
        )
        assert (await reader.readline()).startswith(b"HTTP/1.1 101")
        ended = await server.stop()
        writer.close()
        assert (ended.status, ended.out.splitlines()[-1]) == (0, STOPPED)
        assert "Traceback" not in ended.err


async def test_a_signal_while_it_starts_stops_it_too(tmp_path: Path) -> None:
    async with program(tmp_path, *SERVE, *ANY_PORT, "--config", str(EXAMPLE_CONFIG)) as starting:
        await until(lambda: (tmp_path / "csms.sqlite3").exists() or gone(starting), "the database is opened")
        ended = await starting.stop()
    assert (ended.status, ended.out.splitlines()[-1]) == (0, STOPPED)
    assert "Traceback" not in ended.err


def gone(starting: Program) -> bool:
    assert starting._process.returncode is None, starting.err
    return False


# --- strangers --------------------------------------------------------------------------------------------------------


async def test_an_unknown_charger_is_refused_and_listed(tmp_path: Path) -> None:
    config = station(
        100, charger("CP001", 50), charger("CP002", 50, control="rest"), charger("CP003", 50, control="none")
    )
    async with serving(tmp_path, config=config) as server:
        for charger_id in ("CP999", "CP999", "CP002", "CP003", ""):
            with pytest.raises(InvalidStatus) as refused:
                async with by_hand(server.ocpp_url, charger_id):
                    pass
            assert refused.value.response.status_code == 404
        knocking = (await server.get("/chargers/knocking"))["knocking"]
        assert [(one["chargerId"], one["reason"], one["count"]) for one in knocking] == [
            ("", "no_charger_id", 1),
            ("CP003", "not_over_ocpp", 1),
            ("CP002", "not_over_ocpp", 1),
            ("CP999", "unknown_charger", 2),
        ]
        logged = [line for line in server.log() if line["event"] == "handshake.refused"]
        assert [line["charger_id"] for line in logged] == ["CP999", "CP999", "CP002", "CP003", ""]


# --- csms allocate ----------------------------------------------------------------------------------------------------

GOLDEN = ROOT / "tests" / "golden" / "allocator.json"


async def test_allocate_answers_a_golden_case_from_standard_input(tmp_path: Path) -> None:
    cases = {case["id"]: case for case in json.loads(GOLDEN.read_text("utf-8"))["cases"]}
    case = cases["G01-reference-readme"]
    problem = {key: case[key] for key in ("nodes", "sessions")}
    ended = await run(tmp_path, "csms", "allocate", "-", stdin=json.dumps(problem))
    assert (ended.status, ended.err) == (0, "")
    assert json.loads(ended.out) == {key: case["expect"][key] for key in ("alloc_w", "admitted", "limited_by")}
