"""A conversation as an OpenAI-compatible server gets it, worded so that its chat template renders our prompt.

A server tokenizes by itself, and what looks like a control token becomes one. So people's text gets a
spelling of these that looks the same and is none. Knows nothing of files, pixels or the network.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from model.conversation import Conversation, Message, Text
from model.families import Family, Recognised
from model.prompt.chat_template import GROUNDING_TOKENS
from model.prompt.visual_item import VisualItem

JOINER = "\u2060"  # WORD JOINER: takes no room and breaks no line, but belongs to no control token
PAD = "<|image_pad|>"
PICTURE_TOKENS = f"<|vision_start|>{PAD}<|vision_end|>"
# Tokens of the family's vocabularies: `<|name|>`, and `<name>` and `</name>` for these names.
_TAGS = "tool_call|tool_response|think|tts_pad|tts_text_bos|tts_text_eod|tts_text_bos_single"
_TOKEN = rf"<(?=\|\w+\|>|/?(?:{_TAGS})>)"
# The chat template leaves out a reply's reasoning, for which it must recognise it.
_LIVE_IN_REPLY = (*GROUNDING_TOKENS, "<think>", "</think>")
_CONTROL = re.compile(_TOKEN)
_CONTROL_IN_REPLY = re.compile(
    rf"{_TOKEN}(?!{'|'.join(re.escape(token[1:]) for token in _LIVE_IN_REPLY)})"
)


@dataclass(frozen=True)
class MediaSlot:
    """A place for an item's pixels: all of it, or one of a clip's frames (from 0)."""

    item: VisualItem
    frame: int | None = None


Piece = str | MediaSlot


@dataclass(frozen=True)
class Turn:
    """One message: text and places for pixels, no two texts side by side."""

    role: str
    pieces: tuple[Piece, ...]

    @property
    def shown(self) -> tuple[MediaSlot, ...]:
        return tuple(piece for piece in self.pieces if isinstance(piece, MediaSlot))


def turns(
    conversation: Conversation,
    items: Sequence[VisualItem],
    *,
    system: str,
    vision_ids: bool,
    clips: bool,
) -> tuple[Turn, ...]:
    """The conversation with its items in their places.

    clips: whether the server takes clips; otherwise each is a row of pictures with their times.
    """
    waiting = iter(items)
    told = [Turn("system", (escape_control_tokens(system),))] if system else []
    for message in conversation.messages:
        pieces = _pieces(message, waiting, vision_ids=vision_ids, clips=clips)
        told.append(Turn(message.role, tuple(_merged(pieces))))
    return tuple(told)


def openai_messages(
    turns: Sequence[Turn], part: Callable[[MediaSlot], dict[str, Any]]
) -> list[dict[str, Any]]:
    """Messages for chat completions; `part` makes the content part of what is shown."""
    return [{"role": turn.role, "content": _content(turn, part)} for turn in turns]


def prompt(turns: Sequence[Turn], model: Recognised) -> str:
    """What the chat template of `model` makes of `turns`, with one pad token for each picture and clip, or for
    each step of a clip whose times are written; for counting.
    """
    system = model.family.template_system
    if system and (not turns or turns[0].role != "system"):
        turns = (Turn("system", (system,)), *turns)
    told = (
        f"<|im_start|>{turn.role}\n"
        + "".join(p if isinstance(p, str) else _placeholders(p, model.family) for p in turn.pieces)
        + "<|im_end|>\n"
        for turn in turns
    )
    return "".join(told) + "<|im_start|>assistant\n" + ("<think>\n" if model.thinks else "")


def _placeholders(shown: MediaSlot, family: Family) -> str:
    item, frames = shown.item, family.geometry.temporal_patch_size
    if item.kind == "image" or shown.frame is not None or not family.frame_times:
        return PICTURE_TOKENS
    steps = (item.times[i : i + frames] for i in range(0, len(item.times), frames))
    return "".join(f"<{(step[0] + step[-1]) / 2:.1f} seconds>{PICTURE_TOKENS}" for step in steps)


def escape_control_tokens(text: str) -> str:
    """What a person typed, in a spelling that looks the same and holds no control token."""
    return _CONTROL.sub(f"<{JOINER}", text)


def inert_reply(text: str) -> str:
    """What the model answered: as `escape_control_tokens`, but its grounding tokens and its reasoning stay what they are."""
    return _CONTROL_IN_REPLY.sub(f"<{JOINER}", text)


def distinct_frames(item: VisualItem) -> tuple[int, ...]:
    """The numbers of a clip's sampled frames without the one that is repeated to make them even."""
    return tuple(k for k, at in enumerate(item.times) if k == 0 or at != item.times[k - 1])


def _pieces(
    message: Message, waiting: Iterator[VisualItem], *, vision_ids: bool, clips: bool
) -> Iterator[Piece]:
    for part in message.joined:
        if isinstance(part, Text):
            typed = message.role == "user" and not part.pointing
            yield escape_control_tokens(part.text) if typed else inert_reply(part.text)
            continue
        item = next(waiting)
        if vision_ids:
            yield f"{'Picture' if item.kind == 'image' else 'Video'} {item.number}: "
        if item.kind == "image" or clips:
            yield MediaSlot(item)
        else:
            yield from _frames(item)


def _frames(item: VisualItem) -> Iterator[Piece]:
    frames = distinct_frames(item)
    yield f"A video in {len(frames)} frames.\n"
    for number, frame in enumerate(frames, 1):
        yield f"Frame {number} at {item.times[frame]:.1f} s: "
        yield MediaSlot(item, frame)
        yield "\n"


def _merged(pieces: Iterator[Piece]) -> Iterator[Piece]:
    """Neighbouring texts become one: a server may put a line break between two."""
    text = ""
    for piece in pieces:
        if isinstance(piece, str):
            text += piece
            continue
        if text:
            yield text
        yield piece
        text = ""
    if text:
        yield text


def _content(turn: Turn, part: Callable[[MediaSlot], dict[str, Any]]) -> str | list[dict[str, Any]]:
    """Plain text as a string, which every server takes."""
    if not turn.shown:
        return "".join(piece for piece in turn.pieces if isinstance(piece, str))
    return [
        {"type": "text", "text": piece} if isinstance(piece, str) else part(piece)
        for piece in turn.pieces
    ]
