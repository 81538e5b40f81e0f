"""A prompt as token ids: one per text token and per visual token. Knows nothing of tensors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

from model.conversation import Conversation
from model.prompt.chat_template import ChatTemplate, Segment
from model.prompt.visual_item import VisualItem

# A prompt token in the prefix cache: the id of a text token, or the content hash at a visual token.
CacheKey = int | str


@dataclass(frozen=True)
class PlaceholderRange:
    """The range of one item's visual tokens in the prompt."""

    kind: Literal["image", "video"]
    start: int
    tokens: int

    @property
    def end(self) -> int:
        return self.start + self.tokens


@dataclass(frozen=True)
class Prompt:
    """A prompt's token ids, kept with one pad token per item, and its items in order.

    `len()` does not expand the ids, so a prompt that is far too long is refused before it takes memory.
    """

    collapsed_ids: list[int]
    spans: tuple[PlaceholderRange, ...]
    items: tuple[VisualItem, ...]
    conversation: Conversation = field(default_factory=Conversation)  # what is asked

    def __len__(self) -> int:
        """Tokens, the visual ones included."""
        return len(self.collapsed_ids) - len(self.items) + self.visual_tokens

    @cached_property
    def ids(self) -> list[int]:
        """Every item's pad token repeated once per visual token."""
        ids: list[int] = []
        taken = 0
        for span in self.spans:
            pad = taken + span.start - len(ids)
            ids += self.collapsed_ids[taken:pad]
            ids += self.collapsed_ids[pad : pad + 1] * span.tokens
            taken = pad + 1
        return ids + self.collapsed_ids[taken:]

    @property
    def visual_tokens(self) -> int:
        return sum(span.tokens for span in self.spans)

    def cache_keys(self, content_hashes: Sequence[str]) -> list[CacheKey]:
        """Return one key per token for comparing prompts: the token id, or the item's content hash at visual tokens."""
        keys: list[CacheKey] = list(self.ids)
        for span, content_hash in zip(self.spans, content_hashes, strict=True):
            keys[span.start : span.end] = [content_hash] * span.tokens
        return keys


def build(
    template: ChatTemplate, segments: Sequence[Segment], items: tuple[VisualItem, ...]
) -> Prompt:
    """The prompt with `items` at the pad tokens of the template."""
    collapsed_ids = template.ids(segments)
    pads = (
        at
        for at, token in enumerate(collapsed_ids)
        if token in (template.image_pad, template.video_pad)
    )
    spans: list[PlaceholderRange] = []
    surplus = 0  # tokens that the earlier items add beyond their one pad each
    for at, item in zip(pads, items, strict=True):
        spans.append(PlaceholderRange(item.kind, at + surplus, item.tokens))
        surplus += item.tokens - 1
    return Prompt(collapsed_ids, tuple(spans), items)
