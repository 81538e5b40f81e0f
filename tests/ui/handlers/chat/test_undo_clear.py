"""New chat can be taken back for a while, with everything that it has put away."""

from __future__ import annotations

import os
import threading
from dataclasses import replace
from pathlib import Path

from model.errors import MediaError
from tests.support.fakes import FakeBackend
from tests.support.following import KEY, drawn, followed, red_boat
from tests.support.patience import becomes, scene
from tests.support.sending import CLIP, PHOTO
from ui.handlers.chat import editing, sending
from ui.html import page_update
from ui.html.page_update import View
from ui.state.registry import Tabs
from ui.state.tab.conversation import FORGOTTEN_CHAT

OFFER = "data-undo-clear"


async def answered(tabs: Tabs, text: str) -> View:
    """Ask, and wait for the end of the answer."""
    await sending.submit(tabs, KEY, text, {})
    return await followed(tabs)


def test_the_conversation_comes_back_with_its_draft_and_what_was_attached_since() -> None:
    async def play() -> None:
        tabs = Tabs(FakeBackend())
        tab = tabs.open(KEY)
        await answered(tabs, "Hi")
        tab.draft.attach(PHOTO)
        cleared = await editing.clear(tabs, KEY)
        assert OFFER in cleared.notice and tab.draft.tray == []
        tab.draft.attach(CLIP)
        shown = await editing.undo_clear(tabs, KEY)
        assert [m.text for m in tab.chat.conversation.messages] == ["Hi", "Hello"]
        assert tab.draft.tray == [PHOTO, CLIP] and len(tab.chat.answers) == 1
        assert OFFER not in shown.notice
        assert len(drawn(tabs)["messages"]) == 2

    scene(play)


def test_the_message_of_an_answer_that_was_given_up_is_in_the_composer_again() -> None:
    async def play() -> None:
        tabs = Tabs(FakeBackend(gate=(gate := threading.Event())))
        tab = tabs.open(KEY)
        tab.draft.attach(PHOTO)
        await sending.submit(tabs, KEY, "Hi", {})
        await editing.clear(tabs, KEY)
        gate.set()
        shown = await editing.undo_clear(tabs, KEY)
        assert (shown.returned, [item.path for item in tab.draft.tray]) == ("Hi", [PHOTO.path])
        assert tab.chat.conversation.messages == () and not tab.chat.live

    scene(play)


def test_the_way_back_hides_no_other_notice() -> None:
    async def play() -> None:
        tabs = Tabs(backend := FakeBackend())
        await answered(tabs, "Hi")
        await editing.clear(tabs, KEY)
        backend.events = [MediaError("It cannot be read.")]
        shown = await answered(tabs, "since")
        assert OFFER in shown.notice and "It cannot be read." in shown.notice
        tabs.open(KEY).chat.warn(FORGOTTEN_CHAT)
        both = page_update.notice(tabs.open(KEY))
        assert OFFER in both and "data-copy-said" in both

    scene(play)


def test_what_has_been_said_since_stays() -> None:
    async def play() -> None:
        tabs = Tabs(FakeBackend())
        tab = tabs.open(KEY)
        for text in ("before", "since"):
            await answered(tabs, text)
            if text == "before":
                await editing.clear(tabs, KEY)
        shown = await editing.undo_clear(tabs, KEY)
        assert [m.text for m in tab.chat.conversation.messages] == ["since", "Hello"]
        assert OFFER not in shown.notice

    scene(play)


def test_files_are_removed_when_it_is_too_late(tmp_path: Path) -> None:
    async def play() -> None:
        tabs = Tabs(FakeBackend(), undo_s=0.2)
        upload = tmp_path / "a.png"
        upload.write_bytes(b"a picture")
        tabs.uploads.keep(upload, KEY)
        tab = tabs.open(KEY)
        tab.draft.attach(replace(PHOTO, path=str(upload)))
        await editing.clear(tabs, KEY)
        assert upload.exists() and tab.cleared
        await becomes(lambda: not upload.exists())
        await editing.undo_clear(tabs, KEY)
        assert tab.draft.tray == []

    scene(play)


def test_a_second_new_chat_is_the_one_that_can_be_undone() -> None:
    async def play() -> None:
        tabs = Tabs(FakeBackend())
        for text in ("first", "second"):
            await answered(tabs, text)
            await editing.clear(tabs, KEY)
        await editing.undo_clear(tabs, KEY)
        assert [m.text for m in tabs.open(KEY).chat.conversation.messages] == ["second", "Hello"]

    scene(play)


async def pictured(tabs: Tabs, uploads: Path) -> list[Path]:
    """A message with a picture is answered. Gives the files that it needs."""
    await red_boat(tabs, uploads)
    await followed(tabs)
    (item,) = tabs.open(KEY).chat.attachments.values()
    return [Path(item.path), Path(item.thumbnail)]


def test_old_files_are_not_swept_as_long_as_new_chat_can_be_undone(uploads: Path) -> None:
    async def play() -> None:
        tabs = Tabs(FakeBackend())
        files = await pictured(tabs, uploads)
        tabs.page_opened(tabs.open(KEY), "browser", "page")
        for file in (*files, uploads / "notes.txt"):
            os.utime(file, (0.0, 0.0))
        await editing.clear(tabs, KEY)
        tabs.open_tabs.kept_s = 0.2
        await becomes(lambda: tabs.open(KEY) and not (uploads / "notes.txt").exists())
        assert all(file.exists() for file in files)

    scene(play)


def test_a_copy_of_the_tab_takes_nothing_away_that_can_come_back(uploads: Path) -> None:
    async def play() -> None:
        tabs = Tabs(FakeBackend())
        files = await pictured(tabs, uploads)
        copy = tabs.open("copy")
        tabs.copy(KEY, copy)
        shown = uploads / "made.webp"
        shown.touch()
        tabs.made(copy, [str(shown)])
        await editing.clear(tabs, KEY)
        tabs.undo_s = 0.0
        tabs.clear(copy)
        await becomes(lambda: not shown.exists())
        assert all(file.exists() for file in files)

    scene(play)


def test_what_was_attached_since_is_for_the_next_message_and_not_for_a_rewritten_one() -> None:
    async def play() -> None:
        tabs = Tabs(FakeBackend())
        tab = tabs.open(KEY)
        await answered(tabs, "Hi")
        tab.draft.attach(PHOTO)
        tab.draft.edit(0)
        await editing.clear(tabs, KEY)
        tab.draft.attach(CLIP)
        await editing.undo_clear(tabs, KEY)
        assert tab.draft.editing and tab.draft.tray == []
        await editing.cancel_edit(tabs, KEY)
        assert tab.draft.tray == [PHOTO, CLIP]

    scene(play)
