"""A page that was asked for is awaited until it has opened its tab."""

from __future__ import annotations

import asyncio
import threading

import pytest

from tests.support.fakes import FakeBackend
from tests.support.patience import PATIENCE_S, scene
from ui.state import pending_pages
from ui.state.registry import Tabs


def test_a_page_is_awaited_from_its_request_to_its_opening() -> None:
    async def play() -> None:
        tabs = Tabs(FakeBackend())
        assert not tabs.pending_pages.has("host")
        tabs.pending_pages.requested("host")
        assert tabs.pending_pages.has("host") and not tabs.pending_pages.has("other")
        tabs.page_opened(tabs.open("k"), "host", "page")
        assert not tabs.pending_pages.has("host")

    scene(play)


def test_a_browsers_first_page_is_awaited_too_though_it_has_no_cookie_yet() -> None:
    async def play() -> None:
        tabs = Tabs(FakeBackend())
        tabs.pending_pages.requested("192.0.2.1")
        tabs.page_opened(tabs.open("k"), "cookie", "page", "192.0.2.1")
        assert not tabs.pending_pages.has("192.0.2.1")

    scene(play)


def test_a_reload_is_over_though_a_neighbours_first_page_is_still_awaited() -> None:
    async def play() -> None:
        tabs = Tabs(FakeBackend())
        tabs.pending_pages.requested("192.0.2.1")
        tabs.pending_pages.requested("cookie")
        tabs.page_opened(tabs.open("k"), "cookie", "page", "192.0.2.1")
        assert tabs.pending_pages.has("192.0.2.1") and not tabs.pending_pages.has("cookie")

    scene(play)


@pytest.fixture
def briefly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pending_pages, "AT_ONCE_S", 0.01)
    monkeypatch.setattr(pending_pages, "POLL_S", 0.01)


@pytest.mark.usefixtures("briefly")
def test_a_checkpoint_is_loaded_when_the_page_is_there_that_was_asked_for() -> None:
    async def play() -> None:
        tabs = Tabs(FakeBackend())
        tabs.pending_pages.requested("host")
        loading = asyncio.create_task(asyncio.to_thread(tabs.pending_pages.wait_for_first_page))
        await asyncio.sleep(0.2)
        assert not loading.done()
        tabs.page_opened(tabs.open("k"), "host", "page")
        await loading

    scene(play)


@pytest.mark.usefixtures("briefly")
@pytest.mark.parametrize("asked", [False, True])
def test_a_page_that_does_not_come_holds_no_checkpoint_up(
    monkeypatch: pytest.MonkeyPatch, asked: bool
) -> None:
    monkeypatch.setattr(pending_pages, "FIRST_PAGE_S", 0.05 if asked else 60.0)
    tabs = Tabs(FakeBackend())
    if asked:
        tabs.pending_pages.requested("host")
    loading = threading.Thread(target=tabs.pending_pages.wait_for_first_page, daemon=True)
    loading.start()
    loading.join(PATIENCE_S)
    assert not loading.is_alive()
