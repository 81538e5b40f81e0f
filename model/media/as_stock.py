"""Files as stock code decodes them, and what to say of those that it cannot."""

from __future__ import annotations

import logging
import os
import struct
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
from PIL import Image

from model.errors import DemoError
from model.media import stock_files
from model.media.decoding import Pixels

log = logging.getLogger(__name__)

# What decoders raise for broken files.
UNREADABLE = (
    *(OSError, ValueError, SyntaxError, EOFError, struct.error),
    *(av.FFmpegError, Image.DecompressionBombError),
)


def pixels(file: str, times: tuple[float, ...]) -> Iterator[Pixels]:
    """Of a picture one array, of a clip, which has `times`, one for each. (height, width, 3) uint8.

    Raises `DemoError` for a file that is gone, or so broken that only this program's own code reads it.
    """
    try:
        if times:
            yield from stock_files.on_screen(file, times)
        else:
            yield np.array(stock_files.flat(file))
    except UNREADABLE as error:  # anything else is a bug
        log.warning("Stock code cannot read %s", file, exc_info=True)
        name = Path(file).name
        if isinstance(error, OSError) and error.errno:
            raise DemoError(
                "This answer cannot be verified, because {name} cannot be opened any more ({reason}); "
                "attach it and ask again.",
                name=name,
                reason=os.strerror(error.errno),
            ) from error
        raise DemoError(
            "This answer cannot be verified, because stock code cannot decode {name} ({reason}); "
            "save it as PNG or MP4 and ask again.",
            name=name,
            reason=type(error).__name__,
        ) from error
