"""The logits processor that lets a token through only where the answer still fits its schema."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from transformers import LogitsProcessor

from model.engine.streamer import token_bytes
from model.errors import DemoError

if TYPE_CHECKING:
    from llguidance import LLMatcher

# What ends the reasoning of a checkpoint that thinks, and the tokens that may spell it.
THOUGHT = b"</think>"
THOUGHT_TOKENS = len(THOUGHT)
# With prompt lookup, tokens at the end may be drafts that are taken back.
MAX_TAKEN_BACK = 32


class _Row:
    """The tokens of one answer, and its matcher after them."""

    def __init__(
        self, tokenizer: Any, end_tokens: frozenset[int], matcher: LLMatcher, *, thinks: bool
    ) -> None:
        self._tokenizer, self._end_tokens, self._matcher = tokenizer, end_tokens, matcher
        self.tokens: list[int] = []
        # The number of tokens after which the data begin; None while it thinks.
        self._begins: int | None = None if thinks else 0
        # The number of tokens that the matcher has read.
        self._read = 0
        self.failed = False

    def advance(self, start: int, tokens: Sequence[int]) -> None:
        """Replace the tokens from number `start` on."""
        same = start
        for token in tokens:
            if same == len(self.tokens) or self.tokens[same] != token:
                break
            same += 1
        self._take_back(same)
        for token in tokens[same - start :]:
            self._add(token)

    def allow(self, allowed: np.ndarray) -> None:
        """Set the tokens that may come next. allowed: (vocabulary,) uint8, all zero."""
        if self._begins is None:
            allowed[:] = 1
            allowed[list(self._end_tokens)] = 0
        elif self._begins + self._read < len(self.tokens):
            allowed[:] = 1  # after the end of the answer, or after a draft that is not accepted
        else:
            packed = np.frombuffer(self._matcher.compute_bitmask(), np.uint8)
            bits = np.unpackbits(packed, bitorder="little")[: len(allowed)]
            allowed[: len(bits)] = bits
            self.failed = self.failed or self._matcher.is_error()

    def _take_back(self, length: int) -> None:
        """Remove the tokens after the first `length`."""
        del self.tokens[length:]
        if self._begins is None:
            return
        if (unread := self._begins + self._read - length) > 0:
            self._matcher.rollback(min(unread, self._read))
            self._read = max(0, self._read - unread)
        if self._begins > length:
            self._begins = None

    def _add(self, token: int) -> None:
        whole = self._begins is not None and self._begins + self._read == len(self.tokens)
        self.tokens.append(token)
        if self._begins is None:
            self._think()
        elif whole and token not in self._end_tokens:
            self._read += self._matcher.try_consume_tokens([token])

    def _think(self) -> None:
        latest = self.tokens[-THOUGHT_TOKENS:]
        said = b"".join(token_bytes(self._tokenizer, token) for token in latest)
        _, closed, rest = said.partition(THOUGHT)
        if closed:
            self._begins = len(self.tokens)
            # A vocabulary without the tag may have a token of its end and of what follows.
            self.failed = self.failed or bool(rest.strip())


class SchemaLogitsProcessor(LogitsProcessor):  # type: ignore[misc]  # transformers ships no types for it
    """Makes all tokens impossible that the schema excludes. An end token is possible only where the data are complete.

    A checkpoint that thinks is free until its reasoning ends, and cannot end before.
    """

    def __init__(
        self,
        tokenizer: Any,
        end_tokens: frozenset[int],
        matchers: Sequence[LLMatcher],
        prompt_tokens: int,
        *,
        thinks: bool = False,
    ) -> None:
        """matchers: one for each row, which are copied; prompt_tokens: the length of the prompts, with their padding."""
        self._rows = [
            _Row(tokenizer, end_tokens, one.deep_copy(), thinks=thinks) for one in matchers
        ]
        self._prompt_tokens = prompt_tokens

    @property
    def failed(self) -> bool:
        """Whether a schema was too complex on the way. The answer ended there."""
        return any(row.failed for row in self._rows)

    def __call__(self, ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        """ids: (rows, tokens) int, with the prompt, and drafts at the end; scores: (rows, vocabulary) float."""
        # Only the tail is fetched from the device. Drafts differ from what was read before.
        known = min(len(self._rows[0].tokens), ids.shape[1] - self._prompt_tokens)
        start = max(0, known - MAX_TAKEN_BACK)
        latest = ids[:, self._prompt_tokens + start :].tolist()
        allowed = np.zeros(tuple(scores.shape), np.uint8)
        for row, tokens, mask in zip(self._rows, latest, allowed, strict=True):
            row.advance(start, tokens)
            row.allow(mask)
        possible = torch.from_numpy(allowed).to(scores.device, torch.bool)
        return scores.masked_fill(~possible, -torch.inf)


def require_not_outgrown(processors: Sequence[SchemaLogitsProcessor]) -> None:
    """Raise `DemoError` if one of them failed."""
    if any(one.failed for one in processors):
        raise DemoError(
            "The schema became too complex for this answer; use one with fewer alternatives."
        )
