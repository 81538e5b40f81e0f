"""Which tests share a worker of pytest-xdist."""

from __future__ import annotations

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadGroupScheduling

from tests.support.browsers import CORE


class BrowsersApart(LoadGroupScheduling):  # type: ignore[misc]  # it has no types
    """A worker for each browser and the servers in front of it; any other test goes where there is room.

    By place and name: with pytest 9.2, pytest-xdist 3.8 ignores its own mark (pytest-xdist issue 1386).
    """

    def _split_scope(self, nodeid: str) -> str:
        if not nodeid.startswith("tests/e2e/"):
            return nodeid
        return next((name for name in CORE if f"[{name}" in nodeid), "chromium")


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> BrowsersApart:
    return BrowsersApart(config, log)
