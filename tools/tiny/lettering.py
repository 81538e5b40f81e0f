"""Fonts for the texts in the pictures, all from Python packages: no font file is expected on the machine."""

from __future__ import annotations

import random
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from PIL import ImageFont

from tools.tiny.canvas import Font
from tools.tiny.names import MAX_CHARACTERS
from tools.tiny.wordings import ENGLISH

# Packages that carry fonts under free licences. All are optional; the more, the better it reads.
_FONT_PACKAGES = ("font_roboto", "font_source_serif_pro", "font_source_sans_pro", "font_manrope",
                  "font_hanken_grotesk", "font_caladea", "font_intuitive", "font_fredoka_one")  # fmt: skip
_PILLOW = ""  # stands for the font inside Pillow itself
_STROKES = "strokes"
_SIZES = (14, 18, 23, 29, 37, 47, 60, 76, 97, 124, 158)


@cache
def font_files() -> tuple[str, ...]:
    """Every font file found in the packages above."""
    files: list[str] = []
    for package in _FONT_PACKAGES:
        spec = find_spec(package)
        for folder in spec.submodule_search_locations or () if spec else ():
            files += [str(path) for path in sorted(Path(folder).rglob("*.[to]tf"))]
    return tuple(files)


@cache
def _load(name: str, size: int) -> ImageFont.FreeTypeFont:
    font = ImageFont.load_default(size) if name == _PILLOW else ImageFont.truetype(name, size)
    if not isinstance(font, ImageFont.FreeTypeFont):
        raise RuntimeError("Pillow was built without FreeType; install Pillow's wheel from PyPI.")
    return font


@cache
def _words(length: int) -> list[str]:
    """The words of `languages/english.toml` that have so many letters."""
    return [word for word in ENGLISH.table["words"].split() if len(word) == length]


def some_word(most: int, rng: random.Random) -> str:
    """A word, something that sounds like one, or two words; of at most `most` characters, or "" if there is none.

    Made-up words keep the model from guessing what it has not read.
    """
    most = min(most, MAX_CHARACTERS)
    if most < 3:
        return ""
    if most >= 7 and rng.random() < 0.3:
        first = rng.randint(2, most - 4)
        return f"{_one_word(first, rng)} {_one_word(rng.randint(3, most - 1 - first), rng)}"
    return _one_word(rng.choice(range(3, min(most, 8) + 1)), rng)


def _one_word(length: int, rng: random.Random) -> str:
    known = _words(length)
    if known and rng.random() < 0.5:
        return rng.choice(known)
    sounds = ("BCDFGHJKLMNPQRSTVWXYZ", "AEIOU")
    start = rng.randrange(2)
    return "".join(rng.choice(sounds[(start + k + (rng.random() < 0.15)) % 2]) for k in range(length))  # fmt: skip


def pick_font(height: float, rng: random.Random) -> Font:
    """A font whose capitals are about `height` pixels tall; None stands for the stroke font."""
    files = font_files()
    name = rng.choice((_STROKES, _PILLOW)) if not files or rng.random() < 0.4 else rng.choice(files)
    if name == _STROKES:
        return None
    wanted = height / 0.72  # capitals are about 0.72 of a font's size
    size = min(_SIZES, key=lambda size: abs(size - wanted))
    return _load(name, size)
