"""What the pages of a tab have of its conversation, so that an action costs what is new, however long the chat is.

A page keeps what it has drawn and is sent the rest (assets/js/conversation/log.js). Where its version is not the one that the rest
belongs to, because an answer of the server was lost or another page shows the tab, it asks for all of it.
"""

from __future__ import annotations

import secrets
from collections.abc import Hashable, Sequence

from model.conversation import Message


class Drawn:
    """What has been sent: from what each message was drawn, itself first, in their order."""

    def __init__(self) -> None:
        self.version = secrets.randbits(32)  # a page may have another server's
        self._from: Sequence[tuple[Hashable, ...]] = ()

    def unsent(self, messages: Sequence[Message]) -> Sequence[Message]:
        """Those from the first on that has not been sent in its place."""
        return messages[_common([message for message, *_ in self._from], messages) :]

    def forget(self) -> None:
        """A page is there that has nothing."""
        self._from = ()

    def kept(self, drawn_from: Sequence[tuple[Hashable, ...]]) -> tuple[int, int]:
        """How many messages need not be drawn again, and the version that has them. From now on these are drawn."""
        kept, before = _common(self._from, drawn_from), self.version
        self._from, self.version = drawn_from, self.version + 1
        return kept, before


def _common(one: Sequence[Hashable], other: Sequence[Hashable]) -> int:
    for number, (a, b) in enumerate(zip(one, other, strict=False)):
        if a != b:
            return number
    return min(len(one), len(other))
