"""Reply: the reasoning, the text, the ending and the token counts of one answer while it arrives."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from itertools import takewhile
from typing import Any

from model.answers.reasoning import END_TOKENS, Part, Splitter
from model.backend import Delta, Reasoning, StopReason
from model.remote.chunk import Calls, added
from model.remote.http.characters import Characters
from model.remote.http.errors import BrokenOffError, StreamedError
from model.serving.event_stream import Emit
from model.usage import TokenLogprob

# Characters of an answer, and of a reasoning. The longest answer has 8,192 tokens.
MAX_CHARACTERS = 200_000


class Reply:
    """Takes the chunks of an answer, and emits `Delta` and `Reasoning`.

    counts: the server's token counts, by the names of `Usage`; first_word_at: `time.perf_counter()` of the answer's first
    word, which is not reasoning or white space.
    """

    def __init__(self, emit: Emit, begun: Callable[[], None], *, always_thinks: bool) -> None:
        """begun: called at the first piece; always_thinks: the prompt ends with an opening tag of a reasoning."""
        self.counts: dict[str, int] = {}
        self.ending: StopReason | None = None
        self.first_word_at: float | None = None
        self._began_at: float | None = None
        self._last_at: float | None = None
        self._answer: list[str] = []
        self._reasoning: list[str] = []
        # Characters of the reasoning (True) and of the answer.
        self._length = {True: 0, False: 0}
        self._emit, self._begun, self._always_thinks = emit, begun, always_thinks
        self._said, self._thinking = Characters(), Characters()
        self._splitter, self._calls = Splitter(), Calls()
        self._refusal = ""
        self._logprobs: list[TokenLogprob] = []

    @property
    def text(self) -> str:
        return "".join(self._answer)

    @property
    def logprobs(self) -> list[TokenLogprob]:
        """Of the tokens so far, without end tokens. An incomplete character of a token is what the server makes of it."""
        ended = takewhile(lambda token: token["text"] in END_TOKENS, reversed(self._logprobs))
        return self._logprobs[: len(self._logprobs) - sum(1 for _ in ended)]

    @property
    def thought(self) -> bool:
        return any(map(str.strip, self._reasoning))

    @property
    def begun(self) -> bool:
        return self._began_at is not None

    @property
    def full(self) -> bool:
        """Whether `MAX_CHARACTERS` is reached."""
        return max(self._length.values()) >= MAX_CHARACTERS

    @property
    def new_tokens(self) -> int:
        """The tokens of reasoning and answer; the number of pieces if the server does not count."""
        counted = self.counts.get("new_tokens")
        if counted is None:
            return len(self._answer) + len(self._reasoning)
        return max(0, counted - (self.ending == "stop"))  # servers count the end token

    @property
    def reasoning_tokens(self) -> int:
        if not self.thought:
            return 0
        pieces = len(self._reasoning) + len(self._answer)
        share = round(self.new_tokens * len(self._reasoning) / pieces)
        return min(self.counts.get("reasoning_tokens", share), self.new_tokens)

    @property
    def tokens_per_s(self) -> float:
        if self._began_at is None or self._last_at is None or self._last_at <= self._began_at:
            return 0.0
        return max(0, self.new_tokens - 1) / (self._last_at - self._began_at)

    def take(self, chunk: Mapping[str, Any]) -> None:
        """Add a chunk. Raises `StreamedError` and `BrokenOffError` if the server reports a failure."""
        if not chunk:
            self.ending = self.ending or ("stop" if self.begun else None)
            return
        more = added(chunk)
        self.counts |= more.counts
        if len(self._logprobs) < MAX_CHARACTERS:
            self._logprobs += more.logprobs
        if more.error:
            raise StreamedError({"error": more.error})
        if more.thought:
            self._splitter.thought()
            self._come(Part(self._thinking.add(more.thought), thought=True))
        if more.text:
            self._split(self._said.add(more.text))
        self._refusal += more.refusal
        for call in more.calls:
            self._calls.add(call)
        if more.ending == "broken":
            raise BrokenOffError
        self.ending = more.ending or self.ending

    def end(self) -> None:
        """Add what was held back. Raises `BrokenOffError` if the stream ended before the answer."""
        self._come(Part(self._thinking.end(), thought=True))
        self._split(self._said.end())
        for part in self._splitter.end():
            self._come(part)
        for more in (self._refusal, self._calls.text()):
            if more:
                self._come(Part(f"\n\n{more}" if self._answer else more, thought=False))
        if self._refusal and self.ending in ("stop", None):
            self.ending = "refused"
        if self.ending is None and (self.counts and self.begun):
            self.ending = "stop"  # token counts come after the end
        if self.ending is None:
            raise BrokenOffError
        if self.ending == "length" and self._always_thinks and not self.thought:
            self._come(Part("", thought=True, all_before=True))

    def _split(self, text: str) -> None:
        for part in self._splitter.add(text) if text else ():
            self._come(part)

    def _come(self, part: Part) -> None:
        if part.all_before:
            self._reasoning += self._answer
            self._answer.clear()
            self._length = {True: sum(self._length.values()), False: 0}
            self.first_word_at = None
            self._emit(Reasoning("", all_before=True))
        room = MAX_CHARACTERS - self._length[part.thought]
        if text := part.text[: max(0, room)]:
            self._length[part.thought] += len(text)
            self._add(text, part.thought)

    def _add(self, text: str, thought: bool) -> None:
        self._last_at = time.perf_counter()
        if self._began_at is None:
            self._began_at = self._last_at
            self._begun()
        if thought:
            self._reasoning.append(text)
            self._emit(Reasoning(text))
            return
        self._answer.append(text)
        if text.strip() and self.first_word_at is None:
            self.first_word_at = self._last_at
        self._emit(Delta(text))
