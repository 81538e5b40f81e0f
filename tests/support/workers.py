"""Which tests share a worker of pytest-xdist."""

from __future__ import annotations

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadGroupScheduling

FIREFOX = "firefox"
# A file whose name begins with one of these, or with a later one, runs in another Chromium. Each has half of the time.
SECOND_HALF = "test_m"


class BrowsersApart(LoadGroupScheduling):  # type: ignore[misc]  # it has no types
    """A worker for Firefox and two for Chromium, with their servers; any other test goes where there is room.

    By place and name: with pytest 9.2, pytest-xdist 3.8 ignores its own mark (pytest-xdist issue 1386).
    """

    def _split_scope(self, nodeid: str) -> str:
        if not nodeid.startswith("tests/e2e/"):
            return nodeid
        if f"[{FIREFOX}" in nodeid:
            return FIREFOX
        half = nodeid.removeprefix("tests/e2e/") >= SECOND_HALF
        return f"chromium {1 + half}"


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> BrowsersApart:
    return BrowsersApart(config, log)
