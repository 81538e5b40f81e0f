"""Switch: several checkpoints of one machine, of which as many are in memory as fit.

Where all that are wanted fit, each answers as if it were alone. Otherwise all requests stand in one fair line, and who is
at its head may let a checkpoint leave memory for the one that is asked.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from copy import copy

from model.backend import Cancel, Progress, Status
from model.errors import DemoError
from model.serving.event_stream import Emit
from model.serving.fair_lock import FairLock
from model.switching.checkpoint import Checkpoint, LoadedBackend, OpenedCheckpoint, Source
from model.switching.memory import Loaded, all_fit, to_unload

log = logging.getLogger(__name__)
POLL_S = 0.05


class Switch:
    """Opens, loads and unloads checkpoints. Its methods may be called from any thread."""

    def __init__(self, sources: Mapping[str, Source]) -> None:
        """sources: by the names that people choose from."""
        self.checkpoints = {name: Checkpoint(source) for name, source in sources.items()}
        self._line = FairLock()
        self._scarce = False  # whether some that are wanted do not fit beside the others
        self._changed = threading.Condition()
        self._loading = threading.Lock()  # one is loaded at a time

    def begin(self, name: str, *, load: bool = True) -> None:
        """Open a checkpoint in the background, and load it unless others are busy with one that would have to leave."""
        one = self.checkpoints[name]
        with self._changed:
            if one.backend or one.progress is not None:
                return
            one.failure, one.progress, one.note = None, 0.0, ""
        work = (one, load)
        threading.Thread(target=self._prepare, args=work, name="load", daemon=True).start()

    def opened(self, name: str) -> OpenedCheckpoint:
        """The checkpoint `name`, if its files have been checked. Raises `DemoError`."""
        one = self.checkpoints[name]
        if one.opened:
            return one.opened
        if one.failure:
            raise copy(one.failure)
        raise DemoError("The model is still loading; try again shortly.")

    @contextmanager
    def using(
        self, name: str, cancel: Cancel, emit: Emit, asked_at: float
    ) -> Iterator[LoadedBackend | None]:
        """Hold a checkpoint in memory within the block; gives None if cancelled before.

        emit: told of the wait, as `Progress`; asked_at: see `FairLock.acquire`. Raises `DemoError` if it cannot be loaded.
        """
        one = self.checkpoints[name]
        self._wait_until_open(name, one, cancel, emit)
        queued = lambda ahead: emit(Progress("queued", 0, ahead))  # noqa: E731
        backend = None
        with ExitStack() as turn:
            while backend is None and not cancel.is_set():
                if in_line := self._scarce:
                    turn.enter_context(self._line.acquire(cancel, queued, asked_at))
                backend = self._take(one, in_line, cancel, emit)
            try:
                yield backend
            finally:
                self._release(one, backend)

    @contextmanager
    def when_idle(
        self, name: str, cancel: Cancel
    ) -> Iterator[tuple[LoadedBackend | None, Cancel | None]]:
        """The same, while nobody stands in the line. Gives a flag, too, that is set as soon as somebody does."""
        one = self.checkpoints[name]
        self._wait_until_open(name, one, cancel, lambda _: None)
        self._line.wait_until_free(cancel)
        with self._line.enter_when_idle() as leave:
            backend = self._take(one, True, cancel, lambda _: None) if leave else None
            try:
                yield backend, leave
            finally:
                self._release(one, backend)

    @contextmanager
    def if_loaded(self, name: str) -> Iterator[LoadedBackend | None]:
        """Hold a checkpoint within the block if it is in memory, and no other may need its place."""
        one = self.checkpoints[name]
        with self._changed:
            backend = None if self._scarce else one.backend
            one.users += backend is not None
        try:
            yield backend
        finally:
            self._release(one, backend)

    def _prepare(self, one: Checkpoint, load: bool) -> None:
        try:
            if not one.opened:
                one.opened = one.source.open(one.report)
                self._settle()
            if load and not (not self._scarce and self._load_now(one, in_line=False)):
                with self._line.enter_when_idle() as leave:
                    if leave:
                        self._load_now(one, in_line=True)
        except Exception as error:  # the page must say that it will never be ready, whatever broke
            self._fail(one, error)
        finally:
            with self._changed:
                one.progress = None
                self._changed.notify_all()

    def _wait_until_open(self, name: str, one: Checkpoint, cancel: Cancel, emit: Emit) -> None:
        if one.opened:
            return
        self.begin(name, load=False)
        while not cancel.is_set():
            with self._changed:
                if one.opened:
                    return
                if one.failure and one.progress is None:
                    raise copy(one.failure)
                emit(_progress(one))
                self._changed.wait(POLL_S)

    def _take(
        self, one: Checkpoint, in_line: bool, cancel: Cancel, emit: Emit
    ) -> LoadedBackend | None:
        """Count a user of a checkpoint, which is loaded if need be. None if cancelled, or if it needs a place in the line."""
        while not cancel.is_set():
            with self._changed:
                if one.backend:
                    one.users += 1
                    one.touch()
                    return one.backend
            if not self._loading.acquire(timeout=POLL_S):
                if one.progress is not None:
                    emit(_progress(one))
                continue
            try:
                if not (one.backend or self._load(one, in_line, emit)):
                    return None
            except Exception as error:
                raise self._fail(one, error) from error
            finally:
                self._loading.release()
        return None

    def _release(self, one: Checkpoint, backend: LoadedBackend | None) -> None:
        if backend:
            with self._changed:
                one.users -= 1
                one.touch()
                self._changed.notify_all()

    def _load_now(self, one: Checkpoint, *, in_line: bool) -> bool:
        """Load a checkpoint that nobody asks yet. No answer is waited for."""
        with self._loading:
            return bool(one.backend) or self._load(one, in_line, lambda _: None, waits=False)

    def _load(self, one: Checkpoint, in_line: bool, emit: Emit, waits: bool = True) -> bool:
        """Load a checkpoint, and unload those that make room. Returns False if that takes a place in the line.

        waits: for the users of those; otherwise it returns False if there are any.
        """
        assert one.opened, "it is opened first"
        place = one.opened.place()
        leaving = to_unload(place, self._in_memory())
        if leaving:
            self._scarce = True  # from now on newcomers line up
            busy = any(self.checkpoints[name].users for name in leaving)
            if not in_line or (busy and not waits):
                return False
            self._unload(leaving)

        def report(progress: float, note: str = "") -> None:
            one.report(progress, note)
            emit(_progress(one))

        before = one.progress
        report(0.0)
        try:
            # Without room for it even alone this raises the error with the sizes.
            backend = one.opened.load(report, 1.0 if self._scarce else 1 / len(self.checkpoints))
            with self._changed:
                one.backend, one.place = backend, place
                one.failure = None
                one.touch()
        finally:
            one.progress = before
        log.info("Ready: %s", one.backend.status().label)
        self._settle()
        return True

    def _unload(self, names: tuple[str, ...]) -> None:
        """Wait until nobody uses them, and let them go."""
        for name in names:
            one = self.checkpoints[name]
            with self._changed:
                self._changed.wait_for(lambda one=one: not one.users)  # type: ignore[misc]
                one.backend = one.place = None
            log.info("Unloaded: %s", one.known.label)
            if one.opened:
                one.opened.give_back()

    def _settle(self) -> None:
        """Find out whether all that are wanted fit."""
        wanted = [one.opened for one in self.checkpoints.values() if one.opened and not one.backend]
        self._scarce = not all_fit(opened.place() for opened in wanted)

    def _in_memory(self) -> list[Loaded]:
        return [
            Loaded(name, one.place.devices, one.place.needed, one.used_at)
            for name, one in self.checkpoints.items()
            if one.place
        ]

    def _fail(self, one: Checkpoint, error: Exception) -> DemoError:
        log.error("%s", error, exc_info=error)
        failure = error
        if not isinstance(failure, DemoError):
            failure = DemoError(
                "The model could not be loaded ({reason}); see the terminal for details.",
                reason=str(error),
            )
        one.failure = copy(failure)  # its traceback would hold on to what was half loaded
        return failure


def _progress(one: Checkpoint) -> Progress:
    return Status("loading", "", one.note, one.progress or 0.0).as_progress
