"""Whatever drives the page from outside finds its elements, on a page that has just been opened."""

from __future__ import annotations

from model.settings import SETTING_SPECS
from tests.e2e.conftest import OpenChat
from tests.support.chat import Chat

NAMED = (
    *("chatbot", "live", "stats", "retry", "undo", "edit", "clear", "model-banner", "run-state"),
    *(
        "composer",
        "tray",
        "cost-card",
        "language",
        "detail",
        "edit-box",
        "edit-send",
        "edit-cancel",
    ),
    *(spec.name.replace("_", "-") for spec in SETTING_SPECS),
)
INSIDE = (
    "#composer textarea",
    "#composer input[type=file]",
    "#edit-box textarea",
    "#run-state [data-state][data-turn]",
)
CLOSED = (
    "#system-prompt textarea",
    "#video-fps input",
    "#retry",
    "#undo",
    "#edit",
    "#clear",
    "#edit-box",
)


def ids(chat: Chat) -> list[str]:
    found: list[str] = chat.page.evaluate(
        "() => [...document.querySelectorAll('[id]:not([id=\"\"])')].map(({ id }) => id)"
    )
    return found


def test_every_element_that_is_named_is_there_from_the_start(open_page: OpenChat) -> None:
    chat = open_page()
    assert set(NAMED) - set(ids(chat)) == set()
    assert [inside for inside in INSIDE if not chat.page.locator(inside).count()] == []
    chat.page.wait_for_selector("#system-prompt", state="hidden")
    assert [name for name in CLOSED if chat.page.is_visible(name)] == []


def test_no_id_is_there_twice(open_page: OpenChat) -> None:
    chat = open_page()
    chat.ask("Hi")
    found = ids(chat)
    assert sorted({name for name in found if found.count(name) > 1}) == []
