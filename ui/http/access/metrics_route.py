"""Serves the metrics at `/metrics`, and decides who may read them.

With `--auth`, a log-in is needed (HTTP Basic). Without, the client must be on this machine or its private network, and
not behind a proxy: through a proxy or a share link every client has a near address.
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
import logging
import secrets
from collections.abc import Sequence

from prometheus_client.exposition import choose_encoder
from starlette.datastructures import Headers
from starlette.requests import HTTPConnection
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from ui.http.access.bucket import Bucket
from ui.http.access.origin import VIA
from ui.http.asker import address_of, path_of
from ui.http.metrics import Metrics

log = logging.getLogger(__name__)

PATH = "/metrics"
# Headers that proxies add.
FORWARDED = (VIA, "forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip", "x-client-ip", "true-client-ip", "cf-connecting-ip")  # fmt: skip
MAX_TRIES = 10  # wrong log-ins of one address per minute


class MetricsRoute:
    """ASGI middleware: answers `/metrics`; Gradio never sees the request."""

    def __init__(
        self, app: ASGIApp, metrics: Metrics, logins: Sequence[tuple[str, str]] | None = None
    ) -> None:
        self.app, self.metrics, self.logins = app, metrics, logins
        self._tries = Bucket(MAX_TRIES)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or path_of(scope) != PATH:
            await self.app(scope, receive, send)
            return
        answer = self._refusal(scope) or self._figures(scope)
        await answer(scope, receive, send)

    def _figures(self, scope: Scope) -> Response:
        encode, content_type = choose_encoder(Headers(scope=scope).get("accept", ""))
        headers = {"Content-Type": content_type, "Cache-Control": "no-store"}
        return Response(encode(self.metrics.registry), headers=headers)

    def _refusal(self, scope: Scope) -> Response | None:
        if scope["method"] not in ("GET", "HEAD"):
            return PlainTextResponse("Method Not Allowed", 405, {"Allow": "GET, HEAD"})
        headers, address = Headers(scope=scope), address_of(HTTPConnection(scope))
        if not self.logins:
            forwarded = any(name in headers for name in FORWARDED)
            near = _is_near(address) and not forwarded
            return None if near else PlainTextResponse("Not Found", 404)
        given = _login(headers.get("authorization", ""))
        if given and self._tries.taken(address):
            return PlainTextResponse("Too Many Requests", 429)
        if given and _known(given, self.logins):
            self._tries.give_back(address)
            return None
        if given:
            log.warning("Log-in for the figures from %s refused.", address)
        return PlainTextResponse("Unauthorized", 401, {"WWW-Authenticate": 'Basic realm="metrics"'})


def _login(header: str) -> tuple[str, str] | None:
    """The name and the password of HTTP Basic."""
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        name, colon, password = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return (name, password) if colon else None


def _known(given: tuple[str, str], logins: Sequence[tuple[str, str]]) -> bool:
    """Compared in constant time."""
    whole = ":".join(given).encode()
    return sum(secrets.compare_digest(whole, ":".join(login).encode()) for login in logins) > 0


def _is_near(address: str) -> bool:
    """Whether the address belongs to this machine or a private network."""
    try:
        known = ipaddress.ip_address(address)
    except ValueError:
        return False
    known = getattr(known, "ipv4_mapped", None) or known
    return known.is_loopback or known.is_private
