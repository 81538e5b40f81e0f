"""The protocol of a model service, and the events of an answer.

Local and remote backends are equal behind it. It imports neither torch nor a client library.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

from model.conversation import Conversation
from model.grounding import Convention
from model.settings import DefaultSettings, GenerationSettings
from model.usage import StopReason as StopReason
from model.usage import Usage as Usage

Stage = Literal["loading", "queued", "media", "vision", "reading"]


@dataclass(frozen=True)
class AnswerRecord:
    """The settings of one answer, and its usage if it was completed.

    reasoning: shown, and never sent to a model again; checkpoint: the name by which people choose it, empty if unknown;
    convention: how the answer names places, None if unknown; pieced: it was continued from an edit or with other
    settings, so no single run gives it.
    """

    settings: GenerationSettings
    usage: Usage | None
    reasoning: str = ""
    checkpoint: str = ""
    convention: Convention | None = None
    pieced: bool = False


@dataclass(frozen=True)
class Progress:
    """The wait before the first token: `done` of `total`, in the unit of the stage.

    `loading`: per cent of the weights; total 0 if the time is unknown.
    `queued`: done 0, total the requests ahead.
    `media`: seconds of the video that is decoded; total 0 for images, and while all decoders are taken.
    `vision`: the number of the item that the vision tower encodes next, of all items.
    `reading`: prompt tokens.
    """

    stage: Stage
    done: int
    total: int


@dataclass(frozen=True)
class Delta:
    """More of the answer: whole characters, grounding tokens kept, end-of-turn tokens left out."""

    text: str


@dataclass(frozen=True)
class Reasoning:
    """More of what the model thinks before it answers, which is no part of the answer.

    all_before: every `Delta` until here was reasoning, too; that is known only at its end.
    """

    text: str
    all_before: bool = False


@dataclass(frozen=True)
class Notice:
    """A sentence about this answer for the person, usually a `LocalizedText`."""

    sentence: str


@dataclass(frozen=True)
class Finished:
    """The last event of every stream that does not raise.

    tokens: the ids of the whole answer, without the end token, for `Conversation.with_reply`; empty if unknown.
    """

    reason: StopReason
    usage: Usage
    tokens: tuple[int, ...] = ()


Event = Progress | Delta | Reasoning | Notice | Finished


def collected(events: Iterable[Event]) -> tuple[str, Usage]:
    """Return the whole answer of a stream, and its usage. Raises `ValueError` for a stream without `Finished`."""
    text = ""
    for event in events:
        match event:
            case Delta(more):
                text += more
            case Reasoning(_, True):
                text = ""
            case Finished(usage=usage):
                return text, usage
    raise ValueError("A stream ends with `Finished`.")


class Cancel(threading.Event):
    """A flag that stops an answer, set from any thread and never cleared."""


class CancelWhen(Cancel):
    """Set while one of its conditions is true."""

    def __init__(self, *conditions: Callable[[], bool]) -> None:
        super().__init__()
        self._conditions = conditions

    def is_set(self) -> bool:
        return any(condition() for condition in self._conditions)


@dataclass(frozen=True)
class ItemCost:
    """The cost of one image or video. Sizes are (width, height) in pixels.

    number: as vision ids count, images and videos apart, over the whole conversation, from 1; frames, times: of a video's
    sampled frames, in seconds; fitted_from: sampled frames before it was fitted into the context, else 0.
    """

    kind: Literal["image", "video"]
    number: int
    original: tuple[int, int]
    resized: tuple[int, int]
    tokens: int
    frames: int = 0
    times: tuple[float, ...] = ()
    fitted_from: int = 0


@dataclass(frozen=True)
class Estimate:
    """The cost of answering a conversation now."""

    items: tuple[ItemCost, ...]
    prompt_tokens: int
    # Tokens of prompt and answer together; 0 if unknown.
    context_tokens: int
    # Whether `prompt_tokens` is no estimate.
    exact: bool = True
    # Pixels of a resized image in one visual token: the side of a square.
    token_px: int = 28
    # Of the prompt's KV cache on a GPU; 0 without one.
    gpu_bytes: int = 0


@dataclass(frozen=True)
class Status:
    """Whether a backend can answer, and what it runs: one line for the banner."""

    state: Literal["loading", "ready", "failed"]
    label: str  # e.g. "Qwen2-VL-7B-Instruct · cuda bf16 flash-attn 2"
    # Why loading failed or is not done yet; best a `LocalizedText`.
    note: str = ""
    progress: float = 0.0  # 0..1 while loading
    # How its answers name places in an image.
    convention: Convention = "qwen2_vl"
    # Lends a page one of the cores that decode, for a moment; None if decoding does not run on the CPU.
    yield_core: Callable[[], None] | None = None
    # Whether the backend is a `generation_record.Reproducible`.
    reproducible: bool = False
    # Whether it continues an answer.
    continues: bool = False

    @property
    def as_progress(self) -> Progress:
        """The progress of loading. total is 0 while there is a note, because the time is unknown then."""
        return Progress("loading", round(100 * self.progress), 0 if self.note else 100)


@dataclass(frozen=True)
class CacheFigures:
    """The caches of a model in this process: their bytes, and what was evicted since the start."""

    used_bytes: int
    budget_bytes: int
    evicted_conversations: int  # their KV caches
    # Of images and videos.
    evicted_features: int


def together(figures: Iterable[CacheFigures | None]) -> CacheFigures | None:
    """The sums over several models; None without any."""
    known = [vars(one) for one in figures if one]
    return CacheFigures(*map(sum, zip(*map(dict.values, known), strict=True))) if known else None


class LoadProgress(Protocol):
    """Called with the share of loading that is done, 0..1, and with the reason while loading cannot continue."""

    def __call__(self, progress: float, note: str = "") -> None: ...


class Backend(Protocol):
    """Answers conversations. Methods may be called from any thread."""

    def stream(
        self,
        conversation: Conversation,
        settings: GenerationSettings,
        cancel: Cancel,
        *,
        session: str = "",
    ) -> Iterator[Event]:
        """Answer the last user turn, as events: `Progress`, then `Delta` and `Reasoning`, at last one `Finished`.

        After a conversation that ends with a reply, they are the events of what follows it, where `Status.continues`. A
        `Notice` may come at any time. Closing the iterator cancels the answer. What can be reused is kept for a
        non-empty `session` until `forget`. Raises `DemoError`, also between two events.
        """
        ...

    def estimate(self, conversation: Conversation, settings: GenerationSettings) -> Estimate:
        """The cost of answering, from the files' headers alone. Raises `DemoError`."""
        ...

    def read_ahead(
        self, conversation: Conversation, settings: GenerationSettings, *, session: str
    ) -> bool:
        """Prefill everything before the question of the last turn while no request waits.

        Returns True when that is done, False if the session was answered or forgotten or began another draft
        meanwhile. Raises `DemoError`.
        """
        ...

    def forget(self, session: str) -> None:
        """Drop everything kept for `session`."""
        ...

    def cache_figures(self) -> CacheFigures | None:
        """The size of the caches; None for a server and while loading. Never waits."""
        ...

    def status(self) -> Status:
        """Whether it can answer, and what it runs."""
        ...

    def default_settings(self) -> DefaultSettings:
        """The settings with which a page and programs start, where the command line sets no others."""
        ...


@runtime_checkable
class Startable(Backend, Protocol):
    """A backend that is loaded when it is needed."""

    def begin(self) -> None:
        """Begin to load it, if that has not begun. Returns at once."""
        ...
