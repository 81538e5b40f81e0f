"""Measures how much of the model's token rate reaches a person: the same last answer of a chat, three ways.

The ways are stock `generate` with its streamer, our backend alone, and the page in a browser on the same machine.
Answers must not end early, so the weights are random and temperature 1 makes no token likely. The seed is the first one
whose answers are long enough. The page gets the same messages, images, settings and seed, so it gives the same answers.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image as PillowImage
from playwright.sync_api import Browser
from transformers import AutoTokenizer

from model.backend import Cancel, Usage, collected
from model.checkpoint.choose import BUNDLED
from model.conversation import Conversation, Image, Text
from model.local import LocalBackend
from model.settings import GenerationSettings, VisionSettings
from tests.support import served
from tests.support.chat import ENDED, Chat
from tests.support.stock import stock_streamed
from tools.benchmarks import models
from tools.benchmarks.report import Figures, Report
from tools.tiny.checkpoint import write_random_checkpoint
from tools.tiny.scene import make_picture
from ui.text.english import ENGLISH

PICTURES = 8  # one in each of the first turns
TURNS = 10  # that the chat has when a long answer is measured
PICTURE_TOKENS = 64
SHORT_ANSWER = 16  # tokens, of each of the other turns
QUESTION = "And now, number {number}: what do you see, and why?"
LONG_QUESTION = "Tell me a long story about all of them."
SEEDS = 200
CONTROL = "<|"  # begins every control token
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
    """The conversation without the page. seed: of every answer."""

    backend: LocalBackend
    pictures: Sequence[Path]
    tokens: int  # of the long answer
    seed: int = 0
    talk: Conversation = field(default_factory=Conversation)  # up to the long answer

    def hold(self) -> None:
        """Hold the conversation to its end, with the first seed that makes the long answer long enough."""
        for self.seed in range(SEEDS):
            if self._held():
                return
        raise RuntimeError(f"No seed below {SEEDS} gives an answer of {self.tokens} tokens.")

    def stock(self) -> float:
        answer = stock_streamed(self.backend, self.talk, self._settings(self.tokens))
        if len(answer.ids) != self.tokens:
            raise RuntimeError(f"Stock's answer has {len(answer.ids)} tokens, not {self.tokens}.")
        return answer.decode_tokens_per_s

    def alone(self) -> float:
        return self._answer(self.talk, self.tokens)[1].decode_tokens_per_s

    def _held(self) -> bool:
        self.talk = Conversation()
        for turn in range(TURNS):
            shown = self.pictures[turn : turn + 1]
            media = [
                Image(path, vision=VisionSettings(max_tokens=PICTURE_TOKENS)) for path in shown
            ]
            self.talk = self.talk.with_user_turn(*media, Text(_question(turn)))
            text, _ = self._answer(self.talk, SHORT_ANSWER)
            if CONTROL in text:  # for stock the turn would end there, or have one more picture
                return False
            self.talk = self.talk.with_reply(text)
        self.talk = self.talk.with_user_turn(Text(_question(TURNS)))
        _, usage = self._answer(self.talk, self.tokens)
        return usage.new_tokens == self.tokens

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
        """Ask the next question."""
        self.chat.set("max-new-tokens", str(SHORT_ANSWER if turn < TURNS else self.tokens))
        for picture in self.pictures[turn : turn + 1]:
            self.chat.attach(picture)
        self.chat.ask(_question(turn))
        shown = self.chat.page.locator("#chatbot .user img").count()
        if (len(self.chat.answered), shown) != (turn + 1, min(turn + 1, PICTURES)):
            raise RuntimeError("The page does not show the whole conversation.")

    def again(self) -> float:
        """Generate the last answer again. Raises `RuntimeError` if it ended early."""
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
    """Measure the long answer `options.repeats` times each way, in turn, after a warm-up."""
    tokens = options.tokens
    with TemporaryDirectory() as name:
        folder = Path(name)
        pictures = _pictures(folder)
        tokenizer = AutoTokenizer.from_pretrained(BUNDLED)
        write = partial(write_random_checkpoint, size="tiny", tokenizer=tokenizer)
        checkpoint = models.in_thread(write, folder / "random")
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
            for turn in range(TURNS + 1):
                paged.ask(turn)
            rates = [
                Rates(models.in_thread(raw.stock), raw.alone(), paged.again())
                for _ in range(options.repeats + 1)
            ][1:]
    return _report(tokens, rates)


def _pictures(folder: Path) -> list[Path]:
    """Images as large as people's, which the page must keep."""
    paths = [folder / f"picture-{number}.png" for number in range(1, PICTURES + 1)]
    for number, path in enumerate(paths):
        scene = make_picture(12, 16, random.Random(number))
        PillowImage.fromarray(scene.frames[0]).resize((1600, 1200)).save(path)
    return paths


def _question(turn: int) -> str:
    return QUESTION.format(number=turn + 1) if turn < TURNS else LONG_QUESTION


def _flags(seed: int) -> tuple[str, ...]:
    return f"--seed={seed}", "--temperature=1", f"--max-tokens={PICTURE_TOKENS}"


def _open(browser: Browser, server: served.Server) -> Chat:
    profile = browser.new_context(viewport={"width": 1280, "height": 800}, locale="en-GB")
    chat = served.tab(profile, server)
    chat.open()
    return chat


def _report(tokens: int, rates: Sequence[Rates]) -> Report:
    stock, alone, page = (
        Figures(tuple(getattr(rate, way) for rate in rates), "tokens/s")
        for way in ("stock", "alone", "page")
    )
    head = ("stock", "ours alone", "through the page", "page / stock", "page / ours alone")
    about = (
        f"random weights in the shape of the bundled checkpoint; an answer of {tokens} tokens after {TURNS} turns "
        f"with {PICTURES} pictures of 1600x1200"
    )
    return Report(about, head, [[stock, alone, page, page.per(stock), page.per(alone)]])
