"""Plans each image and video of a conversation: its size, grid, visual tokens and frame times.

The plan needs only the files' headers, so the figures shown before sending are those used afterwards.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal

from model.backend import ItemCost
from model.conversation import Conversation, Image, Media, Video
from model.errors import ContextError, LocalizedText, MediaError, Template
from model.families import Geometry
from model.media import download, video
from model.media.reader import IN_THIS_PROCESS, MediaReader
from model.media.sampling import VideoInfo, sample_times
from model.media.source import WEB, display_name
from model.prompt import file_facts, resize
from model.settings import VisionSettings

# On average over a long text; in deeply indented code a token is a dozen spaces.
MAX_CHARACTERS_PER_TOKEN = 16
# Of the context, for one video; the rest is for text and the answer.
MAX_VIDEO_SHARE = 0.75
# Frames that a video keeps when it is fitted; below it, frames get smaller instead.
MIN_FITTED_FRAMES = 16
# The lower bound of `video_min_tokens_per_frame`.
MIN_FRAME_TOKENS = 4
Kind = Literal["image", "video"]

# A conversation names its addresses again in every turn.
_fetched = lru_cache(maxsize=16)(download.fetch)


@dataclass(frozen=True)
class VisualItem:
    """One image or video of a conversation as the model will see it.

    original, size: (width, height) in pixels, of the file and of what the model gets; grid: (t, h, w) in patches.
    """

    media: Image | Video
    kind: Kind
    number: int  # as the vision ids count, from 1
    original: tuple[int, int]
    size: tuple[int, int]
    grid: tuple[int, int, int]
    tokens: int
    times: tuple[float, ...] = ()  # s, of a video's sampled frames
    fitted_from: int = 0  # sampled frames of a video before it was fitted; 0 where it was not
    seconds_per_grid: float = 1.0  # s between two steps of a video's grid; Qwen2.5-VL's time axis

    @property
    def step_times(self) -> tuple[float, ...]:
        """The time in seconds of each step of a video's grid: the middle of its frames' times."""
        rate, frames = sampled_fps(self.times), len(self.times) // self.grid[0]
        # The stock processor gets numbers of frames and divides them by the rate; without it the last digit may differ.
        at = [time * rate / rate for time in self.times]
        return tuple((at[i] + at[i + frames - 1]) / 2 for i in range(0, len(at), frames))

    @property
    def label(self) -> LocalizedText:
        return item_label(self.kind, self.number)

    @property
    def cost(self) -> ItemCost:
        return ItemCost(
            kind=self.kind,
            number=self.number,
            original=self.original,
            resized=self.size,
            tokens=self.tokens,
            frames=len(self.times),
            times=self.times,
            fitted_from=self.fitted_from,
        )

    def content_hash(self) -> str:
        """Equal for two items if and only if the model sees the same pixels. Reads each file once."""
        if isinstance(self.media, Image):
            return repr((file_facts.content_hash(self.media.path), self.size))
        contents = [file_facts.content_hash(path) for path in video.sources(self.media)]
        # The rate of a list of pictures says which of them stands at a time.
        return repr((contents, self.media.fps, self.size, self.times))


def item_label(kind: Kind, number: int) -> LocalizedText:
    """`Picture 3`, as vision ids call it."""
    if kind == "image":
        return LocalizedText("Picture {number}", number=number)
    return LocalizedText("Video {number}", number=number)


def plan(
    conversation: Conversation,
    geometry: Geometry,
    *,
    max_video_seconds: float | None = None,
    context_tokens: int = 0,
    reader: MediaReader = IN_THIS_PROCESS,
) -> tuple[VisualItem, ...]:
    """Every item of the conversation, numbered. Raises `MediaError`.

    A video that would take more than `MAX_VIDEO_SHARE` of `context_tokens` (0: not known) is fitted.
    """
    max_tokens = int(context_tokens * MAX_VIDEO_SHARE)
    items: list[VisualItem] = []
    numbers = {"image": 0, "video": 0}
    for media in conversation.media:
        kind: Kind = "image" if isinstance(media, Image) else "video"
        numbers[kind] += 1
        _require(media, item_label(kind, numbers[kind]))
        if isinstance(media, Image):
            items.append(_image(media, numbers[kind], geometry, reader))
        else:
            facts = file_facts.video_info(media, reader)
            sampled = _Sampling(media, numbers[kind], geometry, facts, max_video_seconds)
            items.append(sampled.within(max_tokens) if max_tokens else sampled.item())
    return tuple(items)


def _require(item: Media, label: LocalizedText) -> None:
    """Raises `MediaError` that names the item if its file is gone: uploads expire.

    The same file, attached again, gets the same path on the server.
    """
    sources = [item.path] if isinstance(item, Image) else video.sources(item)
    for source in sources:
        elsewhere = isinstance(source, bytes) or os.fspath(source).startswith(("data:", *WEB))
        if not elsewhere and not os.path.exists(source):
            name = display_name(source, item.name)
            raise MediaError(
                "{item} ({name}) is gone from the server; attach it again.", item=label, name=name
            )


def _image(image: Image, number: int, geometry: Geometry, reader: MediaReader) -> VisualItem:
    if isinstance(image.path, str) and image.path.startswith(WEB):
        # Only the Python API can get here: the page and the API take uploads.
        name = image.name or display_name(image.path)
        image = replace(image, path=_fetched(image.path), name=name)
    original = file_facts.image_size(image, reader)
    name = display_name(image.path, image.name)
    size = resize.image_target_size(original, image.vision, geometry, name=name)
    grid = resize.grid(size, 1, geometry)
    tokens = resize.visual_tokens(grid, geometry)
    return VisualItem(image, "image", number, original, size, grid, tokens)


@dataclass(frozen=True)
class _Sampling:
    """A probed video, from which items are made at different settings."""

    media: Video
    number: int
    geometry: Geometry
    probed: VideoInfo
    max_seconds: float | None

    def item(self, settings: VisionSettings | None = None) -> VisualItem:
        """The item at the video's own settings, or at these. Raises `MediaError`."""
        own, name = settings or self.media.vision, self.probed.name
        times = sample_times(self.probed, own, max_seconds=self.max_seconds)
        size = resize.frame_target_size(self.probed.size, len(times), own, self.geometry, name=name)
        grid = resize.grid(size, len(times), self.geometry)
        return VisualItem(
            self.media,
            "video",
            self.number,
            self.probed.size,
            size,
            grid,
            resize.visual_tokens(grid, self.geometry),
            times,
            seconds_per_grid=self.geometry.temporal_patch_size / sampled_fps(times),
        )

    def within(self, max_tokens: int) -> VisualItem:
        """The item within `max_tokens`: fewer frames first, then fewer tokens a frame. Raises `MediaError`.

        A video with an exact size may still take more.
        """
        asked, settings = self.item(), self.media.vision
        if asked.tokens <= max_tokens:
            return asked
        frames = int(len(asked.times) * max_tokens / asked.tokens) // 2 * 2
        frames = max(frames, min(MIN_FITTED_FRAMES, len(asked.times)))
        settings = replace(settings, video_max_frames=frames)
        fewer = self.item(settings)
        if fewer.tokens > max_tokens:
            each = max(MIN_FRAME_TOKENS, max_tokens // fewer.grid[0])
            settings = replace(
                settings,
                video_min_tokens_per_frame=min(settings.video_min_tokens_per_frame, each),
                video_max_tokens_per_frame=min(settings.video_max_tokens_per_frame, each),
            )
            fewer = self.item(settings)
        return replace(fewer, fitted_from=len(asked.times))


def sampled_fps(times: tuple[float, ...]) -> float:
    """Frames per second of the sampled frames; 1 for a single moment."""
    distinct = sorted(set(times))
    span = distinct[-1] - distinct[0]
    return (len(distinct) - 1) / span if span > 0 else 1.0


def require_holdable(conversation: Conversation, context_tokens: int) -> None:
    """Raises `ContextError` for texts that no context of so many tokens (0: not known) holds, whatever they are.

    To count their tokens would take a core for seconds.
    """
    texts = [conversation.system or "", *(message.text for message in conversation.messages)]
    characters = sum(map(len, texts))
    if context_tokens and characters > MAX_CHARACTERS_PER_TOKEN * context_tokens:
        if conversation.turns > 1:
            template = Template(
                "The texts have {characters:,} characters; the checkpoint holds {held:,} tokens. Shorten them or start over."
            )
        else:
            template = Template(
                "The texts have {characters:,} characters; the checkpoint holds {held:,} tokens. Shorten them."
            )
        raise ContextError(template, characters=characters, held=context_tokens)


def context_error(
    conversation: Conversation,
    items: Sequence[VisualItem],
    needed: int,
    held: int,
    *,
    text_tokens: int,
) -> ContextError:
    """The error for a conversation that needs more tokens than the context holds, with a remedy that helps.

    items: of the whole conversation; text_tokens: all tokens that are not theirs.
    """
    message = conversation.last_user_message
    own = items[len(items) - len(tuple(message.media)) :] if message else ()
    largest = max(own, key=lambda item: item.tokens, default=None)
    # At any resolution the words alone would be too many.
    lowered = largest is not None and text_tokens + len(items) < held
    template = _too_long(lowered=lowered, first=conversation.turns <= 1)
    item = largest.label if largest else ""
    return ContextError(template, needed=needed, held=held, item=item)


def _too_long(*, lowered: bool, first: bool) -> Template:
    """lowered: a lower resolution helps; first: there is one turn only."""
    if lowered and first:
        return Template(
            "This message needs {needed:,} tokens; the checkpoint holds {held:,}. "
            "Lower the resolution of {item}."
        )
    if lowered:
        return Template(
            "This conversation needs {needed:,} tokens; the checkpoint holds {held:,}. "
            "Lower the resolution of {item} or start over."
        )
    if first:
        return Template(
            "This message needs {needed:,} tokens; the checkpoint holds {held:,}. Shorten it."
        )
    return Template(
        "This conversation needs {needed:,} tokens; the checkpoint holds {held:,}. "
        "Shorten your message or start over."
    )
