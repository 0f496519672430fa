"""Whether a charger that is configured may come in, by what it proves and from where (whitepaper §2; decision 0037).

    no password was asked of it    profile 0: from this machine and private networks
    its key, HTTP Basic            profile 1; over TLS 2, which is the least from public addresses
    its certificate, over TLS      profile 3
    lower than it once was         never

Wrong, missing and another's are refused alike. Who fails too often is not looked at any more for a while, but for the
charger itself: the right key from where it last came in opens always. Who comes in without end has to wait, too.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from websockets.datastructures import Headers

from csms.buckets import Buckets, Rate
from csms.core.charger_access import ChargerAccess, Grade, Profile
from csms.gateway.credentials import CHALLENGE, certified_id, has_ended, password_of
from csms.gateway.origins import Origin, Reach


@dataclass(frozen=True, slots=True)
class Knocker:
    """What a handshake shows.

    Attributes:
        certificate: the client certificate that TLS has verified, as `ssl` decodes it: on this connection, or on the
            one whose session of TLS 1.2 this one goes on with.
        wall_ms: when it knocks, UTC.
    """

    origin: Origin
    headers: Headers
    certificate: Mapping[str, Any] | None
    wall_ms: int


@dataclass(frozen=True, slots=True)
class Admitted:
    """It may come in; `grade`: of the password that it gave, if that let it in."""

    profile: Profile
    grade: Grade | None = None


@dataclass(frozen=True, slots=True)
class Refusal:
    """It may not; `reason` is remembered as that of a knock."""

    reason: str
    status: HTTPStatus
    said: str

    @property
    def headers(self) -> Mapping[str, str]:
        """Return the headers that belong to its status."""
        if self.status is HTTPStatus.UNAUTHORIZED:
            return {"WWW-Authenticate": CHALLENGE}
        return {"Retry-After": "60"} if self.status is HTTPStatus.TOO_MANY_REQUESTS else {}


_NOT_PROVEN = "The user name must be the charger's id, and the password its key."

NO_PASSWORD = Refusal("no_password", HTTPStatus.UNAUTHORIZED, _NOT_PROVEN)
WRONG_PASSWORD = Refusal("wrong_password", HTTPStatus.UNAUTHORIZED, _NOT_PROVEN)
WRONG_CERTIFICATE = Refusal(
    "wrong_certificate", HTTPStatus.FORBIDDEN, "The client certificate names another charger than the address."
)
ENDED_CERTIFICATE = Refusal("ended_certificate", HTTPStatus.FORBIDDEN, "The client certificate has ended.")
LOWER_PROFILE = Refusal(
    "lower_profile", HTTPStatus.FORBIDDEN, "This charger has used a higher security profile than this one."
)
PUBLIC_WITHOUT_TLS = Refusal("public_without_tls", HTTPStatus.FORBIDDEN, "TLS is needed from public addresses.")
PUBLIC_WITHOUT_PROOF = Refusal(
    "public_without_proof", HTTPStatus.FORBIDDEN, "A password or a certificate is needed from public addresses."
)
UNNAMED_PROXY = Refusal(
    "unnamed_proxy",
    HTTPStatus.FORBIDDEN,
    "This came through a proxy that is not named as trusted, so it counts as public.",
)
TOO_MANY_COMINGS = Refusal(
    "too_many_comings", HTTPStatus.TOO_MANY_REQUESTS, "This charger connects too often; try again later."
)
TOO_MANY_FAILURES = Refusal("too_many_failures", HTTPStatus.TOO_MANY_REQUESTS, "Too many failures; try again later.")

BY_ADDRESS = Rate(burst=60, each_ms=1_000)
"""Failures. A site of many chargers has one address: one of them that is set up wrongly must not use it up."""

BY_CHARGER = Rate(burst=20, each_ms=5_000)

COMINGS = Rate(burst=60, each_ms=5_000)
"""Times that one charger is let in from one address: with a bad line it may come back each five seconds for ever.

Each coming ends its connection before, and has it asked for its settings."""

BUCKETS_MAX = 4_096

_PROVING = frozenset({NO_PASSWORD, WRONG_PASSWORD, WRONG_CERTIFICATE})


class Admission:
    """Judges handshakes, and remembers who fails."""

    def __init__(self) -> None:
        self._by_address = Buckets(BY_ADDRESS, BUCKETS_MAX)
        self._by_charger = Buckets(BY_CHARGER, BUCKETS_MAX)
        self._comings = Buckets(COMINGS, BUCKETS_MAX)

    def judge(self, access: ChargerAccess, knocker: Knocker, now_ms: int) -> Admitted | Refusal:
        """Return whether a charger may come in."""
        origin = knocker.origin
        is_watched = origin.reach is not Reach.LOOPBACK
        if is_watched and self._is_barred(access, origin, now_ms):
            return TOO_MANY_FAILURES
        found = _judged(access, knocker)
        if is_watched and found in _PROVING:
            self._by_address.take(origin.network, now_ms)
            self._by_charger.take(access.charger_id, now_ms)
        # By address as well: a charger that proves nothing cannot be kept out by somebody else with its id.
        if is_watched and isinstance(found, Admitted):
            wait_ms = self._comings.take((access.charger_id, origin.network), now_ms)
            return TOO_MANY_COMINGS if wait_ms > 0 else found
        return found

    def _is_barred(self, access: ChargerAccess, origin: Origin, now_ms: int) -> bool:
        """Return whether what it shows is not even looked at."""
        if access.may_come_without or (access.address and access.address == origin.network):
            return False
        wait_ms = self._by_address.wait_ms(origin.network, now_ms) or self._by_charger.wait_ms(
            access.charger_id, now_ms
        )
        return wait_ms > 0


def may_be_guest(origin: Origin) -> bool:
    """Return whether somebody who is not configured, and so can prove nothing, may be let in to say what it is."""
    return origin.reach is not Reach.PUBLIC


def _judged(access: ChargerAccess, knocker: Knocker) -> Admitted | Refusal:
    origin = knocker.origin
    if origin.reach is Reach.PUBLIC and not origin.encrypted:
        return UNNAMED_PROXY if origin.unnamed_proxy else PUBLIC_WITHOUT_TLS
    proven = _proven(access, knocker)
    if isinstance(proven, Refusal):
        return proven
    if proven.profile < access.profile:
        return LOWER_PROFILE
    if origin.reach is Reach.PUBLIC and proven.profile is Profile.NONE:
        return PUBLIC_WITHOUT_PROOF
    return proven


def _proven(access: ChargerAccess, knocker: Knocker) -> Admitted | Refusal:
    """Return what it has proven."""
    named = certified_id(knocker.certificate)
    if knocker.certificate and has_ended(knocker.certificate, knocker.wall_ms):
        return ENDED_CERTIFICATE
    if named is not None:
        return Admitted(Profile.CERTIFICATE) if named == access.charger_id else WRONG_CERTIFICATE
    if access.key is None and access.next_key is None:
        return Admitted(Profile.NONE)
    password = password_of(knocker.headers, access.charger_id)
    grade = Grade.WRONG if password is None else access.grade(password)
    if grade is not Grade.WRONG:
        return Admitted(Profile.PASSWORD_TLS if knocker.origin.encrypted else Profile.PASSWORD, grade)
    if access.may_come_without:
        return Admitted(Profile.NONE)
    return WRONG_PASSWORD if "Authorization" in knocker.headers else NO_PASSWORD
