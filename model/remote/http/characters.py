"""Joins the halves of surrogate pairs. JSON can spell half of a pair, and UTF-8 cannot encode it."""

from __future__ import annotations


def whole(text: str) -> str:
    """Return `text` with each surrogate pair as one character, and each half alone as U+FFFD."""
    if text.isascii():
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


class Characters:
    """Joins text that arrives in pieces, where a piece may end with half of a character."""

    def __init__(self) -> None:
        self._half = ""

    def add(self, piece: str) -> str:
        """Return the characters that are complete with `piece`."""
        text = self._half + piece
        self._half = text[-1:] if "\ud800" <= text[-1:] <= "\udbff" else ""
        return whole(text.removesuffix(self._half))

    def end(self) -> str:
        """Return what is left after the last piece."""
        left, self._half = whole(self._half), ""
        return left
