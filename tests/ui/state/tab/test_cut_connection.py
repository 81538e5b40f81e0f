"""A connection that is cut stops no answer, and a page that says that it leaves frees its place."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from typing import Any

import gradio as gr
import httpx
import pytest
from starlette.responses import PlainTextResponse
from starlette.testclient import TestClient

from model.backend import Delta
from tests.support.fakes import FakeBackend
from tests.support.following import KEY
from tests.support.pages import gradio_environment, listening
from tests.support.patience import becomes, scene, wait_until
from tests.support.served import REPLY_S
from ui.handlers.chat import opening, sending
from ui.http.leaving import Leaving
from ui.page.build import build_page
from ui.state.registry import Tabs
from ui.state.tab import run as runs

WORDS = [f"word{i} " for i in range(20)]
ASKED = {"data": [{"text": "Hi"}, {}], "session_hash": "program"}


def as_page(name: str) -> gr.Request:
    return gr.Request(session_hash=name)


@pytest.mark.parametrize(("said", "left"), [("first", True), ("somebody", False)])
def test_the_answer_of_a_page_that_left_is_given_up(
    monkeypatch: pytest.MonkeyPatch, said: str, left: bool
) -> None:
    """A page's own word counts, and nobody else's."""
    monkeypatch.setattr(runs, "LEFT_S", 0.05)

    async def play() -> None:
        tabs = Tabs(backend := FakeBackend(gate=threading.Event()))
        tab = tabs.open(KEY)
        tabs.page_opened(tab, "browser", "first")
        await sending.submit(tabs, KEY, "Hi", {})
        await becomes(lambda: backend.calls)
        tabs.page_left(KEY, said)
        tabs.page_left("0" * 32, "first")
        await asyncio.sleep(0.5)
        assert backend.calls[0].cancel.is_set() is left
        tab.clear()

    scene(play)


def test_a_page_whose_connection_ends_before_it_is_heard_has_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(runs, "ORPHAN_S", 3600.0)
    monkeypatch.setattr(runs, "LEFT_S", 0.05)

    async def play() -> None:
        tabs = Tabs(backend := FakeBackend(gate=threading.Event()))
        tab = tabs.open(KEY)
        tabs.page_opened(tab, "browser", "first")
        await sending.submit(tabs, KEY, "Hi", {})
        await becomes(lambda: backend.calls)
        tabs.page_closed("first")
        tabs.page_left(KEY, "first")
        await becomes(backend.calls[0].cancel.is_set)

    scene(play)


def test_a_tab_that_another_page_shows_is_not_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "LEFT_S", 0.05)

    async def play() -> None:
        tabs = Tabs(backend := FakeBackend(gate=threading.Event()))
        tab = tabs.open(KEY)
        tabs.page_opened(tab, "browser", "first")
        await sending.submit(tabs, KEY, "Hi", {})
        await becomes(lambda: backend.calls)
        tabs.page_opened(tab, "browser", "reloaded")
        tabs.page_left(KEY, "first")
        await asyncio.sleep(0.3)
        tabs.page_left(KEY, "reloaded")
        await opening.reattach_page(tabs, KEY, as_page("reloaded"))  # the browser has kept it
        await asyncio.sleep(0.3)
        assert not backend.calls[0].cancel.is_set()
        tabs.page_left(KEY, "reloaded")
        await becomes(backend.calls[0].cancel.is_set)

    scene(play)


class Served:
    url: str

    def __init__(self) -> None:
        self.backend = FakeBackend()
        self.page = build_page(self.backend)


@pytest.fixture(scope="module")
def _served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with gradio_environment(tmp_path_factory.mktemp("uploads")):
        served = Served()
        with listening(served.page) as served.url:
            yield served


@pytest.fixture
def served(_served: Served) -> Served:
    vars(_served.backend).update(vars(FakeBackend([Delta(word) for word in WORDS], pause_s=0.02)))
    return _served


def call(client: httpx.Client, asked: dict[str, Any]) -> str:
    event: str = client.post("gradio_api/call/chat", json=asked).json()["event_id"]
    return f"gradio_api/call/chat/{event}"


def told(client: httpx.Client, asked: dict[str, Any], enough: str = "") -> Any:
    """What the call gives at last, or the first that holds `enough`; then the connection is cut."""
    with client.stream("GET", call(client, asked)) as response:
        event, last = "", None
        for line in response.iter_lines():
            name, _, said = line.partition(": ")
            event = said if name == "event" else event
            if name == "data":
                last = json.loads(said)
                # Gradio does not end a stream whose session has been cut off before.
                if event in ("complete", "error") or (enough and last and enough in last[0]):
                    break
        return last


@pytest.mark.parametrize("pause_s", [0.0, 2.0])
@pytest.mark.slow
def test_a_program_that_was_cut_off_and_asks_again_gets_the_whole_answer(
    served: Served, pause_s: float
) -> None:
    """Whether it is still being written or done: one that is asked once."""
    with httpx.Client(base_url=served.url, timeout=REPLY_S) as client:
        asked = {**ASKED, "session_hash": f"cut{pause_s:.0f}"}
        told(client, asked, "word3")
        threading.Event().wait(pause_s)
        answer, usage = told(client, asked)
        assert answer == "".join(WORDS) and usage["stop_reason"] == "stop"
        assert len(served.backend.calls) == 1
        again, _ = told(client, asked)
        assert again == answer and len(served.backend.calls) == 2
        assert [call.conversation.turns for call in served.backend.calls] == [1, 2]


def test_a_program_that_was_cut_off_goes_on_after_the_whole_answer(served: Served) -> None:
    with httpx.Client(base_url=served.url, timeout=REPLY_S) as client:
        asked = {**ASKED, "session_hash": "another"}
        told(client, asked, "word3")
        tab = served.page.tabs.open_tabs.get("api-another")
        assert tab
        wait_until(lambda: not tab.chat.run or tab.chat.run.is_ending)
        told(client, {**asked, "data": [{"text": "And?"}, {}]})
        _, reply, _ = served.backend.calls[1].conversation.messages
        assert reply.text == "".join(WORDS)


def test_a_page_says_that_it_leaves() -> None:
    heard: list[tuple[str, str]] = []
    app = Leaving(PlainTextResponse("in"), left=lambda *said: heard.append(said))
    client = TestClient(app)
    for said in ("", "[", '{"key": 1, "page": "p"}', "é", "x" * 100_000):
        assert client.post("/leave", content=said).status_code == 204
    assert heard == []
    assert client.post("/leave", content='{"key": "k", "page": "p"}').status_code == 204
    assert heard == [("k", "p")]
    assert client.get("/leave").text == client.post("/other").text == "in"


def test_another_sites_page_says_nothing_for_this_one(served: Served) -> None:
    other = {"Origin": "http://evil.example", "Sec-Fetch-Site": "cross-site"}
    with httpx.Client(base_url=served.url, timeout=REPLY_S) as client:
        assert client.post("leave", content="{}").status_code == 204
        assert client.post("leave", content="{}", headers=other).status_code == 403
