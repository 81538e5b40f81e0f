"""What strangers name is fetched from public addresses only, whatever the name, the redirects and the server do."""

from __future__ import annotations

import errno
import ipaddress
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NoReturn

import pytest

from model.errors import MediaError
from model.media import download
from model.media.download import MAX_REDIRECTS, Downloads, addresses, is_public

PUBLIC = "127.0.0.1"  # plays the whole world


class Site(BaseHTTPRequestHandler):
    """Answers in every way that a server can."""

    asked: list[str]
    over = threading.Event()

    def do_GET(self) -> None:
        self.asked.append(self.path)
        name, _, rest = self.path[1:].partition("?")
        answer = getattr(self, f"_{name}", None)
        if answer is None:
            self.send_error(404)
            return
        with suppress(OSError):  # the other side has hung up
            answer(rest)

    def _picture(self, _: str) -> None:
        self._start({"Content-Type": "image/png", "Content-Length": "4"})
        self.wfile.write(b"\x89PNG")

    def _to(self, target: str) -> None:
        self._start({"Location": target}, 302)

    def _around(self, left: str) -> None:
        self._start({"Location": f"/around?{int(left) - 1}" if int(left) else "/picture"}, 302)

    def _huge(self, _: str) -> None:
        self._start({})
        while True:
            self.wfile.write(bytes(2**16))

    def _short(self, _: str) -> None:
        self._start({"Content-Length": "100"})
        self.wfile.write(b"x")

    def _dripping(self, _: str) -> None:
        self._start({})
        self._drip(b"x")

    def _late(self, _: str) -> None:
        self._start({"Content-Length": "4"})
        self.over.wait(1.0)
        self.wfile.write(b"\x89PNG")

    def _silent(self, _: str) -> None:
        self.over.wait(600)

    def _undecided(self, _: str) -> None:
        self.send_response(200)
        self.flush_headers()
        self._drip(b"X-A: b\r\n")

    def _start(self, headers: dict[str, str], status: int = 200) -> None:
        self.send_response(status)
        for header in headers.items():
            self.send_header(*header)
        self.end_headers()

    def _drip(self, drop: bytes) -> None:
        while not self.over.wait(0.05):
            self.wfile.write(drop)
            self.wfile.flush()

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def port() -> Iterator[int]:
    Site.asked = []
    Site.over.clear()
    with ThreadingHTTPServer((PUBLIC, 0), Site) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        Site.over.set()
        server.shutdown()


class Names:
    """A resolver that is asked for names of which nobody else knows."""

    def __init__(self, **known: list[str]) -> None:
        self.known = {name.replace("_", "."): places for name, places in known.items()}
        self.asked: list[str] = []

    def __call__(self, host: str, _: int) -> list[str]:
        self.asked.append(host)
        if host not in self.known:
            raise OSError("no such name")
        return self.known[host]


def downloads(names: Names, **limits: Any) -> Downloads:
    wanted = {"max_bytes": 2**20, "seconds": 20.0, **limits}
    return Downloads(**wanted, resolve=names, reachable=lambda address: address == PUBLIC)


WORLD = Names(
    pictures_example=[PUBLIC], inside_example=["10.0.0.1"], both_example=[PUBLIC, "10.0.0.1"]
)


def test_a_public_address_is_fetched(port: int, tmp_path: Path) -> None:
    kind = downloads(WORLD).fetch(f"http://pictures.example:{port}/picture", tmp_path / "a")
    assert (kind, (tmp_path / "a").read_bytes()) == ("image/png", b"\x89PNG")


def test_no_proxy_of_the_machine_is_used(
    port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    downloads(WORLD).fetch(f"http://pictures.example:{port}/picture", tmp_path / "a")


@pytest.mark.parametrize(
    "url",
    [
        "http://inside.example:{port}/picture",
        "http://both.example:{port}/picture",
        "http://unknown.example:{port}/picture",
        "http://ann:secret@pictures.example:{port}/picture",
        "http://pictures.example:{port}@inside.example/picture",
        "https://pictures.example:{port}/picture",
        "ftp://pictures.example:{port}/picture",
        "file:///etc/hosts",
        "data:image/png;base64,AAAA",
        "gopher://pictures.example:{port}/_picture",
        "http:///picture",
        "http://pictures.example:99999/",
        "http://[::1/",
        "http://pictures.example:{port}/missing",
    ],
)
def test_any_other_is_refused_in_a_sentence(port: int, tmp_path: Path, url: str) -> None:
    with pytest.raises(MediaError, match=r"could not be fetched \(.*\); download it and attach"):
        downloads(WORLD).fetch(url.format(port=port), tmp_path / "a")
    assert "/picture" not in Site.asked
    assert not (tmp_path / "a").exists()


@pytest.mark.parametrize(
    "target",
    [
        "http://inside.example:{port}/picture",
        "http://both.example:{port}/picture",
        "http://ann:secret@pictures.example:{port}/picture",
        "//inside.example:{port}/picture",
        "file:///etc/hosts",
        "ftp://pictures.example/picture",
    ],
)
def test_a_redirect_is_checked_like_the_first_address(
    port: int, tmp_path: Path, target: str
) -> None:
    url = f"http://pictures.example:{port}/to?{target.format(port=port)}"
    with pytest.raises(MediaError, match="could not be fetched"):
        downloads(WORLD).fetch(url, tmp_path / "a")
    assert len(Site.asked) == 1


def test_a_few_redirects_are_followed_and_no_more(port: int, tmp_path: Path) -> None:
    site = f"http://pictures.example:{port}"
    downloads(WORLD).fetch(f"{site}/around?{MAX_REDIRECTS - 1}", tmp_path / "a")
    with pytest.raises(MediaError, match="could not be fetched"):
        downloads(WORLD).fetch(f"{site}/around?{MAX_REDIRECTS}", tmp_path / "b")


def test_the_connection_goes_where_the_check_looked(port: int, tmp_path: Path) -> None:
    """A name that leads inside when it is looked up again is not looked up again."""
    names = Names(pictures_example=[PUBLIC])
    downloads(names).fetch(f"http://pictures.example:{port}/picture", tmp_path / "a")
    assert names.asked == ["pictures.example"]


def test_a_second_address_is_tried_when_the_first_is_silent(port: int, tmp_path: Path) -> None:
    names = Names(pictures_example=["127.0.0.9", PUBLIC])  # nobody listens at the first
    both = Downloads(2**20, resolve=names, reachable=lambda _: True)
    both.fetch(f"http://pictures.example:{port}/picture", tmp_path / "a")


def test_what_is_too_large_or_cut_off_is_given_up_on(port: int, tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="larger than 1 MB"):
        downloads(WORLD).fetch(f"http://pictures.example:{port}/huge", tmp_path / "a")
    with pytest.raises(MediaError, match="could not be fetched"):
        downloads(WORLD).fetch(f"http://pictures.example:{port}/short", tmp_path / "b")


@pytest.mark.parametrize("slow", ["dripping", "undecided"])
def test_a_server_that_never_ends_is_hung_up_on(port: int, tmp_path: Path, slow: str) -> None:
    with pytest.raises(MediaError, match="could not be fetched"):
        downloads(WORLD, seconds=0.5).fetch(
            f"http://pictures.example:{port}/{slow}", tmp_path / "a"
        )


@pytest.mark.parametrize("slow", ["silent", "undecided", "to?/undecided"])
@pytest.mark.slow
def test_a_server_that_begins_no_answer_is_hung_up_on_long_before(
    port: int, tmp_path: Path, slow: str
) -> None:
    """The picture behind it may take as long as ever."""
    patient = downloads(WORLD, seconds=600.0, answer_s=0.5)
    with pytest.raises(MediaError, match="could not be fetched"):
        patient.fetch(f"http://pictures.example:{port}/{slow}", tmp_path / "a")
    patient.fetch(f"http://pictures.example:{port}/late", tmp_path / "b")


def test_a_file_without_room_is_given_up(port: int, tmp_path: Path) -> None:
    def take(_: int) -> None:
        raise MediaError("No room.")

    with pytest.raises(MediaError, match=r"^No room\.$"):
        downloads(WORLD).fetch(f"http://pictures.example:{port}/picture", tmp_path / "a", take)


def test_a_full_disk_is_no_missing_answer(port: int) -> None:
    with pytest.raises(OSError, match="No space left"):
        downloads(WORLD).fetch(f"http://pictures.example:{port}/picture", Full("/"))


class Full(type(Path())):  # type: ignore[misc]
    def open(self, *_: object) -> NoReturn:
        raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "2130706433", "0x7f.1", "0177.0.0.1", "127.1", "0", "[::1]"]
)
def test_this_machine_is_not_reached_however_it_is_spelled(
    port: int, tmp_path: Path, host: str
) -> None:
    with pytest.raises(MediaError, match=r"could not be fetched \(no answer\)"):
        Downloads(2**20).fetch(f"http://{host}:{port}/picture", tmp_path / "a")
    assert Site.asked == []


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700:4700::1111", "64:ff9b::808:808"])
def test_addresses_of_the_world_are_public(address: str) -> None:
    assert is_public(address)


def test_this_machine_is_not_reached_by_its_public_address_either(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("127.0.0.1", 9))
        assert download._is_own(ipaddress.ip_address(probe.getsockname()[0]))
    assert not download._is_own(ipaddress.ip_address("8.8.8.8"))
    monkeypatch.setattr(download, "_is_own", lambda address: str(address) == "8.8.8.8")
    assert is_public("8.8.4.4") and not is_public("8.8.8.8") and not is_public("64:ff9b::808:808")


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0",
        "10.1.2.3",
        "100.64.0.1",
        "127.0.0.1",
        "169.254.169.254",
        "172.16.0.1",
        "192.0.2.1",
        "192.168.0.1",
        "198.18.0.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::127.0.0.1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b::a00:1",
        "64:ff9b:1::1",
        "2001:db8::1",
        "2001::1",
        "2002:7f00:1::",
        "fc00::1",
        "fe80::1%eth0",
        "fec0::1",
        "ff02::1",
        "168.63.129.16",
        "::ffff:168.63.129.16",
        "192.88.99.1",
        "3fff::1",
        "2606:4700::5efe:7f00:1",
        "2606:4700::200:5efe:a00:1",
        "",
        "a name",
    ],
)
def test_addresses_of_a_few_are_not(address: str) -> None:
    assert not is_public(address)


def test_the_resolver_gives_every_address() -> None:
    assert PUBLIC in addresses("localhost", 80)
