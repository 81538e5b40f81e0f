"""Files from web addresses that strangers name: only what is open to the whole world is reached.

A name is looked up once, every address that it has is checked, and the connection goes to one of them; so does
every redirect. Knows nothing of pictures.
"""

from __future__ import annotations

import errno
import http.client
import ipaddress
import socket
import ssl
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from http.client import HTTPResponse
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from model.errors import MediaError, Sentence

SECONDS = 60.0  # for everything, redirects included
ANSWER_S = 10.0  # until an answer begins; who says nothing keeps nobody waiting
CONNECT_S = 5.0  # for each address of a name
MOST_REDIRECTS = 5
CHUNK = 2**16
WEB = ("http", "https")
ANY_PORT = 9
FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolve = Callable[[str, int], list[str]]
NAT64 = ipaddress.IPv6Network("64:ff9b::/96")  # holds the IPv4 address that is meant
INTERNAL = tuple(
    map(
        ipaddress.ip_network,
        (
            "168.63.129.16/32",  # Azure's host, as its machines see it
            "192.88.99.0/24",  # relays of 6to4, given up
            "3fff::/20",  # for documentation
        ),
    )
)
ISATAP = (0x0000_5EFE, 0x0200_5EFE)  # before an IPv4 address in the lower half of an IPv6 one
# Ways into a network of which Python does not know that they are none for everybody: old and local spellings of
# IPv4 addresses, tunnels, and what was for a site once.
INWARD = tuple(
    map(ipaddress.IPv6Network, ("::/96", "64:ff9b:1::/48", "2001::/32", "2002::/16", "fec0::/10"))
)


def addresses(host: str, port: int) -> list[str]:
    """What the system's resolver knows of a name. Raises `OSError`."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(place[4][0]) for place in found]


def is_public(address: str) -> bool:
    """Whether everybody can reach it: not this machine, not its network, not a group of machines."""
    try:
        known: Address = ipaddress.ip_address(address.split("%")[0])
    except ValueError:
        return False
    if isinstance(known, ipaddress.IPv6Address):
        if any(known in network for network in INWARD) or (int(known) >> 32) % 2**32 in ISATAP:
            return False
        if known in NAT64:
            known = ipaddress.IPv4Address(int(known) & 0xFFFFFFFF)
        elif known.ipv4_mapped:
            known = known.ipv4_mapped
    if any(known in network for network in INTERNAL):
        return False
    ordinary = known.is_global and not known.is_multicast and not known.is_reserved
    return ordinary and not _is_own(known)


def _is_own(address: Address) -> bool:
    """Whether it is one of this machine's, which speaks to itself from the address that it speaks to."""
    family = socket.AF_INET6 if address.version == 6 else socket.AF_INET
    with suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as probe:
        probe.connect((str(address), ANY_PORT))  # sends nothing
        return bool(probe.getsockname()[0] == str(address))
    return False  # there is no way to it


class Downloads:
    """Fetches files, each of at most `most_bytes`.

    resolve, reachable: who looks names up, and where one may go; given by tests, which have only this machine.
    """

    def __init__(
        self,
        most_bytes: int,
        *,
        seconds: float = SECONDS,
        answer_s: float = ANSWER_S,
        resolve: Resolve = addresses,
        reachable: Callable[[str], bool] = is_public,
    ) -> None:
        self.most_bytes = most_bytes
        self.seconds = seconds
        self.answer_s = min(answer_s, seconds)
        self.resolve = resolve
        self.reachable = reachable

    def fetch(self, url: str, target: Path, take: Callable[[int], object] = lambda _: None) -> str:
        """Write what lies at `url` to `target`, a new file; gives its media type. Raises `MediaError`.

        take: hears of bytes before they are written, and may raise. Raises `OSError` if the disk is full.
        """
        try:
            with self._opened(url) as response:
                with target.open("xb") as file:
                    for chunk in self._chunks(response, url):
                        take(len(chunk))
                        file.write(chunk)
                return response.headers.get_content_type()
        except (OSError, ValueError, http.client.HTTPException) as error:
            if getattr(error, "errno", None) in FULL:
                raise
            # Only what a public server said: the rest would tell about the network in here.
            code = getattr(error, "code", None)
            raise MediaError(
                "{url} could not be fetched ({reason}); download it and attach the file.",
                url=url[:80],
                reason=f"HTTP {code}" if code else Sentence("no answer"),
            ) from error

    @contextmanager
    def _opened(self, url: str) -> Iterator[HTTPResponse]:
        """The answer to a request that is cut off when the time is up, whatever it is doing."""
        _check(url)
        line = _Line(self)
        try:
            with line.cut_after(self.answer_s):
                response = _opener(line).open(url)
            with response, line.cut_after(self.seconds - self.answer_s):
                yield response
        finally:
            line.hang_up()

    def _chunks(self, response: HTTPResponse, url: str) -> Iterator[bytes]:
        read = 0
        while chunk := response.read1(CHUNK):
            read += len(chunk)
            if read > self.most_bytes:
                raise MediaError(
                    "{url} is larger than {most} MB; attach a smaller file.",
                    url=url[:80],
                    most=self.most_bytes // 2**20,
                )
            yield chunk
        if response.length:
            raise ConnectionError("cut off")


class _Line:
    """The one connection that is open at a time, to an address that has been checked."""

    def __init__(self, downloads: Downloads) -> None:
        self._downloads = downloads
        self._until = 0.0
        self._open: socket.socket | None = None

    @contextmanager
    def cut_after(self, seconds: float) -> Iterator[None]:
        """Hang up if what is done meanwhile takes longer. Raises `TimeoutError`."""
        self._until = time.monotonic() + seconds
        alarm = threading.Timer(seconds, self.hang_up)
        alarm.daemon = True
        alarm.start()
        try:
            yield
        finally:
            alarm.cancel()
        if self.left <= 0:
            raise TimeoutError

    @property
    def left(self) -> float:
        return self._until - time.monotonic()

    def connect(self, host: str, port: int) -> socket.socket:
        """Raises `OSError`, too, if the name leads anywhere that is not for everybody."""
        found = self._downloads.resolve(host, port)
        if not all(map(self._downloads.reachable, found)):
            raise PermissionError("not a public address")
        for address in found:
            if self.left > 0:
                with suppress(OSError):
                    # A number, so nothing is looked up any more.
                    connected = socket.create_connection((address, port), min(self.left, CONNECT_S))
                    connected.settimeout(self._downloads.seconds)
                    return self.hold(connected)
        raise ConnectionError("no answer")

    def hold(self, connected: socket.socket) -> socket.socket:
        self._open = connected
        return connected

    def hang_up(self) -> None:
        """Whoever reads from it, in whatever thread, comes to its end."""
        if self._open:
            with suppress(OSError):
                self._open.shutdown(socket.SHUT_RDWR)


class _Http(http.client.HTTPConnection):
    def __init__(self, host: str, *, line: _Line, **known: Any) -> None:
        super().__init__(host, **known)
        self._line = line

    def connect(self) -> None:
        self.sock = self._line.connect(self.host, self.port)


class _Https(_Http):
    default_port = http.client.HTTPS_PORT

    def connect(self) -> None:
        super().connect()
        context = ssl.create_default_context()
        # The hand is shaken when the line is held, because that, too, can take for ever.
        secured = context.wrap_socket(
            self.sock, server_hostname=self.host, do_handshake_on_connect=False
        )
        self.sock = self._line.hold(secured)
        secured.do_handshake()


class _Handler(urllib.request.AbstractHTTPHandler):
    def __init__(self, line: _Line) -> None:
        super().__init__()
        self._line = line

    def http_open(self, request: urllib.request.Request) -> HTTPResponse:
        return self.do_open(partial(_Http, line=self._line), request)

    def https_open(self, request: urllib.request.Request) -> HTTPResponse:
        return self.do_open(partial(_Https, line=self._line), request)

    http_request = https_request = urllib.request.AbstractHTTPHandler.do_request_


class _Redirects(urllib.request.HTTPRedirectHandler):
    max_redirections = MOST_REDIRECTS

    def redirect_request(self, *known: Any) -> urllib.request.Request | None:
        _check(known[-1])
        return super().redirect_request(*known)


def _opener(line: _Line) -> urllib.request.OpenerDirector:
    """Without what urllib does by itself: proxies from the environment, and `file:`, `ftp:` and `data:`."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        _Handler(line),
        _Redirects(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
        urllib.request.UnknownHandler(),
    ):
        opener.add_handler(handler)
    opener.addheaders = [("User-Agent", "qwen-vl-chat")]
    return opener


def _check(url: str) -> None:
    """Raises `ValueError`."""
    parts = urlsplit(url)
    if parts.scheme not in WEB or not parts.hostname or "@" in parts.netloc:
        raise ValueError("neither http nor https, or with a log-in")
