"""What chargers of one make have shown of themselves, so that the next one need not be tried out again.

A *make* is vendor, model and firmware as BootNotification tells them (OCPP 1.6 §6.3): after an update of the firmware
everything is learnt anew. All chargers of a make share one `Learnt`; a charger that has not told its make has one of
its own, which is forgotten with the process. Nothing here frees booked power by itself: it says how to speak to a
charger, and where the ledger has to be more careful with it (LEDGER.md §4).
"""

from dataclasses import dataclass
from typing import NamedTuple

from csms.core.commands import LimitForm
from csms.core.ladder import Manner

MAKES_MAX = 1_000
"""Makes that are remembered: a charger that tells another firmware at each boot fills no memory."""


class Make(NamedTuple):
    """Vendor, model and firmware version of chargers that behave alike."""

    vendor: str
    model: str
    firmware_version: str


@dataclass(slots=True)
class Learnt:
    """What the chargers of one make have shown; None is not known yet.

    Attributes:
        default_form: how the fail-safe default was written when it was last Accepted.
        manner: how the limit of a running transaction was said when it was last Accepted.
        keeps_tx_profile: a TxProfile stays installed when its transaction has ended, against §7.10.
        pauses: a running transaction can be told 0 W and goes on later; False where 0 was refused or never ended.
        tenths: tenths of an ampere are kept: read back from a running limit.
        rounds_up: half an ampere less was read back as the whole one above: told tenths, it would draw more than that.
        forgets_default: it drew more than its default after a boot, before that was asserted again.
        stops: a transaction that ignored its limits ended when it was stopped from here.
        leaves_service: a connector went Unavailable when it was told to.
        unsupported_measurands: lists with one of these were refused, the same lists without them were taken.
    """

    default_form: LimitForm | None = None
    manner: Manner | None = None
    keeps_tx_profile: bool | None = None
    pauses: bool | None = None
    tenths: bool | None = None
    rounds_up: bool = False
    forgets_default: bool = False
    stops: bool | None = None
    leaves_service: bool | None = None
    unsupported_measurands: tuple[str, ...] = ()
