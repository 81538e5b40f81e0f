"""Several checkpoints on one page: the chosen one answers, and an answer stays what its checkpoint meant."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import gradio as gr
import pytest
from gradio_client.exceptions import AppError

from model.backend import CacheFigures, Delta, Status
from model.errors import LocalizedText
from model.grounding import Box
from model.reproduce import archive
from model.settings import Bounds, DefaultSettings, GenerationSettings
from tests.support import media_files
from tests.support.fakes import FakeBackend
from tests.support.following import KEY, attach, drawn, followed, posted
from tests.support.pages import gradio_environment, listening
from tests.support.patience import scene
from tests.support.served import program
from ui.handlers import checkpoint, comparison, export, settings
from ui.handlers.chat import opening, sending
from ui.handlers.tray import pricing
from ui.html.grounding import by_answer
from ui.html.reproduce import questions
from ui.page.build import build_page
from ui.state.registry import Tabs

BOXES = '{"bbox_2d": [28, 28, 56, 56], "label": "a boat"}'
OWN = DefaultSettings.within(
    dict.fromkeys(("min_tokens", "max_tokens"), Bounds(64, 256)),
    GenerationSettings(repetition_penalty=1.05),
)


@dataclass
class Startable(FakeBackend):
    """One that is loaded when it is chosen. fails: why it never is."""

    begun: list[None] = field(default_factory=list)
    fails: LocalizedText | None = None

    def begin(self) -> None:
        self.begun.append(None)
        if self.fails:
            self.current = Status("failed", "Second", self.fails)


def two() -> tuple[FakeBackend, Startable, Tabs]:
    first = FakeBackend([Delta(BOXES)])
    status = Status("ready", "Second · cpu fp32", convention="qwen2_5_vl")
    second = Startable([Delta(BOXES)], current=status, defaults=OWN)
    return first, second, Tabs({"first": first, "second": second})


async def choose(tabs: Tabs, name: object) -> tuple[Any, ...]:
    return await checkpoint.choose(tabs, KEY, posted(name=name))


async def say(tabs: Tabs, text: str, **settings: Any) -> None:
    await sending.submit(tabs, KEY, text, settings)
    await followed(tabs)


@pytest.fixture
def photo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    return media_files.solid(tmp_path / "red.png", "red", (64, 48))


def test_one_checkpoint_alone_is_no_choice() -> None:
    async def play() -> None:
        tabs = Tabs(FakeBackend())
        opened = await opening.open_page(tabs, KEY, "en", "", "", gr.Request(session_hash="p"))
        choice, banner = opened[3:5]
        assert choice == "" and "Fake-VL · cpu float32" in banner
        await say(tabs, "Hi")
        assert 'class="checkpoint"' not in str(drawn(tabs)["messages"])

    scene(play)


def test_a_chat_goes_on_with_the_chosen_checkpoint_and_its_settings() -> None:
    async def play() -> None:
        first, second, tabs = two()
        await say(tabs, "Hi")
        choice, banner, *_ = await choose(tabs, "second")
        assert '<option value="second" selected>' in choice and "<strong" in banner
        assert "cpu fp32" in banner and "Second" not in banner, "the name is in the choice"
        assert second.begun
        await say(tabs, "And you?")
        assert len(first.calls) == len(second.calls) == 1
        assert [m.text for m in second.calls[0].conversation.messages] == ["Hi", BOXES, "And you?"]
        assert second.calls[0].settings.repetition_penalty == 1.05
        answers = tabs.open(KEY).chat.answers
        assert [one.checkpoint for one in answers] == ["first", "second"]
        start, *_ = await settings.start_settings(tabs, KEY, {})
        assert start["bounds"]["max_tokens"][:2] == [64, 256]
        said = str(drawn(tabs)["messages"])
        assert said.index(">first</div>") < said.index(">second</div>")

    scene(play)


def test_each_answers_boxes_are_drawn_as_its_checkpoint_means_them(photo: Path) -> None:
    async def play() -> None:
        _, _, tabs = two()
        tabs.open(KEY)
        await attach(tabs, [{"path": str(photo), "name": "red.png"}])
        await say(tabs, "Where is the boat?")
        await choose(tabs, "second")
        await say(tabs, "And for you?")
        chat = tabs.open(KEY).chat
        conventions = tabs.open(KEY).conventions_of(chat.conversation)
        assert conventions == ["qwen2_vl", "qwen2_5_vl"]
        (one,), (other,) = by_answer(chat.conversation, chat.attachments, conventions)
        assert one.places != other.places
        assert other.places == (Box("a boat", 32, 24, 64, 48),)
        first, second = drawn(tabs)["answers"]
        assert first["places"][0]["marks"] != second["places"][0]["marks"]

    scene(play)


def test_what_a_message_costs_is_the_chosen_checkpoints_to_say(photo: Path) -> None:
    async def play() -> None:
        first, second, tabs = two()
        tabs.open(KEY)
        await attach(tabs, [{"path": str(photo), "name": "red.png"}])
        await choose(tabs, "second")
        await pricing.price(tabs, KEY, "Hi", {})
        assert (len(first.estimates), len(second.estimates)) == (0, 1)

    scene(play)


def test_a_checkpoint_that_cannot_be_loaded_is_told_and_the_one_before_goes_on() -> None:
    async def play() -> None:
        first, second, tabs = two()
        second.fails = LocalizedText("There is no GPU.")
        _, _, timer, *_ = await choose(tabs, "second")
        assert timer.active, "it looks once more, although loading has failed already"
        choice, _, timer, _, notice = await checkpoint.watch_loading(tabs, KEY)
        assert '<option value="first" selected>' in choice and "There is no GPU." in notice
        assert not timer.active
        await say(tabs, "Hi")
        assert len(first.calls) == 1
        _, _, _, _, notice = await choose(tabs, "third")
        assert "no checkpoint" in notice and "first, second" in notice

    scene(play)


def test_a_running_answer_is_finished_by_the_checkpoint_that_began_it() -> None:
    async def play() -> None:
        _, second, tabs = two()
        await sending.submit(tabs, KEY, "Hi", {})
        await choose(tabs, "second")
        await followed(tabs)
        assert tabs.open(KEY).chat.answers[0].checkpoint == "first" and not second.calls

    scene(play)


def test_a_duplicated_tab_keeps_the_choice_and_another_tab_has_its_own() -> None:
    async def play() -> None:
        _, _, tabs = two()
        await choose(tabs, "second")
        other, third = "f" * 32, "e" * 32
        await opening.open_page(tabs, other, "en", KEY, "", gr.Request(session_hash="p"))
        assert tabs.open(other).checkpoint == "second" and tabs.open(third).checkpoint == "first"

    scene(play)


def test_two_checkpoints_are_compared_and_one_is_taken() -> None:
    async def play() -> None:
        first, second, tabs = two()
        form, _ = await comparison.show_comparison(tabs, KEY, "en", posted(), {})
        row = form.split('data-name="checkpoint"')[1].split("</div>")[0]
        assert row.count("selected") == 2 and "hidden" not in row.split(">")[0]
        sides: list[dict[str, Any]] = [
            {"checkpoint": "first"},
            {"checkpoint": "second", "top_k": 7},
        ]
        await comparison.compare(tabs, KEY, "Hi", posted(sides=sides), {})
        shown = [one async for one in comparison.follow(tabs, KEY)][-1]
        assert len(first.calls) == len(second.calls) == 1
        assert second.calls[0].settings.top_k == 7
        assert (
            second.calls[0].settings.repetition_penalty,
            first.calls[0].settings.repetition_penalty,
        ) == (1.05, 1.0)
        assert (
            '<p class="differing">first · ' in shown and '<p class="differing">second · ' in shown
        )
        assert "&quot;checkpoint&quot;: &quot;second&quot;" in shown
        sides[1]["checkpoint"] = "nobody"
        shown = await comparison.compare(tabs, KEY, "Hi", posted(sides=sides), {})
        assert "There is no checkpoint" in shown

    scene(play)


def test_an_archive_and_a_script_name_the_checkpoint_of_each_answer(tmp_path: Path) -> None:
    async def play() -> None:
        _, _, tabs = two()
        await say(tabs, "Hi")
        await choose(tabs, "second")
        await say(tabs, "And you?")
        await choose(tabs, "first")
        tab = tabs.open(KEY)
        answers = tuple(tab.chat.answers)
        kept = export.plain_archive(tab, tab.chat.conversation, answers)
        assert kept.model_info.checkpoint == "Second"
        archive.write(kept, tmp_path / "a.zip")
        with zipfile.ZipFile(tmp_path / "a.zip") as file:
            told = file.read("conversation.md").decode()
            facts = json.loads(file.read("settings.json"))
        assert told.index("## first") < told.index("## second")
        assert facts["answers"][1]["convention"] == "qwen2_5_vl"
        defaults = {"checkpoint": "first", **DefaultSettings().values}
        turns = list(questions(tab.chat.conversation, answers, lambda _: defaults))
        assert "checkpoint" not in turns[0].settings
        assert turns[1].settings["checkpoint"] == "second"

    scene(play)


def test_memory_of_all_checkpoints_is_counted_and_all_forget() -> None:
    async def play() -> None:
        first, second, tabs = two()
        assert tabs.cache_figures() is None
        first.figures = CacheFigures(1, 10, 2, 3)
        assert tabs.cache_figures() == CacheFigures(1, 10, 2, 3)
        second.figures = CacheFigures(4, 20, 0, 1)
        assert tabs.cache_figures() == CacheFigures(5, 30, 2, 4)

    scene(play)


@pytest.fixture(scope="module")
def served(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[FakeBackend, Startable, str]]:
    with gradio_environment(tmp_path_factory.mktemp("uploads")):
        first, second, _ = two()
        with listening(build_page({"first": first, "second": second})) as url:
            yield first, second, url


def test_a_program_names_the_checkpoint(served: tuple[FakeBackend, Startable, str]) -> None:
    first, second, url = served
    client, message = program(url), {"text": "Hi", "files": []}
    client.predict(message, {"checkpoint": "second", "top_k": 3}, api_name="/chat")
    assert (len(first.calls), len(second.calls)) == (0, 1) and second.begun
    assert second.calls[0].settings.top_k == 3
    client.predict(message, {}, api_name="/chat")
    assert len(first.calls) == 1, "without a name it is the first, whatever was asked before"
    assert len(first.calls[0].conversation.messages) == 3
    client.predict(message, {"checkpoint": "second"}, api_name="/estimate")
    assert len(second.estimates) == 1
    for wrong in ("nobody", 5, None):
        with pytest.raises(AppError, match="the checkpoints are first, second"):
            client.predict(message, {"checkpoint": wrong}, api_name="/chat")
