"""The pages of a document, one at a time: which of them are chosen, and each as a picture."""

from __future__ import annotations

import os
import re
from pathlib import Path

from PIL import Image as PillowImage

from model.conversation import Image
from model.errors import MediaError
from model.media import image, signatures
from model.media.source import Source, display_name
from model.settings import VisionSettings

# A number, or two with a dash; people write several kinds of dashes and commas.
_RANGE = re.compile(r"\s*(\d{1,7})\s*(?:[-\u2013\u2014~]\s*(\d{1,7})\s*)?")
_COMMA = re.compile("[,;\uff0c\u3001]")
MAX_RANGES = 1000
MAX_TEXT_CHARACTERS = 50_000  # of one page


def count(source: Source, *, name: str = "") -> int:
    """The number of pages, or of frames of an animation. Raises `MediaError`."""
    if _is_pdf(source, name):
        from model.media.document import pdf

        return pdf.count(source, name=name)
    return image.pages(source, name=name)


def picture(source: Source, page: int, *, name: str = "") -> PillowImage.Image:
    """A page, RGB and upright. page: from 1. A page of a PDF has 200 DPI (`pdf.picture`). Raises `MediaError`."""
    if _is_pdf(source, name):
        from model.media.document import pdf

        return pdf.picture(source, page, name=name)
    return image.open_image(source, name=name, page=page)


def text(source: Source, page: int, *, name: str = "") -> str:
    """The text layer of a page of a PDF, empty for a scan and for other files. Raises `MediaError`.

    At most `MAX_TEXT_CHARACTERS`.
    """
    if not _is_pdf(source, name):
        return ""
    from model.media.document import pdf

    return pdf.text(source, page, name=name)[:MAX_TEXT_CHARACTERS]


def images(
    path: str | os.PathLike[str],
    folder: str | os.PathLike[str],
    pages: str = "",
    vision: VisionSettings | None = None,
) -> list[Image]:
    """Write pages as PNG files into `folder`, one at a time, and return them as parts of a message.

    pages: such as "1-5, 8"; empty: all. Raises `MediaError`.
    """
    name = display_name(path)
    numbers = selected(pages, count(path, name=name), name)
    made = []
    for number in numbers:
        file = Path(folder) / page_name(name, number)
        picture(path, number, name=name).save(file, compress_level=1)
        made.append(Image(file, vision or VisionSettings(), name=file.name))
    return made


def selected(
    ranges: str,
    pages: int,
    name: str,
    *,
    as_far_as_there: bool = False,
    most: int | None = None,
) -> tuple[int, ...]:
    """The numbers that "1-5, 8" names, each once, in rising order; all if it is empty. Raises `MediaError`.

    pages: how many the document `name` has; as_far_as_there: the same is asked of documents of any length; most: how many
    a message can hold.
    """
    numbers = (
        _numbers(ranges, pages, name, as_far_as_there) if ranges.strip() else range(1, pages + 1)
    )
    if most is not None and len(numbers) > most:
        raise MediaError(
            "{name} has {pages:,} pages, and a message can hold {most} files; choose pages, such as 1-{most}.",
            name=name,
            pages=pages,
            most=most,
        )
    return tuple(numbers)


def _numbers(ranges: str, pages: int, name: str, as_far_as_there: bool) -> list[int]:
    chosen: set[int] = set()
    for part in _COMMA.split(ranges, MAX_RANGES):
        found = _RANGE.fullmatch(part)
        first = int(found[1]) if found else 0
        last = int(found[2] or first) if found else 0
        if not 1 <= first <= last or (last > pages and not as_far_as_there):
            raise _not_there(name, pages)
        chosen.update(range(first, min(last, pages) + 1))
    if not chosen:
        raise _not_there(name, pages)
    return sorted(chosen)


def _not_there(name: str, pages: int) -> MediaError:
    return MediaError(
        "The pages of {name} are 1 to {pages:,}; choose from them as in 1-3, 5.",
        name=name,
        pages=pages,
    )


def shown_ranges(numbers: tuple[int, ...]) -> str:
    """Numbers in rising order, as `selected` reads them: `1-5, 8`."""
    ranges: list[list[int]] = []
    for number in numbers:
        if ranges and ranges[-1][1] == number - 1:
            ranges[-1][1] = number
        else:
            ranges.append([number, number])
    return ", ".join(f"{a}-{b}" if a < b else str(a) for a, b in ranges)


def page_name(name: str, page: int) -> str:
    """What a page is called: `report-p3.png`."""
    return f"{os.path.splitext(os.path.basename(name))[0]}-p{page}.png"


def _is_pdf(source: Source, name: str) -> bool:
    return signatures.kind(source, name=name) == "document"
