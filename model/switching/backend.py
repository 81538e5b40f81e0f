"""SwitchedBackend: one checkpoint of a `Switch`, which is loaded when it is asked."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from functools import partial

from model.backend import (
    CacheFigures,
    Cancel,
    CancelWhen,
    Estimate,
    Event,
    Finished,
    Status,
    Usage,
)
from model.conversation import Conversation
from model.reproduce.generation_record import GenerationRecord, VerifyResult
from model.serving.event_stream import Emit, events_of
from model.settings import DefaultSettings, GenerationSettings
from model.switching.switch import Switch


class SwitchedBackend:
    """A `Backend` and `Reproducible`. It can answer at any time, also while it is not in memory."""

    def __init__(self, switch: Switch, name: str) -> None:
        """name: one of the switch's checkpoints."""
        self._switch, self._name = switch, name
        self._checkpoint = switch.checkpoints[name]

    def begin(self) -> None:
        """See `Startable.begin`."""
        self._switch.begin(self._name)

    def status(self) -> Status:
        one = self._checkpoint
        if backend := one.backend:
            return backend.status()
        if (progress := one.progress) is not None:
            return replace(one.known, state="loading", note=one.note, progress=progress)
        if failure := one.failure:
            return replace(one.known, state="failed", note=failure.sentence)
        return one.known

    def default_settings(self) -> DefaultSettings:
        return self._checkpoint.settings

    def stream(
        self,
        conversation: Conversation,
        settings: GenerationSettings,
        cancel: Cancel,
        *,
        session: str = "",
    ) -> Iterator[Event]:
        """See `Backend.stream`. Raises `DemoError` if the checkpoint cannot be loaded."""
        asked_at = time.perf_counter()
        answer = partial(self._answer, conversation, settings, cancel, session, asked_at)
        return events_of(answer, cancel)

    def _answer(
        self,
        conversation: Conversation,
        settings: GenerationSettings,
        cancel: Cancel,
        session: str,
        asked_at: float,
        emit: Emit,
    ) -> None:
        with self._switch.using(self._name, cancel, emit, asked_at) as backend:
            if backend is None:
                usage = Usage(
                    0, 0, 0, 0, 0.0, 0.0, "cancelled", settings.seed or 0, **settings.drawing
                )
                emit(Finished("cancelled", usage))
                return
            waited = time.perf_counter() - asked_at
            for event in backend.stream(conversation, settings, cancel, session=session):
                emit(_after(waited, event))

    def estimate(self, conversation: Conversation, settings: GenerationSettings) -> Estimate:
        return self._switch.opened(self._name).estimate(conversation, settings)

    def read_ahead(
        self, conversation: Conversation, settings: GenerationSettings, *, session: str
    ) -> bool:
        """See `Backend.read_ahead`. Nothing is loaded for it, and nothing read that may have to leave soon."""
        with self._switch.if_loaded(self._name) as backend:
            return bool(backend and backend.read_ahead(conversation, settings, session=session))

    def generation_record(
        self, conversation: Conversation, settings: GenerationSettings
    ) -> GenerationRecord:
        """See `Reproducible.generation_record`."""
        return self._switch.opened(self._name).generation_record(conversation, settings)

    def verify(self, record: GenerationRecord, reply: str, cancel: Cancel) -> VerifyResult | None:
        """See `Reproducible.verify`."""
        while not cancel.is_set():
            with self._switch.when_idle(self._name, cancel) as (backend, leave):
                if backend and leave:
                    either = CancelWhen(leave.is_set, cancel.is_set)
                    if result := backend.verify(record, reply, either):
                        return result
        return None

    def forget(self, session: str) -> None:
        if backend := self._checkpoint.backend:
            backend.forget(session)

    def cache_figures(self) -> CacheFigures | None:
        backend = self._checkpoint.backend
        return backend.cache_figures() if backend else None


def _after(waited: float, event: Event) -> Event:
    """The event, with the wait for the checkpoint in the time to the first token."""
    if not isinstance(event, Finished) or not event.usage.ttft_s:
        return event
    usage = replace(event.usage, ttft_s=event.usage.ttft_s + waited)
    return Finished(event.reason, usage)
