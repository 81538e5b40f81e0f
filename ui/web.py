"""Around Gradio's own routes: what the browser may load, and which browser has just asked for a page."""

from __future__ import annotations

import secrets
from collections.abc import Callable

from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

# An answer may name a picture anywhere, and fetching it would carry words out of the conversation.
CONTENT_SECURITY_POLICY = "img-src 'self' data: blob:; media-src 'self' data: blob:"
BROWSER_COOKIE = "qwen-vl-chat-browser"  # random; tells a reload from somebody else's visit


class PageHeaders:
    """ASGI middleware: adds the policy, and reports which browser asks for the page."""

    def __init__(self, app: ASGIApp, page_requested: Callable[[str], None]) -> None:
        self.app = app
        self.page_requested = page_requested

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = {"content-security-policy": CONTENT_SECURITY_POLICY}
        if scope["method"] == "GET" and scope["path"] == "/":
            connection = HTTPConnection(scope)
            self.page_requested(browser_of(connection))
            if BROWSER_COOKIE not in connection.cookies:
                headers["set-cookie"] = (
                    f"{BROWSER_COOKIE}={secrets.token_hex(16)}; Path=/; HttpOnly; SameSite=Lax"
                )

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                own = MutableHeaders(scope=message)
                for name, value in headers.items():
                    own.append(name, value)
            await send(message)

        await self.app(scope, receive, send_with_headers)


def address_of(connection: HTTPConnection | None) -> str:
    """Where somebody is; behind a proxy that uvicorn trusts (FORWARDED_ALLOW_IPS), what that says."""
    return connection.client.host if connection and connection.client else ""


def browser_of(connection: HTTPConnection) -> str:
    """Something that a page and its reload have in common: the cookie, or at least the address."""
    return connection.cookies.get(BROWSER_COOKIE, address_of(connection))
