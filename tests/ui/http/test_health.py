"""`/health` says whether the page answers, costs nothing, and needs nothing that may be busy."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

import httpx
import pytest
from starlette.types import Message, Receive, Scope, Send

from model.backend import Status
from tests.support.fakes import FakeBackend
from tests.support.pages import gradio_environment, listening
from ui.http.health import Health
from ui.page.build import build_page


@pytest.fixture(scope="module")
def backend() -> FakeBackend:
    return FakeBackend()


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory, backend: FakeBackend) -> Iterator[str]:
    """A page that asks for a log-in, behind a proxy that says so."""
    with gradio_environment(tmp_path_factory.mktemp("health")):
        page = build_page(backend)
        with listening(page, auth=[("ann", "secret")], root_path="/chat") as address:
            yield address


def test_it_says_so_without_a_log_in_by_whatever_name_it_is_asked(
    address: str, backend: FakeBackend
) -> None:
    def asked(path: str = "health", **headers: str) -> tuple[int, dict[str, str]]:
        answer = httpx.get(f"{address}{path}", headers=headers)
        assert answer.headers["cache-control"] == "no-store" and not answer.cookies
        return answer.status_code, answer.json()

    assert asked() == asked(Host="10.1.2.3:7860") == (200, {"status": "ready"})
    assert asked(Host="probe.example.org") == asked("chat/health") == (200, {"status": "ready"})
    backend.current = Status("loading", "7B", progress=0.3)
    assert asked() == (200, {"status": "loading"})
    backend.current = Status("failed", "7B", "no such file")
    assert asked() == (503, {"status": "failed"})


def test_only_that_path_is_answered(address: str) -> None:
    assert httpx.get(f"{address}health/").status_code == 401
    assert httpx.post(f"{address}health").status_code == 401
    assert httpx.head(f"{address}health").status_code in (200, 503)


def test_it_starts_no_thread_and_asks_nobody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    async def page(_scope: Scope, _receive: Receive, _send: Send) -> None:
        pytest.fail("the page was asked")

    sent: list[Message] = []

    async def receive() -> Message:
        pytest.fail("the request was read")

    async def send(message: Message) -> None:
        sent.append(message)

    async def ask() -> None:
        with monkeypatch.context() as patch:
            patch.setattr(threading.Thread, "start", lambda _: pytest.fail("a thread was started"))
            scope = {"type": "http", "method": "GET", "path": "/health", "headers": []}
            await Health(page, lambda: Status("ready", ""))(scope, receive, send)

    asyncio.run(ask())
    assert [message.get("status") for message in sent] == [200, None]
