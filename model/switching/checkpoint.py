"""What a `Switch` knows of one checkpoint: how to open it, and in which state it is."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from model.backend import Backend, Estimate, LoadProgress, Status
from model.conversation import Conversation
from model.errors import DemoError
from model.reproduce.generation_record import GenerationRecord, Reproducible
from model.settings import DefaultSettings, GenerationSettings
from model.switching.memory import Place


class LoadedBackend(Backend, Reproducible, Protocol):
    """A checkpoint that is in memory."""


class OpenedCheckpoint(Protocol):
    """A checkpoint whose files are here, whole and fetched. Its weights need not be in memory."""

    status: Status
    settings: DefaultSettings

    def place(self) -> Place:
        """Where it would be loaded now, and what it needs there."""
        ...

    def load(self, report: LoadProgress, cache_share: float) -> LoadedBackend:
        """Read the weights. cache_share: of the memory for caches. Raises `CheckpointError`."""
        ...

    def give_back(self) -> None:
        """Return the memory of weights that nobody holds any more to the system and the GPU."""
        ...

    def estimate(self, conversation: Conversation, settings: GenerationSettings) -> Estimate:
        """See `Backend.estimate`; it needs no weights."""
        ...

    def generation_record(
        self, conversation: Conversation, settings: GenerationSettings
    ) -> GenerationRecord:
        """See `Reproducible.generation_record`; it needs no weights."""
        ...


@dataclass(frozen=True)
class Source:
    """A checkpoint before it is opened.

    status: what is known of it, e.g. its name; settings: those that are expected; open: checks the files and fetches
    them, which may take long. It raises `DemoError`.
    """

    status: Status
    settings: DefaultSettings
    open: Callable[[LoadProgress], OpenedCheckpoint]


@dataclass(eq=False)
class Checkpoint:
    """The state of one checkpoint. Changed under the switch's condition only.

    users: answers and the like that need it in memory; progress: of opening or loading it, 0..1, None while nobody
    does; note: why opening cannot go on.
    """

    source: Source
    opened: OpenedCheckpoint | None = None
    backend: LoadedBackend | None = None
    place: Place | None = None
    users: int = 0
    used_at: float = 0.0
    progress: float | None = None
    note: str = ""
    failure: DemoError | None = None

    @property
    def known(self) -> Status:
        """What it says of itself when it is not in memory."""
        return self.opened.status if self.opened else self.source.status

    @property
    def settings(self) -> DefaultSettings:
        return self.opened.settings if self.opened else self.source.settings

    def report(self, progress: float, note: str = "") -> None:
        """See `LoadProgress`."""
        self.progress, self.note = progress, note

    def touch(self) -> None:
        """It is used now."""
        self.used_at = time.monotonic()
