"""The messages for an OpenAI-compatible server, worded so that its chat template renders our prompt.

A server tokenizes by itself and would read a typed `<|im_end|>` as a control token, so a word joiner is put into it.
Knows nothing of files, pixels or the network.
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

# WORD JOINER has no width and forbids a line break, and no control token contains it.
JOINER = "\u2060"
PAD = "<|image_pad|>"
PICTURE_TOKENS = f"<|vision_start|>{PAD}<|vision_end|>"
# Tokens of the family's vocabularies: `<|name|>`, and `<name>` and `</name>` for these names.
_TAGS = "tool_call|tool_response|think|tts_pad|tts_text_bos|tts_text_eod|tts_text_bos_single"
_TOKEN = rf"<(?=\|\w+\|>|/?(?:{_TAGS})>)"
# The chat template must recognise a reply's reasoning, to leave it out.
_LIVE_IN_REPLY = (*GROUNDING_TOKENS, "<think>", "</think>")
_CONTROL = re.compile(_TOKEN)
_CONTROL_IN_REPLY = re.compile(
    rf"{_TOKEN}(?!{'|'.join(re.escape(token[1:]) for token in _LIVE_IN_REPLY)})"
)


@dataclass(frozen=True)
class MediaSlot:
    """The place of a whole image or video in a message, or of one sampled frame of a video, counted from 0."""

    item: VisualItem
    frame: int | None = None


Piece = str | MediaSlot


@dataclass(frozen=True)
class RemoteMessage:
    """One message: a sequence of texts and media slots, with no two texts side by side."""

    role: str
    pieces: tuple[Piece, ...]


def remote_messages(
    conversation: Conversation,
    items: Sequence[VisualItem],
    *,
    system: str,
    vision_ids: bool,
    clips: bool,
) -> tuple[RemoteMessage, ...]:
    """Return the messages of a conversation, with its items in their slots.

    clips: whether the server takes videos. Otherwise each video becomes images with their times in seconds.
    """
    waiting = iter(items)
    messages = [RemoteMessage("system", (escape_control_tokens(system),))] if system else []
    for message in conversation.messages:
        pieces = _pieces(message, waiting, vision_ids=vision_ids, clips=clips)
        messages.append(RemoteMessage(message.role, tuple(_merged(pieces))))
    return tuple(messages)


def openai_messages(
    messages: Sequence[RemoteMessage], part: Callable[[MediaSlot], dict[str, Any]]
) -> list[dict[str, Any]]:
    """Return the `messages` of a chat completion request; `part` makes the content part of a slot."""
    return [{"role": message.role, "content": _content(message, part)} for message in messages]


def prompt_text(messages: Sequence[RemoteMessage], model: Recognised) -> str:
    """Return the prompt that the chat template of `model` renders, with one pad token per image and video.

    A Qwen3-VL video has one pad token per temporal step, after its time. For counting tokens.
    """
    system = model.family.template_system
    if system and (not messages or messages[0].role != "system"):
        messages = (RemoteMessage("system", (system,)), *messages)
    rendered = ""
    for number, message in enumerate(messages, 1):
        content = (
            p if isinstance(p, str) else _placeholders(p, model.family) for p in message.pieces
        )
        rendered += f"<|im_start|>{message.role}\n{''.join(content)}"
        if message.role == "assistant" and number == len(messages):
            return rendered  # the answer that is continued
        rendered += "<|im_end|>\n"
    return rendered + "<|im_start|>assistant\n" + ("<think>\n" if model.thinks else "")


def _placeholders(slot: MediaSlot, family: Family) -> str:
    item = slot.item
    if item.kind == "image" or slot.frame is not None or not family.frame_times:
        return PICTURE_TOKENS
    return "".join(f"<{at:.1f} seconds>{PICTURE_TOKENS}" for at in item.step_times)


def escape_control_tokens(text: str) -> str:
    """Return text that looks the same and contains no control token."""
    return _CONTROL.sub(f"<{JOINER}", text)


def escape_reply(text: str) -> str:
    """As `escape_control_tokens`, for the model's own text: grounding tokens and the tags of reasoning stay."""
    return _CONTROL_IN_REPLY.sub(f"<{JOINER}", text)


def distinct_frames(item: VisualItem) -> tuple[int, ...]:
    """The indices of a video's sampled frames, without the one that is repeated to make their number even."""
    return tuple(k for k, at in enumerate(item.times) if k == 0 or at != item.times[k - 1])


def _pieces(
    message: Message, waiting: Iterator[VisualItem], *, vision_ids: bool, clips: bool
) -> Iterator[Piece]:
    for part in message.joined:
        if isinstance(part, Text):
            typed = message.role == "user" and not part.pointing
            yield escape_control_tokens(part.text) if typed else escape_reply(part.text)
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
    """Join neighbouring texts, because a server may put a line break between two."""
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


def _content(
    message: RemoteMessage, part: Callable[[MediaSlot], dict[str, Any]]
) -> str | list[dict[str, Any]]:
    """Text alone is a string, because every server takes that."""
    texts = [piece for piece in message.pieces if isinstance(piece, str)]
    if len(texts) == len(message.pieces):
        return "".join(texts)
    return [
        {"type": "text", "text": piece} if isinstance(piece, str) else part(piece)
        for piece in message.pieces
    ]
