"""The health check: whether the server runs and whether it can answer.

It needs no thread, lock or log-in, so a busy server passes it.
"""

from __future__ import annotations

from collections.abc import Callable

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from model.backend import Status
from ui.http.asker import path_of

PATH = "/health"
UNHEALTHY = 503  # the model could not be loaded; only a restart helps
NO_STORE = {"Cache-Control": "no-store"}


class Health:
    """ASGI middleware: answers `/health` with `{"status": "ready"}`, `loading` or `failed`."""

    def __init__(self, app: ASGIApp, status: Callable[[], Status]) -> None:
        self.app, self.status = app, status

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        asked = scope["type"] == "http" and path_of(scope) == PATH
        if not asked or scope["method"] not in ("GET", "HEAD"):
            await self.app(scope, receive, send)
            return
        state = self.status().state
        code = UNHEALTHY if state == "failed" else 200
        await JSONResponse({"status": state}, code, NO_STORE)(scope, receive, send)
