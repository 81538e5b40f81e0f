"""The examples of an empty page are real files with a licence, and asking one asks the model."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import gradio as gr
import pytest

from tests.support.fakes import FakeBackend
from tests.support.following import KEY, followed
from tests.support.patience import scene
from ui.handlers import page_tab
from ui.handlers.chat import sending
from ui.html.examples import EXAMPLES, FOLDER, offered
from ui.state.registry import Tabs
from ui.state.tray.attachment import Attachment
from ui.text.english import ENGLISH
from ui.text.korean import KOREAN


@pytest.fixture(autouse=True)
def _uploads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))


def test_every_example_has_its_files_and_a_question_in_every_language() -> None:
    for demo in (True, False):
        assert offered(ENGLISH, demo).count("<button") == 4
        assert offered(ENGLISH, demo).count("data:image/webp;base64,") == 5
    both = offered(KOREAN, True) + offered(KOREAN, False)
    for example in EXAMPLES.values():
        assert example.files and all((FOLDER / file).is_file() for file in example.files)
        assert KOREAN.examples[example.name] in both


def test_a_clip_is_told_from_a_picture_by_its_length() -> None:
    assert offered(ENGLISH, True).count("<small>▶ 0:03</small>") == 1


def test_every_file_is_listed_with_source_and_licence() -> None:
    listed = (FOLDER.parent / "ASSETS.md").read_text(encoding="utf-8")
    assert [file.name for file in FOLDER.iterdir() if f"examples/{file.name}`" not in listed] == []


def test_an_example_is_asked_with_its_files_and_leaves_the_tray_alone() -> None:
    async def play() -> None:
        tabs = Tabs(backend := FakeBackend())
        tab = tabs.open(KEY)
        mine = Attachment("1", "image", "/u/a.png", "a.png", (64, 48), "/u/t.webp", "/u/a.png")
        tab.draft.attach(mine)
        await sending.ask_example(tabs, KEY, gr.EventData(None, {"example": "which"}), {})
        await followed(tabs)
        (call,) = backend.calls
        assert call.conversation.messages[0].text == "Which picture has the star?"
        assert [Path(p.path or "").name for p in call.conversation.media] == list(
            EXAMPLES["which"].files
        )
        assert tab.draft.tray == [mine] and len(tab.chat.conversation.messages) == 2

    scene(play)


def test_an_example_that_is_pressed_twice_is_asked_once() -> None:
    async def play() -> None:
        tabs = Tabs(backend := FakeBackend(gate=(gate := threading.Event())))
        press = gr.EventData(None, {"example": "which"})
        await asyncio.gather(*(sending.ask_example(tabs, KEY, press, {}) for _ in range(2)))
        assert page_tab.tab_of(tabs, KEY).chat.notice == ""
        gate.set()
        await followed(tabs)
        assert len(backend.calls) == 1

    scene(play)


@pytest.mark.parametrize("name", ["", "describe all", 1, True, None, {}])
def test_an_example_that_is_not_there_is_not_asked(name: object) -> None:
    async def play() -> None:
        tabs = Tabs(backend := FakeBackend())
        await sending.ask_example(tabs, KEY, gr.EventData(None, {"example": name}), {})
        assert backend.calls == []

    scene(play)
