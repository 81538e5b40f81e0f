"""What a person does on the page, without a browser."""

from __future__ import annotations

import asyncio
import json
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import gradio as gr
import pytest
from PIL import Image as PillowImage

from model.backend import Backend, Delta, LoadProgress, Status
from model.conversation import Conversation
from model.errors import CheckpointError, MediaError
from model.grounding import Box
from model.loading import LoadingBackend
from model.settings import SETTING_SPECS, Bounds, DefaultSettings, GenerationSettings
from tests.support import media_files
from tests.support.fakes import FakeBackend
from tests.support.following import KEY, attach, drawn, followed, rest
from tests.support.patience import becomes, scene, wait_until
from ui.handlers import chat as handlers
from ui.handlers.setting_bounds import started
from ui.html import page_update as view
from ui.html.grounding import by_answer
from ui.html.page_update import View
from ui.state.registry import Tabs
from ui.state.tab.regions import Pointed
from ui.state.tab.resolution import Resolution
from ui.state.tab.run import Run
from ui.state.tab.tab import Tab

OTHER = "f" * 32


def posted(**data: Any) -> gr.EventData:
    return gr.EventData(None, data)


@pytest.fixture
def uploads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    PillowImage.new("RGB", (64, 48), "red").save(tmp_path / "red.png")
    (tmp_path / "notes.txt").write_text("no picture")
    (tmp_path / "fake.png").write_text("no picture either")
    return tmp_path


def test_a_page_gets_what_a_loaded_checkpoint_says_of_itself_once() -> None:
    async def play() -> None:
        backend = FakeBackend()
        tabs = Tabs(backend, given={"temperature": 0.5})
        start = started(tabs.defaults)
        assert await handlers.start_settings(tabs, start) == [gr.skip()] * (1 + len(SETTING_SPECS))
        backend.defaults = DefaultSettings.within(
            dict.fromkeys(("min_tokens", "max_tokens"), Bounds(64, 256)),
            GenerationSettings(repetition_penalty=1.05),
        )
        now, *controls = await handlers.start_settings(tabs, start)
        values = dict(zip((t.name for t in SETTING_SPECS), now["values"], strict=True))
        assert (values["repetition_penalty"], values["temperature"]) == (1.05, 0.5)
        largest = controls[[t.name for t in SETTING_SPECS].index("max_tokens")]
        assert (largest.minimum, largest.maximum) == (64, 256)
        assert await handlers.start_settings(tabs, now) == [gr.skip()] * (1 + len(SETTING_SPECS))

    scene(play)


BOUNDS = dict.fromkeys(("min_tokens", "max_tokens"), Bounds(64, 256))
OWN = DefaultSettings.within(BOUNDS, GenerationSettings(repetition_penalty=1.05))


def test_a_message_that_waits_for_the_checkpoint_takes_its_defaults(uploads: Path) -> None:
    """For each setting that nobody has chosen, and at the level that was chosen for a picture."""

    async def play() -> None:
        backend = FakeBackend(current=Status("loading", "Fake-VL"))
        tabs = Tabs(backend)
        tab = tabs.open(KEY)
        files = [{"path": str(uploads / "red.png"), "name": name} for name in "ab"]
        await attach(tabs, files)
        tab.see(tab.tray[1], Resolution("medium"))
        await handlers.submit(tabs, KEY, "What?", {"temperature": 0.5, "repetition_penalty": 1.0})
        await becomes(lambda: tab.run is not None and tab.run.state == "loading")
        assert not backend.calls
        backend.defaults, backend.current = OWN, FakeBackend().current
        await followed(tabs)
        call = backend.calls[0]
        assert call.settings == GenerationSettings(temperature=0.5, repetition_penalty=1.0)
        assert [picture.vision.max_tokens for picture in call.conversation.media] == [256, 128]
        assert tab.conversation.messages[0] == call.conversation.messages[0]
        assert tab.answers[0].settings == call.settings
        await handlers.edit_latest(tabs, KEY, "")
        assert [item.resolution.level for item in tab.tray] == ["auto", "medium"]

    scene(play)


def test_a_place_is_told_to_the_checkpoint_that_was_waited_for_as_it_sees_it(
    uploads: Path,
) -> None:
    async def play() -> None:
        loading = Status("loading", "Fake-VL", convention="qwen2_5_vl")
        backend = FakeBackend(current=loading)
        tabs = Tabs(backend)
        tab = tabs.open(KEY)
        PillowImage.new("RGB", (1120, 560)).save(uploads / "large.png")
        await attach(tabs, [{"path": str(uploads / "large.png"), "name": "large.png"}])
        tab.places.add(Pointed("p", (0.5, 0.5, 1.0, 1.0), tab.tray[0].id))
        await handlers.submit(tabs, KEY, "What?", {})
        await becomes(lambda: tab.run is not None and tab.run.state == "loading")
        backend.defaults = OWN
        backend.current = replace(loading, state="ready")
        await followed(tabs)
        [region] = backend.calls[0].conversation.messages[0].regions
        assert "[308, 154, 615, 307]" in region.text, "in the pixels of 22 x 11 tokens"
        await handlers.edit_latest(tabs, KEY, "")
        assert [place.corners for place in tab.places.marked] == [(0.5, 0.5, 1.0, 1.0)]

    scene(play)


def test_a_message_that_waits_in_vain_is_handed_back() -> None:
    async def play() -> None:
        def load(_: LoadProgress) -> Backend:
            raise CheckpointError("There is no folder x.")

        tabs = Tabs(LoadingBackend(load, "x"))
        taken, *_ = await handlers.submit(tabs, KEY, "Hi", {})
        last = await followed(tabs)
        assert (taken, last.returned) == ("Hi", "Hi") and "There is no folder x." in last.notice

    scene(play)


def test_a_message_is_taken_answered_and_shown() -> None:
    async def play() -> None:
        backend = FakeBackend()
        tabs = Tabs(backend)
        taken, *first = await handlers.submit(tabs, KEY, "Hi", {"temperature": 0.5})
        assert taken == "Hi"
        assert rest(View(*first))["messages"][-1]["role"] == "user"
        last = await followed(tabs)
        assert [m["role"] for m in drawn(tabs)["messages"]] == ["user", "assistant"]
        assert 'data-state="idle" data-turn="1"' in last.run_state
        assert (view.live_answer(tabs.open(KEY)), last.returned) == ("", "")
        assert [answer["text"] for answer in rest(last)["answers"]] == ["Hello"]
        assert "prompt tokens" in last.stats
        assert backend.calls[0].settings.temperature == 0.5
        assert backend.calls[0].session == KEY

    scene(play)


def test_an_answer_may_end_while_its_long_message_is_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    async def play() -> None:
        backend = FakeBackend(gate=threading.Event())
        tabs = Tabs(backend)
        draw = view.messages_html.messages

        def ended_meanwhile(*drawn: Any) -> list[Any]:
            assert backend.gate
            backend.gate.set()
            wait_until(lambda: not tabs.open(KEY).live)
            return draw(*drawn)

        monkeypatch.setattr(view.messages_html, "messages", ended_meanwhile)
        text = "x" * handlers.LONG
        taken, *first = await handlers.submit(tabs, KEY, text, {})
        assert taken == text
        assert [m["role"] for m in rest(View(*first))["messages"]] == ["user"]
        last = await followed(tabs)
        assert [answer["text"] for answer in rest(last)["answers"]] == ["Hello"]

    scene(play)


def test_the_page_sees_the_answer_grow() -> None:
    async def play() -> None:
        tabs = Tabs(FakeBackend([Delta("x")] * 30, pause_s=0.02))
        await handlers.submit(tabs, KEY, "Hi", {})
        looks = [look async for look in handlers.follow(tabs, KEY)]
        lengths = [len(live) for live, run_state in looks if "answering" in run_state]
        assert len(lengths) > 3
        assert lengths == sorted(lengths)

    scene(play)


class Watched(Tabs):
    """Remembers how long its pages were told to wait between two updates, and lets them go on at once."""

    def __init__(self, backend: FakeBackend) -> None:
        super().__init__(backend)
        self.told: list[float] = []

    def frame_s(self, shortest: float) -> float:
        self.told.append(shortest)
        return 0.0


@pytest.mark.parametrize("on_cpu", [False, True])
def test_a_page_is_drawn_less_often_where_the_processor_computes_the_answer(on_cpu: bool) -> None:
    async def play() -> None:
        status = Status("ready", "Fake", yield_core=(lambda: None) if on_cpu else None)
        tabs = Watched(FakeBackend([Delta("x")] * 10, pause_s=0.05, current=status))
        await handlers.submit(tabs, KEY, "Hi", {})
        await followed(tabs)
        assert tabs.told[0] == handlers.FRAME_S, "the first word is not held up"
        assert tabs.told[-1] == (handlers.CPU_FRAME_S if on_cpu else handlers.FRAME_S)

    scene(play)


@pytest.mark.parametrize("on_cpu", [False, True])
def test_a_core_that_computes_the_answer_is_free_before_the_page_is_drawn(on_cpu: bool) -> None:
    async def play() -> None:
        yielded: list[bool] = []
        yield_core = (lambda: yielded.append(True)) if on_cpu else None
        status = Status("ready", "Fake", yield_core=yield_core)
        tabs = Tabs(FakeBackend([Delta("x")] * 20, pause_s=0.05, current=status))
        await handlers.submit(tabs, KEY, "Hi", {})
        growing = [len(yielded) async for live, _ in handlers.follow(tabs, KEY) if "x" in live]
        assert len(growing) > 2
        assert growing == list(range(len(growing))) if on_cpu else not any(growing)

    scene(play)


def test_a_diagram_is_drawn_once_its_answer_stands() -> None:
    diagram = "```mermaid\ngraph TD; A --> B\n```\n"

    async def play() -> None:
        tabs = Tabs(FakeBackend([Delta(diagram), *[Delta("And.")] * 10], pause_s=0.02))
        await handlers.submit(tabs, KEY, "Hi", {})
        looks = [live async for live, *_ in handlers.follow(tabs, KEY)]
        assert any("A --> B" in live for live in looks)
        assert not any("mermaid" in live for live in looks)
        stands = await handlers.settled(tabs, KEY)
        assert rest(stands)["messages"][-1]["content"][0]["text"].startswith(diagram)

    scene(play)


def test_nothing_is_not_sent_and_a_second_message_waits_in_the_composer() -> None:
    async def play() -> None:
        backend = FakeBackend(gate=(gate := threading.Event()))
        tabs = Tabs(backend)
        assert (await handlers.submit(tabs, KEY, "  ", {}))[0] == ""
        assert (await handlers.submit(tabs, KEY, "one", {}))[0] == "one"
        assert (await handlers.submit(tabs, KEY, "two", {}))[0] == ""
        gate.set()
        await followed(tabs)
        assert len(backend.calls) == 1

    scene(play)


def test_a_setting_that_cannot_be_leaves_the_message_where_it_is() -> None:
    async def play() -> None:
        tabs = Tabs(FakeBackend())
        taken, *rest = await handlers.submit(tabs, KEY, "Hi", {"max_tokens": 5, "min_tokens": 9})
        assert taken == ""
        assert "Smallest size" in View(*rest).notice
        assert not tabs.open(KEY).live

    scene(play)


def test_a_failed_turn_hands_the_message_back_once() -> None:
    async def play() -> None:
        tabs = Tabs(FakeBackend([MediaError("No <such> picture.")]))
        await handlers.submit(tabs, KEY, "Hi", {})
        last = await followed(tabs)
        assert last.returned == "Hi"
        assert "No &lt;such&gt; picture." in last.notice
        assert 'data-state="error"' in last.run_state
        assert (await followed(tabs)).returned == ""

    scene(play)


def test_stop_is_seen_by_who_follows() -> None:
    async def play() -> None:
        tabs = Tabs(FakeBackend([Delta("x")] * 1000, pause_s=0.01))
        await handlers.submit(tabs, KEY, "Hi", {})
        following = asyncio.create_task(followed(tabs))
        await becomes(lambda: (run := tabs.open(KEY).run) and run.text)
        await handlers.stop(tabs, KEY)
        last = await following
        assert 'data-state="stopped"' in last.run_state
        assert rest(last)["messages"][-1]["role"] == "assistant"

    scene(play)


def test_retry_answers_the_same_message_with_the_settings_of_now() -> None:
    async def play() -> None:
        backend = FakeBackend()
        tabs = Tabs(backend)
        await handlers.submit(tabs, KEY, "Hi", {})
        await followed(tabs)
        await handlers.retry(tabs, KEY, {"temperature": 1.0})
        last = await followed(tabs)
        assert backend.calls[0].conversation == backend.calls[1].conversation
        assert backend.calls[1].settings.temperature == 1.0
        assert 'data-turn="2"' in last.run_state and len(drawn(tabs)["messages"]) == 2

    scene(play)


def test_retry_undo_and_stop_of_an_empty_conversation_do_nothing() -> None:
    async def play() -> None:
        tabs = Tabs(backend := FakeBackend())
        await handlers.retry(tabs, KEY, {})
        await handlers.undo(tabs, KEY)
        await handlers.stop(tabs, KEY)
        assert backend.calls == []

    scene(play)


def test_what_is_in_the_tray_is_read_ahead_with_the_settings_of_now(uploads: Path) -> None:
    async def play() -> None:
        tabs = Tabs(backend := FakeBackend())
        assert await handlers.read_ahead(tabs, KEY, {}) == gr.skip()
        await attach(tabs, [{"path": str(uploads / "red.png")}])
        ready = await handlers.read_ahead(tabs, KEY, {"max_tokens": 99, "vision_ids": True})
        (draft,) = backend.drafts
        (picture,) = draft.conversation.media
        assert (picture.vision.max_tokens, draft.settings.vision_ids) == (99, True)
        assert draft.session == KEY
        assert tabs.open(KEY).tray[0].id in ready

    scene(play)


def test_a_clip_is_shown_as_soon_as_it_can_be_played_also_after_its_answer(uploads: Path) -> None:
    async def play() -> None:
        tabs = Tabs(FakeBackend())
        media_files.clip(uploads / "a.avi", 10, codec="mpeg4", size=(64, 48))
        await attach(tabs, [{"path": str(uploads / "a.avi")}])
        await handlers.submit(tabs, KEY, "What?", {})
        (shown,) = json.loads(await handlers.play_clips(tabs, KEY))["messages"][0]["content"][:1]
        assert shown["file"]["path"].endswith(".mp4")
        assert await handlers.play_clips(tabs, KEY) == gr.skip()

    scene(play)


def test_nothing_is_read_ahead_of_an_edit_or_beside_an_answer(uploads: Path) -> None:
    async def play() -> None:
        tabs = Tabs(backend := FakeBackend(gate=(gate := threading.Event())))
        await handlers.submit(tabs, KEY, "Hi", {})
        await attach(tabs, [{"path": str(uploads / "red.png")}])
        assert await handlers.read_ahead(tabs, KEY, {}) == gr.skip()
        gate.set()
        await followed(tabs)
        await handlers.edit_latest(tabs, KEY, "")
        await attach(tabs, [{"path": str(uploads / "red.png")}])
        assert await handlers.read_ahead(tabs, KEY, {}) == gr.skip()
        assert backend.drafts == []

    scene(play)


def test_a_draft_that_cannot_be_read_is_not_marked(uploads: Path) -> None:
    class Refusing(FakeBackend):
        def read_ahead(self, *_: object, **__: object) -> bool:
            raise MediaError("No.")

    async def play() -> None:
        tabs = Tabs(Refusing())
        await attach(tabs, [{"path": str(uploads / "red.png")}])
        assert await handlers.read_ahead(tabs, KEY, {}) == gr.skip()

    scene(play)


def test_what_is_attached_while_the_model_loads_is_read_as_soon_as_it_is_there(
    uploads: Path,
) -> None:
    async def play() -> None:
        backend = FakeBackend(current=Status("loading", "Fake"))
        tabs = Tabs(backend)
        await attach(tabs, [{"path": str(uploads / "red.png")}])
        reading = asyncio.create_task(handlers.read_ahead(tabs, KEY, {}))
        await asyncio.sleep(0.05)
        assert backend.drafts == []
        backend.current = Status("ready", "Fake")
        assert tabs.open(KEY).tray[0].id in await reading

    scene(play)


def test_clear_starts_over_and_forgets() -> None:
    async def play() -> None:
        tabs = Tabs(backend := FakeBackend())
        await handlers.submit(tabs, KEY, "Hi", {})
        await followed(tabs)
        cleared = await handlers.clear(tabs, KEY)
        await becomes(lambda: backend.forgotten)
        assert (rest(cleared)["kept"], rest(cleared)["messages"]) == (0, []) and tabs.open(
            KEY
        ).conversation == Conversation()
        assert backend.forgotten == [KEY]

    scene(play)


def test_undo_hands_the_message_back() -> None:
    async def play() -> None:
        tabs = Tabs(FakeBackend())
        await handlers.submit(tabs, KEY, "Hi", {})
        await followed(tabs)
        undone = await handlers.undo(tabs, KEY)
        assert (undone.returned, rest(undone)["kept"], rest(undone)["messages"]) == ("Hi", 0, [])

    scene(play)


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
        assert [(item.name, item.size) for item in tab.tray] == [("<b>.png", (64, 48))]
        assert len(tab.refused) == 4
        assert "notes.txt is neither a picture nor a video; attach a PNG" in shown
        assert "<b>" not in shown
        assert Path(tab.tray[0].thumbnail).is_relative_to(uploads.resolve())

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
        assert len(tab.refused) == 2
        await attach(tabs, [red, notes])
        assert [str(sentence)[:9] for sentence in tab.refused] == ["notes.txt"]
        await handlers.open_page(tabs, KEY, "en", "", gr.Request(session_hash="reloaded"))
        assert not tab.refused and len(tab.tray) == 1

    scene(play)


def test_fast_clicks_on_the_tray_are_all_obeyed(uploads: Path) -> None:
    async def play() -> None:
        tabs = Tabs(FakeBackend())
        red = {"path": str(uploads / "red.png"), "name": "red.png"}
        await attach(tabs, [red, red, red, red])
        items = [item.id for item in tabs.open(KEY).tray]
        assert len(set(items)) == 4
        await asyncio.gather(
            *(handlers.change_tray(tabs, KEY, posted(op="detach", id=i)) for i in items[:3])
        )
        assert [item.id for item in tabs.open(KEY).tray] == items[3:]

    scene(play)


@pytest.mark.parametrize(
    "data", [{}, {"op": "dismiss", "id": "99"}, {"op": "dismiss", "id": -1}, {"op": []}, {"id": {}}]
)
def test_the_tray_survives_what_a_browser_makes_up(data: dict[str, Any]) -> None:
    async def play() -> None:
        tabs = Tabs(FakeBackend())
        tabs.open(KEY).refused.append("No.")
        await handlers.change_tray(tabs, KEY, posted(**data))
        assert tabs.open(KEY).refused == ["No."]

    scene(play)


def test_the_cost_is_asked_for_what_would_be_sent(uploads: Path) -> None:
    async def play() -> None:
        tabs = Tabs(backend := FakeBackend())
        assert await handlers.price(tabs, KEY, "Hi", {}) == ""
        red = {"path": str(uploads / "red.png"), "name": "red.png"}
        await attach(tabs, [red])
        assert "34 of 32,768" in await handlers.price(tabs, KEY, "Hi", {"max_tokens": 77})
        (talk,) = backend.estimates
        assert next(talk.media).vision.max_tokens == 77

    scene(play)


BOX = "<|object_ref_start|>a boat<|object_ref_end|><|box_start|>(250,500),(500,1000)<|box_end|>"


async def red_boat(tabs: Tabs, uploads: Path) -> None:
    """A picture was attached and asked about."""
    red = {"path": str(uploads / "red.png"), "name": "red.png"}
    await attach(tabs, [red])
    await handlers.submit(tabs, KEY, "Where is the boat?", {})


def test_what_an_answer_points_at_is_told_as_it_is_written_and_when_it_stands(
    uploads: Path,
) -> None:
    async def play() -> None:
        tabs = Tabs(FakeBackend([Delta("See "), Delta(BOX), *[Delta(".")] * 20], pause_s=0.02))
        await red_boat(tabs, uploads)
        looks = [state async for _, state in handlers.follow(tabs, KEY)]
        assert "data-places" not in looks[0]
        assert any("a boat" in state for state in looks)
        last = await handlers.settled(tabs, KEY)
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
        ((found,),) = by_answer(tabs.open(KEY).conversation, tabs.open(KEY).known, "qwen2_5_vl")
        assert found.places == (Box("a boat", 32, 24, 64, 48),)
        assert "a boat" in str(drawn(tabs)["answers"])

    scene(play)


def test_a_picture_is_saved_with_what_is_marked_on_it(uploads: Path) -> None:
    async def play() -> None:
        tabs = Tabs(FakeBackend([Delta(BOX)]))
        await red_boat(tabs, uploads)
        await followed(tabs)
        url, notice = await handlers.save_marked(tabs, KEY, posted(answer=0, picture=1))
        path = unquote(url.removeprefix("gradio_api/file="))
        assert PillowImage.open(path).size == (64, 48) and notice == ""
        (uploads / "red.png").unlink()
        url, notice = await handlers.save_marked(tabs, KEY, posted(answer=0, picture=1))
        assert url == "" and "red.png" in notice

    scene(play)


@pytest.mark.parametrize(
    "data", [{}, {"answer": 5, "picture": 1}, {"answer": [], "picture": {}}, {"answer": "0"}]
)
def test_nothing_is_saved_that_is_not_there(data: dict[str, Any], uploads: Path) -> None:
    async def play() -> None:
        tabs = Tabs(FakeBackend([Delta(BOX)]))
        await red_boat(tabs, uploads)
        await followed(tabs)
        assert await handlers.save_marked(tabs, KEY, posted(**data)) == ("", "")

    scene(play)


def test_a_page_without_a_proper_key_is_told_to_reload() -> None:
    async def play() -> None:
        for key in ("", "x", "0" * 31, "api-session", None):
            with pytest.raises(gr.Error, match="reload"):
                await handlers.stop(Tabs(FakeBackend()), key)  # type: ignore[arg-type]
        with pytest.raises(gr.Error, match="重新加载"):
            await handlers.choose_language(Tabs(FakeBackend()), "", "zh")

    scene(play)


def test_two_pages_have_their_own_conversations() -> None:
    async def play() -> None:
        tabs = Tabs(FakeBackend())
        await handlers.submit(tabs, KEY, "mine", {})
        await followed(tabs)
        assert rest(await followed(tabs, OTHER))["messages"] == []

    scene(play)


def test_loading_is_shown_until_the_model_is_there_or_has_failed() -> None:
    async def play() -> None:
        backend = FakeBackend(current=Status("loading", "Fake", progress=0.5))
        tabs = Tabs(backend)
        banner, _, state = await handlers.watch_loading(tabs, KEY)
        assert "50 %" in banner and 'data-state="loading"' in state
        backend.current = Status("failed", "Fake", "No such folder.")
        banner, _, state = await handlers.watch_loading(tabs, KEY)
        assert "No such folder." in banner and 'data-state="error"' in state
        backend.current = Status("ready", "Fake")
        _, timer, state = await handlers.watch_loading(tabs, KEY)
        assert 'data-state="idle"' in state and timer.active is False

    scene(play)


def test_a_run_that_cannot_start_leaves_its_tab_usable(monkeypatch: pytest.MonkeyPatch) -> None:
    """The system gives no more threads."""

    async def play() -> None:
        tabs = Tabs(backend := FakeBackend())
        with monkeypatch.context() as patch:
            patch.setattr(threading.Thread, "start", refused)
            taken, *_ = await handlers.submit(tabs, KEY, "Hi", {})
            last = await followed(tabs)
        assert (taken, last.returned, tabs.running) == ("Hi", "Hi", 0)
        assert "too much to do" in last.notice and last.message.submit_btn
        await handlers.submit(tabs, KEY, "Hi", {})
        assert (
            rest(await followed(tabs))["answers"][0]["text"] == "Hello" and len(backend.calls) == 1
        )

    scene(play)


def refused(_: threading.Thread) -> None:
    raise RuntimeError("can't start new thread")


def broken(*_: Any) -> Any:
    raise RuntimeError("a bug")


@pytest.mark.parametrize(("where", "part"), [(Tab, "settle"), (Run, "start")])
def test_a_bug_where_a_run_starts_or_ends_leaves_its_tab_usable(
    monkeypatch: pytest.MonkeyPatch, where: type, part: str
) -> None:
    async def play() -> None:
        tabs = Tabs(FakeBackend())
        with monkeypatch.context() as patch:
            patch.setattr(where, part, broken)
            await handlers.submit(tabs, KEY, "Hi", {})
            last = await followed(tabs)
        assert "Something went wrong" in last.notice and tabs.running == 0
        assert tabs.open(KEY).conversation == Conversation()
        await handlers.submit(tabs, KEY, "Hi", {})
        assert rest(await followed(tabs))["answers"][0]["text"] == "Hello"

    scene(play)


def test_a_file_that_is_looked_at_while_a_new_chat_begins_is_no_part_of_it(
    uploads: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def play() -> None:
        tabs = Tabs(FakeBackend())
        tab = tabs.open(KEY)
        looked, go_on = asyncio.Event(), asyncio.Event()
        inspect = tabs.errands.inspect

        async def slowly(*what: Any) -> Any:
            looked.set()
            await go_on.wait()
            return await inspect(*what)

        monkeypatch.setattr(tabs.errands, "inspect", slowly)
        files = [{"path": str(uploads / "red.png"), "name": name} for name in "ab"]
        attaching = asyncio.create_task(attach(tabs, files))
        await looked.wait()
        await handlers.clear(tabs, KEY)
        go_on.set()
        assert "<li" not in await attaching and tab.tray == [] and not tab.known
        await becomes(lambda: not (uploads / "red.png").exists())
        PillowImage.new("RGB", (64, 48), "red").save(uploads / "red.png")
        await attach(tabs, files)
        assert len(tab.tray) == 2

    scene(play)


def test_a_duplicate_of_a_tab_goes_on_by_itself(uploads: Path) -> None:
    async def play() -> None:
        tabs = Tabs(FakeBackend())
        await attach(tabs, [{"path": str(uploads / "red.png"), "name": "red.png"}])
        await handlers.submit(tabs, KEY, "Hi", {})
        await followed(tabs)
        await attach(tabs, [{"path": str(uploads / "red.png"), "name": "again.png"}])
        _, name, *_ = await handlers.open_page(tabs, OTHER, "en", KEY, gr.Request(session_hash="p"))
        shown = await handlers.look(tabs, OTHER)
        mine, other = tabs.open(KEY), tabs.open(OTHER)
        assert name == "p" and "copy of another" in shown.notice and "again.png" in shown.tray
        assert (other.conversation, other.answers) == (mine.conversation, mine.answers)
        await handlers.undo(tabs, OTHER)
        await handlers.clear(tabs, OTHER)
        assert mine.conversation.turns == 1 and len(mine.tray) == 1
        assert mine.tray[0].path and Path(mine.tray[0].path).exists()
        await handlers.open_page(tabs, OTHER, "en", "f" * 31, gr.Request(session_hash="p"))

    scene(play)


def test_a_duplicate_of_a_tab_that_is_being_answered_has_what_was_there_before() -> None:
    async def play() -> None:
        tabs = Tabs(backend := FakeBackend())
        await handlers.submit(tabs, KEY, "Hi", {})
        await followed(tabs)
        backend.gate = threading.Event()
        await handlers.retry(tabs, KEY, {})
        await handlers.open_page(tabs, OTHER, "en", KEY, gr.Request(session_hash="p"))
        other = tabs.open(OTHER)
        assert other.conversation.messages[-1].text == "Hello" and len(other.answers) == 1
        assert other.state == "idle"
        backend.gate.set()
        await followed(tabs)

    scene(play)
