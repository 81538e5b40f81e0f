"""The client of a request: its address, its browser by a cookie, and the path that it asks for."""

from __future__ import annotations

import ipaddress
from contextvars import ContextVar
from dataclasses import dataclass
from functools import lru_cache

from starlette.requests import HTTPConnection
from starlette.types import Scope

BROWSER_COOKIE = "qwen-vl-chat-browser"  # random; tells a reload from another visitor
MAX_REMEMBERED = 10_000  # addresses whose network is cached
# Providers give a household a network of this size, with any number of addresses in it.
IPV6_NETWORK_BITS = 56
# The request that is being handled outside Gradio's queue. Gradio passes handlers the session only.
asking: ContextVar[HTTPConnection | None] = ContextVar("asking", default=None)


def path_of(scope: Scope) -> str:
    """The path of a request without the root path, which a proxy may add."""
    path: str = scope["path"].removeprefix(scope.get("root_path", "").rstrip("/"))
    return path or "/"


def address_of(connection: HTTPConnection | None) -> str:
    """The client's address. Behind a proxy that uvicorn trusts (FORWARDED_ALLOW_IPS), the address that it forwards."""
    return connection.client.host if connection and connection.client else ""


@dataclass(frozen=True)
class Asker:
    """A client: a browser is known by its cookie, a program by its address only."""

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
    """What a page and its reload have in common: the cookie, or the address if there is none."""
    if connection is None:
        return ""
    return connection.cookies.get(BROWSER_COOKIE, address_of(connection))


@lru_cache(maxsize=MAX_REMEMBERED)
def person_of(address: str) -> str:
    """The address, or the household's network for IPv6."""
    try:
        known = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(known, ipaddress.IPv6Address) and known.ipv4_mapped is None:
        return str(ipaddress.ip_network((known, IPV6_NETWORK_BITS), strict=False))
    return str(known)
