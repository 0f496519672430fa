"""What the station says of its battery, as a scenario checks it."""

from simulators.scenarios.checks import Checks
from simulators.scenarios.polling import comes_true
from simulators.scenarios.rest_api import NoAnswer, RestApi, kilowatts

READ_TIMEOUT_S = 10.0
POLL_S = 0.2


async def battery_says(api: RestApi, checks: Checks, name: str, expected_kw: int, step: str) -> float | None:
    """Wait until the battery shows a figure, check what it shows at last, and return that; None: nothing."""
    got: object = None

    async def shown() -> bool:
        nonlocal got
        battery = await api.battery()
        got = None if isinstance(battery, NoAnswer) else battery.get(name)
        return got == expected_kw

    await comes_true(shown, READ_TIMEOUT_S, POLL_S)
    checks.check(step, kilowatts(expected_kw), "none" if got is None else kilowatts(got))
    return float(got) if isinstance(got, int | float) else None


async def battery_is_ready(api: RestApi, checks: Checks, available_kw: int) -> None:
    """Wait until cars may have what the battery can give."""
    await battery_says(api, checks, "availablePower", available_kw, "cars may have of the battery")


async def battery_gives(
    api: RestApi, checks: Checks, expected_kw: int, cars_w: int, static_kw: int, grid_kw: int
) -> None:
    """Check what the battery gives, and what that leaves to the grid connection: exactly what it has."""
    gives_kw = await battery_says(api, checks, "power", expected_kw, "the battery gives")
    carries_kw = cars_w / 1_000 + static_kw - (gives_kw or 0)
    checks.check("the grid connection: cars and static load, less that", kilowatts(grid_kw), kilowatts(carries_kw))
