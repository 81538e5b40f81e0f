"""The beacon of a page that is closed or reloaded. Its connections alone do not tell that from a network failure."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from ui.http.asker import path_of

PATH = "/leave"  # assets/js/opening/opening.js
MAX_BYTES = 256  # of the body: the tab's key and Gradio's session hash of the page


class Leaving:
    """ASGI middleware: receives the beacon. left: called with the tab's key and the page."""

    def __init__(self, app: ASGIApp, left: Callable[[str, str], None]) -> None:
        self.app, self.left = app, left

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "POST" or path_of(scope) != PATH:
            await self.app(scope, receive, send)
            return
        said = bytearray()
        with suppress(ClientDisconnect):
            async for chunk in Request(scope, receive).stream():
                said += chunk[: MAX_BYTES - len(said)]
        with suppress(ValueError):
            match json.loads(said):
                case {"key": str(key), "page": str(page)}:
                    self.left(key, page)
        await Response(status_code=204)(scope, receive, send)
