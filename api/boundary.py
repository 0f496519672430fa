"""The HTTP boundary: who comes in, what every answer carries, and an end to whatever goes wrong inside a request.

An exception ends here, as a 500 without details and a line in the log.
"""

import structlog
from starlette.datastructures import MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.gate import Door, Gate
from api.problems import Kind, problem

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
"""What every answer carries, unless its route says something else of it: a browser takes it for nothing but what it is,
shows it in no frame, tells nobody of it and keeps no copy."""

_log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


class HttpBoundary:
    """ASGI middleware around all routes."""

    def __init__(self, app: ASGIApp, door: Door) -> None:
        self._app = app
        self._gate = Gate(door)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        has_begun = False

        async def watch(message: Message) -> None:
            nonlocal has_begun
            has_begun = True
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        try:
            caller = await self._gate.admit(scope)
            if isinstance(caller, Response):
                await caller(scope, receive, watch)
                return
            scope["state"] = {**scope.get("state", {}), "caller": caller}  # of this request alone
            await self._app(scope, receive, watch)
        except Exception:  # the one broad except of this edge: no traceback may reach a client
            route = scope.get("route")
            _log.exception("request.failed", method=scope["method"], path=getattr(route, "path", None))
            if has_begun:
                raise
            await problem(Kind.INTERNAL)(scope, receive, watch)
