"""RemoteBackend: any OpenAI-compatible server, with the same pictures and the same prompt as a local model.

Needs no torch. The server batches and tokenizes; here pictures are brought to size, clips are sampled, and
what it answers is turned into events. What it does not take is left out, and said, once.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial

from openai import AuthenticationError, OpenAIError, PermissionDeniedError

from model.backend import Cancel, Estimate, Event, LoadProgress, Progress, Status
from model.conversation import Conversation
from model.errors import DemoError, LocalizedText
from model.families import Family
from model.media.reader import IN_THIS_PROCESS, MediaReader
from model.prompt import visual_item
from model.prompt.visual_item import VisualItem
from model.remote.answer import Answer, PlannedRequest
from model.remote.http.client import VIDEO, Server
from model.remote.http.connection import Connection
from model.remote.http.errors import StrangerError, to_demo_error
from model.remote.media import encoded, encoded_nbytes
from model.remote.messages import PAD, distinct_frames, prompt_text, remote_messages
from model.remote.token_count import TokenCounter
from model.serving.event_stream import Emit, events_of
from model.serving.fair_lock import FairLock
from model.serving.prepared_media import PreparedMedia
from model.serving.read_ahead import ReadAheadRegistry
from model.settings import MAX_SEED, DefaultSettings, GenerationSettings

CONCURRENCY = 32
MAX_PREPARED_BYTES = 512 * 2**20  # of encoded pictures that wait, or are kept for the turns to come
RETRY_S = 2.0  # between two attempts to find a server that is not there yet
# Hosted servers take no larger ones.
MAX_FRESH_SEED = min(MAX_SEED, 2**31 - 1)


class RemoteBackend:
    """Answers with one server; what it keeps is encoded pictures, per session."""

    def __init__(
        self,
        server: Server,
        *,
        concurrency: int = CONCURRENCY,
        max_video_seconds: float | None = None,
        reader: MediaReader = IN_THIS_PROCESS,
    ) -> None:
        """concurrency: answers at once; whoever comes later waits in line. reader: who opens conversations' files."""
        self.server = server
        self._media = PreparedMedia(
            partial(encoded, reader=reader), encoded_nbytes, MAX_PREPARED_BYTES
        )
        self._counter = TokenCounter(server)
        self._fair_lock = FairLock(concurrency)
        self._read_aheads = ReadAheadRegistry()
        self._max_video_seconds = max_video_seconds
        self._reader = reader

    @classmethod
    def connect(
        cls,
        connection: Connection,
        *,
        concurrency: int = CONCURRENCY,
        max_video_seconds: float | None = None,
        reader: MediaReader = IN_THIS_PROCESS,
        report: LoadProgress = lambda _progress, _note="": None,
    ) -> RemoteBackend:
        """The backend as soon as the server is there, however long that takes.

        `report` is told what stands in the way. Raises `DemoError` for a key that is not accepted.
        """
        server = Server(connection)
        while (note := connection_problem(server)) is not None:
            report(0.0, note)
            time.sleep(RETRY_S)
        return cls(
            server, concurrency=concurrency, max_video_seconds=max_video_seconds, reader=reader
        )

    def status(self) -> Status:
        label = self.server.connection.label(self.server.model)
        convention = self.family.key
        return Status("ready", label, _joined(self.server.notes), 1.0, convention)

    @property
    def family(self) -> Family:
        """Of the model that the server has now: a restart may change it."""
        return self.server.family.family

    def default_settings(self) -> DefaultSettings:
        """Of its family's checkpoints; a repetition penalty only where the family is known."""
        found = self.server.family
        known = found.family.default_settings
        return known if found.sure else replace(known, generation=GenerationSettings())

    def prompt(self, conversation: Conversation, settings: GenerationSettings) -> str:
        """The prompt text as the server's chat template will make it, with one pad token per picture or video."""
        question = self.question(conversation, settings, clips=True)
        return prompt_text(question.messages, self.server.family)

    def estimate(self, conversation: Conversation, settings: GenerationSettings) -> Estimate:
        question = self.question(conversation, settings, clips=VIDEO not in self.server.unsupported)
        costs = tuple(item.cost for item in question.items)
        exact = question.exact and not self.server.resizes
        return Estimate(
            costs,
            question.prompt_tokens,
            self.server.context_tokens,
            exact,
            token_px=self.family.geometry.token_px,
        )

    def question(
        self, conversation: Conversation, settings: GenerationSettings, *, clips: bool
    ) -> PlannedRequest:
        """What will be asked, planned from the files' headers. Raises `MediaError`.

        clips: whether clips are sent as such, or as rows of pictures.
        """
        longest, model = self._max_video_seconds, self.server.family
        visual_item.require_holdable(conversation, self.server.context_tokens)
        family = model.family
        items = visual_item.plan(
            conversation,
            family.geometry,
            max_video_seconds=longest,
            context_tokens=self.server.context_tokens,
            reader=self._reader,
        )
        own = conversation.system
        messages = remote_messages(
            conversation,
            items,
            system=settings.system_prompt if own is None else own,
            vision_ids=settings.vision_ids,
            clips=clips,
        )
        costing = items if clips else tuple(map(_as_pictures, items))
        prompt = prompt_text(messages, model)
        count = self._counter.count(prompt)
        tokens = count.tokens - prompt.count(PAD) + sum(item.tokens for item in costing)
        # A server times the frames of a clip in its own way, and has several ways to open a reasoning.
        timed = family.frame_times and any(item.kind == "video" for item in items)
        exact = count.exact and model.sure and not (model.thinks or timed)
        return PlannedRequest(conversation, messages, costing, tokens, exact)

    def stream(
        self,
        conversation: Conversation,
        settings: GenerationSettings,
        cancel: Cancel,
        *,
        session: str = "",
    ) -> Iterator[Event]:
        """See `Backend.stream`. Raises `ContextError` and `MediaError`."""
        asked_at = time.perf_counter()
        if settings.seed is None:
            settings = replace(settings, seed=secrets.randbelow(MAX_FRESH_SEED + 1))

        def work(emit: Emit) -> None:
            self._read_aheads.end(session)
            with self._media.in_use(session):
                answer = Answer(
                    self.server,
                    lambda clips: self.question(conversation, settings, clips=clips),
                    settings,
                    cancel,
                    emit,
                    asked_at,
                )
                self._fetch(answer, session, cancel, emit, asked_at)
            answer.finish()

        return events_of(work, cancel)

    def _fetch(
        self, answer: Answer, session: str, cancel: Cancel, emit: Emit, asked_at: float
    ) -> None:
        """Once its media are ready, and then there is a place; what is being answered makes room for others' media."""
        reading = lambda done, total: emit(Progress("media", int(done), int(total)))  # noqa: E731
        with ExitStack() as place:
            with self._media.ready(session, answer.items, cancel, reading) as media:
                if media is None:
                    return
                answer.decoded = media.decoded
                queued = self._fair_lock.acquire(
                    cancel, lambda ahead: emit(Progress("queued", 0, ahead)), asked_at
                )
                entered = place.enter_context(queued)
            if entered:
                answer.fetch(media.values)

    def read_ahead(
        self, conversation: Conversation, settings: GenerationSettings, *, session: str
    ) -> bool:
        """See `Backend.read_ahead`: pictures and clips are encoded."""
        if not session:
            return False
        over = self._read_aheads.begin(session)
        try:
            items = self.question(conversation, settings, clips=True).items
            wanted = {item.content_hash(): item for item in items}
            with self._media.ready(session, wanted, over, lambda *_: None, ahead=True) as media:
                return media is not None and not over.is_set()
        finally:
            self._read_aheads.end(session, over)

    def forget(self, session: str) -> None:
        self._read_aheads.end(session)
        self._media.forget(session)

    def cache_figures(self) -> None:
        """What a server keeps is its own business."""


def connection_problem(server: Server) -> LocalizedText | None:
    """Why the server cannot be used yet. Raises `DemoError` if it never will."""
    try:
        server.ask()
    except (AuthenticationError, PermissionDeniedError) as error:
        raise to_demo_error(error, server.connection, model=server.model) from error
    except (OpenAIError, StrangerError) as error:
        return to_demo_error(error, server.connection, model=server.model).sentence
    except DemoError as error:
        return error.sentence
    if server.model:
        return None
    return LocalizedText("The server at {host} serves no model.", host=server.connection.host)


def _as_pictures(item: VisualItem) -> VisualItem:
    """A clip whose frames are sent one by one: none shares its tokens with the next."""
    if item.kind == "image":
        return item
    frames = len(distinct_frames(item))
    return replace(item, tokens=frames * item.tokens // item.grid[0])


def _joined(notes: Sequence[LocalizedText]) -> str:
    """All of them as one."""
    if not notes:
        return ""
    first, *others = notes
    return (
        LocalizedText("{note} Also: {more}", note=first, more=_joined(others)) if others else first
    )
