"""One OpenAI-compatible server: how it is reached, what it serves, and what it turned out not to take.

Everything that goes over the network goes through one event loop in a thread of its own, where giving up
a request closes its connection, so that the server stops working on it. Knows nothing of conversations.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

from openai import (
    APIStatusError,
    AsyncOpenAI,
    AuthenticationError,
    NotFoundError,
    Omit,
    OpenAIError,
    PermissionDeniedError,
    Timeout,
)

from model.backend import Cancel
from model.errors import DemoError, LocalizedText
from model.families import Recognised, of_key, recognised
from model.remote.http.characters import whole
from model.remote.http.connection import Connection
from model.remote.http.errors import StrangerError, stranger
from model.remote.http.route import client

Result = TypeVar("Result")

CONNECT_S = 10.0
POLL_S = 0.05  # how soon Stop closes the connection
MAX_NAME = 1000  # characters of a model's name, and of where it is from
MAX_MODELS = 1000
MAX_CONTEXT = 2**32 - 1

# Parts of a request that some servers do not know and an answer can do without.
VIDEO = "video_url"
SAMPLING = ("repetition_penalty", "seed", "top_k")
OPTIONAL = (*SAMPLING, "skip_special_tokens", "stream_options")


@dataclass(frozen=True)
class ServedModels:
    """What a server offers: model names, and of the one that is used how many tokens it holds (0: unknown)
    and where the server has it from.
    """

    models: tuple[str, ...] = ()
    context_tokens: int = 0
    source: str = ""


class Server:
    """Safe to use from several threads."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.model = connection.model
        self.context_tokens = 0
        # The folder or hub id that it serves under the model's name, if it says so.
        self.source = ""
        self.unsupported: frozenset[str] = frozenset()  # of `OPTIONAL` and `VIDEO`
        self.resizes = False  # it has changed the size of a picture that was sent
        self.kept_frames = 0  # of a longer clip, if it drops the rest
        # The server has answered with boxes and left out their control tokens.
        self.strips_special_tokens = False
        self._loop = asyncio.new_event_loop()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._loop.run_forever, name="server", daemon=True)
        self._thread.start()
        self.client = self.run(_client(connection))

    @property
    def family(self) -> Recognised:
        """Of the model that is used: as the command line says, or as its name does."""
        if told := self.connection.family:
            return Recognised(of_key(told), True)
        return recognised([self.model, self.source])

    @property
    def notes(self) -> tuple[LocalizedText, ...]:
        """What people should know about it."""
        return tuple(self._notes())

    def record_quirks(
        self,
        *,
        unsupported: Iterable[str] = (),
        resizes: bool = False,
        kept_frames: int = 0,
        strips_special_tokens: bool = False,
    ) -> tuple[LocalizedText, ...]:
        """Remember what it does not take or does differently; gives what is new about that."""
        with self._lock:
            before = self.notes
            self.unsupported |= frozenset(unsupported)
            self.resizes |= resizes
            self.kept_frames = kept_frames or self.kept_frames
            self.strips_special_tokens |= strips_special_tokens
            return tuple(note for note in self.notes if note not in before)

    def close(self) -> None:
        """End its connections and its thread; what it was asked meanwhile is given up."""
        self.run(self.client.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def run(self, work: Coroutine[Any, Any, Result]) -> Result:
        """Do `work` on the loop and wait for it."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def run_until(self, work: Coroutine[Any, Any, None], cancel: Cancel) -> None:
        """Do `work` on the loop; as soon as `cancel` is set it is given up, its connection closed.

        When this returns, nothing of it goes on.
        """
        ended = threading.Event()

        async def begin() -> asyncio.Task[None]:
            task = self._loop.create_task(work)
            task.add_done_callback(lambda _: ended.set())
            return task

        task = self.run(begin())
        while not ended.wait(POLL_S):
            if cancel.is_set():
                self._loop.call_soon_threadsafe(task.cancel)
                ended.wait()
        if not task.cancelled():
            task.result()

    def ask(self) -> ServedModels:
        """Its models, of which the one that was asked for or the first one is used from now on.

        Raises `DemoError`, `StrangerError` and `openai.OpenAIError`. A server that lists no models is accepted if one
        was asked for.
        """
        served = self.run(self._ask())
        self.model = self.connection.model or next(iter(served.models), self.model)
        self.context_tokens = served.context_tokens or self.context_tokens
        self.source = served.source
        return served

    def ask_again(self) -> ServedModels:
        """As `ask`; nothing if it does not say."""
        try:
            return self.ask()
        except (OpenAIError, StrangerError, DemoError):
            return ServedModels()

    async def _ask(self) -> ServedModels:
        try:
            told = await self.client.get("/models", cast_to=object, options={"timeout": CONNECT_S})
        except (AuthenticationError, PermissionDeniedError):
            raise
        except APIStatusError as error:
            if self.connection.model:
                return ServedModels()
            if isinstance(error, NotFoundError):
                raise stranger(self.connection.host) from error
            raise
        except (ValueError, RecursionError) as error:  # JSON that is none
            raise StrangerError from error
        models = _models(told)
        wanted = [model for model in models if model["id"] == self.connection.model] or models
        held = wanted[0].get("max_model_len") if wanted else 0
        source = wanted[0].get("root") if wanted else ""  # of vLLM and SGLang
        return ServedModels(
            tuple(model["id"] for model in models),
            held if type(held) is int and 0 < held <= MAX_CONTEXT else 0,
            whole(source[:MAX_NAME]) if isinstance(source, str) else "",
        )

    def _notes(self) -> Iterable[LocalizedText]:
        if self.model and not self.family.sure:
            yield LocalizedText(
                "The name {model} does not say which family the model is of; it is treated as {family}. "
                "If that is wrong, start with --model-family.",
                model=self.model,
                family=self.family.family.title,
            )
        if fields := ", ".join(name for name in SAMPLING if name in self.unsupported):
            yield LocalizedText(
                "The server does not take {fields}; its own values apply.", fields=fields
            )
        if VIDEO in self.unsupported:
            yield LocalizedText(
                "The server takes no clips; their frames are sent as pictures, "
                "which costs about twice as much."
            )
        if self.resizes:
            yield LocalizedText(
                "The server resizes pictures or clips by its own limits; they cost other than shown."
            )
        if self.kept_frames:
            yield LocalizedText(
                "The server keeps the first {count} frames of a clip and drops the rest; whoever runs vLLM should "
                "start it with --media-io-kwargs, see docs/deploy.md.",
                count=self.kept_frames,
            )
        if self.strips_special_tokens:
            yield LocalizedText(
                "The server leaves out the marks of boxes, which cannot be drawn then."
            )


def _models(told: object) -> list[dict[str, Any]]:
    """Those that can be named. Raises `StrangerError` for what is no list of models."""
    listed = told.get("data", told.get("models", "")) if isinstance(told, dict) else told
    if listed is None and isinstance(told, dict):
        listed = []  # Ollama's word for none
    if not isinstance(listed, list):
        raise StrangerError(told if isinstance(told, str) else "")
    named = [model for model in listed[:MAX_MODELS] if isinstance(model, dict)]
    return [
        {**model, "id": whole(model["id"])}
        for model in named
        if isinstance(model.get("id"), str) and 0 < len(model["id"]) <= MAX_NAME
    ]


async def _client(connection: Connection) -> AsyncOpenAI:
    """Made on the loop, whose connections it holds. Takes neither keys nor names from the environment."""
    unasked = {"OpenAI-Organization": Omit(), "OpenAI-Project": Omit()}
    return AsyncOpenAI(
        base_url=connection.base_url,
        api_key=connection.key or "none",
        timeout=Timeout(connection.silence_s, connect=CONNECT_S),
        max_retries=0,  # a wait is shown on the page, and can be stopped
        default_headers=unasked,
        http_client=client(connection),
    )
