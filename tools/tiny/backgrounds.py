"""Backgrounds of images: paper, walls, gradients, patterns, noise and photograph-like textures."""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from tools.tiny import names
from tools.tiny.canvas import Pixels
from tools.tiny.palette import Colour, any_colour, shade

_TILE = 512


@cache
def _noise_tiles() -> list[Pixels]:
    """Noise to cut pieces from, fine to coarse, mean 0 and deviation 1: drawing it anew would cost more
    than all the rest of a picture.
    """
    generator = np.random.default_rng(12345)
    tiles = []
    for cell in (1, 2, 4, 12, 40, 120):
        side = _TILE // cell + 2
        small = generator.standard_normal((side, side, 3)).astype(np.float32)
        channels = [Image.fromarray(small[..., k]) for k in range(3)]
        large = [one.resize((_TILE, _TILE), Image.Resampling.BICUBIC) for one in channels]
        tile = np.stack([np.asarray(one) for one in large], -1)
        tiles.append(tile / tile.std())
    return tiles


def _noise(scale: int, height: int, width: int, rng: random.Random) -> Pixels:
    """A piece of the tile number `scale`, mirrored at random; (height, width, 3)."""
    tile = _noise_tiles()[scale]
    if height > _TILE or width > _TILE:
        tile = np.tile(tile, (height // _TILE + 1, width // _TILE + 1, 1))
    y, x = rng.randint(0, tile.shape[0] - height), rng.randint(0, tile.shape[1] - width)
    piece = tile[y : y + height, x : x + width]
    return piece[:: rng.choice((1, -1)), :: rng.choice((1, -1))]


def _flat(colour: Colour, height: int, width: int) -> Pixels:
    return np.tile(np.asarray(colour, np.float32), (height, width, 1))


def _ramp(height: int, width: int, rng: random.Random) -> Pixels:
    """0..1 across the picture in some direction, or from the middle outwards; (height, width, 1)."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    y, x = y / height - 0.5, x / width - 0.5
    if rng.random() < 0.25:
        ramp = np.hypot(x, y)
    else:
        turn = rng.uniform(0, 2 * np.pi)
        ramp = x * np.float32(np.cos(turn)) + y * np.float32(np.sin(turn))
    low, high = float(ramp.min()), float(ramp.max())
    scaled: Pixels = ((ramp - low) / max(high - low, 1e-6))[..., None]
    return scaled


def _pattern(height: int, width: int, rng: random.Random) -> Pixels:
    """Where a pattern has its lines or dots, 0 or 1: ruled paper, squares, stripes, dots; (height, width, 1)."""
    step = rng.randint(6, max(7, height // 4))
    y, x = np.mgrid[0:height, 0:width]
    patterns: tuple[Callable[[], NDArray[np.bool_]], ...] = (
        lambda: y % step < max(1, step // 10),  # ruled
        lambda: np.minimum(x % step, y % step) < max(1, step // 12),  # squared
        lambda: (x + rng.choice((-1, 0, 1)) * y) % (2 * step) < step,  # striped
        lambda: (x // step + y // step) % 2 == 0,  # a chess board
        lambda: (x % step - step / 2) ** 2 + (y % step - step / 2) ** 2 < (step * 0.2) ** 2,  # dots
        lambda: y > height * rng.uniform(0.3, 0.8),  # halves
    )
    marked: Pixels = rng.choice(patterns)()[..., None].astype(np.float32)
    return marked


def background(height: int, width: int, rng: random.Random) -> tuple[Pixels, str | None]:
    """A background, and its colour's name when people would agree on one; pixels (height, width, 3)."""
    name = rng.choice(("white",) * 5 + ("grey",) * 4 + names.COLOURS)
    named = rng.random() < 0.65
    colour = shade(name, rng) if named else any_colour(rng)
    pixels = _flat(colour, height, width)
    style = rng.random()
    if style < 0.45:
        pass
    elif style < 0.62:
        strength = rng.uniform(-70, 70) if not named else rng.uniform(-25, 25)
        pixels += strength * _ramp(height, width, rng)
    elif style < 0.68:
        other = np.asarray(any_colour(rng), np.float32)
        pixels += _ramp(height, width, rng) * (other - pixels) * rng.uniform(0.3, 1.0)
        named = False
    elif style < 0.80:
        contrast = rng.uniform(8, 45)
        pixels += _pattern(height, width, rng) * np.float32(rng.choice((-1, 1)) * contrast)
    else:
        strength = rng.uniform(2, 26)
        tint = 1.0 if rng.random() < 0.5 else 0.0
        noise = _noise(rng.randrange(6), height, width, rng)
        pixels += strength * (tint * noise + (1 - tint) * noise[..., :1])
        named = named and strength < 15
    return np.clip(pixels, 0, 255), name if named else None


def photograph(height: int, width: int, rng: random.Random) -> Pixels:
    """Something like a photograph: a piece of a real one where a package brings some, else a made-up texture."""
    photographs = real_photographs()
    if photographs and rng.random() < 0.5:
        return _piece(rng.choice(photographs), height, width, rng)
    pixels = _flat(any_colour(rng), height, width)
    horizon = _ramp(height, width, rng)
    pixels += horizon * (np.asarray(any_colour(rng), np.float32) - pixels)
    for _ in range(rng.randint(2, 6)):  # soft regions of other colours with rough borders
        field = _noise(rng.choice((3, 4, 5)), height, width, rng)[..., :1]
        field = field + 0.35 * _noise(2, height, width, rng)[..., :1]
        edge = rng.uniform(2, 12)
        region = 1 / (1 + np.exp(-edge * (field - rng.uniform(-0.5, 1.2))))
        other = np.asarray(any_colour(rng), np.float32)
        pixels += region * (other - pixels) * rng.uniform(0.4, 1.0)
    for scale in range(6):  # light and grain at every size, as nature has it
        pixels += rng.uniform(2, 24) * _noise(scale, height, width, rng)[..., :1]
    return np.clip(pixels, 0, 255)


def _piece(picture: Image.Image, height: int, width: int, rng: random.Random) -> Pixels:
    """A random cut of a photograph, mirrored, lighter or darker, at the wanted size."""
    side = rng.uniform(0.3, 1.0) * min(picture.width / width, picture.height / height)
    w, h = max(8, int(width * side)), max(8, int(height * side))
    x, y = rng.randint(0, picture.width - w), rng.randint(0, picture.height - h)
    cut = picture.resize((width, height), Image.Resampling.BILINEAR, box=(x, y, x + w, y + h))
    if rng.random() < 0.2:
        cut = cut.filter(ImageFilter.GaussianBlur(rng.uniform(0.3, 1.5)))
    pixels = np.asarray(cut, np.float32)[:, :: rng.choice((1, -1))]
    if rng.random() < 0.3:
        pixels = pixels[..., rng.sample(range(3), 3)]
    if rng.random() < 0.1:
        pixels = np.repeat(pixels.mean(-1, keepdims=True), 3, -1)
    lit: Pixels = np.clip(pixels * rng.uniform(0.6, 1.25) + rng.uniform(-25, 25), 0, 255)
    return lit


@cache
def real_photographs() -> list[Image.Image]:
    """The public-domain and CC0 photographs in scikit-image's wheel, or none where it is not installed."""
    spec = find_spec("skimage")
    if spec is None or spec.origin is None:
        return []
    folder = Path(spec.origin).parent / "data"
    wanted = ("astronaut", "chelsea", "coffee", "camera", "rocket", "brick", "grass", "gravel", "hubble_deep_field",
              "moon", "horse", "coins", "motorcycle_left", "clock_motion", "retina", "ihc", "cell")  # fmt: skip
    files = [path for path in sorted(folder.iterdir()) if path.stem in wanted]
    return [Image.open(path).convert("RGB") for path in files if path.suffix in {".png", ".jpg"}]
