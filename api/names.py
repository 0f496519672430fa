"""Under which names this system may be asked, and from which pages: against a browser that somebody else leads here.

A page of the web can have a browser ask any address, also one that only this machine reaches. Its answer the page may
not read, unless the browser thinks that both are one site: by pointing a name of its own at our address (DNS
rebinding). But the browser then says that name in `Host`, and the page in `Origin`. A name that is not ours is refused;
and so is, on everything that changes something, a page that is not.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from csms.settings import is_address

LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
_DEFAULT_PORTS = {"http": 80, "https": 443}
_SAME = frozenset({"same-origin", "none"})
"""Of `Sec-Fetch-Site`: our own page, or somebody who typed the address."""


@dataclass(frozen=True, slots=True)
class Names:
    """The hosts that may stand in `Host`.

    Attributes:
        named: these, in lower case, addresses of IPv6 without brackets.
        trusted: of those, whose pages may change something, whatever the port: a proxy may have rewritten `Host`.
        any_address: any address, too: a browser cannot be led to one by a name that somebody else owns.
        any_name: whatever it is.
    """

    named: frozenset[str] = LOOPBACK_NAMES
    trusted: frozenset[str] = frozenset()
    any_address: bool = False
    any_name: bool = False

    def take(self, host: str | None) -> bool:
        """Return whether a request with this `Host` is meant for us; None: it has none."""
        if self.any_name:
            return True
        name = None if host is None else _name_in(host)
        return name is not None and (name in self.named or (self.any_address and is_address(name)))

    def come_from_here(self, host: str | None, headers: Mapping[str, str]) -> bool:
        """Return whether no page of another site has a browser send this; `headers` by their names in lower case."""
        if headers.get("sec-fetch-site", "same-origin") not in _SAME:
            return False
        origin = headers.get("origin")
        if origin is None:
            return True
        told = _parts(origin)
        if told is None:
            return False
        scheme, name, port = told
        return name in self.trusted or (host is not None and _parts(f"{scheme}://{host}") == (scheme, name, port))


def names_for(host: str, given: tuple[str, ...], *, is_loopback: bool, with_keys: bool, own_name: str) -> Names:
    """Return the names of a door that listens at `host`; `given`: those that the operator has named besides."""
    trusted = frozenset(name.lower() for name in given)
    named = LOOPBACK_NAMES | trusted | {host.lower()}
    if is_loopback:
        return Names(named, trusted)
    # With a key a browser that was led here has nothing to show; without one only a name of ours will do.
    return Names(named | {own_name.lower()}, trusted, any_address=True, any_name=with_keys and not given)


def _name_in(host: str) -> str | None:
    parts = _parts(f"http://{host}")
    return None if parts is None else parts[1]


def _parts(url: str) -> tuple[str, str, int | None] | None:
    """Return scheme, host and port of a URL that has no more than those."""
    try:
        split = urlsplit(url)
        port = split.port
    except ValueError:
        return None
    if not split.hostname or split.path or split.query or split.fragment or split.username is not None:
        return None
    return split.scheme, split.hostname.rstrip("."), _DEFAULT_PORTS.get(split.scheme) if port is None else port
