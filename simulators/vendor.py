"""The one door to the `ocpp` package, which ships without types.

Everything it offers is `Any` to the type checker; the names re-exported here are the vocabulary that the simulators
speak (enums, payload classes), and `on` is the package's decorator with its signature kept.
"""

import logging
from collections.abc import Callable
from typing import Any, TypeVar, cast

from ocpp.exceptions import (  # type: ignore[import-untyped]
    OCPPError,
    PropertyConstraintViolationError,
    UnknownCallErrorCodeError,
    ValidationError,
)
from ocpp.routing import on as _untyped_on  # type: ignore[import-untyped]
from ocpp.v16 import ChargePoint, call, call_result, enums  # type: ignore[import-untyped]

__all__ = [
    "CALL_FAILURES",
    "ChargePoint",
    "OCPPError",
    "PropertyConstraintViolationError",
    "call",
    "call_result",
    "enums",
    "on",
    "quiet_logger",
]

CALL_FAILURES: tuple[type[Exception], ...] = (OCPPError, ValidationError, UnknownCallErrorCodeError)
"""What `ChargePoint.call` raises for a CALLERROR and for an answer that is not valid; TimeoutError comes on top."""

Handler = TypeVar("Handler", bound=Callable[..., Any])


def on(action: str) -> Callable[[Handler], Handler]:
    """Mark a method as the handler of an action."""
    return cast("Callable[[Handler], Handler]", _untyped_on(action))


def quiet_logger(*, frames: bool) -> logging.Logger:
    """Return the logger to give to a ChargePoint: every frame when `frames`, else nothing.

    The package logs a traceback for each refused CALL; a refusal is everyday life for a charger.
    """
    logger = logging.getLogger("simulators.frames" if frames else "simulators.quiet")
    logger.setLevel(logging.INFO if frames else logging.CRITICAL + 1)
    return logger
