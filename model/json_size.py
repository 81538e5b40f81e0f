"""Counts the nodes of untrusted JSON before it is parsed, because the parser holds the GIL until it has finished."""

from __future__ import annotations

# The second and later bytes of a character in UTF-8.
_CONTINUATION = bytes(range(0x80, 0xC0))


class Nodes:
    """Counts the nodes of JSON while it arrives, and the characters of all JSON.

    count: brackets, braces, commas and colons outside of strings; characters: an escape counts as one character.
    """

    def __init__(self) -> None:
        self.count = 0
        self.characters = 0
        self._in_text = False
        # A backslash at the end of a piece, whose meaning depends on the next piece.
        self._kept = b""

    def read(self, piece: bytes) -> int:
        """Read the next piece, and return the count so far."""
        arrived = self._kept + piece
        known = arrived.replace(rb"\\", b"")
        self._kept = b"\\" if known.endswith(b"\\") else b""
        self.characters += (len(arrived) - len(known)) // 2 + _characters(
            known.removesuffix(self._kept)
        )
        parts = known.removesuffix(self._kept).replace(rb"\"", b"").split(b'"')
        bare = b"".join(parts[self._in_text :: 2])
        self._in_text ^= len(parts) % 2 == 0
        self.count += sum(map(bare.count, (b"[", b"{", b",", b":")))
        return self.count


def _characters(json: bytes) -> int:
    """The characters that this JSON stands for. It contains no escaped backslash."""
    long_escapes, escapes = json.count(rb"\u"), json.count(b"\\")
    return len(json.translate(None, _CONTINUATION)) - escapes - 4 * long_escapes
