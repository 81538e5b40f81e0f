"""One message under two settings, without a browser: both answers, and the conversation as it was."""

from __future__ import annotations

import json
import re
import threading
from html import unescape
from pathlib import Path
from typing import Any

import gradio as gr
import pytest

from model.backend import Delta, Status
from model.checkpoint.choose import BUNDLED
from model.conversation import Image
from model.errors import ContextError
from model.local import LocalBackend
from model.settings import SETTING_SPECS, Bounds, DefaultSettings, GenerationSettings
from tests.support import media_files
from tests.support.fakes import FakeBackend
from tests.support.following import KEY, attach, followed
from tests.support.patience import becomes, scene
from ui.handlers import comparison as comparing
from ui.handlers import page_tab
from ui.handlers.chat import editing, sending
from ui.state.registry import Tabs
from ui.state.tab import run as runs
from ui.state.tab.comparison import overrides_of


def posted(*sides: dict[str, Any]) -> gr.EventData:
    return gr.EventData(None, {"sides": list(sides)})


async def compared(tabs: Tabs, text: str, *sides: dict[str, Any], **page: Any) -> str:
    """What is shown when both sides are there."""
    shown = await comparing.compare(tabs, KEY, text, posted(*sides), page)
    async for later in comparing.follow(tabs, KEY):
        shown = later
    return shown


def sections(shown: str) -> list[str]:
    found = re.findall(r"<section.*?</section>", shown, re.DOTALL)
    assert len(found) == 2
    return found


@pytest.fixture
def photo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    return media_files.photo(tmp_path / "a photo.png", (300, 200))


def test_both_sides_that_wait_for_the_checkpoint_take_its_defaults(photo: Path) -> None:
    """But for what they are asked to differ in, though the page may have started with it."""

    async def play() -> None:
        backend = FakeBackend(current=Status("loading", "Fake-VL"))
        tabs = Tabs(backend)
        tab = page_tab.tab_of(tabs, KEY)
        await attach(tabs, [{"path": str(photo), "name": photo.name}])
        sides = {"repetition_penalty": 1.0}, {"repetition_penalty": 1.2, "max_tokens": 99}
        await comparing.compare(tabs, KEY, "What?", posted(*sides), {"top_k": 7})
        await becomes(
            lambda: tab.comparison and tab.comparison.run and tab.comparison.run.state == "loading"
        )
        tab.draft.tray.clear()
        backend.current = FakeBackend().current
        bounds = dict.fromkeys(("min_tokens", "max_tokens"), Bounds(64, 256))
        own = GenerationSettings(repetition_penalty=1.05, temperature=0.5)
        backend.defaults = DefaultSettings.within(bounds, own)
        shown = [shown async for shown in comparing.follow(tabs, KEY)][-1]
        penalties = [call.settings.repetition_penalty for call in backend.calls]
        assert penalties == [1.0, 1.2]
        assert {(call.settings.temperature, call.settings.top_k) for call in backend.calls} == {
            (0.5, 7)
        }
        pictures = [next(iter(call.conversation.media)) for call in backend.calls]
        assert [picture.vision.max_tokens for picture in pictures] == [256, 99]
        assert "Maximum detail per picture (tokens): 256" in sections(shown)[0]

    scene(play)


def test_both_sides_are_asked_one_after_the_other_and_the_conversation_stays(photo: Path) -> None:
    async def play() -> None:
        backend = FakeBackend()
        tabs = Tabs(backend)
        tab = page_tab.tab_of(tabs, KEY)
        await sending.submit(tabs, KEY, "Hello", {})
        await followed(tabs)
        await attach(tabs, [{"path": str(photo), "name": photo.name}])
        before, tray = tab.chat.conversation, list(tab.draft.tray)
        small, numbered = {"max_tokens": 16}, {"max_tokens": 99, "vision_ids": True}
        shown = await compared(tabs, "What?", small, numbered, system_prompt="Be brief.")
        assert (tab.chat.conversation, tab.draft.tray, len(tab.chat.answers)) == (before, tray, 1)
        _, first, second = backend.calls
        assert [call.conversation.messages[:2] for call in (first, second)] == [before.messages] * 2
        pictures = [next(iter(call.conversation.media)) for call in (first, second)]
        assert [p.vision.max_tokens for p in pictures if isinstance(p, Image)] == [16, 99]
        assert [call.settings.vision_ids for call in (first, second)] == [False, True]
        assert {call.settings.system_prompt for call in (first, second)} == {"Be brief."}
        # Nothing is kept between them, so that both are measured alike and the chat keeps what it has.
        assert (first.session, second.session) == ("", "")
        a, b = sections(shown)
        assert "Maximum detail per picture (tokens): 16 · Number pictures and videos: off" in a
        assert "Maximum detail per picture (tokens): 99 · Number pictures and videos: on" in b
        said_a, said_b = (re.sub("<[^>]*>", "", section) for section in (a, b))
        assert said_a.count("1,312 tokens in (1,180 reused, 1,092 visual)") == 1
        assert "first word 0.21 s · 38 tokens/s" in said_b
        assert "What?" in shown and "a photo.png" in shown

    scene(play)


def test_words_that_only_one_answer_has_are_marked_when_both_are_there() -> None:
    async def play() -> None:
        backend = FakeBackend()
        backend.answer = lambda _: [
            Delta("A red <b>boat</b>." if len(backend.calls) == 1 else "A green <b>boat</b>.")
        ]
        shown = await compared(Tabs(backend), "What?", {}, {"seed": 3})
        a, b = sections(shown)
        assert "A <del>red</del> &lt;b&gt;boat&lt;/b&gt;." in a
        assert "A <ins>green</ins> &lt;b&gt;boat&lt;/b&gt;." in b
        assert "1 in A, 1 in B" in shown

    scene(play)


def test_answers_of_the_same_words_are_said_to_be() -> None:
    async def play() -> None:
        shown = await compared(Tabs(FakeBackend()), "What?", {}, {})
        assert "Both answers are identical." in shown
        assert "<ins>" not in shown and "<del>" not in shown
        assert sections(shown)[0].count("The same settings") == 1

    scene(play)


def test_stop_stops_both_and_keeps_what_there_is() -> None:
    async def play() -> None:
        backend = FakeBackend([Delta("word ")] * 200, pause_s=0.02)
        tabs = Tabs(backend)
        await comparing.compare(tabs, KEY, "Hi", posted({}, {}), {})
        tab = page_tab.tab_of(tabs, KEY)
        shown = ""
        async for shown in comparing.follow(tabs, KEY):
            if "word" in shown:
                await comparing.stop(tabs, KEY)
        assert len(backend.calls) == 1
        assert "word" in sections(shown)[0] and "stopped" in sections(shown)[0]
        assert "word" not in sections(shown)[1]
        assert "data-running" not in shown and not tab.busy

    scene(play)


def test_a_side_that_cannot_be_says_why_and_nothing_is_asked() -> None:
    async def play() -> None:
        backend = FakeBackend()
        wrong: dict[str, Any] = {"temperature": 5}
        a, b = sections(await compared(Tabs(backend), "Hi", {"temperature": 1}, wrong))
        assert "alert" not in a
        assert "“Temperature” is 5; it must be between 0 and 2." in b
        assert backend.calls == []

    scene(play)


def test_an_error_stands_on_its_side_and_the_other_is_answered() -> None:
    async def play() -> None:
        backend = FakeBackend()
        full = ContextError("The answer does not fit.")
        backend.answer = lambda _: [full] if len(backend.calls) == 1 else [Delta("Fine.")]
        a, b = sections(await compared(Tabs(backend), "Hi", {}, {"top_k": 3}))
        assert "The answer does not fit." in a and "alert" not in b
        assert "Fine." in b

    scene(play)


def test_an_empty_message_and_an_answer_in_the_making_are_refused_in_a_sentence() -> None:
    async def play() -> None:
        backend = FakeBackend(gate=(gate := threading.Event()))
        tabs = Tabs(backend)
        assert "The message is empty" in await compared(tabs, " ", {}, {})
        await sending.submit(tabs, KEY, "one", {})
        assert "stop it first" in await compared(tabs, "two", {}, {})
        gate.set()
        await followed(tabs)
        assert len(backend.calls) == 1

    scene(play)


def test_a_page_that_comes_back_finds_the_comparison_and_its_form() -> None:
    async def play() -> None:
        tabs = Tabs(FakeBackend())
        nothing = gr.EventData(None, None)
        first, _ = await comparing.show_comparison(tabs, KEY, "en", nothing, {"max_tokens": 400})
        assert re.search(r'data-name="max_tokens">.*?value="400".*?value="100"', first)
        assert first.count('class="row"') == len(SETTING_SPECS) == first.count(" hidden>") + 1
        await compared(tabs, "Hi", {"top_p": 0.5}, {"top_p": 0.25})
        form, shown = await comparing.show_comparison(tabs, KEY, "zh", nothing, {})
        assert re.search(r'data-name="top_p">.*?value="0.5".*?value="0.25"', form)
        assert "两个回答完全相同。" in shown

    scene(play)


def test_a_new_chat_gives_up_the_comparison() -> None:
    async def play() -> None:
        backend = FakeBackend(gate=threading.Event())
        tabs = Tabs(backend)
        await comparing.compare(tabs, KEY, "Hi", posted({}, {}), {})
        run = (tab := page_tab.tab_of(tabs, KEY)).comparison
        await editing.clear(tabs, KEY)
        async for _ in comparing.follow(tabs, KEY):
            pass
        await becomes(lambda: not (run and run.running))
        assert tab.comparison is None and len(backend.calls) == 1

    scene(play)


def test_settings_can_be_taken_over_as_they_were() -> None:
    async def play() -> None:
        shown = await compared(Tabs(FakeBackend()), "Hi", {"seed": 3.0}, {"seed": None})
        taken = [
            json.loads(unescape(found)) for found in re.findall(r'data-settings="([^"]*)"', shown)
        ]
        assert taken == [{"seed": 3}, {"seed": None}]

    scene(play)


@pytest.mark.parametrize(
    "data",
    [None, 3, [], [{}], [1, 2], [{}, {}, {}], [{"nonsense": 1}, {"max_tokens": [1]}, None],
     [{"max_tokens": None, "nonsense": {}}, {"min_tokens": {"a": 1}}]],
)  # fmt: skip
def test_nonsense_from_a_browser_is_no_wish(data: object) -> None:
    assert overrides_of(data) == ({}, {})


def test_the_bundled_checkpoint_answers_under_both_settings(photo: Path) -> None:
    async def play() -> None:
        backend = LocalBackend.load(BUNDLED, device="cpu", cache_gb=0.2)
        tabs = Tabs(backend)
        await attach(tabs, [{"path": str(photo), "name": photo.name}])
        overrides: list[dict[str, Any]] = [{"max_tokens": 16}, {"max_tokens": 64}]
        shown = await compared(tabs, "Describe the image.", *overrides, max_new_tokens=8)
        visual = [re.findall(r"\(0 reused, (\d+) visual\)", side) for side in sections(shown)]
        tab = page_tab.tab_of(tabs, KEY)
        assert tab.comparison
        used = [[str(side.usage.visual_tokens)] for side in tab.comparison.sides if side.usage]
        assert visual == used and int(used[0][0]) <= 16 < int(used[1][0]) <= 64
        assert backend.engine.prefix_cache._store.nbytes == 0

    scene(play)


def test_a_comparison_that_nobody_follows_asks_for_no_second_side(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def play() -> None:
        monkeypatch.setattr(runs, "ORPHAN_S", 0.05)
        backend = FakeBackend(gate=threading.Event())
        tabs = Tabs(backend)
        await comparing.compare(tabs, KEY, "Hi", posted({}, {}), {})
        await becomes(lambda: not page_tab.tab_of(tabs, KEY).busy)
        assert len(backend.calls) == 1

    scene(play)
