"""Two pages in front of one server and behind one proxy, each person kept on one of them by the page's own cookie.

See docs/deploy.md; without a browser: tests/ui/state/tab/test_two_pages.py.
"""

from __future__ import annotations

import re
import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser

from model.remote.backend import RemoteBackend
from model.remote.http.connection import Connection
from tests.support.chat import talking
from tests.support.openai_server import OpenAIServer
from tests.support.pages import gradio_environment, listening
from ui.http.asker import BROWSER_COOKIE
from ui.page.build import build_page

BY_COOKIE = re.compile(rb"\r\ncookie:[^\r]*" + BROWSER_COOKIE.encode(), re.IGNORECASE)
CONNECTION = re.compile(rb"\r\nconnection:[^\r]*", re.IGNORECASE)


class Sticky(socketserver.ThreadingTCPServer):
    """Sends who comes without the cookie to the first page, and who has it to the second: the worst case."""

    daemon_threads = True

    def __init__(self, pages: list[str]) -> None:
        self.ports = [urlsplit(page).port for page in pages]
        self.asked: list[list[str]] = [[], []]
        super().__init__(("127.0.0.1", 0), _Request)


class _Request(socketserver.BaseRequestHandler):
    server: Sticky

    def handle(self) -> None:
        head = b""
        while b"\r\n\r\n" not in head:
            if not (more := self.request.recv(65536)):
                return
            head += more
        page = 1 if BY_COOKIE.search(head.partition(b"\r\n\r\n")[0]) else 0
        self.server.asked[page].append(head.split(b" ")[1].decode())
        # One request a connection: the next may be for the other page.
        head = CONNECTION.sub(b"", head, count=1).replace(b"\r\n", b"\r\nConnection: close\r\n", 1)
        with socket.create_connection(("127.0.0.1", self.server.ports[page])) as behind:
            behind.sendall(head)
            threading.Thread(target=_pass_on, args=(self.request, behind), daemon=True).start()
            _pass_on(behind, self.request)


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    try:
        while piece := source.recv(65536):
            target.sendall(piece)
    except OSError:  # either has gone
        pass


@pytest.fixture
def proxy(tmp_path: Path) -> Iterator[tuple[Sticky, str]]:
    with ExitStack() as running:
        running.enter_context(gradio_environment(tmp_path / "uploads"))
        engine = running.enter_context(OpenAIServer().running())
        backends = [RemoteBackend.connect(Connection(engine.base)) for _ in range(2)]
        pages = [running.enter_context(listening(build_page(backend))) for backend in backends]
        server = running.enter_context(Sticky(pages))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server, f"http://127.0.0.1:{server.server_address[1]}/"
        server.shutdown()


def test_a_person_stays_on_one_page_from_the_first_visit_on(
    proxy: tuple[Sticky, str], browser: Browser, picture: Path
) -> None:
    server, address = proxy
    profile = browser.new_context(viewport={"width": 1280, "height": 800}, locale="en-GB")
    with talking(profile, address) as chat:
        assert server.asked[0] == ["/"], "the first visit, and nothing after it"
        chat.attach(picture)
        chat.ask("What is this?")
        assert chat.answered == ["Hello"]
        chat.reload()
        chat.wait("idle")
        assert chat.answered == ["Hello"]
    profile.close()
    assert server.asked[0] == ["/"]
