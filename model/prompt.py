"""A prompt as the model reads it: one token id per text token and per visual token.

Knows nothing of tensors; `estimate` counts with it, `local` reads it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from model.chat_template import ChatTemplate, Segment
from model.visual_item import VisualItem

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
    """Token ids, and the items behind the visual ones; one span per item, in order."""

    ids: list[int]
    spans: tuple[VisualSpan, ...]
    items: tuple[VisualItem, ...]

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
    """The prompt with every item's pad token repeated once per visual token."""
    waiting = iter(items)
    ids: list[int] = []
    spans: list[VisualSpan] = []
    for token in template.ids(segments):
        if token in (template.image_pad, template.video_pad):
            item = next(waiting)
            spans.append(VisualSpan(item.kind, len(ids), item.tokens))
            ids += [token] * item.tokens
        else:
            ids.append(token)
    return Prompt(ids, tuple(spans), items)
