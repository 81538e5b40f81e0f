"""The state of one image or video of one session: being decoded, or ready.

`PreparedMedia` changes it under its own lock. Knows nothing of threads.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

from model.prompt.visual_item import VisualItem


class Sized(Protocol):
    """A value that says how many bytes it takes."""

    @property
    def nbytes(self) -> int: ...


Value = TypeVar("Value", bound=Sized)
# The owner and the content hash. The owner is the session's name, or an object of its own for a request without one.
Key = tuple[object, str]


@dataclass(frozen=True)
class Ready(Generic[Value]):
    """values, and the images and frames that were decoded for this request alone, both by content hash."""

    values: Mapping[str, Value]
    frames: Mapping[str, int] = field(default_factory=dict)

    @property
    def decoded(self) -> int:
        """Images and frames that were decoded for this request alone."""
        return sum(self.frames.values())


class Piece(Generic[Value]):
    """One item of one session, being decoded or ready."""

    def __init__(self, key: Key, item: VisualItem, nbytes: int, person: object) -> None:
        """nbytes: what the value will take; person: who asked for it."""
        self.key, self.item, self.nbytes = key, item, nbytes
        self.person = person
        # Requests that use the value, and those of them that wait for it now.
        self.users = self.waiting = 0
        # By `time.monotonic`: until then decoding goes on without users.
        self.wanted_until = 0.0
        # Seconds of a video that are decoded, and seconds in all.
        self.progress = (0.0, 0.0)
        self.value: Value | None = None
        self.error: Exception | None = None
        # Images and frames that were decoded and are in nobody's usage yet.
        self.uncounted = 0
        # Its session was forgotten: drop it after its last user.
        self.forgotten = False
        self.dropped = False

    @property
    def over(self) -> bool:
        return self.value is not None or self.error is not None

    def report(self, done: float, total: float) -> None:
        self.progress = done, total


@dataclass(frozen=True)
class MemoryRequest:
    """A request that waits for memory.

    ahead: whether it reads ahead; number: its order of arrival; person: its session if the person is unknown.
    """

    ahead: bool
    number: int
    person: object
