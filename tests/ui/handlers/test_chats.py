"""What a browser is told of a conversation to keep it, and how it comes back."""

from __future__ import annotations

import asyncio
import base64
import json
import shutil
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from model.reproduce import archive_reader
from tests.support.fakes import FakeBackend
from tests.support.following import KEY, attach, followed, posted, red_boat, rest
from tests.support.patience import becomes, scene
from ui.handlers import chats, page_tab
from ui.handlers.chat import editing, sending
from ui.html.page_update import View
from ui.state.rate_limit import Rates
from ui.state.registry import Tabs
from ui.state.tab.tab import Tab
from ui.state.tray.attachment import Attachment

OTHER, STRANGER = "e" * 32, "d" * 32


async def told(tabs: Tabs, key: str = KEY) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(await chats.keep(tabs, key, posted(request=7)))
    assert found["request"] == 7
    return found


async def kept_chat(tabs: Tabs, uploads: Path) -> dict[str, Any]:
    """Ask about a picture, and return what the browser keeps of the answer."""
    await red_boat(tabs, uploads)
    await followed(tabs)
    return await told(tabs)


def uploaded(tabs: Tabs, folder: Path, kept: dict[str, Any]) -> str:
    """The kept zip file, as the browser sends it back."""
    path = folder / "chat.zip"
    path.write_bytes(base64.b64decode(kept["zip"]))
    tabs.uploads.register([str(path)])
    return str(path)


async def reopened(
    tabs: Tabs, path: str, files: object, key: str = OTHER
) -> tuple[dict[str, Any], View]:
    answer, *shown = await chats.reopen(tabs, key, posted(request=8, path=path, files=files))
    return json.loads(answer), View(*shown[: len(View._fields)])


def files(kept: dict[str, Any], key: str = KEY) -> list[list[str]]:
    return [[one["name"], one["path"], key] for one in kept["media"]]


def test_a_browser_is_told_what_brings_a_conversation_back(uploads: Path) -> None:
    async def play() -> None:
        tabs = Tabs(FakeBackend())
        assert await told(tabs) == {"request": 7}, "there is nothing to keep"
        kept = await kept_chat(tabs, uploads)
        assert kept["title"] == "Where is the boat?"
        (item,) = kept["media"]
        assert (item["path"], item["bytes"]) == (
            str(uploads / "red.png"),
            (uploads / "red.png").stat().st_size,
        )
        assert len(kept["thumbnails"]) == 1
        path = uploaded(tabs, uploads, kept)
        answer, view = await reopened(tabs, path, files(kept))
        tab = page_tab.tab_of(tabs, OTHER)
        assert answer == {"request": 8, "chat": tab.chat.id}
        assert len(rest(view)["messages"]) == 2
        assert [m.text for m in tab.chat.conversation.messages] == ["Where is the boat?", "Hello"]
        again = await told(tabs, OTHER)
        assert again["state"] == kept["state"], "it is the same conversation"
        (copied,) = again["media"]
        assert copied["hash"] == item["hash"] and copied["path"] != item["path"]

    scene(play)


def test_files_that_are_gone_are_asked_for_and_nothing_changes_before(uploads: Path) -> None:
    async def play() -> None:
        tabs = Tabs(FakeBackend())
        kept = await kept_chat(tabs, uploads)
        path = uploaded(tabs, uploads, kept)
        (name, *_), *_ = files(kept)
        (uploads / "red.png").rename(uploads / "again.png")
        assert await told(tabs) == {"request": 7}, "the browser keeps what it has"
        answer, view = await reopened(tabs, path, files(kept))
        assert answer == {"request": 8, "missing": [name]}
        assert not page_tab.tab_of(tabs, OTHER).chat.conversation.messages
        tabs.uploads.register([str(uploads / "again.png")])
        answer, view = await reopened(tabs, path, [[name, str(uploads / "again.png"), ""]])
        assert "chat" in answer and len(rest(view)["messages"]) == 2

    scene(play)


def test_nobody_learns_of_or_gets_other_peoples_files(uploads: Path) -> None:
    async def play() -> None:
        tabs = Tabs(FakeBackend())
        kept = await kept_chat(tabs, uploads)
        path = uploaded(tabs, uploads, kept)
        (there,), absent = files(kept, STRANGER), str(uploads / "no such.png")
        for owner in (STRANGER, OTHER, "no key"):
            for named in (there[1], absent):
                answer, _ = await reopened(tabs, path, [[there[0], named, owner]])
                assert answer["missing"] == [there[0]], "it is the same whether there is one"
        for named in (there[1], absent, "/etc/passwd"):
            answer, view = await reopened(tabs, path, [[there[0], named, ""]])
            assert answer == {"request": 8} and "was not uploaded here" in view.notice

    scene(play)


async def left(tabs: Tabs, of: object, key: str = OTHER) -> dict[str, Any]:
    """What a page is told of the closed tab with the key `of`."""
    found: dict[str, Any] = json.loads(await chats.keep(tabs, key, posted(request=9, of=of)))
    return found


def test_a_page_is_told_of_a_closed_tab_of_the_same_person_and_of_no_other(uploads: Path) -> None:
    async def play() -> None:
        tabs = Tabs(FakeBackend())
        kept = await kept_chat(tabs, uploads)
        for of in (STRANGER, "no key", 3, ["a"]):
            assert await left(tabs, of) == {"request": 9}
        assert (await left(tabs, KEY))["state"] == kept["state"]
        page_tab.tab_of(tabs, OTHER).presence.user = "bob"
        assert await left(tabs, KEY) == {"request": 9}

    scene(play)


def test_a_page_waits_for_the_last_answer_of_a_closed_tab(uploads: Path) -> None:
    async def play() -> None:
        backend = FakeBackend()
        tabs = Tabs(backend)
        kept = await kept_chat(tabs, uploads)
        backend.gate = threading.Event()
        await sending.submit(tabs, KEY, "And now?", {})
        assert await left(tabs, KEY) == {"request": 9, "writing": True}
        backend.gate.set()
        await followed(tabs)
        assert (await left(tabs, KEY))["state"] != kept["state"]

    scene(play)


def test_what_could_not_be_restored_is_not_kept(
    uploads: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def play() -> None:
        tabs = Tabs(FakeBackend())
        kept = await kept_chat(tabs, uploads)
        said = sum(len(m.text) for m in page_tab.tab_of(tabs, KEY).chat.conversation.messages)
        monkeypatch.setattr(archive_reader, "MAX_CHARACTERS", said)
        assert (await told(tabs))["state"] == kept["state"]
        monkeypatch.setattr(archive_reader, "MAX_CHARACTERS", said - 1)
        refused = await told(tabs)
        assert refused["refused"] == "too-large" and "zip" not in refused

    scene(play)


def test_what_is_posted_may_be_anything(uploads: Path) -> None:
    async def play() -> None:
        tabs = Tabs(FakeBackend())
        await red_boat(tabs, uploads)
        await followed(tabs)
        path = uploaded(tabs, uploads, await told(tabs))
        for strange in (None, 3, {"a": 1}, [[1, 2, 3]], [["a"]], [["a", "b", "c"]] * 401):
            answer, view = await reopened(tabs, path, strange)
            assert "chat" not in answer and (
                view.notice or answer.get("missing") or strange is None
            )
            path = uploaded(tabs, uploads, await told(tabs))
        unnumbered = await chats.keep(tabs, KEY, posted(request="x" * 1000))
        assert json.loads(unnumbered)["request"] == 0

    scene(play)


def test_another_chat_takes_the_place_of_the_one_on_the_page_and_the_draft_stays(
    uploads: Path,
) -> None:
    async def play() -> None:
        tabs = Tabs(FakeBackend())
        kept = await kept_chat(tabs, uploads)
        await editing.clear(tabs, KEY)
        await sending.submit(tabs, KEY, "Another chat", {})
        await followed(tabs)
        shutil.copy(uploads / "red.png", uploads / "draft.png")
        await attach(tabs, [{"path": str(uploads / "draft.png"), "name": "draft.png"}])
        answer, view = await reopened(tabs, uploaded(tabs, uploads, kept), files(kept), KEY)
        tab = page_tab.tab_of(tabs, KEY)
        assert answer["chat"] == tab.chat.id
        assert tab.chat.conversation.messages[0].text == "Where is the boat?"
        assert [item.name for item in tab.draft.tray] == ["draft.png"] and "draft.png" in view.tray
        await sending.submit(tabs, KEY, "And this?", {})
        await followed(tabs)
        assert tab.chat.conversation.turns == 2
        assert Path(str(list(tab.chat.conversation.media)[-1].path)).exists()

    scene(play)


def test_no_other_chat_is_opened_while_an_answer_is_written(uploads: Path) -> None:
    async def play() -> None:
        backend = FakeBackend()
        tabs = Tabs(backend)
        kept = await kept_chat(tabs, uploads)
        backend.pause_s = 0.2
        await sending.submit(tabs, KEY, "Go on", {})
        answer, view = await reopened(tabs, uploaded(tabs, uploads, kept), files(kept), KEY)
        assert answer == {"request": 8} and "stop it first" in view.notice
        assert (await told(tabs))["state"] == kept["state"], "what was answered so far can be kept"
        await followed(tabs)
        assert page_tab.tab_of(tabs, KEY).chat.conversation.turns == 2

    scene(play)


def test_a_new_chat_is_another_one_and_undo_brings_the_same_back(uploads: Path) -> None:
    async def play() -> None:
        tabs = Tabs(FakeBackend())
        await red_boat(tabs, uploads)
        await followed(tabs)
        first = (await told(tabs))["chat"]
        await editing.clear(tabs, KEY)
        await editing.undo_clear(tabs, KEY)
        assert (await told(tabs))["chat"] == first
        await editing.clear(tabs, KEY)
        await sending.submit(tabs, KEY, "Hi", {})
        await followed(tabs)
        assert (await told(tabs))["chat"] != first

    scene(play)


def test_too_many_requests_keep_nothing_and_open_nothing(uploads: Path) -> None:
    async def play() -> None:
        tabs = Tabs(FakeBackend())
        kept = await kept_chat(tabs, uploads)
        tabs.rates = Rates(1)
        tab = page_tab.tab_of(tabs, OTHER)
        tab.presence.asker = replace(tab.presence.asker, address="10.0.0.1")
        tabs.rates.admit_task("10.0.0.1")
        answer, view = await reopened(tabs, uploaded(tabs, uploads, kept), files(kept))
        assert answer == {"request": 8} and "Too many requests" in view.notice

    scene(play)


def test_new_chat_can_be_undone_after_its_chat_could_not_be_opened(uploads: Path) -> None:
    async def play() -> None:
        tabs = Tabs(FakeBackend())
        kept = await kept_chat(tabs, uploads)
        path = Path(uploaded(tabs, uploads, kept))
        path.write_bytes(b"no zip file")
        await editing.clear(tabs, KEY)
        answer, _ = await reopened(tabs, str(path), files(kept), KEY)
        assert answer == {"request": 8}
        await becomes(lambda: not path.exists())
        await editing.undo_clear(tabs, KEY)
        assert (await told(tabs))["state"] == kept["state"], "its picture is there"

    scene(play)


def test_a_file_that_is_being_attached_goes_to_the_draft_when_another_chat_is_opened(
    uploads: Path,
) -> None:
    async def play() -> None:
        tabs = Tabs(FakeBackend())
        kept = await kept_chat(tabs, uploads)
        path = uploaded(tabs, uploads, kept)
        draft = shutil.copy(uploads / "red.png", uploads / "draft.png")
        look, opened = tabs.background.inspect, asyncio.Event()

        async def look_at_length(tab: Tab, file: Path, name: object = None) -> Attachment:
            if name == "draft.png":
                await opened.wait()
            return await look(tab, file, name)

        tabs.background.inspect = look_at_length  # type: ignore[method-assign]
        attaching = asyncio.create_task(attach(tabs, [{"path": str(draft), "name": "draft.png"}]))
        await asyncio.sleep(0)
        answer, _ = await reopened(tabs, path, files(kept), KEY)
        opened.set()
        assert "draft.png" in await attaching and "chat" in answer
        assert [item.name for item in tabs.open(KEY).draft.tray] == ["draft.png"]

    scene(play)
