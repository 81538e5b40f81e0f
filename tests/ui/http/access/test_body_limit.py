"""Bodies that never end take neither the memory nor a connection for long, and keep nobody else out."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tests.support.fakes import FakeBackend
from tests.support.pages import gradio_environment, listening
from tests.support.patience import becomes, scene
from tests.support.served import REPLY_S
from ui.http.access import body_limit
from ui.http.access.body_limit import BodyLimit
from ui.http.body import MAX_BYTES, MAX_SMALL_BYTES, RefusedError, read_body
from ui.http.gate.routes import UPLOAD
from ui.page.build import build_page

PIECE = 2**16  # that arrives at once
CALL = "/gradio_api/call/chat"
STRANGER, OTHER, THIRD = "203.0.113.7", "192.0.2.1", "198.51.100.1"
SILENT_S = 0.2


@pytest.fixture
def _hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(body_limit, "MAX_SILENT_S", SILENT_S)


async def reading(scope: Scope, receive: Receive, send: Send) -> None:
    """Reads all that is posted, as `Gate` does."""
    try:
        body = await read_body(scope, receive, MAX_BYTES)
    except RefusedError as refused:
        await refused.answer(scope, receive, send)
    else:
        await PlainTextResponse(str(len(body)))(scope, receive, send)


class Post:
    """A request whose body arrives as the test says."""

    def __init__(self, app: ASGIApp, address: str, path: str = CALL) -> None:
        self.sent: list[Message] = []
        self._arrives: asyncio.Queue[Message] = asyncio.Queue()
        scope = {"type": "http", "method": "POST", "path": path, "headers": [], "query_string": b"", "client": (address, 1)}  # fmt: skip
        self.task = asyncio.create_task(self._sent_to(app, scope))

    async def _sent_to(self, app: ASGIApp, scope: Scope) -> None:
        await app(scope, self._arrives.get, self._send)

    async def _send(self, message: Message) -> None:
        self.sent.append(message)

    def arrives(self, size: int, more: bool = True) -> None:
        for _ in range(size // PIECE):
            self._arrives.put_nowait({"type": "http.request", "body": bytes(PIECE), "more_body": True})  # fmt: skip
        self._arrives.put_nowait({"type": "http.request", "body": b"", "more_body": more})

    @property
    def status(self) -> int:
        """Of the answer, 0 while there is none."""
        return self.sent[0]["status"] if self.sent else 0


@asynccontextmanager
async def stalled(app: BodyLimit, addresses: list[str], size: int) -> AsyncIterator[list[Post]]:
    """Posts of which so much has arrived, and no more comes."""
    posts = [Post(app, address) for address in addresses]
    for post in posts:
        post.arrives(size)
    await becomes(lambda: all(post.status or not post._arrives.qsize() for post in posts))
    yield posts
    for post in posts:
        post.task.cancel()
    await asyncio.gather(*(post.task for post in posts), return_exceptions=True)


def test_a_hundred_bodies_that_never_end_take_what_one_address_may_have() -> None:
    async def play() -> None:
        app = BodyLimit(reading)
        async with stalled(app, 100 * [STRANGER], 100 * PIECE) as posts:
            assert app.held <= app.max_bytes * 0.75
            refused = [post for post in posts if post.status]
            assert {post.status for post in refused} == {503} and len(refused) >= 90
            long = Post(app, OTHER)
            long.arrives(MAX_BYTES, more=False)
            await becomes(lambda: long.status == 200)
        assert app.held == 0

    scene(play)


def test_an_ordinary_message_arrives_however_much_is_held() -> None:
    async def play() -> None:
        app = BodyLimit(reading)
        async with stalled(app, 30 * [STRANGER, OTHER, THIRD], 100 * PIECE):
            assert app.held <= app.max_bytes
            for address in (STRANGER, OTHER):
                message = Post(app, address)
                message.arrives(MAX_SMALL_BYTES, more=False)
                await message.task
                assert message.status == 200

    scene(play)


@pytest.mark.parametrize("path", [CALL, UPLOAD, "/login"])
@pytest.mark.usefixtures("_hasty")
def test_a_body_that_is_too_slow_is_refused_and_closed(path: str) -> None:
    async def play() -> None:
        silent, slow = (Post(BodyLimit(reading), STRANGER, path) for _ in range(2))
        while not slow.status:
            slow._arrives.put_nowait({"type": "http.request", "body": b"x", "more_body": True})
            await asyncio.sleep(SILENT_S / 10)
        await becomes(lambda: silent.status)
        for post in (silent, slow):
            assert post.status == 408 and (b"connection", b"close") in post.sent[0]["headers"]

    scene(play)


@pytest.mark.usefixtures("_hasty")
def test_a_body_that_is_whole_may_be_answered_as_late_as_it_takes() -> None:
    async def late(scope: Scope, receive: Receive, send: Send) -> None:
        await Request(scope, receive).body()
        waits = asyncio.ensure_future(receive())
        await asyncio.sleep(2 * SILENT_S)
        assert not waits.done(), "it is told that the client has left"
        waits.cancel()
        await PlainTextResponse("late")(scope, receive, send)

    async def play() -> None:
        post = Post(BodyLimit(late), STRANGER)
        post.arrives(PIECE, more=False)
        await becomes(lambda: post.status == 200)

    scene(play)


def test_uploads_are_not_counted_as_memory() -> None:
    async def play() -> None:
        app = BodyLimit(reading)
        upload = Post(app, STRANGER, UPLOAD)
        upload.arrives(50 * PIECE)
        await becomes(upload._arrives.empty)
        assert app.held == 0
        upload.task.cancel()

    scene(play)


@pytest.fixture
def address(_hasty: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with (
        gradio_environment(tmp_path_factory.mktemp("uploads")),
        listening(build_page(FakeBackend()), auth=[("ann", "secret")]) as address,
    ):
        yield address


def test_a_real_connection_that_stalls_is_answered_and_closed(address: str) -> None:
    where = urlsplit(address)
    with httpx.Client(base_url=address, timeout=REPLY_S) as client:
        client.post("login", data={"username": "ann", "password": "secret"})
        cookie = "; ".join(f"{name}={value}" for name, value in client.cookies.items())
    form = "multipart/form-data; boundary=edge"
    starts = {
        CALL: ("application/json", b'{"data": ["'),
        "/login": (form, b"--edge\r\n"),
        UPLOAD: (form, b'--edge\r\nContent-Disposition: form-data; name="files"; filename="a"\r\n\r\nx'),
        "/nowhere": (form, b"x"),
    }  # fmt: skip
    for path, (kind, start) in starts.items():
        with socket.create_connection((where.hostname, where.port or 80), timeout=REPLY_S) as line:
            head = f"POST {path} HTTP/1.1\r\nHost: {where.netloc}\r\nCookie: {cookie}\r\nContent-Type: {kind}\r\nContent-Length: 9999\r\n\r\n"
            line.sendall(head.encode() + start)
            answer = line.makefile("rb").read()
            assert answer.startswith(b"HTTP/1.1 408 "), (path, answer)
