"""Downloads files from URLs that strangers name, from public addresses only.

Each host name is resolved once, all its addresses are checked, and the connection goes to one of the checked addresses.
Redirects are checked the same way. Knows nothing of images.
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
from dataclasses import dataclass
from email.message import Message
from pathlib import Path
from typing import Any

import httpx2

from model.errors import LocalizedText, MediaError

# Seconds for a whole download, with its redirects.
TIMEOUT_S = 60.0
# Seconds until the response begins.
ANSWER_TIMEOUT_S = 10.0
# Seconds to connect to one address of a host.
CONNECT_TIMEOUT_S = 5.0
MAX_REDIRECTS = 5
# Seconds and bytes for `fetch`.
FETCH_S = 30.0
MAX_FETCHED_BYTES = 32 * 2**20
HEADERS = {"User-Agent": "qwen-vl-chat"}
DEFAULT_PORTS = {"http": 80, "https": 443}
# The port does not matter, because nothing is sent to it.
ANY_PORT = 9
# Errors of a full disk.
FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolve = Callable[[str, int], list[str]]
# The last 32 bits are the IPv4 address that is reached (RFC 6052).
NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
# Networks that `ipaddress` takes for global ones.
INTERNAL = (
    ipaddress.ip_network("168.63.129.16/32"),  # the host of Azure's virtual machines
    ipaddress.ip_network("192.88.99.0/24"),  # 6to4 relays, deprecated by RFC 7526
    ipaddress.ip_network("3fff::/20"),  # documentation, RFC 9637
)
# ISATAP addresses (RFC 5214) contain one of these before an IPv4 address, in the lower half.
ISATAP = (0x0000_5EFE, 0x0200_5EFE)
# Networks that `ipaddress` takes for global ones and that can lead into a private network: IPv4-compatible addresses,
# local NAT64 (RFC 8215), Teredo, 6to4, and site-local addresses.
INWARD = tuple(
    map(ipaddress.IPv6Network, ("::/96", "64:ff9b:1::/48", "2001::/32", "2002::/16", "fec0::/10"))
)


def addresses(host: str, port: int) -> list[str]:
    """Return the addresses of a host by the system's resolver. Raises `OSError`."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(place[4][0]) for place in found]


def is_public(address: str) -> bool:
    """Whether an address is reachable from the whole internet: not this machine, a private network or a multicast group."""
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
    """Whether an address is this machine's own. A connection to oneself has the same address at both ends."""
    family = socket.AF_INET6 if address.version == 6 else socket.AF_INET
    with suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as probe:
        probe.connect((str(address), ANY_PORT))  # sends nothing
        return bool(probe.getsockname()[0] == str(address))
    return False  # unreachable


def fetch(url: str) -> str:
    """Return the content of an http(s) URL as a `data:` URL. Raises `MediaError`.

    Only for URLs of the person who runs the program: it reaches private addresses and uses the environment's proxies.
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
        raise _unfetched(url, _status(error) or str(error)) from error
    return "data:;base64," + base64.b64encode(content).decode()


@dataclass(frozen=True)
class Downloads:
    """Downloads files of at most `max_bytes` each, in `seconds`, of which `answer_s` until the response begins.

    resolve: returns the addresses of a host; reachable: whether an address is allowed. Tests replace these two.
    """

    max_bytes: int
    seconds: float = TIMEOUT_S
    answer_s: float = ANSWER_TIMEOUT_S
    resolve: Resolve = addresses
    reachable: Callable[[str], bool] = is_public

    def fetch(self, url: str, target: Path, take: Callable[[int], object] = lambda _: None) -> str:
        """Download `url` to `target`, a new file, and return its media type.

        take: called with a number of bytes before they are written; may raise. Raises `MediaError`, and `OSError` if the
        disk is full.
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
            # Any reason but a public server's status would reveal facts about the local network.
            raise _unfetched(url, _status(error) or LocalizedText("no answer")) from error

    @contextmanager
    def _opened(self, url: str) -> Iterator[httpx2.Response]:
        """Open `url`. The connection is cut when the time is up."""
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
                with line.cut_after(min(self.answer_s, self.seconds)):
                    response = client.send(client.build_request("GET", url), stream=True)
                with line.cut_after(until - time.monotonic()):
                    response.raise_for_status()
                    yield response
        finally:
            line.close()


class _CheckedTransport(httpx2.BaseTransport):
    """Resolves the host once, checks its addresses, and connects to one of them. The request keeps the host name."""

    def __init__(self, downloads: Downloads, line: _Line) -> None:
        self._downloads = downloads
        self._line = line
        # No proxies of the environment, but the system's certificates.
        self._inner = httpx2.HTTPTransport(verify=ssl.create_default_context(), trust_env=False)

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Raises `ValueError` for a URL that is not allowed, and `OSError` for an address that is not."""
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
        """The request to a numeric address. The certificate is still checked against the host name."""
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
    """The open connection. A timer can cut it at any moment, also during a TLS handshake."""

    def __init__(self) -> None:
        self._until = 0.0
        self._socket: socket.socket | None = None

    @property
    def left(self) -> float:
        """Seconds until the connection is cut."""
        return self._until - time.monotonic()

    @contextmanager
    def cut_after(self, seconds: float) -> Iterator[None]:
        """Cut the connection if the block takes longer. Raises `TimeoutError` then."""
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
        """Remember the socket; a `trace` extension of httpx. It is duplicated, because TLS detaches the original."""
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
    """Yield the body in pieces. Raises `MediaError` once it is larger than `max_bytes`."""
    for chunk in response.iter_bytes():
        if response.num_bytes_downloaded > max_bytes:
            raise MediaError(
                "{url} is larger than {most} MB; attach a smaller file.",
                url=url[:80],
                most=max_bytes // 2**20,
            )
        yield chunk


def _unfetched(url: str, reason: str) -> MediaError:
    return MediaError(
        "{url} could not be fetched ({reason}); download it and attach the file.",
        url=url[:80],
        reason=reason,
    )


def _status(error: Exception) -> str:
    return f"HTTP {error.response.status_code}" if isinstance(error, httpx2.HTTPStatusError) else ""


def _media_type(response: httpx2.Response) -> str:
    """The media type without parameters; text/plain if the server names none."""
    header = Message()
    header["Content-Type"] = response.headers.get("Content-Type", "")
    return header.get_content_type()
