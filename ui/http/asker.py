"""Who asks, as far as a request tells: an address, a browser by its cookie, and the path that is asked for."""

from __future__ import annotations

import ipaddress
from contextvars import ContextVar
from dataclasses import dataclass
from functools import lru_cache

from starlette.requests import HTTPConnection
from starlette.types import Scope

BROWSER_COOKIE = "qwen-vl-chat-browser"  # random; tells a reload from somebody else's visit
# Addresses whose network is remembered.
MAX_REMEMBERED = 10_000
# What one household is given of IPv6, with as many addresses as it likes.
IPV6_NETWORK_BITS = 56
# Who asks, while a request is handled outside Gradio's queue: handlers are told the session alone.
asking: ContextVar[HTTPConnection | None] = ContextVar("asking", default=None)


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


@lru_cache(maxsize=MAX_REMEMBERED)
def person_of(address: str) -> str:
    """An address, or the network that an IPv6 customer has."""
    try:
        known = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(known, ipaddress.IPv6Address) and known.ipv4_mapped is None:
        return str(ipaddress.ip_network((known, IPV6_NETWORK_BITS), strict=False))
    return str(known)
