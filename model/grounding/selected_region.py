"""Writes a region that a person selected in an image as the checkpoint writes places."""

from __future__ import annotations

import json

from model.conversation import Text
from model.grounding.pixels import THOUSANDTHS, Convention, Size

# Left, top, right, bottom, as fractions of width and height.
Corners = tuple[float, float, float, float]


def region_text(picture: int, corners: Corners, convention: Convention, resized: Size) -> Text:
    """The line before a question that names the image and the region it is about.

    picture: its number, as vision ids count; resized: the size at which the model sees it. The inverse of
    `grounding.parse`, and of the same conventions.
    """
    unit = resized if convention == "qwen2_5_vl" else THOUSANDTHS
    most = (unit[0] - 1, unit[1] - 1)
    x1, y1, x2, y2 = (
        min(round(part * unit[i % 2]), most[i % 2]) for i, part in enumerate(ordered(corners))
    )
    if convention == "qwen2_vl":
        place = f"<|box_start|>({x1},{y1}),({x2},{y2})<|box_end|>"
    else:
        place = json.dumps({"bbox_2d": [x1, y1, x2, y2]})
    return Text(f"Picture {picture}: {place}\n", pointing=True)


def ordered(corners: Corners) -> Corners:
    """The rectangle within the image, from its upper left to its lower right corner."""
    left, top, right, bottom = (min(max(part, 0.0), 1.0) for part in corners)
    return min(left, right), min(top, bottom), max(left, right), max(top, bottom)
