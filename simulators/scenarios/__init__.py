"""The documented scenarios, played against a running central system and checked figure by figure.

Around every scenario: keep the configuration that is there, post the scenario's own, play, end the sessions that were
started, put the configuration back, and look whether it is back. The putting back happens also after a failure and on
SIGINT or SIGTERM. A station where somebody is charging is left alone.
"""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any

from simulators.running import stop_on_signals
from simulators.scenarios.checks import Checks
from simulators.scenarios.definitions import SCENARIOS, Scenario
from simulators.scenarios.over_ocpp import OcppPlayer, running_fleet
from simulators.scenarios.over_rest import RestPlayer
from simulators.scenarios.polling import comes_true
from simulators.scenarios.rest_api import NoAnswer, RestApi

__all__ = ["play_scenario", "run_scenario"]

PASSED, FAILED, NOT_RUN, INTERRUPTED = 0, 1, 2, 130
END_TIMEOUT_S = 15.0
OK = 200


async def run_scenario(number: int, url: str, over_ocpp: str | None) -> int:
    """Play one scenario against the REST API at `url` until it is over or SIGINT or SIGTERM comes."""
    async with RestApi(url) as api:
        return await play_scenario(SCENARIOS[number], api, over_ocpp, stop_on_signals(), partial(print, flush=True))


async def play_scenario(
    scenario: Scenario, api: RestApi, over_ocpp: str | None, stop: asyncio.Event, show: Callable[[str], None]
) -> int:
    """Play a scenario and return the exit status: 0 all right, 1 a figure was wrong, 2 not run, 130 interrupted."""
    before = await _present_configuration(api)
    if isinstance(before, NoAnswer):
        show(f"scenario {scenario.number} was not run: {before.reason}")
        return NOT_RUN
    way = "over REST" if over_ocpp is None else f"over OCPP at {over_ocpp}"
    show(f"scenario {scenario.number}, {way}: {scenario.caption}")
    checks = Checks(show)
    playing = asyncio.create_task(_play(scenario, api, over_ocpp, checks, show))
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({playing, stopping}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        interrupted = not playing.done()
        for task in (playing, stopping):
            task.cancel()
        await asyncio.wait({playing, stopping})
        await _put_back(api, before, checks)
    if interrupted:
        show("interrupted")
        return INTERRUPTED
    playing.result()
    show(f"{checks.right} right, {checks.wrong} wrong")
    return FAILED if checks.wrong else PASSED


async def _present_configuration(api: RestApi) -> Any:
    """Return the configuration in force, or NoAnswer when the scenario must not be run."""
    answer = await api.configuration()
    if isinstance(answer, NoAnswer):
        return answer
    if answer.status != OK:
        return NoAnswer(f"GET /station/config: {answer.brief()}")
    sessions = await api.sessions()
    if isinstance(sessions, NoAnswer):
        return sessions
    if sessions:
        return NoAnswer(f"{len(sessions)} cars are charging; a scenario needs the station for itself")
    return answer.body


async def _play(
    scenario: Scenario, api: RestApi, over_ocpp: str | None, checks: Checks, show: Callable[[str], None]
) -> None:
    answer = await api.configure(scenario.configuration("rest" if over_ocpp is None else "auto"))
    checks.check("the scenario's configuration", f"HTTP {OK}", answer.brief())
    if isinstance(answer, NoAnswer) or answer.status != OK:
        return
    if over_ocpp is None:
        try:
            await RestPlayer(api, checks).play(scenario)
        finally:
            await _end_sessions(api)
        return
    async with running_fleet(scenario, over_ocpp, lambda text: show(f"    {text}")) as fleet:
        try:
            await OcppPlayer(api, checks, fleet).play(scenario)
        finally:
            await _end_sessions(api)


async def _end_sessions(api: RestApi) -> None:
    """Stop every session and wait a moment until they are gone."""
    sessions = await api.sessions()
    if isinstance(sessions, NoAnswer):
        return
    for session_id in sessions:
        await api.stop(session_id)

    async def gone() -> bool:
        return await api.sessions() == {}

    await comes_true(gone, END_TIMEOUT_S, every_s=0.2)


async def _put_back(api: RestApi, before: Any, checks: Checks) -> None:
    await api.configure(before)
    after = await api.configuration()
    same = not isinstance(after, NoAnswer) and after.body == before
    checks.check("the configuration that was there", "is back", "is back" if same else f"is not: {after.brief()}")
