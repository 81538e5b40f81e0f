"""Which files a batch asks about: those that were named, and the pictures, clips and documents in folders."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp

from model.conversation import Image, Part, Text, Video
from model.errors import DemoError, MediaError
from model.media import signatures
from model.media.document import page_name, selected
from model.settings import VisionSettings
from ui.media.sandbox.media import STRANGERS_MEDIA
from ui.media.sandbox.probe import CLIPS_BY_SUFFIX, SUFFIXES

PAGED_SUFFIXES = (".pdf", ".tif", ".tiff")
MAX_PAGES = 64  # that one question is about, as on the page


def found(paths: Sequence[str]) -> list[Path]:
    """The files of a batch, each once: of a folder its pictures, clips and documents, sorted, with those in its folders.

    Raises `DemoError` for a path that does not exist, and if there is nothing.
    """
    files = list(dict.fromkeys(file for path in paths for file in _below(Path(path).expanduser())))
    if not files:
        raise DemoError(
            "--batch found no picture, no clip and no PDF in {paths}.",
            paths=", ".join(map(str, paths)),
        )
    return files


@dataclass(frozen=True)
class PageChoice:
    """Which pages of documents are asked about, as `selected` reads it; text: their text is sent, too."""

    pages: str = ""
    text: bool = False


def is_document(file: Path) -> bool:
    """Whether it may have several pages. What cannot be read has none."""
    if file.suffix.lower() in PAGED_SUFFIXES:
        return True
    try:
        return signatures.kind(file) == "document"
    except MediaError:
        return False


def parts(file: Path, choice: PageChoice, vision: VisionSettings, folder: Path) -> list[Part]:
    """The parts of a message that a file becomes: a picture, a clip, or the pages of a document and their text.

    folder: where pages are written. What is named and has another suffix is opened as a picture. Raises `MediaError`.
    """
    if file.suffix.lower() in CLIPS_BY_SUFFIX:
        return [Video(file, vision=vision)]
    if not is_document(file):
        return [Image(file, vision=vision)]
    seen, _ = STRANGERS_MEDIA.first_look(str(file), file.name)
    if not seen.paged:
        return [Image(file, vision=vision)]
    numbers = selected(choice.pages, seen.pages, file.name, as_far_as_there=True, most=MAX_PAGES)
    made: list[Part] = [_page(file, number, vision, folder) for number in numbers]
    texts = [_text(file, number) for number in numbers] if choice.text else []
    return [*made, *(Text(f"{text}\n\n") for text in texts if text)]


def _page(file: Path, number: int, vision: VisionSettings, folder: Path) -> Image:
    name = page_name(file.name, number)
    page = Path(mkdtemp(dir=folder)) / name
    page.write_bytes(STRANGERS_MEDIA.page(str(file), file.name, number).png)
    return Image(page, vision, name=name)


def _text(file: Path, number: int) -> str:
    text = STRANGERS_MEDIA.page_text(str(file), file.name, number)
    return f"{file.name}, p. {number}:\n{text}" if text else ""


def _below(path: Path) -> Iterator[Path]:
    if path.is_dir():
        yield from sorted(
            file for file in path.rglob("*") if file.suffix.lower() in SUFFIXES and file.is_file()
        )
    elif path.exists():
        yield path
    else:
        raise DemoError("--batch names {path}, which does not exist.", path=path)
