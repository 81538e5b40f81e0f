"""One answer that is being written: a thread fills a buffer, and pages follow it.

A run belongs to the server, not to a connection. A page that is reloaded follows it again, Stop is a flag, and an answer
that nobody follows is cancelled. A run knows nothing of pages, nor of what becomes of its answer.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from array import array
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Literal

from model.backend import (
    AnswerRecord,
    Backend,
    Cancel,
    Delta,
    Event,
    Finished,
    Notice,
    Progress,
    Reasoning,
)
from model.conversation import Conversation
from model.errors import DemoError, LocalizedText
from model.grounding import Convention
from model.serving.person import PERSON
from model.settings import GenerationSettings
from ui.state.tab.begun import Begun

log = logging.getLogger(__name__)

# Seconds without a follower before an answer is cancelled: after a cut connection, and after its page was left.
ORPHAN_S = 10.0
LEFT_S = 0.6
# Seconds between two polls: whether the model is loaded, and whether anybody follows.
LOADING_S = 0.1
WATCH_S = 0.2

NO_THREAD = LocalizedText("The page has too much to do; try again in a minute.")

RunState = Literal["loading", "queued", "reading", "answering"]


class Run:
    """The answer to `conversation` so far. Start it on the event loop."""

    def __init__(
        self,
        conversation: Conversation,
        settings: GenerationSettings,
        session: str,
        person: str = "",
        checkpoint: str = "",
        begun: Begun | None = None,
    ) -> None:
        """person: whose share of the model and the decoders the answer takes; checkpoint: the name of what answers.

        begun: the answer that is continued.
        """
        self.conversation = conversation
        self.settings = settings
        self.session = session
        self.person = person
        self.checkpoint = checkpoint
        self.backend: Backend | None = None  # once it is started
        self.cancel = Cancel()
        self.progress = Progress("queued", 0, 0)
        self.begun = begun
        self.text = begun.text if begun else ""
        # Before the answer, and no part of it.
        self.reasoning = begun.answered.reasoning if begun else ""
        self.notice = ""  # the latest `Notice` of the backend
        self.finished: Finished | None = None
        self.error: Exception | None = None
        self.live = True  # until `on_end` has been called
        self._followers = 0
        self.expect_follower()
        self._done = asyncio.Event()
        self._settled = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._waiting: asyncio.Task[None] | None = None

    def start(
        self,
        backend: Backend,
        on_end: Callable[[Run], None],
        *,
        page_pending: Callable[[], bool] = lambda: False,
        loaded: Callable[[], None] = lambda: None,
    ) -> None:
        """Start the answer. on_end: called on the event loop when it has ended.

        page_pending: whether a page is about to follow; as long as it is true, the answer is not cancelled.
        loaded: called on the event loop before the first use of a backend that was still loading.
        """
        self.backend = backend
        loop = asyncio.get_running_loop()
        self._task = loop.create_task(self._watch(on_end, page_pending))
        if backend.status().state == "loading":
            self._waiting = loop.create_task(self._ask_when_loaded(backend, loaded))
        else:
            self._ask(backend)

    @property
    def has_text(self) -> bool:
        """Whether the answer has text that it did not begin with."""
        return self.text != (self.begun.text if self.begun else "")

    @property
    def state(self) -> RunState:
        if self.text or self.reasoning:
            return "answering"
        stage = self.progress.stage
        return stage if stage in ("loading", "queued") else "reading"

    @property
    def tokens(self) -> Sequence[int]:
        """Of the finished answer; packed, because they are kept as long as the conversation."""
        return array("I", self.finished.tokens if self.finished else ())

    @property
    def record(self) -> AnswerRecord:
        """How the answer was given."""
        settings, pieced = self.settings, False
        if begun := self.begun:
            pieced = not begun.is_whole_with(settings, self.checkpoint)
            settings = begun.recorded(settings)
        usage = self.finished.usage if self.finished else None
        usage = begun.joined(usage) if begun and usage else usage
        reasoning = self.reasoning.strip()
        return AnswerRecord(settings, usage, reasoning, self.checkpoint, self.convention, pieced)

    @property
    def convention(self) -> Convention | None:
        """The convention in which its checkpoint names places; None before it is started."""
        return self.backend.status().convention if self.backend else None

    @property
    def version(self) -> tuple[Progress, int, int]:
        """Changes whenever there is something new to show."""
        return self.progress, len(self.text), len(self.reasoning)

    def expect_follower(self) -> None:
        """Restart the grace period: a page is about to follow."""
        self._left_at, self._patience_s = time.monotonic(), ORPHAN_S
        self._deserted = False

    def leave(self) -> None:
        """Its page was left. Followers that Gradio has not ended yet no longer count."""
        self._left_at, self._patience_s = time.monotonic(), LEFT_S
        self._deserted = True

    @contextmanager
    def followed(self) -> Iterator[None]:
        """Count a follower within the block."""
        self._followers += 1
        try:
            yield
        finally:
            self._followers -= 1
            self._left_at = time.monotonic()

    @property
    def is_ending(self) -> bool:
        """Whether it will end soon: nobody follows it, or it was told to stop."""
        return self._deserted or not self._followers or self.cancel.is_set()

    def orphaned(self) -> bool:
        unseen = self._deserted or not self._followers
        return unseen and time.monotonic() - self._left_at > self._patience_s

    async def ended(self) -> None:
        """Return when the run is over and `on_end` has been called."""
        await self._settled.wait()

    async def _ask_when_loaded(self, backend: Backend, loaded: Callable[[], None]) -> None:
        while (status := backend.status()).state == "loading" and not self.cancel.is_set():
            self.progress = status.as_progress
            await asyncio.sleep(LOADING_S)
        try:
            loaded()
        except DemoError as error:
            self.error = error
            self._done.set()
        else:
            self._ask(backend)

    def _ask(self, backend: Backend) -> None:
        loop = asyncio.get_running_loop()
        done = lambda: loop.call_soon_threadsafe(self._done.set)  # noqa: E731
        thread = threading.Thread(target=self._drain, args=(backend, done), daemon=True)
        try:
            thread.start()
        except RuntimeError:  # the system gives no more threads
            log.exception("an answer could not be started")
            self.error = DemoError.of(NO_THREAD)
            self._done.set()

    def _drain(self, backend: Backend, done: Callable[[], object]) -> None:
        PERSON.set(self.person)
        try:
            asked, begun = self.conversation, self.begun
            if begun:
                asked = asked.with_reply(begun.text, begun.tokens)
            stream = backend.stream(asked, self.settings, self.cancel, session=self.session)
            for event in stream:
                self._take(event)
        except DemoError as error:
            self.error = error
        except Exception as error:
            log.exception("an answer failed")
            self.error = error
        except BaseException as error:  # SystemExit would end the thread without a word
            log.exception("an answer's thread was ended")
            self.error = RuntimeError(f"ended by {error!r}")
        finally:
            with suppress(RuntimeError):  # the event loop is gone when the server shuts down
                done()

    def _take(self, event: Event) -> None:
        match event:
            case Progress():
                self.progress = event
            case Delta(text):
                self.text += text
            case Reasoning(text, all_before):
                if all_before:
                    self.reasoning, self.text = self.reasoning + self.text, ""
                self.reasoning += text
            case Notice(sentence):
                self.notice = sentence
            case Finished():
                self.finished = event

    async def _watch(self, on_end: Callable[[Run], None], page_pending: Callable[[], bool]) -> None:
        while not self._done.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(self._done.wait(), WATCH_S)
            if self.orphaned() and not page_pending():
                self.cancel.set()
        try:
            on_end(self)
        except Exception:
            log.exception("an answer could not be settled")
        finally:
            self.live = False
            self._settled.set()
