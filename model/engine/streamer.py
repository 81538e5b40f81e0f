"""The streamer and the stopping criteria that `generate` gets: text out, and reasons to stop.

Knows nothing of prompts or of models.
"""

from __future__ import annotations

import codecs
import time
from collections.abc import Callable
from typing import Any

import torch
from transformers import StoppingCriteria
from transformers.generation.streamers import BaseStreamer

from model.backend import Delta
from model.prompt.token_text import token_bytes
from model.serving.event_stream import Emit


class TextStreamer(BaseStreamer):  # type: ignore[misc]  # transformers ships no types for it
    """Turns the tokens of `generate` into `Delta`s of whole characters, and measures when they came.

    Byte-level BPE splits characters into several tokens, so the bytes go through an incremental UTF-8 decoder. The
    `DecodeStream` of tokenizers decodes all bytes anew that are no character yet: 8,000 stray bytes take it 20 s.
    ids: the tokens generated so far, with the end token; first_token_at, last_token_at: `time.perf_counter()`.
    """

    def __init__(self, tokenizer: Any, end_tokens: frozenset[int], emit: Emit) -> None:
        self._tokenizer = tokenizer
        self._end_tokens = end_tokens
        self._emit = emit
        self._utf8 = codecs.getincrementaldecoder("utf-8")("replace")
        self._prompt_received = False
        self.ids: list[int] = []
        self.first_token_at: float | None = None
        self.last_token_at: float | None = None
        # With prompt lookup a step can give several tokens.
        self._first_step_tokens = 0

    def put(self, value: torch.Tensor) -> None:
        """value: (1, prompt tokens) in the first call, then (1,) for a token, or (1, tokens) for an accepted draft."""
        if not self._prompt_received:
            self._prompt_received = True
            return
        tokens: list[int] = value.flatten().tolist()
        self.last_token_at = time.perf_counter()
        if self.first_token_at is None:
            self.first_token_at, self._first_step_tokens = self.last_token_at, len(tokens)
        self.ids += tokens
        written = (token_bytes(self._tokenizer, t) for t in tokens if t not in self._end_tokens)
        self._emit_text(self._utf8.decode(b"".join(written)))

    def end(self) -> None:
        """Emit what was held back: the incomplete character of an answer that was cut off."""
        self._emit_text(self._utf8.decode(b"", final=True))

    @property
    def has_end_token(self) -> bool:
        return bool(self.ids) and self.ids[-1] in self._end_tokens

    @property
    def tokens_per_s(self) -> float:
        """Tokens per second after the first step; 0 if there was only one step."""
        decoding = (self.last_token_at or 0.0) - (self.first_token_at or 0.0)
        return (len(self.ids) - self._first_step_tokens) / decoding if decoding > 0 else 0.0

    def _emit_text(self, text: str) -> None:
        if text:
            self._emit(Delta(text))


class StopWhen(StoppingCriteria):  # type: ignore[misc]  # transformers ships no types for it
    """Ends `generate` after the token at which a condition is true."""

    def __init__(self, condition: Callable[[], bool]) -> None:
        self._condition = condition

    def __call__(
        self, input_ids: torch.Tensor, _scores: torch.Tensor, **_kwargs: Any
    ) -> torch.Tensor:
        """Shape (1,) bool, one per sequence."""
        return torch.full((input_ids.shape[0],), self._condition(), device=input_ids.device)
