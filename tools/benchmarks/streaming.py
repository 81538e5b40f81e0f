"""How much of the raw token rate reaches a person: the same answer without the page and through it.

A random model may end its answer early. So answers are drawn at temperature 1, where no word is likely,
and with the first seed whose answer is as long as asked for. The page gets the same messages, pictures,
settings and seed and therefore gives the same answer.
"""

from __future__ import annotations

import argparse
import os
import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import torch
from PIL import Image as PillowImage
from playwright.sync_api import Browser
from transformers import AutoTokenizer

from model.backend import Cancel, Usage, collected
from model.checkpoint import BUNDLED
from model.conversation import Conversation, Image, Text
from model.local import LocalBackend
from model.settings import GenerationSettings, VisionSettings
from tests.e2e.chat import ENDED, Chat
from tools import served
from tools.benchmarks import models
from tools.benchmarks.machine import Report
from tools.tiny.checkpoint import write_random_checkpoint
from tools.tiny.scene import make_picture
from ui.texts import ENGLISH

PICTURES, TURNS = 8, 20
PICTURE_TOKENS = 64
SHORT_ANSWER = 16  # tokens, of each of the twenty turns
QUESTION = "And now, number {number}: what do you see, and why?"
LAST_QUESTION = "Tell me a long story about all of them."
SEEDS = 50
TARGET = 0.95
# Notes how many characters of the answer there are, at every frame in which there are more.
WATCH = """() => {
  const seen = window.seen = [];
  let asked = false;
  const look = (now) => {
    asked = false;
    if (document.querySelector('#run-state [data-state]')?.dataset.state !== 'answering') return;
    const length = document.querySelector('#live').textContent.replace(/\\s/g, '').length;
    const before = seen.at(-1)?.[1] ?? 0;
    if (length < before) seen.length = 0; // that was still the line about what it waits for
    if (length !== before) seen.push([now / 1000, length]);
  };
  window.watching?.disconnect();
  window.watching = new MutationObserver(() => {
    if (!asked) { asked = true; requestAnimationFrame(look); }
  });
  window.watching.observe(document.body, { childList: true, characterData: true, subtree: true });
}"""
SEEN = """() => [window.seen,
  [...document.querySelectorAll('#chatbot .bot .prose')].at(-1).textContent.replace(/\\s/g, '').length]"""


@dataclass(frozen=True)
class Rate:
    """Tokens per second of one answer through the page."""

    told: float  # by the statistics under it, which are rounded
    seen: float  # by the page's own clock, from its first growth to its last
    updates: int


@dataclass
class Raw:
    """The conversation with the backend alone. `seed` is that of every answer."""

    backend: LocalBackend
    tokens: int
    seed: int = 0
    talk: Conversation = field(default_factory=Conversation)

    def hold(self, pictures: Sequence[Path]) -> None:
        """Talk until the long answer is due, with the first seed that makes it long enough."""
        for self.seed in range(SEEDS):
            self.talk = Conversation()
            for question, picture in _turns(pictures):
                self._ask(question, picture)
            self.talk = self.talk.with_user_turn(Text(LAST_QUESTION))
            if self.answer().new_tokens == self.tokens:
                return
        raise RuntimeError(f"No seed below {SEEDS} gives an answer of {self.tokens} tokens.")

    def answer(self) -> Usage:
        """The long answer, which the conversation does not keep."""
        return self._stream(self.tokens)[1]

    def _ask(self, question: str, picture: Path | None) -> None:
        vision = VisionSettings(max_tokens=PICTURE_TOKENS)
        shown = [Image(picture, vision=vision)] if picture else []
        self.talk = self.talk.with_user_turn(*shown, Text(question))
        self.talk = self.talk.with_reply(self._stream(SHORT_ANSWER)[0])

    def _stream(self, tokens: int) -> tuple[str, Usage]:
        settings = GenerationSettings(max_new_tokens=tokens, temperature=1.0, seed=self.seed)
        return collected(self.backend.stream(self.talk, settings, Cancel(), session="raw"))


@dataclass(frozen=True)
class Paged:
    """The same conversation in a browser."""

    chat: Chat
    tokens: int

    def hold(self, pictures: Sequence[Path]) -> None:
        """Talk until the long answer was given once."""
        for question, picture in _turns(pictures):
            if picture:
                self.chat.attach(picture)
            self.chat.ask(question)
        self.chat.set("max-new-tokens", str(self.tokens))
        self.chat.ask(LAST_QUESTION)
        shown = self.chat.page.locator("#chatbot .user img").count()
        if (len(self.chat.answered), shown) != (TURNS + 1, PICTURES):
            raise RuntimeError("The page does not show the whole conversation.")

    def answer(self) -> Rate:
        """The long answer again. Raises `RuntimeError` if it ended early."""
        turn = self.chat.turn
        self.chat.page.evaluate(WATCH)
        self.chat.page.click("#retry")
        self.chat.wait(*ENDED, after_turn=turn)
        stats = self.chat.stats
        told = re.search(ENGLISH.stats_rate.format(rate=r"([\d.]+)"), stats)
        if told is None or ENGLISH.reasons["length"] not in stats:
            raise RuntimeError(f"The answer on the page ended early: {stats}")
        seen, length = self.chat.page.evaluate(SEEN)
        (first_at, first), (last_at, last) = seen[0], seen[-1]
        per_character = self.tokens / length
        rate = per_character * (last - first) / (last_at - first_at)
        return Rate(float(told.group(1)), rate, len(seen))


def run(options: argparse.Namespace) -> Report:
    """The long answer `options.repeats` times each way."""
    repeats, tokens = options.repeats, options.tokens
    with TemporaryDirectory() as name:
        folder = Path(name)
        pictures = _pictures(folder)
        tokenizer = AutoTokenizer.from_pretrained(BUNDLED)
        write = partial(write_random_checkpoint, size="30m", tokenizer=tokenizer)
        checkpoint = models.in_thread(write, folder / "random-30m")
        load = partial(LocalBackend.load, device="cpu")
        raw = Raw(models.in_thread(load, checkpoint), tokens)
        raw.hold(pictures)
        print(
            f"seed {raw.seed} gives {tokens} tokens; the page gets the same conversation",
            flush=True,
        )
        with (
            served.serve(folder, checkpoint, *_flags(raw.seed)) as server,
            served.chromium() as browser,
        ):
            server.wait()
            pairs = list(_measured(raw, _open(browser, server, tokens), pictures, repeats))
    return _report(pairs, tokens)


def _pictures(folder: Path) -> list[Path]:
    """As large as people's, so that the page has something to hold."""
    paths = [folder / f"picture-{number}.png" for number in range(1, PICTURES + 1)]
    for number, path in enumerate(paths):
        scene = make_picture(12, 16, random.Random(number))
        PillowImage.fromarray(scene.frames[0]).resize((1600, 1200)).save(path)
    return paths


def _turns(pictures: Sequence[Path]) -> Iterator[tuple[str, Path | None]]:
    """Twenty questions, the first ones each with a picture."""
    for number in range(TURNS):
        picture = pictures[number] if number < len(pictures) else None
        yield QUESTION.format(number=number + 1), picture


def _flags(seed: int) -> tuple[str, ...]:
    return (
        f"--seed={seed}",
        "--temperature=1",
        f"--max-new-tokens={SHORT_ANSWER}",
        f"--max-tokens={PICTURE_TOKENS}",
    )


def _open(browser: Browser, server: served.Server, tokens: int) -> Paged:
    profile = browser.new_context(viewport={"width": 1280, "height": 800}, locale="en-GB")
    chat = served.tab(profile, server)
    chat.open()
    return Paged(chat, tokens)


def _measured(
    raw: Raw, paged: Paged, pictures: Sequence[Path], repeats: int
) -> Iterator[tuple[float, Rate]]:
    """By turns, so that whatever else the machine does slows both."""
    paged.hold(pictures)
    for _ in range(repeats):
        alone, through = raw.answer().decode_tokens_per_s, paged.answer()
        print(
            f"raw {alone:.1f}, by the page's clock {through.seen:.1f}, "
            f"by its statistics {through.told:.0f} tokens/s",
            flush=True,
        )
        yield alone, through


def _report(pairs: Sequence[tuple[float, Rate]], tokens: int) -> Report:
    raw = median(alone for alone, _ in pairs)
    seen = median(through.seen for _, through in pairs)
    told = median(through.told for _, through in pairs)
    ratio = median(through.seen / alone for alone, through in pairs)
    updates = median(through.updates for _, through in pairs)
    rows = [
        (f"a 30 M checkpoint, {torch.get_num_threads()} of {os.cpu_count()} cores for torch", ""),
        ("raw", f"{raw:.1f} tokens/s"),
        ("through the page, by its clock", f"{seen:.1f} tokens/s in {updates:.0f} updates"),
        ("through the page, by its statistics", f"{told:.0f} tokens/s"),
        ("kept by the page", f"{ratio:.0%} (at least {TARGET:.0%} wanted)"),
    ]
    notes = [
        f"medians of {len(pairs)} answers of {tokens} tokens each way, by turns, "
        f"after {TURNS} turns with {PICTURES} pictures of 1600x1200"
    ]
    return Report("ui", rows, notes, {"raw": raw, "seen": seen, "told": told, "kept": ratio})
