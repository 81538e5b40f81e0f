"""Records how likely each token of an answer was.

The probabilities are those of `output_scores` in transformers before temperature, top-k and top-p: after the repetition
penalty, and of what a constraint has left.
"""

from __future__ import annotations

import codecs
import math
from collections.abc import Container, Iterator, Sequence
from functools import cache
from typing import Any

import torch
from transformers import LogitsProcessor

from model.prompt.token_text import decoded, token_bytes
from model.usage import Alternative, TokenLogprob

# The likeliest tokens that are recorded in each place.
TOP = 5


class ProbabilityRecorder(LogitsProcessor):  # type: ignore[misc]  # transformers ships no types for it
    """The last logits processor of one answer. It changes nothing, and does not wait for the device."""

    def __init__(self) -> None:
        # (vocabulary,) float32: of the token that is being chosen.
        self._latest: torch.Tensor | None = None
        # Of each place: () the chosen token's, (TOP,) and (TOP,) int the likeliest ones'.
        self._chosen: list[torch.Tensor] = []
        self._top: list[tuple[torch.Tensor, torch.Tensor]] = []

    def __call__(self, ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        """ids: (1, tokens so far) int; scores: (1, vocabulary) float."""
        if self._latest is not None:
            self._chosen.append(self._latest[ids[0, -1]])
        self._latest = scores[0].float().log_softmax(dim=-1)
        values, tokens = self._latest.topk(min(TOP, len(self._latest)))
        self._top.append((values, tokens))
        return scores

    def logprobs(
        self, tokenizer: Any, tokens: Sequence[int], ends: Container[int]
    ) -> list[TokenLogprob]:
        """tokens: all that were generated; one of `ends` at their end is left out."""
        if not tokens or self._latest is None:
            return []
        latest = self._latest[tokens[len(self._top) - 1]]
        chosen = torch.stack([*self._chosen, latest]).tolist()
        values, likeliest = (torch.stack(part).tolist() for part in zip(*self._top, strict=True))
        text = cache(lambda token: decoded(tokenizer, [token]))

        def alternatives(place: int) -> list[Alternative]:
            pairs = zip(likeliest[place], values[place], strict=True)
            return [
                Alternative(text=text(token), logprob=value)
                for token, value in pairs
                if math.isfinite(value)
            ]

        return [
            TokenLogprob(text=own, logprob=chosen[place], top=alternatives(place))
            for place, own in enumerate(_texts(tokenizer, tokens[: len(chosen)], ends))
        ]


def _texts(tokenizer: Any, tokens: Sequence[int], ends: Container[int]) -> Iterator[str]:
    """The whole characters that each token completes; an incomplete one at the end gives U+FFFD."""
    tokens = tokens[: len(tokens) - (tokens[-1] in ends)]
    utf8 = codecs.getincrementaldecoder("utf-8")("replace")
    for place, token in enumerate(tokens, 1):
        yield utf8.decode(token_bytes(tokenizer, token), final=place == len(tokens))
