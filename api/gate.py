"""The gate of the REST API: whom it lets through to the routes, and what the others are told.

    Host → Origin → how often → key → the route, which knows the role that it needs (`api.auditing`)

Each question is cheaper than the one after it. What a wrong key was wrong in, only the log says. Wrong keys are counted
for each address and each id that is shown from there: after some the answer is 429, and says no more than 401 does. A
right key lets its holder in all the same: ids are no secrets, so whoever knows one, behind the same proxy perhaps,
could keep its holder out; and 256 random bits are not found by trying, however often.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import ceil

import structlog
from starlette.responses import Response
from starlette.types import Scope

from api.access import ANYBODY, OPEN, READING, Caller
from api.names import Names
from api.problems import Kind, problem
from csms.buckets import Buckets, Rate, who_is
from csms.core.access import AccessKey, NoEntry, read_key
from csms.runtime.access_keys import KeyRing

RATE_PER_S_DEFAULT = 200
BURST_S = 10
"""So many seconds' requests may come at once."""
CLIENTS_MAX = 4_096

WRONG_KEYS = Rate(burst=10, each_ms=5_000)
WRONG_KEYS_MAX = 4_096

LOG_EVERY_S = 10.0

CHALLENGE = {"WWW-Authenticate": 'Bearer realm="csms"'}

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Door:
    """How the REST API is entered.

    Attributes:
        keys: who has a key; None: anybody may come in, and do everything.
        names: under which hosts it may be asked.
        rate_per_s: so many requests a second of one address are answered; 0: any number.
    """

    keys: KeyRing | None
    names: Names
    rate_per_s: int = RATE_PER_S_DEFAULT


UNGUARDED = Door(None, Names(any_name=True), 0)
"""No gate at all: for who serves the application to nobody but itself."""


class Gate:
    """The gate of one door."""

    def __init__(self, door: Door, now_s: Callable[[], float] = time.monotonic) -> None:
        self._keys = door.keys
        self._names = door.names
        rate = door.rate_per_s
        self._rates = None if rate == 0 else Buckets(Rate(rate * BURST_S, 1_000 / rate), CLIENTS_MAX)
        self._wrong_keys = Buckets(WRONG_KEYS, WRONG_KEYS_MAX)
        self._now_s = now_s
        self._refused = 0
        self._logged_s = -LOG_EVERY_S

    def _now_ms(self) -> float:
        return self._now_s() * 1_000

    async def admit(self, scope: Scope) -> Caller | Response | None:
        """Return who comes in, None for one who only wants what is open to all, or the answer for who does not."""
        headers = _headers(scope)
        if not self._names.take(headers.get("host")):
            return problem(Kind.WRONG_HOST)
        if scope["method"] not in READING and not self._names.come_from_here(headers.get("host"), headers):
            return problem(Kind.CROSS_SITE)
        remote = scope["client"][0] if scope.get("client") else ""
        if self._rates is not None and (wait_ms := self._rates.take(who_is(remote), self._now_ms())):
            return _too_many(wait_ms)
        if self._keys is None:
            return ANYBODY
        if scope["path"] in OPEN and scope["method"] in READING:
            return None
        return await self._holder(self._keys, headers.get("authorization"), remote)

    async def _holder(self, keys: KeyRing, authorization: str | None, remote: str) -> Caller | Response:
        """Return the holder of the key that is shown."""
        if authorization is None:
            return problem(Kind.UNAUTHENTICATED, headers=CHALLENGE)
        scheme, _, text = authorization.partition(" ")
        text = text.strip() if scheme.lower() == "bearer" else ""
        shown = read_key(text)
        key_id = "" if shown is None else shown.key_id
        found = keys.judge(text)
        if shown is not None and (keys.is_old or not isinstance(found, AccessKey)):
            await keys.look_again()
            found = keys.judge(text)
        if isinstance(found, AccessKey):
            return Caller(found.role, found.name)
        if wait_ms := self._wrong_keys.take((who_is(remote), key_id), self._now_ms()):
            return _too_many(wait_ms)
        self._tell(found, remote, key_id)
        return problem(Kind.UNAUTHENTICATED, headers=CHALLENGE)

    def _tell(self, why: NoEntry, remote: str, key_id: str) -> None:
        """Log that a key was refused; one line stands for all of some seconds."""
        self._refused += 1
        now_s = self._now_s()
        if now_s - self._logged_s >= LOG_EVERY_S:
            _log.warning("rest.key_refused", remote=remote, key_id=key_id, why=why.value, refused=self._refused)
            self._logged_s, self._refused = now_s, 0


def _too_many(wait_ms: float) -> Response:
    return problem(Kind.TOO_MANY_REQUESTS, headers={"Retry-After": str(ceil(wait_ms / 1_000))})


def _headers(scope: Scope) -> Mapping[str, str]:
    """Return the headers that the gate looks at; one that is there twice counts as one that is wrong."""
    found: dict[str, str] = {}
    for name, value in scope["headers"]:
        if name in _LOOKED_AT:
            known = name.decode()
            found[known] = f"{found[known]},{value.decode('latin-1')}" if known in found else value.decode("latin-1")
    return found


_LOOKED_AT = frozenset({b"host", b"origin", b"sec-fetch-site", b"authorization"})
