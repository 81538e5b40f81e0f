"""The HTTP client for a server: which proxy it uses, and which redirects it follows."""

from __future__ import annotations

import ipaddress
import socket
import urllib.request
from urllib.parse import urlsplit

import httpx2
from openai import DefaultAsyncHttpxClient

from model.errors import DemoError
from model.remote.http.connection import Connection, host_of

# Names that are resolved in the local network only.
NEAR = (".localhost", ".local", ".internal")
PORTS = {"http": 80, "https": 443}


class RedirectedError(httpx2.RequestError):
    """A redirect to another host, which is not followed. The openai client wraps it like httpx's own errors."""

    def __init__(self, host: str) -> None:
        super().__init__(f"a redirect to {host}")
        self.host = host


def client(connection: Connection) -> httpx2.AsyncClient:
    """Return the client for this server. Raises `DemoError` for a proxy that it cannot use.

    For a server outside of the local network it uses the environment's proxy, and nothing else of the environment.
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
    """Whether a server is on this machine or in its local network, which a proxy does not reach."""
    host = (urlsplit(address).hostname or "").rstrip(".").lower()
    if ("." not in host and ":" not in host) or host.endswith(NEAR):
        return True
    try:
        found = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        try:
            found = ipaddress.ip_address(socket.inet_aton(host))  # such as 127.1
        except OSError:
            return False
    found = getattr(found, "ipv4_mapped", None) or found
    return found.is_loopback or found.is_private or found.is_link_local or found.is_unspecified


def proxy_of(address: str) -> str:
    """The host and port of the environment's proxy for this address; empty if it has none."""
    parts = urlsplit(address)
    proxies = urllib.request.getproxies()
    proxy = proxies.get(parts.scheme) or proxies.get("all") or ""
    if not proxy or is_near(address) or urllib.request.proxy_bypass(parts.netloc):
        return ""
    return host_of(proxy if "://" in proxy else f"http://{proxy}")


def _origin(url: httpx2.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port or PORTS.get(url.scheme)


def _encrypted(origin: tuple[str, str, int | None]) -> tuple[str, str, int | None]:
    """The origin of the same server over https."""
    scheme, host, port = origin
    return ("https", host, 443) if (scheme, port) == ("http", 80) else origin
