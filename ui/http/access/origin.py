"""Refuses requests that another site's page makes, and host names that do not belong to this page.

A page of another site can make a visitor's browser post to this server. With DNS rebinding, another site's name resolves
to this server, and the browser then treats both as one site. Programs send no Origin header and are let in.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable
from urllib.parse import urlsplit

import httpx
from starlette.datastructures import Headers
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from model.errors import LocalizedText
from ui.http.asker import path_of
from ui.text.languages import texts_accepted

# Suffixes that nobody can register, so DNS rebinding cannot use them.
NEAR = (".localhost", ".local", ".internal", ".home.arpa", ".lan")
# With these hosts, Gradio refuses the preflight request that a script of another site needs to add headers.
UNFORGEABLE = ("localhost", "127.0.0.1")
VIA = "via"  # added by proxies; scripts cannot add it (a forbidden request-header of the Fetch standard)
OWN = ("same-origin", "none")  # Sec-Fetch-Site of requests by this page, or by the person
MAX_NAME = 253  # characters of a name that a refusal repeats


class Names:
    """The page's public names. Addresses and names of the local network are always accepted."""

    def __init__(
        self, told: Iterable[str] = (), shared: Callable[[], str | None] = lambda: None
    ) -> None:
        """told: names or web addresses. shared: returns the address of the share link, if there is one."""
        self._told = {host_of(name if "://" in name else f"//{name}") for name in told} - {""}
        self._shared = shared

    def own(self, name: str) -> bool:
        return name in self._told or (bool(name) and name == host_of(self._shared() or ""))


class OwnSite:
    """ASGI middleware: refuses requests by other sites, and foreign host names.

    strict: refuse unknown host names on every interface. Otherwise they are refused on the loopback interface only.
    """

    def __init__(self, app: ASGIApp, names: Names, strict: bool = False) -> None:
        self.app, self.names, self.strict = app, names, strict

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer = self._refusal(scope) if scope["type"] == "http" else None
        await (answer or self.app)(scope, receive, send)

    def _refusal(self, scope: Scope) -> Response | None:
        headers = Headers(scope=scope)
        if not self._named(scope, headers):
            return refusal(
                headers,
                LocalizedText(
                    "This page does not go by the name {name}; open it by its address, or start it with --allow-host {name}: "
                    "behind a proxy, programs and plain HTTP need that.",
                    name=host_of(f"//{headers.get('host', '')}"),
                ),
            )
        if self._foreign(scope, headers):
            name = host_of(headers.get("origin", "")) or "?"
            return refusal(
                headers,
                LocalizedText(
                    "Another site ({name}) asks here; open this page itself, or start it with --allow-host {name}.",
                    name=name,
                ),
            )
        return None if _well_formed(headers) else PlainTextResponse("Bad Request", 400)

    def _named(self, scope: Scope, headers: Headers) -> bool:
        """Whether the request's host name can only belong to this page."""
        name = host_of(f"//{headers.get('host', '')}")
        if _is_near(name) or self.names.own(name):
            return True
        if self.strict:
            return False
        if not _is_loopback((scope.get("server") or [""])[0]):
            return True  # on other interfaces, people may use any name of this machine
        # A proxy on this machine may use any name, and so may DNS rebinding. A rebound name has no certificate, so
        # its page is not encrypted, and browsers send no Sec-Fetch-Site from such a page. X-Forwarded-For and the
        # like prove nothing, because a script can add them.
        origin = headers.get("origin")
        encrypted = "sec-fetch-site" in headers or (origin or "").startswith("https://")
        return encrypted or (origin is None and VIA in headers)

    def _foreign(self, scope: Scope, headers: Headers) -> bool:
        """Whether another site makes the request, except for navigation to this page."""
        origin, said = headers.get("origin"), headers.get("sec-fetch-site")
        reads = scope["method"] in ("GET", "HEAD")
        # Without an Origin header, scripts cannot read the response. With one, Gradio allows them to.
        if reads and origin is None and not path_of(scope).startswith("/gradio_api/"):
            return False
        if reads and headers.get("sec-fetch-mode") == "navigate":
            return False
        if said in OWN or (said is None and origin is None):
            return False
        return origin is None or not self._own_origin(origin, headers, said)

    def _own_origin(self, origin: str, headers: Headers, said: str | None) -> bool:
        if self.names.own(host_of(origin)):
            return True
        if said is not None:
            return False
        host = headers.get("host", "")
        hosts = [host]
        if host_of(f"//{host}") in UNFORGEABLE:
            hosts.append(headers.get("x-forwarded-host", ""))
        return any(_same(origin, host.split(",")[0].strip()) for host in hosts)


def refusal(headers: Headers, sentence: LocalizedText, status: int = 403) -> Response:
    """The response: text for a person, JSON for a program."""
    if "text/html" in headers.get("accept", ""):
        return PlainTextResponse(
            texts_accepted(headers.get("accept-language", "")).said(sentence), status
        )
    return JSONResponse({"error": str(sentence), "detail": str(sentence)}, status)


def host_of(address: str) -> str:
    """The normalized host name of a web address; empty if there is none."""
    try:
        name = urlsplit(address).hostname or ""
    except ValueError:
        return ""
    return name.rstrip(".").lower()[:MAX_NAME]


def _well_formed(headers: Headers) -> bool:
    """Whether the host headers are valid. Gradio builds the page's address from them and fails on others."""
    try:
        for name in ("host", "x-forwarded-host"):
            for host in headers.get(name, "").split(","):
                httpx.URL(f"http://{host.strip()}")
    except httpx.InvalidURL:
        return False
    return True


def _same(origin: str, host: str) -> bool:
    """Whether a page's origin is this host. A host without a port matches every port, because proxies remove it."""
    try:
        page, asked = urlsplit(origin), urlsplit(f"//{host}")
        port = page.port or {"http": 80, "https": 443}.get(page.scheme)
        return (
            bool(page.hostname) and page.hostname == asked.hostname and asked.port in (None, port)
        )
    except ValueError:
        return False


def _is_near(name: str) -> bool:
    """Whether the name is an address, or a name of the local network."""
    return "." not in name or name.endswith(NEAR) or _is_address(name)


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _is_loopback(address: object) -> bool:
    try:
        known = ipaddress.ip_address(str(address))
    except ValueError:
        return False
    mapped = getattr(known, "ipv4_mapped", None)
    return (mapped or known).is_loopback
