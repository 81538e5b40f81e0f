"""What a picture may show, by the names that code and English answers give it."""

from __future__ import annotations

from tools.tiny.palette import TABLE

SHAPES = ("circle", "square", "triangle", "star", "cross", "diamond")
COLOURS = tuple(TABLE)
FIRST_COLOURS = COLOURS[:8]  # the world of the first checkpoint, whose table the card keeps

# In a random text O and I are left out: nobody can tell them from 0 and 1 in every font. Words have them.
CHARACTERS = "0123456789ABCDEFGHJKLMNPQRSTUVWXYZ"

DIRECTIONS = {"left": (-1, 0), "right": (1, 0), "up": (0, -1), "down": (0, 1)}
MOTIONS = (*DIRECTIONS, "still", "grow", "shrink")

MAX_SHAPES = 6
MAX_CHARACTERS = 9  # of a word, or of two with the space between them
MAX_PICTURES = 4
