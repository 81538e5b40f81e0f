"""Who is at a tab: which pages show it, in which browser, from which address."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from ui.http.asker import ANYBODY, Asker, person_of


@dataclass
class Presence:
    """The pages and the person of one tab. `key` is the tab's."""

    key: str
    browser: str = ""  # the one that opened it last
    asker: Asker = ANYBODY  # who asked last
    pages: set[str] = field(default_factory=set)  # Gradio's sessions that show it
    is_program: bool = False  # opened by one that posts and reads, not by a page
    last_used_at: float = field(default_factory=time.monotonic)

    @property
    def person(self) -> str:
        """Whose share of everybody's threads the tab takes."""
        return person_of(self.asker.address) if self.asker.address else self.key

    @property
    def has_page(self) -> bool:
        """Whether somebody can look at it. The server is not told when a program goes."""
        return bool(self.pages) and not self.is_program

    def touch(self) -> None:
        """The tab is used just now."""
        self.last_used_at = time.monotonic()
