"""A picture's web address in the message is offered to be fetched, where the server does that."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext

from model.media.download import Downloads
from tests.support.chat import Chat, talking
from tests.support.fakes import FakeBackend
from tests.support.pages import gradio_environment, listening
from ui.page.build import build_page

OFFER = "#address button"


@pytest.fixture
def site(picture: Path) -> Iterator[str]:
    """Where `picture` lies, in a name that leads nowhere else."""
    handler = partial(SimpleHTTPRequestHandler, directory=str(picture.parent))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://pictures.example:{server.server_port}/"
        server.shutdown()


@pytest.fixture
def fetching(profile: BrowserContext, tmp_path: Path) -> Iterator[Chat]:
    """A page whose server fetches addresses."""
    downloads = Downloads(2**20, resolve=lambda *_: ["127.0.0.1"], reachable=lambda _: True)
    with gradio_environment(tmp_path):
        page = build_page(FakeBackend(), downloads=downloads)
        with listening(page) as url, talking(profile, url) as chat:
            yield chat


def test_a_pasted_address_is_attached_when_its_button_is_pressed(
    fetching: Chat, site: str, picture: Path
) -> None:
    address = site + picture.name.replace(" ", "%20")
    fetching.page.fill("#composer textarea", f"What is {address} about?")
    fetching.page.get_by_role(
        "button", name=f"Attach {picture.name} from pictures.example"
    ).wait_for()
    assert fetching.cards == 0
    fetching.page.click(OFFER)
    fetching.wait_for_cards(1)
    fetching.wait_for_draft("What is  about?")
    fetching.page.wait_for_selector(OFFER, state="detached")
    fetching.page.fill("#composer textarea", site + "nothing.png")
    fetching.page.click(OFFER)
    fetching.page.get_by_text("could not be fetched (HTTP 404)").wait_for()
    assert fetching.draft == site + "nothing.png"


def test_nothing_is_offered_where_the_server_fetches_nothing(told: Chat) -> None:
    told.page.fill("#composer textarea", "https://example.org/boat.png")
    assert told.page.locator(OFFER).count() == 0
