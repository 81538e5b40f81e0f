"""Checkpoints for a `Switch` that take as much memory as a test says. No model."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from model.backend import Cancel, Estimate, LoadProgress, Status
from model.conversation import Conversation
from model.errors import CheckpointError
from model.reproduce.generation_record import GenerationRecord, VerifyResult
from model.settings import DefaultSettings, GenerationSettings
from model.switching.backend import SwitchedBackend
from model.switching.checkpoint import Source
from model.switching.memory import Place
from model.switching.switch import Switch
from tests.support.fakes import FakeBackend

DEVICE = frozenset({"cpu"})


class LoadedFake(FakeBackend):
    """A fake that can be verified, too."""

    def generation_record(
        self, conversation: Conversation, settings: GenerationSettings
    ) -> GenerationRecord:
        raise NotImplementedError

    def verify(self, record: GenerationRecord, reply: str, cancel: Cancel) -> VerifyResult | None:  # noqa: ARG002
        return None if cancel.is_set() else VerifyResult(1)


@dataclass
class Memory:
    """What several fakes share. log: what was loaded (`+a`) and unloaded (`-a`), in order."""

    size: int
    held: dict[str, int] = field(default_factory=dict)
    log: list[str] = field(default_factory=list)

    @property
    def free(self) -> int:
        return self.size - sum(self.held.values())


class FakeCheckpoint:
    """An `OpenedCheckpoint`."""

    def __init__(self, name: str, bytes_: int, memory: Memory, backend: Callable[[], Any]) -> None:
        self.name, self.bytes, self.memory, self._backend = name, bytes_, memory, backend
        self.status = Status("ready", f"{name} · cpu", reproducible=True)
        self.settings = DefaultSettings()
        self.broken = False
        self.shares: list[float] = []
        self.loaded: Any = None

    def place(self) -> Place:
        return Place(DEVICE, self.bytes, self.bytes, self.memory.free)

    def load(self, report: LoadProgress, cache_share: float) -> Any:
        report(0.5)
        if self.broken or self.memory.free < self.bytes:
            raise CheckpointError("{checkpoint} cannot be loaded: {reason}", checkpoint=self.name, reason="no")  # fmt: skip
        self.shares.append(cache_share)
        self.memory.held[self.name] = self.bytes
        self.memory.log.append(f"+{self.name}")
        self.loaded = self._backend()
        return self.loaded

    def give_back(self) -> None:
        del self.memory.held[self.name]
        self.memory.log.append(f"-{self.name}")

    def estimate(self, conversation: Conversation, settings: GenerationSettings) -> Estimate:  # noqa: ARG002
        return Estimate((), len(self.name), 100)

    def generation_record(
        self, conversation: Conversation, settings: GenerationSettings
    ) -> GenerationRecord:
        raise NotImplementedError


@dataclass
class Switched:
    """A switch over fakes, by name."""

    sizes: Mapping[str, int]
    memory: Memory
    fakes: dict[str, FakeCheckpoint] = field(default_factory=dict)
    gates: dict[str, threading.Event] = field(
        default_factory=dict
    )  # of those that wait to be opened
    backends: dict[str, SwitchedBackend] = field(default_factory=dict)
    make: Callable[[str], Any] = lambda _: LoadedFake()

    def __post_init__(self) -> None:
        for name, size in self.sizes.items():
            self.fakes[name] = FakeCheckpoint(
                name,
                size,
                self.memory,
                lambda name=name: self.make(name),  # type: ignore[misc]
            )
        self.switch = Switch({name: self._source(name) for name in self.sizes})
        self.backends = {name: SwitchedBackend(self.switch, name) for name in self.sizes}

    def _source(self, name: str) -> Source:
        def opened(report: LoadProgress) -> FakeCheckpoint:
            report(0.1)
            if gate := self.gates.get(name):
                gate.wait()
            return self.fakes[name]

        return Source(Status("ready", name, reproducible=True), DefaultSettings(), opened)
