"""Notices that an answer has begun to repeat its tail and will not come out of it by itself.

Pure: fed token by token, knows nothing of tensors or models. Measured on real text in tests/model/engine/test_repetition.py.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable, Sequence
from itertools import islice

# What honest answers stay below: a chorus, a rule across the page, some empty rows of a table.
MIN_TOKENS = 256  # that repeat: nothing is stopped before
MIN_REPEATS = 5
MAX_PERIOD = 200  # tokens
CHECK_EVERY_TOKENS = 16  # tokens between two looks


class RepetitionDetector:
    """Whether the latest tokens are one stretch over and over, exactly.

    Looks at a bounded tail every few tokens, so a token costs the same wherever it comes.
    """

    def __init__(self) -> None:
        self._tail: deque[Hashable] = deque(maxlen=max(MIN_TOKENS, MIN_REPEATS * MAX_PERIOD))
        self._fed = 0
        self.is_repeating = False  # once it is, it stays

    def add(self, token: Hashable) -> None:
        """The next token of the answer, or the next piece of text."""
        self._tail.append(token)
        self._fed += 1
        if (
            self._fed >= MIN_TOKENS
            and self._fed % CHECK_EVERY_TOKENS == 0
            and not self.is_repeating
        ):
            self.is_repeating = has_repeating_tail(self._tail)


def has_repeating_tail(tail: Sequence[Hashable]) -> bool:
    """Whether some end of `tail` is long enough, and one period often enough, to be a loop.

    The prefix function of Knuth, Morris and Pratt over the tail read backwards: it gives the smallest
    period of every end of the tail in one pass.
    """
    backwards = tuple(reversed(tail))
    borders = [0]  # of the first n tokens: the longest beginning that is also their end
    border = 0
    for length, token in enumerate(islice(backwards, 1, None), start=2):
        while border and backwards[border] != token:
            border = borders[border - 1]
        border += backwards[border] == token
        borders.append(border)
        if length >= max(MIN_TOKENS, MIN_REPEATS * (length - border)):
            return True
    return False
