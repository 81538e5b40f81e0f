"""What nobody uses any more goes back to the system, and Gradio's sessions end with their pages."""

from __future__ import annotations

import ctypes
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from cli import process
from model.settings import GenerationSettings, VisionSettings
from tests.support.fakes import FakeBackend
from tests.support.pages import gradio_environment, listening
from tests.support.patience import scene, wait_until
from tests.support.served import program
from ui.page.build import build_page
from ui.state.registry import Tabs

ROOT = Path(__file__).parents[2]
PIECES, PIECE = 100_000, 1000  # bytes each
PART_MB = PIECES * PIECE / 2**20 / 2

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="only glibc holds on to it")


def resident_mb() -> float:
    return float(psutil.Process().memory_info().rss / 2**20)


@pytest.fixture
def freed() -> Iterator[float]:
    """Much was freed below a block in use. Gives the megabytes that the process holds nevertheless."""
    libc = ctypes.CDLL(None)
    libc.malloc.restype, libc.free.argtypes = ctypes.c_void_p, [ctypes.c_void_p]
    pieces = [libc.malloc(PIECE) for _ in range(PIECES)]
    for piece in pieces:
        ctypes.memset(piece, 1, PIECE)
    held = resident_mb()
    for piece in pieces[:-1]:
        libc.free(piece)
    assert resident_mb() > held - PART_MB, "the test's own assumption: it stays with the process"
    yield resident_mb()
    libc.free(pieces[-1])


@on_linux
def test_freed_memory_is_given_back(freed: float) -> None:
    process.give_back()
    assert resident_mb() < freed - PART_MB


MANY_THREADS = """
import ctypes, threading
from cli import process
if {together}:
    process.keep_together()
libc, met = ctypes.CDLL(None), threading.Barrier(8)
def allocate():
    libc.malloc(1000)
    met.wait()
threads = [threading.Thread(target=allocate) for _ in range(8)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
libc.malloc_stats()
"""


@on_linux
def test_threads_share_a_few_arenas() -> None:
    def arenas(together: bool) -> int:
        command = [sys.executable, "-c", MANY_THREADS.format(together=together)]
        run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
        return run.stderr.count("Arena ")

    assert arenas(together=False) > process.ARENAS
    assert 1 <= arenas(together=True) <= process.ARENAS


@on_linux
def test_memory_is_given_back_after_an_answer(freed: float) -> None:
    async def play() -> None:
        tabs = Tabs(FakeBackend(), give_back=process.give_back)
        tab = tabs.open("k")
        drafted = tab.drafted("Hi", VisionSettings())
        assert drafted
        run = tabs.start(tab, lambda: (drafted, GenerationSettings()))
        with run.followed():
            await run.ended()

    scene(play)
    wait_until(lambda: resident_mb() < freed - PART_MB)


@on_linux
def test_memory_is_given_back_when_a_conversation_is_forgotten(freed: float) -> None:
    async def play() -> None:
        Tabs(FakeBackend(), give_back=process.give_back).forget("k")

    scene(play)
    wait_until(lambda: resident_mb() < freed - PART_MB)


def test_gradios_session_ends_with_its_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRADIO_IS_E2E_TEST", "1")  # it looks for who has gone more often
    with gradio_environment(tmp_path):
        page = build_page(FakeBackend())
        with listening(page) as address:
            stays, leaves = (program(address) for _ in range(2))
            for client in (stays, leaves):
                client.predict({"text": "Hi"}, {}, api_name="/chat")
            sessions = page.state_holder.session_data
            assert {stays.session_hash, leaves.session_hash} <= sessions.keys()
            leaves.close()
            wait_until(lambda: leaves.session_hash not in sessions)
            assert stays.session_hash in sessions
            stays.close()
