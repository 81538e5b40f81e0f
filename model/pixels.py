"""The pixels of a conversation's picture or clip: the one place where its files are decoded for a model.

Knows nothing of what becomes of them.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from model import media, video
from model.backend import Cancel
from model.conversation import Image
from model.decoding import Pixels
from model.video import Report
from model.visual_item import VisualItem


def decoded(item: VisualItem, cancel: Cancel, report: Report) -> Iterator[Pixels]:
    """Upright, RGB, at their own size: of a picture one array, of a clip one for each of `item.times`.

    (height, width, 3) uint8. Equal frames in a row may be the same array. The iterator just ends when it is
    cancelled; the caller looks at `cancel`. `report` is told how far a clip is. Raises `MediaError`.
    """
    part = item.media
    if isinstance(part, Image):
        yield np.array(media.open_image(part.path, name=part.name))
        return
    for _, pixels in video.frames(part, item.times, cancel=cancel, progress=report):
        yield pixels
