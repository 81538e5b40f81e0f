"""What the page does not take, and what its server does not take of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Route

from tests.support.chat import Chat, holding
from tests.support.fakes import FakeBackend

FAILED = "#failed-uploads li"
FIELD = "#composer textarea"
SCRIPTS_OF_GRADIO = "**/assets/index-*.js"

# Gives whether the browser is kept from what it does with a link.
DROP_LINK = """(place) => {
  const data = new DataTransfer();
  data.setData('text/uri-list', 'http://127.0.0.1/elsewhere');
  const event = new DragEvent('drop', { dataTransfer: data, bubbles: true, cancelable: true });
  document.querySelector(place).dispatchEvent(event);
  return event.defaultPrevented;
}"""


def refuse_attaching(route: Route) -> None:
    """What a proxy or a full server answers in place of attaching."""
    if '"request"' in (route.request.post_data or ""):
        route.fulfill(status=422, body="{}")
    else:
        route.continue_()


def test_an_attachment_that_the_server_refuses_is_told_and_the_next_one_is_taken(
    told: Chat, picture: Path
) -> None:
    told.page.route("**/run/predict*", refuse_attaching)
    told.hand_over("drop", picture)
    told.page.wait_for_selector(FAILED)
    assert "did not attach red boat.png" in told.page.inner_text(FAILED)
    told.page.unroute("**/run/predict*")
    told.page.click(f"{FAILED} button >> nth=0")
    told.wait_for_cards(1)
    assert told.page.locator(FAILED).count() == 0
    assert all("422" in problem for problem in told.problems)
    told.problems.clear()


def test_a_text_that_would_freeze_the_page_is_not_pasted_and_the_person_is_told(
    told: Chat,
) -> None:
    told.page.evaluate("navigator.clipboard.writeText('word '.repeat(40_000) + 'x')")
    told.page.focus(FIELD)
    told.page.keyboard.press("Control+V")
    told.page.wait_for_selector("#told p")
    said = told.page.inner_text("#told p")
    assert "200,001" in said and "200,000" in said and told.draft == ""
    told.page.evaluate("navigator.clipboard.writeText('word '.repeat(10))")
    told.page.keyboard.press("Control+V")
    told.wait_for_draft("word " * 10)
    assert not told.page.is_visible("#told")


def test_the_direction_of_a_long_text_is_not_sought_at_every_key(told: Chat) -> None:
    def direction() -> object:
        return told.page.evaluate(
            f"getComputedStyle(document.querySelector('{FIELD}')).unicodeBidi"
        )

    told.page.fill(FIELD, "word " * 5_000)
    assert direction() == "normal"
    told.page.fill(FIELD, "word")
    assert direction() == "plaintext"


def test_a_file_that_is_dropped_before_the_page_is_built_is_attached(
    profile: BrowserContext, fake_url: str, fake: FakeBackend, picture: Path
) -> None:
    chat = Chat(profile.new_page(), fake_url)
    with holding(chat.page, SCRIPTS_OF_GRADIO) as held:
        chat.page.goto(fake_url, wait_until="commit")
        chat.wait_until(lambda: held)
        chat.page.wait_for_function("Boolean(window.qwenVlChat)")
        chat.hand_over("drop", picture)
        for route in held:
            route.continue_()
        chat.wait_for_cards(1)
    chat.ask("What is this?")
    assert len(list(fake.calls[0].conversation.media)) == 1 and chat.problems == []
    chat.page.close()


def test_a_link_that_is_dropped_beside_the_composer_leads_nowhere(told: Chat) -> None:
    """Chromium does not go anywhere for a drop that is not a person's: what counts is who is asked."""
    assert told.page.evaluate(DROP_LINK, "#talk") and not told.page.evaluate(DROP_LINK, FIELD)


@pytest.mark.chromium_only
def test_what_is_dropped_into_the_composer_is_text(told: Chat) -> None:
    session = told.page.context.new_cdp_session(told.page)
    box = told.page.locator(FIELD).bounding_box()
    assert box
    at = {"x": box["x"] + 20, "y": box["y"] + 20}
    data = {"items": [{"mimeType": "text/plain", "data": "a boat"}], "dragOperationsMask": 1}
    for kind in ("dragEnter", "dragOver", "drop"):
        session.send("Input.dispatchDragEvent", {"type": kind, **at, "data": data})
    told.wait_for_draft("a boat")
