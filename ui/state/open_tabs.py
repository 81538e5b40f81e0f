"""The open tabs by their keys: how many there may be, and when one is dropped."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection, Iterable, Iterator

from model.errors import DemoError
from ui.http.asker import Asker
from ui.media import disk_quota
from ui.state.tab.checkpoints import Checkpoints
from ui.state.tab.tab import Tab

SWEEP_S = 600.0  # between two searches for files that nobody needs
KEPT_S = 3600.0  # a conversation without a page is dropped after so long
MAX_TABS = 2000  # then one without a page or without an answer is dropped
MAX_TABS_OF_ONE = 200  # of one address
MAX_TEXT_OF_ONE = (
    32_000_000  # characters in the conversations of one address: 200 that fill a context have fewer
)
LONG_TEXT = 20_000  # characters; shorter ones are not counted when they come


class OpenTabs:
    """Changed on the event loop only. Other threads may iterate."""

    def __init__(
        self, checkpoints: Checkpoints, kept_s: float, dropped: Callable[[Tab], None]
    ) -> None:
        """dropped: called for each tab just before it is dropped."""
        self.kept_s = kept_s
        self._checkpoints = checkpoints
        self._dropped = dropped
        self._tabs: dict[str, Tab] = {}  # the one that was used last at the end
        self._swept = time.monotonic()
        self._cleaning: asyncio.TimerHandle | None = None

    def __iter__(self) -> Iterator[Tab]:
        return iter(list(self._tabs.values()))

    def __len__(self) -> int:
        return len(self._tabs)

    def get(self, key: str) -> Tab | None:
        """The open tab of this key."""
        return self._tabs.get(key)

    def open(self, key: str) -> Tab:
        """The tab of this key, a new one if there is none (any more). Raises `DemoError` if there are too many."""
        tab = self._tabs.pop(key, None) or Tab(key, self._checkpoints)
        self._tabs[key] = tab
        tab.presence.touch()
        self._clean(spare=tab)
        if len(self._tabs) > MAX_TABS and not tab.used:
            del self._tabs[key]
            raise DemoError("Too many people use this page just now; try again later.")
        return tab

    def of_person(self, person: str) -> list[Tab]:
        """The tabs of one address."""
        return [tab for tab in self._tabs.values() if tab.presence.person == person]

    def asked_by(self, tab: Tab, asker: Asker) -> None:
        """Record who asks for a tab. Raises `DemoError` if this address has too many tabs."""
        elsewhere = tab.presence.asker.address != asker.address
        tab.presence.asker = asker
        if not elsewhere:
            return
        own = self.of_person(tab.presence.person)
        going = surplus(own, MAX_TABS_OF_ONE, spare=tab)
        self._drop(going)
        if len(own) - len(going) > MAX_TABS_OF_ONE and not tab.used:
            self._drop([tab])
            raise DemoError(
                "Too many conversations are open at your address; close one and load this page again."
            )

    def require_text(self, tab: Tab, count: int) -> None:
        """Raises `DemoError` where this address has too much text for so many characters more."""
        if count < LONG_TEXT:
            return
        held = sum(own.characters for own in self.of_person(tab.presence.person))
        if held + count > MAX_TEXT_OF_ONE:
            raise DemoError(
                "Too many conversations are open at your address; close one and load this page again."
            )

    def _clean(self, spare: Tab | None = None) -> None:
        """Drop expired tabs now, and again later, also if no request comes."""
        self._expire(spare)
        self._sweep()
        if not self._cleaning:
            self._cleaning = asyncio.get_running_loop().call_later(self._pause_s, self._clean_again)

    def _clean_again(self) -> None:
        self._cleaning = None
        self._clean()

    @property
    def _pause_s(self) -> float:
        """Seconds between two searches for unneeded files."""
        return min(SWEEP_S, self.kept_s)

    def _sweep(self) -> None:
        """Remove files that no tab needs, in the background, once in `_pause_s`."""
        if time.monotonic() < self._swept + self._pause_s:
            return
        self._swept = time.monotonic()
        items = [item for tab in self for item in tab.attached]
        needed = {path for item in items for path in item.files}
        asyncio.get_running_loop().run_in_executor(None, disk_quota.sweep, needed, self.kept_s)

    def _expire(self, spare: Tab | None) -> None:
        """Drop tabs that have had neither a page nor a program's message for long, and the oldest of too many."""
        before = time.monotonic() - self.kept_s
        unused = [tab for tab in self if tab.presence.last_used_at <= before]
        self._drop([tab for tab in unused if tab is not spare and not tab.presence.has_page])
        self._drop(surplus(self._tabs.values(), MAX_TABS, spare))

    def _drop(self, tabs: Iterable[Tab]) -> None:
        for tab in tabs:
            if not tab.busy and tab.key in self._tabs:
                self._dropped(tab)
                del self._tabs[tab.key]


def surplus(tabs: Collection[Tab], most: int, spare: Tab | None) -> list[Tab]:
    """The tabs to drop beyond `most`: unanswered ones first, then those without a page. Never one that has both."""
    if len(tabs) <= most:
        return []
    going = [tab for tab in tabs if tab is not spare and not (tab.used and tab.presence.has_page)]
    return sorted(going, key=lambda tab: (tab.used, tab.presence.has_page))[: len(tabs) - most]
