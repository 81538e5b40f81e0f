"""A prompt as token ids: one per text token and per visual token. Knows nothing of tensors."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
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
    """A range of visual tokens in the prompt: of one item, or of one step of a video whose frames have times.

    item: index of the item; first: the item's tokens in earlier ranges.
    """

    kind: Literal["image", "video"]
    start: int
    tokens: int
    item: int
    first: int = 0

    @property
    def end(self) -> int:
        return self.start + self.tokens


@dataclass(frozen=True)
class Prompt:
    """A prompt's token ids, kept with one pad token per range of visual tokens, and its items in order.

    `len()` does not expand the ids, so a prompt that is far too long is refused before it takes memory.
    """

    collapsed_ids: list[int]
    spans: tuple[PlaceholderRange, ...]
    items: tuple[VisualItem, ...]
    conversation: Conversation = field(default_factory=Conversation)  # what is asked
    thinks: bool = False  # the answer begins inside a reasoning
    begun: tuple[int, ...] = ()  # the answer that is continued, the last of the ids

    def __len__(self) -> int:
        """Tokens, the visual ones included."""
        return len(self.collapsed_ids) - len(self.spans) + self.visual_tokens

    @cached_property
    def ids(self) -> list[int]:
        """Every pad token repeated once per visual token."""
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
        for span in self.spans:
            keys[span.start : span.end] = [content_hashes[span.item]] * span.tokens
        return keys


def build(
    template: ChatTemplate, segments: Sequence[Segment], items: tuple[VisualItem, ...]
) -> Prompt:
    """The prompt with `items` at the pad tokens of the segments, one for each item or for each step of a video."""
    collapsed_ids = template.ids(segments)
    pads = (
        at
        for at, token in enumerate(collapsed_ids)
        if token in (template.image_pad, template.video_pad)
    )
    spans: list[PlaceholderRange] = []
    surplus = 0  # tokens that the earlier ranges add beyond their one pad each
    for at, (number, first, tokens) in zip(pads, _ranges(items, template), strict=True):
        spans.append(PlaceholderRange(items[number].kind, at + surplus, tokens, number, first))
        surplus += tokens - 1
    return Prompt(collapsed_ids, tuple(spans), items)


def _ranges(items: Sequence[VisualItem], template: ChatTemplate) -> Iterator[tuple[int, int, int]]:
    """Yield each range's item by its index, its first token in the item, and its tokens."""
    for number, item in enumerate(items):
        timed = item.kind == "video" and template.frame_times
        tokens = item.tokens // item.grid[0] if timed else item.tokens
        for first in range(0, item.tokens, tokens):
            yield number, first, tokens
