"""What is attached, and what is right to do with it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from PIL import Image

Make = Callable[[Path], object]
WIDE = (64, 32)  # of `corners`


@dataclass(frozen=True)
class Case:
    """`make` writes a file that a person calls `name`."""

    name: str
    make: Make
    kind: Literal["image", "video"] = "image"
    size: tuple[int, int] = (0, 0)  # as it is to be seen, upright
    upright: bool = False  # whether its quarters are `CORNERS`
    numbers: tuple[int, ...] = ()  # of the frames that the model sees, of `numbered_frame`
    refused: str = ""  # what is said of it; else it works
    when: Literal["attaching", "pricing"] = "attaching"


def works(name: str, make: Make, size: tuple[int, int] = WIDE, *, upright: bool = True) -> Case:
    """A picture that can be asked about."""
    return Case(name, make, "image", size, upright)


def plays(name: str, make: Make, *numbers: int, size: tuple[int, int] = (64, 48)) -> Case:
    """A clip that can be asked about."""
    return Case(name, make, "video", size, numbers=numbers)


def refused(
    name: str, make: Make, said: str, when: Literal["attaching", "pricing"] = "attaching"
) -> Case:
    return Case(name, make, refused=said, when=when)


def saved(image: Image.Image, form: str, **options: Any) -> Make:
    return lambda path: image.save(path, form, **options)


def written(content: bytes) -> Make:
    return lambda path: path.write_bytes(content)
