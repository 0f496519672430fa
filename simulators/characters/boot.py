"""Characters of the boot: whether and when BootNotification comes, what it says, and what happens around it."""

from collections.abc import Callable, Iterable
from typing import Any

from simulators.characters.character import Character, Family
from simulators.characters.tools import drops_after_start, fields, old_transaction
from simulators.charger import Charger
from simulators.clock import rfc3339
from simulators.outbox import Message
from simulators.traits import Boots, Happens, Traits
from simulators.vendor import call

HOUR_MS = 3_600_000
BOOT_PAUSE_MS = 5_000
"""How long the charger that must not be addressed before its boot leaves the central system alone."""
REBOOT_AFTER_MS = 3_000
REBOOTS = 8
SAMPLES = 60
OUTAGE_AFTER_MS = 20_000
OUTAGE_MS = 5_000
ANCIENT_ID = 7
ANCIENT_MS = 1_500_000_000_000


class _SilentAfterReconnect:
    """Sends no periodic samples after a reconnection until it is triggered."""

    def __init__(self) -> None:
        self._connections = 0
        self._silent = False

    def connected(self, _: Charger) -> None:
        self._connections += 1
        self._silent = self._connections > 1

    def hear(self, _: Charger, frame: list[Any]) -> bool:
        match frame:
            case [2, _, "TriggerMessage", {"requestedMessage": "MeterValues"}, *_]:
                self._silent = False
        return True

    def queue(self, _: Charger, message: Message) -> Iterable[Message]:
        return () if self._silent and message.action == "MeterValues" and message.lasting else (message,)


class _RebootLoop:
    """Reboots a moment after each of its first boots was accepted."""

    def __init__(self) -> None:
        self._left = REBOOTS
        self._accepted_ms: int | None = None

    def accepted(self, charger: Charger) -> None:
        self._accepted_ms = charger.clock.now_ms()

    def stepped(self, charger: Charger) -> None:
        at_ms = self._accepted_ms
        if at_ms is None or not self._left or charger.clock.now_ms() - at_ms < REBOOT_AFTER_MS:
            return
        self._left -= 1
        self._accepted_ms = None
        charger.reset("PowerLoss", wait_for_stops=False)


def _undisturbed(charger: Charger, frame: list[Any]) -> bool:
    """Drop the connection on which a CALL comes before the boot was accepted."""
    if charger.registration.accepted or frame[:1] != [2]:
        return True
    charger.tell("addressed before its boot: drops the connection")
    charger.drop(1_000)
    return False


def _loop() -> Traits:
    loop = _RebootLoop()
    return Traits(accepted=(loop.accepted,), stepped=(loop.stepped,))


def _silent() -> Traits:
    silence = _SilentAfterReconnect()
    return Traits(
        boots=Boots.EACH_CONNECTION,
        connected=(silence.connected,),
        hear=(silence.hear,),
        queue=(silence.queue,),
        stepped=(drops_after_start(OUTAGE_AFTER_MS, OUTAGE_MS),),
    )


def _accepted_long_ago(charger: Charger) -> None:
    charger.registration.accepted = True


def _ancient_stop(charger: Charger) -> None:
    stop = call.StopTransaction(
        meter_stop=1, timestamp=rfc3339(ANCIENT_MS), transaction_id=ANCIENT_ID, reason="PowerLoss"
    )
    charger.outbox.put_transactional(Message("StopTransaction", lambda: stop))


def _backlog(charger: Charger) -> None:
    """Keep two transactions of the past: one years old, one that ended hours ago."""
    now_ms = charger.clock.now_ms()
    for ago_ms in (2 * 365 * 24 * HOUR_MS, 5 * HOUR_MS):
        old_transaction(charger, 1, now_ms - ago_ms, samples=SAMPLES, each_ms=60_000)


def _built(effect: Happens) -> Callable[[], Traits]:
    return lambda: Traits(built=(effect,))


def _boot(name: str, does: str, source: str, make: Callable[[], Traits]) -> Character:
    return Character(name, Family.BOOT, does, source, make)


CHARACTERS = (
    _boot(
        "boots_undisturbed",
        f"Boots {BOOT_PAUSE_MS // 1000} s after connecting and drops the connection when it is addressed before.",
        "C9; lbbrhzn #1503, #1510, evcc #27309",
        lambda: Traits(boots=Boots.EACH_CONNECTION, boot_delay_ms=BOOT_PAUSE_MS, hear=(_undisturbed,)),
    ),
    _boot(
        "accepted_long_ago",
        "Sends no BootNotification: it was accepted before the central system restarted.",
        "C10; OCPP-J §5.4, evcc #15671",
        _built(_accepted_long_ago),
    ),
    _boot(
        "reboot_loop",
        f"Reboots {REBOOT_AFTER_MS // 1000} s after each boot was accepted, {REBOOTS} times in a row.",
        "C11; evcc #30113",
        _loop,
    ),
    _boot(
        "long_serials",
        "Reports a chargePointSerialNumber of 33 and a chargeBoxSerialNumber of 26 characters.",
        "C12; mobilityhouse #122, #128, #273, lbbrhzn #1155, #1622",
        lambda: Traits(
            calls=(fields("BootNotification", chargePointSerialNumber="3" * 33, chargeBoxSerialNumber="2" * 26),)
        ),
    ),
    _boot(
        "ancient_stop",
        "Starts with the StopTransaction of a transaction that nobody knows.",
        "C29; evcc #13990",
        _built(_ancient_stop),
    ),
    _boot(
        "backlog",
        f"Starts with two transactions of the past, years and hours old, of {SAMPLES} samples each.",
        "C33; lbbrhzn #361",
        _built(_backlog),
    ),
    _boot(
        "never_boots",
        "Connects and never says anything: its own check refuses its BootNotification.",
        "D",
        lambda: Traits(boots=Boots.NEVER),
    ),
    _boot(
        "silent_after_reconnect",
        "Loses its network in each transaction, boots on the reconnection and sends no MeterValues until triggered.",
        "D",
        _silent,
    ),
)
