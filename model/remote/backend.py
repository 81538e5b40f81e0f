"""RemoteBackend: answers through an OpenAI-compatible server, from the same pixels and prompt as a local model.

It resizes images, samples videos and turns the server's stream into events; the server tokenizes and batches. A part
of a request that the server does not accept is left out of all later requests, and the person is told once. No torch.
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

# Requests that the server gets at once.
CONCURRENCY = 32
# Bytes of encoded images and frames that wait for their request, or are kept for later turns.
MAX_PREPARED_BYTES = 512 * 2**20
# Seconds between two attempts to reach a server that does not answer yet.
RETRY_S = 2.0
# Hosted servers reject seeds that do not fit into a signed 32-bit integer.
MAX_FRESH_SEED = min(MAX_SEED, 2**31 - 1)


class RemoteBackend:
    """A `Backend` in front of one server. It keeps the encoded images and frames of each session."""

    def __init__(
        self,
        server: Server,
        *,
        concurrency: int = CONCURRENCY,
        max_video_seconds: float | None = None,
        reader: MediaReader = IN_THIS_PROCESS,
    ) -> None:
        """concurrency: requests at once, the others wait; reader: opens the files of conversations.

        max_video_seconds: longer videos are refused.
        """
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
        """Wait until the server answers, without a limit, and return its backend.

        report: gets the reason while the server cannot be used. Raises `DemoError` for a rejected key.
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
        return Status(
            "ready",
            label,
            _joined(self.server.notes),
            1.0,
            self.family.key,
            continues=self.server.continues,
        )

    @property
    def family(self) -> Family:
        """The family of the model that the server has now; a restart of the server may change it."""
        return self.server.family.family

    def default_settings(self) -> DefaultSettings:
        """The defaults of the family's checkpoints, without their repetition penalty if the family is a guess."""
        found = self.server.family
        known = found.family.default_settings
        return known if found.sure else replace(known, generation=GenerationSettings())

    def estimate(self, conversation: Conversation, settings: GenerationSettings) -> Estimate:
        request = self.plan_request(
            conversation, settings, clips=VIDEO not in self.server.unsupported
        )
        costs = tuple(item.cost for item in request.items)
        exact = request.exact and not self.server.resizes
        return Estimate(
            costs,
            request.prompt_tokens,
            self.server.context_tokens,
            exact,
            token_px=self.family.geometry.token_px,
        )

    def plan_request(
        self, conversation: Conversation, settings: GenerationSettings, *, clips: bool
    ) -> PlannedRequest:
        """Plan the request from the files' headers. Raises `ContextError` and `MediaError`.

        clips: whether videos are sent as videos or as images.
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
        counted, by_server = self._counter.count(prompt)
        tokens = counted - prompt.count(PAD) + sum(item.tokens for item in costing)
        # A server times the frames of a clip in its own way, and has several ways to open a reasoning.
        timed = family.frame_times and any(item.kind == "video" for item in items)
        exact = by_server and model.sure and not (model.thinks or timed)
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
            if conversation.begun_reply and not self.server.continues:
                raise DemoError(
                    "This server cannot continue an answer; ask for the rest in a message."
                )
            self._read_aheads.end(session)
            with self._media.in_use(session):
                answer = Answer(
                    self.server,
                    lambda clips: self.plan_request(conversation, settings, clips=clips),
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
        """Wait for the media and then for the lock, and fetch the answer.

        The media are released once the lock is entered, so that the next request can prepare its own.
        """
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
        """See `Backend.read_ahead`. Encodes the images and videos, which is all that can be done without the server."""
        if not session:
            return False
        over = self._read_aheads.begin(session)
        try:
            items = self.plan_request(conversation, settings, clips=True).items
            wanted = {item.content_hash(): item for item in items}
            with self._media.ready(session, wanted, over, lambda *_: None, ahead=True) as media:
                return media is not None and not over.is_set()
        finally:
            self._read_aheads.end(session, over)

    def forget(self, session: str) -> None:
        self._read_aheads.end(session)
        self._media.forget(session)

    def cache_figures(self) -> None:
        """None: the size of a server's caches is not known."""


def connection_problem(server: Server) -> LocalizedText | None:
    """Ask the server for its models, and return why it cannot be used yet, or None.

    Raises `DemoError` for a rejected key.
    """
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
    """The item with the cost of a video that is sent as images: no two frames share their tokens."""
    if item.kind == "image":
        return item
    frames = len(distinct_frames(item))
    return replace(item, tokens=frames * item.tokens // item.grid[0])


def _joined(notes: Sequence[LocalizedText]) -> str:
    """All notes in one sentence, or an empty text."""
    if not notes:
        return ""
    first, *others = notes
    return (
        LocalizedText("{note} Also: {more}", note=first, more=_joined(others)) if others else first
    )
