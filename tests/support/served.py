"""Starts `python app.py` in a process of its own, and Chromium: for benchmarks, screenshots and tests."""

from __future__ import annotations

import itertools
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gradio_client import Client
from playwright.sync_api import Browser, BrowserContext, Playwright, sync_playwright

from tests.support.chat import Chat

ROOT = Path(__file__).resolve().parents[2]
START_S = 600.0  # a busy machine takes minutes to import torch and Gradio
REPLY_S = 300.0  # httpx gives up after 5
FIRST_PORT, BLOCKS, PORTS_EACH = 20_000, 60, 200  # below those of outgoing connections
POLL_S = 0.02
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
BROWSER_FLAGS = (
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
)
_taken = itertools.count()


@dataclass(frozen=True)
class Server:
    """A running `app.py`. started: `time.perf_counter()` when the process was started."""

    port: int
    started: float
    process: subprocess.Popen[bytes]

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    def wait(self) -> None:
        """Wait until it listens. Raises `RuntimeError` if it ends or takes too long."""
        while time.perf_counter() < self.started + START_S and self.process.poll() is None:
            if self._listens():
                return
            time.sleep(POLL_S)
        raise RuntimeError("The server did not come up.")

    def _listens(self) -> bool:
        with socket.socket() as probe:
            connected = probe.connect_ex(("127.0.0.1", self.port)) == 0
            # Now and then the system picks the port itself to call from, and the call reaches itself.
            return connected and probe.getsockname() != probe.getpeername()


@contextmanager
def serve(folder: Path, checkpoint: str | Path, *flags: str) -> Iterator[Server]:
    """Run `python app.py --cpu-only` on a free port. Uploads and the log go to `folder`."""
    with serve_app(folder, "-c", str(checkpoint), "--cpu-only", *flags) as server:
        yield server


@contextmanager
def serve_app(folder: Path, *flags: str) -> Iterator[Server]:
    """Run `python app.py` with these flags on a free port. Uploads and the log go to `folder`."""
    port = free_port()
    with serve_program(folder, port, "app.py", "--server-port", str(port), *flags) as server:
        yield server


@contextmanager
def serve_program(folder: Path, port: int, *arguments: str) -> Iterator[Server]:
    """Run Python with these arguments, which must let it listen on `port`. Uploads and the log go to `folder`."""
    environment = {
        **os.environ,
        "GRADIO_TEMP_DIR": str(folder / "uploads"),
        "GRADIO_ANALYTICS_ENABLED": "False",
        "HF_HUB_OFFLINE": "1",
    }
    with (folder / "log").open("w") as log:
        started = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, *arguments], cwd=ROOT, env=environment, stdout=log, stderr=log
        )
    try:
        yield Server(port, started, process)
    except Exception as error:
        error.add_note(f"The server's log:\n{(folder / 'log').read_text(encoding='utf-8')}")
        raise
    finally:
        ended(process)


def ended(process: subprocess.Popen[Any]) -> None:
    """End a process, also one that ignores the signal."""
    process.terminate()
    try:
        process.wait(60)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def free_port() -> int:
    """Return a port that is free and stays free until it is used.

    The system uses these ports for no outgoing connection, and each process takes its own block of them.
    """
    for _ in range(PORTS_EACH):
        port = FIRST_PORT + os.getpid() % BLOCKS * PORTS_EACH + next(_taken) % PORTS_EACH
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise RuntimeError("All ports of this process are taken.")


def program(address: str, **options: Any) -> Client:
    """Return a client of the page at `address` that waits as long as a busy machine needs."""
    return Client(address, verbose=False, httpx_kwargs={"timeout": REPLY_S}, **options)


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start a browser, for a program without Playwright of its own."""
    with sync_playwright() as playwright, launched(playwright) as browser:
        yield browser


def launched(
    playwright: Playwright, *flags: str, scrollbars: bool = False, back_cache: bool = False
) -> Browser:
    """Start an installed Chrome or Chromium, or else Playwright's own.

    scrollbars, back_cache: whether it has what Playwright switches off, scrollbars that take room and pages that are kept
    to come back to.
    """
    wanted = {"--hide-scrollbars": scrollbars, "--disable-back-forward-cache": back_cache}
    return playwright.chromium.launch(
        executable_path=next(filter(None, map(shutil.which, BROWSERS)), None),
        args=[*BROWSER_FLAGS, *flags],
        ignore_default_args=[name for name, is_wanted in wanted.items() if is_wanted],
    )


def tab(profile: BrowserContext, server: Server) -> Chat:
    """Open an empty tab whose waits are longer than a test's."""
    chat = Chat(profile.new_page(), server.address)
    chat.page.set_default_timeout(START_S * 1000)
    return chat
