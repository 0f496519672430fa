"""`csms serve` on a real PostgreSQL: killed, cut off from its database, and when another one has taken its place."""

import asyncio
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.chargers import by_hand, simulated
from tests.e2e.programs import charger, run, serving, station, until
from tests.postgres import PASSWORD, QUOTED_PASSWORD, SITE, USER, PostgresServer, empty_database, running_postgres

pytestmark = pytest.mark.e2e

SERVE = ("csms", "serve", "--port", "0", "--ocpp-port", "0")
STATION = station(150, charger("CP001", 200))
PLACE = "SELECT pg_terminate_backend(pid, 10000) FROM pg_locks WHERE locktype = 'advisory' AND granted"


@pytest.fixture
def url(postgres: PostgresServer, postgres_database: str) -> str:
    return postgres.url(postgres_database)


@pytest.fixture
def frail() -> Iterator[PostgresServer]:
    """Return a server of the test's own, which it may crash."""
    with running_postgres() as server:
        yield server


async def test_killed_while_a_car_charges_and_started_again(postgres: PostgresServer, url: str, tmp_path: Path) -> None:
    stored = "SELECT transaction_id, session_id, meter_stop_wh - meter_start_wh FROM session"
    async with serving(tmp_path, config=STATION, database=url) as server, simulated(server.ocpp_url, "CP001") as cars:
        await cars.provisioned()
        cars.start(1)
        await until(lambda: cars.limit_w(1) == 150_000 and cars.connector(1).power_w > 0, cars.story)
        ((transaction_id, session_id, _),) = await postgres.fetch(stored)
        assert cars.transaction_id(1) == transaction_id
        server.kill_now()
        await server.wait()

        async with serving(tmp_path, config=STATION, database=url, ocpp_port=server.ocpp_port) as restarted:
            assert [one["sessionId"] for one in (await restarted.sessions()).values()] == [session_id]
            await until(lambda: cars.charger.registration.online and not cars.charger.outbox.kept, cars.story)
            assert cars.transaction_id(1) == transaction_id
            cars.stop(1)
            await until(lambda: cars.answered("StopTransaction"), cars.story)
            assert await postgres.fetch(stored) == [(transaction_id, session_id, cars.connector(1).session_wh)]
            ended = await restarted.stop()
        assert ended.status == 0
        assert PASSWORD not in f"{server.story()}{ended.out}{ended.err}"
        assert QUOTED_PASSWORD not in f"{server.story()}{ended.out}{ended.err}"


async def test_a_database_that_goes_away_and_comes_back(frail: PostgresServer, tmp_path: Path) -> None:
    """The same process goes on; what it acknowledged before is there, and what it could not is sent again."""
    url = frail.url(await empty_database(frail))
    async with serving(tmp_path, config=STATION, database=url) as server, simulated(server.ocpp_url, "CP001") as cars:
        cars.charger.configuration.set("TransactionMessageRetryInterval", "1")
        await cars.provisioned()
        cars.start(1)
        await until(lambda: cars.limit_w(1) == 150_000 and cars.connector(1).power_w > 0, cars.story)
        transaction_id = cars.transaction_id(1)
        frail.crash()
        await until(lambda: any(line["event"] == "station.store_unreachable" for line in server.log()), server.story)
        samples = cars.answered("MeterValues")
        frail.start()
        await until(lambda: cars.answered("MeterValues") > samples, cars.story)
        assert cars.transaction_id(1) == transaction_id
        (shown,) = (await server.sessions()).values()
        assert shown["transactionId"] == transaction_id
        cars.stop(1)
        await until(lambda: cars.answered("StopTransaction"), cars.story)
        assert await frail.fetch("SELECT transaction_id, meter_stop_wh - meter_start_wh FROM session") == [
            (transaction_id, cars.connector(1).session_wh)
        ]
        assert (await server.stop()).status == 0


async def test_it_can_be_stopped_while_the_database_is_away(frail: PostgresServer, tmp_path: Path) -> None:
    url = frail.url(await empty_database(frail))
    async with serving(tmp_path, config=STATION, database=url) as server, by_hand(server.ocpp_url, "CP001") as hand:
        await hand.boot(2)
        frail.crash()
        refused = asyncio.create_task(hand.status(1, "Preparing"))
        await until(lambda: any(line["event"] == "station.store_unreachable" for line in server.log()), server.story)
        ended = await server.stop()
        refused.cancel()
    assert ended.status == 0, ended.err
    assert "Traceback" not in ended.err


async def test_a_second_server_is_refused_while_the_first_lives(url: str, tmp_path: Path) -> None:
    async with serving(tmp_path, config=STATION, database=url) as server:
        ended = await run(tmp_path, *SERVE, variables={"CSMS_DATABASE": url})
        assert ended.status == 1
        (line,) = [line for line in ended.err.splitlines() if not line.startswith("{")]
        assert line.startswith(f"csms serve: --database: postgresql://{USER}@127.0.0.1:")
        assert f"/{SITE}: process {server.pid} on " in line
        assert line.endswith(" is using this database; stop it first, or name another one")
        await server.get("/station/status")


async def test_who_has_lost_its_place_ends(postgres: PostgresServer, url: str, tmp_path: Path) -> None:
    """It is stopped in its tracks, its connection is lost, another one starts; then it wakes up and wants to commit."""
    async with serving(tmp_path, config=STATION, database=url) as first, by_hand(first.ocpp_url, "CP001") as hand:
        await hand.boot(2)
        first.send_signal(signal.SIGSTOP)
        await postgres.execute(PLACE, SITE)
        async with serving(tmp_path, config=STATION, database=url) as second:
            first.send_signal(signal.SIGCONT)
            refused = asyncio.create_task(hand.status(1, "Preparing"))
            ended = await first.wait()
            refused.cancel()
            assert ended.status == 1
            said = f"csms serve: the store is lost: process {second.pid} on "
            (line,) = [line for line in ended.err.splitlines() if line.startswith(said)]
            assert line.endswith(" has taken over this station's records; this process may not write any more")
            assert "Traceback" not in ended.err
            assert await second.sessions() == {}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ((QUOTED_PASSWORD, "hush"), "password authentication failed"),
        (("/site", "/absent"), 'database "absent" does not exist'),
        (("127.0.0.1", "hush.invalid"), "cannot be reached"),
    ],
)
async def test_a_server_that_cannot_be_used(url: str, change: tuple[str, str], said: str, tmp_path: Path) -> None:
    ended = await run(tmp_path, *SERVE, "--database", url.replace(*change))
    assert ended.status == 1
    (line,) = ended.err.splitlines()
    assert line.startswith(f"csms serve: --database: postgresql://{USER}@")
    assert said in line
    assert f":{change[1]}@" not in ended.err
