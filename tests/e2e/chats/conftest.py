"""A browser that has never been here, in front of a server that forgets at once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext

from tests.e2e.conftest import DESKTOP
from tests.support.fakes import FakeBackend
from tests.support.pages import listening
from ui.page.build import ServedBlocks, build_page


@pytest.fixture
def backend(scripted: tuple[FakeBackend, str]) -> FakeBackend:  # noqa: ARG001 (sets the folder)
    return FakeBackend()


@pytest.fixture
def blocks(backend: FakeBackend) -> ServedBlocks:
    return build_page(backend)


@pytest.fixture
def url(blocks: ServedBlocks) -> Iterator[str]:
    """A page whose server forgets at once what New chat puts away."""
    blocks.tabs.undo_s = 0.0
    with listening(blocks) as url:
        yield url


@pytest.fixture
def person(browser: Browser) -> Iterator[BrowserContext]:
    """A browser that has never been here."""
    context = browser.new_context(viewport=DESKTOP, locale="en-GB")
    yield context
    context.close()
