"""One device that is asked over Modbus TCP, with pymodbus, which is imported here alone and may be missing.

Theory of operation. One connection, kept open; one question at a time, within a time-out each for connecting and for
the answer. After any failure the connection is closed, and the next question begins a new one, so that no late answer
can meet another question. Nothing that goes wrong with the network, the device or its answer is an exception for the
caller.
"""

import asyncio
import logging
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from csms.core.site_meter import RegisterKind

if TYPE_CHECKING:
    from pymodbus.client import AsyncModbusTcpClient
    from pymodbus.pdu import ModbusPDU

NOT_INSTALLED = "pymodbus is not installed: pip install 'electra-sems[modbus]'"

EXCEPTIONS: Final = {
    1: "does not know the function",
    2: "has no such register",
    3: "refuses the question",
    4: "reports a failure",
    5: "asks for patience",
    6: "is busy",
    10: "gateway has no path to it",
    11: "gateway has no answer of it",
}
"""Exception codes of the Modbus application protocol (V1.1b3 §7), as what the device does."""


@dataclass(frozen=True, slots=True)
class Answered:
    """The device has answered; `registers` are those that were read, none after a write."""

    registers: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class NotAnswered:
    """It has not, or not with what was asked for; `reason` is a clause for people, with nothing in it of the device."""

    reason: str


class ModbusLink:
    """The way to one device; `host` and `port` are those of it, or of the gateway before it."""

    def __init__(self, host: str, port: int, unit_id: int, timeout_s: float) -> None:
        self._at = f"{host}:{port}"
        self._unit_id = unit_id
        self._timeout_s = timeout_s
        self._client = _client(host, port, timeout_s)

    async def read(self, kind: RegisterKind, register: int, count: int) -> Answered | NotAnswered:
        """Return `count` registers from `register` on, within twice the time-out."""
        client = self._client
        if client is None:
            return NotAnswered(NOT_INSTALLED)
        ask = client.read_holding_registers if kind is RegisterKind.HOLDING else client.read_input_registers
        outcome = await self._within(lambda: ask(register, count=count, device_id=self._unit_id))
        if isinstance(outcome, Answered) and len(outcome.registers) != count:
            self._drop()
            return NotAnswered(f"{len(outcome.registers)} registers were answered, {count} asked for")
        return outcome

    async def write(self, register: int, values: Sequence[int]) -> Answered | NotAnswered:
        """Write holding registers from `register` on in one request (function code 16), within twice the time-out."""
        client = self._client
        if client is None:
            return NotAnswered(NOT_INSTALLED)
        outcome = await self._within(lambda: client.write_registers(register, list(values), device_id=self._unit_id))
        return Answered() if isinstance(outcome, Answered) else outcome

    def close(self) -> None:
        """Close the connection."""
        self._drop()

    async def _within(self, ask: "Asking") -> Answered | NotAnswered:
        outcome: Answered | NotAnswered = NotAnswered(f"unit {self._unit_id} was not waited for")
        try:
            outcome = await self._asked(ask)
        finally:  # also when who asked has not waited for it
            if isinstance(outcome, NotAnswered):
                self._drop()
        return outcome

    async def _asked(self, ask: "Asking") -> Answered | NotAnswered:
        from pymodbus.exceptions import ModbusException  # noqa: PLC0415 - an extra, and heavy

        client, unit = self._client, f"unit {self._unit_id}"
        assert client is not None, "without pymodbus nothing is asked"
        try:
            async with asyncio.timeout(2 * self._timeout_s):
                if not client.connected and not await client.connect():
                    return NotAnswered(f"no connection to {self._at}")
                answer = await ask()
        except TimeoutError:
            return NotAnswered(f"no answer of {unit} at {self._at}")
        except (ModbusException, OSError, UnicodeError) as error:  # the last one: a name that is none in the DNS
            return NotAnswered(f"no answer of {unit} at {self._at} ({type(error).__name__})")
        if answer.isError():
            code = answer.exception_code
            return NotAnswered(f"{unit} {EXCEPTIONS.get(code, 'answers with an error')} (exception {code})")
        return Answered(tuple(answer.registers))

    def _drop(self) -> None:
        if self._client is not None:
            self._client.close()


if TYPE_CHECKING:
    from collections.abc import Callable

    Asking = Callable[[], Awaitable[ModbusPDU]]


def _client(host: str, port: int, timeout_s: float) -> "AsyncModbusTcpClient | None":
    try:
        from pymodbus.client import AsyncModbusTcpClient  # noqa: PLC0415 - an extra, and heavy
    except ImportError:
        return None
    logging.getLogger("pymodbus.logging").setLevel(logging.CRITICAL)  # what goes wrong is told by the outcome
    return AsyncModbusTcpClient(host, port=port, timeout=timeout_s, retries=0, reconnect_delay=0, name="csms")
