from dataclasses import fields, replace
from typing import Any

import pytest

from csms.core.commands import LimitForm, ProfileKind, RateUnit
from csms.core.ladder import like

FORM = LimitForm(RateUnit.A, 3, 230)
OTHERWISE: dict[str, Any] = {
    "unit": RateUnit.W,
    "phases": 1,
    "voltage_v": 240,
    "kind": ProfileKind.ABSOLUTE,
    "stack_level": 1,
    "number_phases": False,
    "tenths": True,
}


@pytest.mark.parametrize("name", [field.name for field in fields(LimitForm)])
def test_forms_are_written_alike_when_they_differ_in_phases_voltage_or_tenths_alone(name: str) -> None:
    other = replace(FORM, **{name: OTHERWISE[name]})
    alike = name in {"phases", "voltage_v", "tenths"}
    assert like([FORM], other) == (FORM if alike else None)
