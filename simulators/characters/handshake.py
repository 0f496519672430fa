"""Characters of the handshake and the socket: addresses, subprotocols, pings, connections that linger."""

from urllib.parse import quote

from simulators.characters.character import Character, Family
from simulators.characters.tools import drops_after_start, with_key
from simulators.traits import Traits, plain_address

SLOW_PING_S = 180
OUTAGE_AFTER_MS = 20_000
OUTAGE_MS = 500


def _fully_encoded(url: str, charger_id: str) -> str:
    """Percent-encode every byte of the id, also those that need it not."""
    return f"{url.rstrip('/')}/" + "".join(f"%{byte:02X}" for byte in charger_id.encode())


def _doubled_slash(url: str, charger_id: str) -> str:
    return f"{url.rstrip('/')}//{quote(charger_id, safe='')}"


def _trailing_slash(url: str, charger_id: str) -> str:
    return f"{plain_address(url, charger_id)}/"


def _id_twice(url: str, charger_id: str) -> str:
    return f"{plain_address(url, charger_id)}/{quote(charger_id, safe='')}"


def _address_as_id(url: str, charger_id: str) -> str:
    """Give the whole address, encoded, where the id belongs."""
    return plain_address(url, plain_address(url, charger_id))


CHARACTERS = (
    Character(
        "no_subprotocol",
        Family.HANDSHAKE,
        "Offers no Sec-WebSocket-Protocol and speaks OCPP 1.6 all the same.",
        "C1; lbbrhzn #442, steve #135, #1109, ev-server #2761",
        lambda: Traits(subprotocols=()),
    ),
    Character(
        "no_connection_header",
        Family.HANDSHAKE,
        "Leaves Connection: Upgrade out of its handshake.",
        "C2; lbbrhzn #1984",
        lambda: Traits(omitted_headers=frozenset({"Connection"})),
    ),
    Character(
        "offers_201_first",
        Family.HANDSHAKE,
        "Offers ocpp2.0.1 before ocpp1.6, though it speaks 1.6 only and hangs up when 2.0.1 is chosen.",
        "C3; lbbrhzn #2008",
        lambda: Traits(subprotocols=("ocpp2.0.1", "ocpp1.6")),
    ),
    Character(
        "encoded_id",
        Family.HANDSHAKE,
        "Percent-encodes every character of its id.",
        "C4; citrineos #1093",
        lambda: Traits(address=_fully_encoded),
    ),
    Character(
        "doubled_slash",
        Family.HANDSHAKE,
        "Puts two slashes before its id.",
        "C4; D",
        lambda: Traits(address=_doubled_slash),
    ),
    Character(
        "trailing_slash",
        Family.HANDSHAKE,
        "Puts a slash behind its id.",
        "C4; OpenEMS #1401",
        lambda: Traits(address=_trailing_slash),
    ),
    Character("id_twice", Family.HANDSHAKE, "Appends its id twice.", "C4; D", lambda: Traits(address=_id_twice)),
    Character(
        "address_as_id",
        Family.HANDSHAKE,
        "Sends its whole address, percent-encoded, as its id.",
        "C4; open-ocpp #198",
        lambda: Traits(address=_address_as_id),
    ),
    Character(
        "no_pong",
        Family.HANDSHAKE,
        "Answers no WebSocket ping and sends none.",
        "C5; mobilityhouse #190, #626, lbbrhzn #140",
        lambda: Traits(pongs=False, keys=(with_key("WebSocketPingInterval", value="0", accepts=None),)),
    ),
    Character(
        "slow_pings",
        Family.HANDSHAKE,
        f"Sends a WebSocket ping every {SLOW_PING_S} s only, whatever is configured.",
        "C6; ocpp-go #44, mobilityhouse #626",
        lambda: Traits(keys=(with_key("WebSocketPingInterval", value=str(SLOW_PING_S), accepts=None),)),
    ),
    Character(
        "half_open_socket",
        Family.HANDSHAKE,
        "Leaves its socket open and dead in each transaction, and opens a new one.",
        "C7; ts-ocpp #19, ocpp-go #314",
        lambda: Traits(
            abandons_sockets=True,
            # A network that has failed carries no pings either.
            keys=(with_key("WebSocketPingInterval", value="0"),),
            stepped=(drops_after_start(OUTAGE_AFTER_MS, OUTAGE_MS),),
        ),
    ),
)
