"""How sure the model was of an answer: its tokens with their probabilities, and a figure for each place that it names."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, NamedTuple

from model.backend import Usage
from model.grounding import mentions
from model.prompt.chat_template import GROUNDING_TOKENS
from model.usage import TokenLogprob
from ui.html.grounding import MAX_PLACES


class Piece(NamedTuple):
    """A token's part of the answer. None: it was not generated with probabilities."""

    text: str
    logprob: float | None
    top: Sequence[tuple[str, float]] = ()


def described(answer: str, usage: Usage | None) -> dict[str, Any] | None:
    """What assets/js/answers/probabilities.js needs of one answer; None if nothing is known of it."""
    pieces = list(_aligned(answer, (usage.logprobs if usage else None) or []))
    if not pieces:
        return None
    return {
        "tokens": [
            [piece.text, _share(piece.logprob), [[text, _share(one)] for text, one in piece.top]]
            for piece in pieces
            if piece.text not in GROUNDING_TOKENS
        ],
        "figures": [
            {"label": mention.label, "share": share}
            for mention in islice(mentions(answer), MAX_PLACES)
            if (share := figure(pieces, mention.start, mention.end)) is not None
        ],
    }


def figure(pieces: Iterable[Piece], start: int, end: int) -> float | None:
    """The geometric mean of the probabilities of the tokens of `answer[start:end]`; None if none is known."""
    at, found = 0, []
    for piece in pieces:
        if at < end and at + len(piece.text) > start and piece.logprob is not None:
            found.append(piece.logprob)
        at += len(piece.text)
    return _share(sum(found) / len(found)) if found else None


def _aligned(answer: str, logprobs: Sequence[TokenLogprob]) -> Iterator[Piece]:
    """Yield the answer in pieces, whose texts are the answer.

    Tokens before it are a reasoning. An answer that was continued begins before its tokens.
    """
    whole = "".join(token["text"] for token in logprobs)
    if not whole:
        return
    surplus = len(whole) - len(answer)
    if not (whole.endswith(answer) if surplus > 0 else answer.endswith(whole)):
        return
    if surplus < 0:
        yield Piece(answer[:-surplus], None)
    for token in logprobs:
        text = token["text"]
        skipped = min(max(surplus, 0), len(text))
        surplus -= skipped
        if text[skipped:]:
            top = [(other["text"], other["logprob"]) for other in token["top"]]
            yield Piece(text[skipped:], token["logprob"], top)


def _share(logprob: float | None) -> float | None:
    """A probability, in steps that a person can see."""
    return None if logprob is None else round(math.exp(min(0.0, logprob)), 4)
