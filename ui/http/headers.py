"""Response headers: what the browser may load, run and cache."""

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
    # The page uses the camera and screenshots, and nothing else.
    "Permissions-Policy": "camera=(self), display-capture=(self), microphone=(), geolocation=(), "
    "payment=(), usb=(), serial=(), hid=(), midi=()",
}
# A shared proxy must not serve one person's address and log-in to another.
PRIVATE = "private, no-cache"
FOREVER = "public, max-age=31536000, immutable"
# The page's links are relative. Below a path, a proxy may pass `/chat` on like `/chat/`.
WITH_A_SLASH = (
    "<script>if (!location.pathname.endsWith('/')) "
    "location.replace(`${location.pathname}/${location.search}${location.hash}`);</script>"
)


def content_security_policy(nonce: str) -> str:
    """Return the policy of a page whose scripts carry `nonce`.

    Only this server may be asked for pictures: an answer can name any address, and a request to it could carry words
    of the conversation.
    """
    return "; ".join(
        (
            "default-src 'self'",
            # Gradio compiles the templates of `gr.HTML` and the scripts of its events from strings (SECURITY.md).
            # Scripts in the page's HTML run with the nonce only; `onerror` and `javascript:` never run.
            f"script-src 'self' 'nonce-{nonce}' 'unsafe-eval'",
            "style-src 'self' 'unsafe-inline'",  # Svelte and KaTeX write styles into elements
            "font-src 'self' data:",
            "img-src 'self' data: blob:",
            "media-src 'self' data: blob:",
            "connect-src 'self'",
            "worker-src 'none'",
            "object-src 'none'",
            "frame-src 'none'",
            "base-uri 'self'",  # Gradio's page has a <base>
            "form-action 'self'",
            # Hugging Face shows a Space in a frame.
            "frame-ancestors 'self' https://huggingface.co https://*.huggingface.co",
        )
    )


class PageHeaders:
    """ASGI middleware: adds the headers, and reports which browser requests the page.

    head: HTML at the beginning of the page's head, before Gradio's own.
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
            # Gradio compresses its files, but not the page, which has a quarter of a megabyte.
            page = GZipMiddleware(_Signed(self.app, nonce, self.head), compresslevel=6)
            await page(scope, receive, _adding(send, headers, PRIVATE))
            return
        await self.app(scope, receive, _adding(send, headers, _kept(path_of(scope))))


def _kept(path: str) -> str:
    """The Cache-Control of a path; empty where Gradio sets it."""
    if path.startswith((f"{gradio_compat.FRONT_END}/", "/js/")):
        return FOREVER  # the address changes with the content
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
    """ASGI middleware: inserts `head` into the page, and the nonce into its scripts.

    This is safe because the page holds no words of a visitor yet.
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
