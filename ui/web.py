"""Around Gradio's own routes: what the browser may load and run, and which browser has just asked for a page."""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache

from starlette.datastructures import MutableHeaders
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

BROWSER_COOKIE = "qwen-vl-chat-browser"  # random; tells a reload from somebody else's visit
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    # The page takes pictures with the camera and of the screen, and nothing else.
    "Permissions-Policy": "camera=(self), display-capture=(self), microphone=(), geolocation=(), "
    "payment=(), usb=(), serial=(), hid=(), midi=()",
}
# A proxy that everybody uses must not hand on what it has been told of one person's address, and of a log-in.
PRIVATE = "private, no-cache"
FOREVER = "public, max-age=31536000, immutable"
# Everything is asked for relative to the page. Below a path, a proxy may hand on `/chat` as it does `/chat/`.
WITH_A_SLASH = (
    "<script>if (!location.pathname.endsWith('/')) "
    "location.replace(`${location.pathname}/${location.search}${location.hash}`);</script>"
)
# Who asks, while a request is handled outside Gradio's queue: handlers are told the session alone.
asking: ContextVar[HTTPConnection | None] = ContextVar("asking", default=None)
_SCRIPT = re.compile(rb"<script(?=[\s>])")


def content_security_policy(nonce: str, script: str) -> str:
    """What a page may do whose scripts carry `nonce`, but for `script`, which Gradio puts in later.

    An answer may name a picture anywhere, and fetching it would carry words out of the conversation.
    """
    return "; ".join(
        (
            "default-src 'self'",
            # Gradio compiles the scripts of `gr.HTML` and of its events in the browser; without the nonce
            # nothing that stands in the page runs, neither a script nor an `onerror` nor a `javascript:`.
            f"script-src 'self' 'nonce-{nonce}' {_hash_of(script)} 'unsafe-eval'",
            "style-src 'self' 'unsafe-inline'",  # Svelte and KaTeX write styles into elements
            "font-src 'self' data:",
            "img-src 'self' data: blob:",
            "media-src 'self' data: blob:",
            "connect-src 'self'",
            "worker-src 'none'",
            "object-src 'none'",
            "frame-src 'none'",
            "base-uri 'self'",  # Gradio's page has one
            "form-action 'self'",
            # Hugging Face shows a Space in a frame.
            "frame-ancestors 'self' https://huggingface.co https://*.huggingface.co",
        )
    )


@cache  # a page asks for a hundred files
def _hash_of(script: str) -> str:
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return f"'sha256-{digest}'"


class PageHeaders:
    """ASGI middleware: adds the policy and what may be kept, and reports which browser asks for the page.

    head: HTML at the beginning of the page's head, before anything of Gradio's; script: what runs afterwards.
    """

    def __init__(
        self, app: ASGIApp, head: str, script: str, page_requested: Callable[[str], None]
    ) -> None:
        self.app = app
        self.head = head
        self.script = script
        self.page_requested = page_requested

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        asking.set(HTTPConnection(scope))
        nonce = secrets.token_urlsafe(16)
        policy = content_security_policy(nonce, self.script)
        headers = {**HEADERS, "Content-Security-Policy": policy}
        if scope["method"] == "GET" and path_of(scope) == "/":
            connection = HTTPConnection(scope)
            self.page_requested(browser_of(connection))
            if BROWSER_COOKIE not in connection.cookies:
                headers["Set-Cookie"] = (
                    f"{BROWSER_COOKIE}={secrets.token_hex(16)}; Path=/; HttpOnly; SameSite=Lax"
                )
            # Gradio compresses its files, but not the page: a quarter of a megabyte, at every visit.
            page = GZipMiddleware(_Signed(self.app, nonce, self.head), compresslevel=6)
            await page(scope, receive, _adding(send, headers, PRIVATE))
            return
        await self.app(scope, receive, _adding(send, headers, _kept(path_of(scope))))


def _kept(path: str) -> str:
    """How long what lies there may be kept, and by whom; empty where Gradio says it."""
    if path.startswith(("/assets/", "/js/")):
        return FOREVER  # named after their content, and browsers would ask again for all ninety
    return PRIVATE if path.startswith("/config") else ""


def _adding(send: Send, headers: dict[str, str], kept: str) -> Send:
    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            own = MutableHeaders(scope=message)
            for name, value in headers.items():
                own.append(name, value)
            if kept and message["status"] == 200:
                own["Cache-Control"] = kept
        await send(message)

    return send_with_headers


class _Signed:
    """ASGI middleware: puts `head` into the page and the nonce on its scripts.

    Safe, because the page holds nothing yet that a visitor wrote.
    """

    def __init__(self, app: ASGIApp, nonce: str, head: str) -> None:
        self.app, self.nonce, self.head = app, nonce, head

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started: Message = {}
        page = bytearray()

        async def send_signed(message: Message) -> None:
            if message["type"] == "http.response.start":
                started.update(message)
                return
            page.extend(message.get("body", b""))
            if not message.get("more_body"):
                signed = self._sign(bytes(page))
                MutableHeaders(scope=started)["Content-Length"] = str(len(signed))
                await send(started)
                await send({"type": "http.response.body", "body": signed})

        await self.app(scope, receive, send_signed)

    def _sign(self, page: bytes) -> bytes:
        whole = page.replace(b"<head>", f"<head>{self.head}".encode(), 1)
        return _SCRIPT.sub(f'<script nonce="{self.nonce}"'.encode(), whole)


def path_of(scope: Scope) -> str:
    """What is asked for, wherever a proxy has put the page."""
    path: str = scope["path"].removeprefix(scope.get("root_path", "").rstrip("/"))
    return path or "/"


def address_of(connection: HTTPConnection | None) -> str:
    """Where somebody is; behind a proxy that uvicorn trusts (FORWARDED_ALLOW_IPS), what that says."""
    return connection.client.host if connection and connection.client else ""


@dataclass(frozen=True)
class Asker:
    """Who asks, as far as a request tells: a browser by its cookie, a program by its address only."""

    address: str = ""
    cookie: str = ""

    def may_be(self, other: Asker) -> bool:
        if self.cookie and other.cookie:
            return self.cookie == other.cookie
        return self.address == other.address


ANYBODY = Asker()


def asker_of(connection: HTTPConnection | None) -> Asker:
    cookie = connection.cookies.get(BROWSER_COOKIE, "") if connection else ""
    return Asker(address_of(connection), cookie)


def browser_of(connection: HTTPConnection | None) -> str:
    """Something that a page and its reload have in common: the cookie, or at least the address."""
    if connection is None:
        return ""
    return connection.cookies.get(BROWSER_COOKIE, address_of(connection))
