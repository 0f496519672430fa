"""REST beside the central system of `tests.virtual.site`, in this process: its services as `csms serve` wires them."""

import contextlib
import zoneinfo
from collections.abc import AsyncIterator, Callable

import httpx2
from fastapi import FastAPI

from api.app import create_app
from api.gate import UNGUARDED
from api.services import Services
from csms.core.station import Battery
from csms.energy.pushed import BatteryDoor, PushedBattery
from csms.ports import Clock
from csms.runtime.audit import AuditBook
from csms.runtime.id_tags import TagBook
from csms.runtime.local_lists import LocalLists
from tests.virtual.site import Site

VIRTUAL_TAG = "5E450001"


@contextlib.asynccontextmanager
async def rest_beside(
    site: Site, clock: Clock, tags: TagBook, new_id: Callable[[], str]
) -> AsyncIterator[httpx2.AsyncClient]:
    """Return a client of its REST, for as long as the context lasts."""
    transport = httpx2.ASGITransport(await app_beside(site, clock, tags, new_id))
    async with httpx2.AsyncClient(transport=transport, base_url="http://server") as client:
        yield client


async def app_beside(site: Site, clock: Clock, tags: TagBook, new_id: Callable[[], str]) -> FastAPI:
    """Return the application that serves its REST."""
    audit = AuditBook(site.store, clock)
    await audit.load()
    services = Services(
        desk=site.controller,
        store=site.store,
        knocking=site.knocks.recent,
        new_id=new_id,
        end_safe_mode=site.controller.end_safe_mode,
        virtual_tag=VIRTUAL_TAG,
        time_zones=zoneinfo.available_timezones(),
        id_tags=tags,
        messages=site.messages,
        audit=audit,
        charger_access=site.access,
        change_key=site.registry.change_key,
        local_lists=LocalLists(site.store, site.controller, tags, clock, new_id),
        wall_ms=lambda: clock.now().wall_ms,
        push_battery=_called_by_its_controller().push,
    )
    return create_app(services, UNGUARDED)


def _called_by_its_controller() -> BatteryDoor:
    """Return the door of a battery whose controller calls, whatever the configuration says."""
    door = BatteryDoor(lambda *_: PushedBattery())
    door.make(Battery(200_000, 100_000, pushed=True), None)
    return door
