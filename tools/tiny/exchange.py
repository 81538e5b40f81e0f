"""A question, its answer, and what each piece of the answer talks about."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Target:
    """What a piece of an answer talks about: a thing of a picture, or one character of a text, all by number."""

    picture: int
    thing: int
    character: int | None = None


@dataclass(frozen=True)
class Span:
    """A piece of an answer and what it talks about; in a list or a text, whether `more` of it follows."""

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
