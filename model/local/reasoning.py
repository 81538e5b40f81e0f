"""Tells what a checkpoint thinks from what it answers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

from model.answers.reasoning import OPENED, Part, Splitter
from model.backend import Delta, Event, Finished, Reasoning, Usage
from model.serving.event_stream import Emit


class ThinkingEmit:
    """Emits the events of an answer that begins inside a reasoning, and of its `Delta`s the thoughts as `Reasoning`."""

    def __init__(self, emit: Emit, begun: str = "") -> None:
        """begun: the text of an answer that is continued, with its reasoning."""
        self._emit, self._splitter = emit, Splitter()
        # Pieces of the reasoning (True) and of the answer, which are tokens or a few of them.
        self._pieces: Counter[bool] = Counter()
        for _ in self._splitter.add(f"{OPENED}{begun}"):
            pass

    def __call__(self, event: Event) -> None:
        match event:
            case Delta(text):
                self._pass_on(self._splitter.add(text))
            case Finished(usage=usage):
                self._pass_on(self._splitter.end())
                self._emit(replace(event, usage=self._counted(usage)))
            case _:
                self._emit(event)

    def _pass_on(self, parts: Iterable[Part]) -> None:
        for part in parts:
            if part.all_before:
                self._pieces = Counter({True: self._pieces.total()})
            self._pieces[part.thought] += bool(part.text)
            if part.thought:
                self._emit(Reasoning(part.text, all_before=part.all_before))
            else:
                self._emit(Delta(part.text))

    def _counted(self, usage: Usage) -> Usage:
        share = self._pieces[True] / max(1, self._pieces.total())
        return replace(usage, reasoning_tokens=round(share * usage.new_tokens))
