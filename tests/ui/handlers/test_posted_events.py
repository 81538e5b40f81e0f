"""What a page's scripts post may be anything: no handler breaks on it, and the conversation stays."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import gradio as gr
import pytest
from PIL import Image as PillowImage

from tests.support.fakes import FakeBackend
from tests.support.following import KEY, attach, followed
from tests.support.patience import scene
from ui.handlers import comparison as comparing
from ui.handlers import export as keeping
from ui.handlers import marked_copy, page_tab
from ui.handlers.chat import editing, sending
from ui.handlers.tray import attaching
from ui.handlers.tray import inspector as inspecting
from ui.state.registry import Tabs

Handler = Callable[[Tabs, gr.EventData], Awaitable[Any]]

# Each handler of an event with what it reads of it.
HANDLERS: dict[str, tuple[Handler, tuple[str, ...], tuple[dict[str, Any], ...]]] = {
    "attach": (lambda t, e: attaching.attach(t, KEY, e), ("error", "files", "request"), ({},)),
    "change_tray": (
        lambda t, e: attaching.change_tray(t, KEY, e),
        ("op", "id", "request"),
        ({"op": "detach"}, {"op": "unpoint"}, {"op": "dismiss"}),
    ),
    "inspect": (
        lambda t, e: inspecting.inspect(t, KEY, "Hi", e, {}),
        ("op", "id", "places", "level", "max_tokens", "box", "src", "budget"),
        ({}, {"op": "set_resolution"}, {"op": "move"}, {"op": "point"}, {"op": "fit"}),
    ),
    "edit": (lambda t, e: editing.edit(t, KEY, e), ("turn",), ({},)),
    "ask_example": (lambda t, e: sending.ask_example(t, KEY, e, {}), ("example",), ({},)),
    "save_marked": (lambda t, e: marked_copy.save_marked(t, KEY, e), ("answer", "picture"), ({},)),
    "verify": (lambda t, e: keeping.verify(t, KEY, e), ("turn",), ({},)),
    "restore": (lambda t, e: keeping.restore(t, KEY, e), ("path",), ({},)),
    "compare": (
        lambda t, e: comparing.compare(t, KEY, "", e, {}),
        ("op", "sides", "turn", "language", "a", "b", "question"),
        ({},),
    ),
    "look": (lambda t, e: comparing.show_comparison(t, KEY, "en", e, {}), ("turn", "form"), ({},)),
}
ANYTHING: tuple[Any, ...] = (None, True, 0, -(2**64), 1.5, float("nan"), "", "x" * 1000, "\ud800", [], [[]], [1], {}, {"path": []}, {"a": {"b": 1}})  # fmt: skip


@pytest.mark.parametrize("name", HANDLERS)
def test_anything_in_place_of_what_it_reads_is_taken_or_refused(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    PillowImage.new("RGB", (64, 48), "red").save(tmp_path / "red.png")
    handler, fields, bases = HANDLERS[name]

    async def play() -> None:
        tabs = Tabs(FakeBackend())
        await sending.submit(tabs, KEY, "Hi", {})
        await followed(tabs)
        await attach(tabs, [{"path": str(tmp_path / "red.png"), "name": "red.png"}])
        item = page_tab.tab_of(tabs, KEY).draft.tray[0].id
        before = page_tab.tab_of(tabs, KEY).chat.conversation.messages
        events = [{"id": item, **base, field: value} for base in bases for field in fields for value in ANYTHING]  # fmt: skip
        for event in [*events, *ANYTHING]:
            await handler(tabs, gr.EventData(None, event))
        assert page_tab.tab_of(tabs, KEY).chat.conversation.messages[: len(before)] == before

    scene(play)
