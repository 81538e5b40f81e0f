"""A page is sent what is new of a conversation, and puts it to what it has."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import gradio as gr
import pytest

from model.backend import AnswerRecord
from model.conversation import Conversation, Message, Part, Text, Video
from model.settings import GenerationSettings
from tests.support.fakes import USAGE, FakeBackend
from tests.support.following import KEY, drawn, followed, rest
from tests.support.patience import scene
from ui.gradio_compat import file_url
from ui.handlers.chat import editing, following, opening, sending
from ui.html import messages as messages_html
from ui.html import page_update
from ui.html.page_update import ConversationUpdate, as_gradio_sends
from ui.state.registry import Tabs
from ui.state.tab.tab import Tab
from ui.state.tray.attachment import Attachment

CLIP = Attachment("clip", "video", "/clip.mp4", "clip.mp4", (64, 48), "/clip.jpg", "/c.jpg", 9.0)


class Page:
    """What assets/js/conversation/drawn.js does."""

    def __init__(self) -> None:
        self.version, self.shown = 0, list[str]()

    def put(self, rest: ConversationUpdate) -> list[str]:
        assert not rest["kept"] or rest["before"] == self.version, "it belongs to something else"
        new = [str(message["content"][0].get("text")) for message in rest["messages"]]
        self.version, self.shown = rest["version"], self.shown[: rest["kept"]] + new
        return self.shown


def talk(turns: int) -> Conversation:
    people = (Message("user", (Text(f"question{i}"),)) for i in range(turns))
    models = (Message("assistant", (Text(f"answer{i}"),)) for i in range(turns))
    exchanges = zip(people, models, strict=True)
    return Conversation(messages=tuple(message for both in exchanges for message in both))


def long(tab: Tab, turns: int) -> None:
    tab.chat.conversation = talk(turns)
    tab.chat.answers = [AnswerRecord(GenerationSettings(), USAGE)] * turns


def test_an_action_draws_and_sends_what_is_new(monkeypatch: pytest.MonkeyPatch) -> None:
    """However long the chat is."""
    read: list[str] = []

    def to_html(text: str, *_: Any) -> str:
        read.append(text)
        return text

    monkeypatch.setattr(messages_html, "to_html", to_html)

    async def play() -> None:
        tabs = Tabs(FakeBackend())
        tab, page = tabs.open(KEY), Page()
        long(tab, 100)
        page.put(page_update.conversation_update(tab))
        assert len(page.shown) == 200 and len(read) == 100
        read.clear()
        page.put(rest(await sending.submit(tabs, KEY, "And?", {})))
        assert page.put(rest(await followed(tabs)))[198:] == [
            "question99",
            "answer99",
            "And&#63;",
            "Hello",
        ]
        assert read == ["Hello"]
        undone = await editing.undo(tabs, KEY)
        assert rest(undone)["messages"] == [] and page.put(rest(undone))[-1] == "answer99"
        assert page.put(rest(await following.final_update(tabs, KEY))) == page.shown and read == [
            "Hello"
        ]
        page.put(rest(await editing.clear(tabs, KEY)))
        assert page.shown == []

    scene(play)


def test_an_action_goes_through_the_parts_of_no_message_again() -> None:
    """A conversation of 500 turns has a thousand of them."""
    looked = 0

    class Parts(tuple[Part, ...]):
        def __iter__(self) -> Iterator[Part]:
            nonlocal looked
            looked += 1
            return super().__iter__()

    tab = Tab(KEY, FakeBackend())
    long(tab, 100)
    said = (Message(m.role, Parts(m.parts)) for m in tab.chat.conversation.messages)
    tab.chat.conversation = Conversation(messages=tuple(said))
    page_update.full_update(tab)
    assert looked
    looked = 0
    page_update.full_update(tab)
    assert looked == 0


def test_a_page_that_has_nothing_is_sent_all_of_it() -> None:
    async def play() -> None:
        tabs = Tabs(FakeBackend())
        long(tabs.open(KEY), 3)
        for _ in range(2):
            first = await opening.reattach_page(tabs, KEY, gr.Request(session_hash="page"))
            assert len(Page().put(rest(first))) == 6

    scene(play)


def test_what_looks_different_is_drawn_again_with_what_follows() -> None:
    tab, page = Tab(KEY, backend := FakeBackend()), Page()
    clip = Video("/clip.mp4")
    asked = Conversation().with_user_turn(Text("a")).with_reply("b").with_user_turn(clip, Text("c"))
    tab.chat.conversation = asked.with_reply("At 0:05 it ends.")
    tab.chat.answers = [AnswerRecord(GenerationSettings(), USAGE, "Well.")] * 2
    tab.chat.remember([CLIP])
    page.put(page_update.conversation_update(tab))
    tab.chat.remember([replace(CLIP, shown="/clip.mp4")])
    rest = page_update.conversation_update(tab)
    assert rest["kept"] == 2 and "#t=5" in page.put(rest)[-1]
    tab.language = "ko"
    assert page_update.conversation_update(tab)["kept"] == 1, "the title of what the model thought"
    backend.current = replace(backend.current, convention="qwen3_vl")
    assert page_update.conversation_update(tab)["kept"] == 0, "the places that are pointed at"


def test_messages_are_sent_as_gradio_sends_them() -> None:
    messages: list[dict[str, Any]] = [
        {
            "role": "user",
            "content": [{"path": __file__, "alt_text": "a"}, {"type": "text", "text": "b"}],
        },
    ]
    (sent,) = as_gradio_sends(messages)
    picture, text = sent["content"]
    assert (picture["type"], picture["file"]["path"], picture["alt_text"]) == (
        "file",
        __file__,
        "a",
    )
    assert picture["file"]["url"] == file_url(__file__)
    assert (text["type"], text["text"]) == ("text", "b")
    assert Path(__file__).exists()


def test_answers_are_copied_without_grounding_tokens_and_with_their_places() -> None:
    async def play() -> None:
        tabs = Tabs(FakeBackend())
        tab = tabs.open(KEY)
        box = "a<|box_start|>(1,2)<|box_end|>"
        tab.chat.conversation = Conversation().with_user_turn(Text("?")).with_reply(box)
        tab.chat.answers = [AnswerRecord(GenerationSettings(), USAGE)]
        assert drawn(tabs)["answers"] == [{"text": "a (1,2)", "places": [], "sure": None}]

    scene(play)
