"""The words of the tiny world: what a picture may show and what things are called."""

from __future__ import annotations

SHAPES = ("circle", "square", "triangle", "star", "cross", "diamond")
COLOURS = ("red", "green", "blue", "yellow", "orange", "purple", "black", "white")
BACKGROUNDS = (*COLOURS, "grey")

# O and I are left out: nobody can tell them from 0 and 1 in every font.
CHARACTERS = "0123456789ABCDEFGHJKLMNPQRSTUVWXYZ"

PLACES = (
    ("at the top left", "at the top", "at the top right"),
    ("on the left", "in the centre", "on the right"),
    ("at the bottom left", "at the bottom", "at the bottom right"),
)
DIRECTIONS = {"left": (-1, 0), "right": (1, 0), "up": (0, -1), "down": (0, 1)}

MAX_SHAPES = 4
MAX_CHARACTERS = 4
MAX_PICTURES = 4


def plural(noun: str) -> str:
    """`star` -> `stars`, `cross` -> `crosses`."""
    return noun + ("es" if noun.endswith("s") else "s")


def article(phrase: str) -> str:
    """`orange star` -> `an orange star`."""
    return ("an " if phrase[0] in "aeiou" else "a ") + phrase
