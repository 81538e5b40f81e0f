"""Two texts compared by words: what of each the other one does not have. Knows nothing of HTML."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

# Words of each text. The time grows with the square; these take about a hundredth of a second.
MAX_WORDS = 2000
# Chinese and Japanese have no spaces between words, so each of their characters counts as one.
_ALONE = "\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
_WORD = re.compile(rf"(?:^\s+)?(?:\d+(?:[.,]\d+)*|[{_ALONE}]|[^\W{_ALONE}]+|[^\w\s])\s*|\s+")


@dataclass(frozen=True)
class Piece:
    """Some words in a row, with the white space after each."""

    text: str
    own: bool  # the other text does not have them here
    words: int


def differences(first: str, second: str) -> tuple[list[Piece], list[Piece]]:
    """Both texts, whole, in pieces. How much white space there is makes no difference."""
    texts = _WORD.findall(first), _WORD.findall(second)
    ours, theirs = ([word.strip() for word in words] for words in texts)
    start = _alike(ours, theirs)
    end = _alike(ours[:start:-1], theirs[:start:-1])
    blocks = [
        (start + place, start + other, size)
        for place, other, size in _shared(
            ours[start : len(ours) - end][:MAX_WORDS],
            theirs[start : len(theirs) - end][:MAX_WORDS],
        )
    ]
    blocks = [(0, 0, start), *blocks, (len(ours) - end, len(theirs) - end, end)]
    return (
        list(_pieces(texts[0], [(place, size) for place, _, size in blocks])),
        list(_pieces(texts[1], [(place, size) for _, place, size in blocks])),
    )


def _shared(ours: Sequence[str], theirs: Sequence[str]) -> list[tuple[int, int, int]]:
    """A longest common subsequence, as the places in both and the length of each run of words.

    Hyyrö's algorithm (2004), a row at a time in the bits of one number: difflib takes the cube of the words where
    hardly two in a row are shared.
    """
    places: dict[str, int] = {}
    for place, word in enumerate(ours):
        places[word] = places.get(word, 0) | 1 << place
    row = all_ours = (1 << len(ours)) - 1
    rows = []
    for word in theirs:
        same = row & places.get(word, 0)
        row = (row + same | row - same) & all_ours
        rows.append(row)
    runs: list[tuple[int, int, int]] = []
    place, other = len(ours), len(theirs)
    while place and other:
        last = 1 << place - 1
        if rows[other - 1] & last:
            place -= 1
        elif other > 1 and not rows[other - 2] & last:
            other -= 1
        else:
            place, other = place - 1, other - 1
            goes_on = runs and runs[-1][:2] == (place + 1, other + 1)
            runs.append((place, other, runs.pop()[2] + 1 if goes_on else 1))
    return runs[::-1]


def _alike(ours: Sequence[str], theirs: Sequence[str]) -> int:
    """With how many equal words both begin."""
    shorter = min(len(ours), len(theirs))
    return next((i for i in range(shorter) if ours[i] != theirs[i]), shorter)


def _pieces(words: Sequence[str], shared: Sequence[tuple[int, int]]) -> Iterator[Piece]:
    """`shared`: from which word on the other text has how many of them."""
    end = 0
    for start, size in shared:
        for part, own in ((words[end:start], True), (words[start : start + size], False)):
            if part:
                yield Piece("".join(part), own, len(part))
        end = start + size
