"""Pictures and clips decoded for a model, before it is their turn there: each once, and bounded in bytes.

What is ready is kept for its session until it is used, and makes room for others by age. Two who want the same of
one session share the work. Knows nothing of what a file becomes.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from typing import Generic, Protocol, TypeVar

from model.backend import Cancel
from model.media.video import VideoProgress
from model.prompt.visual_item import VisualItem
from model.serving.decoders import DecodeJob, Decoders
from model.serving.person import PERSON


class Sized(Protocol):
    """What says how many bytes it takes."""

    @property
    def nbytes(self) -> int: ...


Value = TypeVar("Value", bound=Sized)
# Makes a value of an item in steps, between which it may rest. What it returns once it is cancelled does not matter.
Make = Callable[[VisualItem, Cancel, VideoProgress], Generator[None, None, Value]]
Items = Mapping[str, VisualItem]  # by identity
Key = tuple[
    object, str
]  # a session's name, or something of its own for who has none, and an identity

POLL_S = 0.05  # how soon a cancelled wait ends
MAX_SHARE_OF_PERSON = 0.75  # of the budget, for all conversations of one person but a first
LINGER_S = 5.0  # work goes on for whoever comes next: Send follows a draft, and a draft another


@dataclass(frozen=True)
class Ready(Generic[Value]):
    """values: by identity; decoded: pictures and frames that were decoded for this, and for nobody before."""

    values: Mapping[str, Value]
    decoded: int = 0


class _Piece(Generic[Value]):
    """One item of one session, on its way or ready."""

    def __init__(self, key: Key, item: VisualItem, nbytes: int, person: object) -> None:
        self.key, self.item, self.nbytes = key, item, nbytes
        self.person = person  # who has asked for it
        self.users = self.waiting = 0  # who must find it, and who of these has asked and waits
        self.wanted_until = 0.0  # without users
        self.progress = (0.0, 0.0)
        self.value: Value | None = None
        self.error: Exception | None = None
        self.uncounted = 0  # pictures and frames decoded, until they are counted as somebody's
        self.forgotten = False  # not to be kept after its users
        self.dropped = False

    @property
    def over(self) -> bool:
        return self.value is not None or self.error is not None

    def report(self, done: float, total: float) -> None:
        self.progress = done, total


@dataclass(frozen=True)
class _Place:
    """Somebody's in the line."""

    ahead: bool
    number: int
    person: object  # where nobody is known, the session


@dataclass(eq=False)
class _Use:
    session: str
    forgotten: bool = False


class _Unwanted(Cancel):
    """Set as soon as nobody wants a piece any more."""

    def __init__(self, look: Callable[[], bool]) -> None:
        super().__init__()
        self._look = look

    def is_set(self) -> bool:
        return self._look()


class PreparedMedia(Generic[Value]):
    """Values by session and content. Safe to use from several threads."""

    def __init__(
        self,
        make: Make[Value],
        nbytes_of: Callable[[VisualItem], int],
        budget: int,
        decoders: Decoders | None = None,
    ) -> None:
        """nbytes_of: what a value will take; budget: bytes of all, but one conversation may exceed it alone."""
        self._make, self._nbytes_of, self._budget = make, nbytes_of, budget
        self._decoders = decoders or Decoders()
        self._pieces: OrderedDict[Key, _Piece[Value]] = OrderedDict()
        # Who waits for room: those who read ahead are last.
        self._line: list[_Place] = []
        self._numbers = count()
        self._uses: set[_Use] = set()
        self._changed = threading.Condition()

    @property
    def nbytes(self) -> int:
        """Of what is ready or on its way."""
        with self._changed:
            return sum(piece.nbytes for piece in self._pieces.values())

    @contextmanager
    def in_use(self, session: str) -> Iterator[None]:
        """While a session may yet want something. If it is forgotten meanwhile, nothing stays."""
        use = _Use(session)
        with self._changed:
            self._uses.add(use)
        try:
            yield
        finally:
            with self._changed:
                self._uses.discard(use)
            if use.forgotten:
                self.forget(session)

    @contextmanager
    def ready(
        self,
        session: str,
        items: Items,
        cancel: Cancel,
        report: VideoProgress,
        *,
        ahead: bool = False,
    ) -> Iterator[Ready[Value] | None]:
        """Everything that is wanted, which stays while inside; None if cancelled. Raises `MediaError`.

        report: is told how far the first clip is that is not ready, in seconds, and (0, 0) before; ahead: nobody
        waits for it. Whoever is inside waits for room never again, so that there is no deadlock.
        """
        if not items:
            yield Ready({})
            return
        pieces = self._entered(session, items, cancel, ahead=ahead)
        try:
            yield self._waited(pieces, cancel, report) if pieces else None
        finally:
            self._leave(pieces, linger=ahead)

    def kept(self, session: str, items: Items) -> Ready[Value] | None:
        """Everything at once, if it is ready."""
        with self._changed:
            pieces = {name: self._pieces.get((session, name)) for name in items}
            values = {name: p.value for name, p in pieces.items() if p and p.value is not None}
        return Ready(values) if len(values) == len(items) else None

    def discard(self, session: str, identity: str) -> None:
        """It is not needed any more, unless somebody waits for it."""
        with self._changed:
            piece = self._pieces.get((session, identity))
            if piece and not piece.users:
                self._drop(piece)

    def forget(self, session: str) -> None:
        """Drop everything of one session; what is in use is dropped after it."""
        with self._changed:
            for use in self._uses:
                use.forgotten = use.forgotten or use.session == session
            for piece in [p for k, p in self._pieces.items() if k[0] == session]:
                piece.forgotten = True
                if not piece.users:
                    self._drop(piece)

    def clear(self) -> None:
        """Drop everything that nobody uses."""
        with self._changed:
            for piece in [p for p in self._pieces.values() if not p.users]:
                self._drop(piece)

    def _entered(
        self, session: str, items: Items, cancel: Cancel, *, ahead: bool
    ) -> list[_Piece[Value]]:
        """Wait for room, and have everything begun; nothing if cancelled before."""
        owner = session or object()
        wanted = {(owner, name): item for name, item in items.items()}
        with self._changed:
            place = _Place(ahead, next(self._numbers), PERSON.get() or owner)
            self._line.append(place)
            try:
                while not cancel.is_set():
                    if self._has_room(wanted, place):
                        return [self._used(key, item, place) for key, item in wanted.items()]
                    self._changed.wait(POLL_S)
                return []
            finally:
                self._line.remove(place)
                self._changed.notify_all()

    def _held(self, person: object) -> int:
        """Bytes that a person has in use."""
        return sum(p.nbytes for p in self._pieces.values() if p.users and p.person == person)

    def _rank(self, place: _Place) -> tuple[bool, int, int]:
        """The lowest is next: whoever holds least, so that nobody waits for all that a stranger has asked for."""
        return place.ahead, self._held(place.person), place.number

    def _has_room(self, wanted: Mapping[Key, VisualItem], place: _Place) -> bool:
        """Whether all of it may be there at once, for which what nobody uses has to go, the oldest first."""
        more = sum(self._nbytes_of(item) for k, item in wanted.items() if k not in self._pieces)
        if not more:
            return True
        others = [piece for key, piece in self._pieces.items() if key not in wanted]
        held = sum(piece.nbytes for piece in others if piece.users)
        more += sum(piece.nbytes for key, piece in self._pieces.items() if key in wanted)
        first = place == min(self._line, key=self._rank)
        if not first or (held and held + more > self._budget):
            return False
        own = sum(p.nbytes for p in others if p.users and p.person == place.person)
        if own and own + more > MAX_SHARE_OF_PERSON * self._budget:
            return False
        spare = [piece for piece in others if not piece.users]
        surplus = held + more + sum(piece.nbytes for piece in spare) - self._budget
        for piece in spare:
            if surplus <= 0:
                break
            surplus -= piece.nbytes
            self._drop(piece)
        return True

    def _used(self, key: Key, item: VisualItem, place: _Place) -> _Piece[Value]:
        piece = self._pieces.get(key)
        begun = piece is not None
        if piece is None:
            piece = self._pieces[key] = _Piece(key, item, self._nbytes_of(item), place.person)
        piece.users += 1
        piece.waiting += not place.ahead
        if not begun:
            self._begin(piece)
        return piece

    def _begin(self, piece: _Piece[Value]) -> None:
        session = piece.key[0] if isinstance(piece.key[0], str) else ""
        person = PERSON.get() or session
        clip = piece.item.kind == "video"
        urgent = lambda: piece.waiting > 0  # noqa: E731
        self._decoders.add(DecodeJob(person, self._steps(piece), clip, urgent, session=session))

    def _steps(self, piece: _Piece[Value]) -> Iterator[None]:
        cancel = _Unwanted(lambda: self._unwanted(piece))
        if cancel.is_set():
            return
        value, error = None, None
        try:
            value = yield from self._make(piece.item, cancel, piece.report)
        except Exception as found:  # whoever waits for it gets it
            error = found
        with self._changed:
            if not piece.dropped:
                self._end(piece, value, error)
            self._changed.notify_all()

    def _end(self, piece: _Piece[Value], value: Value | None, error: Exception | None) -> None:
        piece.value, piece.error = value, error
        if value is None:
            self._drop(piece)  # who comes next tries anew
            return
        piece.nbytes = value.nbytes
        piece.uncounted = len(piece.item.times) or 1

    def _unwanted(self, piece: _Piece[Value]) -> bool:
        with self._changed:
            if not piece.dropped and not piece.users and time.monotonic() > piece.wanted_until:
                self._drop(piece)
            return piece.dropped

    def _drop(self, piece: _Piece[Value]) -> None:
        piece.dropped = True
        if self._pieces.get(piece.key) is piece:
            del self._pieces[piece.key]
        self._changed.notify_all()

    def _waited(
        self, pieces: Sequence[_Piece[Value]], cancel: Cancel, report: VideoProgress
    ) -> Ready[Value] | None:
        """Everything, as soon as it is ready; None if cancelled. Raises what went wrong."""
        told: tuple[float, float] | None = None
        while True:
            with self._changed:
                failed = next((piece.error for piece in pieces if piece.error), None)
                left = next((piece for piece in pieces if not piece.over), None)
                if failed:
                    raise failed
                if left is None:
                    return self._counted(pieces)
                if cancel.is_set():
                    return None
                if left.progress == told:
                    self._changed.wait(POLL_S)
                    continue
                told = left.progress
            report(*told)

    def _counted(self, pieces: Sequence[_Piece[Value]]) -> Ready[Value]:
        decoded = sum(piece.uncounted for piece in pieces)
        values: dict[str, Value] = {}
        for piece in pieces:
            piece.uncounted = 0
            assert piece.value is not None
            values[piece.key[1]] = piece.value
        return Ready(values, decoded)

    def _leave(self, pieces: Sequence[_Piece[Value]], *, linger: bool) -> None:
        """linger: work that is under way goes on for a while."""
        with self._changed:
            for piece in pieces:
                piece.users -= 1
                piece.waiting -= not linger
                if piece.users or piece.dropped:
                    continue
                piece.wanted_until = time.monotonic() + LINGER_S
                self._pieces.move_to_end(piece.key)
                nameless = not isinstance(piece.key[0], str)
                if piece.forgotten or nameless or not (linger or piece.over):
                    self._drop(piece)
            self._changed.notify_all()
