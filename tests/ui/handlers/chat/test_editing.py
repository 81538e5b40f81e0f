"""Any of one's own turns can be rewritten; whatever goes wrong, nothing of the conversation is lost."""

from __future__ import annotations

import threading
from dataclasses import replace

import gradio as gr
import pytest

from model.backend import Delta
from model.conversation import Conversation
from model.errors import MediaError
from tests.support.fakes import FakeBackend
from tests.support.following import KEY, followed, rest
from tests.support.patience import becomes, scene
from tests.support.sending import CLIP, PHOTO, send
from ui.handlers.chat import editing, following, opening, sending
from ui.html.page_update import View
from ui.state.registry import Tabs
from ui.state.tab.draft import Fit
from ui.state.tab.tab import Tab
from ui.state.tray.resolution import Resolution


async def talked(tabs: Tabs) -> Tab:
    """A tab with two exchanges, the first one with a picture."""
    tab = tabs.open(KEY)
    tab.draft.attach(PHOTO)
    await send(tabs, tab, "first")
    tab.draft.sent()
    await send(tabs, tab, "second")
    return tab


def said(tab: Tab) -> list[str]:
    return [message.text for message in tab.chat.conversation.messages]


async def submitted(tabs: Tabs, text: str) -> View:
    await sending.submit(tabs, KEY, text, {})
    return await followed(tabs)


async def rewritten(tabs: Tabs, text: str) -> View:
    await sending.submit_edit(tabs, KEY, text, {})
    return await followed(tabs)


def test_an_edited_turn_continues_from_there_and_the_drafts_files_come_back() -> None:
    async def play() -> None:
        tabs = Tabs(FakeBackend())
        tab = await talked(tabs)
        tab.draft.attach(CLIP)
        assert tab.draft.edit(0) == "first"
        assert [item.path for item in tab.draft.tray] == [PHOTO.path]
        assert said(tab) == ["first", "Hello", "second", "Hello"]
        view = await rewritten(tabs, "another")
        assert (view.returned, view.rewritten) == ("", None)
        assert said(tab) == ["another", "Hello"]
        assert [part.path for part in tab.chat.conversation.media] == [PHOTO.path]
        assert [item.path for item in tab.draft.tray] == [CLIP.path]
        assert len(tab.chat.answers) == 1 and tab.draft.editing is None

    scene(play)


def test_an_edit_can_be_cancelled() -> None:
    async def play() -> None:
        tabs = Tabs(FakeBackend())
        tab = await talked(tabs)
        tab.draft.attach(CLIP)
        tab.draft.edit(0)
        view = await editing.cancel_edit(tabs, KEY)
        assert (view.returned, view.rewritten) == ("", None)
        assert "data-editing" not in view.run_state
        assert said(tab) == ["first", "Hello", "second", "Hello"]
        assert [item.path for item in tab.draft.tray] == [CLIP.path]

    scene(play)


def test_another_turn_can_be_chosen_while_one_is_edited() -> None:
    async def play() -> None:
        tab = await talked(Tabs(FakeBackend()))
        tab.draft.attach(CLIP)
        tab.draft.edit(0)
        assert tab.draft.edit(1) == "second" and tab.draft.tray == []
        tab.draft.cancel_edit()
        assert [item.path for item in tab.draft.tray] == [CLIP.path]

    scene(play)


@pytest.mark.parametrize("turn", [-1, 2, True, "0", None, 0.0, [0]])
def test_a_turn_that_is_not_there_is_not_edited(turn: object) -> None:
    async def play() -> None:
        tabs = Tabs(FakeBackend())
        tab = await talked(tabs)
        view = await editing.edit(tabs, KEY, gr.EventData(None, {"turn": turn}))
        assert view.rewritten is None and tab.draft.editing is None

    scene(play)


def test_a_turn_that_is_edited_during_an_answer_stops_it() -> None:
    async def play() -> None:
        tabs = Tabs(backend := FakeBackend())
        tab = await talked(tabs)
        backend.events, backend.pause_s = [Delta("x")] * 1000, 0.01
        await sending.submit(tabs, KEY, "third", {})
        await becomes(lambda: tab.chat.run and tab.chat.run.text)
        view = await editing.edit(tabs, KEY, gr.EventData(None, {"turn": 0}))
        assert view.rewritten == "first" and 'data-editing="0"' in view.run_state
        assert said(tab)[-2] == "third" and said(tab)[-1].startswith("x")

    scene(play)


def test_a_message_that_is_edited_before_its_answer_begins_is_in_the_composer_again() -> None:
    async def play() -> None:
        tabs = Tabs(FakeBackend(gate=threading.Event()))
        await sending.submit(tabs, KEY, "first", {})
        view = await editing.edit(tabs, KEY, gr.EventData(None, {"turn": 0}))
        assert (view.returned, view.rewritten) == ("first", None)
        assert tabs.open(KEY).draft.editing is None

    scene(play)


@pytest.mark.parametrize("turn", [0, 1])
def test_a_rewritten_turn_without_an_answer_yet_goes_on_being_rewritten(turn: int) -> None:
    async def play() -> None:
        tabs = Tabs(backend := FakeBackend())
        tab = await talked(tabs)
        await send(tabs, tab, "third")
        backend.gate = threading.Event()
        tab.draft.edit(1)
        await sending.submit_edit(tabs, KEY, "another", {})
        view = await editing.edit(tabs, KEY, gr.EventData(None, {"turn": turn}))
        assert view.rewritten == "another" and 'data-editing="1"' in view.run_state
        assert len(said(tab)) == 6

    scene(play)


def test_the_latest_turn_is_what_the_edit_button_means() -> None:
    async def play() -> None:
        tabs = Tabs(FakeBackend())
        assert (await editing.edit_latest(tabs, KEY)).rewritten is None
        tab = await talked(tabs)
        view = await editing.edit_latest(tabs, KEY)
        assert view.rewritten == "second" and tab.draft.editing and tab.draft.editing.turn == 1
        assert 'data-editing="1"' in view.run_state
        assert view.retry.visible == "hidden"

    scene(play)


def test_whatever_else_goes_on_waits_for_the_end_of_an_edit() -> None:
    async def play() -> None:
        tabs = Tabs(backend := FakeBackend())
        tab = await talked(tabs)
        tab.draft.edit(0)
        await sending.retry(tabs, KEY, {})
        await editing.undo(tabs, KEY)
        assert (await sending.submit(tabs, KEY, "a draft", {})).taken == ""
        assert len(backend.calls) == 2 and len(said(tab)) == 4 and tab.draft.editing

    scene(play)


def test_a_new_chat_ends_an_edit() -> None:
    async def play() -> None:
        tabs = Tabs(FakeBackend())
        tab = await talked(tabs)
        tab.draft.edit(0)
        await editing.clear(tabs, KEY)
        assert tab.draft.editing is None and tab.chat.conversation == Conversation()

    scene(play)


def test_a_failed_edit_leaves_the_conversation_and_goes_on_being_one() -> None:
    async def play() -> None:
        tabs = Tabs(backend := FakeBackend())
        tab = await talked(tabs)
        backend.events = [MediaError("No.")]
        tab.draft.edit(0)
        view = await rewritten(tabs, "another")
        assert (view.returned, view.rewritten) == ("", "another")
        assert (await following.final_update(tabs, KEY)).rewritten is None
        assert said(tab) == ["first", "Hello", "second", "Hello"] and len(tab.chat.answers) == 2
        assert tab.draft.editing and tab.draft.editing.turn == 0
        assert [item.path for item in tab.draft.tray] == [PHOTO.path]
        backend.events = [Delta("Good.")]
        await rewritten(tabs, "yet another")
        assert said(tab) == ["yet another", "Good."]

    scene(play)


def test_a_failed_edit_leaves_the_drafts_files_aside() -> None:
    async def play() -> None:
        tabs = Tabs(backend := FakeBackend())
        tab = await talked(tabs)
        tab.draft.attach(CLIP)
        tab.draft.edit(0)
        backend.events = [MediaError("No.")]
        await rewritten(tabs, "another")
        assert [item.path for item in tab.draft.tray] == [PHOTO.path]
        await editing.cancel_edit(tabs, KEY)
        assert [item.path for item in tab.draft.tray] == [CLIP.path]
        assert tab.draft.editing is None and len(said(tab)) == 4

    scene(play)


def test_a_failed_edit_is_given_to_a_page_that_opens_meanwhile() -> None:
    async def play() -> None:
        tabs = Tabs(backend := FakeBackend())
        tab = await talked(tabs)
        backend.events = [MediaError("No.")]
        tab.draft.edit(0)
        await sending.submit_edit(tabs, KEY, "another", {})
        told = [ending async for _, _, ending in following.follow(tabs, KEY)]
        assert told[-1] == "", "the page asks for the text"
        assert (await opening.reattach_page(tabs, KEY)).rewritten == "another"

    scene(play)


def test_what_is_rewritten_when_the_edit_has_ended_elsewhere_comes_into_the_composer() -> None:
    async def play() -> None:
        tabs = Tabs(backend := FakeBackend())
        await talked(tabs)
        view = await sending.submit_edit(tabs, KEY, "another", {})
        assert view.returned == "another" and len(backend.calls) == 2

    scene(play)


def test_an_edit_that_cannot_be_sent_goes_on() -> None:
    async def play() -> None:
        tabs = Tabs(FakeBackend())
        tab = await talked(tabs)
        tab.draft.edit(1)
        view = await sending.submit_edit(tabs, KEY, " ", {})
        assert 'data-editing="1"' in view.run_state and view.rewritten is None

    scene(play)


def test_a_new_chat_takes_the_whole_draft_that_an_edit_had_set_aside() -> None:
    """Its text and its files are one thing."""

    async def play() -> None:
        tabs = Tabs(FakeBackend())
        tab = await talked(tabs)
        tab.draft.attach(CLIP)
        tab.draft.edit(0)
        assert (await editing.clear(tabs, KEY)).returned == ""
        assert tab.draft.tray == [] and (await following.final_update(tabs, KEY)).returned == ""

    scene(play)


def test_what_was_fitted_is_not_said_of_other_items() -> None:
    tab = Tab(KEY, FakeBackend())
    tab.draft.attach(PHOTO)
    tab.draft.fit = Fit("It fits already.")
    tab.draft.attach(CLIP)
    assert tab.draft.fit is None
    tab.draft.fit = Fit("It fits already.")
    tab.draft.detach(CLIP.id)
    assert tab.draft.fit is None


def test_a_failed_retry_leaves_the_earlier_answer() -> None:
    async def play() -> None:
        tabs = Tabs(backend := FakeBackend())
        tab = await talked(tabs)
        backend.events = [MediaError("No.")]
        await sending.retry(tabs, KEY, {})
        view = await followed(tabs)
        assert said(tab) == ["first", "Hello", "second", "Hello"] and len(tab.chat.answers) == 2
        assert (view.returned, tab.draft.tray) == ("", [])
        assert "No." in view.notice

    scene(play)


def test_an_item_comes_back_at_the_resolution_that_it_was_sent_with() -> None:
    async def play() -> None:
        tabs = Tabs(FakeBackend())
        tab = tabs.open(KEY)
        tab.draft.attach(replace(PHOTO, resolution=Resolution("low")))
        await submitted(tabs, "first")
        assert tab.draft.edit(0) == "first"
        assert [item.resolution for item in tab.draft.tray] == [Resolution("low")]

    scene(play)


def test_refusals_go_with_the_message_that_follows_them() -> None:
    async def play() -> None:
        tabs = Tabs(FakeBackend())
        tab = tabs.open(KEY)
        tab.draft.refusals.append("a.txt is neither a picture nor a video")
        await submitted(tabs, "first")
        assert tab.draft.refusals == []

    scene(play)


def test_clear_starts_over_and_forgets() -> None:
    async def play() -> None:
        tabs = Tabs(backend := FakeBackend())
        await sending.submit(tabs, KEY, "Hi", {})
        await followed(tabs)
        cleared = await editing.clear(tabs, KEY)
        await becomes(lambda: backend.forgotten)
        assert (rest(cleared)["kept"], rest(cleared)["messages"]) == (0, []) and tabs.open(
            KEY
        ).chat.conversation == Conversation()
        assert backend.forgotten == [KEY]

    scene(play)


def test_undo_hands_the_message_back() -> None:
    async def play() -> None:
        tabs = Tabs(FakeBackend())
        await sending.submit(tabs, KEY, "Hi", {})
        await followed(tabs)
        undone = await editing.undo(tabs, KEY)
        assert (undone.returned, rest(undone)["kept"], rest(undone)["messages"]) == ("Hi", 0, [])

    scene(play)
