"""How many of torch's threads work on one token: tried out while tokens are decoded, for it cannot be known before.

Reading a prompt uses every core. A token is little work: where nothing else runs, every core helps (the second of two made
a 30 M checkpoint 1.5 times as fast); beside a browser on the same machine one fewer can be as fast or faster, because a team
of threads waits for the one whose core the page has taken (on one machine 64 tokens/s on one thread, 47 on two).
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from transformers import StoppingCriteria

TRIAL_TOKENS = 16  # long enough to meet the page, which wants a core five or six times a second
GLIMPSE_TOKENS, HOPELESS = 3, 1.2  # after so few tokens that much slower, a trial is over
ADVANTAGE = 0.95  # of the number in use: the same trial twice differs by more on a busy machine, and an error costs a hold
FIRST_HOLD, LONGEST_HOLD = 32, 512  # tokens between comparisons
ROOM_S = 0.05  # for which a page gets a core; not from tokens that take longer


class DecodeThreads(StoppingCriteria):  # type: ignore[misc]  # transformers ships no types for it
    """Keeps torch at the number of threads that decodes fastest now. Learns from every answer, one at a time.

    Given to `generate` it is told of each token, and never ends it.
    """

    def __init__(
        self, most: int | None = None, clock: Callable[[], float] = time.perf_counter
    ) -> None:
        """most: threads at most, by default what torch has; one fewer and half of them are tried as well."""
        most = most or torch.get_num_threads()
        self._clock = clock
        self._all_but_one = max(1, most - 1)
        self._trials = _trials(sorted({most, self._all_but_one, max(1, most // 2)}, reverse=True))
        self._threads, self._left = next(self._trials)
        self._lately: deque[float] = deque(maxlen=TRIAL_TOKENS)
        self._last: float | None = None
        self._room_until = -math.inf

    def yield_core(self) -> None:
        """Leave a core to others for a moment, from the next token on.

        A token waits for the slowest of its threads: one whose core a page takes makes it twice as long.
        """
        self._room_until = self._clock() + ROOM_S

    @contextmanager
    def decoding(self) -> Iterator[None]:
        """The number holds inside. Afterwards torch has what it had."""
        before = torch.get_num_threads()
        torch.set_num_threads(self._threads)
        self._last = None  # the time between two answers is no token's
        try:
            yield
        finally:
            torch.set_num_threads(before)

    def __call__(
        self, input_ids: torch.Tensor, _scores: torch.Tensor, **_kwargs: Any
    ) -> torch.Tensor:
        """Shape (1,) bool, one per sequence."""
        self._token_done()
        return torch.zeros(input_ids.shape[0], dtype=torch.bool, device=input_ids.device)

    def _token_done(self) -> None:
        now, last = self._clock(), self._last
        self._last = now
        if last is None:
            return
        self._lately.append(now - last)
        self._left -= 1
        if self._left == 0:
            self._judge()
        room = now < self._room_until and now - last < ROOM_S
        torch.set_num_threads(min(self._threads, self._all_but_one) if room else self._threads)

    def _judge(self) -> None:
        before = self._threads
        pace = sum(self._lately) / len(self._lately)
        self._threads, self._left = self._trials.send(pace)
        if self._threads != before:
            self._lately.clear()
            self._last = None  # the next token waits for the new team


def _trials(options: list[int]) -> Generator[tuple[int, int], float, None]:
    """Yields a number of threads and for how many tokens; is sent the mean time of the last of these.

    The best so far is challenged by the others, at first soon, then more and more rarely while it wins.
    """
    best, hold = options[0], 0
    while True:
        paces = {best: (yield best, TRIAL_TOKENS + hold)}
        for other in options:
            if other == best:
                continue
            paces[other] = yield other, GLIMPSE_TOKENS
            if paces[other] < HOPELESS * paces[best]:
                paces[other] = yield other, TRIAL_TOKENS - GLIMPSE_TOKENS
        paces[best] *= ADVANTAGE
        fastest = min(paces, key=paces.__getitem__)
        hold = min(2 * hold, LONGEST_HOLD) if fastest == best and hold else FIRST_HOLD
        best = fastest
