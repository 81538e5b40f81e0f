"""A thread pool for one kind of work in which people take turns, so that one person's many jobs delay nobody else's."""

from __future__ import annotations

import asyncio
import time
from collections import Counter, deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from model.errors import DemoError

MAX_WAITING = 128  # jobs of one person
MAX_REST_S = 2.0

Result = TypeVar("Result")


class FairPool:
    """Runs `at_once` jobs in parallel, at most `of_one` of one person. Used on the event loop; jobs run in threads."""

    def __init__(
        self, at_once: int, of_one: int = 1, *, max_waiting: int = MAX_WAITING, rest: float = 0.0
    ) -> None:
        """rest: how many times as long as a job took its person's next one waits, up to `MAX_REST_S`. Jobs of this
        process compete with the model for its cores, so one person's must not follow each other without a pause.
        """
        self.at_once, self.of_one, self.max_waiting, self.rest = at_once, of_one, max_waiting, rest
        self._threads = ThreadPoolExecutor(at_once)
        self._going: Counter[str] = Counter()  # running jobs, by person
        self._resting: Counter[str] = Counter()  # jobs that have ended and whose person rests
        # By person, in the order of their turns.
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}

    async def run(self, person: str, work: Callable[[], Result]) -> Result:
        """Run `work` in a thread when it is this person's turn, and return its result. Raises `DemoError` if too many wait."""
        turn = asyncio.get_running_loop().create_future()
        waiting = self._waiting.setdefault(person, deque())
        if len(waiting) >= self.max_waiting:
            raise DemoError(
                "Too much is being prepared for your address already; try again in a minute."
            )
        waiting.append(turn)
        self._call()
        try:
            await asyncio.shield(turn)
        except asyncio.CancelledError:
            if turn.done():
                self._left(person)
            else:
                self._drop(person, turn)
            raise
        began = time.perf_counter()
        working = asyncio.get_running_loop().run_in_executor(self._threads, work)
        working.add_done_callback(
            lambda done: self._done(person, done, time.perf_counter() - began)
        )
        # A cancelled caller does not cancel the job.
        return await asyncio.shield(working)

    def _call(self) -> None:
        """Start the jobs whose turn it is."""
        for person in list(self._waiting):
            if self._going.total() >= self.at_once:
                return
            if self._going[person] + self._resting[person] >= self.of_one:
                continue
            # The person's next job comes after everybody else's.
            waiting = self._waiting[person] = self._waiting.pop(person)
            self._going[person] += 1
            waiting.popleft().set_result(None)
            if not waiting:
                del self._waiting[person]

    def _drop(self, person: str, turn: asyncio.Future[None]) -> None:
        self._waiting[person].remove(turn)
        if not self._waiting[person]:
            del self._waiting[person]

    def _done(self, person: str, done: asyncio.Future[Result], took_s: float) -> None:
        if not done.cancelled():
            done.exception()  # marks it as retrieved: the caller may be gone
        if self.rest:
            self._resting[person] += 1
            pause_s = min(self.rest * took_s, MAX_REST_S)
            asyncio.get_running_loop().call_later(pause_s, self._rested, person)
        self._left(person)

    def _rested(self, person: str) -> None:
        _decrease(self._resting, person)
        self._call()

    def _left(self, person: str) -> None:
        _decrease(self._going, person)
        self._call()


def _decrease(counter: Counter[str], person: str) -> None:
    counter[person] -= 1
    if not counter[person]:
        del counter[person]
