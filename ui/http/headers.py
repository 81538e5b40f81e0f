"""Around Gradio's own routes: what the browser may load, run and keep."""

from __future__ import annotations

import secrets
from collections.abc import Callable

from starlette.datastructures import MutableHeaders
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ui import gradio_compat
from ui.http.asker import BROWSER_COOKIE, asking, browser_of, path_of

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


def content_security_policy(nonce: str) -> str:
    """What a page may do whose scripts carry `nonce`.

    An answer may name a picture anywhere, and fetching it would carry words out of the conversation.
    """
    return "; ".join(
        (
            "default-src 'self'",
            # Gradio compiles the templates of `gr.HTML` and the scripts of its events from strings, see SECURITY.md.
            # Without the nonce no script in the page's HTML runs, nor an `onerror` nor a `javascript:`.
            f"script-src 'self' 'nonce-{nonce}' 'unsafe-eval'",
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


class PageHeaders:
    """ASGI middleware: adds the policy and what may be kept, and reports which browser asks for the page.

    head: HTML at the beginning of the page's head, before anything of Gradio's.
    """

    def __init__(self, app: ASGIApp, head: str, page_requested: Callable[[str], None]) -> None:
        self.app = app
        self.head = head
        self.page_requested = page_requested

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        asking.set(HTTPConnection(scope))
        nonce = secrets.token_urlsafe(16)
        headers = {**HEADERS, "Content-Security-Policy": content_security_policy(nonce)}
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
    if path.startswith((f"{gradio_compat.FRONT_END}/", "/js/")):
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
                signed = gradio_compat.signed_page(bytes(page), self.head, self.nonce)
                MutableHeaders(scope=started)["Content-Length"] = str(len(signed))
                await send(started)
                await send({"type": "http.response.body", "body": signed})

        await self.app(scope, receive, send_signed)
