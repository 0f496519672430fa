"""Characters of limits: which profiles a charger takes, and what it makes of those it has taken.

A profile is refused with Rejected, kept altered, or kept as it is and obeyed in a way of the charger's own. What is
answered to GetCompositeSchedule follows the profiles that were kept, also where they are not obeyed: a charger that
ignores its limits says so nowhere but in its meter.
"""

import random
from collections.abc import Callable, Collection
from dataclasses import replace

from simulators.characters.character import Character, Family
from simulators.characters.tools import answers, only_unit
from simulators.charger import Charger
from simulators.connector import Connector, Transaction
from simulators.electrical import RateUnit
from simulators.profiles import Kind, Profile, ProfileBook, Purpose
from simulators.traits import Answer, Asked, Keep, Offer, Refuse, Traits

LATE_MS = 30_000
"""How late the first answer of the late rejecter comes."""
RANDOM_EACH_MS = 5_000
"""How long the random drawer keeps a power."""


def _refuses(reason: str, wrong: Callable[[Charger, Offer], bool]) -> Refuse:
    """Return what refuses every offer that is `wrong`."""

    def refuse(charger: Charger, offer: Offer) -> str | None:
        return reason if wrong(charger, offer) else None

    return refuse


def _refuses_purposes(purposes: Collection[Purpose]) -> Refuse:
    return _refuses("this purpose is not supported", lambda _, offer: offer.profile.purpose in purposes)


def _forgets(purpose: Purpose) -> Keep:
    """Return what lets profiles of a purpose be accepted and vanish."""

    def keep(_: Charger, offer: Offer) -> Profile | None:
        return None if offer.profile.purpose is purpose else offer.profile

    return keep


def _is_zero(_: Charger, offer: Offer) -> bool:
    return any(period.limit_tenths == 0 for period in offer.profile.periods)


def _has_number_phases(_: Charger, offer: Offer) -> bool:
    return any(period.number_phases is not None for period in offer.profile.periods)


def _at_highest_level(charger: Charger, offer: Offer) -> bool:
    return offer.profile.stack_level == charger.profiles.capabilities.max_stack_level


def _without_transaction_id(_: Charger, offer: Offer) -> bool:
    return offer.profile.purpose is Purpose.TX and offer.profile.transaction_id is None


def _with_transaction_id(_: Charger, offer: Offer) -> bool:
    return offer.profile.transaction_id is not None


def _without_id(_: Charger, offer: Offer) -> Profile:
    """Keep a profile for whatever transaction runs."""
    return replace(offer.profile, transaction_id=None)


def _amperes_rounded_up(_: Charger, offer: Offer) -> Profile:
    profile = offer.profile
    if profile.unit is not RateUnit.A:
        return profile
    periods = tuple(replace(period, limit_tenths=-(-period.limit_tenths // 10) * 10) for period in profile.periods)
    return replace(profile, periods=periods)


def _obeys_nothing(_connector: Connector | None, _at_ms: int, _limit_w: int, hardware_w: int) -> int:
    return hardware_w


def _obeys_each_for_itself(connector: Connector | None, _at_ms: int, limit_w: int, hardware_w: int) -> int:
    """Let every connector have what was meant for all of them together."""
    return hardware_w if connector is None else limit_w


def _draws_at_random(connector: Connector | None, at_ms: int, limit_w: int, _hardware_w: int) -> int:
    if connector is None:
        return limit_w
    share_percent = random.Random(f"{connector.idx}/{at_ms // RANDOM_EACH_MS}").randint(40, 100)
    return max(limit_w * share_percent // 100, min(limit_w, connector.floor_w))


class KeepingBook(ProfileBook):
    """Profiles of a charger that never forgets a TxProfile by itself."""

    def transaction_ended(self, connector_id: int) -> None:
        """Keep what ceases with the transaction (§7.10)."""


class _StaysSuspended:
    """Never offers anything again to a transaction that was once limited to nothing."""

    def __init__(self) -> None:
        self._paused: dict[int, Transaction] = {}

    def obey(self, connector: Connector | None, _at_ms: int, limit_w: int, _hardware_w: int) -> int:
        if connector is None or connector.transaction is None:
            return limit_w
        if limit_w == 0:
            self._paused[connector.idx] = connector.transaction
        return 0 if self._paused.get(connector.idx) is connector.transaction else limit_w


class _WaitsForProfile:
    """Offers a transaction nothing until a profile comes that was sent while it ran."""

    def __init__(self) -> None:
        self._released: dict[int, Transaction] = {}

    def keep(self, charger: Charger, offer: Offer) -> Profile:
        for connector in charger.connectors:
            if connector.transaction is not None and offer.connector_id in (0, connector.idx):
                self._released[connector.idx] = connector.transaction
        return offer.profile

    def obey(self, connector: Connector | None, _at_ms: int, limit_w: int, _hardware_w: int) -> int:
        if connector is None or connector.transaction is None:
            return limit_w
        return limit_w if self._released.get(connector.idx) is connector.transaction else 0


class _FirstAnswerLate:
    """Answers the first SetChargingProfile late and with Rejected, though it was installed."""

    def __init__(self) -> None:
        self._was_asked = False

    def answer(self, _: Charger, asked: Asked, answer: Answer) -> Answer:
        if asked.action != "SetChargingProfile" or self._was_asked:
            return answer
        self._was_asked = True
        return Answer([3, asked.unique_id, {"status": "Rejected"}], LATE_MS)


def _waits_for_profile() -> Traits:
    waiting = _WaitsForProfile()
    return Traits(keep=(waiting.keep,), obey=(waiting.obey,))


def _forget_defaults(charger: Charger) -> None:
    charger.profiles.clear(purpose=Purpose.TX_DEFAULT)


def _limits(name: str, does: str, source: str, make: Callable[[], Traits]) -> Character:
    return Character(name, Family.LIMITS, does, source, make)


CHARACTERS = (
    _limits(
        "watts_only",
        "Takes limits in W only, answers Rejected to every profile in A, and says so in its configuration.",
        "D",
        lambda: Traits(capabilities=(only_unit(RateUnit.W),)),
    ),
    _limits(
        "amperes_only",
        "Takes limits in A only, answers Rejected to every profile in W, and says so in its configuration.",
        "D",
        lambda: Traits(capabilities=(only_unit(RateUnit.A),)),
    ),
    _limits(
        "default_only",
        "Takes TxDefaultProfile only; TxProfile and ChargePointMaxProfile are answered Rejected.",
        "C36; lbbrhzn #221, #312, #878, #1245",
        lambda: Traits(refuse=(_refuses_purposes({Purpose.TX, Purpose.CHARGE_POINT_MAX}),)),
    ),
    _limits(
        "no_charge_point_max",
        "Answers Rejected to ChargePointMaxProfile, takes the other purposes.",
        "C36; lbbrhzn #221, #312, #878, #1245",
        lambda: Traits(refuse=(_refuses_purposes({Purpose.CHARGE_POINT_MAX}),)),
    ),
    _limits(
        "charge_point_max_only",
        "Takes ChargePointMaxProfile only; TxProfile and TxDefaultProfile are answered Rejected.",
        "C36; lbbrhzn #221, #312, #878, #1245",
        lambda: Traits(refuse=(_refuses_purposes({Purpose.TX, Purpose.TX_DEFAULT}),)),
    ),
    _limits(
        "needs_transaction_id",
        "Answers Rejected to a TxProfile without transactionId, and to one that comes before its transaction.",
        "C37; MicroOcpp #346, steve #1083, evcc #9766",
        lambda: Traits(refuse=(_refuses("a TxProfile needs a transactionId", _without_transaction_id),)),
    ),
    _limits(
        "refuses_transaction_id",
        "Answers Rejected to a profile that names a transactionId.",
        "C37; MicroOcpp #346, steve #1083, evcc #9766",
        lambda: Traits(refuse=(_refuses("a transactionId is not supported", _with_transaction_id),)),
    ),
    _limits(
        "refuses_highest_level",
        "Answers Rejected to the stackLevel that it reports as its highest.",
        "C38; lbbrhzn #1737, mobilityhouse #372",
        lambda: Traits(refuse=(_refuses("the stackLevel is too high", _at_highest_level),)),
    ),
    _limits(
        "refuses_level_0",
        "Answers Rejected to stackLevel 0.",
        "D",
        lambda: Traits(refuse=(_refuses("stackLevel 0", lambda _, offer: offer.profile.stack_level == 0),)),
    ),
    _limits(
        "refuses_number_phases",
        "Answers Rejected to a profile with numberPhases.",
        "D",
        lambda: Traits(refuse=(_refuses("numberPhases is not supported", _has_number_phases),)),
    ),
    _limits(
        "refuses_relative",
        "Answers Rejected to profiles of kind Relative.",
        "D",
        lambda: Traits(refuse=(_refuses("Relative", lambda _, offer: offer.profile.kind is Kind.RELATIVE),)),
    ),
    _limits(
        "refuses_zero",
        "Answers Rejected to a limit of 0.",
        "C41; evcc #16768",
        lambda: Traits(refuse=(_refuses("a limit of 0", _is_zero),)),
    ),
    _limits(
        "no_resume_from_zero",
        "Obeys a limit of 0 and offers that transaction nothing ever after.",
        "C41; ocpp-rpc #81",
        lambda: Traits(obey=(_StaysSuspended().obey,)),
    ),
    _limits(
        "rejects_every_profile",
        "Answers Rejected to every SetChargingProfile, as if its load balancer was switched off.",
        "C39; lbbrhzn #263",
        lambda: Traits(instead=(answers("SetChargingProfile", status="Rejected"),)),
    ),
    _limits(
        "ignores_profiles",
        "Answers Accepted to every profile, shows it in GetCompositeSchedule, and charges at full power.",
        "C40; go-eCharger #249, lbbrhzn #2148",
        lambda: Traits(obey=(_obeys_nothing,)),
    ),
    _limits(
        "ignores_default",
        "Accepts TxDefaultProfile and forgets it: full power from StartTransaction until the first TxProfile.",
        "D",
        lambda: Traits(keep=(_forgets(Purpose.TX_DEFAULT),)),
    ),
    _limits(
        "forgets_default",
        "Loses its TxDefaultProfiles at every reboot.",
        "D",
        lambda: Traits(rebooted=(_forget_defaults,)),
    ),
    _limits(
        "steered_by_default_only",
        "Accepts TxProfile without any effect and obeys TxDefaultProfile alone.",
        "D",
        lambda: Traits(keep=(_forgets(Purpose.TX),)),
    ),
    _limits(
        "waits_for_profile",
        "Stays SuspendedEVSE after StartTransaction until any profile comes.",
        "D",
        _waits_for_profile,
    ),
    _limits(
        "keeps_tx_profile",
        "Keeps its TxProfile beyond its transaction: the next one obeys it until a new one comes or it is cleared.",
        "D",
        lambda: Traits(book=KeepingBook, keep=(_without_id,)),
    ),
    _limits(
        "foreign_transaction_id",
        "Takes and obeys a TxProfile that names another transaction than the running one.",
        "D",
        lambda: Traits(any_transaction=True, keep=(_without_id,)),
    ),
    _limits(
        "late_rejection",
        "Answers its first SetChargingProfile after 30 s with Rejected, although it obeys it at once.",
        "D",
        lambda: Traits(answers=(_FirstAnswerLate().answer,)),
    ),
    _limits(
        "random_power",
        "Offers a random 40 to 100 % of its limit, another every 5 s.",
        "D",
        lambda: Traits(obey=(_draws_at_random,)),
    ),
    _limits(
        "rounds_amperes_up",
        "Rounds limits in A up to whole amperes.",
        "D",
        lambda: Traits(keep=(_amperes_rounded_up,)),
    ),
    _limits(
        "each_connector_alone",
        "Gives each connector alone what a ChargePointMaxProfile leaves to all of them together.",
        "D",
        lambda: Traits(obey=(_obeys_each_for_itself,)),
    ),
)
