"""For everybody: by keyboard alone, with a screen reader, in the dark, in one's own language."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe

from model.backend import Delta
from tests.e2e.conftest import OpenChat
from tests.support.chat import Chat
from tests.support.fakes import FakeBackend
from ui.text.english import ENGLISH
from ui.text.languages import LANGUAGES
from ui.text.texts import Plural

POINTING = Delta("At 0:01 <|box_start|>(100,100),(900,900)<|box_end|> is seen.")
SEEN = """() => {
  const shown = (element) => element.checkVisibility?.() ?? true;
  const words = [];
  for (const element of document.querySelectorAll('#page, #page *, #settings, #settings *')) {
    if (!shown(element)) continue;
    for (const node of element.childNodes) if (node.nodeType === 3) words.push(node.data.trim());
    for (const name of ['aria-label', 'title', 'placeholder', 'alt']) words.push(element.getAttribute(name) ?? '');
  }
  return [...new Set(words)].filter(Boolean);
}"""

TO_THE_TOP = """() => {
  document.body.tabIndex = -1;
  document.body.focus();
  document.body.removeAttribute('tabindex');
}"""
FOCUSED = """() => {
  const at = document.activeElement;
  const where = at.closest('#settings') ? 'in settings' : 'outside';
  return [at.tagName, at.type === 'submit' ? '' : at.type, at.getAttribute('aria-label') && at.className.includes('reset')
    ? at.getAttribute('aria-label') : '', where].filter(Boolean).join(' ');
}"""
# What a mouse can press and a keyboard cannot, or what only says that it is a button.
IMITATIONS = """() => [...document.body.querySelectorAll('*')].filter((element) => element.checkVisibility()
  && (getComputedStyle(element).cursor === 'pointer' || element.role === 'button')
  && !element.closest('button, a, summary, label, input, select, textarea')).map((element) => element.outerHTML)"""


def found(chat: Chat) -> list[str]:
    violations = Axe().run(chat.page).response["violations"]
    return [f"{v['id']}: {v['nodes'][0]['html'][:200]}" for v in violations]


def test_send_and_stop_have_names_in_the_language_of_the_page(
    chat: Chat, fake: FakeBackend
) -> None:
    fake.events, fake.pause_s = [Delta("word ")] * 200, 0.05
    chat.page.get_by_role("button", name="Send", exact=True).wait_for()
    chat.open_settings()
    chat.page.click("#language label:has-text('中文')")
    chat.page.get_by_role("button", name="发送", exact=True).wait_for()
    chat.send("Hello")
    chat.page.get_by_role("button", name="停止", exact=True).click()
    chat.wait("stopped")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(
    open_page: OpenChat,
    fake: FakeBackend,
    picture: Path,
    clip: Path,
    scheme: str,
) -> None:
    fake.events = [POINTING]
    chat = open_page(color_scheme=scheme, reduced_motion="reduce")
    page = chat.page

    def look_at_dialog(opens: str, shown: str) -> None:
        page.locator(opens).first.click()
        page.wait_for_selector(shown)
        assert found(chat) == []
        page.keyboard.press("Escape")
        page.wait_for_selector("dialog[open]", state="detached")

    assert found(chat) == []
    chat.attach(picture, clip)
    chat.wait_for_price()
    assert found(chat) == []
    look_at_dialog("#tray [data-look]", "dialog .grid")
    look_at_dialog("#tray [data-kind=video] [data-look]", "dialog .strip")
    chat.ask("What is this?")
    chat.ask("And this?")
    page.locator(".marked summary").first.click()
    assert found(chat) == []
    look_at_dialog("#chatbot .user button:has(img)", "dialog .room")
    page.hover("#chatbot .user-row >> nth=0")
    page.click("#chatbot .user-row >> nth=0 >> .edit-turn")
    page.wait_for_selector("#edit-box", state="visible")
    assert found(chat) == []
    page.click("#edit-cancel")
    page.click("#views a[href='#compare']")
    page.wait_for_selector("#comparison form", state="visible")
    chat.send("What is this?")
    page.wait_for_selector("#compared .stats >> nth=1")
    assert found(chat) == []
    page.keyboard.press("Escape")
    chat.open_settings()
    assert found(chat) == []
    for group in page.locator("#settings .gr-accordion > button").all():
        group.click()
    page.wait_for_selector("#repetition-penalty", state="visible")
    assert found(chat) == []


def test_axe_finds_nothing_in_how_an_answer_came_about(tiny_chat: Chat, picture: Path) -> None:
    tiny_chat.attach(picture)
    tiny_chat.ask("What is this?")
    tiny_chat.page.click("#reproduce")
    tiny_chat.page.wait_for_selector("dialog[open] details")
    tiny_chat.page.locator("dialog[open] summary").first.click()
    assert found(tiny_chat) == []


def test_the_browsers_own_scrollbars_and_fields_are_dark_on_a_dark_page(
    open_page: OpenChat,
) -> None:
    chat = open_page(color_scheme="dark")
    scheme = "(place) => getComputedStyle(document.querySelector(place)).colorScheme"
    for place in ("#talk", "#settings", "#comparison"):
        assert chat.page.evaluate(scheme, place) == "dark"


def test_everything_is_reached_by_keyboard_and_the_focus_is_seen(told: Chat, picture: Path) -> None:
    told.attach(picture)
    told.page.focus("#composer textarea")
    told.page.keyboard.type("What is this?")
    told.page.keyboard.press("Enter")
    told.wait("idle", after_turn=0)
    told.page.wait_for_selector("#undo", state="visible")
    reached = set()
    for _ in range(25):
        told.page.keyboard.press("Shift+Tab")
        reached.add(
            told.page.evaluate(
                """() => { const a = document.activeElement; const s = getComputedStyle(a);
                   const seen = s.outlineStyle !== 'none' || s.boxShadow !== 'none' || a.tagName === 'TEXTAREA';
                   return (a.id || a.className || a.tagName) + (seen ? '' : ' unseen'); }"""
            )
        )
    assert {"copy", "retry", "edit", "undo", "clear"} <= reached
    reached.discard("BODY unseen")  # the way around leads over the browser's own buttons
    assert [name for name in reached if "unseen" in name] == []
    told.page.focus("#undo")
    told.page.keyboard.press("Enter")
    told.wait_for_draft("What is this?")
    told.wait_for_cards(1)
    told.page.focus("#tray [data-op=detach]")
    told.page.keyboard.press("Enter")
    told.wait_for_cards(0)


def test_every_view_has_one_heading_and_only_real_buttons(told: Chat, picture: Path) -> None:
    for view in ("#chat", "#compare", "#chat"):
        told.page.evaluate("(view) => { location.hash = view }", view)
        assert told.page.locator("h1").all_inner_texts() == [ENGLISH.title]
    told.attach(picture)
    told.ask("What is this?")
    told.attach(picture)
    assert told.page.locator("h1").all_inner_texts() == [ENGLISH.title]
    assert told.page.evaluate(IMITATIONS) == []


def from_the_top(chat: Chat) -> list[str]:
    """What Tab reaches one after the other, as far as the composer."""
    chat.page.evaluate(TO_THE_TOP)
    reached: list[str] = []
    while not (reached and reached[-1].startswith("TEXTAREA")):
        chat.page.keyboard.press("Tab")
        reached.append(chat.page.evaluate(FOCUSED))
        assert len(reached) < 60
    return reached


def test_the_first_stop_leads_to_the_composer(told: Chat) -> None:
    told.page.evaluate(TO_THE_TOP)
    told.page.keyboard.press("Tab")
    link = told.page.get_by_role("link", name=ENGLISH.skip_to_composer)
    assert link.evaluate("(link) => link === document.activeElement")
    box = link.bounding_box()
    assert box and box["x"] >= 0 and box["y"] >= 0 and box["height"] > 24
    address = told.page.url
    told.page.keyboard.press("Enter")
    told.page.wait_for_function("document.activeElement.matches('#composer textarea')")
    assert told.page.url == address


def test_closed_settings_are_no_stops_and_a_slider_is_one(open_page: OpenChat) -> None:
    closed = from_the_top(open_page(viewport={"width": 390, "height": 844}))
    assert [stop for stop in closed if stop.endswith("in settings")] == ["BUTTON in settings"]
    assert len(closed) <= 10, closed
    opened = from_the_top(open_page())
    assert [stop for stop in opened if "range" in stop or "Reset to default value" in stop] == []
    assert len(opened) <= 32, opened


def test_typing_goes_on_in_the_composer_where_what_was_pressed_goes_away(told: Chat) -> None:
    told.ask("Hi")
    for pressed in ("#retry", "#clear", "#examples button"):
        told.page.wait_for_selector(pressed, state="visible")
        told.page.focus(pressed)
        told.page.keyboard.press("Enter")
        told.page.wait_for_function("document.activeElement.matches('#composer textarea')")
        told.wait("idle")
    told.page.click("#clear")
    told.page.wait_for_function("document.activeElement.matches('#composer textarea')")


def test_an_answer_is_announced_politely(told: Chat) -> None:
    told.ask("Hi")
    assert told.page.get_attribute("#chatbot [role=log]", "aria-live") == "polite"
    assert told.page.get_attribute("#composer textarea", "aria-label") or told.page.get_attribute(
        "#composer textarea", "placeholder"
    )


@pytest.mark.parametrize("locale", ["zh-CN", "ko-KR"])
def test_no_english_is_left_in_another_language(
    open_page: OpenChat,
    fake: FakeBackend,
    picture: Path,
    locale: str,
) -> None:
    fake.events = [POINTING]
    chat = open_page(locale=locale)
    language = locale[:2]
    assert chat.page.evaluate("document.documentElement.lang") == language
    chat.page.wait_for_function(
        "(text) => document.querySelector('#composer textarea').placeholder === text",
        arg=LANGUAGES[language][1].placeholder,
    )
    words = set(chat.page.evaluate(SEEN))
    chat.attach(picture)
    chat.ask("你好")
    chat.page.click(".marked summary")
    words |= set(chat.page.evaluate(SEEN))
    english = set(sentences())
    assert words & english == {ENGLISH.title}
    assert chat.page.title() == LANGUAGES[language][1].title


def sentences() -> Iterator[str]:
    """What would be on the page in English."""
    for field in fields(ENGLISH):
        value = getattr(ENGLISH, field.name)
        if isinstance(value, Plural):
            continue  # there is a number in it
        texts = [value] if isinstance(value, str) else list(value.values())
        for text in texts:
            for one in [text] if isinstance(text, str) else text:
                if re.search(r"[a-z]{3}", one) and "{" not in one:
                    yield one
