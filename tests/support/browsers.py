"""In which browsers the browser tests run."""

from __future__ import annotations

import shutil

import pytest
from playwright.sync_api import Browser, Playwright

CORE = ("chromium", "firefox")  # the tests that ask for the fixture `core`
ALONE = "chromium_only"
FIREFOX = ("firefox-esr", "firefox")


def firefox(playwright: Playwright) -> Browser:
    """An installed Firefox, else Playwright's own."""
    installed = next(filter(None, map(shutil.which, FIREFOX)), None)
    if not installed:
        return playwright.firefox.launch()
    # The channel speaks WebDriver BiDi, as an unpatched Firefox does; by itself it looks for a snap.
    return playwright.firefox.launch(channel="moz-firefox", executable_path=installed)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """How many tests ran in each browser of the core, and how many only Chromium can run."""
    ran = [report for kind in ("passed", "failed") for report in terminalreporter.getreports(kind)]
    ran = [report for report in ran if report.when == "call"]
    core = {name: sum(f"[{name}" in report.nodeid for report in ran) for name in (*CORE, "webkit")}
    alone = sum(ALONE in report.keywords for report in ran)
    if alone or any(core.values()):
        counted = ", ".join(f"{number} in {name}" for name, number in core.items() if number)
        terminalreporter.write_line(
            f"browsers: core tests: {counted or 'none'}; tests that need Chromium: {alone}"
        )
