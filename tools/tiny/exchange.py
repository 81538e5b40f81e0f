"""A question and its answer, with what each piece of the answer is about."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Target:
    """The subject of a piece of an answer: a thing of an image, or one character of a text, by number."""

    picture: int
    thing: int
    character: int | None = None


@dataclass(frozen=True)
class Span:
    """A piece of an answer and its subject. more: whether another piece of a list or a text follows."""

    text: str
    target: Target | None = None
    more: bool | None = None


@dataclass(frozen=True)
class Exchange:
    """A question and its answer. `counted` is everything that had to be found to answer."""

    kind: str
    question: str
    spans: tuple[Span, ...]
    counted: tuple[Target, ...] = ()

    @property
    def answer(self) -> str:
        """The answer's text."""
        return "".join(span.text for span in self.spans)


def exchange(
    kind: str, question: str, *parts: str | Span, counted: tuple[Target, ...] = ()
) -> Exchange:
    """An exchange whose answer is made of plain and pointing pieces."""
    spans = tuple(Span(part) if isinstance(part, str) else part for part in parts)
    named = dict.fromkeys(replace(s.target, character=None) for s in spans if s.target)
    return Exchange(kind, question, spans, counted or tuple(named))
