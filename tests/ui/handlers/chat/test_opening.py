"""A page opens: what it is told, and whose conversation it shows."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import gradio as gr
import pytest
from starlette.requests import HTTPConnection

from model.backend import Status
from model.settings import SETTING_SPECS, Bounds, DefaultSettings, GenerationSettings
from tests.support.fakes import FakeBackend
from tests.support.following import KEY, attach, followed, rest
from tests.support.patience import scene
from ui.handlers import checkpoint, settings
from ui.handlers.chat import editing, opening, sending
from ui.handlers.settings import started
from ui.html.page_update import View
from ui.http.asker import asking
from ui.state.registry import Tabs

OTHER = "f" * 32


def test_a_page_gets_what_a_loaded_checkpoint_says_of_itself_once() -> None:
    async def play() -> None:
        backend = FakeBackend()
        tabs = Tabs(backend, given={"temperature": 0.5})
        start = started(tabs.defaults_of(tabs.backend))
        assert await settings.start_settings(tabs, "", start) == [gr.skip()] * (
            1 + len(SETTING_SPECS)
        )
        backend.defaults = DefaultSettings.within(
            dict.fromkeys(("min_tokens", "max_tokens"), Bounds(64, 256)),
            GenerationSettings(repetition_penalty=1.05),
        )
        now, *controls = await settings.start_settings(tabs, "", start)
        values = dict(zip((t.name for t in SETTING_SPECS), now["values"], strict=True))
        assert (values["repetition_penalty"], values["temperature"]) == (1.05, 0.5)
        largest = controls[[t.name for t in SETTING_SPECS].index("max_tokens")]
        assert (largest.minimum, largest.maximum) == (64, 256)
        assert await settings.start_settings(tabs, "", now) == [gr.skip()] * (
            1 + len(SETTING_SPECS)
        )

    scene(play)


def test_a_page_without_a_proper_key_is_told_to_reload() -> None:
    async def play() -> None:
        for key in ("", "x", "0" * 31, "api-session", None):
            with pytest.raises(gr.Error, match="reload"):
                await sending.stop(Tabs(FakeBackend()), key)  # type: ignore[arg-type]
        with pytest.raises(gr.Error, match="重新加载"):
            await opening.choose_language(Tabs(FakeBackend()), "", "zh")

    scene(play)


def test_two_pages_have_their_own_conversations() -> None:
    async def play() -> None:
        tabs = Tabs(FakeBackend())
        await sending.submit(tabs, KEY, "mine", {})
        await followed(tabs)
        assert rest(await followed(tabs, OTHER))["messages"] == []

    scene(play)


def test_a_page_that_opens_is_sent_what_was_said_with_what_runs() -> None:
    async def play() -> None:
        tabs = Tabs(FakeBackend())
        await sending.submit(tabs, KEY, "Hi", {})
        await followed(tabs)
        opened = await opening.open_page(tabs, KEY, "en", "", "", gr.Request(session_hash="page"))
        key, name, owner, _, banner, timer, *shown = opened
        assert (key, name, owner, timer.active) == (KEY, "page", "", False) and "Fake-VL" in banner
        update = json.loads(View(*shown).conversation)
        assert [message["role"] for message in update["messages"]] == ["user", "assistant"]

    scene(play)


def test_loading_is_shown_until_the_model_is_there_or_has_failed() -> None:
    async def play() -> None:
        backend = FakeBackend(current=Status("loading", "Fake", progress=0.5))
        tabs = Tabs(backend)
        _, banner, _, state, _ = await checkpoint.watch_loading(tabs, KEY)
        assert "50 %" in banner and 'data-state="loading"' in state
        backend.current = Status("failed", "Fake", "No such folder.")
        _, banner, _, state, _ = await checkpoint.watch_loading(tabs, KEY)
        assert "No such folder." in banner and 'data-state="error"' in state
        backend.current = Status("ready", "Fake")
        _, _, timer, state, _ = await checkpoint.watch_loading(tabs, KEY)
        assert 'data-state="idle"' in state and timer.active is False

    scene(play)


def test_a_duplicate_of_a_tab_goes_on_by_itself(uploads: Path) -> None:
    async def play() -> None:
        tabs = Tabs(FakeBackend())
        await attach(tabs, [{"path": str(uploads / "red.png"), "name": "red.png"}])
        await sending.submit(tabs, KEY, "Hi", {})
        await followed(tabs)
        await attach(tabs, [{"path": str(uploads / "red.png"), "name": "again.png"}])
        _, name, *_ = await opening.open_page(
            tabs, OTHER, "en", KEY, "", gr.Request(session_hash="p")
        )
        shown = await opening.reattach_page(tabs, OTHER)
        mine, other = tabs.open(KEY), tabs.open(OTHER)
        assert name == "p" and "copy of another" in shown.notice and "again.png" in shown.tray
        assert (other.chat.conversation, other.chat.answers) == (
            mine.chat.conversation,
            mine.chat.answers,
        )
        await editing.undo(tabs, OTHER)
        await editing.clear(tabs, OTHER)
        assert mine.chat.conversation.turns == 1 and len(mine.draft.tray) == 1
        assert mine.draft.tray[0].path and Path(mine.draft.tray[0].path).exists()
        await opening.open_page(tabs, OTHER, "en", "f" * 31, "", gr.Request(session_hash="p"))

    scene(play)


def test_a_duplicate_of_a_tab_that_is_being_answered_has_what_was_there_before() -> None:
    async def play() -> None:
        tabs = Tabs(backend := FakeBackend())
        await sending.submit(tabs, KEY, "Hi", {})
        await followed(tabs)
        backend.gate = threading.Event()
        await sending.retry(tabs, KEY, {})
        await opening.open_page(tabs, OTHER, "en", KEY, "", gr.Request(session_hash="p"))
        other = tabs.open(OTHER)
        assert other.chat.conversation.messages[-1].text == "Hello" and len(other.chat.answers) == 1
        assert other.state == "idle"
        backend.gate.set()
        await followed(tabs)

    scene(play)


def test_a_page_says_what_the_server_has_forgotten_until_there_is_another_chat() -> None:
    async def play() -> None:
        tabs = Tabs(FakeBackend())
        page = gr.Request(session_hash="p")
        await opening.open_page(tabs, KEY, "en", "", "chat", page)
        shown = await opening.reattach_page(tabs, KEY)
        assert "has forgotten this chat" in shown.notice and "data-copy-said" in shown.notice
        await sending.submit(tabs, KEY, "Hi", {})
        assert (await followed(tabs)).notice == ""
        await opening.open_page(tabs, KEY, "en", "", "chat", page)
        assert (await opening.reattach_page(tabs, KEY)).notice == ""
        await opening.open_page(tabs, OTHER, "en", "", "files", page)
        shown = await opening.reattach_page(tabs, OTHER)
        assert "Attach them again" in shown.notice and "data-copy-said" not in shown.notice

    scene(play)


def test_a_page_of_a_tab_that_is_gone_changes_nothing_and_may_begin_anew() -> None:
    """Its conversation would be replaced by one that is empty."""

    async def play() -> None:
        tabs = Tabs(backend := FakeBackend())
        asks = {
            "type": "http",
            "headers": [(b"accept-language", b"ko")],
            "client": ("192.0.2.1", 1),
        }
        asking.set(HTTPConnection(asks))
        for refused in (
            sending.submit(tabs, KEY, "Hi", {}, "chat"),
            sending.retry(tabs, KEY, {}),
            editing.undo(tabs, KEY),
        ):
            with pytest.raises(gr.Error, match="페이지를 더 이상 알지 못합니다"):
                await refused
        assert not len(tabs.open_tabs) and not backend.calls
        await editing.clear(tabs, KEY)
        await sending.submit(tabs, KEY, "Hi", {}, "chat")
        await sending.submit(tabs, OTHER, "Hi", {}, "")
        for key in (KEY, OTHER):
            await followed(tabs, key)
        assert len(backend.calls) == 2

    scene(play)


def test_somebody_else_who_logs_in_in_the_same_tab_gets_an_empty_page() -> None:
    async def play() -> None:
        tabs = Tabs(FakeBackend())
        tab = tabs.open(KEY)
        ann, bob = (gr.Request(username=name, session_hash="p") for name in ("ann", "bob"))
        for request in (ann, ann):
            await opening.open_page(tabs, KEY, "en", "", "", request)
            await sending.submit(tabs, KEY, "A secret", {})
            await followed(tabs)
        assert tab.chat.conversation.turns == 2, "it is still Ann"
        await opening.open_page(tabs, OTHER, "en", KEY, "", bob)
        assert not tabs.open(OTHER).chat.conversation.messages, "nor a copy"
        await opening.open_page(tabs, KEY, "en", "", "chat", bob)
        assert not tab.chat.conversation.messages
        await editing.undo_clear(tabs, KEY)
        assert not tab.chat.conversation.messages

    scene(play)
