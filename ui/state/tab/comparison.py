"""One message answered under two settings or by two checkpoints, one after the other: what is asked for, and how far it is.

Knows nothing of the page, and the conversation is not changed by it. Like a tab it is changed on the event
loop only.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from model.backend import Backend, Startable, Usage
from model.conversation import Conversation
from model.errors import DemoError
from model.settings import SETTING_SPECS, DefaultSettings
from ui.state.tab.checkpoints import Checkpoints
from ui.state.tab.run import Run

NAMES = ("A", "B")
Overrides = Mapping[str, Any]  # settings by name
# Of a system prompt that a browser posts.
MAX_OVERRIDE_CHARACTERS = 100_000
# From a checkpoint to what it is asked, and the settings that are a side's. Raises `DemoError`.
Question = Callable[[Backend], tuple[Conversation, DefaultSettings]]
MAX_NAME_CHARACTERS = 1000
CHECKPOINT = "checkpoint"  # among the overrides; it is no setting of an answer
NO_SESSION = ""  # no KV cache is kept or dropped for it


@dataclass(frozen=True)
class Side:
    """The message under one of the settings.

    overrides: what differs from the page's settings, as it was asked for; settings: all of them, typed.
    """

    overrides: Overrides
    settings: dict[str, Any] = field(default_factory=dict)
    backend: Backend | None = None
    run: Run | None = None
    problem: str = ""  # why there is no run, a `LocalizedText`
    question: Question | None = None

    def ask_again(self) -> None:
        """The checkpoint is there, with its defaults for what neither side overrides."""
        if self.run and self.question and self.backend:
            self.run.conversation, chosen = self.question(self.backend)
            self.run.settings = chosen.generation
            self.settings.update(chosen.values)

    @property
    def usage(self) -> Usage | None:
        return self.run.finished.usage if self.run and self.run.finished else None

    @property
    def ended(self) -> bool:
        """Whether its answer is there or failed."""
        return bool(self.run and (self.run.finished or self.run.error))

    @property
    def complete(self) -> bool:
        """Whether the model came to the end of its answer."""
        return self.usage is not None and self.usage.stop_reason != "cancelled"


class Comparison:
    """Two sides; `run` is the answer that is being written. Nothing is asked unless both settings are valid."""

    def __init__(self, first: Side, second: Side) -> None:
        self.sides = first, second
        self.run: Run | None = None
        ready = all(side.run for side in self.sides)
        self._next = list(self.sides) if ready else []

    @property
    def running(self) -> bool:
        return self.run is not None

    @property
    def overrides(self) -> tuple[Overrides, Overrides]:
        first, second = self.sides
        return first.overrides, second.overrides

    @property
    def asked(self) -> Conversation | None:
        """What is answered; only the resolutions may differ between the sides."""
        return next((side.run.conversation for side in self.sides if side.run), None)

    def start(
        self,
        page_pending: Callable[[], bool],
        ended: Callable[[Run], None] = lambda _: None,
    ) -> None:
        """Have answered what has not been answered yet; see `Run.start`. ended: told of each answer."""
        side = self._next.pop(0) if self._next else None
        self.run = side.run if side else None
        self.expect_follower()
        if side and side.run and side.backend:
            if isinstance(side.backend, Startable):
                side.backend.begin()
            side.run.start(
                side.backend,
                lambda run: self._go_on(run, page_pending, ended),
                page_pending=page_pending,
                loaded=self._ask_again,
            )

    def expect_follower(self) -> None:
        """Somebody is about to look; see `Run.expect_follower`."""
        if self.run:
            self.run.expect_follower()

    def stop(self) -> None:
        """Stop both sides; what there is of their answers stays."""
        self._next.clear()
        if self.run:
            self.run.cancel.set()

    def _ask_again(self) -> None:
        for side in self.sides:
            side.ask_again()

    def _go_on(
        self,
        run: Run,
        page_pending: Callable[[], bool],
        ended: Callable[[Run], None],
    ) -> None:
        ended(run)
        if run.finished and run.finished.reason == "cancelled":
            self._next.clear()  # stopped, or nobody follows any more
        self.start(page_pending, ended)


def side(
    overrides: Overrides, question: Question, checkpoints: Checkpoints, checkpoint: str
) -> Side:
    """One side, with its question under its overrides. checkpoint: the page's, which an override replaces."""
    name = str(overrides.get(CHECKPOINT, checkpoint))
    try:
        backend = checkpoints[name]
        asked, settings = question(backend)
    except DemoError as error:
        return Side(overrides, problem=error.sentence)
    run = Run(asked, settings.generation, NO_SESSION, checkpoint=name)
    values = settings.values | ({CHECKPOINT: name} if checkpoints.several else {})
    return Side(overrides, values, backend, run, question=question)


def overrides_of(posted: object) -> tuple[Overrides, Overrides]:
    """What a browser asks for, which may be anything; whether the values are possible is checked later."""
    match posted:
        case [dict(first), dict(second)]:
            return _overrides(first), _overrides(second)
    return {}, {}


def _overrides(posted: Mapping[str, object]) -> Overrides:
    overrides: dict[str, Any] = {}
    if isinstance(name := posted.get(CHECKPOINT), str):
        overrides[CHECKPOINT] = name[:MAX_NAME_CHARACTERS]
    for spec in SETTING_SPECS:
        match posted.get(spec.name):
            case str(text):
                overrides[spec.name] = text[:MAX_OVERRIDE_CHARACTERS]
            case bool() | int() | float() as value:
                overrides[spec.name] = value
            case None if spec.optional and spec.name in posted:
                overrides[spec.name] = None
    return overrides
