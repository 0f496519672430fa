"""The HTTP boundary: whatever goes wrong inside a request ends here, as a 500 without details and a line in the log."""

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.problems import Kind, problem

_log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


class HttpBoundary:
    """ASGI middleware that turns an exception into a problem, unless the answer has already begun."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        has_begun = False

        async def watch(message: Message) -> None:
            nonlocal has_begun
            has_begun = True
            await send(message)

        try:
            await self._app(scope, receive, watch)
        except Exception:  # the one broad except of this edge: no traceback may reach a client
            route = scope.get("route")
            _log.exception("request.failed", method=scope["method"], path=getattr(route, "path", None))
            if has_begun:
                raise
            await problem(Kind.INTERNAL)(scope, receive, send)
