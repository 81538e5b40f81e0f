"""Who is at a tab: which pages show it, in which browser, from which address."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from ui.http.asker import ANYBODY, Asker, person_of


@dataclass
class Presence:
    """The pages and the person of one tab. `key` is the tab's."""

    key: str
    browser: str = ""  # that opened the tab last
    asker: Asker = ANYBODY  # of the latest request
    user: str = ""  # who had logged in when a page opened the tab last
    pages: set[str] = field(default_factory=set)  # Gradio's sessions that show it
    is_program: bool = False  # opened through the API, not by a page
    last_used_at: float = field(default_factory=time.monotonic)

    @property
    def person(self) -> str:
        """Whose share of threads and disk the tab uses: an address, or the tab itself if none is known."""
        return person_of(self.asker.address) if self.asker.address else self.key

    @property
    def has_page(self) -> bool:
        """Whether a page shows the tab. A program counts as none: the server is not told when it goes."""
        return bool(self.pages) and not self.is_program

    def touch(self) -> None:
        """Record that the tab was used now."""
        self.last_used_at = time.monotonic()
