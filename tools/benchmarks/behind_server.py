"""Measures the page before a server: many answers at once, with and without the page.

The server is a stand-in in a process of its own, which sends every answer at the same rate.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
import psutil
from openai import AsyncOpenAI

from model.backend import Cancel, Delta
from model.conversation import Conversation, Text
from model.remote.backend import RemoteBackend
from model.remote.http.connection import Connection
from model.settings import GenerationSettings
from tests.support import served
from tools.benchmarks.machine import ROOT
from tools.benchmarks.report import Cell, Report, columns

RATE = 20.0  # tokens a second, of each answer
PACED = """
import sys
from tests.support.openai_server import OpenAIServer, Told
server = OpenAIServer()
from tools.benchmarks.behind_server import words
server.replies = [Told(words(int(sys.argv[1])), every_s=1 / float(sys.argv[2]))]
with server.running():
    print(server.base, flush=True)
    sys.stdin.read()
"""


def run(options: argparse.Namespace) -> Report:
    """Ask the server directly, through the backend and through the page's API, in turn."""
    people, tokens = options.people, options.tokens
    expected = "".join(words(tokens))
    with TemporaryDirectory() as name, paced(tokens, RATE) as base:
        behind = ("--backend", "openai", "--api-base", base)
        # All are at one address, which may take three quarters of the places.
        room = (f"--concurrency={people}", f"--queue-size={2 * people}")
        with served.serve_app(Path(name), *behind, *room) as server:
            server.wait()
            page = psutil.Process(server.process.pid)
            measured = [
                (
                    asyncio.run(direct(base, people, expected)),
                    _through_backend(base, people, expected),
                    *asyncio.run(_paged(server.address, people, expected, page)),
                )
                for _ in range(options.repeats)
            ]
    straight, backend, paged, computing = columns(measured, "s")
    head = (
        "",
        "until all have their answers",
        "of the server's time",
        "cores that the page computes on",
    )
    rows: list[list[Cell]] = [
        ["straight from the server", straight, "", ""],
        ["through the backend", backend, backend.per(straight), ""],
        ["through the page's API", paged, paged.per(straight), computing.per(paged)],
    ]
    about = f"{people} people at once, answers of {tokens} tokens at {RATE:g} tokens/s each"
    return Report(about, head, rows)


def words(tokens: int) -> list[str]:
    """The tokens of every answer, each of five characters."""
    return [f"{number} " for number in range(1000, 1000 + tokens)]


@contextmanager
def paced(tokens: int, rate: float) -> Iterator[str]:
    """Start a stand-in that sends `tokens` tokens at `rate` tokens/s, and yield its address."""
    process = subprocess.Popen(
        [sys.executable, "-c", PACED, str(tokens), str(rate)],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout
    try:
        yield process.stdout.readline().strip()
    finally:
        served.ended(process)


async def direct(base: str, people: int, expected: str) -> float:
    """Seconds until all people have the whole answer, from the server itself."""
    async with AsyncOpenAI(base_url=base, api_key="none") as client:

        async def ask() -> None:
            message = {"role": "user", "content": "Hi"}
            stream = await client.chat.completions.create(
                model="m", messages=[message], stream=True
            )
            pieces = [c.choices[0].delta.content or "" async for c in stream if c.choices]
            _check("".join(pieces), expected)

        await ask()  # until everything is warm
        began = time.perf_counter()
        await asyncio.gather(*(ask() for _ in range(people)))
        return time.perf_counter() - began


def _through_backend(base: str, people: int, expected: str) -> float:
    """Seconds through the backend alone, with a thread for each person as on the page."""
    backend = RemoteBackend.connect(Connection(base), concurrency=people)
    talk = Conversation().with_user_turn(Text("Hi"))

    def ask(_: int) -> None:
        events = backend.stream(talk, GenerationSettings(), Cancel())
        _check("".join(event.text for event in events if isinstance(event, Delta)), expected)

    with ThreadPoolExecutor(people) as pool:
        began = time.perf_counter()
        list(pool.map(ask, range(people)))
        return time.perf_counter() - began


async def _paged(
    address: str, people: int, expected: str, page: psutil.Process
) -> tuple[float, float]:
    """Seconds through the page's API, and processor seconds of the page's process."""
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(
        base_url=f"{address}gradio_api/", timeout=600, limits=limits
    ) as client:

        async def call(endpoint: str, who: int, *data: object) -> Any:
            asked = {"data": data, "session_hash": f"person{who}"}
            event = (await client.post(f"call/{endpoint}", json=asked)).json()["event_id"]
            async with client.stream("GET", f"call/{endpoint}/{event}") as response:
                told = [line async for line in response.aiter_lines() if line.startswith("data:")]
            return json.loads(told[-1].removeprefix("data:"))

        async def ask(who: int) -> None:
            answer, _ = await call("chat", who, {"text": "Hi", "files": []}, {})
            _check(answer, expected)

        await ask(0)  # until everything is warm
        # Opening a session takes Gradio some 10 ms, which are no part of an answer.
        for who in range(people):
            await call("reset", who)
        before, began = sum(page.cpu_times()[:2]), time.perf_counter()
        await asyncio.gather(*map(ask, range(people)))
        seconds = time.perf_counter() - began
    return seconds, sum(page.cpu_times()[:2]) - before


def _check(answer: str, expected: str) -> None:
    if answer != expected:
        raise RuntimeError(f"An answer is not whole: {answer[-80:]!r}")
