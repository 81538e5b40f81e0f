"""Server: the connection to one OpenAI-compatible server, the models that it serves, and its known quirks.

All requests run on one event loop in a thread of its own. A cancelled request closes its connection, so the server
stops working on it. Knows nothing of conversations.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

import openai

from model.backend import Cancel
from model.errors import DemoError, LocalizedText
from model.families import Recognised, of_key, recognised
from model.remote.http.characters import whole
from model.remote.http.connection import Connection
from model.remote.http.errors import StrangerError, stranger
from model.remote.http.route import client

Result = TypeVar("Result")

# Seconds until a connection is open, and until the list of models is there.
CONNECT_S = 10.0
# Seconds from Stop until the connection is closed, at most.
POLL_S = 0.05
# Characters of a model's name or source.
MAX_NAME = 1000
MAX_MODELS = 1000
MAX_CONTEXT = 2**32 - 1

# Parts of a request that some servers reject, and that an answer does not need.
VIDEO = "video_url"
SAMPLING = ("repetition_penalty", "seed", "top_k")
PROBABILITIES = ("logprobs", "top_logprobs")
OPTIONAL = (*SAMPLING, *PROBABILITIES, "skip_special_tokens", "stream_options")
# Owners of models in servers that have `continue_final_message`.
CONTINUING = ("vllm", "sglang")


@dataclass(frozen=True)
class ServedModels:
    """The models of a server.

    context_tokens, source: of the model that is used: its context length (0: unknown), and the folder or hub id from
    which the server loaded it; owner: what it calls its owner, which many engines give their own name.
    """

    models: tuple[str, ...] = ()
    context_tokens: int = 0
    source: str = ""
    owner: str = ""


class Server:
    """One server. Safe to use from several threads.

    source: the folder or hub id that the server gives for its model; continues: whether its engine is known to go on
    with an answer that ends the messages; unsupported: the parts of a request, of `OPTIONAL`
    and `VIDEO`, that it rejects; resizes: whether it resized an image that was sent; kept_frames: the number of frames
    after which it drops those of a video, or 0; strips_special_tokens: whether it answered with boxes but without their
    control tokens.
    """

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.model = connection.model
        self.context_tokens = 0
        self.source = ""
        self.continues = False
        self.unsupported: frozenset[str] = frozenset()
        self.resizes = False
        self.kept_frames = 0
        self.strips_special_tokens = False
        self._loop = asyncio.new_event_loop()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._loop.run_forever, name="server", daemon=True)
        self._thread.start()
        self.client = self.run(_client(connection))

    @property
    def family(self) -> Recognised:
        """The family of the model, by --model-family or else by the model's name."""
        if told := self.connection.family:
            return Recognised(of_key(told), True)
        return recognised([self.model, self.source])

    @property
    def notes(self) -> tuple[LocalizedText, ...]:
        """The quirks that people should know, each as a sentence."""
        return tuple(self._notes())

    def record_quirks(
        self,
        *,
        unsupported: Iterable[str] = (),
        resizes: bool = False,
        kept_frames: int = 0,
        strips_special_tokens: bool = False,
    ) -> tuple[LocalizedText, ...]:
        """Remember quirks of the server, and return the notes that are new. See the attributes of these names."""
        with self._lock:
            before = self.notes
            self.unsupported |= frozenset(unsupported)
            self.resizes |= resizes
            self.kept_frames = kept_frames or self.kept_frames
            self.strips_special_tokens |= strips_special_tokens
            return tuple(note for note in self.notes if note not in before)

    def close(self) -> None:
        """Close the connections and end the thread. Requests that still run are cancelled."""
        self.run(self.client.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def run(self, work: Coroutine[Any, Any, Result]) -> Result:
        """Run `work` on the loop and return its result."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def run_until(self, work: Coroutine[Any, Any, None], cancel: Cancel) -> None:
        """Run `work` on the loop until it ends or `cancel` is set. It has ended when this returns."""
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
        """Ask for the models. The one of --api-model, or else the first, is used from now on.

        A server without a list of models is accepted if --api-model names one. Raises `DemoError`, `StrangerError` and
        `openai.OpenAIError`.
        """
        served = self.run(self._ask())
        self.model = self.connection.model or next(iter(served.models), self.model)
        self.context_tokens = served.context_tokens or self.context_tokens
        self.source, self.continues = served.source, served.owner in CONTINUING
        return served

    def ask_again(self) -> ServedModels:
        """As `ask`, but no models after an error."""
        try:
            return self.ask()
        except (openai.OpenAIError, StrangerError, DemoError):
            return ServedModels()

    async def _ask(self) -> ServedModels:
        try:
            told = await self.client.get("/models", cast_to=object, options={"timeout": CONNECT_S})
        except (openai.AuthenticationError, openai.PermissionDeniedError):
            raise
        except openai.APIStatusError as error:
            if self.connection.model:
                return ServedModels()
            if isinstance(error, openai.NotFoundError):
                raise stranger(self.connection.host) from error
            raise
        except (ValueError, RecursionError) as error:  # not JSON
            raise StrangerError from error
        models = _models(told)
        wanted = [model for model in models if model["id"] == self.connection.model] or models
        held = wanted[0].get("max_model_len") if wanted else 0
        source = wanted[0].get("root") if wanted else ""  # of vLLM and SGLang
        owner = wanted[0].get("owned_by") if wanted else ""
        return ServedModels(
            tuple(model["id"] for model in models),
            held if type(held) is int and 0 < held <= MAX_CONTEXT else 0,
            whole(source[:MAX_NAME]) if isinstance(source, str) else "",
            owner if isinstance(owner, str) else "",
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
                "The server drops the frames of a clip after the first {count}; whoever runs vLLM should "
                "start it with --media-io-kwargs, see docs/deploy.md.",
                count=self.kept_frames,
            )
        if self.strips_special_tokens:
            yield LocalizedText(
                "The server leaves out the marks of boxes, which cannot be drawn then."
            )


def _models(told: object) -> list[dict[str, Any]]:
    """Return the models of a list that have a usable id. Raises `StrangerError` if it is not a list of models."""
    listed = told.get("data", told.get("models", "")) if isinstance(told, dict) else told
    if listed is None and isinstance(told, dict):
        listed = []  # Ollama without models
    if not isinstance(listed, list):
        raise StrangerError(told if isinstance(told, str) else "")
    named = [model for model in listed[:MAX_MODELS] if isinstance(model, dict)]
    return [
        {**model, "id": whole(model["id"])}
        for model in named
        if isinstance(model.get("id"), str) and 0 < len(model["id"]) <= MAX_NAME
    ]


async def _client(connection: Connection) -> openai.AsyncOpenAI:
    """Create the client on the loop that owns its connections. It reads no key or name from the environment."""
    unasked = {"OpenAI-Organization": openai.Omit(), "OpenAI-Project": openai.Omit()}
    return openai.AsyncOpenAI(
        base_url=connection.base_url,
        api_key=connection.key or "none",
        timeout=openai.Timeout(connection.silence_s, connect=CONNECT_S),
        max_retries=0,  # `Answer` retries, shows the wait and can be stopped
        default_headers=unasked,
        http_client=client(connection),
    )
