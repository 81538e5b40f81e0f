"""Counts the nodes of untrusted JSON before it is parsed: the parser holds the GIL for as long as it runs."""

from __future__ import annotations

# The second and later bytes of a character in UTF-8.
_CONTINUATION = bytes(range(0x80, 0xC0))


class Nodes:
    """Counts the nodes of JSON while it arrives; text has none, however long. Its characters are counted beside them."""

    def __init__(self) -> None:
        self.count = 0
        # An escaped one counts as one, half a surrogate pair too.
        self.characters = 0
        self._in_text = False
        self._kept = b""  # a backslash, whose meaning the next piece tells

    def read(self, piece: bytes) -> int:
        """How many there are by now."""
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
    """How many characters it stands for. Backslashes are not escaped in it."""
    long_escapes, escapes = json.count(rb"\u"), json.count(b"\\")
    return len(json.translate(None, _CONTINUATION)) - escapes - 4 * long_escapes
