"""A question and its answer, with what each piece of the answer is about."""

from __future__ import annotations

from dataclasses import dataclass, replace

from tools.tiny.wordings import Language


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


def quoted(before: str, text: str, after: str, target: Target) -> list[Span]:
    """A text in quotation marks, each character about itself: told to look at all of the text, the model
    would lose count of its characters.
    """
    characters = [
        Span(character, replace(target, character=number), number < len(text) - 1)
        for number, character in enumerate(text)
    ]
    return [Span(before, target), *characters, Span(after, target)]


def listing(items: list[list[Span]], language: Language) -> list[Span]:
    """`A, B and C`. What leads on to the next is about it already: going on or stopping at the wrong
    place is what most wrong lists do.
    """
    parts: list[Span] = []
    for index, item in enumerate(items):
        if index:
            join = "and" if index == len(items) - 1 else "comma"
            parts.append(Span(language.answers[join], item[0].target))
        *begin, end = item
        parts += [*begin, replace(end, more=index < len(items) - 1)]
    return parts
