"""A tab is kept as long as somebody may come back to it, and no longer."""

from __future__ import annotations

import asyncio
import threading
import time

import gradio as gr
import pytest

from model.backend import Delta
from tests.support.fakes import FakeBackend
from tests.support.patience import becomes, scene
from tests.support.sending import send
from ui.handlers import api
from ui.state import open_tabs as limits
from ui.state.registry import Tabs


def test_an_unseen_tab_expires_and_the_backend_forgets_it() -> None:
    async def play() -> None:
        backend = FakeBackend()
        tabs = Tabs(backend)
        old, shown, recent = (tabs.open(key) for key in ("old", "shown", "recent"))
        tabs.page_opened(shown, "browser", "page")
        for tab in (old, shown):
            tab.presence.last_used_at = time.monotonic() - limits.KEPT_S - 1
        assert tabs.open("recent") is recent
        await becomes(lambda: backend.forgotten)
        assert backend.forgotten == ["old"]
        assert tabs.open("old") is not old
        assert tabs.open("shown") is shown, "its page is open, if idle"

    scene(play)


def test_what_the_last_visitor_left_is_forgotten_though_nobody_comes_after() -> None:
    async def play() -> None:
        backend = FakeBackend()
        tabs = Tabs(backend, kept_s=0.2)
        tab = tabs.open("last")
        tabs.page_opened(tab, "browser", "page")
        await asyncio.sleep(0.5)
        assert len(tabs.open_tabs), "the page is open"
        tabs.page_closed("page")
        await becomes(lambda: backend.forgotten and not len(tabs.open_tabs))

    scene(play)


def test_a_program_that_says_nothing_for_long_is_forgotten() -> None:
    """Plain HTTP clients leave without a word."""

    async def play() -> None:
        backend = FakeBackend()
        tabs = Tabs(backend)
        request = gr.Request(session_hash="program")
        await api.estimate(tabs, {"text": "Hi"}, request)
        (tab,) = tabs.open_tabs
        tab.presence.last_used_at = time.monotonic() - limits.KEPT_S - 1
        tabs.open("recent")
        await becomes(lambda: backend.forgotten)
        assert backend.forgotten == [tab.key]

    scene(play)


def test_a_closed_page_leaves_its_conversation_for_as_long_as_is_asked_for() -> None:
    async def play() -> None:
        tabs = Tabs(FakeBackend(), kept_s=0.3)
        tab = tabs.open("k")
        tabs.page_opened(tab, "browser", "page")
        await asyncio.sleep(0.4)
        tabs.page_closed("page")
        tabs.open("other")
        assert tabs.open("k") is tab, "it was closed just now"
        await asyncio.sleep(0.4)
        tabs.open("other")
        assert tabs.open("k") is not tab

    scene(play)


def test_too_many_tabs_drop_the_one_unseen_for_longest(monkeypatch: pytest.MonkeyPatch) -> None:
    async def play() -> None:
        monkeypatch.setattr(limits, "MAX_TABS", 2)
        tabs = Tabs(backend := FakeBackend())
        first = tabs.open("1")
        tabs.open("2")
        assert tabs.open("1") is first
        tabs.open("3")
        await becomes(lambda: backend.forgotten)
        assert backend.forgotten == ["2"]

    scene(play)


def test_empty_tabs_do_not_push_out_a_conversation(monkeypatch: pytest.MonkeyPatch) -> None:
    async def play() -> None:
        monkeypatch.setattr(limits, "MAX_TABS", 3)
        tabs = Tabs(backend := FakeBackend())
        mine = tabs.open("mine")
        mine.chat.answered = True
        for number in range(6):
            tabs.open(f"stranger {number}")
        assert tabs.open("mine") is mine
        await becomes(lambda: len(backend.forgotten) >= 4)
        assert backend.forgotten == [f"stranger {number}" for number in range(4)]

    scene(play)


def test_a_tab_that_is_answered_does_not_expire() -> None:
    async def play() -> None:
        backend = FakeBackend([Delta("Hi")], gate=(gate := threading.Event()))
        tabs = Tabs(backend)
        tab = tabs.open("k")
        sending = asyncio.create_task(send(tabs, tab, "Hi"))
        await becomes(lambda: backend.calls)
        tab.presence.last_used_at = time.monotonic() - limits.KEPT_S - 1
        tabs.open("other")
        assert tabs.open("k") is tab
        gate.set()
        await sending

    scene(play)
