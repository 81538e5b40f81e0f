"""Which files a batch asks about: those that were named, and the pictures and clips in folders."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from model.conversation import Image, Video
from model.errors import DemoError
from model.settings import VisionSettings
from ui.media.sandbox.probe import CLIPS_BY_SUFFIX, PICTURE_SUFFIXES


def found(paths: Sequence[str]) -> list[Path]:
    """The files of a batch, each once: of a folder its pictures and clips, sorted, with those in its folders.

    Raises `DemoError` for a path that does not exist, and if there is nothing.
    """
    files = list(dict.fromkeys(file for path in paths for file in _below(Path(path).expanduser())))
    if not files:
        raise DemoError(
            "--batch found no picture and no clip in {paths}.", paths=", ".join(map(str, paths))
        )
    return files


def media(file: Path, vision: VisionSettings) -> Image | Video:
    """The part of a message that a file becomes. What is named and has another suffix is opened as a picture."""
    if file.suffix.lower() in CLIPS_BY_SUFFIX:
        return Video(file, vision=vision)
    return Image(file, vision=vision)


def _below(path: Path) -> Iterator[Path]:
    if path.is_dir():
        suffixes = (*PICTURE_SUFFIXES, *CLIPS_BY_SUFFIX)
        yield from sorted(
            file for file in path.rglob("*") if file.suffix.lower() in suffixes and file.is_file()
        )
    elif path.exists():
        yield path
    else:
        raise DemoError("--batch names {path}, which does not exist.", path=path)
