"""Where a connection comes from, and what that allows.

An address is that of the other end of the socket. A reverse proxy hides it: one that is named (`--trusted-proxy`) is
believed what it says of the charger's address and of TLS, and nobody else is. Where any header tells that a proxy
stands in between that is not named, the request could come from anywhere. A proxy that adds no header cannot be told
from a charger at its address: one on this machine must be named.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum, auto
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from websockets.datastructures import Headers

from csms.buckets import who_is

Address = IPv4Address | IPv6Address

_PRIVATE = tuple(
    map(
        ip_network,
        ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "100.64.0.0/10", "fc00::/7", "fe80::/10"),
    )
)
"""RFC 1918, link-local, shared address space (mobile carriers' private networks, RFC 6598), and their likes in IPv6."""


_FORWARDED = re.compile(
    r"x-forwarded(-.+)?|forwarded|via|x-real-(ip|port)|x-original-.+|x-envoy-.+|x-proxy.+"
    r"|((x|x-cluster|x-azure|true|cf|fastly|fly)-)(client|connecting|remote|socket)-?(ip|ipv6|addr)"
    r"|cf-(ray|visitor)|cdn-loop|x-amzn-trace-id|x-amz-cf-id|x-arr-.+|x-appengine-.+|x-cloud-trace-context|proxy-.+"
)
"""Headers, in small letters, that proxies add and chargers do not send."""


class Reach(Enum):
    """From how far away."""

    LOOPBACK = auto()
    PRIVATE = auto()
    PUBLIC = auto()


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a connection comes from.

    Attributes:
        address: to be shown; "" when it is not known.
        reach: PUBLIC when it is not known.
        encrypted: whether nobody on the way can read along or change anything.
        unnamed_proxy: it says that it was forwarded, by a proxy that is not named.
    """

    address: str
    reach: Reach
    encrypted: bool
    unnamed_proxy: bool = False

    @property
    def network(self) -> str:
        """Return what stands for everybody there: the address, or the network of an IPv6 one."""
        found = _read(self.address)
        return self.address if found is None else who_is(str(found))


class Origins:
    """Tells where connections come from.

    Args:
        trusted: addresses of proxies that are believed.
    """

    def __init__(self, trusted: Iterable[str] = ()) -> None:
        self._trusted = frozenset(found for each in trusted if (found := _read(each)) is not None)

    def stands_for_many(self, remote: str) -> bool:
        """Return whether whole fleets may have that address: this machine, or a named proxy."""
        found = _read(remote)
        return found in self._trusted or _reach(found) is Reach.LOOPBACK

    def of(self, remote: str, headers: Headers, *, encrypted: bool) -> Origin:
        """Return the origin of a request with these headers, from the socket's other end."""
        peer = _read(remote)
        forwarded = [part.strip() for line in headers.get_all("X-Forwarded-For") for part in line.split(",")]
        if peer is None or peer not in self._trusted:
            is_forwarded = any(_FORWARDED.fullmatch(name.lower()) for name in headers)
            reach = Reach.PUBLIC if is_forwarded else _reach(peer)
            return Origin(remote, reach, encrypted, unnamed_proxy=is_forwarded)
        encrypted = encrypted or _claimed_scheme(headers) in {"https", "wss"}
        # What stands right of the first stranger was added by proxies of ours; what stands left of it, by anybody.
        stranger = next((part for part in reversed(forwarded) if _read(part) not in self._trusted), "")
        found = _read(stranger)
        return Origin("" if found is None else str(found), _reach(found), encrypted)


def _claimed_scheme(headers: Headers) -> str:
    claims = [part.strip().lower() for line in headers.get_all("X-Forwarded-Proto") for part in line.split(",")]
    return claims[-1] if claims else ""


def _read(text: str) -> Address | None:
    """Return an address; one of IPv4 also as IPv6 writes it, and with a port."""
    host = text.strip()
    if host.startswith("["):
        host = host[1:].partition("]")[0]
    elif host.count(":") == 1:
        host = host.partition(":")[0]
    try:
        found = ip_address(host.partition("%")[0])
    except ValueError:
        return None
    mapped = found.ipv4_mapped if isinstance(found, IPv6Address) else None
    return found if mapped is None else mapped


def _reach(address: Address | None) -> Reach:
    if address is None:
        return Reach.PUBLIC
    if address.is_loopback:
        return Reach.LOOPBACK
    return Reach.PRIVATE if any(address in network for network in _PRIVATE) else Reach.PUBLIC
