"""Which draft of each session is being read ahead, before Send: the latest one, until it is answered."""

from __future__ import annotations

import threading
from dataclasses import replace

from model.backend import Cancel
from model.conversation import Conversation, Text


class ReadAheadRegistry:
    """At most one draft per session, each with a flag that ends its reading. Safe to use from several threads."""

    def __init__(self) -> None:
        self._flags: dict[str, Cancel] = {}
        self._lock = threading.Lock()

    def begin(self, session: str) -> Cancel:
        """Begin a new draft. The flag that is returned is set when the draft is outdated."""
        with self._lock:
            if earlier := self._flags.get(session):
                earlier.set()
            flag = self._flags[session] = Cancel()
            return flag

    def end(self, session: str, flag: Cancel | None = None) -> None:
        """End the session's draft; with `flag`, only if it is that draft."""
        with self._lock:
            current = self._flags.get(session)
            if current and flag in (None, current):
                current.set()
                del self._flags[session]


def with_question(conversation: Conversation, text: str) -> Conversation:
    """Return the draft with `text` in place of its question."""
    *before, last = conversation.messages or (None,)
    if last is None or last.role != "user":
        return conversation.with_user_turn(Text(text))
    asked = replace(last, parts=(*last.media, Text(text)))
    return replace(conversation, messages=(*before, asked))
