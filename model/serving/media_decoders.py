"""A few threads that decode images and videos for all people, shared fairly.

A video yields its thread after each slice of time, so nobody waits for the end of another person's long video. Knows
nothing of files.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

log = logging.getLogger(__name__)

# One video alone uses several cores.
MAX_PARALLEL = max(2, min(4, (os.cpu_count() or 1) // 4))
# Videos that are partly decoded. Each holds the memory of a decoder.
MAX_OPEN_VIDEOS = 8
# A person's long videos must leave room for the videos of others.
MAX_OPEN_VIDEOS_OF_PERSON = 4
# Seconds for which a video is decoded before the next work is chosen.
SLICE_S = 0.2


@dataclass(eq=False)
class DecodeJob:
    """Work for a person, in steps. The steps must not raise.

    urgent: whether a request waits for it now; begun: whether the first step was taken; session: the person's chat. The chats
    of a person are equal.
    """

    person: str
    steps: Iterator[object]
    is_video: bool
    urgent: Callable[[], bool]
    begun: bool = False
    session: str = ""


class Decoders:
    """Runs the work of the person who has used the least time so far. Safe to use from several threads.

    Videos never take the last thread, so an image does not wait for videos.
    """

    def __init__(self, threads: int = MAX_PARALLEL) -> None:
        """threads: that decode at once, at least 2."""
        self._threads = threads
        self._waiting: list[DecodeJob] = []
        self._running: list[DecodeJob] = []
        # Seconds used by each person, and by each person's session, that has work here.
        self._used_s: dict[str, float] = {}
        self._sessions_s: dict[tuple[str, str], float] = {}
        self._lock = threading.Lock()

    def add(self, work: DecodeJob) -> None:
        """Add work, which starts when its turn comes."""
        with self._lock:
            # A newcomer starts with the least time of all, because with none they would always be next.
            self._used_s.setdefault(work.person, min(self._used_s.values(), default=0.0))
            of_person = [s for (p, _), s in self._sessions_s.items() if p == work.person]
            self._sessions_s.setdefault((work.person, work.session), min(of_person, default=0.0))
            self._waiting.append(work)
            self._start()

    def _start(self) -> None:
        """Start threads for all work that may run. They end by themselves."""
        while (work := self._take()) is not None:
            threading.Thread(target=self._decode, args=(work,), name="decoder", daemon=True).start()

    def _take(self) -> DecodeJob | None:
        """Return the next work and mark it as running, or None."""
        if len(self._running) >= self._threads:
            return None
        able = filter(self._may_run, self._waiting)
        if work := min(able, key=self._rank, default=None):
            self._waiting.remove(work)
            self._running.append(work)
        return work

    def _may_run(self, work: DecodeJob) -> bool:
        if not work.is_video:
            return True
        if sum(other.is_video for other in self._running) >= self._threads - 1:
            return False
        # Reading ahead does not count against a video that somebody waits for.
        rivals = (w for w in (*self._waiting, *self._running) if w.urgent() or not work.urgent())
        open_clips = [w for w in rivals if w.is_video and w.begun]
        own = sum(w.person == work.person for w in open_clips)
        return work.begun or (len(open_clips) < MAX_OPEN_VIDEOS and own < MAX_OPEN_VIDEOS_OF_PERSON)

    def _rank(self, work: DecodeJob) -> tuple[bool, int, float, float, bool]:
        """The lowest is next; among equals, the first one that was added."""
        running = sum(other.person == work.person for other in self._running)
        in_session = self._sessions_s[work.person, work.session]
        return not work.urgent(), running, self._used_s[work.person], in_session, not work.begun

    def _decode(self, work: DecodeJob | None) -> None:
        while work is not None:
            since = time.monotonic()
            left = _advanced(work)
            with self._lock:
                self._used_s[work.person] += time.monotonic() - since
                self._sessions_s[work.person, work.session] += time.monotonic() - since
                self._running.remove(work)
                if left:
                    self._waiting.append(work)
                else:
                    self._forget_whoever_has_none(work)
                work = self._take()
                self._start()

    def _forget_whoever_has_none(self, ended: DecodeJob) -> None:
        own = [w for w in (*self._waiting, *self._running) if w.person == ended.person]
        if not own:
            del self._used_s[ended.person]
        if all(w.session != ended.session for w in own):
            del self._sessions_s[ended.person, ended.session]


def _advanced(work: DecodeJob) -> bool:
    """Run the work for a slice of time. Returns whether it has more steps."""
    until = time.monotonic() + SLICE_S
    work.begun = True
    try:
        for _ in work.steps:
            if time.monotonic() > until:
                return True
    except Exception:
        log.exception("decoding failed")
    return False
