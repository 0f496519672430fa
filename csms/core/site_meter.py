"""The meter of a site, as configured: what it measures, and how it is read.

A reading is pushed over REST, or read over Modbus TCP where a register is configured. `csms.core.base_load` has what
follows from readings.
"""

from dataclasses import dataclass
from enum import StrEnum


class Measures(StrEnum):
    """Where the meter sits."""

    BASE_LOAD = "baseLoad"
    """Behind it is everything but the chargers."""
    GRID = "grid"
    """At the grid connection: behind it are the chargers, too."""


class RegisterKind(StrEnum):
    """Which of a Modbus device's two tables of registers."""

    HOLDING = "holding"
    """Function code 3."""
    INPUT = "input"
    """Function code 4."""


class RegisterType(StrEnum):
    """How a number is written in registers of 16 bits."""

    INT16 = "int16"
    UINT16 = "uint16"
    INT32 = "int32"
    UINT32 = "uint32"
    FLOAT32 = "float32"

    @property
    def registers(self) -> int:
        """Return how many registers it takes."""
        return 1 if self in {RegisterType.INT16, RegisterType.UINT16} else 2


class WordOrder(StrEnum):
    """Which of two registers comes first; within a register the high byte always does."""

    BIG = "big"
    LITTLE = "little"


@dataclass(frozen=True, slots=True)
class ModbusSource:
    """Where a Modbus TCP device tells a power.

    Attributes:
        host: its name or address.
        unit_id: its unit identifier; gateways tell the devices behind them apart by it.
        register: address of the first register, counted from 0.
        scale_uw: what one unit of the number is worth, µW; below 0 where the meter counts import as negative.
        period_ms: it is read so often.
    """

    host: str
    port: int = 502
    unit_id: int = 1
    register: int = 0
    kind: RegisterKind = RegisterKind.HOLDING
    type: RegisterType = RegisterType.FLOAT32
    word_order: WordOrder = WordOrder.BIG
    scale_uw: int = 1_000_000
    period_ms: int = 1_000


@dataclass(frozen=True, slots=True)
class SiteMeter:
    """One meter.

    Attributes:
        max_age_s: a reading older than this counts for nothing: `static_load_w` does.
        margin_w: so much more than was read counts, never above `static_load_w`.
        modbus: how it is read; None: readings are pushed.
    """

    measures: Measures = Measures.BASE_LOAD
    max_age_s: int = 10
    margin_w: int = 0
    modbus: ModbusSource | None = None


@dataclass(frozen=True, slots=True)
class SiteMeterView:
    """What is shown of the meter, W.

    Attributes:
        power_w: what it showed last; None: nothing yet. read_wall_ms: when, UTC ms.
        stale: no reading is young enough to count.
        counted_w: what counts of it as base load while it is heard.
        static_load_w: the configured maximum of that.
        over_modbus: it is read; else readings are pushed.
        trouble: why the newest reading failed or was refused; empty: it was not.
    """

    measures: Measures
    power_w: int | None
    read_wall_ms: int | None
    stale: bool
    counted_w: int
    static_load_w: int
    over_modbus: bool
    trouble: str
