"""The tabs in front of one backend: who is answered, which pages show a tab, and which files belong to it.

Everything here is changed on the event loop only and without an await in between, so it needs no lock. `Tabs.end`
may be called from any thread: it sets flags alone.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from model.backend import Backend, CacheFigures, Status, together
from model.conversation import Conversation
from model.errors import DemoError
from model.media.download import Downloads
from model.settings import DefaultSettings, GenerationSettings
from ui.http.asker import Asker, person_of
from ui.http.metrics import Metrics
from ui.media.disk_quota import DiskQuota
from ui.media.uploads import Uploads
from ui.state import unneeded_files
from ui.state.answer_log import AnswerLog
from ui.state.background_work import BackgroundWork, in_background
from ui.state.clip_copies import ClipCopies
from ui.state.open_tabs import KEPT_S, OpenTabs
from ui.state.pending_pages import PendingPages
from ui.state.rate_limit import Rates
from ui.state.tab.begun import Begun
from ui.state.tab.checkpoints import Backends, Checkpoints
from ui.state.tab.comparison import Comparison
from ui.state.tab.conversation import ENDING, UNEXPECTED
from ui.state.tab.run import Run
from ui.state.tab.tab import Cleared, Tab, characters

log = logging.getLogger(__name__)

UPDATE_S = 0.012  # that one update of a page costs a slow core
RECOUNT_S = 0.5  # between two looks at how many answers grow
LEFT_TO_OTHERS = 4  # one address leaves a quarter of the queue to others
MAX_MADE = 8  # pictures as the model sees them, exports and the like that a tab has at once
UNDO_S = 15.0  # New chat can be undone; the page offers it for less (composer/new_chat.js)
CLOSED_S = 10.0  # a reload opens the tab again within this; then what the backend keeps for it goes

# What is asked, and how it is to be answered. Raises `DemoError`.
Question = Callable[[], tuple[Conversation, GenerationSettings]]


class Tabs:
    """The open tabs, in front of one backend."""

    def __init__(
        self,
        backends: Backends,
        *,
        queue_size: int = 64,
        given: Mapping[str, object] | None = None,
        rates: Rates | None = None,
        answer_log: AnswerLog | None = None,
        downloads: Downloads | None = None,
        kept_s: float = KEPT_S,
        most_bytes: float = math.inf,
        closed_s: float = CLOSED_S,
        undo_s: float = UNDO_S,
        give_back: Callable[[], None] = lambda: None,
    ) -> None:
        """backends: by name, if people can choose; given: the operator's default settings; downloads: None if programs
        may not name addresses; give_back: returns freed memory to the system, called from any thread.
        """
        self.checkpoints = Checkpoints(backends)
        self.backend = self.checkpoints[self.checkpoints.default]
        self.give_back = give_back
        self.queue_size = queue_size
        self.rates = rates or Rates()
        self.metrics = Metrics()
        self.metrics.watch(self)
        self.rates.refused = lambda: self.metrics.refused("rate")
        self.answer_log = answer_log or AnswerLog()
        self.closed_s = closed_s
        self.undo_s = undo_s
        self._given = dict(given or {})
        self.downloads = downloads
        self.uploads = Uploads()
        self.background = BackgroundWork(DiskQuota(most_bytes))
        self.clip_copies = ClipCopies(self.background, self._remove)
        self.pending_pages = PendingPages()
        self.open_tabs = OpenTabs(self.checkpoints, kept_s, self._dropped)
        self.ending = False
        self._count, self._counted = 0, 0.0  # answers that were growing, and when

    def defaults_of(self, backend: Backend) -> DefaultSettings:
        """The default settings of a checkpoint, which loading it may change."""
        return backend.default_settings().changed(self._given)

    def chosen(self, settings: Mapping[str, object], backend: Backend) -> DefaultSettings:
        """These settings by name, the checkpoint's defaults for all others. Raises `SettingError`."""
        return self.defaults_of(backend).changed(settings)

    def open(self, key: str) -> Tab:
        """The tab of this key, see `OpenTabs.open`."""
        return self.open_tabs.open(key)

    def admit(self, tab: Tab) -> None:
        """Count a message before any work for it. Raises `DemoError` as `start` does."""
        if tab.chat.live and tab.chat.run is not tab.chat.undelivered:
            raise DemoError("An answer is still being written; stop it first.")
        self._require_room(tab)
        self.rates.admit(tab.presence.asker.address)

    def start(
        self, tab: Tab, question: Question, *, admitted: bool = False, begun: Begun | None = None
    ) -> Run:
        """Let the backend answer, or continue what `begun` is. Raises `DemoError` when too many people are waiting, or this one asks too often.

        While a checkpoint loads, `question` is called again after it, because the checkpoint brings its own defaults.
        """
        if not admitted:
            self.admit(tab)
        elif tab.chat.live:
            raise DemoError("An answer is still being written; stop it first.")
        asked = question()
        self.open_tabs.require_text(tab, characters(asked[0].messages[-1:]))
        run = Run(*asked, tab.key, tab.presence.person, tab.checkpoint, begun)
        tab.begin(run)

        def settle(run: Run) -> None:
            try:
                tab.settle(run)
            except Exception:
                log.exception("an answer could not be kept")
                tab.chat.withdraw(run)
            self._ended(run)
            in_background(self.give_back)

        try:
            run.start(
                tab.backend,
                settle,
                page_pending=lambda: self.pending_pages.has(tab.presence.browser),
                loaded=lambda: tab.asked_as(run, *question()),
            )
        except Exception as error:
            log.exception("an answer could not be started")
            tab.chat.withdraw(run)
            raise DemoError.of(UNEXPECTED) from error
        return run

    def compare(self, tab: Tab, comparison: Comparison) -> None:
        """Let the backend answer both sides, beside the conversation. Raises `DemoError` like `start`."""
        if tab.busy:
            raise DemoError("An answer is still being written; stop it first.")
        self._require_room(tab)
        self.rates.admit(tab.presence.asker.address, messages=len(comparison.sides))
        for run in (side.run for side in comparison.sides if side.run):
            run.person = tab.presence.person
        tab.comparison, tab.not_compared = comparison, ""
        comparison.start(lambda: self.pending_pages.has(tab.presence.browser), self._ended)

    def _ended(self, run: Run) -> None:
        self.answer_log.ended(run)
        self.metrics.ended(run.finished)

    def uploaded(self, paths: Sequence[str], sender: Asker) -> None:
        """Files have arrived, from `sender`."""
        self.uploads.register(paths, sender)
        self.background.quota.keep(person_of(sender.address), *paths)
        self.metrics.uploaded(paths)

    def end(self) -> None:
        """Take no more questions, and end all answers with the text they have. Any thread may call it."""
        self.ending = True
        for tab in self.open_tabs:
            if tab.chat.run:
                tab.chat.run.notice = ENDING
                tab.chat.run.cancel.set()
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
        own = sum(other.busy for other in self.open_tabs.of_person(tab.presence.person))
        if own >= self.queue_size - self.queue_size // LEFT_TO_OTHERS:
            self.metrics.refused("queue")
            raise DemoError(
                "Too much is being prepared for your address already; try again in a minute."
            )

    def frame_s(self, shortest: float) -> float:
        """Seconds between two updates of one answer: more, the more answers there are, so that all get through."""
        now = time.monotonic()
        if now > self._counted + RECOUNT_S:
            self._count = sum(bool(tab.chat.run and tab.chat.run.text) for tab in self.open_tabs)
            self._counted = now
        return max(shortest, self._count * UPDATE_S)

    @property
    def running(self) -> int:
        return sum(tab.busy for tab in self.open_tabs)

    @property
    def states(self) -> Iterator[str]:
        """The states of all answers that are being written."""
        for tab in self.open_tabs:
            runs = (tab.chat.run if tab.chat.live else None, tab.comparison and tab.comparison.run)
            yield from (run.state for run in runs if run)

    @property
    def conversations(self) -> int:
        return sum(bool(tab.chat.conversation.messages) for tab in self.open_tabs)

    @property
    def pages(self) -> int:
        return sum(len(tab.presence.pages) for tab in self.open_tabs)

    def status(self) -> Status:
        return self.backend.status()

    def cache_figures(self) -> CacheFigures | None:
        """Of all checkpoints that are in memory."""
        return together(backend.cache_figures() for backend in self.checkpoints.backends)

    def copy(self, original: str, tab: Tab) -> None:
        """Start an unused tab as a copy of the same person's tab with the key `original`, if that is still open."""
        other = self.open_tabs.get(original)
        if other and other.presence.user == tab.presence.user and not tab.used:
            tab.copy(other)
            for item in tab.chat.attachments.values():
                self.uploads.keep(Path(item.upload), tab.key)

    def clear(self, tab: Tab) -> None:
        """Start over in a tab. The backend forgets it; its files are removed when it is too late to undo that."""
        self._forget_cleared(tab, tab.cleared)
        cleared = tab.clear()  # before the backend forgets it: that cancels its answer
        self.forget(tab.key)
        undo_s = 0.0 if tab.presence.is_program else self.undo_s
        asyncio.get_running_loop().call_later(undo_s, self._forget_cleared, tab, cleared)

    def empty(self, tab: Tab) -> None:
        """Start over in a tab, which nobody can undo."""
        self.clear(tab)
        self._forget_cleared(tab, tab.cleared)

    def _forget_cleared(self, tab: Tab, cleared: Cleared | None) -> None:
        if cleared and tab.cleared is cleared:
            tab.cleared = None
            self._remove(unneeded_files.of_cleared(tab, cleared, self.open_tabs, self.uploads))

    def _dropped(self, tab: Tab) -> None:
        self._forget_cleared(tab, tab.cleared)
        self._remove(unneeded_files.of(tab, self.open_tabs, self.uploads))
        self.forget(tab.key)

    def made(self, tab: Tab, files: Sequence[str]) -> None:
        """Record files that were made for a tab, and remove those of `MAX_MADE` records before."""
        tab.made_files.append(list(files))
        if len(tab.made_files) > MAX_MADE:
            self._remove(unneeded_files.among(tab.made_files.pop(0), self.open_tabs))

    def give_up(self, tab: Tab, file: Path) -> None:
        """A tab no longer needs an upload."""
        if self.uploads.released(str(file), tab.key):
            self._remove([str(file)])

    def _remove(self, files: Iterable[str]) -> None:
        """Delete files; nothing waits for it."""
        in_background(unneeded_files.remove, list(files), self.uploads)

    def forget(self, key: str) -> None:
        """Let the backend drop what it kept for a tab, without waiting for it."""

        def drop() -> None:
            for backend in self.checkpoints.backends:
                backend.forget(key)
            self.give_back()

        in_background(drop)

    def page_opened(self, tab: Tab, browser: str, page: str, address: str = "") -> None:
        """A page has opened `tab`, from this address."""
        tab.presence.browser = browser
        tab.presence.pages.add(page)
        tab.expect_follower()
        self.pending_pages.opened(browser, address)  # at a first visit a browser has no cookie yet

    def page_left(self, key: str, page: str) -> None:
        """A page says that it is left: unless another one shows the tab, nobody follows its answer any more."""
        self.page_closed(page)  # its connections may have ended already
        tab = self.open_tabs.get(key)
        if tab and not tab.presence.pages:
            tab.leave()

    def page_closed(self, page: str) -> None:
        """The connections of a page have ended: it was reloaded, closed or cut off."""
        for tab in self.open_tabs:
            if page in tab.presence.pages:
                tab.presence.pages.remove(page)
                tab.presence.touch()
                self._forget_later(tab)

    def _forget_later(self, tab: Tab) -> None:
        def forget_if_idle() -> None:
            if tab.busy or self.pending_pages.has(tab.presence.browser):
                self._forget_later(tab)
            elif not tab.presence.pages and self.open_tabs.get(tab.key) in (tab, None):
                self.forget(tab.key)

        asyncio.get_running_loop().call_later(self.closed_s, forget_if_idle)
