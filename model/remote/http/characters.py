"""Joins the halves of surrogate pairs. JSON can spell half of a pair, and UTF-8 cannot encode it."""

from __future__ import annotations

import codecs


def whole(text: str) -> str:
    """Return `text` with each surrogate pair as one character, and each half alone as U+FFFD."""
    if text.isascii():
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


class Characters:
    """Joins text that arrives in pieces, where a piece may end with half of a character."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-16-le")("replace")

    def add(self, piece: str) -> str:
        """Return the characters that are complete with `piece`."""
        return self._decoder.decode(piece.encode("utf-16-le", "surrogatepass"))

    def end(self) -> str:
        """Return what is left after the last piece."""
        return self._decoder.decode(b"", final=True)
