"""Files from web addresses that strangers name: only what is open to the whole world is reached.

A name is looked up once, every address that it has is checked, and the connection goes to one of them; so does
every redirect. Knows nothing of pictures.
"""

from __future__ import annotations

import base64
import errno
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from email.message import Message
from pathlib import Path
from typing import Any

import httpx2

from model.errors import LocalizedText, MediaError

TIMEOUT_S = 60.0  # for everything, redirects included
ANSWER_TIMEOUT_S = 10.0  # until an answer begins; who says nothing keeps nobody waiting
CONNECT_TIMEOUT_S = 5.0  # for each address of a name
MAX_REDIRECTS = 5
FETCH_S = 30.0  # for `fetch`, which is for one image
MAX_FETCHED_BYTES = 32 * 2**20
HEADERS = {"User-Agent": "qwen-vl-chat"}
DEFAULT_PORTS = {"http": 80, "https": 443}
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


def fetch(url: str) -> str:
    """The content of an http(s) URL as a `data:` URL. Raises `MediaError`.

    Proxies of the environment are used, and private addresses are reached: only for URLs that the person who runs
    the program wrote down.
    """
    if not url.startswith(("http://", "https://")):
        raise MediaError("{url} is not an http or https address.", url=url[:80])
    until = time.monotonic() + FETCH_S
    content = bytearray()
    try:
        with httpx2.stream(
            "GET", url, follow_redirects=True, timeout=FETCH_S, headers=HEADERS
        ) as response:
            response.raise_for_status()
            for chunk in _limited(response, url, MAX_FETCHED_BYTES):
                content += chunk
                if time.monotonic() > until:
                    raise TimeoutError(f"not done after {FETCH_S:g} s")
    except (OSError, ValueError, httpx2.HTTPError, httpx2.InvalidURL) as error:
        raise MediaError(
            "{url} could not be fetched ({reason}); download it and attach the file.",
            url=url[:80],
            reason=_status(error) or str(error),
        ) from error
    return "data:;base64," + base64.b64encode(content).decode()


class Downloads:
    """Fetches files, each of at most `max_bytes`.

    resolve, reachable: who looks names up, and where one may go; given by tests, which have only this machine.
    """

    def __init__(
        self,
        max_bytes: int,
        *,
        seconds: float = TIMEOUT_S,
        answer_s: float = ANSWER_TIMEOUT_S,
        resolve: Resolve = addresses,
        reachable: Callable[[str], bool] = is_public,
    ) -> None:
        self.max_bytes = max_bytes
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
                    for chunk in _limited(response, url, self.max_bytes):
                        take(len(chunk))
                        file.write(chunk)
                return _media_type(response)
        except (OSError, ValueError, httpx2.HTTPError, httpx2.InvalidURL) as error:
            if getattr(error, "errno", None) in FULL:
                raise
            # Only what a public server said: the rest would tell about the network in here.
            raise MediaError(
                "{url} could not be fetched ({reason}); download it and attach the file.",
                url=url[:80],
                reason=_status(error) or LocalizedText("no answer"),
            ) from error

    @contextmanager
    def _opened(self, url: str) -> Iterator[httpx2.Response]:
        """The response, whose connection is cut when the time is up."""
        line = _Line()
        client = httpx2.Client(
            transport=_CheckedTransport(self, line),
            follow_redirects=True,
            max_redirects=MAX_REDIRECTS,
            headers=HEADERS,
        )
        try:
            with client:
                until = time.monotonic() + self.seconds
                with line.cut_after(self.answer_s):
                    response = client.send(client.build_request("GET", url), stream=True)
                with line.cut_after(until - time.monotonic()):
                    response.raise_for_status()
                    yield response
        finally:
            line.close()


class _CheckedTransport(httpx2.BaseTransport):
    """Connects to an address that was looked up once and checked; the request keeps the name."""

    def __init__(self, downloads: Downloads, line: _Line) -> None:
        self._downloads = downloads
        self._line = line
        # Proxies of the environment are not asked, certificates of the system are.
        self._inner = httpx2.HTTPTransport(verify=ssl.create_default_context(), trust_env=False)

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Raises `ValueError` for a URL that is not fetched, `OSError` for an address that is not public."""
        url = request.url
        if url.scheme not in DEFAULT_PORTS or not url.host or url.userinfo:
            raise ValueError("neither http nor https, or with a log-in")
        found = self._downloads.resolve(url.host, url.port or DEFAULT_PORTS[url.scheme])
        if not all(map(self._downloads.reachable, found)):
            raise PermissionError("not a public address")
        for address in found:
            if self._line.left > 0:
                with suppress(httpx2.ConnectError, httpx2.ConnectTimeout):
                    return self._inner.handle_request(self._to(request, address))
        raise ConnectionError("no answer")

    def _to(self, request: httpx2.Request, address: str) -> httpx2.Request:
        """The request to a numeric address. The certificate is checked against the name."""
        left = self._line.left
        return httpx2.Request(
            request.method,
            request.url.copy_with(host=address),
            headers=request.headers,
            extensions={
                "sni_hostname": request.url.host,
                "timeout": httpx2.Timeout(
                    self._downloads.seconds, connect=min(left, CONNECT_TIMEOUT_S)
                ).as_dict(),
                "trace": self._line.watch,
            },
        )

    def close(self) -> None:
        self._inner.close()


class _Line:
    """The connection that is open, which another thread can cut at any moment, also during a handshake."""

    def __init__(self) -> None:
        self._until = 0.0
        self._socket: socket.socket | None = None

    @property
    def left(self) -> float:
        """Seconds until the connection is cut."""
        return self._until - time.monotonic()

    @contextmanager
    def cut_after(self, seconds: float) -> Iterator[None]:
        """Raises `TimeoutError` if the block took longer."""
        self._until = time.monotonic() + seconds
        alarm = threading.Timer(seconds, self._cut)
        alarm.daemon = True
        alarm.start()
        try:
            yield
        finally:
            alarm.cancel()
        if self.left <= 0:
            raise TimeoutError

    def watch(self, event: str, info: Mapping[str, Any]) -> None:
        """The `trace` extension of httpx. A duplicate of the socket: TLS detaches the original."""
        if event == "connection.connect_tcp.complete":
            self.close()
            self._socket = info["return_value"].get_extra_info("socket").dup()

    def close(self) -> None:
        if self._socket:
            self._socket.close()

    def _cut(self) -> None:
        if self._socket:
            with suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)


def _limited(response: httpx2.Response, url: str, max_bytes: int) -> Iterator[bytes]:
    """The body in pieces. Raises `MediaError` once it is larger than `max_bytes`."""
    for chunk in response.iter_bytes():
        if response.num_bytes_downloaded > max_bytes:
            raise MediaError(
                "{url} is larger than {most} MB; attach a smaller file.",
                url=url[:80],
                most=max_bytes // 2**20,
            )
        yield chunk


def _status(error: Exception) -> str:
    return f"HTTP {error.response.status_code}" if isinstance(error, httpx2.HTTPStatusError) else ""


def _media_type(response: httpx2.Response) -> str:
    """The media type without its parameters; text/plain if the server gives none."""
    header = Message()
    header["Content-Type"] = response.headers.get("Content-Type", "")
    return header.get_content_type()
