"""Conversations of a given length for the benchmarks."""

from __future__ import annotations

from pathlib import Path

from model.conversation import Conversation, Image, Text
from model.local import LocalBackend
from model.settings import GenerationSettings, VisionSettings
from tests.support import media_files

PICTURE = VisionSettings(min_tokens=600, max_tokens=640)
PIXELS = (1600, 1200)
WORD = " red"  # one token, of the bundled checkpoint and of the full ones


def pictures(folder: Path, count: int) -> tuple[Image, ...]:
    """Photographs of `PIXELS`, all different."""
    paths = [folder / f"{number}.jpg" for number in range(count)]
    return tuple(
        Image(media_files.photo(path, PIXELS, seed=number), PICTURE)
        for number, path in enumerate(paths)
    )


def of_length(backend: LocalBackend, tokens: int) -> Conversation:
    """A prompt of exactly so many tokens. Raises `ValueError` if there is none."""
    words = tokens
    for _ in range(4):
        talk = Conversation().with_user_turn(Text(WORD * words))
        over = prompt_tokens(backend, talk) - tokens
        if not over:
            return talk
        words -= over
    raise ValueError(f"No prompt has {tokens} tokens.")


def prompt_tokens(backend: LocalBackend, talk: Conversation) -> int:
    """The number of prompt tokens that the model gets."""
    return len(backend.prompt_ids(talk, GenerationSettings()))
