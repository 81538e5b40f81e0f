"""What the page reads of attached files. The sandbox decodes them, and every message of it is checked."""

from __future__ import annotations

import logging
import math
import os
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, TypeVar

import numpy as np
from PIL import Image as PillowImage

from model.backend import Cancel
from model.conversation import Image, Media, Video
from model.media import container, image, source, video
from model.media.decoding import MAX_PACKETS, Pixels
from model.media.document.pages import MAX_TEXT_CHARACTERS
from model.media.sampling import VideoInfo
from model.media.video import VideoProgress
from ui.media.sandbox.channel import BrokenOffError, Message
from ui.media.sandbox.probe import FirstLook, Pictures
from ui.media.sandbox.request import LOOKING, READING, Limits, Request
from ui.media.sandbox.sandbox import SANDBOX, Sandbox, damaged

log = logging.getLogger(__name__)

Fact = TypeVar("Fact")

MAX_CODEC_NAME = 64  # characters
MAX_SECONDS = 10.0**7
LOOKS_AT_ONCE = 2  # which bounds what all of them take together
# Exceptions from reading an invalid message.
MISSHAPEN = (BrokenOffError, StopIteration, KeyError, TypeError, ValueError, OverflowError)


@dataclass(frozen=True)
class Page:
    """A page of a document. size: width and height in pixels; png: the content of a file; thumbnail: a WebP file."""

    size: tuple[int, int]
    png: bytes
    thumbnail: bytes


class SandboxedMedia:
    """The `MediaReader` of the page, with what it shows itself. Thread-safe."""

    def __init__(self, sandbox: Sandbox = SANDBOX, looking: Limits = LOOKING) -> None:
        self._sandbox = sandbox
        self._looking = looking
        self._looks = threading.BoundedSemaphore(LOOKS_AT_ONCE)

    def first_look(self, file: str, name: str) -> tuple[FirstLook, Pictures]:
        """See `first_look.look`; blocks. Raises `MediaError`."""
        file = os.path.abspath(file)
        asked = Request("first_look", (file, name), (file,), self._looking)
        with self._looks, _believed(name), closing(self._sandbox.ask(asked, name)) as messages:
            seen, *pictures = islice(messages, 3)
            contents = {str(picture.said["picture"]): picture.content() for picture in pictures}
            return _look(seen.said["look"]), Pictures(**contents)

    def page(self, file: str, name: str, number: int) -> Page:
        """A page of a document; blocks. number: from 1. Raises `MediaError`."""
        with self._of_page("document_page", file, name, number) as messages:
            whole, thumbnail = islice(messages, 2)
            size = _size(whole.said["size"], image.MAX_IMAGE_PIXELS)
            return Page(size, whole.content(), thumbnail.content())

    def page_text(self, file: str, name: str, number: int) -> str:
        """The text layer of a page; blocks. number: from 1. Raises `MediaError`."""
        with self._of_page("document_text", file, name, number) as messages:
            said = next(messages)
            text = said.content().decode() if said.blob is not None else ""
            if len(text) > MAX_TEXT_CHARACTERS:
                raise BrokenOffError
            return text

    @contextmanager
    def _of_page(
        self, job: str, file: str, name: str, number: int
    ) -> Iterator[Generator[Message, None, None]]:
        file = os.path.abspath(file)
        # How large a page is says nothing about what it takes to draw it.
        asked = Request(job, (file, name, number), (file,), self._looking, largest=1.0)
        with self._looks, _believed(name), closing(self._sandbox.ask(asked, name)) as messages:
            yield messages

    def image_size(self, picture: Image) -> tuple[int, int]:
        return self._looked("image_size", picture, _size_of)

    def video_info(self, clip: Video) -> VideoInfo:
        return self._looked("video_info", clip, _clip_of)

    def _looked(self, job: str, part: Media, read: Callable[[Message, Media], Fact]) -> Fact:
        part, name = _absolute(part), display_name(part)
        asked = Request(job, (part,), _files(part), self._looking)
        with self._looks, _believed(name), closing(self._sandbox.ask(asked, name)) as messages:
            return read(next(messages), part)

    def pixels(
        self,
        part: Media,
        times: tuple[float, ...],
        cancel: Cancel,
        report: VideoProgress,
        within: int = 0,
    ) -> Iterator[Pixels]:
        """See `MediaReader`. within: the longest side in pixels; 0: the original size."""
        return self._frames("pixels", part, times, (within,), cancel, report)

    def as_stock(self, file: str, times: tuple[float, ...]) -> Iterator[Pixels]:
        part = Video(file) if times else Image(file)
        return self._frames("as_stock", part, times, (), Cancel(), lambda *_: None)

    def _frames(
        self,
        job: str,
        part: Media,
        times: tuple[float, ...],
        options: tuple[int, ...],
        cancel: Cancel,
        report: VideoProgress,
    ) -> Iterator[Pixels]:
        part, name = _absolute(part), display_name(part)
        limits = self._looking if isinstance(part, Image) else READING
        asked = Request(job, (part, times, *options), _files(part), limits)
        missing = 1 if isinstance(part, Image) else len(times)
        latest: Pixels | None = None
        with closing(self._sandbox.ask(asked, name, cancel)) as messages:
            while missing:
                with _believed(name):
                    message = next(messages, None)
                    if message is None:
                        if cancel.is_set():
                            return
                        raise BrokenOffError
                    progress = _progress(message)
                    latest = _frame(message, latest) if progress is None else latest
                if progress is not None:
                    report(*progress)
                elif latest is not None:
                    missing -= 1
                    yield latest

    def frames(
        self, clip: Video, times: tuple[float, ...], cancel: Cancel | None = None, within: int = 0
    ) -> Iterator[Pixels]:
        """One for each of `times`; see `pixels`."""
        return self.pixels(clip, times, cancel or Cancel(), lambda *_: None, within)

    def picture(self, picture: Image) -> PillowImage.Image:
        """The whole picture, upright, RGB; blocks. Raises `MediaError`."""
        (pixels,) = self.pixels(picture, (), Cancel(), lambda *_: None)
        return PillowImage.fromarray(pixels)


def display_name(part: Media) -> str:
    if isinstance(part, Video):
        return video.display_name(part)
    return source.display_name(part.path, part.name)


def _absolute(part: Media) -> Media:
    """The absolute path, because the sandbox works in another folder."""
    if isinstance(part, Image):
        return replace(part, path=_path(part.path), name=display_name(part))
    if part.frames:
        return replace(part, frames=tuple(map(_path, part.frames)))
    return replace(part, path=_path(part.path or ""))


def _path(path: str | os.PathLike[str]) -> str:
    path = os.fspath(path)
    return path if path.startswith(("data:", *source.WEB)) else os.path.abspath(path)


def _files(part: Media) -> tuple[str, ...]:
    if isinstance(part, Video):
        return video.sources(part)
    return () if str(part.path).startswith("data:") else (str(part.path),)


@contextmanager
def _believed(name: str) -> Iterator[None]:
    """Turn an invalid message of a decoder into a refusal of the file."""
    try:
        yield
    except MISSHAPEN as error:
        log.warning("The sandbox told what cannot be: %s", type(error).__name__)
        raise damaged(name) from error


def _size(told: Any, most_pixels: int) -> tuple[int, int]:
    width, height = map(int, told)
    if min(width, height) < 1 or width * height > most_pixels:
        raise BrokenOffError
    return width, height


def _number(told: Any, low: float, high: float) -> float:
    number = float(told)
    if not low <= number <= high:
        raise BrokenOffError
    return number


def _frame(message: Message, latest: Pixels | None) -> Pixels:
    if "again" not in message.said:
        return message.pixels(message.said["frame"])
    if latest is None:
        raise BrokenOffError
    return latest


def _progress(message: Message) -> tuple[float, float] | None:
    if "progress" not in message.said:
        return None
    done, total = message.said["progress"]
    return _number(done, -MAX_SECONDS, MAX_SECONDS), _number(total, -MAX_SECONDS, MAX_SECONDS)


def _look(told: dict[str, Any]) -> FirstLook:
    if told["kind"] not in ("image", "video", "document"):
        raise BrokenOffError
    return FirstLook(
        told["kind"],
        _size(told["size"], image.MAX_IMAGE_PIXELS),
        _number(told["seconds"], 0.0, MAX_SECONDS),
        int(_number(told["pages"], 1, MAX_PACKETS)),
        bool(told["browsers"]),
        bool(told["paged"]),
    )


def _size_of(message: Message, _: Media) -> tuple[int, int]:
    return _size(message.said["size"], image.MAX_IMAGE_PIXELS)


def _clip_of(message: Message, clip: Media) -> VideoInfo:
    assert isinstance(clip, Video)
    told = message.said["clip"]
    most = image.MAX_IMAGE_PIXELS if clip.frames else container.MAX_FRAME_PIXELS
    stamps = () if message.blob is None else tuple(message.blob.view(np.float64).tolist())
    if len(stamps) > MAX_PACKETS or not all(map(math.isfinite, stamps)):
        raise BrokenOffError
    return VideoInfo(
        video.display_name(clip),
        _number(told["duration_s"], 0.0, MAX_SECONDS),
        _size(told["size"], most),
        _number(told["fps"], 1e-9, 10.0**6),
        int(_number(told["frames"], 1, 10.0**9)),
        str(told["codec"])[:MAX_CODEC_NAME],
        stamps,
    )


STRANGERS_MEDIA = SandboxedMedia()
