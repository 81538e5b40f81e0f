"""Two texts compared by words: what of each the other one does not have. Knows nothing of HTML."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

MOST_WORDS = 2000  # of each text; comparing takes up to the square of it, and one second at worst
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
    matcher = SequenceMatcher(
        None,
        ours[start : len(ours) - end][:MOST_WORDS],
        theirs[start : len(theirs) - end][:MOST_WORDS],
        autojunk=False,  # it takes frequent words for noise, and a long answer consists of them
    )
    blocks = [
        (start + block.a, start + block.b, block.size) for block in matcher.get_matching_blocks()
    ]
    blocks = [(0, 0, start), *blocks, (len(ours) - end, len(theirs) - end, end)]
    return (
        list(_pieces(texts[0], [(place, size) for place, _, size in blocks])),
        list(_pieces(texts[1], [(place, size) for _, place, size in blocks])),
    )


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
