"""A scenario played by clients of the REST API alone: each answer's figure is checked."""

from typing import Any, assert_never

from simulators.scenarios.battery import battery_gives, battery_is_ready
from simulators.scenarios.checks import Checks
from simulators.scenarios.definitions import CAR_MAX_KW, BatteryReady, Leave, Scenario, Settled, Start, Update
from simulators.scenarios.rest_api import Answer, NoAnswer, RestApi, kilowatts

NO_CONTENT = 204


class RestPlayer:
    """Plays the cars of one scenario over REST."""

    def __init__(self, api: RestApi, checks: Checks) -> None:
        self._api = api
        self._checks = checks
        self._session_ids: dict[str, str] = {}
        self._allocated_kw: dict[str, float] = {}

    async def play(self, scenario: Scenario) -> None:
        """Play all steps in order."""
        self._scenario = scenario
        for step in scenario.steps:
            match step:
                case Start():
                    await self._start(step)
                case Update():
                    await self._update(step)
                case Leave():
                    await self._leave(step)
                case Settled():
                    await self._settled(step)
                case BatteryReady():
                    await battery_is_ready(self._api, self._checks, step.available_kw)
                case _:
                    assert_never(step)

    async def _start(self, step: Start) -> None:
        answer = await self._api.start(step.charger_id, step.idx, CAR_MAX_KW)
        self._take(f"{step.car} starts at {step.charger_id}#{step.idx}", step.car, step.expected_kw, answer)

    async def _update(self, step: Update) -> None:
        session_id = self._session_ids.get(step.car)
        took_kw = self._allocated_kw.get(step.car, 0)
        what = f"{step.car} takes {took_kw:g} kW, updates"
        if session_id is None:
            self._checks.fail(what, kilowatts(step.expected_kw), "it has no session")
            return
        self._take(what, step.car, step.expected_kw, await self._api.update(session_id, took_kw))

    def _take(self, what: str, car: str, expected_kw: int, answer: Answer | NoAnswer) -> None:
        """Check the allocation in an answer and remember it."""
        session = _session_of(answer)
        if session is None:
            self._checks.fail(what, kilowatts(expected_kw), answer.brief())
            return
        self._session_ids[car] = session["sessionId"]
        allocated = session.get("allocatedPower")
        self._allocated_kw[car] = allocated if isinstance(allocated, int | float) else 0
        self._checks.check(what, kilowatts(expected_kw), kilowatts(allocated))

    async def _leave(self, step: Leave) -> None:
        session_id = self._session_ids.pop(step.car, None)
        what = f"{step.car} leaves"
        if session_id is None:
            self._checks.fail(what, f"HTTP {NO_CONTENT}", "it has no session")
            return
        answer = await self._api.stop(session_id)
        self._checks.check(what, f"HTTP {NO_CONTENT}", answer.brief())

    async def _settled(self, step: Settled) -> None:
        sessions = await self._api.sessions()
        expected = "/".join(str(power_kw) for power_kw in step.expected_kw.values())
        if isinstance(sessions, NoAnswer):
            self._checks.fail("the station's status", expected, sessions.brief())
            return
        got = [sessions.get(self._session_ids.get(car, ""), {}).get("allocatedPower") for car in step.expected_kw]
        self._checks.check("the station's status", expected, "/".join(_number(power) for power in got))
        if step.firm_kw is not None:
            firm = [sessions.get(self._session_ids.get(car, ""), {}) for car in step.expected_kw]
            shown = "/".join(f"{_number(one.get('firmPower'))} for {one.get('validForS')} s" for one in firm)
            marked = f"{step.firm_kw} for 60 s"
            self._checks.check("firm when nothing is heard", "/".join([marked] * len(firm)), shown)
        if step.battery_kw is not None:
            expected_kw = step.rest_battery_kw if step.rest_battery_kw is not None else step.battery_kw
            cars_w = sum(int(power * 1_000) for power in got if isinstance(power, int | float))
            scenario = self._scenario
            await battery_gives(self._api, self._checks, expected_kw, cars_w, scenario.static_kw, scenario.grid_kw)


def _session_of(answer: Answer | NoAnswer) -> dict[str, Any] | None:
    if isinstance(answer, NoAnswer) or not isinstance(answer.body, dict):
        return None
    session = answer.body.get("session")
    return session if isinstance(session, dict) and isinstance(session.get("sessionId"), str) else None


def _number(value: Any) -> str:
    return kilowatts(value).removesuffix(" kW") if value is not None else "none"
