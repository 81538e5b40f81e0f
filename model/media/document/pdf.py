"""Reads PDF documents with PDFium: the number of pages, a page as a picture, and its text.

PDFium may be used by one thread at a time. Filled fields of forms are drawn; scripts and XFA forms are not run, because
the wheels of pypdfium2 have neither.
"""

from __future__ import annotations

import math
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pypdfium2
import pypdfium2.raw as pdfium
from PIL import Image

from model.errors import MediaError
from model.media.source import Source, display_name, opened

# An A4 page has 1654 x 2339 pixels, which is 4,935 visual tokens of 28 pixels; the settings make it smaller.
DPI = 200
POINTS_PER_INCH = 72
MAX_SIDE_PX = 4096
# PDFium writes a hyphen at the end of a line as U+0002 or U+FFFE.
_LINE_HYPHEN = re.compile("[\u0002\ufffe](\r?\n)?")
_CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufffe\uffff]")

_LOCK = threading.Lock()


def count(source: Source, *, name: str = "") -> int:
    """The number of pages. Raises `MediaError`."""
    with _opened(source, name) as document:
        return len(document)


def picture(source: Source, page: int, *, name: str = "") -> Image.Image:
    """A page as readers show it, RGB, at `DPI` and at most `MAX_SIDE_PX` wide and high.

    page: from 1. It is turned and cropped as the document says. Raises `MediaError`.
    """
    with _opened(source, name) as document, _page(document, page, source, name) as opened_page:
        width, height = opened_page.get_size()
        scale = min(DPI / POINTS_PER_INCH, (MAX_SIDE_PX - 1) / max(width, height))
        bitmap = opened_page.render(scale=scale, rev_byteorder=True)
        try:
            drawn: Image.Image = bitmap.to_pil().convert("RGB")
            return drawn.copy()  # its memory goes with the bitmap
        finally:
            bitmap.close()


def text(source: Source, page: int, *, name: str = "") -> str:
    """The text layer of a page; empty for a scan. Raises `MediaError`."""
    with _opened(source, name) as document, _page(document, page, source, name) as opened_page:
        layer = opened_page.get_textpage()
        try:
            return _clean(layer.get_text_bounded())
        finally:
            layer.close()


def _clean(raw: str) -> str:
    lines = _LINE_HYPHEN.sub("", raw).replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return "\n".join(_CONTROLS.sub("", line).rstrip() for line in lines).strip()


@contextmanager
def _opened(source: Source, name: str) -> Iterator[Any]:
    shown = display_name(source, name)
    with _LOCK, opened(source, name) as file:
        # For a document without pages, PDFium names the error of the file before; this one is for that.
        pdfium.FPDF_LoadMemDocument64(b"", 0, None)
        try:
            document = pypdfium2.PdfDocument(file)
        except pypdfium2.PdfiumError as error:
            raise _refusal(error, shown) from error
        try:
            document.init_forms()  # before the first page; otherwise filled fields are not drawn
            yield document
        finally:
            document.close()


@contextmanager
def _page(document: Any, page: int, source: Source, name: str) -> Iterator[Any]:
    try:
        with _closing(document.get_page(page - 1)) as opened_page:
            if not all(math.isfinite(side) and side > 0 for side in opened_page.get_size()):
                raise ValueError("The page has no area.")
            yield opened_page
    except (pypdfium2.PdfiumError, IndexError, ValueError) as error:
        raise MediaError(
            "Page {page} of {name} is damaged; leave it out.",
            page=page,
            name=display_name(source, name),
        ) from error


@contextmanager
def _closing(opened_page: Any) -> Iterator[Any]:
    try:
        yield opened_page
    finally:
        opened_page.close()


def _refusal(error: pypdfium2.PdfiumError, shown: str) -> MediaError:
    if error.err_code == pdfium.FPDF_ERR_PASSWORD:
        return MediaError(
            "{name} is protected by a password; save a copy without one and attach that.",
            name=shown,
        )
    return MediaError(
        "{name} is a damaged PDF document; print it to a new PDF and attach that.", name=shown
    )
