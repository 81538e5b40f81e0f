"""The logits processor that lets a token through only where the answer still fits its schema."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from transformers import LogitsProcessor

from model.errors import DemoError, SettingName
from model.prompt.token_text import token_bytes

if TYPE_CHECKING:
    from llguidance import LLMatcher

# What ends the reasoning of a checkpoint that thinks, and the tokens that may spell it.
THOUGHT = b"</think>"
THOUGHT_TOKENS = len(THOUGHT)
# With prompt lookup, tokens at the end may be drafts that are taken back.
MAX_TAKEN_BACK = 32


class _Row:
    """The tokens of one answer, and its matcher after them. start: where it begins among the ids."""

    def __init__(
        self,
        tokenizer: Any,
        end_tokens: frozenset[int],
        matcher: LLMatcher,
        start: int,
        *,
        thinks: bool,
    ) -> None:
        self._tokenizer, self._end_tokens, self._matcher = tokenizer, end_tokens, matcher
        self.start, self.tokens = start, list[int]()
        # The number of tokens after which the data begin; None while it thinks.
        self._begins: int | None = None if thinks else 0
        # The number of tokens that the matcher has read.
        self._read = 0
        self.failed = False

    @property
    def fits(self) -> bool:
        """Whether all its tokens are those of an answer that has not ended."""
        return self._begins is None or self._begins + self._read == len(self.tokens)

    def unread(self, width: int) -> int:
        """The first position among so many ids that has to be looked at. Drafts differ from what was read before."""
        known = min(len(self.tokens), width - self.start)
        return self.start + max(0, known - MAX_TAKEN_BACK)

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
        if self.failed:
            allowed[list(self._end_tokens)] = 1
        elif self._begins is None:
            allowed[:] = 1
            allowed[list(self._end_tokens)] = 0
        elif not self.fits:
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
        whole, after_thought = self.fits, bool(self._begins) and not self._read
        self.tokens.append(token)
        if self._begins is None:
            self._think()
        elif after_thought and not token_bytes(self._tokenizer, token).strip():
            self._begins = len(self.tokens)  # an answer that is continued may have it
        elif whole and token not in self._end_tokens:
            self._read += self._matcher.try_consume_tokens([token])
            self.failed = self.failed or self._matcher.is_error()

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
        starts: Sequence[int],
        *,
        thinks: bool = False,
    ) -> None:
        """matchers: one for each row, which are copied; starts: the position of each answer's first token."""
        self._rows = [
            _Row(tokenizer, end_tokens, matcher.deep_copy(), start, thinks=thinks)
            for matcher, start in zip(matchers, starts, strict=True)
        ]

    @property
    def failed(self) -> bool:
        """Whether a schema was too complex on the way. The answer ended there."""
        return any(row.failed for row in self._rows)

    def require_fitting(self, begun: Sequence[Sequence[int]]) -> None:
        """Raise `DemoError` if an answer that is continued does not fit. begun: the tokens of each row's."""
        for row, tokens in zip(self._rows, begun, strict=True):
            row.advance(0, tokens)
            if not row.fits:
                raise DemoError(
                    "What the answer begins with does not fit {setting}; change it, or leave the schema out.",
                    setting=SettingName("json_schema"),
                )

    def __call__(self, ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        """ids: (rows, tokens) int, with the prompt, and drafts at the end; scores: (rows, vocabulary) float."""
        # Only the tail is fetched from the device.
        first = min(row.unread(ids.shape[1]) for row in self._rows)
        latest = ids[:, first:].tolist()
        allowed = np.zeros(tuple(scores.shape), np.uint8)
        for row, tokens, mask in zip(self._rows, latest, allowed, strict=True):
            at = max(first, row.start)
            row.advance(at - row.start, tokens[at - first :])
            row.allow(mask)
        possible = torch.from_numpy(allowed).to(scores.device, torch.bool)
        return scores.masked_fill(~possible, -torch.inf)


def require_not_outgrown(processors: Sequence[SchemaLogitsProcessor]) -> None:
    """Raise `DemoError` if one of them failed."""
    if any(one.failed for one in processors):
        raise DemoError(
            "The schema became too complex for this answer; use one with fewer alternatives."
        )
