"""What a page needs of a model service: a protocol, the events of an answer, and what they report.

Local and remote backends are equal behind it. Imports neither torch nor a client library.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, Protocol

from model.conversation import Conversation
from model.grounding import Convention
from model.settings import DefaultSettings, GenerationSettings

# The last two are a server's: its filter held the rest back, or it declined in words of its own.
StopReason = Literal["stop", "length", "cancelled", "loop", "filtered", "refused"]
Stage = Literal["loading", "queued", "media", "vision", "reading"]


@dataclass(frozen=True)
class Usage:
    """What an answer cost and how it was drawn. The last three count work really done: 0 when all was reused."""

    prompt_tokens: int  # visual tokens included
    reused_tokens: int  # of these, found in the KV cache of an earlier turn
    visual_tokens: int  # of the prompt tokens, pictures and videos
    new_tokens: int  # answered, end-of-turn token not counted
    # Seconds from asking to the first token of the answer, waiting in the queue included; of a server to its first
    # word, 0 if there was none.
    ttft_s: float
    # Of the tokens after the first streamed chunk; 0 if there was only one chunk.
    decode_tokens_per_s: float
    stop_reason: StopReason
    seed: int
    temperature: float = 0.0  # how its tokens were chosen; at 0 the next two have no effect
    top_p: float = 1.0
    top_k: int = 0
    repetition_penalty: float = 1.0
    reasoning_tokens: int = 0  # of the new ones: thought, and no part of the answer
    # Images and videos that went through the vision tower.
    vision_encodes: int = 0
    # Images opened and video frames decoded.
    decoded_frames: int = 0
    prefilled_tokens: int = 0  # prompt tokens that went through the language model
    # Of this conversation, and since its last answer, what had to make room in memory: tokens in the KV cache, and
    # images and videos whose vision features were kept.
    evicted_tokens: int = 0
    evicted_features: int = 0


@dataclass(frozen=True)
class AnswerRecord:
    """How one answer was asked for, and what it cost if it came to its end."""

    settings: GenerationSettings
    usage: Usage | None
    reasoning: str = ""  # what a server's model thought before it: shown, and never sent again


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
    """Something about this answer that the person should know; best a `LocalizedText`."""

    sentence: str


@dataclass(frozen=True)
class Finished:
    """The last event of every stream that does not raise."""

    reason: StopReason
    usage: Usage


Event = Progress | Delta | Reasoning | Notice | Finished


def collected(events: Iterable[Event]) -> tuple[str, Usage]:
    """A stream's whole answer and what it cost."""
    text = ""
    for event in events:
        match event:
            case Delta(more):
                text += more
            case Reasoning(_, True):
                text = ""
            case Finished(_, usage):
                return text, usage
    raise ValueError("A stream ends with `Finished`.")


class Cancel:
    """A flag to stop an answer from any thread; it cannot be taken back."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def set(self) -> None:
        self._event.set()

    def is_set(self) -> bool:
        return self._event.is_set()

    def wait(self, timeout: float) -> bool:
        """Sleep up to `timeout` seconds, less if cancelled meanwhile; says whether it was."""
        return self._event.wait(timeout)


@dataclass(frozen=True)
class ItemCost:
    """The cost of one image or video. Sizes are (width, height) in pixels."""

    kind: Literal["image", "video"]
    # As the vision ids count: images and videos apart, over the whole conversation, from 1.
    number: int
    original: tuple[int, int]
    resized: tuple[int, int]
    tokens: int
    frames: int = 0  # sampled frames of a video
    times: tuple[float, ...] = ()  # their times in the clip, in seconds
    fitted_from: int = 0  # sampled frames before it was fitted into the context; 0 where it was not


@dataclass(frozen=True)
class Estimate:
    """What a conversation would cost if it were answered now."""

    items: tuple[ItemCost, ...]
    prompt_tokens: int
    context_tokens: int  # what the checkpoint holds, prompt and answer together; 0 if nobody knows
    exact: bool = True  # False: the prompt tokens are about right
    token_px: int = 28  # the side of the square of a resized picture that one visual token covers
    gpu_bytes: int = 0  # that the prompt's KV cache takes on a GPU; 0 without one


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
    # Leaves a page one of the cores that decode, for a moment; None where decoding does not run on the CPU.
    yield_core: Callable[[], None] | None = None
    reproducible: bool = False  # it tells how it answers, see `generation_record.Reproducible`

    @property
    def as_progress(self) -> Progress:
        """How far loading is; nobody knows while something stands in its way."""
        return Progress("loading", round(100 * self.progress), 0 if self.note else 100)


@dataclass(frozen=True)
class CacheFigures:
    """The caches of a model in this process: their bytes, and what was evicted since the start."""

    used_bytes: int
    budget_bytes: int
    evicted_conversations: int  # their KV caches
    # Of images and videos.
    evicted_features: int


class LoadProgress(Protocol):
    """Told how far loading is, from 0 to 1, and what stands in its way."""

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
        """Answer the last user turn. Closing the iterator cancels; raises `DemoError`.

        What can be reused is kept for a non-empty `session` until `forget`.
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
        """Whether it can answer yet, and what it runs."""
        ...

    def default_settings(self) -> DefaultSettings:
        """What a page and programs start with for this checkpoint, where the command line does not say otherwise."""
        ...
