"""How much of the raw token rate reaches a person, by length of the chat: the same answer three ways.

Stock `generate` with its streamer, our backend alone, and through the page in a browser on the same machine.
A random model may end its answer early. So answers are drawn at temperature 1, where no word is likely,
and with the first seed whose answers are as long as asked for. The page gets the same messages, pictures,
settings and seed and therefore gives the same answers.
"""

from __future__ import annotations

import argparse
import os
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import torch
from PIL import Image as PillowImage
from playwright.sync_api import Browser
from transformers import AutoTokenizer

from model.backend import Cancel, Usage, collected
from model.choose import BUNDLED
from model.conversation import Conversation, Image, Text
from model.local import LocalBackend
from model.settings import GenerationSettings, VisionSettings
from model.verify import stock_answer
from tests.e2e.chat import ENDED, Chat
from tools import served
from tools.benchmarks import models, stock
from tools.benchmarks.machine import Report
from tools.tiny.checkpoint import write_random_checkpoint
from tools.tiny.scene import make_picture
from ui.texts import ENGLISH

PICTURES = 8  # one in each of the first turns
MEASURED = (0, 10, 20)  # turns that the chat has when a long answer is measured
PICTURE_TOKENS = 64
SHORT_ANSWER = 16  # tokens, of each of the other turns
QUESTION = "And now, number {number}: what do you see, and why?"
LONG_QUESTION = "Tell me a long story about all of them."
SEEDS = 50
TARGET = 0.95
# Notes how many characters of the answer there are, at every frame in which there are more. Its end is told, for to ask
# for it again and again would keep the browser busy.
WATCH = """() => {
  const seen = window.seen = [];
  let asked = false, end;
  window.answered = new Promise((resolve) => { end = resolve; });
  const look = (now) => {
    asked = false;
    if (document.querySelector('#run-state [data-state]')?.dataset.state !== 'answering') {
      if (seen.length) end();
      return;
    }
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
class Rates:
    """Tokens per second of one answer."""

    stock: float
    alone: float  # our backend
    page: float  # by the page's own clock, from its first growth to its last


@dataclass
class Raw:
    """The conversation without the page. `seed` is that of every answer."""

    backend: LocalBackend
    pictures: Sequence[Path]
    tokens: int  # of a long answer
    seed: int = 0
    talks: list[Conversation] = field(default_factory=list)  # each up to a question

    def hold(self) -> None:
        """Talk to the end, with the first seed that makes the long answers long enough."""
        for self.seed in range(SEEDS):
            if self._held():
                return
        raise RuntimeError(f"No seed below {SEEDS} gives answers of {self.tokens} tokens.")

    def stock(self, turn: int) -> float:
        backend = self.backend
        recipe = backend.recipe(self.talks[turn], self._settings(self.tokens))

        def generate(streamer: object) -> None:
            settings = {**recipe.generation, "streamer": streamer}
            stock_answer(backend.model, backend.processor, replace(recipe, generation=settings))

        return stock.decode_tokens_per_s(backend.processor.tokenizer, generate)

    def alone(self, turn: int) -> float:
        return self._answer(self.talks[turn], self.tokens)[1].decode_tokens_per_s

    def _held(self) -> bool:
        talk, self.talks = Conversation(), []
        for turn in range(MEASURED[-1] + 1):
            long = turn in MEASURED
            shown = self.pictures[turn : turn + 1]
            media = [
                Image(path, vision=VisionSettings(max_tokens=PICTURE_TOKENS)) for path in shown
            ]
            talk = talk.with_user_turn(*media, Text(_question(turn)))
            self.talks.append(talk)
            text, usage = self._answer(talk, self.tokens if long else SHORT_ANSWER)
            if long and usage.new_tokens < self.tokens:
                return False
            talk = talk.with_reply(text)
        return True

    def _answer(self, talk: Conversation, tokens: int) -> tuple[str, Usage]:
        settings = self._settings(tokens)
        return collected(self.backend.stream(talk, settings, Cancel(), session="raw"))

    def _settings(self, tokens: int) -> GenerationSettings:
        return GenerationSettings(max_new_tokens=tokens, temperature=1.0, seed=self.seed)


@dataclass(frozen=True)
class Paged:
    """The same conversation in a browser."""

    chat: Chat
    pictures: Sequence[Path]
    tokens: int

    def ask(self, turn: int) -> None:
        """The next turn; a long answer is given once."""
        long = turn in MEASURED
        self.chat.set("max-new-tokens", str(self.tokens if long else SHORT_ANSWER))
        for picture in self.pictures[turn : turn + 1]:
            self.chat.attach(picture)
        self.chat.ask(_question(turn))
        shown = self.chat.page.locator("#chatbot .user img").count()
        if (len(self.chat.answered), shown) != (turn + 1, min(turn + 1, PICTURES)):
            raise RuntimeError("The page does not show the whole conversation.")

    def again(self) -> float:
        """The last answer again. Raises `RuntimeError` if it ended early."""
        turn = self.chat.turn
        self.chat.page.evaluate(WATCH)
        self.chat.page.click("#retry")
        self.chat.page.evaluate("() => window.answered")
        self.chat.wait(*ENDED, after_turn=turn)
        if ENGLISH.reasons["length"] not in self.chat.stats:
            raise RuntimeError(f"The answer on the page ended early: {self.chat.stats}")
        seen, length = self.chat.page.evaluate(SEEN)
        (first_at, first), (last_at, last) = seen[0], seen[-1]
        per_character = self.tokens / length
        return float(per_character * (last - first) / (last_at - first_at))


def run(options: argparse.Namespace) -> Report:
    """Each long answer `options.repeats` times each way."""
    tokens = options.tokens
    with TemporaryDirectory() as name:
        folder = Path(name)
        pictures = _pictures(folder)
        tokenizer = AutoTokenizer.from_pretrained(BUNDLED)
        write = partial(write_random_checkpoint, size="30m", tokenizer=tokenizer)
        checkpoint = models.in_thread(write, folder / "random-30m")
        load = partial(LocalBackend.load, device="cpu")
        raw = Raw(models.in_thread(load, checkpoint), pictures, tokens)
        raw.hold()
        print(f"seed {raw.seed} gives {tokens} tokens; the page gets the same", flush=True)
        with (
            served.serve(folder, checkpoint, *_flags(raw.seed)) as server,
            served.chromium() as browser,
        ):
            server.wait()
            paged = Paged(_open(browser, server), pictures, tokens)
            measured = dict(_measured(raw, paged, options.repeats))
    return _report(measured, tokens, options.repeats)


def _pictures(folder: Path) -> list[Path]:
    """As large as people's, so that the page has something to hold."""
    paths = [folder / f"picture-{number}.png" for number in range(1, PICTURES + 1)]
    for number, path in enumerate(paths):
        scene = make_picture(12, 16, random.Random(number))
        PillowImage.fromarray(scene.frames[0]).resize((1600, 1200)).save(path)
    return paths


def _question(turn: int) -> str:
    return LONG_QUESTION if turn in MEASURED else QUESTION.format(number=turn + 1)


def _flags(seed: int) -> tuple[str, ...]:
    return f"--seed={seed}", "--temperature=1", f"--max-tokens={PICTURE_TOKENS}"


def _open(browser: Browser, server: served.Server) -> Chat:
    profile = browser.new_context(viewport={"width": 1280, "height": 800}, locale="en-GB")
    chat = served.tab(profile, server)
    chat.open()
    return chat


def _measured(raw: Raw, paged: Paged, repeats: int) -> Iterator[tuple[int, list[Rates]]]:
    """By turns, so that whatever else the machine does slows all of them."""
    for turn in range(MEASURED[-1] + 1):
        paged.ask(turn)
        if turn in MEASURED:
            rates = []
            for _ in range(repeats):
                by_stock = models.in_thread(raw.stock, turn)
                rates.append(Rates(by_stock, raw.alone(turn), paged.again()))
                print(turn, rates[-1], flush=True)
            yield turn, rates


def _report(measured: Mapping[int, Sequence[Rates]], tokens: int, repeats: int) -> Report:
    rows = [("turns in the chat", "stock", "ours alone", "through the page", "page / stock", "page / ours alone")]  # fmt: skip
    figures = []
    for turns, rates in measured.items():
        row = {
            "turns": turns,
            "stock": median(rate.stock for rate in rates),
            "alone": median(rate.alone for rate in rates),
            "page": median(rate.page for rate in rates),
            "of_stock": median(rate.page / rate.stock for rate in rates),
            "of_alone": median(rate.page / rate.alone for rate in rates),
        }
        figures.append(row)
        rows.append(
            (
                f"{turns}",
                f"{row['stock']:.1f}",
                f"{row['alone']:.1f}",
                f"{row['page']:.1f}",
                f"{row['of_stock']:.0%}",
                f"{row['of_alone']:.0%}",
            )
        )
    notes = [
        f"a 30 M checkpoint, {torch.get_num_threads()} of {os.cpu_count()} cores for torch; tokens/s over answers "
        f"of {tokens}; medians of {repeats} each way, by turns; {PICTURES} pictures of 1600x1200; "
        f"at least {TARGET:.0%} of stock wanted"
    ]
    return Report("ui", rows, notes, {"chats": figures})
