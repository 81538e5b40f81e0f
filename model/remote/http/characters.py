"""Characters that came in halves, made whole. JSON can write half of one, and nothing that sends UTF-8 can."""

from __future__ import annotations


def whole(text: str) -> str:
    """`text` in which halves that stand together are one character, and one that stands alone is U+FFFD."""
    if text.isascii():
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


class Characters:
    """Text in pieces, each of which may end in the middle of a character."""

    def __init__(self) -> None:
        self._half = ""

    def add(self, piece: str) -> str:
        """What is whole by now."""
        text = self._half + piece
        self._half = text[-1:] if "\ud800" <= text[-1:] <= "\udbff" else ""
        return whole(text.removesuffix(self._half))

    def end(self) -> str:
        """What is left, when nothing more comes."""
        left, self._half = whole(self._half), ""
        return left
