"""How large files are taken for, and how small pixels are made before they leave the sandbox."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from model.conversation import Image, Media, Video
from model.media import container, image
from tests.support import media_files
from ui.media.sandbox.jobs import Found, largeness, pixels

SIZE = (64, 48)


def made(kind: str, folder: Path) -> Media:
    if kind == "image":
        return Image(media_files.photo(folder / "a.png", SIZE))
    if kind == "clip":
        return Video(media_files.clip(folder / "a.mp4", 8))
    return Video(frames=(media_files.photo(folder / "a.png", SIZE),) * 2, fps=1.0)


@pytest.mark.parametrize("kind", ["image", "clip", "frames"])
def test_a_file_is_as_large_as_its_pixels_are_of_the_most_that_are_read(
    kind: str, tmp_path: Path
) -> None:
    part = made(kind, tmp_path)
    most = container.MAX_FRAME_PIXELS if kind == "clip" else image.MAX_IMAGE_PIXELS
    _, (frame, *_) = found(part, 0)[0]
    assert largeness(part) == pytest.approx(frame.shape[0] * frame.shape[1] / most)
    if part.path:
        assert largeness(str(part.path), "a name") == largeness(part)


@pytest.mark.parametrize("kind", ["image", "clip", "frames"])
def test_pixels_are_no_larger_than_they_are_wanted(kind: str, tmp_path: Path) -> None:
    for said, content in found(made(kind, tmp_path), 20):
        (frame,) = content
        assert max(frame.shape[:2]) == 20 == max(said["frame"]) and frame.shape[2] == 3
        assert list(said["frame"]) == list(frame.shape[:2])


def found(part: Media, within: int) -> list[tuple[dict[str, list[int]], list[np.ndarray]]]:
    """What is said of each frame, and its pixels."""
    times = () if isinstance(part, Image) else (0.0, 0.5)
    told: list[Found] = list(pixels(lambda _: None, part, times, within))
    return [(said, [np.asarray(content)]) for said, content in told if content is not None]
