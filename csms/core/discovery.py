"""Reading a charger's configuration keys without ever asking for ever (OCPP 1.6 §5.8; OCPP16.md A53, A54, C43, C44).

A reading is a list of keys that are still to be asked for. It begins with those that limits need, among them how many
keys may be asked for at once, and every outcome of a request makes it shorter, its requests smaller, or rarer:

    outcome                             | what is left                          | next request
    ------------------------------------+---------------------------------------+---------------------------------
    answered, however little it tells   | without what was asked for or told    | as many keys as it allows
    answered, a key is not known        | its misspelt names are asked for once | the same
    error to more than one key          | unchanged                             | half as many keys
    error to one key                    | without it                            | the same
    NotSupported, NotImplemented        | nothing: such a charger has no keys   | none until it boots
    no answer, connection lost          | unchanged                             | the third time in a row: in 10 min

What is known stays known until the charger tells something else or has another firmware.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from csms.core.capabilities import KEYS, LIMIT_KEYS, MISSPELT

LOSSES_TO_PAUSE = 3
UNSUPPORTED = frozenset({"NotSupported", "NotImplemented"})


@dataclass(slots=True)
class Reading:
    """What is still to be asked of one charger; times monotonic ms.

    Attributes:
        left: keys to be asked for, in this order.
        asked: the keys of the request whose answer is awaited.
        most: keys of one request after an error; None without one.
        first: what limits need was never asked for, or of another firmware: it is read before they are said.
        losses: requests in a row without any answer; held_until_ms: after too many, no request before.
    """

    left: list[str] = field(default_factory=lambda: list(KEYS))
    asked: tuple[str, ...] = ()
    most: int | None = None
    first: bool = True
    losses: int = 0
    held_until_ms: int = 0

    def held(self, now_ms: int) -> bool:
        """Return whether nothing is asked for now because nobody has answered."""
        return self.losses >= LOSSES_TO_PAUSE and now_ms < self.held_until_ms

    def due(self, now_ms: int) -> bool:
        """Return whether something is to be asked for now."""
        return bool(self.left) and not self.held(now_ms)

    @property
    def before_limits(self) -> bool:
        """Return whether something is to be asked for before the first limit is said; nobody waits for it twice."""
        return self.first and self.losses == 0

    def again(self, keys: Iterable[str] = KEYS) -> None:
        """Have keys read again."""
        wanted = set(keys)
        self.left = [*(key for key in KEYS if key in wanted), *(key for key in self.left if key not in wanted)]

    def booted(self) -> None:
        """Have everything read again: after a boot anything may be different, also how much may be asked for."""
        self.most = None
        self.again()

    def request(self, keys_max: int | None) -> tuple[str, ...]:
        """Return the keys to ask for now; `keys_max`: how many the charger allows, None: not known."""
        first = [key for key in self.left if key in LIMIT_KEYS]
        wanted = first if keys_max is None and first else self.left
        most = min(n for n in (len(wanted), keys_max, self.most) if n is not None)
        self.asked = tuple(wanted[:most])
        return self.asked

    def answered(self, asked: Iterable[str], told: Iterable[str]) -> None:
        """Take an answer: `told` are the keys that it names with or without a value, asked for or not."""
        self._ended()
        known, wanted = set(told), list(asked)
        misspelt = [name for key in wanted if key not in known for name in MISSPELT.get(key, ())]
        self.left = [key for key in self.left if key not in known and key not in wanted]
        self.left += [name for name in misspelt if name not in self.left]
        self._first_done()

    def refused(self, asked: tuple[str, ...], code: str) -> None:
        """Take an error: ask for less at once, or leave it."""
        self._ended()
        if code in UNSUPPORTED:
            self.left = []
        elif len(asked) > 1:
            self.most = len(asked) // 2
        else:
            self.left = [key for key in self.left if key not in asked]
        self._first_done()

    def lost(self, now_ms: int, pause_ms: int) -> None:
        """Take it that nobody will answer what was asked."""
        if self.asked:
            self.asked = ()
            self.losses += 1
            self.held_until_ms = now_ms + pause_ms

    def unsent(self) -> None:
        """Take it that the request never left."""
        self.asked = ()

    def _first_done(self) -> None:
        self.first = self.first and any(key in LIMIT_KEYS for key in self.left)

    def _ended(self) -> None:
        self.asked = ()
        self.losses = 0
