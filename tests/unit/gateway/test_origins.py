"""Where connections come from, by the socket and by what proxies say."""

import pytest
from websockets.datastructures import Headers

from csms.gateway.origins import Origin, Origins, Reach

NAMED = Origins(["10.0.0.1", "10.0.0.2", "::1"])


@pytest.mark.parametrize(
    ("address", "reach"),
    [
        ("127.0.0.1", Reach.LOOPBACK),
        ("127.9.9.9", Reach.LOOPBACK),
        ("::1", Reach.LOOPBACK),
        ("::ffff:127.0.0.1", Reach.LOOPBACK),
        ("10.1.2.3", Reach.PRIVATE),
        ("172.16.0.1", Reach.PRIVATE),
        ("172.31.255.255", Reach.PRIVATE),
        ("172.32.0.0", Reach.PUBLIC),
        ("192.168.1.1", Reach.PRIVATE),
        ("192.169.1.1", Reach.PUBLIC),
        ("169.254.1.1", Reach.PRIVATE),
        ("100.64.0.1", Reach.PRIVATE),
        ("100.127.255.255", Reach.PRIVATE),
        ("100.128.0.0", Reach.PUBLIC),
        ("fc00::1", Reach.PRIVATE),
        ("fdff::1", Reach.PRIVATE),
        ("fe80::1%eth0", Reach.PRIVATE),
        ("2001:db8::1", Reach.PUBLIC),
        ("8.8.8.8", Reach.PUBLIC),
        ("0.0.0.0", Reach.PUBLIC),  # noqa: S104 - nothing is bound
        ("192.0.2.1", Reach.PUBLIC),
        ("::ffff:192.168.1.1", Reach.PRIVATE),
        ("::ffff:8.8.8.8", Reach.PUBLIC),
        ("", Reach.PUBLIC),
        ("somewhere", Reach.PUBLIC),
    ],
)
def test_reach(address: str, reach: Reach) -> None:
    found = Origins().of(address, Headers(), encrypted=False)
    assert found == Origin(address, reach, encrypted=False)


@pytest.mark.parametrize(
    ("peer", "headers", "origin"),
    [
        ("10.0.0.1", [("X-Forwarded-For", "8.8.8.8")], Origin("8.8.8.8", Reach.PUBLIC, encrypted=False)),
        ("10.0.0.1", [("X-Forwarded-For", "6.6.6.6, 8.8.8.8")], Origin("8.8.8.8", Reach.PUBLIC, encrypted=False)),
        (
            "10.0.0.1",
            [("X-Forwarded-For", "127.0.0.1"), ("X-Forwarded-For", "8.8.8.8, 10.0.0.2")],
            Origin("8.8.8.8", Reach.PUBLIC, encrypted=False),
        ),
        ("10.0.0.1", [("X-Forwarded-For", "8.8.8.8:5123")], Origin("8.8.8.8", Reach.PUBLIC, encrypted=False)),
        ("10.0.0.1", [("X-Forwarded-For", "[fd00::7]:5123")], Origin("fd00::7", Reach.PRIVATE, encrypted=False)),
        ("::1", [("X-Forwarded-For", "192.168.1.9")], Origin("192.168.1.9", Reach.PRIVATE, encrypted=False)),
        ("10.0.0.1", [], Origin("", Reach.PUBLIC, encrypted=False)),
        ("10.0.0.1", [("X-Forwarded-For", "127.0.0.1, unknown")], Origin("", Reach.PUBLIC, encrypted=False)),
        ("10.0.0.1", [("X-Forwarded-For", "10.0.0.2")], Origin("", Reach.PUBLIC, encrypted=False)),
        ("10.0.0.1", [("X-Forwarded-Proto", "https")], Origin("", Reach.PUBLIC, encrypted=True)),
        ("10.0.0.1", [("X-Forwarded-Proto", "https, http")], Origin("", Reach.PUBLIC, encrypted=False)),
        ("10.0.0.1", [("X-Forwarded-Proto", "WSS")], Origin("", Reach.PUBLIC, encrypted=True)),
        (
            "10.0.0.3",
            [("X-Forwarded-For", "127.0.0.1"), ("X-Forwarded-Proto", "https")],
            Origin("10.0.0.3", Reach.PUBLIC, encrypted=False, unnamed_proxy=True),
        ),
        (
            "127.0.0.1",
            [("Forwarded", "for=1.2.3.4")],
            Origin("127.0.0.1", Reach.PUBLIC, encrypted=False, unnamed_proxy=True),
        ),
        (
            "10.0.0.3",
            [("X-Forwarded-Proto", "https")],
            Origin("10.0.0.3", Reach.PUBLIC, encrypted=False, unnamed_proxy=True),
        ),
    ],
)
def test_proxies(peer: str, headers: list[tuple[str, str]], origin: Origin) -> None:
    assert NAMED.of(peer, Headers(headers), encrypted=False) == origin


@pytest.mark.parametrize(
    "header",
    [
        *("X-Forwarded-For", "X-Forwarded-Proto", "x-forwarded-host", "X-FORWARDED-PORT", "X-Forwarded-Server"),
        *("X-Forwarded", "Forwarded", "Via", "X-Real-IP", "X-Client-IP", "X-Cluster-Client-IP", "True-Client-IP"),
        *("CF-Connecting-IP", "CF-Connecting-IPv6", "CF-Ray", "CF-Visitor", "CDN-Loop", "Fastly-Client-IP"),
        *("Fly-Client-IP", "X-Original-For", "X-Original-Host", "X-Envoy-External-Address", "X-Amzn-Trace-Id"),
        *("X-Azure-ClientIP", "X-Azure-SocketIP", "X-ProxyUser-Ip", "X-ARR-SSL", "Proxy-Connection"),
    ],
)
def test_any_header_that_proxies_add_gives_one_away_that_is_not_named(header: str) -> None:
    found = NAMED.of("127.0.0.1", Headers({header: ""}), encrypted=False)
    assert found == Origin("127.0.0.1", Reach.PUBLIC, encrypted=False, unnamed_proxy=True)


@pytest.mark.parametrize(
    "header",
    [
        *("Host", "Upgrade", "Connection", "Sec-WebSocket-Key", "Sec-WebSocket-Extensions", "Origin", "User-Agent"),
        *("Authorization", "Cookie", "Accept", "Pragma", "Cache-Control", "Content-Length", "X-Client", "X-Serial"),
    ],
)
def test_what_chargers_send_gives_no_proxy_away(header: str) -> None:
    found = NAMED.of("127.0.0.1", Headers({header: "x"}), encrypted=False)
    assert found == Origin("127.0.0.1", Reach.LOOPBACK, encrypted=False)


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("8.8.8.8", "8.8.8.8"),
        ("::ffff:8.8.8.8", "8.8.8.8"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
    ],
)
def test_whoever_has_one_address_of_a_network_has_all_of_it(address: str, network: str) -> None:
    assert Origin(address, Reach.PUBLIC, encrypted=True).network == network


@pytest.mark.parametrize(
    ("address", "many"),
    [
        ("127.0.0.1", True),
        ("::1", True),
        ("10.0.0.1", True),
        ("::ffff:10.0.0.2", True),
        ("10.0.0.3", False),
        ("", False),
    ],
)
def test_whole_fleets_have_the_address_of_this_machine_or_of_a_named_proxy(address: str, *, many: bool) -> None:
    assert NAMED.stands_for_many(address) is many
