"""Images and videos that are decoded before their request takes the model's lock: each once, within a budget of bytes.

A value is kept for its session until a request has used it. The oldest unused value is dropped first when memory is
needed. Two requests of one session for the same content share the work. Knows nothing of what a value is.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import count
from typing import Generic

from model.backend import Cancel, CancelWhen
from model.media.video import VideoProgress
from model.prompt.visual_item import VisualItem
from model.serving.media_decoders import DecodeJob, Decoders
from model.serving.media_piece import Key, MemoryRequest, Piece, Ready, Value
from model.serving.person import PERSON
from model.serving.session_cache import SessionStore

# Makes an item's value in steps and may rest between them. Its result does not matter once it is cancelled.
Make = Callable[[VisualItem, Cancel, VideoProgress], Generator[None, None, Value]]
# By content hash.
Items = Mapping[str, VisualItem]

# A cancelled wait ends within this time.
POLL_S = 0.05
# The share of the budget that the requests of one person may hold together. Their first request may exceed it.
MAX_SHARE_OF_PERSON = 0.75
# Decoding goes on this long after its last user left, because the next draft, or Send, usually needs the same media.
LINGER_S = 5.0


class PreparedMedia(SessionStore, Generic[Value]):
    """Values by session and content. Safe to use from several threads."""

    def __init__(
        self,
        make: Make[Value],
        nbytes_of: Callable[[VisualItem], int],
        budget: int,
        decoders: Decoders | None = None,
    ) -> None:
        """nbytes_of: bytes that an item's value will take.

        budget: bytes of all values. A single conversation may exceed it.
        """
        super().__init__()
        self._make, self._nbytes_of, self._budget = make, nbytes_of, budget
        self._decoders = decoders or Decoders()
        self._pieces: OrderedDict[Key, Piece[Value]] = OrderedDict()
        # Requests that wait for memory; those that read ahead are last.
        self._line: list[MemoryRequest] = []
        self._numbers = count()
        self._changed = threading.Condition()

    @property
    def nbytes(self) -> int:
        """Bytes of all values that are ready or being decoded."""
        with self._changed:
            return sum(piece.nbytes for piece in self._pieces.values())

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
        """Wait for the items' values and hold them inside the `with`. Gives None if cancelled. Raises `MediaError`.

        report: called with (done, total) seconds of the first item that is not ready; (0, 0) before it begins. ahead: no
        person waits for the values. A request that holds values never waits for memory again, so there is no deadlock.
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
        """The items' values if all are ready, else None. Does not wait."""
        with self._changed:
            pieces = {name: self._pieces.get((session, name)) for name in items}
            values = {name: p.value for name, p in pieces.items() if p and p.value is not None}
        return Ready(values) if len(values) == len(items) else None

    def discard(self, session: str, content_hash: str) -> None:
        """Drop a value that no request uses."""
        with self._changed:
            piece = self._pieces.get((session, content_hash))
            if piece and not piece.users:
                self._drop(piece)

    def forget(self, session: str) -> None:
        """Drop all values of the session. Values in use are dropped after their last user."""
        super().forget(session)
        with self._changed:
            for piece in [p for k, p in self._pieces.items() if k[0] == session]:
                piece.forgotten = True
                if not piece.users:
                    self._drop(piece)

    def clear(self) -> None:
        """Drop all values that no request uses."""
        with self._changed:
            for piece in [p for p in self._pieces.values() if not p.users]:
                self._drop(piece)

    def _entered(
        self, session: str, items: Items, cancel: Cancel, *, ahead: bool
    ) -> list[Piece[Value]]:
        """Wait for memory, then begin to decode all items. Empty if cancelled before."""
        owner = session or object()
        wanted = {(owner, name): item for name, item in items.items()}
        with self._changed:
            request = MemoryRequest(ahead, next(self._numbers), PERSON.get() or owner)
            self._line.append(request)
            try:
                while not cancel.is_set():
                    if self._has_room(wanted, request):
                        return [self._used(key, item, request) for key, item in wanted.items()]
                    self._changed.wait(POLL_S)
                return []
            finally:
                self._line.remove(request)
                self._changed.notify_all()

    def _held(self, person: object) -> int:
        """Bytes of the values that a person's requests use."""
        return sum(p.nbytes for p in self._pieces.values() if p.users and p.person == person)

    def _rank(self, request: MemoryRequest) -> tuple[bool, int, int]:
        """Sort key, lowest next: reading ahead comes last, then the person whose requests hold the most bytes."""
        return request.ahead, self._held(request.person), request.number

    def _has_room(self, wanted: Mapping[Key, VisualItem], request: MemoryRequest) -> bool:
        """Whether all items fit into the budget now; if so, drops the oldest unused values for them."""
        more = sum(self._nbytes_of(item) for k, item in wanted.items() if k not in self._pieces)
        if not more:
            return True
        others = [piece for key, piece in self._pieces.items() if key not in wanted]
        held = sum(piece.nbytes for piece in others if piece.users)
        more += sum(piece.nbytes for key, piece in self._pieces.items() if key in wanted)
        first = request == min(self._line, key=self._rank)
        if not first or (held and held + more > self._budget):
            return False
        own = sum(p.nbytes for p in others if p.users and p.person == request.person)
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

    def _used(self, key: Key, item: VisualItem, request: MemoryRequest) -> Piece[Value]:
        piece = self._pieces.get(key)
        begun = piece is not None
        if piece is None:
            piece = self._pieces[key] = Piece(key, item, self._nbytes_of(item), request.person)
        piece.users += 1
        piece.waiting += not request.ahead
        if not begun:
            self._begin(piece)
        return piece

    def _begin(self, piece: Piece[Value]) -> None:
        session = piece.key[0] if isinstance(piece.key[0], str) else ""
        person = PERSON.get() or session
        clip = piece.item.kind == "video"
        urgent = lambda: piece.waiting > 0  # noqa: E731
        self._decoders.add(DecodeJob(person, self._steps(piece), clip, urgent, session=session))

    def _steps(self, piece: Piece[Value]) -> Iterator[None]:
        cancel = CancelWhen(lambda: self._unwanted(piece))
        if cancel.is_set():
            return
        value, error = None, None
        try:
            value = yield from self._make(piece.item, cancel, piece.report)
        except Exception as found:  # raised in the requests that wait
            error = found
        with self._changed:
            if not piece.dropped:
                self._end(piece, value, error)
            self._changed.notify_all()

    def _end(self, piece: Piece[Value], value: Value | None, error: Exception | None) -> None:
        piece.value, piece.error = value, error
        if value is None:
            self._drop(piece)  # the next request tries again
            return
        piece.nbytes = value.nbytes
        piece.uncounted = len(piece.item.times) or 1

    def _unwanted(self, piece: Piece[Value]) -> bool:
        with self._changed:
            if not piece.dropped and not piece.users and time.monotonic() > piece.wanted_until:
                self._drop(piece)
            return piece.dropped

    def _drop(self, piece: Piece[Value]) -> None:
        piece.dropped = True
        if self._pieces.get(piece.key) is piece:
            del self._pieces[piece.key]
        self._changed.notify_all()

    def _waited(
        self, pieces: Sequence[Piece[Value]], cancel: Cancel, report: VideoProgress
    ) -> Ready[Value] | None:
        """Wait for all values; None if cancelled. Raises the error of a piece that failed."""
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

    def _counted(self, pieces: Sequence[Piece[Value]]) -> Ready[Value]:
        frames = {piece.key[1]: piece.uncounted for piece in pieces}
        values: dict[str, Value] = {}
        for piece in pieces:
            piece.uncounted = 0
            assert piece.value is not None
            values[piece.key[1]] = piece.value
        return Ready(values, frames)

    def _leave(self, pieces: Sequence[Piece[Value]], *, linger: bool) -> None:
        """linger: decoding goes on for `LINGER_S`."""
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
