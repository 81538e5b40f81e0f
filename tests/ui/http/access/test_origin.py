"""Requests of other sites' pages and under other names are refused; proxies, links and programs go on as before."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from starlette.responses import PlainTextResponse
from starlette.types import Message

from tests.support.fakes import FakeBackend
from tests.support.pages import gradio_environment, listening
from tests.support.served import REPLY_S, program
from ui.http.access.origin import Names, OwnSite
from ui.page.build import build_page

UPLOAD, PAGE, FOLLOWED = "/gradio_api/upload", "/", "/gradio_api/queue/data"
LOOPBACK, ABROAD = ("127.0.0.1", 7860), ("10.1.2.3", 7860)
TUNNEL = {"x-forwarded-for": "192.0.2.1", "x-forwarded-proto": "https"}
VIA = {"via": "1.1 proxy"}
# What a page's script may set of what proxies add: all but Via, and what begins with Sec- or Proxy-.
FORGED = {**TUNNEL, "x-forwarded-host": "localhost", "forwarded": "for=192.0.2.1;proto=https", "cf-connecting-ip": "192.0.2.1"}  # fmt: skip


def status(
    headers: dict[str, str],
    *,
    method: str = "POST",
    path: str = UPLOAD,
    server: tuple[str, int] = LOOPBACK,
    names: Names | None = None,
    strict: bool = False,
) -> int:
    """Of the answer to a request with these headers; 200 where it is let in."""
    sent = list[Message]()

    async def receive() -> Message:
        raise AssertionError("read before it was let in")

    async def send(message: Message) -> None:
        sent.append(message)

    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    scope = {"type": "http", "method": method, "path": path, "headers": raw, "server": server, "query_string": b""}  # fmt: skip
    app = OwnSite(PlainTextResponse("in"), names or Names(), strict)
    asyncio.run(app(scope, receive, send))
    code: int = sent[0]["status"]
    return code


def page(origin: str) -> dict[str, str]:
    """What a page's own script sends where browsers say no more than that."""
    return {"host": origin.partition("//")[2], "origin": origin}


def encrypted(host: str, site: str = "same-origin") -> dict[str, str]:
    """What it sends over TLS."""
    return {"host": host, "origin": f"https://{host}", "sec-fetch-site": site}


LET_IN = {
    "curl": {"host": "127.0.0.1:7860"},
    "own page": page("http://127.0.0.1:7860"),
    "localhost": {**page("http://localhost:7860"), "sec-fetch-site": "same-origin"},
    "IPv6": page("http://[::1]:7860"),
    "a name of this network": page("http://box:7860"),
    "mDNS": page("http://box.local:7860"),
    "LAN by address": page("http://192.168.1.7:7860"),
    "proxy": {**encrypted("chat.example.org"), **TUNNEL},
    "an old browser behind a proxy": page("https://chat.example.org"),
    "curl through a proxy that names itself": {"host": "chat.example.org", **TUNNEL, **VIA},
    "a proxy that tells its own host": {**encrypted("chat.example.org"), "host": "127.0.0.1:7860"},
    "and the browser's beside it": {
        **page("http://chat.corp.example"),
        "host": "localhost:7860",
        "x-forwarded-host": "chat.corp.example",
    },
    "a proxy that leaves out the port": {"host": "box", "origin": "http://box:8080"},
}
FOREIGN = {
    "another site": {"host": "127.0.0.1:7860", "origin": "http://evil.example"},
    "a sandbox": {"host": "127.0.0.1:7860", "origin": "null"},
    "another port": {"host": "localhost:7860", "origin": "http://localhost:3000"},
    "as the browser says": {"host": "127.0.0.1:7860", "sec-fetch-site": "cross-site"},
    "a sibling": {
        **encrypted("chat.example.org", "same-site"),
        "origin": "https://other.example.org",
    },
    "that says it is the proxy": {
        **page("http://evil.example"),
        "host": "192.168.1.7:7860",
        "x-forwarded-host": "evil.example",
    },
    "around a Space": {
        **encrypted("me-x.hf.space", "cross-site"),
        "origin": "https://huggingface.co",
    },
    "no host": {"host": "[", "origin": "http://[", "sec-fetch-site": "x"},
}


@pytest.mark.parametrize("headers", LET_IN.values(), ids=LET_IN)
def test_own_pages_and_programs_are_let_in(headers: dict[str, str]) -> None:
    assert status(headers) == 200


@pytest.mark.parametrize("headers", FOREIGN.values(), ids=FOREIGN)
@pytest.mark.parametrize("server", [LOOPBACK, ABROAD])
def test_another_sites_page_can_do_nothing_here(
    headers: dict[str, str], server: tuple[str, int]
) -> None:
    assert status(headers, server=server) == 403


@pytest.mark.parametrize("host", ["evil.example:7860", "evil.example", "127.0.0.1.evil.example", "localhost.evil.example:7860", "EVIL.example."])  # fmt: skip
@pytest.mark.parametrize("forged", [{}, TUNNEL, FORGED], ids=["bare", "tunnel", "all"])
def test_a_name_that_was_bound_to_this_machine_is_not_its_own(
    host: str, forged: dict[str, str]
) -> None:
    assert status({**page(f"http://{host}"), **forged}) == 403
    assert status({**page(f"http://{host}"), **VIA}) == 403
    for method in ("GET", "HEAD", "POST", "OPTIONS"):
        assert status({"host": host, **forged}, method=method, path=PAGE) == 403
    for path in ("/config", "/gradio_api/info", FOLLOWED):
        assert status({"host": host, **forged}, method="GET", path=path) == 403


def test_who_opened_the_page_to_others_is_asked_by_any_name_unless_names_are_told() -> None:
    asked = page("http://gpu7.example.edu:7860")
    assert status(asked, server=ABROAD) == 200
    told = Names(["chat.example.org", "gpu7.example.edu"])
    assert status(asked, server=ABROAD, names=told, strict=True) == 200
    others = Names(["chat.example.org"])
    for server in (LOOPBACK, ABROAD):
        assert status(asked, server=server, names=others, strict=True) == 403
        assert status(encrypted("chat.example.org"), server=server, names=others, strict=True) == 200  # fmt: skip
        assert status({"host": "10.1.2.3:7860"}, server=server, names=others, strict=True) == 200


@pytest.mark.parametrize("told", ["chat.example.org", "https://chat.example.org/chat", "Chat.Example.org."])  # fmt: skip
def test_a_name_that_was_told_is_the_pages_own(told: str) -> None:
    asked = page("http://chat.example.org")
    assert status(asked) == 403
    assert status(asked, names=Names([told])) == 200


def test_a_share_link_is_the_pages_own_as_soon_as_there_is_one() -> None:
    link: list[str] = []
    names = Names(shared=lambda: link[0] if link else None)
    asked = {"host": "0123abcd.gradio.live"}
    assert status(asked, names=names) == 403
    link.append("https://0123abcd.gradio.live")
    assert status(asked, names=names) == 200


@pytest.mark.parametrize(
    ("path", "headers", "code"),
    [
        (PAGE, {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}, 200),
        ("/assets/a.js", {"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors"}, 200),
        (UPLOAD, {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}, 200),
        (FOLLOWED, {"sec-fetch-site": "same-origin", "sec-fetch-mode": "cors"}, 200),
        (FOLLOWED, {"sec-fetch-site": "cross-site", "sec-fetch-mode": "cors"}, 403),
        (FOLLOWED, {"origin": "http://evil.example"}, 403),
        ("/config", {"origin": "http://evil.example"}, 403),
        ("/metrics", {"origin": "https://evil.example", "sec-fetch-site": "cross-site"}, 403),
        ("/config", {"origin": "http://127.0.0.1:7860"}, 200),
    ],
)
def test_another_site_may_lead_here_but_not_read_here(
    path: str, headers: dict[str, str], code: int
) -> None:
    asked = {"host": "127.0.0.1:7860", **headers}
    assert status(asked, method="GET", path=path) == code


def test_a_space_in_its_frame_asks_as_itself() -> None:
    framed = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "iframe"}  # fmt: skip
    host = "me-x.hf.space"
    assert status({"host": host, **framed}, method="GET", path=PAGE, server=ABROAD) == 200
    assert status(encrypted(host), server=ABROAD) == 200


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with (
        gradio_environment(tmp_path_factory.mktemp("uploads")),
        listening(build_page(FakeBackend())) as address,
    ):
        yield address


def test_the_refusal_names_the_remedy_in_the_readers_language(address: str) -> None:
    def told(**headers: str) -> str:
        answer = httpx.get(address, headers={"Host": "evil.example", **headers}, timeout=REPLY_S)
        assert answer.status_code == 403
        return answer.text

    assert "--allow-host evil.example: behind a proxy" in told(**FORGED)
    assert told(Accept="text/html", **{"Accept-Language": "fr, ko;q=0.9"}).endswith("필요합니다.")


@pytest.mark.parametrize("host", ["[::1", "a:b:c", "localhost:x"])
def test_a_host_that_cannot_be_one_is_the_clients_fault(address: str, host: str) -> None:
    for name in ("Host", "X-Forwarded-Host"):
        answer = httpx.get(address, headers={name: host}, timeout=REPLY_S)
        assert answer.status_code in (400, 403), name


def test_another_site_stores_no_file_here(address: str) -> None:
    def uploads(**headers: Any) -> int:
        files = {"files": ("a.txt", b"x")}
        return httpx.post(f"{address}gradio_api/upload", files=files, headers=headers, timeout=REPLY_S).status_code  # fmt: skip

    assert uploads() == 200
    assert uploads(Origin=address.rstrip("/")) == 200
    assert uploads(Origin="http://evil.example") == 403


def test_another_site_reads_nothing_of_a_page_in_this_network(address: str) -> None:
    """By a name that is not localhost, Gradio lets every site's script read what it is answered."""
    asked = {"Host": "192.168.1.7:7860", "Origin": "http://evil.example"}
    for path in ("", "config", "manifest.json", "metrics"):
        answer = httpx.get(address + path, headers=asked, timeout=REPLY_S)
        assert answer.status_code == 403, path


def test_programs_ask_as_before(address: str) -> None:
    assert program(address).predict({"text": "Hi"}, {}, api_name="/chat")[0] == "Hello"
    behind = program(address, headers={"Host": "chat.example.org", **TUNNEL, **VIA})
    assert behind.predict({"text": "Hi"}, {}, api_name="/chat")[0] == "Hello"


def test_programs_behind_a_proxy_ask_by_a_name_that_was_told() -> None:
    asked = {"host": "chat.example.org", **TUNNEL}
    names = Names(["chat.example.org"])
    for method, path in (("POST", "/gradio_api/call/chat"), ("GET", "/gradio_api/call/chat/0af")):
        assert status(asked, method=method, path=path) == 403
        assert status(asked, method=method, path=path, names=names, strict=True) == 200


def test_no_proxy_keeps_for_others_what_one_was_told(address: str) -> None:
    for path in ("", "config"):
        answer = httpx.get(address + path, headers={"X-Forwarded-Host": "x.example"}, timeout=REPLY_S)  # fmt: skip
        assert answer.headers["Cache-Control"] == "private, no-cache"


@contextmanager
def proxied(address: str, keeps_host: bool, forwards: bool) -> Iterator[str]:
    """The address of a reverse proxy in front of the page."""
    port = urlsplit(address).port

    class Proxy(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = self.headers["Host"]
            dropped = ("connection", "host", "accept-encoding")
            headers = {k: v for k, v in self.headers.items() if k.lower() not in dropped}
            headers["Host"] = asked if keeps_host else f"127.0.0.1:{port}"
            if forwards:
                headers |= {"X-Forwarded-For": "192.0.2.9", "X-Forwarded-Host": asked}
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            page = HTTPConnection("127.0.0.1", port, timeout=REPLY_S)
            page.request(self.command, self.path, body, headers)
            answer = page.getresponse()
            self.send_response(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in ("connection", "transfer-encoding"):
                    self.send_header(name, value)
            self.end_headers()
            while piece := answer.read1(2**16):
                self.wfile.write(piece)

        do_POST = do_HEAD = do_GET  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Proxy) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.parametrize("keeps_host", [True, False])
@pytest.mark.parametrize("forwards", [True, False])
@pytest.mark.slow
def test_behind_a_real_proxy_programs_and_pages_go_on(
    address: str, keeps_host: bool, forwards: bool
) -> None:
    with proxied(address, keeps_host, forwards) as proxy:
        assert program(proxy).predict({"text": "Hi"}, {}, api_name="/chat")[0] == "Hello"

        def uploads(**headers: str) -> int:
            files = {"files": ("a.txt", b"x")}
            url = f"{proxy}/gradio_api/upload"
            return httpx.post(url, files=files, headers=headers, timeout=REPLY_S).status_code

        tls = {"Host": "chat.example.org", "Origin": "https://chat.example.org"}
        assert uploads(**tls, **{"Sec-Fetch-Site": "same-origin"}) == 200
        assert uploads(**{**tls, "Origin": "https://evil.example"}) == 403
        if keeps_host or forwards:  # otherwise only a browser can tell, as it does over TLS
            assert uploads(Origin=proxy) == 200
