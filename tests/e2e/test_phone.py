"""On a phone everything is within reach of a finger, nothing is cut off, and the composer is above the keyboard."""

from __future__ import annotations

from pathlib import Path

import pytest

from model.backend import Delta
from tests.e2e.conftest import OpenChat
from tests.support.chat import Chat
from tests.support.fakes import FakeBackend

FINGER_PX = 44
POINTING = Delta(
    "At 0:01 <|object_ref_start|>boat<|object_ref_end|><|box_start|>(100,100),(900,900)<|box_end|> is seen."
)
# What can be pressed, of the dialog if there is one: its own size, or that of the `::after` that answers for it.
TOO_SMALL = """(least) => {
  const kinds = 'a[href], button, input:not([type=file]), select, textarea, summary, label:has(input)';
  const sized = (one, side) => {
    const after = getComputedStyle(one, '::after');
    const larger = after.content !== 'none' && after.position === 'absolute' ? parseFloat(after[side]) || 0 : 0;
    return Math.max(one.getBoundingClientRect()[side], larger);
  };
  const inWindow = (one) => {
    const { width, height, left, right } = one.getBoundingClientRect();
    return width && height && right > 0 && left < innerWidth;
  };
  return [...(document.querySelector('dialog[open]') ?? document.body).querySelectorAll(kinds)]
    .filter((one) => !one.disabled && !one.closest('#top') && one.checkVisibility({ opacityProperty: true, visibilityProperty: true }))
    .filter((one) => inWindow(one) && !one.closest('label:has(input)')?.contains(one.parentElement))
    .filter((one) => ['width', 'height'].some((side) => sized(one, side) < least - 0.5))
    .map((one) => `${one.outerHTML.slice(0, 120)} ${sized(one, 'width')}x${sized(one, 'height')}`);
}"""
# What is wider than the window and not scrolled to.
CUT_OFF = """() => [...document.querySelectorAll('#page *, dialog *, #settings.open *')].filter((one) => {
  const { left, right, width } = one.getBoundingClientRect();
  const scrolled = one.closest('svg, .strip, #tray ul, #tasks, pre, .rows, .katex-display, table, .sr-only, .hide');
  return width && one.checkVisibility() && !scrolled && (right > innerWidth + 1 || left < -1);
}).map((one) => one.outerHTML.slice(0, 160))"""
HEADER_SHARE = "document.querySelector('#bar').getBoundingClientRect().height / innerHeight"


def look(chat: Chat, place: str) -> None:
    chat.page.wait_for_timeout(50)  # what slides in
    assert chat.page.evaluate(TOO_SMALL, FINGER_PX) == [], place
    assert chat.page.evaluate(CUT_OFF) == [], place
    assert chat.page.evaluate("document.documentElement.scrollWidth <= innerWidth"), place
    assert chat.page.evaluate(HEADER_SHARE) <= 0.08, place


def look_at_dialog(chat: Chat, opens: str, shown: str) -> None:
    chat.page.locator(opens).first.click()
    chat.page.wait_for_selector(shown)
    look(chat, shown)
    chat.page.keyboard.press("Escape")
    chat.page.wait_for_selector("dialog[open]", state="detached")


def look_at_everything(chat: Chat, picture: Path, clip: Path) -> None:
    look(chat, "empty")
    chat.attach(picture, clip)
    chat.page.wait_for_selector("#cost-card summary", state="visible")
    look(chat, "attached")
    chat.page.click("#cost-card summary")
    look(chat, "fit")
    look_at_dialog(chat, "#tray [data-look]", "dialog .grid")
    look_at_dialog(chat, "#tray [data-kind=video] [data-look]", "dialog .strip")
    chat.ask("What is this?")
    chat.ask("And this?")
    chat.page.locator(".marked summary").first.click()
    look(chat, "answered")
    assert chat.page.is_visible("#export")
    look_at_dialog(chat, "#chatbot .user button:has(img)", "dialog .room")
    chat.page.click("#edit")
    chat.page.wait_for_selector("#edit-box", state="visible")
    look(chat, "edit")
    chat.page.click("#edit-cancel")
    chat.page.click("#views a[href='#compare']")
    chat.page.wait_for_selector("#comparison form", state="visible")
    look(chat, "compare")
    chat.page.click("#views a[href='#chat']")
    chat.open_settings()
    for group in chat.page.locator("#settings .gr-accordion > button").all():
        group.click()
    chat.page.wait_for_selector("#repetition-penalty", state="visible")
    look(chat, "settings")
    chat.close_settings()
    chat.page.click("#clear")
    chat.page.wait_for_selector("[data-undo-clear]", state="visible")
    look(chat, "a new chat")


@pytest.mark.chromium_only
@pytest.mark.parametrize(
    ("width", "height", "locale"),
    [(390, 844, "en-GB"), (320, 640, "en-GB"), (320, 640, "ko-KR"), (390, 844, "zh-CN")],
)
def test_everything_can_be_pressed_with_a_finger_and_nothing_is_cut_off(
    open_page: OpenChat,
    fake: FakeBackend,
    picture: Path,
    clip: Path,
    width: int,
    height: int,
    locale: str,
) -> None:
    fake.events = [POINTING]
    chat = open_page(
        viewport={"width": width, "height": height},
        is_mobile=True,
        has_touch=True,
        locale=locale,
        reduced_motion="reduce",
    )
    look_at_everything(chat, picture, clip)


@pytest.mark.chromium_only
def test_the_composer_is_above_the_keyboard(open_page: OpenChat, picture: Path) -> None:
    """The keyboard takes from the page's height, as the page asks for, and as Safari says by `visualViewport`."""
    chat = open_page(viewport={"width": 390, "height": 844}, is_mobile=True, has_touch=True)
    content = chat.page.locator("meta[name=viewport]").last.get_attribute("content")
    assert content and "interactive-widget=resizes-content" in content
    chat.attach(picture)
    chat.page.set_viewport_size({"width": 390, "height": 440})
    chat.page.wait_for_function(
        "document.querySelector('#composer').getBoundingClientRect().bottom <= innerHeight"
    )


@pytest.mark.chromium_only
def test_what_is_folded_in_the_settings_has_an_arrow(open_page: OpenChat) -> None:
    chat = open_page(viewport={"width": 390, "height": 844}, is_mobile=True, has_touch=True)
    chat.open_settings()
    beyond = """() => [...document.querySelectorAll('#settings .gr-accordion')].map((group) =>
      group.querySelector('.icon').getBoundingClientRect().right - group.getBoundingClientRect().right)"""
    assert all(px < 8 for px in chat.page.evaluate(beyond))  # its line is higher than the arrow


def test_help_does_not_cover_the_next_setting(open_page: OpenChat) -> None:
    chat = open_page(viewport={"width": 390, "height": 844}, is_mobile=True, has_touch=True)
    chat.open_settings()
    chat.page.tap("#detail label >> nth=0")
    help_text = chat.page.locator("#detail .info-text").bounding_box()
    below = chat.page.locator("#vision-ids").bounding_box()
    assert help_text and below and help_text["y"] + help_text["height"] <= below["y"]
