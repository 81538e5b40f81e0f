"""Any of one's own turns can be rewritten; whatever goes wrong, nothing of the conversation is lost."""

from __future__ import annotations

from dataclasses import replace

import gradio as gr
import pytest

from model.backend import Delta
from model.conversation import Conversation
from model.errors import MediaError
from tests.support.fakes import FakeBackend
from tests.support.following import KEY, followed
from tests.support.patience import scene
from tests.support.sending import CLIP, PHOTO, send
from ui.handlers import chat as handlers
from ui.html.page_update import View
from ui.state.registry import Tabs
from ui.state.tab.resolution import Resolution
from ui.state.tab.tab import Tab


async def talked(tabs: Tabs) -> Tab:
    """A tab with two exchanges, the first one with a picture."""
    tab = tabs.open(KEY)
    tab.attach(PHOTO)
    await send(tabs, tab, "first")
    tab.sent()
    await send(tabs, tab, "second")
    return tab


def said(tab: Tab) -> list[str]:
    return [message.text for message in tab.conversation.messages]


async def submitted(tabs: Tabs, text: str) -> View:
    _, *first = await handlers.submit(tabs, KEY, text, {})
    await followed(tabs)
    return View(*first)


def test_an_edited_turn_continues_from_there_and_the_draft_comes_back() -> None:
    async def play() -> None:
        tabs = Tabs(FakeBackend())
        tab = await talked(tabs)
        tab.attach(CLIP)
        assert tab.edit(0, "a draft") == "first"
        assert [item.path for item in tab.tray] == [PHOTO.path]
        assert said(tab) == ["first", "Hello", "second", "Hello"]
        view = await submitted(tabs, "another")
        assert view.returned == "a draft"
        assert said(tab) == ["another", "Hello"]
        assert [part.path for part in tab.conversation.media] == [PHOTO.path]
        assert [item.path for item in tab.tray] == [CLIP.path]
        assert len(tab.answers) == 1 and tab.editing is None

    scene(play)


def test_an_edit_can_be_cancelled() -> None:
    async def play() -> None:
        tabs = Tabs(FakeBackend())
        tab = await talked(tabs)
        tab.attach(CLIP)
        tab.edit(0, "a draft")
        text, *view = await handlers.cancel_edit(tabs, KEY, "half rewritten")
        assert text == "a draft" and View(*view).cancel_edit.visible is False
        assert said(tab) == ["first", "Hello", "second", "Hello"]
        assert [item.path for item in tab.tray] == [CLIP.path]
        assert tab.cancel_edit("typed") == "typed"

    scene(play)


def test_another_turn_can_be_chosen_while_one_is_edited() -> None:
    async def play() -> None:
        tab = await talked(Tabs(FakeBackend()))
        tab.edit(0, "a draft")
        assert tab.edit(1, "first, half rewritten") == "second"
        assert tab.cancel_edit("") == "a draft"

    scene(play)


@pytest.mark.parametrize("turn", [-1, 2, True, "0", None, 0.0, [0]])
def test_a_turn_that_is_not_there_is_not_edited(turn: object) -> None:
    async def play() -> None:
        tabs = Tabs(FakeBackend())
        tab = await talked(tabs)
        text, *_ = await handlers.edit(tabs, KEY, "a draft", gr.EventData(None, {"turn": turn}))
        assert text == "a draft" and tab.editing is None

    scene(play)


def test_the_latest_turn_is_what_the_edit_button_means() -> None:
    async def play() -> None:
        tabs = Tabs(FakeBackend())
        assert (await handlers.edit_latest(tabs, KEY, "a draft"))[0] == "a draft"
        tab = await talked(tabs)
        text, *view = await handlers.edit_latest(tabs, KEY, "a draft")
        assert text == "second" and tab.editing and tab.editing.turn == 1
        assert 'data-editing="1"' in View(*view).run_state
        assert View(*view).retry.visible is False

    scene(play)


def test_retry_and_undo_wait_for_the_end_of_an_edit() -> None:
    async def play() -> None:
        tabs = Tabs(backend := FakeBackend())
        tab = await talked(tabs)
        tab.edit(0, "")
        await handlers.retry(tabs, KEY, {})
        await handlers.undo(tabs, KEY)
        assert len(backend.calls) == 2 and len(said(tab)) == 4 and tab.editing

    scene(play)


def test_a_new_chat_ends_an_edit() -> None:
    async def play() -> None:
        tabs = Tabs(FakeBackend())
        tab = await talked(tabs)
        tab.edit(0, "a draft")
        await handlers.clear(tabs, KEY)
        assert tab.editing is None and tab.conversation == Conversation()

    scene(play)


def test_a_failed_edit_leaves_the_conversation_and_goes_on_being_one() -> None:
    async def play() -> None:
        tabs = Tabs(backend := FakeBackend())
        tab = await talked(tabs)
        backend.events = [MediaError("No.")]
        tab.edit(0, "")
        await submitted(tabs, "another")
        assert said(tab) == ["first", "Hello", "second", "Hello"] and len(tab.answers) == 2
        assert tab.editing and tab.editing.turn == 0
        assert [item.path for item in tab.tray] == [PHOTO.path]
        backend.events = [Delta("Good.")]
        await submitted(tabs, "yet another")
        assert said(tab) == ["yet another", "Good."]

    scene(play)


def test_a_failed_edit_and_the_draft_beside_it_are_both_kept() -> None:
    async def play() -> None:
        tabs = Tabs(backend := FakeBackend())
        tab = await talked(tabs)
        tab.attach(CLIP)
        tab.edit(0, "a draft")
        backend.events = [MediaError("No.")]
        assert (await submitted(tabs, "another")).returned == "a draft"
        assert tab.editing
        assert tab.cancel_edit("another\na draft") == "another\na draft"
        assert [item.path for item in tab.tray] == [PHOTO.path, CLIP.path]
        assert tab.editing is None and len(said(tab)) == 4

    scene(play)


def test_a_new_chat_takes_the_whole_draft_that_an_edit_had_set_aside() -> None:
    """Its text and its files are one thing."""

    async def play() -> None:
        tabs = Tabs(FakeBackend())
        tab = await talked(tabs)
        tab.attach(CLIP)
        tab.edit(0, "a draft")
        assert (await handlers.clear(tabs, KEY)).returned == ""
        assert tab.tray == [] and (await handlers.settled(tabs, KEY)).returned == ""

    scene(play)


def test_what_was_fitted_is_not_said_of_other_items() -> None:
    tab = Tab(KEY, FakeBackend())
    tab.attach(PHOTO)
    tab.fitted = "It fits already."
    tab.attach(CLIP)
    assert tab.fitted == ""
    tab.fitted = "It fits already."
    tab.detach(CLIP.id)
    assert tab.fitted == ""


def test_a_failed_retry_leaves_the_earlier_answer() -> None:
    async def play() -> None:
        tabs = Tabs(backend := FakeBackend())
        tab = await talked(tabs)
        backend.events = [MediaError("No.")]
        await handlers.retry(tabs, KEY, {})
        view = await followed(tabs)
        assert said(tab) == ["first", "Hello", "second", "Hello"] and len(tab.answers) == 2
        assert (view.returned, tab.tray) == ("", [])
        assert "No." in view.notice

    scene(play)


def test_an_item_comes_back_at_the_resolution_that_it_was_sent_with() -> None:
    async def play() -> None:
        tabs = Tabs(FakeBackend())
        tab = tabs.open(KEY)
        tab.attach(replace(PHOTO, resolution=Resolution("low")))
        await submitted(tabs, "first")
        assert tab.edit(0, "") == "first"
        assert [item.resolution for item in tab.tray] == [Resolution("low")]

    scene(play)


def test_refusals_go_with_the_message_that_follows_them() -> None:
    async def play() -> None:
        tabs = Tabs(FakeBackend())
        tab = tabs.open(KEY)
        tab.refused.append("a.txt is neither a picture nor a video")
        await submitted(tabs, "first")
        assert tab.refused == []

    scene(play)
