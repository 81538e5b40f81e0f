"""What people see of the page: measured where a picture of it would only be looked at once."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from tests.e2e.conftest import OpenChat
from tests.support.chat import Chat
from ui.text.english import ENGLISH
from ui.text.languages import LANGUAGES

PHONE = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}
LOCALES = {"en": "en-GB", "zh": "zh-CN", "ko": "ko-KR"}
# Parts of the settings that Gradio draws in greys of its own, and the colour of the page.
GREYS = """() => ['#reset-settings', '#language label:not(:has(:checked))', '#settings'].map((place) => {
  const colour = getComputedStyle(document.querySelector(place)).backgroundColor;
  return colour === 'rgba(0, 0, 0, 0)' ? getComputedStyle(document.body).backgroundColor : colour;
})"""
SLIDERS = """() => [...document.querySelectorAll('#settings input[type=range]')].map((slider) => {
  const { getPropertyValue } = getComputedStyle(slider);
  return ['--neutral-200', '--slider-color'].map((name) => getComputedStyle(slider).getPropertyValue(name));
})"""
# How many lines the words of each of these take.
LINES = """(places) => [...document.querySelectorAll(places)].filter((one) => one.checkVisibility()).map((one) => {
  const range = document.createRange();
  range.selectNodeContents(one);
  return new Set([...range.getClientRects()].map(({ bottom }) => Math.round(bottom / 8))).size;
})"""
GAPS = """() => {
  const box = (place) => document.querySelector(place).getBoundingClientRect();
  return [
    box('#comparison').top - box('#bar').bottom,
    box('#composer').top - box('#comparison').bottom,
    innerHeight - box('#desk').bottom,
  ].map(Math.round);
}"""


def test_the_open_settings_have_an_x_with_a_name(told: Chat) -> None:
    toggle = told.page.locator("#settings .toggle-button")
    assert toggle.get_attribute("title") == ENGLISH.settings_title
    told.open_settings()
    told.page.get_by_role("button", name=ENGLISH.close, exact=True).click()
    told.page.wait_for_selector("#settings:not(.open)", state="attached")
    assert toggle.get_attribute("title") == ENGLISH.settings_title


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_settings_have_the_colours_of_the_page(open_page: OpenChat, scheme: str) -> None:
    chat = open_page(color_scheme=scheme)
    chat.open_settings()
    assert len(set(chat.page.evaluate(GREYS))) == 1
    colour = "getComputedStyle(document.documentElement).getPropertyValue"
    line, accent = (
        chat.page.evaluate(f"{colour.replace('.documentElement', '.body')}('{name}')")
        for name in ("--line", "--accent")
    )
    assert chat.page.evaluate(SLIDERS)
    assert all(pair == [line, accent] for pair in chat.page.evaluate(SLIDERS))


def test_a_message_is_as_wide_as_its_picture_or_its_words(told: Chat, tmp_path: Path) -> None:
    Image.new("RGB", (112, 112), "red").save(tmp_path / "small.png")
    told.attach(tmp_path / "small.png")
    told.ask("Why?")
    told.page.wait_for_function("document.querySelector('#chatbot .user img').naturalWidth === 112")
    width = "document.querySelector('#chatbot .user-row').getBoundingClientRect().width"
    assert told.page.evaluate(width) == 112 + 2 * 16
    told.attach(tmp_path / "small.png", tmp_path / "small.png")
    told.ask("And which of these is the picture from before, which was red?")
    last = told.page.locator("#chatbot .user-row").last
    first, second = (picture.bounding_box() for picture in last.locator("img").all())
    assert first and second and first["y"] == second["y"], "side by side"
    assert 6 < second["x"] - first["x"] - 112 < 10
    assert last.evaluate("(row) => row.scrollWidth <= row.clientWidth")
    assert last.locator(".prose").bounding_box()["height"] < 40  # type: ignore[index] # one line


def test_a_form_without_answers_is_with_the_composer_in_the_middle(told: Chat) -> None:
    told.ask("Hello")
    told.page.click("#views a[href='#compare']")
    told.page.wait_for_selector("#comparison form", state="visible")
    above, between, below = told.page.evaluate(GAPS)
    assert between < 100 < above and abs(above - below) < 64
    told.page.fill("#composer textarea", "Hello")
    told.page.click("#comparison .primary")
    told.page.wait_for_selector("#compared .answer")
    assert told.page.evaluate(GAPS)[::2] == [0, 0]


@pytest.mark.chromium_only
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_phone_breaks_no_figure_and_says_a_new_chat_in_one_line(
    open_page: OpenChat, language: str
) -> None:
    chat = open_page(**PHONE, locale=LOCALES[language])
    chat.ask("Hello")
    chat.page.wait_for_selector("#stats .figure")
    assert set(chat.page.evaluate(LINES, "#stats .figure")) == {1}
    chat.page.click("#clear")
    chat.page.wait_for_selector("[data-undo-clear]", state="visible")
    said, undo = (chat.page.locator(f"#notice {place}").bounding_box() for place in ("p", "button"))
    assert said and undo and said["height"] <= undo["height"] + 2 * 8


@pytest.mark.chromium_only
def test_a_phone_is_told_of_nothing_that_only_a_mouse_can_do(open_page: OpenChat) -> None:
    hint = "#chatbot .placeholder p >> visible=true"
    assert open_page().page.locator(hint).all_inner_texts() == [ENGLISH.empty_hint]
    assert open_page(**PHONE).page.locator(hint).all_inner_texts() == [ENGLISH.empty_hint_touch]


def test_a_picture_that_was_read_does_not_look_chosen(told: Chat, picture: Path) -> None:
    told.attach(picture)
    card = told.page.locator("#tray li")
    border = "(card) => getComputedStyle(card.querySelector('img')).borderColor"
    mark = "(card) => getComputedStyle(card.querySelector('p span'), '::after').content"
    before = card.evaluate(border)
    told.page.wait_for_selector("#tray li[data-read]")
    assert card.evaluate(border) == before and "✓" in card.evaluate(mark)
