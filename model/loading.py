"""LoadingBackend: stands in for a backend that is still being loaded.

The page starts at once. A message waits until the backend is loaded, and a failed load is reported with its reason.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from copy import copy

from model.backend import (
    Backend,
    CacheFigures,
    Cancel,
    Estimate,
    Event,
    Finished,
    LoadProgress,
    Status,
    Usage,
)
from model.conversation import Conversation
from model.errors import DemoError, NotReplayableError
from model.reproduce.generation_record import GenerationRecord, Reproducible, VerifyResult
from model.settings import DefaultSettings, GenerationSettings

log = logging.getLogger(__name__)
POLL_S = 0.1


Load = Callable[[LoadProgress], Backend]


class LoadingBackend:
    """Loads the real backend in a thread of its own and then stands in front of it."""

    def __init__(self, load: Load, label: str, settings: DefaultSettings | None = None) -> None:
        """label: what the banner says while it loads; settings: those that are expected of what is loaded."""
        self._status = Status("loading", label)
        self._settings = settings or DefaultSettings()
        self._backend: Backend | None = None
        self._failure: DemoError | None = None
        self._settled = threading.Event()
        self._load = load
        threading.Thread(target=self._run, name="load", daemon=True).start()

    def status(self) -> Status:
        return self._backend.status() if self._backend else self._status

    def default_settings(self) -> DefaultSettings:
        """The backend's own as soon as it is there."""
        return self._backend.default_settings() if self._backend else self._settings

    def wait(self, timeout: float | None = None) -> Backend:
        """The loaded backend. Raises `DemoError` if it could not be loaded, or not in `timeout` s."""
        self._settled.wait(timeout)
        if self._backend:
            return self._backend
        if self._failure:
            raise copy(self._failure)  # each waiting thread has its own traceback
        raise DemoError("The model is still loading; try again shortly.")

    def stream(
        self,
        conversation: Conversation,
        settings: GenerationSettings,
        cancel: Cancel,
        *,
        session: str = "",
    ) -> Iterator[Event]:
        while not self._settled.wait(POLL_S):
            if cancel.is_set():
                seed = settings.seed or 0  # nothing was counted
                usage = Usage(0, 0, 0, 0, 0.0, 0.0, "cancelled", seed, **settings.drawing)
                yield Finished("cancelled", usage)
                return
            yield self._status.as_progress
        yield from self.wait().stream(conversation, settings, cancel, session=session)

    def estimate(self, conversation: Conversation, settings: GenerationSettings) -> Estimate:
        return self.wait(0).estimate(conversation, settings)

    def read_ahead(
        self, conversation: Conversation, settings: GenerationSettings, *, session: str
    ) -> bool:
        if self._backend is None:
            return False
        return self._backend.read_ahead(conversation, settings, session=session)

    def generation_record(
        self, conversation: Conversation, settings: GenerationSettings
    ) -> GenerationRecord:
        return self._reproducible().generation_record(conversation, settings)

    def verify(self, record: GenerationRecord, reply: str, cancel: Cancel) -> VerifyResult | None:
        return self._reproducible().verify(record, reply, cancel)

    def _reproducible(self) -> Reproducible:
        backend = self.wait(0)
        if not isinstance(backend, Reproducible):
            raise NotReplayableError(
                "Only answers of a checkpoint in this program can be reproduced."
            )
        return backend

    def forget(self, session: str) -> None:
        if self._backend:
            self._backend.forget(session)

    def cache_figures(self) -> CacheFigures | None:
        return self._backend.cache_figures() if self._backend else None

    def _run(self) -> None:
        label = self._status.label

        def report(progress: float, note: str = "") -> None:
            if note and note != self._status.note:
                log.warning("%s", note)
            self._status = Status("loading", label, note, progress)

        try:
            self._backend = self._load(report)
            log.info("Ready: %s", self._backend.status().label)
        except DemoError as error:
            self._fail(error)
        except Exception as error:  # the page must say that it will never be ready, whatever broke
            failure = DemoError(
                "The model could not be loaded ({reason}); see the terminal for details.",
                reason=str(error),
            )
            failure.__cause__ = error
            self._fail(failure)
        finally:
            self._settled.set()

    def _fail(self, failure: DemoError) -> None:
        log.error("%s", failure, exc_info=failure)
        self._failure = copy(failure)  # whose traceback would hold on to what was half loaded
        self._status = Status("failed", self._status.label, failure.sentence)
