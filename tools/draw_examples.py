"""Draws the images and the video of the page's examples into assets/examples."""

from __future__ import annotations

import math
from pathlib import Path

import av
import numpy as np
from PIL import Image, ImageDraw, ImageFont

FOLDER = Path(__file__).resolve().parent.parent / "assets" / "examples"
FINER = 4  # drawn this many times larger, then reduced: smooth edges
RED, BLUE, YELLOW, GREEN = "#d63a3a", "#2f6fd6", "#f7d417", "#2e9e5b"
PAPER, INK = "#f3f0ea", "#2b2b2f"
BOUGHT = (("2 croissants", "4.80"), ("1 rye bread", "3.90"), ("1 flat white", "2.70"))


class Sheet:
    """Paper of a size in pixels, drawn on in the same pixels."""

    def __init__(self, width: int, height: int) -> None:
        self.picture = Image.new("RGB", (width * FINER, height * FINER), PAPER)
        self._draw = ImageDraw.Draw(self.picture)

    def circle(self, x: float, y: float, radius: float, colour: str) -> Sheet:
        box = [FINER * v for v in (x - radius, y - radius, x + radius, y + radius)]
        self._draw.ellipse(box, fill=colour)
        return self

    def square(self, x: float, y: float, half: float, colour: str) -> Sheet:
        box = [FINER * v for v in (x - half, y - half, x + half, y + half)]
        self._draw.rectangle(box, fill=colour)
        return self

    def star(self, x: float, y: float, radius: float, colour: str) -> Sheet:
        corners = []
        for k in range(10):
            reach = radius if k % 2 == 0 else 0.42 * radius
            angle = math.pi * (k / 5 - 0.5)
            corners.append(
                (FINER * (x + reach * math.cos(angle)), FINER * (y + reach * math.sin(angle)))
            )
        self._draw.polygon(corners, fill=colour)
        return self

    def text(
        self, x: float, y: float, text: str, size: float, colour: str, anchor: str = "mm"
    ) -> Sheet:
        """size: the font's, in pixels; anchor: as Pillow's."""
        font = ImageFont.load_default(FINER * size)
        self._draw.text((FINER * x, FINER * y), text, fill=colour, font=font, anchor=anchor)
        return self

    def finished(self) -> Image.Image:
        return self.picture.reduce(FINER)


def main() -> None:
    """Write every file."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    shapes = (
        Sheet(448, 336)
        .circle(120, 110, 58, RED)
        .square(320, 130, 54, BLUE)
        .star(215, 245, 62, YELLOW)
    )
    shapes.finished().save(FOLDER / "shapes.png", optimize=True)
    Sheet(336, 336).square(110, 170, 56, GREEN).circle(235, 160, 52, BLUE).finished().save(
        FOLDER / "first.png", optimize=True
    )
    Sheet(336, 336).star(168, 175, 96, RED).finished().save(FOLDER / "second.png", optimize=True)
    Sheet(336, 224).text(168, 112, "K7", 120, BLUE).finished().save(
        FOLDER / "word.png", optimize=True
    )
    _receipt().finished().save(FOLDER / "receipt.png", optimize=True)
    _clip(FOLDER / "moving-circle.mp4")


def _receipt() -> Sheet:
    """What a shop would print."""
    sheet = (
        Sheet(480, 480)
        .text(240, 56, "CORNER BAKERY", 32, INK)
        .text(240, 96, "14 May, 09:12", 20, INK)
    )
    for line, (name, price) in enumerate((*BOUGHT, ("Total", "11.40"))):
        y = 164 + 56 * line + 24 * (name == "Total")
        size = 30 if name == "Total" else 26
        sheet.text(48, y, name, size, INK, "lm").text(432, y, price, size, INK, "rm")
    return sheet


def _clip(path: Path) -> None:
    """Three seconds of a circle that goes from left to right."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=12)
        stream.width, stream.height, stream.pix_fmt = 336, 224, "yuv420p"
        for k in range(36):
            sheet = Sheet(336, 224).circle(52 + k / 35 * 232, 112, 36, RED)
            frame = av.VideoFrame.from_ndarray(np.asarray(sheet.finished()), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


if __name__ == "__main__":
    main()
