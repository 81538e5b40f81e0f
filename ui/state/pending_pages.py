"""Pages that a browser has requested and that have not opened their tab yet."""

from __future__ import annotations

import time

# A browser that was opened with the program requests its page within this time after the start.
AT_ONCE_S = 0.5
# Loading a checkpoint waits at most this long for that page, because both compete for the interpreter.
FIRST_PAGE_S = 4.0
POLL_S = 0.05
BOOT_S = 45.0  # a page that was asked for opens its tab within this, on a busy machine too
MAX_PAGES = 2000


class PendingPages:
    """Written on the event loop. Other threads may read: the list is replaced, never changed."""

    def __init__(self) -> None:
        self._pages: list[tuple[str, float]] = []  # browser, when

    def requested(self, browser: str) -> None:
        """A browser requests the page, perhaps in a reload: it will open its tab soon."""
        self._pages = [*self._recent()[-MAX_PAGES:], (browser, time.monotonic())]

    def opened(self, *names: str) -> None:
        """A page has opened its tab. names: of the browser that requested it, the likelier first."""
        answered = next((v for name in names for v in self._pages if v[0] == name), None)
        self._pages = [page for page in self._pages if page is not answered]

    def has(self, browser: str) -> bool:
        """Whether a page that this browser requested has not opened its tab yet."""
        return any(waiting == browser for waiting, _ in self._recent())

    def wait_for_first_page(self) -> None:
        """Block until a page that was requested right after the start has opened its tab, at most `FIRST_PAGE_S`."""
        time.sleep(AT_ONCE_S)
        until = time.monotonic() + FIRST_PAGE_S
        while self._recent() and time.monotonic() < until:
            time.sleep(POLL_S)

    def _recent(self) -> list[tuple[str, float]]:
        now = time.monotonic()
        return [page for page in self._pages if now - page[1] < BOOT_S]
