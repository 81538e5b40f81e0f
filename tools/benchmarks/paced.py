"""Measures what the page costs at the speed of a usual GPU: a server sends an answer at a fixed rate, a browser shows it."""

from __future__ import annotations

import argparse
import asyncio
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil

from tests.support import served
from tests.support.chat import ENDED, Chat
from tools.benchmarks.behind_server import direct, paced, words
from tools.benchmarks.models import in_thread
from tools.benchmarks.report import Report, columns
from tools.benchmarks.streaming import SEEN, WATCH

RATE = 100.0  # tokens a second


def run(options: argparse.Namespace) -> Report:
    """Ask once until everything is warm, then `options.repeats` times."""
    tokens = options.tokens
    with TemporaryDirectory() as name, paced(tokens, RATE) as base:
        behind = ("--backend", "openai", "--api-base", base)
        with (
            served.serve_app(Path(name), *behind) as server,
            served.chromium() as browser,
        ):
            server.wait()
            process = psutil.Process(server.process.pid)
            chat = served.tab(browser.new_context(locale="en-GB"), server)
            chat.open()
            measured = [
                (_sent(base, tokens), *_shown(chat, process, tokens))
                for _ in range(options.repeats + 1)
            ][1:]
    sent, shown, cores = (
        columns([(row[place],) for row in measured], unit)[0]
        for place, unit in enumerate(("tokens/s", "tokens/s", "cores"))
    )
    head = (
        "straight from the server",
        "in the browser",
        "of the server's",
        "cores that the page's process computes on",
    )
    about = f"one person, answers of {tokens} tokens from a server that pauses {1000 / RATE:g} ms after each"
    return Report(about, head, [[sent, shown, shown.per(sent), cores]])


def _sent(base: str, tokens: int) -> float:
    """The rate at which the server sends an answer to the official client, in tokens/s."""
    asking = partial(direct, base, 1, "".join(words(tokens)))
    # The browser has an event loop in this thread.
    return tokens / in_thread(lambda: asyncio.run(asking()))


def _shown(chat: Chat, process: psutil.Process, tokens: int) -> tuple[float, float]:
    """The rate at which an answer grows in the browser in tokens/s, and the cores that the page's process computes on."""
    turn = chat.turn
    chat.page.evaluate(WATCH)
    before = sum(process.cpu_times()[:2])
    chat.send("Go on.")
    chat.page.evaluate("() => window.answered")
    computed = sum(process.cpu_times()[:2]) - before
    chat.wait(*ENDED, after_turn=turn)
    if chat.answered[-1].split() != "".join(words(tokens)).split():
        raise RuntimeError(f"The answer on the page is not whole: {chat.answered[-1][-80:]!r}")
    seen, _ = chat.page.evaluate(SEEN)
    (first_at, first), (last_at, last) = seen[0], seen[-1]
    seconds = last_at - first_at
    return (last - first) / len(words(1)[0].strip()) / seconds, computed / seconds
