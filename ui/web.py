"""Around Gradio's own routes: what the browser may load, and who has just asked for a page."""

from __future__ import annotations

from collections.abc import Callable

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

# An answer may name a picture anywhere, and fetching it would carry words out of the conversation.
CONTENT_SECURITY_POLICY = "img-src 'self' data: blob:; media-src 'self' data: blob:"


class PageHeaders:
    """ASGI middleware: adds the policy, and reports the address of whoever asks for the page."""

    def __init__(self, app: ASGIApp, page_requested: Callable[[str], None]) -> None:
        self.app = app
        self.page_requested = page_requested

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        if scope["method"] == "GET" and scope["path"] == "/":
            self.page_requested((scope.get("client") or ("",))[0])

        async def send_with_policy(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)["content-security-policy"] = CONTENT_SECURITY_POLICY
            await send(message)

        await self.app(scope, receive, send_with_policy)
