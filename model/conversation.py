"""A conversation as plain immutable values, and the ways in which it changes.

Holds what was said and attached, never how it is shown: the page renders a conversation, it does not
write into it. Knows nothing of files' contents, tokens or models.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from os import PathLike
from typing import Literal
from urllib.parse import urlsplit
from urllib.request import url2pathname

from model.settings import VisionSettings

Role = Literal["user", "assistant"]


@dataclass(frozen=True)
class Text:
    """Text typed by a person or answered by the model, exactly as it was.

    pointing: the page made the text from a region that a person selected; its grounding tokens stay active.
    tokens: the ids of an answer as they were generated, with its reasoning; only continuing the answer needs them.
    """

    text: str
    pointing: bool = False
    tokens: Sequence[int] = field(default=(), compare=False, repr=False)


@dataclass(frozen=True)
class Image:
    """An image: a file's path, or a `file:`, `data:` or http(s) URL, with its own resolution."""

    path: str | PathLike[str]
    vision: VisionSettings = field(default_factory=VisionSettings)
    # What messages call it.
    name: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "path", _local(self.path))


@dataclass(frozen=True)
class Video:
    """A video: a file's path, or the paths of its frames and their rate.

    A path may be a `file:` URL.

    Raises `ValueError` unless exactly one of `path` and `frames` is given, and `fps` with `frames` only.
    """

    path: str | PathLike[str] | None = None
    vision: VisionSettings = field(default_factory=VisionSettings)
    frames: tuple[str | PathLike[str], ...] = ()
    # Frames per second of `frames`.
    fps: float | None = None
    name: str = ""

    def __post_init__(self) -> None:
        # A list is accepted, a tuple is kept.
        object.__setattr__(self, "frames", tuple(map(_local, self.frames)))
        if self.path is not None:
            object.__setattr__(self, "path", _local(self.path))
        if (self.path is None) == (not self.frames):
            raise ValueError("A Video takes either a path or frames.")
        if (self.fps is None) != (not self.frames):
            raise ValueError("A Video takes fps together with frames, and only then.")
        if self.fps is not None and not 0 < self.fps <= 1000:
            raise ValueError(f"A Video's fps is {self.fps}; it must be above 0 and at most 1000.")


Media = Image | Video
Part = Text | Image | Video


@dataclass(frozen=True)
class Message:
    """One side's turn: its parts in their order in the prompt."""

    role: Role
    parts: tuple[Part, ...]

    @cached_property
    def text(self) -> str:
        """The typed or answered text."""
        typed = (part for part in self.parts if isinstance(part, Text) and not part.pointing)
        return "".join(part.text for part in typed)

    @property
    def joined(self) -> tuple[Part, ...]:
        """Its parts, neighbouring texts of the same kind as one: a control token may be spread over two."""
        joined: list[Part] = []
        for part in self.parts:
            last = joined[-1] if joined else None
            if isinstance(part, Text) and isinstance(last, Text) and part.pointing == last.pointing:
                joined[-1] = replace(last, text=last.text + part.text)
            else:
                joined.append(part)
        return tuple(joined)

    @property
    def regions(self) -> tuple[Text, ...]:
        """The regions it points at, as the checkpoint writes them."""
        return tuple(part for part in self.parts if isinstance(part, Text) and part.pointing)

    @cached_property  # each action looks at all messages
    def media(self) -> tuple[Media, ...]:
        return tuple(part for part in self.parts if not isinstance(part, Text))


@dataclass(frozen=True)
class Conversation:
    """Messages under a system prompt.

    `system=None` leaves the system prompt to the settings of each turn; the empty string leaves it to
    the checkpoint's chat template.
    """

    system: str | None = None
    messages: tuple[Message, ...] = ()

    def with_user_turn(self, *parts: Part) -> Conversation:
        """The conversation after a person's turn. Raises `ValueError` for a turn of nothing."""
        if not parts:
            raise ValueError("A turn needs at least one part.")
        return self._with(Message("user", parts))

    def with_reply(self, text: str, tokens: Sequence[int] = ()) -> Conversation:
        """The conversation after the model's answer; `text` keeps its grounding tokens.

        A backend continues the answer of a conversation that ends with one. tokens: `Finished.tokens`, with which it
        continues exactly; without them the text is tokenized.
        """
        if not self.messages or self.messages[-1].role != "user":
            raise ValueError("A reply needs a user turn before it.")
        return self._with(Message("assistant", (Text(text, tokens=tokens),)))

    @property
    def begun_reply(self) -> Text | None:
        """The answer that is to be continued; None if the conversation ends with a user turn."""
        last = self.messages[-1] if self.messages else None
        if last is None or last.role == "user":
            return None
        (reply,) = last.parts
        assert isinstance(reply, Text)
        return reply

    def without_last_reply(self) -> Conversation:
        """The conversation as it was before the latest answer (itself, if nothing was answered)."""
        if self.messages and self.messages[-1].role == "assistant":
            return replace(self, messages=self.messages[:-1])
        return self

    def without_last_exchange(self) -> Conversation:
        """The conversation before the latest user turn and its answer."""
        return self.before_turn(self.turns - 1) if self.turns else self

    def before_turn(self, turn: int) -> Conversation:
        """The conversation before the user turn number `turn` (from 0). Raises `IndexError`."""
        starts = [i for i, message in enumerate(self.messages) if message.role == "user"]
        if not 0 <= turn < len(starts):
            raise IndexError(f"There is no turn {turn}; the conversation has {len(starts)}.")
        return replace(self, messages=self.messages[: starts[turn]])

    @property
    def turns(self) -> int:
        return sum(message.role == "user" for message in self.messages)

    @property
    def last_user_message(self) -> Message | None:
        return next((m for m in reversed(self.messages) if m.role == "user"), None)

    @cached_property
    def media(self) -> tuple[Media, ...]:
        """Every image and video, in the order of the vision ids."""
        return tuple(item for message in self.messages for item in message.media)

    def _with(self, message: Message) -> Conversation:
        return replace(self, messages=(*self.messages, message))


def _local(path: str | PathLike[str]) -> str | PathLike[str]:
    """The path that a `file:` URL of this machine names; anything else as it is."""
    if not isinstance(path, str) or not path.lower().startswith("file://"):
        return path
    parts = urlsplit(path, allow_fragments=False)
    if parts.netloc.lower() not in ("", "localhost"):
        return path
    # A path with an unescaped question mark is still a path.
    return url2pathname(parts.path + (f"?{parts.query}" if parts.query else ""))
