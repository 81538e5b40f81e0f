"""Files come into the tray and leave it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import gradio as gr
import pytest
from PIL import Image as PillowImage

from tests.support.fakes import FakeBackend
from tests.support.following import KEY, attach, posted
from tests.support.patience import becomes, scene
from ui.handlers.chat import editing, opening
from ui.handlers.tray import attaching
from ui.state.registry import Tabs


def test_good_files_are_attached_and_bad_ones_explained(uploads: Path) -> None:
    async def play() -> None:
        tabs = Tabs(FakeBackend())
        files = [
            {"path": str(uploads / "red.png"), "name": "<b>.png"},
            {"path": str(uploads / "notes.txt"), "name": "notes.txt"},
            {"path": str(uploads / "fake.png"), "name": "fake.png"},
            {"path": "/etc/passwd", "name": "passwd.png"},
            "not even an object",
        ]
        shown = await attach(tabs, files)
        tab = tabs.open(KEY)
        assert [(item.name, item.size) for item in tab.draft.tray] == [("<b>.png", (64, 48))]
        assert len(tab.draft.refusals) == 4
        assert "notes.txt is neither a picture nor a video; attach a PNG" in shown
        assert "<b>" not in shown
        assert Path(tab.draft.tray[0].thumbnail).is_relative_to(uploads.resolve())

    scene(play)


def test_an_address_is_refused_where_addresses_are_not_fetched(uploads: Path) -> None:  # noqa: ARG001
    async def play() -> None:
        tabs = Tabs(FakeBackend())
        address = posted(files=[{"address": "https://example.org/a.png"}])
        shown = await attaching.attach(tabs, KEY, address)
        assert "is a web address; download it and attach the file" in shown
        assert tabs.open(KEY).draft.tray == []

    scene(play)


def test_what_was_refused_is_forgotten_after_the_next_success_and_a_reload(uploads: Path) -> None:
    async def play() -> None:
        tabs = Tabs(FakeBackend())
        red, notes, fake = (
            {"path": str(uploads / name), "name": name}
            for name in ("red.png", "notes.txt", "fake.png")
        )
        await attach(tabs, [notes])
        tab = tabs.open(KEY)
        await attach(tabs, [fake])
        assert len(tab.draft.refusals) == 2
        await attach(tabs, [red, notes])
        assert [str(sentence)[:9] for sentence in tab.draft.refusals] == ["notes.txt"]
        await opening.open_page(tabs, KEY, "en", "", "", gr.Request(session_hash="reloaded"))
        assert not tab.draft.refusals and len(tab.draft.tray) == 1

    scene(play)


def test_fast_clicks_on_the_tray_are_all_obeyed(uploads: Path) -> None:
    async def play() -> None:
        tabs = Tabs(FakeBackend())
        red = {"path": str(uploads / "red.png"), "name": "red.png"}
        await attach(tabs, [red, red, red, red])
        items = [item.id for item in tabs.open(KEY).draft.tray]
        assert len(set(items)) == 4
        await asyncio.gather(
            *(attaching.change_tray(tabs, KEY, posted(op="detach", id=i)) for i in items[:3])
        )
        assert [item.id for item in tabs.open(KEY).draft.tray] == items[3:]

    scene(play)


@pytest.mark.parametrize(
    "data", [{}, {"op": "dismiss", "id": "99"}, {"op": "dismiss", "id": -1}, {"op": []}, {"id": {}}]
)
def test_the_tray_survives_what_a_browser_makes_up(data: dict[str, Any]) -> None:
    async def play() -> None:
        tabs = Tabs(FakeBackend())
        tabs.open(KEY).draft.refusals.append("No.")
        await attaching.change_tray(tabs, KEY, posted(**data))
        assert tabs.open(KEY).draft.refusals == ["No."]

    scene(play)


def test_a_file_that_is_looked_at_while_a_new_chat_begins_is_no_part_of_it(
    uploads: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def play() -> None:
        tabs = Tabs(FakeBackend())
        tab = tabs.open(KEY)
        looked, go_on = asyncio.Event(), asyncio.Event()
        look_at = tabs.background.look_at

        async def slowly(*what: Any) -> Any:
            looked.set()
            await go_on.wait()
            return await look_at(*what)

        monkeypatch.setattr(tabs.background, "look_at", slowly)
        files = [{"path": str(uploads / "red.png"), "name": name} for name in "ab"]
        attachment = asyncio.create_task(attach(tabs, files))
        await looked.wait()
        await editing.clear(tabs, KEY)
        go_on.set()
        assert "<li" not in await attachment and tab.draft.tray == [] and not tab.chat.attachments
        await becomes(lambda: not (uploads / "red.png").exists())
        PillowImage.new("RGB", (64, 48), "red").save(uploads / "red.png")
        await attach(tabs, files)
        assert len(tab.draft.tray) == 2

    scene(play)
