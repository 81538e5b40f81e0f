"""DecodeThreads: chooses torch's number of threads for decoding on a CPU, by timing tokens while they are decoded.

Prefill uses every core. One token is little work. On an idle machine every core helps: the second of two made a 30 M
checkpoint 1.5 times as fast. Beside a browser on the same machine one thread fewer can be faster, because all threads
wait for the one whose core the browser has taken: 64 tokens/s on one thread and 47 on two.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager

import torch

# Tokens of a trial. A page needs a core five or six times a second, so a trial of this length sees it.
TRIAL_TOKENS = 16
# A trial ends after so many tokens if these take so many times as long as the best number's.
GLIMPSE_TOKENS, HOPELESS = 3, 1.2
# Another number must need less than this share of the time of the present one, because trials differ on a busy machine.
ADVANTAGE = 0.95
# Tokens between two comparisons: at first, and at most.
FIRST_HOLD, LONGEST_HOLD = 32, 512
# Seconds for which a page gets a core. Tokens that take longer than this leave none.
ROOM_S = 0.05


class DecodeThreads:
    """Sets the number of threads that decodes fastest now, and learns from every answer. One generation at a time.

    `generate` calls `token_done` after each token, as a stopping criterion that never stops.
    """

    def __init__(
        self, most: int | None = None, clock: Callable[[], float] = time.perf_counter
    ) -> None:
        """most: the largest number, by default torch's; it also tries one fewer, and half. clock: in seconds."""
        most = most or torch.get_num_threads()
        self._clock = clock
        self._all_but_one = max(1, most - 1)
        self._trials = _trials(sorted({most, self._all_but_one, max(1, most // 2)}, reverse=True))
        self._threads, self._left = next(self._trials)
        self._lately: deque[float] = deque(maxlen=TRIAL_TOKENS)
        self._last: float | None = None
        self._room_until = -math.inf

    def yield_core(self) -> None:
        """Leave a core to other threads for `ROOM_S` from the next token on.

        A token waits for its slowest thread, so it takes twice as long if a page takes the core of one.
        """
        self._room_until = self._clock() + ROOM_S

    @contextmanager
    def decoding(self) -> Iterator[None]:
        """Within the block, torch has the chosen number of threads. Afterwards it has its former number."""
        before = torch.get_num_threads()
        torch.set_num_threads(self._threads)
        self._last = None  # the pause between two answers is not a token's time
        try:
            yield
        finally:
            torch.set_num_threads(before)

    def token_done(self) -> bool:
        """Take the time of a token, and set the number of threads for the next one. Returns False."""
        now, last = self._clock(), self._last
        self._last = now
        if last is None:
            return False
        self._lately.append(now - last)
        self._left -= 1
        if self._left == 0:
            self._judge()
        room = now < self._room_until and now - last < ROOM_S
        torch.set_num_threads(min(self._threads, self._all_but_one) if room else self._threads)
        return False

    def _judge(self) -> None:
        before = self._threads
        pace = sum(self._lately) / len(self._lately)
        self._threads, self._left = self._trials.send(pace)
        if self._threads != before:
            self._lately.clear()
            self._last = None  # the next token starts new threads


def _trials(options: list[int]) -> Generator[tuple[int, int], float, None]:
    """Yields (threads, tokens to decode with them), and is sent the mean seconds of the latest tokens.

    It compares the best number with the others, at first soon, and twice as rarely each time that the best one wins.
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
