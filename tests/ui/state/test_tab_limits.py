"""Whoever opens one tab after the other pushes nobody's conversation out."""

from __future__ import annotations

import threading
from collections.abc import Callable, Coroutine
from typing import Any

import gradio as gr
import pytest

from model.conversation import Conversation, Text
from model.errors import DemoError
from tests.support.fakes import FakeBackend
from tests.support.following import followed
from tests.support.patience import becomes, scene
from ui.handlers import page_tab
from ui.handlers.chat import opening, sending
from ui.html import page_update
from ui.html.page_update import View
from ui.http.asker import Asker
from ui.state import open_tabs as tabs
from ui.state.open_tabs import LONG_TEXT, MAX_TABS, surplus
from ui.state.registry import Tabs
from ui.state.tab.tab import Tab

STRANGER = "203.0.113.7"


@pytest.fixture(autouse=True)
def _few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tabs, "MAX_TABS", 6)
    monkeypatch.setattr(tabs, "MAX_TABS_OF_ONE", 3)


def key(number: int) -> str:
    return f"{number:032x}"


def opened(open_tabs: Tabs, number: int, address: str, page: bool = True) -> Tab:
    tab = open_tabs.open(key(number))
    open_tabs.open_tabs.asked_by(tab, Asker(address))
    if page:
        open_tabs.page_opened(tab, address, f"page {number}", address)
    return tab


async def answered(open_tabs: Tabs, tab: Tab) -> None:
    await sending.submit(open_tabs, tab.key, "Hi", {})
    await followed(open_tabs, tab.key)
    assert tab.chat.answered


def free(tab: Tab) -> Callable[[], bool]:
    return lambda: not tab.busy


def played(play: Callable[[Tabs], Coroutine[Any, Any, None]]) -> None:
    scene(lambda: play(Tabs(FakeBackend())))


def test_a_conversation_whose_page_is_open_stays() -> None:
    """R4: with pages, imported conversations and one file after the other."""

    async def play(open_tabs: Tabs) -> None:
        victim = opened(open_tabs, 1, "192.0.2.1")
        await answered(open_tabs, victim)
        for number in range(10, 60):
            with_page = opened(open_tabs, number, f"198.51.100.{number}", page=number % 2 == 0)
            with_page.chat.conversation = victim.chat.conversation  # as an import leaves it
        assert open_tabs.open(victim.key) is victim

    played(play)


def test_who_has_no_page_goes_before_who_has_one_and_answers_count_most() -> None:
    async def play(open_tabs: Tabs) -> None:
        away = opened(open_tabs, 1, "192.0.2.1")
        await answered(open_tabs, away)
        open_tabs.page_closed("page 1")
        for number in range(2, 12):
            opened(open_tabs, number, f"198.51.100.{number}")
        assert open_tabs.open(away.key) is away

    played(play)


def test_one_address_pushes_out_its_own_tabs_only() -> None:
    async def play(open_tabs: Tabs) -> None:
        away = opened(open_tabs, 1, "192.0.2.1")
        await answered(open_tabs, away)
        open_tabs.page_closed("page 1")
        strangers = [opened(open_tabs, number, STRANGER) for number in range(2, 40)]
        assert open_tabs.open(away.key) is away
        assert sum(open_tabs.open(tab.key) is tab for tab in strangers[-3:]) == 3

    played(play)


def test_who_has_as_many_conversations_as_can_be_is_refused_more_and_loses_none() -> None:
    async def play(open_tabs: Tabs) -> None:
        own = [opened(open_tabs, number, STRANGER) for number in range(3)]
        for tab in own:
            await answered(open_tabs, tab)
        with pytest.raises(DemoError, match="close one and load this page again"):
            opened(open_tabs, 3, STRANGER)
        assert [open_tabs.open(tab.key) for tab in own] == own
        assert opened(open_tabs, 4, "192.0.2.1")

    played(play)


def test_one_address_holds_so_much_text_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also what came to nothing, and waits for a page that never asks for it."""
    monkeypatch.setattr(tabs, "MAX_TEXT_OF_ONE", 3 * LONG_TEXT)
    text = "x" * LONG_TEXT

    async def play(open_tabs: Tabs) -> None:
        failing = open_tabs.backend
        assert isinstance(failing, FakeBackend)
        failing.events = [DemoError("No.")]

        async def fail(tab: Tab, asked: str) -> None:
            """Send a message that fails once its page has been drawn."""
            failing.gate = threading.Event()
            await sending.submit(open_tabs, tab.key, asked, {})
            failing.gate.set()
            await becomes(free(tab))
            assert tab.draft.returned == asked

        own = [opened(open_tabs, number, STRANGER) for number in range(3)]
        for tab in own[:2]:
            await fail(tab, text)
            open_tabs.clear(tab)  # which can be undone
        await sending.submit(open_tabs, own[2].key, text + text, {})
        assert "close one and load this page again" in own[2].chat.notice
        await fail(own[2], "Hi")
        await fail(opened(open_tabs, 4, "192.0.2.1"), text + text)

    played(play)


def test_a_server_that_is_full_of_open_pages_says_so() -> None:
    async def play(open_tabs: Tabs) -> None:
        for number in range(6):
            await answered(open_tabs, opened(open_tabs, number, f"198.51.100.{number}"))
        with pytest.raises(gr.Error, match="try again later"):
            page_tab.tab_of(open_tabs, key(7))
        with pytest.raises(gr.Error, match="稍后再试"):
            page_tab.tab_of(open_tabs, key(7), "zh")

    played(play)


def test_nobody_goes_while_there_is_room() -> None:
    own = [Tab(key(number), FakeBackend()) for number in range(3)]
    assert surplus(own, MAX_TABS, spare=None) == []


@pytest.mark.parametrize("longer", [True, False])
def test_a_long_conversation_is_drawn_while_others_go_on(
    longer: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its owner may ask for it as often as they like."""
    drawn_in: list[threading.Thread] = []
    draw = page_update.full_update

    def noted(tab: Tab) -> View:
        drawn_in.append(threading.current_thread())
        return draw(tab)

    async def play(open_tabs: Tabs) -> None:
        tab = opened(open_tabs, 1, "192.0.2.1")
        tab.chat.conversation = Conversation().with_user_turn(
            Text("<" * (page_tab.LONG - 2 + longer))
        )
        tab.chat.conversation = tab.chat.conversation.with_reply("x")
        monkeypatch.setattr(page_update, "full_update", noted)
        await opening.reattach_page(open_tabs, tab.key)
        assert (drawn_in[0] is not threading.current_thread()) == longer

    played(play)
