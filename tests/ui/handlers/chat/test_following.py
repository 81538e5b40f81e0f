"""The page follows an answer as it grows."""

from __future__ import annotations

import json
from pathlib import Path

import gradio as gr
import pytest

from model.backend import Delta, Status
from model.errors import MediaError
from model.grounding import Box
from tests.support import media_files
from tests.support.fakes import FakeBackend
from tests.support.following import BOX, KEY, attach, drawn, followed, red_boat, rest
from tests.support.patience import scene
from ui.handlers import frames
from ui.handlers.chat import following, opening, sending
from ui.html.grounding import by_answer
from ui.html.page_update import View
from ui.state.registry import Tabs


class Watched(Tabs):
    """Remembers how long its pages were told to wait between two updates, and lets them go on at once."""

    def __init__(self, backend: FakeBackend) -> None:
        super().__init__(backend)
        self.told: list[float] = []

    def frame_s(self, shortest: float) -> float:
        self.told.append(shortest)
        return 0.0


def test_the_page_sees_the_answer_grow() -> None:
    async def play() -> None:
        tabs = Tabs(FakeBackend([Delta("x")] * 30, pause_s=0.02))
        await sending.submit(tabs, KEY, "Hi", {})
        looks = [look async for look in following.growing(tabs, tabs.open(KEY))]
        lengths = [len(live) for live, run_state in looks if "answering" in run_state]
        assert len(lengths) > 3
        assert lengths == sorted(lengths)

    scene(play)


@pytest.mark.parametrize("on_cpu", [False, True])
def test_a_page_is_drawn_less_often_where_the_processor_computes_the_answer(on_cpu: bool) -> None:
    async def play() -> None:
        status = Status("ready", "Fake", yield_core=(lambda: None) if on_cpu else None)
        tabs = Watched(FakeBackend([Delta("x")] * 10, pause_s=0.05, current=status))
        await sending.submit(tabs, KEY, "Hi", {})
        await followed(tabs)
        assert tabs.told[0] == frames.FRAME_S, "the first word is not held up"
        assert tabs.told[-1] == (frames.CPU_FRAME_S if on_cpu else frames.FRAME_S)

    scene(play)


@pytest.mark.parametrize("on_cpu", [False, True])
def test_a_core_that_computes_the_answer_is_free_before_the_page_is_drawn(on_cpu: bool) -> None:
    async def play() -> None:
        yielded: list[bool] = []
        yield_core = (lambda: yielded.append(True)) if on_cpu else None
        status = Status("ready", "Fake", yield_core=yield_core)
        tabs = Tabs(FakeBackend([Delta("x")] * 20, pause_s=0.05, current=status))
        await sending.submit(tabs, KEY, "Hi", {})
        growing = [
            len(yielded) async for live, _ in following.growing(tabs, tabs.open(KEY)) if "x" in live
        ]
        assert len(growing) > 2
        assert growing == list(range(len(growing))) if on_cpu else not any(growing)

    scene(play)


def test_a_diagram_is_drawn_once_its_answer_stands() -> None:
    diagram = "```mermaid\ngraph TD; A --> B\n```\n"

    async def play() -> None:
        tabs = Tabs(FakeBackend([Delta(diagram), *[Delta("And.")] * 10], pause_s=0.02))
        await sending.submit(tabs, KEY, "Hi", {})
        looks = [live async for live, *_ in following.growing(tabs, tabs.open(KEY))]
        assert any("A --> B" in live for live in looks)
        assert not any("mermaid" in live for live in looks)
        stands = await following.final_update(tabs, KEY)
        assert rest(stands)["messages"][-1]["content"][0]["text"].startswith(diagram)

    scene(play)


def test_a_clip_is_shown_as_soon_as_it_can_be_played_also_after_its_answer(uploads: Path) -> None:
    async def play() -> None:
        tabs = Tabs(FakeBackend())
        media_files.clip(uploads / "a.avi", 10, codec="mpeg4", size=(64, 48))
        await attach(tabs, [{"path": str(uploads / "a.avi")}])
        await sending.submit(tabs, KEY, "What?", {})
        (shown,) = json.loads(await following.play_clips(tabs, KEY))["messages"][0]["content"][:1]
        assert shown["file"]["path"].endswith(".mp4")
        assert await following.play_clips(tabs, KEY) == gr.skip()

    scene(play)


def test_what_an_answer_points_at_is_told_as_it_is_written_and_when_it_stands(
    uploads: Path,
) -> None:
    async def play() -> None:
        tabs = Tabs(FakeBackend([Delta("See "), Delta(BOX), *[Delta(".")] * 20], pause_s=0.02))
        await red_boat(tabs, uploads)
        looks = [state async for _, state in following.growing(tabs, tabs.open(KEY))]
        assert "data-places" not in looks[0]
        assert any("a boat" in state for state in looks)
        last = await following.final_update(tabs, KEY)
        assert "data-places" not in last.run_state and "a boat" in str(rest(last)["answers"])

    scene(play)


def test_the_checkpoints_convention_is_used(uploads: Path) -> None:
    async def play() -> None:
        answer = '{"bbox_2d": [28, 28, 56, 56], "label": "a boat"}'
        status = Status("ready", "Fake", convention="qwen2_5_vl")
        tabs = Tabs(FakeBackend([Delta(answer)], current=status))
        await red_boat(tabs, uploads)
        await followed(tabs)
        # 64x48 is seen as 56x56.
        ((found,),) = by_answer(
            tabs.open(KEY).chat.conversation, tabs.open(KEY).chat.attachments, ["qwen2_5_vl"]
        )
        assert found.places == (Box("a boat", 32, 24, 64, 48),)
        assert "a boat" in str(drawn(tabs)["answers"])

    scene(play)


def test_following_ends_with_everything_that_the_answer_has_changed() -> None:
    async def play() -> None:
        tabs = Tabs(FakeBackend([Delta("Hello")]))
        await sending.submit(tabs, KEY, "Hi", {})
        *_, (live, state, ending) = [update async for update in following.follow(tabs, KEY)]
        assert live == state == gr.skip()
        shown = View(*json.loads(ending))
        assert [said["text"] for said in rest(shown)["answers"]] == ["Hello"]
        assert (shown.retry, shown.live) == ({"visible": True, "__type__": "update"}, gr.skip())

    scene(play)


def test_the_text_of_a_message_that_came_to_nothing_is_asked_for_and_given_once() -> None:
    async def play() -> None:
        tabs = Tabs(FakeBackend([MediaError("No such picture.")]))
        await sending.submit(tabs, KEY, "Hi", {})
        *_, (_, _, ending) = [update async for update in following.follow(tabs, KEY)]
        assert ending == ""
        assert (await following.final_update(tabs, KEY)).returned == "Hi"
        assert (await following.final_update(tabs, KEY)).returned == ""

    scene(play)


def test_a_page_that_comes_back_after_a_message_came_to_nothing_is_given_its_text() -> None:
    async def play() -> None:
        tabs = Tabs(FakeBackend([MediaError("No such picture.")]))
        await sending.submit(tabs, KEY, "Hi", {})
        async for _ in following.growing(tabs, tabs.open(KEY)):
            pass
        assert (await opening.reattach_page(tabs, KEY)).returned == "Hi"
        assert (await following.final_update(tabs, KEY)).returned == ""

    scene(play)
