"""What the central system asks of a charger, and the answers (OCPP 1.6 §5), on the `ocpp` package's ChargePoint.

Handlers decide at once and never wait for a CALL of their own. What an answer promises and what has to be said about it
happens after the answer has left (`_later`), because some messages must follow it (§5.17). Actions without a handler
are answered NotImplemented by the package.
"""

from simulators.remote.local_list import LocalAuthList
from simulators.remote.security import Security
from simulators.remote.smart_charging import SmartCharging
from simulators.remote.transactions import Transactions

__all__ = ["Endpoint"]


class Endpoint(SmartCharging, LocalAuthList, Transactions, Security):
    """The OCPP-J endpoint of one connection of a charger, with every handler."""
