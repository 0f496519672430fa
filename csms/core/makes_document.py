"""What is learnt of makes, as a JSON document: to look at, to carry to another site, to ship with a new one.

Phases and voltage are not part of it: a way to say a limit is the same for a charger with one phase and with three.
What a document says of a make replaces what was known of it; other makes stay as they were. Nothing in it frees booked
power: at most a charger is spoken to in a wrong way first, and learns us better.
"""

from collections.abc import Mapping

from csms.core.capabilities import MAX_LEVEL
from csms.core.commands import LimitForm, ProfileKind, Purpose, RateUnit
from csms.core.configuration.reading import Fields, Wrong, choice, flag, open_object, whole
from csms.core.faults import Fault
from csms.core.ladder import Manner
from csms.core.learnt import MAKES_MAX, Learnt, Make

_DOCUMENT = frozenset({"makes"})
_FORM = frozenset({"unit", "kind", "stackLevel", "numberPhases"})
_HABITS = {
    "keepsTxProfile": "keeps_tx_profile",
    "pauses": "pauses",
    "tenths": "tenths",
    "stops": "stops",
    "leavesService": "leaves_service",
}
_FOUND = {"roundsUp": "rounds_up", "forgetsDefault": "forgets_default"}
_MAKE = frozenset(
    {"vendor", "model", "firmwareVersion", "default", "running", "unsupportedMeasurands", *_HABITS, *_FOUND}
)
_MEASURANDS_MAX = 50
_ANY_PHASES, _ANY_VOLTAGE_V = 3, 230
_MAX_CHARS = 50

_unit = choice({unit.value: unit for unit in RateUnit})
_kind = choice({kind.value: kind for kind in ProfileKind})
_purposes = {"TxProfile": Purpose.TX, "TxDefaultProfile": Purpose.DEFAULT}
_level = whole(0, MAX_LEVEL + 1)


def makes_document(makes: Mapping[Make, Learnt]) -> dict[str, object]:
    """Return what is learnt as a document that JSON can hold; what is not known yet is left out."""
    return {"makes": [make_document(make, makes[make]) for make in sorted(makes)]}


def make_document(make: Make, learnt: Learnt) -> dict[str, object]:
    """Return what is learnt of one make, as it stands in the document."""
    written: dict[str, object] = {"vendor": make.vendor, "model": make.model, "firmwareVersion": make.firmware_version}
    if learnt.default_form is not None:
        written["default"] = _form(learnt.default_form)
    if learnt.manner is not None:
        purpose = next(name for name, one in _purposes.items() if one is learnt.manner.purpose)
        written["running"] = {"purpose": purpose, **_form(learnt.manner.form)}
    written |= {name: value for name, field in _HABITS.items() if (value := getattr(learnt, field)) is not None}
    written |= {name: True for name, field in _FOUND.items() if getattr(learnt, field)}
    if learnt.unsupported_measurands:
        written["unsupportedMeasurands"] = list(learnt.unsupported_measurands)
    return written


def _form(form: LimitForm) -> dict[str, object]:
    return {
        "unit": form.unit.value,
        "kind": form.kind.value,
        "stackLevel": form.stack_level,
        "numberPhases": form.number_phases,
    }


def parse_makes(document: object) -> dict[Make, Learnt] | tuple[Fault, ...]:
    """Return the makes of a decoded JSON document, or everything that is wrong with it, each with its JSON path."""
    faults: list[Fault] = []
    fields = open_object(document, "$", _DOCUMENT, frozenset(), faults)
    if fields is None:
        return tuple(faults)
    if "makes" not in fields:
        fields.fault("makes", "is missing")
    makes: dict[Make, Learnt] = {}
    for path, item in fields.items("makes", MAKES_MAX) or []:
        found = _make(item, path, faults)
        if found is not None and found[0] in makes:
            faults.append(Fault(path, "is a make that the document has already"))
        elif found is not None:
            makes[found[0]] = found[1]
    return tuple(faults) if faults else makes


def _make(item: object, path: str, faults: list[Fault]) -> tuple[Make, Learnt] | None:
    fields = open_object(item, path, _MAKE, frozenset(), faults)
    if fields is None:
        return None
    vendor, model = fields.need("vendor", _words, ""), fields.need("model", _words, "")
    make = Make(vendor, model, fields.take("firmwareVersion", _words, ""))
    if fields.sound and not (vendor or model):
        fields.fault("vendor", "vendor and model are both empty")
    learnt = Learnt(default_form=_read_form(fields.child("default", _FORM)))
    running = fields.child("running", _FORM | {"purpose"})
    if running is not None:
        purpose = running.need("purpose", choice(_purposes), Purpose.TX)
        form = _read_form(running)
        fields.sound = fields.sound and running.sound
        learnt.manner = None if form is None else Manner(purpose, form)
    for name, habit in _HABITS.items():
        setattr(learnt, habit, fields.take(name, flag, default=False) if name in fields else None)
    measurands = fields.items("unsupportedMeasurands", _MEASURANDS_MAX) or []
    for at, measurand in measurands:
        if isinstance(refused := _words(measurand), Wrong):
            faults.append(Fault(at, refused.error))
    learnt.unsupported_measurands = tuple(str(measurand) for _, measurand in measurands)
    for name, found in _FOUND.items():
        setattr(learnt, found, fields.take(name, flag, default=False))
    return (make, learnt) if fields.sound else None


def _read_form(fields: Fields | None) -> LimitForm | None:
    if fields is None:
        return None
    unit = fields.need("unit", _unit, RateUnit.W)
    kind = fields.take("kind", _kind, ProfileKind.RELATIVE)
    level = fields.take("stackLevel", _level, 0)
    number_phases = fields.take("numberPhases", flag, default=True)
    return LimitForm(unit, _ANY_PHASES, _ANY_VOLTAGE_V, kind, level, number_phases)


def _words(value: object) -> str | Wrong:
    """Read what a charger says of itself: it may be empty, and odd."""
    if not isinstance(value, str) or len(value) > _MAX_CHARS:
        return Wrong(f"must be text of at most {_MAX_CHARS} characters")
    return value
