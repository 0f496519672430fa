"""`csms knocking` and `csms chargers`: a charger that was refused is let in, seen and taken out, by hand."""

import shlex
from pathlib import Path

import pytest
from websockets.exceptions import InvalidStatus

from tests.e2e.chargers import by_hand
from tests.e2e.programs import Ended, Server, charger, run, serving, station

pytestmark = pytest.mark.e2e


async def csms(server: Server, folder: Path, *arguments: str, **parts: str) -> Ended:
    ended = await run(folder, "csms", *arguments, "--url", server.url, **parts)  # type: ignore[arg-type]
    assert "Traceback" not in ended.err
    return ended


async def test_a_charger_that_knocks_is_let_in_and_taken_out(tmp_path: Path) -> None:
    async with serving(tmp_path, config=station(100, charger("CP001", 50))) as server:
        quiet = await csms(server, tmp_path, "knocking")
        assert (quiet.status, quiet.out.startswith("nobody has asked")) == (0, True)
        with pytest.raises(InvalidStatus):
            async with by_hand(server.ocpp_url, "CP%20009"):
                pass
        told = await csms(server, tmp_path, "knocking")
        assert (told.status, "unknown_charger" in told.out) == (0, True)
        pasted = shlex.split(told.out.splitlines()[-1])
        assert pasted == ["csms", "chargers", "add", "CP 009"]

        unasked = await csms(server, tmp_path, *pasted[1:])
        assert (unasked.status, unasked.err) == (
            2,
            "csms chargers add: CP 009: power is missing, such as CP 009,power=22kW\n",
        )
        added = await csms(server, tmp_path, "chargers", "add", "CP 009,power=32A,connectors=1")
        assert (added.status, added.out) == (0, "CP 009: added with 22.08 kW; it may connect now\n")
        twice = await csms(server, tmp_path, "chargers", "add", "CP 009,power=32A")
        assert (twice.status, "already" in twice.err) == (1, True)
        lost = await csms(server, tmp_path, "chargers", "add", "CP010,power=32A,circuit=NONE")
        assert (lost.status, "$.chargers[2].circuit" in lost.err) == (1, True)

        async with by_hand(server.ocpp_url, "CP%20009") as hand:
            await hand.boot()
            await hand.status(1, "Available")
            listed = await csms(server, tmp_path, "chargers", "list")
        head, first, second = listed.out.splitlines()
        assert head.startswith("charger")
        assert first.split()[:4] == ["CP", "009", "22.08", "since"]
        assert "1 Available" in first
        assert second.split()[:4] == ["CP001", "50", "never", "seen"]

        gone = await csms(server, tmp_path, "chargers", "remove", "CP 009")
        booked = "; it stays booked as long as what it was told may be in force"
        assert (gone.status, gone.out) in {(0, f"CP 009: removed{said}\n") for said in (booked, "")}
        again = await csms(server, tmp_path, "chargers", "remove", "CP 009")
        assert (again.status, again.err) == (1, "csms chargers remove: CP 009 is no charger of this station\n")


@pytest.mark.parametrize(
    "arguments", [("knocking",), ("chargers", "list"), ("chargers", "add", "A,power=7kW"), ("chargers", "remove", "A")]
)
async def test_without_a_server_it_is_said_what_to_start(arguments: tuple[str, ...], tmp_path: Path) -> None:
    ended = await run(tmp_path, "csms", *arguments, "--url", "http://127.0.0.1:9")
    assert ended.status == 1
    assert "is `csms serve` running?" in ended.err
