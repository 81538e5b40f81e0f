"""What the pages of a tab have of its conversation, so that an action costs what is new, however long the chat is.

A page keeps what it has drawn and is sent the rest (assets/js/log.js). Where its version is not the one that the rest
belongs to, because an answer of the server was lost or another page shows the tab, it asks for all of it.
"""

from __future__ import annotations

import secrets
from collections.abc import Hashable, Sequence
from functools import cache
from typing import Any, TypedDict

import gradio as gr

from ui.composer import file_url


class Rest(TypedDict):
    """What a page lacks."""

    answering: bool  # whether an answer is being written below
    before: int  # the version that the page has to have for it, unless nothing is kept
    version: int  # that it has afterwards
    kept: int  # messages that stay
    messages: list[dict[str, Any]]  # the others, as Gradio's page takes them
    answers: list[
        dict[str, Any]
    ]  # of these: what is to be copied, and the places that they point at


class Drawn:
    """What has been sent: from what each message was drawn, in their order."""

    def __init__(self) -> None:
        self.version = secrets.randbits(32)  # a page may have another server's
        self._from: Sequence[Hashable] = ()

    @property
    def messages(self) -> int:
        """How many have been sent."""
        return len(self._from)

    def forget(self) -> None:
        """A page is there that has nothing."""
        self._from = ()

    def kept(self, drawn_from: Sequence[Hashable]) -> tuple[int, int]:
        """How many messages need not be drawn again, and the version that has them. From now on these are drawn."""
        kept, before = _common(self._from, drawn_from), self.version
        self._from, self.version = drawn_from, self.version + 1
        return kept, before


def _common(one: Sequence[Hashable], other: Sequence[Hashable]) -> int:
    for number, (a, b) in enumerate(zip(one, other, strict=False)):
        if a != b:
            return number
    return min(len(one), len(other))


def as_gradio_sends(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Messages as a Chatbot hands them to its page."""
    sent: list[dict[str, Any]] = _chatbot().postprocess(messages).model_dump()
    for message in sent:
        for part in message["content"]:
            if file := part.get("file"):
                file["url"] = file_url(file["path"])
    return sent


@cache
def _chatbot() -> gr.Chatbot:
    return gr.Chatbot(render=False)
