"""The page as a person gets it: `python app.py` in a process of its own, in front of a real Chromium."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Route,
    sync_playwright,
)
from transformers import AutoTokenizer

from model.checkpoint import BUNDLED
from tools.tiny.checkpoint import write_random_checkpoint

ROOT = Path(__file__).parent.parent.parent
START_S = 300  # imports are slow on a machine that has never run them
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
FLAGS = [
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
]
RELOADING = ("AbortError", "Connection errored out")  # what Gradio says when a page goes away


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the app on a random checkpoint of 30 M parameters, slow enough to watch."""
    folder = tmp_path_factory.mktemp("e2e")
    checkpoint = write_random_checkpoint(
        folder / "random-30m", size="30m", tokenizer=AutoTokenizer.from_pretrained(BUNDLED)
    )
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    log = (folder / "log").open("w")
    process = subprocess.Popen(
        [sys.executable, "app.py", "-c", str(checkpoint), "--cpu-only", "--server-port", str(port)],
        cwd=ROOT,
        env=os.environ | {"GRADIO_TEMP_DIR": str(folder / "uploads"), "HF_HUB_OFFLINE": "1"},
        stdout=log,
        stderr=subprocess.STDOUT,
    )
    try:
        _wait_for(url, process, folder / "log")
        yield url
    finally:
        process.terminate()
        process.wait(30)


def _wait_for(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        assert process.poll() is None, log.read_text(encoding="utf-8")
        try:
            urllib.request.urlopen(url, timeout=5).close()
        except OSError:
            time.sleep(0.2)
        else:
            return
    raise AssertionError(log.read_text(encoding="utf-8"))


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    installed = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=installed, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def context(browser: Browser, server: str) -> Iterator[BrowserContext]:
    """One person's browser. Fails the test if a request leaves the host or the console has errors."""
    wrong: list[str] = []

    def guard(route: Route) -> None:
        if route.request.url.startswith((server, "data:", "blob:")):
            route.continue_()
        else:
            wrong.append(route.request.url)
            route.abort()

    def listen(message: ConsoleMessage) -> None:
        if message.type == "error" and not any(word in message.text for word in RELOADING):
            wrong.append(message.text)

    context = browser.new_context(viewport={"width": 1280, "height": 800}, locale="en-GB")
    context.set_default_timeout(60_000)
    context.route("**/*", guard)
    context.on("console", listen)
    yield context
    context.close()
    assert wrong == []


@pytest.fixture
def page(context: BrowserContext, server: str) -> Page:
    """A page whose model is there."""
    page = context.new_page()
    open_page(page, server)
    return page


def open_page(page: Page, server: str) -> None:
    page.goto(server)
    page.wait_for_selector(
        '#run-state [data-state="idle"]', state="attached", timeout=START_S * 1000
    )
