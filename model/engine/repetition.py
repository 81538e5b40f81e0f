"""Detects that an answer repeats its tail.

Pure: takes one token after another and knows nothing of tensors or models. tests/model/engine/test_repetition.py
measures the limits on real text.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable, Iterable, Sequence
from itertools import islice

# Tokens that the repetitions take together, and their number. A chorus, a rule across the page or the empty rows of
# a table stay below.
MIN_TOKENS = 256
MIN_REPEATS = 5
# Tokens of the longest text whose repetition is detected.
MAX_PERIOD = 200
# Tokens between two checks, which take longer than adding a token.
CHECK_EVERY_TOKENS = 16


class RepetitionDetector:
    """Checks whether the latest tokens repeat one sequence exactly.

    It checks a tail of bounded length every few tokens, so the cost of a token does not grow with the answer.
    is_repeating: once true, it stays true.
    """

    def __init__(self, begun: Iterable[Hashable] = ()) -> None:
        """begun: tokens before those of `read`. If they repeat already, they do not count."""
        self._tail: deque[Hashable] = deque(maxlen=max(MIN_TOKENS, MIN_REPEATS * MAX_PERIOD))
        self._fed = self._read = 0
        self.is_repeating = False
        for token in begun:
            self.add(token)
        if self.is_repeating:
            self._tail.clear()
            self._fed, self.is_repeating = 0, False

    def read(self, answer: Sequence[Hashable]) -> bool:
        """Add the tokens of an answer that were not added yet, and return `is_repeating`."""
        for token in islice(answer, self._read, None):
            self.add(token)
            self._read += 1
        return self.is_repeating

    def add(self, token: Hashable) -> None:
        """Add the next token of the answer, or the next piece of its text."""
        self._tail.append(token)
        self._fed += 1
        if (
            self._fed >= MIN_TOKENS
            and self._fed % CHECK_EVERY_TOKENS == 0
            and not self.is_repeating
        ):
            self.is_repeating = has_repeating_tail(self._tail)


def has_repeating_tail(tail: Sequence[Hashable]) -> bool:
    """Whether a suffix of `tail` has at least `MIN_TOKENS` tokens and `MIN_REPEATS` periods.

    The prefix function of Knuth, Morris and Pratt, over the reversed tail, gives the smallest period of every suffix
    in one pass.
    """
    backwards = tuple(reversed(tail))
    # borders[n - 1]: length of the longest proper prefix of the first n tokens that is also their suffix.
    borders = [0]
    border = 0
    for length, token in enumerate(islice(backwards, 1, None), start=2):
        while border and backwards[border] != token:
            border = borders[border - 1]
        border += backwards[border] == token
        borders.append(border)
        if length >= max(MIN_TOKENS, MIN_REPEATS * (length - border)):
            return True
    return False
