"""All that is needed to answer a turn again without this program, as plain values.

Files are named here and opened elsewhere. Knows nothing of tensors.
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

# Before a control token that somebody typed, and for one of these that was typed; see `model/reproduce/stock.py`.
ESCAPE, ESCAPED_ESCAPE = "\ue000", "\ue000\ue001"
_ESCAPES = re.compile("\ue000(\ue001?)")

Messages = list[dict[str, Any]]


@dataclass(frozen=True)
class ModelInfo:
    """What answers: the words that `from_pretrained` takes. Of a server only the model's name is known."""

    checkpoint: str
    dtype: str = ""
    device: str = ""
    attention: str = ""
    adapter: str = ""  # what `PeftModel.from_pretrained` takes; empty: none

    @property
    def served_as(self) -> str:
        """What a server calls it: `vllm serve` gives an adapter a name of its own."""
        return self.adapter or self.checkpoint


@dataclass(frozen=True)
class ProcessedMedia:
    """A picture or clip as the model saw it; sizes in pixels, times in seconds."""

    file: str
    kind: Literal["image", "video"]
    width: int
    height: int
    times: tuple[float, ...] = ()

    @property
    def fps(self) -> float:
        """Of a clip's sampled frames."""
        return sampled_fps(self.times)


@dataclass(frozen=True)
class GenerationRecord:
    """One turn. `messages` are what `apply_chat_template` takes; `generation` what `generate` takes."""

    model_info: ModelInfo
    prompt: str
    messages: Messages
    media: tuple[ProcessedMedia, ...]
    vision_ids: bool
    generation: Mapping[str, Any]
    seed: int

    @property
    def images(self) -> tuple[ProcessedMedia, ...]:
        return tuple(item for item in self.media if item.kind == "image")

    @property
    def videos(self) -> tuple[ProcessedMedia, ...]:
        return tuple(item for item in self.media if item.kind == "video")

    @property
    def has_escaped_control_tokens(self) -> bool:
        """Whether somebody typed control tokens, which are escaped then."""
        texts = (part.get("text", "") for m in self.messages for part in _parts(m["content"]))
        return any(ESCAPE in text for text in texts)

    @property
    def greedy(self) -> bool:
        return not self.generation["do_sample"]

    def renamed(self, names: Mapping[str, str]) -> GenerationRecord:
        """The same with other names for its files."""
        media = (replace(item, file=names.get(item.file, item.file)) for item in self.media)
        return replace(self, media=tuple(media))


@dataclass(frozen=True)
class VerifyResult:
    """What stock transformers made of a record, beside the answer that was recorded."""

    tokens: int  # of stock's answer
    first_difference: int | None = None  # the first token that differs, from 0; None: equal
    recorded: str = ""  # what was recorded from there on, a few characters
    stock: str = ""  # what stock transformers says there

    @property
    def equal(self) -> bool:
        return self.first_difference is None


@runtime_checkable
class Reproducible(Protocol):
    """A backend that can tell how it answers, and have stock transformers answer the same."""

    def generation_record(
        self, conversation: Conversation, settings: GenerationSettings
    ) -> GenerationRecord:
        """How the last user turn is answered. Raises `DemoError`, `NotReplayableError` among them."""
        ...

    def verify(self, record: GenerationRecord, reply: str, cancel: Cancel) -> VerifyResult | None:
        """Whether stock transformers replies the same; waits until nobody else needs the model.

        None if cancelled. Raises `DemoError`.
        """
        ...


def processed_media(item: VisualItem) -> ProcessedMedia:
    """What the model will see of an item."""
    path = "" if item.media.path is None else str(item.media.path)
    width, height = item.size
    return ProcessedMedia(path, item.kind, width, height, item.times)


def template_messages(conversation: Conversation, system: str, control: Iterable[str]) -> Messages:
    """For `apply_chat_template`; typed control tokens are escaped. control: those of the checkpoint, longer ones first."""
    tokens = re.compile("|".join(map(re.escape, control)) or "(?!)")
    system = conversation.system if conversation.system is not None else system
    first = [{"role": "system", "content": _escaped(system, tokens)}] if system else []
    return [*first, *(_message(message, tokens) for message in conversation.messages)]


def unescaped(text: str) -> str:
    """As it was typed."""
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
