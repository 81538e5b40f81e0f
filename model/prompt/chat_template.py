"""Renders a conversation with the checkpoint's own chat template, and tokenizes it.

Every token that was added to the vocabulary is a control token. Control tokens are active where the template writes
them; grounding tokens are active in the model's replies too. Text that a person typed is tokenized as plain characters.
Knows nothing of tensors.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from model.conversation import Conversation, Image, Part, Role, Text
from model.families import BY_PROCESSOR_CLASS

# The control tokens with which Qwen2-VL names places in an image. Active in replies, never in typed text.
GROUNDING_TOKENS = (
    "<|object_ref_start|>",
    "<|object_ref_end|>",
    "<|box_start|>",
    "<|box_end|>",
    "<|quad_start|>",
    "<|quad_end|>",
)

# The placeholder of a text while the template is rendered. The template never gets typed text, so nobody can type one.
_STAND_IN = re.compile("\ue000(\\d+)\ue001")


@dataclass(frozen=True)
class Segment:
    """A part of the prompt text, and its author, who decides which control tokens are active.

    source: "template": all; "assistant": grounding tokens, also for a text about a region that a person selected;
    "user": none.
    """

    text: str
    source: Literal["template", "user", "assistant"]


class ChatTemplate:
    """Renders and tokenizes conversations with one checkpoint's processor."""

    def __init__(self, processor: Any) -> None:
        self._processor = processor
        tokenizer = processor.tokenizer
        control = control_tokens(tokenizer)
        self.control_tokens = control
        self._grounding = {token: control[token] for token in GROUNDING_TOKENS if token in control}
        self.image_pad: int = processor.image_token_id
        self.video_pad: int = processor.video_token_id
        self.frame_times = BY_PROCESSOR_CLASS[type(processor).__name__].frame_times
        # A copy, because `encode_special_tokens` is an attribute of the tokenizer, which other threads use. It has an
        # effect on special tokens only, so all added tokens become special.
        self._literal_tokenizer = copy.deepcopy(tokenizer.backend_tokenizer)
        self._literal_tokenizer.add_special_tokens(list(control))
        self._literal_tokenizer.encode_special_tokens = True

    def segments(
        self, conversation: Conversation, *, system: str, vision_ids: bool
    ) -> tuple[Segment, ...]:
        """Render the prompt for an answer to `conversation`. With an empty `system`, the template uses its default."""
        texts: list[Segment] = []
        messages = _messages(conversation, system, texts)
        rendered: str = self._processor.apply_chat_template(
            messages, tokenize=False, add_generation_prompt=True, add_vision_id=vision_ids
        )
        return tuple(_with_texts(rendered, texts))

    def ids(self, segments: Sequence[Segment]) -> list[int]:
        """Tokenize the prompt, with one pad token per image or video.

        Text between active control tokens is encoded in one piece across segments, because the pre-tokenizer joins
        characters of two segments: a newline of the template and a typed one are one token.
        """
        ids: list[int] = []
        plain = ""
        for piece in self._pieces(segments):
            if isinstance(piece, str):
                plain += piece
                continue
            ids += self._encode(plain)
            ids.append(piece)
            plain = ""
        return ids + self._encode(plain)

    def _pieces(self, segments: Sequence[Segment]) -> Iterator[str | int]:
        """Yield plain texts, and the ids of active control tokens."""
        for segment in segments:
            live = self._active_tokens(segment)
            if not live:
                yield segment.text
                continue
            pattern = "|".join(re.escape(token) for token in live)
            for piece in re.split(f"({pattern})", segment.text):
                yield live.get(piece, piece)

    def _active_tokens(self, segment: Segment) -> dict[str, int]:
        if segment.source == "template":
            return self.control_tokens
        return self._grounding if segment.source == "assistant" else {}

    def _encode(self, text: str) -> list[int]:
        if not text:
            return []
        # Unlike `encode`, this releases the GIL. A long text takes seconds.
        (encoding,) = self._literal_tokenizer.encode_batch_fast([text], add_special_tokens=False)
        return list(encoding.ids)


def control_tokens(tokenizer: Any) -> dict[str, int]:
    """Return every added token, special or not, with its id; longer ones first."""
    added = {token.content: i for i, token in tokenizer.added_tokens_decoder.items()}
    return dict(sorted(added.items(), key=lambda token: -len(token[0])))


def prompt_text(segments: Sequence[Segment]) -> str:
    """Return the prompt as one string, with one pad token per image or video."""
    return "".join(segment.text for segment in segments)


def _messages(
    conversation: Conversation, system: str, texts: list[Segment]
) -> list[dict[str, Any]]:
    """Return messages for the template with a placeholder for every text, and add the texts to `texts`."""
    messages: list[dict[str, Any]] = []
    if system:
        messages.append({"role": "system", "content": _stand_in(system, "user", texts)})
    for message in conversation.messages:
        content = [_content(part, message.role, texts) for part in message.parts]
        messages.append({"role": message.role, "content": content})
    return messages


def _content(part: Part, source: Role, texts: list[Segment]) -> dict[str, str]:
    if isinstance(part, Text):
        source = "assistant" if part.pointing else source
        return {"type": "text", "text": _stand_in(part.text, source, texts)}
    return {"type": "image" if isinstance(part, Image) else "video"}


def _stand_in(text: str, source: Role, texts: list[Segment]) -> str:
    texts.append(Segment(text, source))
    return f"\ue000{len(texts) - 1}\ue001"


def _with_texts(rendered: str, texts: Sequence[Segment]) -> Iterator[Segment]:
    """Split the rendered template at the placeholders, and put the texts there."""
    for i, piece in enumerate(_STAND_IN.split(rendered)):
        if i % 2:
            yield texts[int(piece)]
        elif piece:
            yield Segment(piece, "template")
