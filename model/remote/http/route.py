"""The way to a server: past a proxy of the environment or through it, and nowhere that a server sends us on to."""

from __future__ import annotations

import ipaddress
import socket
import urllib.request
from urllib.parse import urlsplit

import httpx2
from openai import DefaultAsyncHttpxClient

from model.errors import DemoError
from model.remote.http.connection import Connection, host_of

NEAR = (".localhost", ".local", ".internal")  # names that only this network knows
PORTS = {"http": 80, "https": 443}


class RedirectedError(httpx2.RequestError):
    """A server's answer is that somebody else should be asked. The client wraps it as it does its own."""

    def __init__(self, host: str) -> None:
        super().__init__(f"a redirect to {host}")
        self.host = host


def client(connection: Connection) -> httpx2.AsyncClient:
    """The client for this server. Raises `DemoError` for a proxy that it cannot use.

    A proxy is taken from the environment, for servers elsewhere; nothing else is.
    """
    origin = _origin(httpx2.URL(connection.base_url))

    async def stay(response: httpx2.Response) -> None:
        if response.has_redirect_location:
            target = response.url.join(response.headers["location"])
            if _origin(target) not in (origin, _encrypted(origin)):
                raise RedirectedError(host_of(str(target)))

    try:
        made: httpx2.AsyncClient = DefaultAsyncHttpxClient(
            trust_env=not is_near(connection.base_url),
            verify=httpx2.create_ssl_context(),  # with the environment's certificates
            event_hooks={"response": [stay]},
        )
    except (ImportError, ValueError) as error:
        raise DemoError(
            "The proxy at {proxy} does not lead to the server at {host} ({reason}); "
            "correct HTTP_PROXY and its kind, or name the server in NO_PROXY.",
            proxy=proxy_of(connection.base_url),
            host=connection.host,
            reason=str(error),
        ) from error
    return made


def is_near(address: str) -> bool:
    """Whether a server is on this machine or in its own network, where no proxy leads."""
    host = (urlsplit(address).hostname or "").rstrip(".").lower()
    if "." not in host and ":" not in host:
        return True
    if host.endswith(NEAR):
        return True
    try:
        found = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        try:
            found = ipaddress.ip_address(socket.inet_aton(host))  # such as 127.1
        except OSError:
            return False
    mapped = getattr(found, "ipv4_mapped", None)
    found = mapped or found
    return found.is_loopback or found.is_private or found.is_link_local or found.is_unspecified


def proxy_of(address: str) -> str:
    """Host and port of the environment's proxy in front of a server; empty if there is none."""
    parts = urlsplit(address)
    proxies = urllib.request.getproxies()
    proxy = proxies.get(parts.scheme) or proxies.get("all") or ""
    if not proxy or is_near(address) or urllib.request.proxy_bypass(parts.netloc):
        return ""
    return host_of(proxy if "://" in proxy else f"http://{proxy}")


def _origin(url: httpx2.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port or PORTS.get(url.scheme)


def _encrypted(origin: tuple[str, str, int | None]) -> tuple[str, str, int | None]:
    """The same server as it is found at its encrypted door."""
    scheme, host, port = origin
    return ("https", host, 443) if (scheme, port) == ("http", 80) else origin
