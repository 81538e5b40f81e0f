"""What is attached is read while the person is typing."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import gradio as gr

from model.backend import Status
from model.errors import MediaError
from tests.support.fakes import FakeBackend
from tests.support.following import KEY, attach, followed
from tests.support.patience import scene
from ui.handlers.chat import editing, sending
from ui.handlers.tray import read_ahead
from ui.state.registry import Tabs


def test_what_is_in_the_tray_is_read_ahead_with_the_settings_of_now(uploads: Path) -> None:
    async def play() -> None:
        tabs = Tabs(backend := FakeBackend())
        assert await read_ahead.read_ahead(tabs, KEY, {}) == gr.skip()
        await attach(tabs, [{"path": str(uploads / "red.png")}])
        ready = await read_ahead.read_ahead(tabs, KEY, {"max_tokens": 99, "vision_ids": True})
        (draft,) = backend.drafts
        (picture,) = draft.conversation.media
        assert (picture.vision.max_tokens, draft.settings.vision_ids) == (99, True)
        assert draft.session == KEY
        assert tabs.open(KEY).draft.tray[0].id in ready

    scene(play)


def test_nothing_is_read_ahead_of_an_edit_or_beside_an_answer(uploads: Path) -> None:
    async def play() -> None:
        tabs = Tabs(backend := FakeBackend(gate=(gate := threading.Event())))
        await sending.submit(tabs, KEY, "Hi", {})
        await attach(tabs, [{"path": str(uploads / "red.png")}])
        assert await read_ahead.read_ahead(tabs, KEY, {}) == gr.skip()
        gate.set()
        await followed(tabs)
        await editing.edit_latest(tabs, KEY)
        await attach(tabs, [{"path": str(uploads / "red.png")}])
        assert await read_ahead.read_ahead(tabs, KEY, {}) == gr.skip()
        assert backend.drafts == []

    scene(play)


def test_a_draft_that_cannot_be_read_is_not_marked(uploads: Path) -> None:
    class Refusing(FakeBackend):
        def read_ahead(self, *_: object, **__: object) -> bool:
            raise MediaError("No.")

    async def play() -> None:
        tabs = Tabs(Refusing())
        await attach(tabs, [{"path": str(uploads / "red.png")}])
        assert await read_ahead.read_ahead(tabs, KEY, {}) == gr.skip()

    scene(play)


def test_what_is_attached_while_the_model_loads_is_read_as_soon_as_it_is_there(
    uploads: Path,
) -> None:
    async def play() -> None:
        backend = FakeBackend(current=Status("loading", "Fake"))
        tabs = Tabs(backend)
        await attach(tabs, [{"path": str(uploads / "red.png")}])
        reading = asyncio.create_task(read_ahead.read_ahead(tabs, KEY, {}))
        await asyncio.sleep(0.05)
        assert backend.drafts == []
        backend.current = Status("ready", "Fake")
        assert tabs.open(KEY).draft.tray[0].id in await reading

    scene(play)
