"""Every open tab by its key: who comes and goes, who is answered, and what is forgotten when.

Everything here is changed on the event loop only and without an await in between, so it needs no lock.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from model.backend import Backend, CacheFigures, Status
from model.conversation import Conversation
from model.errors import DemoError, LocalizedText
from model.media.download import Downloads
from model.settings import DefaultSettings, GenerationSettings
from ui.http.asker import Asker, person_of
from ui.http.metrics import Metrics
from ui.media import disk_quota as storage
from ui.media.uploads import Uploads
from ui.state import leftovers
from ui.state.answer_log import Journal
from ui.state.errands import Errands
from ui.state.rate_limit import Rates
from ui.state.tab.attachment import Attachment
from ui.state.tab.comparison import Comparison
from ui.state.tab.run import Run
from ui.state.tab.tab import UNEXPECTED, Tab

log = logging.getLogger(__name__)

UPDATE_S = 0.012  # that one update of a page costs a slow core
RECOUNT_S = 0.5  # between two looks at how many answers grow
SWEEP_S = 600.0  # between two looks for files that nobody needs
KEPT_S = 3600.0  # a conversation without a page is dropped after so long
MAX_TABS = 2000  # then one goes that has no page, or no answer
MAX_TABS_OF_ONE = 200  # of one address
LEFT_TO_OTHERS = 4  # one address may take all places in the queue but a quarter of them
MAX_MADE = 8  # pictures as the model sees them, exports and the like that a tab has at once
CLOSED_S = 10.0  # a reload opens the tab again within this; then what the backend keeps for it goes
ENDING = LocalizedText(
    "This page is being shut down; what there is of the answer is here, copy what you need."
)
# A browser that was opened with the program requests its page within this time after the start.
AT_ONCE_S = 0.5
# Loading a checkpoint waits at most this long for that page, because both compete for the interpreter.
FIRST_PAGE_S = 4.0
POLL_S = 0.05
BOOT_S = 45.0  # a page that was asked for opens its tab within this, on a busy machine too


# What is asked, and how it is to be answered. Raises `DemoError`.
Question = Callable[[], tuple[Conversation, GenerationSettings]]


class Tabs:
    """Every open tab by its key, in front of one backend."""

    def __init__(
        self,
        backend: Backend,
        *,
        queue_size: int = 64,
        given: Mapping[str, object] | None = None,
        rates: Rates | None = None,
        journal: Journal | None = None,
        downloads: Downloads | None = None,
        kept_s: float = KEPT_S,
        most_bytes: float = math.inf,
        closed_s: float = CLOSED_S,
        give_back: Callable[[], None] = lambda: None,
    ) -> None:
        """given: the operator's default settings by name; the others are the checkpoint's. downloads: None if
        programs may not name addresses.

        give_back: returns freed memory to the system; called from any thread.
        """
        self.backend = backend
        self.give_back = give_back
        self.queue_size = queue_size
        self.rates = rates or Rates()
        self.metrics = Metrics()
        self.metrics.watch(self)
        self.rates.refused = lambda: self.metrics.refused("rate")
        self.journal = journal or Journal()
        self.kept_s = kept_s
        self.closed_s = closed_s
        self._given = dict(given or {})
        self.downloads = downloads
        self.uploads = Uploads()
        self.errands = Errands(storage.DiskQuota(most_bytes))
        self._tabs: dict[str, Tab] = {}
        self.ending = False
        self._count, self._counted = 0, 0.0  # answers that were growing, and when
        self._swept = time.monotonic()
        self._cleaning: asyncio.TimerHandle | None = None
        self._visits: list[tuple[str, float]] = []  # browser, when
        self._copying: dict[asyncio.Task[None], Tab] = {}

    @property
    def defaults(self) -> DefaultSettings:
        """The settings of whoever does not give any. Another checkpoint may change them."""
        return self.backend.default_settings().changed(self._given)

    def chosen(self, settings: Mapping[str, object]) -> DefaultSettings:
        """These settings by name, the defaults for all others. Raises `SettingError`."""
        return self.defaults.changed(settings)

    def open(self, key: str) -> Tab:
        """The tab of this key, a new one if there is none (any more). Raises `DemoError` if there are too many."""
        tab = self._tabs.pop(key, None) or Tab(key, self.backend)
        self._tabs[key] = tab  # the latest at the end
        tab.seen = time.monotonic()
        self._clean(spare=tab)
        if len(self._tabs) > MAX_TABS and not tab.used:
            del self._tabs[key]
            raise DemoError("Too many people use this page just now; try again later.")
        return tab

    def admit(self, tab: Tab) -> None:
        """Count a message, before anything is done for it. Raises `DemoError` as `start` does."""
        if tab.live and tab.run is not tab.unheard:
            raise DemoError("An answer is still being written; stop it first.")
        self._require_room(tab)
        self.rates.admit(tab.asker.address)

    def start(self, tab: Tab, question: Question, *, admitted: bool = False) -> Run:
        """Let the backend answer. Raises `DemoError` when too many people are waiting, or this one asks too often.

        While a checkpoint loads, `question` is called again after it, because the checkpoint brings its own defaults.
        """
        if not admitted:
            self.admit(tab)
        elif tab.live:
            raise DemoError("An answer is still being written; stop it first.")
        run = Run(*question(), tab.key, tab.person)
        tab.begin(run)

        def settle(run: Run) -> None:
            try:
                tab.settle(run)
            except Exception:
                log.exception("an answer could not be kept")
                tab.withdraw(run)
            self._ended(run)
            asyncio.get_running_loop().run_in_executor(None, self.give_back)

        try:
            run.start(
                self.backend,
                settle,
                awaited=lambda: self.awaited(tab.browser),
                loaded=lambda: tab.asked_as(run, *question()),
            )
        except Exception as error:
            log.exception("an answer could not be started")
            tab.withdraw(run)
            raise DemoError.of(UNEXPECTED) from error
        return run

    def compare(self, tab: Tab, comparison: Comparison) -> None:
        """Let the backend answer both sides, beside the conversation. Raises `DemoError` like `start`."""
        if tab.busy:
            raise DemoError("An answer is still being written; stop it first.")
        self._require_room(tab)
        self.rates.admit(tab.asker.address, messages=len(comparison.sides))
        for run in (side.run for side in comparison.sides if side.run):
            run.person = tab.person
        tab.comparison, tab.not_compared = comparison, ""
        comparison.start(self.backend, lambda: self.awaited(tab.browser), self._ended)

    def _ended(self, run: Run) -> None:
        self.journal.ended(run)
        self.metrics.ended(run.finished)

    def uploaded(self, paths: Sequence[str], sender: Asker) -> None:
        """Files have arrived, from `sender`."""
        self.uploads.arrived(paths, sender)
        self.errands.quota.keep(person_of(sender.address), *paths)
        self.metrics.uploaded(paths)

    def end(self) -> None:
        """Answer nobody any more; what is being answered ends with what there is of it. For any thread."""
        self.ending = True
        for tab in list(self._tabs.values()):
            if tab.run:
                tab.run.notice = ENDING
                tab.run.cancel.set()
            if tab.comparison:
                tab.comparison.stop()
            if tab.verifying:
                tab.verifying.set()

    def _require_room(self, tab: Tab) -> None:
        """Raises `DemoError` where too many wait, or too much for this address."""
        if self.ending:
            self.metrics.refused("ending")
            raise DemoError("This page is being shut down; try again in a few minutes.")
        if self.running >= self.queue_size:
            self.metrics.refused("queue")
            raise DemoError(
                "Waiting already: {people}; try again in a minute.", people=self.running
            )
        own = sum(other.busy for other in self._tabs.values() if other.person == tab.person)
        if own >= self.queue_size - self.queue_size // LEFT_TO_OTHERS:
            self.metrics.refused("queue")
            raise DemoError(
                "Too much is being prepared for your address already; try again in a minute."
            )

    def frame_s(self, shortest: float) -> float:
        """Seconds between two updates of one answer: more, the more answers there are, so that all get through."""
        now = time.monotonic()
        if now > self._counted + RECOUNT_S:
            self._count = sum(bool(tab.run and tab.run.text) for tab in self._tabs.values())
            self._counted = now
        return max(shortest, self._count * UPDATE_S)

    @property
    def running(self) -> int:
        return sum(tab.busy for tab in self._tabs.values())

    @property
    def states(self) -> Iterator[str]:
        """How far each answer in the making is."""
        for tab in self._tabs.values():
            runs = (tab.run if tab.live else None, tab.comparison and tab.comparison.run)
            yield from (run.state for run in runs if run)

    @property
    def conversations(self) -> int:
        return sum(bool(tab.conversation.messages) for tab in self._tabs.values())

    @property
    def pages(self) -> int:
        return sum(len(tab.pages) for tab in self._tabs.values())

    def status(self) -> Status:
        return self.backend.status()

    def cache_figures(self) -> CacheFigures | None:
        return self.backend.cache_figures()

    def make_playable(self, tab: Tab, attachment: Attachment) -> None:
        """Copy a clip into what browsers play, behind everything else; until then its picture stands."""
        task = asyncio.get_running_loop().create_task(self._make_playable(tab, attachment))
        self._copying[task] = tab
        task.add_done_callback(self._copying.pop)

    async def copied(self, tab: Tab) -> bool:
        """Wait until the tab's clips can be played; says whether there was anything to wait for."""
        tasks = [task for task, owner in self._copying.items() if owner is tab]
        await asyncio.gather(*tasks)
        return bool(tasks)

    async def _make_playable(self, tab: Tab, attachment: Attachment) -> None:
        try:
            shown = await self.errands.copy(tab, attachment)
        except Exception:
            log.exception("a clip could not be copied for the page")
            return
        if attachment.path in tab.known:
            tab.known[attachment.path] = replace(attachment, shown=shown)
        else:
            self._remove([shown])

    def copy(self, original: str, tab: Tab) -> None:
        """Start an unused tab as a copy of the tab with the key `original`, if that is still open."""
        other = self._tabs.get(original)
        if other and not tab.used:
            tab.copy(other)
            for path in tab.known:
                self.uploads.keep(Path(path), tab.key)

    def clear(self, tab: Tab) -> None:
        """Start over in a tab, without what the backend kept for it and the files that nobody else has."""
        files = leftovers.of(tab, self._tabs.values(), self.uploads)
        tab.clear()
        self.forget(tab.key)
        self._remove(files)

    def made(self, tab: Tab, files: Sequence[str]) -> None:
        """Record files that were made for a tab, and remove those of `MAX_MADE` records before."""
        tab.made.append(list(files))
        if len(tab.made) > MAX_MADE:
            self._remove(leftovers.unneeded(tab.made.pop(0), self._tabs.values()))

    def give_up(self, tab: Tab, file: Path) -> None:
        """A tab needs an upload no more."""
        if self.uploads.released(str(file), tab.key):
            self._remove([str(file)])

    def _remove(self, files: Iterable[str]) -> None:
        """Delete files; nothing waits for it."""
        asyncio.get_running_loop().run_in_executor(None, leftovers.remove, list(files))

    def forget(self, key: str) -> None:
        """Let the backend drop what it kept for a tab, without waiting for it."""

        def drop() -> None:
            self.backend.forget(key)
            self.give_back()

        asyncio.get_running_loop().run_in_executor(None, drop)

    def page_requested(self, browser: str) -> None:
        """A page was asked for: perhaps a reload, whose tab will be opened in a moment."""
        self._visits = [*self._recent_visits()[-MAX_TABS:], (browser, time.monotonic())]

    def page_opened(self, tab: Tab, browser: str, page: str, address: str = "") -> None:
        """The page that was asked for is there and has opened `tab`, from this address."""
        tab.browser = browser
        tab.pages.add(page)
        tab.expect_follower()
        names = (browser, address)  # at its first visit a browser had no cookie yet
        answered = next((v for name in names for v in self._visits if v[0] == name), None)
        self._visits = [visit for visit in self._visits if visit is not answered]

    def page_left(self, key: str, page: str) -> None:
        """A page has said that it goes: unless another shows the tab, nobody follows its answer any more.

        Its connections may have ended before it is heard.
        """
        self.page_closed(page)
        tab = self._tabs.get(key)
        if tab and not tab.pages:
            tab.leave()

    def page_closed(self, page: str) -> None:
        """A page has gone: reloaded, closed, or cut off."""
        for tab in self._tabs.values():
            if page in tab.pages:
                tab.pages.remove(page)
                tab.seen = time.monotonic()
                self._forget_later(tab)

    def _forget_later(self, tab: Tab) -> None:
        def look() -> None:
            if tab.busy or self.awaited(tab.browser):
                self._forget_later(tab)
            elif not tab.pages and self._tabs.get(tab.key, tab) is tab:
                self.forget(tab.key)

        asyncio.get_running_loop().call_later(self.closed_s, look)

    def wait_for_first_page(self) -> None:
        """Block until a page that was requested right after the start has opened its tab, at most `FIRST_PAGE_S`."""
        time.sleep(AT_ONCE_S)
        until = time.monotonic() + FIRST_PAGE_S
        while self._recent_visits() and time.monotonic() < until:
            time.sleep(POLL_S)

    def awaited(self, browser: str) -> bool:
        """Whether a page that this browser asked for has still to open its tab."""
        return any(visitor == browser for visitor, _ in self._recent_visits())

    def _recent_visits(self) -> list[tuple[str, float]]:
        now = time.monotonic()
        return [visit for visit in self._visits if now - visit[1] < BOOT_S]

    def _clean(self, spare: Tab | None = None) -> None:
        """Let go of what has been kept for long enough, now and again later: perhaps nobody comes any more."""
        self._expire(spare)
        self._sweep()
        if not self._cleaning:
            self._cleaning = asyncio.get_running_loop().call_later(self._pause_s, self._clean_again)

    def _clean_again(self) -> None:
        self._cleaning = None
        self._clean()

    @property
    def _pause_s(self) -> float:
        """Between two looks for what nobody needs."""
        return min(SWEEP_S, self.kept_s)

    def _sweep(self) -> None:
        """Now and then, let go of files that no tab needs any more; nothing waits for it."""
        if time.monotonic() < self._swept + self._pause_s:
            return
        self._swept = time.monotonic()
        known = [item for tab in self._tabs.values() for item in tab.known.values()]
        needed = {path for item in known for path in (item.path, item.thumbnail, item.shown)}
        asyncio.get_running_loop().run_in_executor(None, storage.sweep, needed, self.kept_s)

    def found(self, tab: Tab, asker: Asker) -> None:
        """Record who asks for a tab. Raises `DemoError` if this address has too many tabs."""
        elsewhere, tab.asker = tab.asker.address != asker.address, asker
        if not elsewhere:
            return
        own = [other for other in self._tabs.values() if other.person == tab.person]
        going = surplus(own, MAX_TABS_OF_ONE, spare=tab)
        self._drop(going)
        if len(own) - len(going) > MAX_TABS_OF_ONE and not tab.used:
            self._drop([tab])
            raise DemoError(
                "Too many conversations are open at your address; close one and load this page again."
            )

    def _expire(self, spare: Tab | None) -> None:
        """Drop what has been without a page, or a program's message, for long, and what is too much."""
        before = time.monotonic() - self.kept_s
        old = [tab for tab in self._tabs.values() if tab.seen <= before and not tab.has_page]
        self._drop([tab for tab in old if tab is not spare])
        self._drop(surplus(self._tabs.values(), MAX_TABS, spare))

    def _drop(self, tabs: Iterable[Tab]) -> None:
        for tab in tabs:
            if not tab.busy and tab.key in self._tabs:
                self._remove(leftovers.of(tab, self._tabs.values(), self.uploads))
                del self._tabs[tab.key]
                self.forget(tab.key)


def surplus(tabs: Collection[Tab], most: int, spare: Tab | None) -> list[Tab]:
    """The tabs to drop beyond `most`: unanswered ones first, then those without a page. Never one that has both."""
    if len(tabs) <= most:
        return []
    going = [tab for tab in tabs if tab is not spare and not (tab.used and tab.has_page)]
    return sorted(going, key=lambda tab: (tab.used, tab.has_page))[: len(tabs) - most]
