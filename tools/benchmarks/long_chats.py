"""Measures the time to the first word in long chats, and how long the server's event loop is blocked meanwhile.

It asks in a browser, before a stand-in for a server, so all that grows with the chat is the page's own work.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import Browser

from model.backend import AnswerRecord
from model.conversation import Conversation, Text
from model.reproduce.archive import Archive, write
from model.reproduce.generation_record import ModelInfo
from model.settings import GenerationSettings
from tests.support import served
from tests.support.chat import ENDED, Chat
from tools.benchmarks.behind_server import paced
from tools.benchmarks.machine import ROOT
from tools.benchmarks.report import Cell, Figures, Report
from tools.benchmarks.watched_app import TOLD

TURNS = (1, 50, 200, 500)
TOKENS, RATE = 16, 50.0  # of each answer, and a second
QUESTION = "And now?"
ANSWER = "Answer **{number}** has `code` in it.\n\n* one item\n* and another"
# The first word is seen in the frame after it was put on the page. Before it #live says in italics what it waits for.
WATCH = """() => {
  const live = document.querySelector('#live');
  const answers = () => document.querySelectorAll('#chatbot .bot .prose').length;
  const before = answers();
  let pressed;
  addEventListener('keydown', () => { pressed = performance.now(); }, { capture: true, once: true });
  window.firstWord = new Promise((resolve) => {
    const watching = new MutationObserver(() => {
      if (!(live.textContent.trim() && !live.querySelector('em')) && answers() === before) return;
      watching.disconnect();
      requestAnimationFrame(() => resolve((performance.now() - pressed) / 1000));
    });
    watching.observe(document.querySelector('#talk'), { childList: true, characterData: true, subtree: true });
  });
}"""


@dataclass(frozen=True)
class Asked:
    """One question: the seconds until its first word, and the longest for which the loop was held, in wall time and
    in processor time.
    """

    first_word_s: float
    held_s: float
    computed_s: float


def run(options: argparse.Namespace) -> Report:
    """Ask one question at the end of each chat, `options.repeats` times after a warm-up."""
    lengths = [turns for turns in TURNS if turns <= options.longest]
    with TemporaryDirectory() as name, paced(TOKENS, RATE) as base:
        folder = Path(name)
        with _watched(folder, base) as server, served.chromium() as browser:
            server.wait()
            found = {t: _measured(browser, server, folder, t, options.repeats) for t in lengths}
    rows: list[list[Cell]] = []
    alone = _figures(found[1], "first_word_s", "s", 1)
    for turns, asked in found.items():
        first = _figures(asked, "first_word_s", "s", 1)
        held = (_figures(asked, name, "ms", 1000) for name in ("held_s", "computed_s"))
        rows.append([f"{turns:,}", first, first.per(alone), *held])
    head = ("turns", "first word", "of that after 1 turn", "loop held", "in processor time")
    return Report("a chat of text; the stand-in's first word comes after 0.02 s", head, rows)


def _figures(asked: list[Asked], name: str, unit: str, scale: float) -> Figures:
    return Figures(tuple(scale * getattr(one, name) for one in asked), unit)


def _measured(
    browser: Browser, server: served.Server, folder: Path, turns: int, repeats: int
) -> list[Asked]:
    profile = browser.new_context(viewport={"width": 1280, "height": 800}, locale="en-GB")
    chat = served.tab(profile, server)
    chat.open()
    chat.hand_over("drop", _exported(folder / f"{turns}.zip", turns))
    chat.page.wait_for_function(
        "(turns) => document.querySelectorAll('#chatbot .bot .prose').length === turns", arg=turns
    )
    asked = [_asked(chat, server) for _ in range(repeats + 1)][1:]
    profile.close()
    return asked


def _asked(chat: Chat, server: served.Server) -> Asked:
    """Ask, and undo the turn."""
    turn = chat.turn
    chat.page.fill("#composer textarea", QUESTION)
    chat.page.evaluate(WATCH)
    _held(server)
    chat.page.press("#composer textarea", "Enter")
    first_word_s = float(chat.page.evaluate("() => window.firstWord"))
    chat.wait(*ENDED, after_turn=turn)
    held = _held(server)
    chat.page.click("#undo")
    chat.wait_for_draft(QUESTION)
    return Asked(first_word_s, *held)


def _exported(target: Path, turns: int) -> Path:
    talk = Conversation()
    for number in range(turns):
        talk = talk.with_user_turn(Text(f"Question {number}?"))
        talk = talk.with_reply(ANSWER.format(number=number))
    answers = (AnswerRecord(GenerationSettings(), None),) * turns
    write(Archive(talk, answers, (), ModelInfo("stand-in")), target)
    return target


@contextmanager
def _watched(folder: Path, base: str) -> Iterator[served.Server]:
    """Start the page before the server at `base`, with `watched_app`."""
    port = served.free_port()
    flags = ["--server-port", str(port), "--backend", "openai", "--api-base", base]
    environment = {**os.environ, "GRADIO_TEMP_DIR": str(folder / "uploads")}
    started = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "tools.benchmarks.watched_app", *flags],
        cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        yield served.Server(port, started, process)
    finally:
        served.ended(process)


def _held(server: served.Server) -> tuple[float, float]:
    """The longest time for which the loop was blocked since the last call, in wall and processor seconds."""
    told, asked = server.process.stdout, server.process.stdin
    assert told and asked
    asked.write(b"\n")
    asked.flush()
    for line in told:
        if line.startswith(TOLD.encode()):
            _, wall, computed = line.split()
            return float(wall), float(computed)
    raise RuntimeError("The page has ended.")
