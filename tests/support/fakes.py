"""A backend that records what it was asked and answers what it was told to. No model, no patching."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from model.backend import (
    CacheFigures,
    Cancel,
    Delta,
    Estimate,
    Event,
    Finished,
    ItemCost,
    Progress,
    Status,
    Usage,
)
from model.conversation import Conversation, Image
from model.settings import DefaultSettings, GenerationSettings

USAGE = Usage(
    prompt_tokens=1312,
    reused_tokens=1180,
    visual_tokens=1092,
    new_tokens=2,
    ttft_s=0.21,
    decode_tokens_per_s=38.0,
    stop_reason="stop",
    seed=7,
)


@dataclass(frozen=True)
class Call:
    """One use of `stream`."""

    conversation: Conversation
    settings: GenerationSettings
    cancel: Cancel
    session: str


@dataclass
class FakeBackend:
    """Yields `events` (`Finished` is added), pausing before each; an exception among them is raised.

    With a `gate`, an answer waits in front of every `Delta` until the gate is open.
    """

    events: Sequence[Event | Exception] = (Delta("Hel"), Delta("lo"))
    pause_s: float = 0.0
    gate: threading.Event | None = None
    calls: list[Call] = field(default_factory=list)
    estimates: list[Conversation] = field(default_factory=list)
    drafts: list[Call] = field(default_factory=list)  # what was read ahead
    forgotten: list[str] = field(default_factory=list)
    figures: CacheFigures | None = None
    current: Status = field(default_factory=lambda: Status("ready", "Fake-VL · cpu float32"))
    defaults: DefaultSettings = field(default_factory=DefaultSettings)
    answer: Callable[[Conversation], Iterable[Event | Exception]] | None = None
    ending: Finished = field(default_factory=lambda: Finished("stop", USAGE))

    def stream(
        self,
        conversation: Conversation,
        settings: GenerationSettings,
        cancel: Cancel,
        *,
        session: str = "",
    ) -> Iterator[Event]:
        self.calls.append(Call(conversation, settings, cancel, session))
        for event in self.answer(conversation) if self.answer else self.events:
            if cancel.wait(self.pause_s) or self._stopped_at_the_gate(event, cancel):
                yield Finished("cancelled", replace(USAGE, stop_reason="cancelled"))
                return
            if isinstance(event, Exception):
                raise event
            yield event
        yield self.ending

    def _stopped_at_the_gate(self, event: Event | Exception, cancel: Cancel) -> bool:
        if self.gate and not isinstance(event, Progress):
            while not self.gate.wait(0.01):
                if cancel.is_set():
                    return True
        return cancel.is_set()

    def estimate(self, conversation: Conversation, settings: GenerationSettings) -> Estimate:  # noqa: ARG002
        self.estimates.append(conversation)
        items = tuple(
            ItemCost("image" if isinstance(part, Image) else "video", number, (64, 48), (56, 56), 4)
            for number, part in enumerate(conversation.media, 1)
        )
        return Estimate(items, prompt_tokens=30 + 4 * len(items), context_tokens=32768)

    def read_ahead(
        self, conversation: Conversation, settings: GenerationSettings, *, session: str
    ) -> bool:
        self.drafts.append(Call(conversation, settings, Cancel(), session))
        return True

    def forget(self, session: str) -> None:
        self.forgotten.append(session)

    def cache_figures(self) -> CacheFigures | None:
        return self.figures

    def status(self) -> Status:
        return self.current

    def default_settings(self) -> DefaultSettings:
        return self.defaults
