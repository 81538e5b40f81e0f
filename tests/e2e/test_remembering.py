"""Settings and language stay in the browser; the page fits a phone."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from model.backend import Delta, Status
from model.settings import Bounds, DefaultSettings, GenerationSettings
from tests.e2e.conftest import OpenChat
from tests.support.chat import Chat
from tests.support.fakes import FakeBackend

PHONE: dict[str, Any] = {
    "viewport": {"width": 390, "height": 844},
    "has_touch": True,
    "is_mobile": True,
}


def test_only_what_differs_from_the_defaults_is_kept(told: Chat) -> None:
    told.set("max-new-tokens", "17")
    kept = told.page.wait_for_function("localStorage.getItem('qwen-vl-chat-settings')").json_value()
    assert json.loads(kept) == {"max_new_tokens": 17}


def test_a_kept_number_is_sent_after_a_reload(chat: Chat) -> None:
    chat.set("seed", "7")
    chat.page.wait_for_function("localStorage.getItem('qwen-vl-chat-settings')?.includes('7')")
    chat.reload()
    with chat.page.expect_request(lambda sent: '"seed":' in (sent.post_data or "")) as sent:
        chat.send("Hello")
    assert '"seed":7' in (sent.value.post_data or "")


def test_the_language_can_be_chosen_and_stays(chat: Chat) -> None:
    placeholder = "document.querySelector('#composer textarea')?.placeholder"
    chat.open_settings()
    chat.page.click("#language label:has-text('中文')")
    chat.page.wait_for_function(f"{placeholder}?.includes('图片')")
    assert chat.page.evaluate("document.documentElement.lang") == "zh"
    chat.reload()
    chat.page.wait_for_function(f"{placeholder}?.includes('图片')")
    assert "设置" in chat.page.inner_text("#settings")


def test_settings_are_closed_at_the_first_visit_and_then_as_they_were_left(chat: Chat) -> None:
    chat.page.set_viewport_size({"width": 1280, "height": 800})
    chat.reload()
    chat.wait("idle")
    assert chat.page.locator("#settings.open").count() == 0
    chat.open_settings()
    chat.reload()
    chat.page.wait_for_selector("#settings.open")
    chat.close_settings()
    chat.reload()
    chat.wait("idle")
    assert chat.page.locator("#settings.open").count() == 0


def test_korean_lines_end_between_words(chat: Chat) -> None:
    chat.page.set_viewport_size({"width": 360, "height": 800})
    chat.open_settings()
    chat.page.click("#language label:has-text('한국어')")
    chat.page.wait_for_function(
        "/[가-힣]/.test(document.querySelector('#chatbot h2')?.textContent)"
    )
    split = chat.page.evaluate("""() => {
      const text = document.querySelector('#chatbot h2').firstChild, range = document.createRange();
      return [...text.data.matchAll(/\\S+/g)].filter(({ 0: word, index }) => {
        range.setStart(text, index); range.setEnd(text, index + word.length);
        return range.getClientRects().length > 1;
      }).map(([word]) => word);
    }""")
    assert split == []


def test_a_phone_shows_everything_without_scrolling_sideways(
    open_page: OpenChat, fake: FakeBackend
) -> None:
    chat, fake.pause_s = open_page(**PHONE), 0.1
    fake.events = [Delta("x" * 200)] * 1000
    chat.send("A " + "very" * 60 + "long word. https://example.org/" + "x" * 200)
    chat.growth(1)
    chat.stop()
    assert chat.page.evaluate("document.documentElement.scrollWidth") == 390
    box = chat.page.locator("#composer textarea").bounding_box()
    assert box is not None and box["y"] + box["height"] <= 844


def test_on_a_phone_no_button_lies_on_what_is_said(open_page: OpenChat, fake: FakeBackend) -> None:
    fake.events = [
        Delta("I can tell you which shapes there are, and where, and what is written. " * 5)
    ]
    chat = open_page(**PHONE)
    chat.ask("What is it that you can tell me about pictures, and about what is in them?")
    chat.ask("And else?")
    covered = chat.page.evaluate(
        """() => [...document.querySelectorAll('#chatbot .turn-button')].map((button) => {
          const spot = button.getBoundingClientRect();
          const text = document.createRange();
          text.selectNodeContents(button.closest('.message-row').querySelector('.prose'));
          return [...text.getClientRects()].some((line) =>
            line.right > spot.left && line.left < spot.right && line.bottom > spot.top && line.top < spot.bottom);
        })"""
    )
    assert covered == [False] * 4


def test_a_message_and_the_form_that_compares_wait_for_what_the_checkpoint_says(
    open_page: OpenChat, fake: FakeBackend
) -> None:
    chat = open_page()
    ready, fake.current = fake.current, Status("loading", "Fake-VL")
    chat.reload()
    chat.wait("loading")
    chat.set("temperature", "0.5")
    chat.page.wait_for_function("localStorage.getItem('qwen-vl-chat-settings')?.includes('0.5')")
    chat.send("Hello")
    chat.wait_until(lambda: chat.page.locator("#chatbot .user-row").count())
    chat.page.click("#views a[href='#compare']")
    limits = "[...document.querySelectorAll('#comparison [data-name=max_tokens] input')].map((field) => [field.max, field.value])"
    chat.page.wait_for_function(
        f'JSON.stringify({limits}) === \'[["16384","1280"],["16384","320"]]\''
    )
    bounds = dict.fromkeys(("min_tokens", "max_tokens"), Bounds(64, 256))
    own = GenerationSettings(repetition_penalty=1.05)
    fake.defaults, fake.current = DefaultSettings.within(bounds, own), ready
    chat.page.wait_for_function(f'JSON.stringify({limits}) === \'[["256","256"],["256","64"]]\'')
    chat.wait_until(lambda: fake.calls)
    assert fake.calls[0].settings == replace(own, temperature=0.5)


def test_a_checkpoint_that_has_been_loaded_says_what_the_settings_start_with(
    open_page: OpenChat, fake: FakeBackend
) -> None:
    """The sliders start and end there; what a person has chosen meanwhile stays."""
    chat = open_page()
    ready, fake.current = fake.current, Status("loading", "Fake-VL")
    chat.reload()
    chat.wait("loading")
    chat.set("temperature", "0.5")
    chat.page.wait_for_function("localStorage.getItem('qwen-vl-chat-settings')?.includes('0.5')")
    bounds = dict.fromkeys(("min_tokens", "max_tokens"), Bounds(64, 256))
    own = GenerationSettings(repetition_penalty=1.05)
    fake.defaults, fake.current = DefaultSettings.within(bounds, own), ready
    for _ in range(2):
        for name, value in (
            ("repetition-penalty", "1.05"),
            ("max-tokens", "256"),
            ("temperature", "0.5"),
        ):
            field = f"document.querySelector('#{name} input[type=number]')?.value"
            chat.page.wait_for_function(f"{field} === '{value}'")
        slider = chat.page.locator("#max-tokens input[type=range]")
        assert (slider.get_attribute("min"), slider.get_attribute("max")) == ("64", "256")
        chat.ask("Hello")
        assert fake.calls[-1].settings == replace(own, temperature=0.5)
        chat.reload()
        chat.wait("idle")
    chat.open_settings()
    chat.page.click("#reset-settings")
    chat.page.wait_for_function(
        "document.querySelector('#temperature input[type=number]').value === '0'"
    )
    assert chat.page.input_value("#repetition-penalty input[type=number]") == "1.05"
