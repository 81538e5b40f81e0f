"""A copy of a picture with what an answer points at drawn on it, at the original resolution."""

from __future__ import annotations

import math
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from PIL import Image as PillowImage
from PIL import ImageDraw, ImageFont

from model.conversation import Image
from model.grounding import Box, Point
from ui.gradio_compat import upload_folder
from ui.media.room import Room
from ui.media.sandbox.media import STRANGERS_MEDIA

# Around each colour, so that it stands out from any picture.
EDGE = "#16161a"
MAX_CAPTION_CHARACTERS = 40
# Pillow finds these by name where the system keeps its fonts; the first ones know Chinese and Korean.
FONTS = (
    "NotoSansCJK-Regular.ttc",
    "NotoSansCJKsc-Regular.otf",
    "PingFang.ttc",
    "AppleSDGothicNeo.ttc",
    "msyh.ttc",
    "malgun.ttf",
    "DejaVuSans.ttf",
)


@dataclass(frozen=True)
class Mark:
    """A place as it is drawn."""

    place: Box | Point
    caption: str
    colour: str


def marked_copy(picture: Image, marks: Iterable[Mark], room: Room) -> str:
    """The path of a PNG that is named after the picture's `name`; blocks. Raises `DemoError`."""
    copy = STRANGERS_MEDIA.picture(picture)
    draw(copy, marks)
    folder = upload_folder() / "marked" / secrets.token_hex(16)
    target = folder / f"{Path(picture.name).stem} marked.png"
    with room.placed(target) as whole:
        copy.save(whole, compress_level=1)  # large pictures would take minutes otherwise
    return str(target)


def draw(picture: PillowImage.Image, marks: Iterable[Mark]) -> None:
    """Draw on the picture itself, lines and letters in proportion to it."""
    pen = ImageDraw.Draw(picture)
    side = math.sqrt(picture.width * picture.height)
    line = max(1, round(side / 500))
    font = _font(max(11, round(side / 45)))
    for mark in marks:
        corner = _outline(pen, mark, line)
        _caption(pen, picture.size, corner, mark, font)


def _outline(pen: ImageDraw.ImageDraw, mark: Mark, line: int) -> tuple[int, int]:
    """The shape, its colour between dark edges; gives its upper left corner."""
    place = mark.place
    if isinstance(place, Box):
        corners = place.x1, place.y1, place.x2 - 1, place.y2 - 1
        _frame(pen, corners, 4 * line, EDGE)
        _frame(pen, corners, 2 * line, mark.colour)
        return place.x1, place.y1
    radius = 5 * line
    pen.circle((place.x, place.y), radius, fill=mark.colour, outline=EDGE, width=line)
    return place.x - radius, place.y - radius


def _frame(
    pen: ImageDraw.ImageDraw, corners: tuple[int, int, int, int], width: int, colour: str
) -> None:
    """A line of this width along the edge of a box, as much outside as inside."""
    x1, y1, x2, y2 = corners
    out = width // 2
    pen.rectangle((x1 - out, y1 - out, x2 + out, y2 + out), outline=colour, width=width)


def _caption(
    pen: ImageDraw.ImageDraw,
    size: tuple[int, int],
    at: tuple[int, int],
    mark: Mark,
    font: ImageFont.FreeTypeFont | ImageFont.ImageFont,
) -> None:
    """Above its place, or below its upper edge where there is no room, but always on the picture."""
    text = mark.caption
    if len(text) > MAX_CAPTION_CHARACTERS:
        text = text[: MAX_CAPTION_CHARACTERS - 1] + "…"
    left, top, right, bottom = pen.textbbox((0, 0), text, font=font)
    pad = max(2, round((bottom - top) / 4))
    width, height = right - left + 2 * pad, bottom - top + 2 * pad
    x = max(0, min(at[0], size[0] - round(width)))
    y = at[1] - height if at[1] >= height else min(at[1], max(0, size[1] - height))
    pen.rectangle((x, y, x + width, y + height), fill=mark.colour, outline=EDGE)
    pen.text((x + pad - left, y + pad - top), text, fill=EDGE, font=font)


@lru_cache(maxsize=8)
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    for name in FONTS:
        try:
            return ImageFont.truetype(name, size)
        except OSError:
            continue
    return ImageFont.load_default(size)
