"""The address at which the page listens, and the names under which it is asked for."""

from __future__ import annotations

import re
import socket
from collections.abc import Sequence
from urllib.parse import urlsplit

from model.errors import DemoError

_HOST = re.compile(r"[\w.:-]+", re.ASCII)


def url_host(address: str) -> str:
    """The host as URLs write it: an IPv6 address stands in brackets."""
    return f"[{address.strip('[]')}]" if ":" in address else address


def host_names(given: Sequence[str] | None) -> list[str]:
    """The values of --allow-host, names or web addresses, as browsers ask for them. Raises `DemoError`."""
    return [_host_name(text.strip()) for text in given or ()]


def _host_name(text: str) -> str:
    try:
        host = urlsplit(text if "://" in text else f"//{text}").hostname or ""
        name = host.encode("idna").decode()
    except ValueError:  # of it, UnicodeError: a part of the name is empty or too long
        name = ""
    if not _HOST.fullmatch(name):
        raise DemoError(
            "--allow-host cannot be '{name}'; give whole names, such as chat.example.org, or leave it out and start with "
            "--server-name 0.0.0.0 to answer to any name.",
            name=text,
        )
    return name


def require_port(address: str, port: int) -> None:
    """Raises `DemoError` if `port` is taken, with the number of a free one, or if `address` cannot be bound."""
    try:
        free = _bound(address, 0)
    except (OSError, UnicodeError) as error:  # UnicodeError: a host name that cannot exist
        raise DemoError(
            "Nothing can listen at {address}; use --server-name 127.0.0.1, or 0.0.0.0 to let other machines in.",
            address=address,
        ) from error
    try:
        _bound(address, port)
    except OSError as error:
        raise DemoError(
            "Port {port} is taken; start with --server-port {free}.", port=port, free=free
        ) from error


def _bound(address: str, port: int) -> int:
    """Bind a socket for a moment, and give its port number. Port 0 asks for any free one."""
    family, kind, protocol, _, place = socket.getaddrinfo(
        address.strip("[]"), port, type=socket.SOCK_STREAM
    )[0]
    with socket.socket(family, kind, protocol) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(place)
        return int(probe.getsockname()[1])
