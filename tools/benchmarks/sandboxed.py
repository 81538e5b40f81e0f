"""Measures what decoding strangers' files in the sandbox, instead of this process, costs before the first token."""

from __future__ import annotations

import argparse
from pathlib import Path
from tempfile import TemporaryDirectory

from model.backend import Cancel, collected
from model.conversation import Conversation, Image, Media, Text, Video
from model.local import LocalBackend
from model.settings import GenerationSettings
from tests.support import media_files
from tools.benchmarks import models
from tools.benchmarks.report import Cell, Report, columns
from ui.media.sandbox.media import STRANGERS_MEDIA

ANSWER = GenerationSettings(max_new_tokens=1)
CLIP_SECONDS, FPS = 10, 10


def run(options: argparse.Namespace) -> Report:
    """Measure each way in turn, `options.repeats` times after a warm-up."""
    here = models.load(options)
    there = LocalBackend(here.model, here.processor, reader=STRANGERS_MEDIA)
    rows: list[list[Cell]] = []
    with TemporaryDirectory() as name:
        for what, part in _files(Path(name)):
            talk = Conversation().with_user_turn(part, Text("What do you see, and why?"))
            measured = [
                models.in_thread(lambda talk=talk: (_first_token(here, talk), _first_token(there, talk)))
                for _ in range(options.repeats + 1)
            ][1:]  # fmt: skip
            plain, held = columns(measured, "s")
            tokens = f"{here.estimate(talk, ANSWER).prompt_tokens:,}"
            rows.append([what, tokens, plain, held, held.per(plain)])
    head = ("first message", "prompt tokens", "decoded in this process", "in the sandbox", "ratio")
    return Report(f"{models.name(here)}, nothing kept", head, rows)


def _files(folder: Path) -> list[tuple[str, Media]]:
    photos = {"a photo of 1 megapixel": (1200, 900), "a photo of 12 megapixels": (4000, 3000)}
    pictures: list[tuple[str, Media]] = [
        (what, Image(media_files.photo(folder / f"{size[0]}.jpg", size))) for what, size in photos.items()
    ]  # fmt: skip
    clip = media_files.clip(folder / "a.mp4", CLIP_SECONDS * FPS, fps=FPS, size=(1280, 720))
    return [*pictures, (f"a clip of {CLIP_SECONDS} s, 720p", Video(clip))]


def _first_token(backend: LocalBackend, talk: Conversation) -> float:
    """Seconds to the first token. The files' facts are cached already, as on a page that has shown their cost."""
    backend.estimate(talk, ANSWER)
    _, usage = collected(backend.stream(talk, ANSWER, Cancel()))
    return usage.ttft_s
