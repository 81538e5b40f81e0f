"""What the model sees of an item: the picture or the sampled frames, at the size that it gets.

Resized with Pillow; the model's own pixels differ by at most 2 of 255 levels in 0.4 % of the values.
"""

from __future__ import annotations

import hashlib
import secrets
from pathlib import Path

from PIL import Image as PillowImage

from model.conversation import Image, Video
from model.media import video
from model.prompt import resize
from ui.gradio_compat import upload_folder
from ui.media.room import Room
from ui.media.sandbox.media import STRANGERS_MEDIA

MAX_SHOWN_FRAMES = 96
FRAME_PX = 240  # longest side of a shown frame
_SECRET = secrets.token_bytes(32)  # makes the names unguessable, like those of uploads


def picture_view(image: Image, size: tuple[int, int], room: Room) -> str:
    """The path of the picture at `size`, without loss; blocks. Raises `DemoError`."""
    target = _target(image.path, size, suffix="png")
    if not target.exists():
        picture = STRANGERS_MEDIA.picture(image)
        with room.placed(target) as whole:
            resize.resize(picture, size).save(whole, compress_level=1)
    return str(target)


def frame_views(
    clip: Video, size: tuple[int, int], times: tuple[float, ...], room: Room
) -> list[str]:
    """The paths of the frames at `times`, small enough to look over; blocks. Raises `DemoError`."""
    times = times[:MAX_SHOWN_FRAMES]
    targets = [_target(video.sources(clip), size, at, suffix="webp") for at in times]
    if not all(target.exists() for target in targets):
        for target, pixels in zip(targets, STRANGERS_MEDIA.frames(clip, times), strict=True):
            frame = resize.resize(PillowImage.fromarray(pixels), size)
            frame.thumbnail((FRAME_PX, FRAME_PX))
            with room.placed(target) as whole:
                frame.save(whole, quality=80)
    return [str(target) for target in targets]


def _target(*what: object, suffix: str) -> Path:
    name = hashlib.blake2b(repr(what).encode(), key=_SECRET, digest_size=16).hexdigest()
    return upload_folder() / "seen" / f"{name}.{suffix}"
