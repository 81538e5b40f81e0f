"""What `generate` needs to be watched and stopped: its tokens as text, its cancel flag.

Knows nothing of prompts or of models.
"""

from __future__ import annotations

import codecs
import time
from collections.abc import Sequence
from typing import Any

import torch
from transformers import LogitsProcessor, StoppingCriteria
from transformers.generation.streamers import BaseStreamer

from model.backend import Cancel, Delta
from model.engine.repetition import RepetitionDetector
from model.serving.event_stream import Emit


class TextStreamer(BaseStreamer):  # type: ignore[misc]  # transformers ships no types for it
    """Turns the tokens of `generate` into `Delta`s of whole characters, with the times they came at.

    Byte-level BPE cuts characters into several tokens, so bytes go through an incremental UTF-8 decoder.
    """

    def __init__(self, tokenizer: Any, end_tokens: frozenset[int], emit: Emit) -> None:
        self._tokenizer = tokenizer
        self._end_tokens = end_tokens
        self._emit = emit
        self._utf8 = codecs.getincrementaldecoder("utf-8")("replace")
        self._prompt_received = False
        self.ids: list[int] = []  # generated so far, end-of-turn token included
        self.first_token_at: float | None = None
        self.last_token_at: float | None = None
        self._first_step_tokens = 0  # tokens that came with the first

    def put(self, value: torch.Tensor) -> None:
        """value: (1, prompt length) for the first call, then (1,) per token, or (1, tokens) of a draft."""
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
        self._emit_text(self._utf8.decode(b"", final=True))

    @property
    def has_end_token(self) -> bool:
        return bool(self.ids) and self.ids[-1] in self._end_tokens

    @property
    def tokens_per_s(self) -> float:
        """Of those after the first; 0 if none came later."""
        decoding = (self.last_token_at or 0.0) - (self.first_token_at or 0.0)
        return (len(self.ids) - self._first_step_tokens) / decoding if decoding > 0 else 0.0

    def _emit_text(self, text: str) -> None:
        if text:
            self._emit(Delta(text))


class CancelCriteria(StoppingCriteria):  # type: ignore[misc]  # transformers ships no types for it
    """Ends `generate` after the current token once `cancel` is set."""

    def __init__(self, cancel: Cancel) -> None:
        self._cancel = cancel

    def __call__(
        self, input_ids: torch.Tensor, _scores: torch.Tensor, **_kwargs: Any
    ) -> torch.Tensor:
        """Shape (1,) bool, one per sequence."""
        return torch.full((input_ids.shape[0],), self._cancel.is_set(), device=input_ids.device)


class FiniteLogitsProcessor(LogitsProcessor):  # type: ignore[misc]  # transformers ships no types for it
    """Ends the answer at the first logits that are NaN or infinite, and leaves all others as they are.

    Greedy decoding would go on with token 0 for ever; sampling from NaN is an assertion on a GPU, after which the
    process can use it no more. Nothing is fetched from the device before `failed` is asked for.
    """

    def __init__(self, end_token: int) -> None:
        self._end_token = end_token
        self._finite: torch.Tensor | None = None  # () bool: all logits so far

    @property
    def failed(self) -> bool:
        return self._finite is not None and not bool(self._finite)

    def __call__(self, _ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        """scores: (1, vocabulary). The end token is certain if they are not finite."""
        # A maximum passes NaN on; -inf is a token that is ruled out.
        finite = scores.max().isfinite()
        self._finite = finite if self._finite is None else self._finite & finite
        ending = torch.full_like(scores, -torch.inf)
        ending[:, self._end_token] = 0.0
        return torch.where(finite, scores, ending)


class RepetitionCriteria(StoppingCriteria):  # type: ignore[misc]  # transformers ships no types for it
    """Ends `generate` once the answer repeats its tail.

    Reads the tokens where the streamer leaves them, a little later than they are drawn: fetching them from
    a GPU once more would make it wait.
    """

    def __init__(self, detector: RepetitionDetector, ids: Sequence[int]) -> None:
        self._detector = detector
        self._ids = ids
        self._fed = 0

    def __call__(
        self, input_ids: torch.Tensor, _scores: torch.Tensor, **_kwargs: Any
    ) -> torch.Tensor:
        """Shape (1,) bool, one per sequence."""
        for token in self._ids[self._fed :]:
            self._detector.add(token)
        self._fed = len(self._ids)
        return torch.full(
            (input_ids.shape[0],), self._detector.is_repeating, device=input_ids.device
        )


def _byte_of_character() -> dict[str, int]:
    """The printable stand-ins that byte-level BPE writes for bytes (GPT-2's `bytes_to_unicode`)."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printable]
    table = {chr(byte): byte for byte in printable}
    return table | {chr(256 + i): byte for i, byte in enumerate(others)}


_BYTE_OF_CHARACTER = _byte_of_character()


def token_bytes(tokenizer: Any, token: int) -> bytes:
    """The bytes that one token stands for; added tokens stand for their own spelling."""
    text: str | None = tokenizer.convert_ids_to_tokens(token)
    if text is None:
        return b""  # checkpoints pad their vocabulary beyond the tokenizer's
    if all(character in _BYTE_OF_CHARACTER for character in text):
        return bytes(_BYTE_OF_CHARACTER[character] for character in text)
    return text.encode()
