"""GenerationRecord: everything that stock transformers needs to answer a turn again, as plain values.

Files are named and not opened. Knows nothing of tensors.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol, runtime_checkable

from model.backend import Cancel
from model.conversation import Conversation, Image, Media, Message, Text
from model.prompt.chat_template import GROUNDING_TOKENS
from model.prompt.visual_item import VisualItem, sampled_fps
from model.settings import GenerationSettings

# ESCAPE stands before a control token that a person typed, and ESCAPED_ESCAPE for a typed ESCAPE; see
# `inputs_with_typed` in `model/reproduce/stock.py`.
ESCAPE, ESCAPED_ESCAPE = "\ue000", "\ue000\ue001"
_ESCAPES = re.compile("\ue000(\ue001?)")

Messages = list[dict[str, Any]]


@dataclass(frozen=True)
class ModelInfo:
    """The arguments of `from_pretrained`. For a server only `checkpoint`, the model's name, is known.

    adapter: the argument of `PeftModel.from_pretrained`, empty without one; quantize: "4bit" or "8bit" if bitsandbytes has
    quantized the weights while they were loaded, else empty.
    """

    checkpoint: str
    dtype: str = ""
    device: str = ""
    attention: str = ""
    adapter: str = ""
    quantize: str = ""

    @property
    def exact(self) -> bool:
        """Whether the order of computing changes no answer: not in 16 bits, nor with quantized weights."""
        return self.dtype == "float32" and not self.quantize

    @property
    def served_as(self) -> str:
        """The model's name on a server. `vllm serve` lists an adapter under its own name."""
        return self.adapter or self.checkpoint


@dataclass(frozen=True)
class ProcessedMedia:
    """An image or video as the model saw it: size in pixels, times of the frames in seconds."""

    file: str
    kind: Literal["image", "video"]
    width: int
    height: int
    times: tuple[float, ...] = ()

    @property
    def fps(self) -> float:
        """The sampled frames per second."""
        return sampled_fps(self.times)


@dataclass(frozen=True)
class GenerationRecord:
    """One turn. messages: for `apply_chat_template`; generation: arguments of `generate`; json_schema: of the answer."""

    model_info: ModelInfo
    prompt: str
    messages: Messages
    media: tuple[ProcessedMedia, ...]
    vision_ids: bool
    generation: Mapping[str, Any]
    seed: int
    json_schema: str | None = None

    @property
    def images(self) -> tuple[ProcessedMedia, ...]:
        return tuple(item for item in self.media if item.kind == "image")

    @property
    def videos(self) -> tuple[ProcessedMedia, ...]:
        return tuple(item for item in self.media if item.kind == "video")

    @property
    def has_escaped_control_tokens(self) -> bool:
        """Whether the messages contain escaped control tokens."""
        texts = (part.get("text", "") for m in self.messages for part in _parts(m["content"]))
        return any(ESCAPE in text for text in texts)

    @property
    def greedy(self) -> bool:
        return not self.generation["do_sample"]

    def renamed(self, names: Mapping[str, str]) -> GenerationRecord:
        """Return a copy with other file names, by their present names."""
        media = (replace(item, file=names.get(item.file, item.file)) for item in self.media)
        return replace(self, media=tuple(media))


@dataclass(frozen=True)
class VerifyResult:
    """The answer of stock transformers to a record, compared with the recorded one.

    tokens: number of stock's answer; first_difference: index of the first token that differs, None if equal; recorded,
    stock: a few characters of both answers from there on.
    """

    tokens: int
    first_difference: int | None = None
    recorded: str = ""
    stock: str = ""

    @property
    def equal(self) -> bool:
        return self.first_difference is None


@runtime_checkable
class Reproducible(Protocol):
    """A backend that records how it answers, and can answer again with stock transformers."""

    def generation_record(
        self, conversation: Conversation, settings: GenerationSettings
    ) -> GenerationRecord:
        """Return the record of the last user turn. Raises `DemoError`, and `NotReplayableError` without a local model."""
        ...

    def verify(self, record: GenerationRecord, reply: str, cancel: Cancel) -> VerifyResult | None:
        """Compare `reply` with stock transformers' answer, while no request needs the model. None if cancelled.

        Raises `DemoError`.
        """
        ...


def processed_media(item: VisualItem) -> ProcessedMedia:
    """Return the file, size and frame times of an item as the model sees it."""
    path = "" if item.media.path is None else str(item.media.path)
    width, height = item.size
    return ProcessedMedia(path, item.kind, width, height, item.times)


def template_messages(conversation: Conversation, system: str, control: Iterable[str]) -> Messages:
    """Return messages for `apply_chat_template`, with typed control tokens escaped.

    control: the checkpoint's control tokens, longer ones first.
    """
    tokens = re.compile("|".join(map(re.escape, control)) or "(?!)")
    system = conversation.system if conversation.system is not None else system
    first = [{"role": "system", "content": _escaped(system, tokens)}] if system else []
    return [*first, *(_message(message, tokens) for message in conversation.messages)]


def unescaped(text: str) -> str:
    """Return the text as it was typed."""
    return _ESCAPES.sub(lambda found: ESCAPE if found[1] else "", text)


def _parts(content: str | Sequence[Mapping[str, str]]) -> Sequence[Mapping[str, str]]:
    return [{"text": content}] if isinstance(content, str) else content


def _message(message: Message, tokens: re.Pattern[str]) -> dict[str, Any]:
    live = GROUNDING_TOKENS if message.role == "assistant" else ()
    return {"role": message.role, "content": [_part(part, tokens, live) for part in message.joined]}


def _part(part: Text | Media, tokens: re.Pattern[str], live: Sequence[str]) -> dict[str, str]:
    if isinstance(part, Text):
        live = GROUNDING_TOKENS if part.pointing else live
        return {"type": "text", "text": _escaped(part.text, tokens, live)}
    return {"type": "image" if isinstance(part, Image) else "video"}


def _escaped(text: str, tokens: re.Pattern[str], live: Sequence[str] = ()) -> str:
    text = text.replace(ESCAPE, ESCAPED_ESCAPE)
    return tokens.sub(lambda found: found[0] if found[0] in live else ESCAPE + found[0], text)
