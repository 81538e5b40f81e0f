"""Which messages the pages of a tab have drawn, so that an update holds only the new ones, however long the chat is.

A page keeps what it has drawn and gets the rest (assets/js/conversation/drawn.js). If its version is not the one that the
rest continues, because a response was lost or another page shows the tab, it asks for the whole conversation.
"""

from __future__ import annotations

import secrets
from collections.abc import Hashable, Sequence

from model.conversation import Message


class Drawn:
    """What has been sent: for each message the values that it was drawn from, the message first."""

    def __init__(self) -> None:
        self.version = secrets.randbits(
            32
        )  # random: a page may have a version of a server before this one
        self._from: Sequence[tuple[Hashable, ...]] = ()

    def unsent(self, messages: Sequence[Message]) -> Sequence[Message]:
        """The messages from the first on that differs from what was sent."""
        return messages[_common([message for message, *_ in self._from], messages) :]

    def forget(self) -> None:
        """Send everything with the next update: a page has drawn nothing yet."""
        self._from = ()

    def kept(self, drawn_from: Sequence[tuple[Hashable, ...]]) -> tuple[int, int]:
        """Record that these messages are sent. Returns how many need not be, and the version of a page that has them."""
        kept, before = _common(self._from, drawn_from), self.version
        self._from, self.version = drawn_from, self.version + 1
        return kept, before


def _common(one: Sequence[Hashable], other: Sequence[Hashable]) -> int:
    for number, (a, b) in enumerate(zip(one, other, strict=False)):
        if a != b:
            return number
    return min(len(one), len(other))
