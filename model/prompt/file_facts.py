"""Caches sizes, video facts and content hashes of files until the files change.

Every turn and every estimate needs them for each file of the conversation, and a video may be a gigabyte.
"""

from __future__ import annotations

import os
import time
from dataclasses import replace
from functools import lru_cache

from model.conversation import Image, Video
from model.media import video
from model.media.reader import IN_THIS_PROCESS, MediaReader
from model.media.sampling import VideoInfo
from model.media.source import Source, fingerprint
from model.settings import VisionSettings

# Entries of the caches.
MAX_IMAGES, MAX_VIDEOS, MAX_HASHES = 4096, 32, 4096
# Time stamps of a cached video; they take 3 MB.
MAX_STAMPS = 100_000
# Nanoseconds. A file that changes again this soon may keep its time stamp: file systems count in steps of up to this.
SETTLED_NS = 50_000_000

Version = tuple[int, ...]


def image_size(picture: Image, reader: MediaReader = IN_THIS_PROCESS) -> tuple[int, int]:
    """(width, height) of the upright image, in pixels. Raises `MediaError`."""
    version = _version(picture.path)
    if version is None:
        return reader.image_size(picture)
    return _image_size(os.fspath(picture.path), picture.name, version, reader)


def video_info(clip: Video, reader: MediaReader = IN_THIS_PROCESS) -> VideoInfo:
    """See `video.probe`. Raises `MediaError`."""
    versions = [version for path in video.sources(clip) if (version := _version(path))]
    if len(versions) < len(video.sources(clip)):
        return reader.video_info(clip)
    try:
        return _video_info(replace(clip, vision=VisionSettings()), tuple(versions), reader)
    except _TooLongError as error:
        return error.facts


def content_hash(source: Source) -> str:
    """See `source.fingerprint`. Raises `MediaError`."""
    version = _version(source)
    if version is None:
        return fingerprint(source)
    assert not isinstance(source, bytes)
    return _content_hash(os.fspath(source), version)


class _TooLongError(Exception):
    """Carries facts that are too large for the cache."""

    def __init__(self, facts: VideoInfo) -> None:
        super().__init__()
        self.facts = facts


def _version(source: Source) -> Version | None:
    """A value that changes with the file; None if it cannot be told, or there is no file."""
    if isinstance(source, bytes) or os.fspath(source).startswith("data:"):
        return None
    try:
        found = os.stat(source)
    except (OSError, ValueError):  # ValueError: a NUL in the path
        return None
    if time.time_ns() - max(found.st_mtime_ns, found.st_ctime_ns) < SETTLED_NS:
        return None
    # The time of a change of the file's own facts cannot be set back, as that of its content can.
    return found.st_mtime_ns, found.st_size, found.st_ctime_ns, found.st_ino, found.st_dev


@lru_cache(MAX_IMAGES)
def _image_size(path: str, name: str, version: Version, reader: MediaReader) -> tuple[int, int]:  # noqa: ARG001 - part of the key
    return reader.image_size(Image(path, name=name))


@lru_cache(MAX_VIDEOS)
def _video_info(clip: Video, versions: tuple[Version, ...], reader: MediaReader) -> VideoInfo:  # noqa: ARG001 - part of the key
    found = reader.video_info(clip)
    if len(found.stamps) > MAX_STAMPS:
        raise _TooLongError(found)
    return found


@lru_cache(MAX_HASHES)
def _content_hash(path: str, version: Version) -> str:  # noqa: ARG001 - part of the key
    return fingerprint(path)
