"""A prompt as the model reads it: one token id per text token and per visual token.

Knows nothing of tensors; `estimate` counts with it, `local` reads it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

from model.conversation import Conversation
from model.prompt.chat_template import ChatTemplate, Segment
from model.prompt.visual_item import VisualItem

# What a prompt token is to the prefix cache: the id of a text token, or what the model sees at a visual one.
PromptKey = int | str


@dataclass(frozen=True)
class VisualSpan:
    """Where one item's visual tokens stand in the prompt."""

    kind: Literal["image", "video"]
    start: int
    tokens: int

    @property
    def end(self) -> int:
        return self.start + self.tokens


@dataclass(frozen=True)
class Prompt:
    """What is written, with one pad token per item, and the items in their order.

    Its length is known without its ids: a prompt that is far too long to be answered takes no memory.
    """

    written: list[int]
    spans: tuple[VisualSpan, ...]
    items: tuple[VisualItem, ...]
    conversation: Conversation = field(default_factory=Conversation)  # what is asked

    def __len__(self) -> int:
        """Tokens, the visual ones included."""
        return len(self.written) - len(self.items) + self.visual_tokens

    @cached_property
    def ids(self) -> list[int]:
        """Every item's pad token repeated once per visual token."""
        ids: list[int] = []
        taken = 0
        for span in self.spans:
            pad = taken + span.start - len(ids)
            ids += self.written[taken:pad]
            ids += self.written[pad : pad + 1] * span.tokens
            taken = pad + 1
        return ids + self.written[taken:]

    @property
    def visual_tokens(self) -> int:
        return sum(span.tokens for span in self.spans)

    def keys(self, identities: Sequence[str]) -> list[PromptKey]:
        """The tokens for comparison with another prompt, given what the items' contents are."""
        keys: list[PromptKey] = list(self.ids)
        for span, identity in zip(self.spans, identities, strict=True):
            keys[span.start : span.end] = [identity] * span.tokens
        return keys


def build(
    template: ChatTemplate, segments: Sequence[Segment], items: tuple[VisualItem, ...]
) -> Prompt:
    """The prompt with `items` where the template has put their pad tokens."""
    written = template.ids(segments)
    pads = (
        at for at, token in enumerate(written) if token in (template.image_pad, template.video_pad)
    )
    spans: list[VisualSpan] = []
    surplus = 0  # visual tokens before, but for the pads
    for at, item in zip(pads, items, strict=True):
        spans.append(VisualSpan(item.kind, at + surplus, item.tokens))
        surplus += item.tokens - 1
    return Prompt(written, tuple(spans), items)
