"""One message under two settings, side by side, in the place of the conversation."""

from __future__ import annotations

from pathlib import Path

from model.backend import Delta
from tests.e2e.conftest import OpenChat
from tests.support.chat import Chat
from tests.support.fakes import FakeBackend

SIDES = "#compared section"


def compare(chat: Chat) -> None:
    chat.page.click("#views a[href='#compare']")
    chat.page.wait_for_selector("#comparison-form form", state="visible")


def add(chat: Chat, name: str) -> None:
    """Let a setting differ; nothing changes if it does already."""
    if chat.page.is_visible(f"#comparison [data-name={name}]"):
        return
    chat.page.select_option("#comparison .bar select", name)
    chat.page.click("#comparison [data-op=add]")
    chat.page.wait_for_selector(f"#comparison [data-name={name}]", state="visible")


def back(chat: Chat) -> None:
    chat.page.click("#views a[href='#chat']")
    chat.page.wait_for_selector("#talk", state="visible")


def wait_for_both(chat: Chat) -> None:
    chat.page.wait_for_function(
        "document.querySelectorAll('#compared .stats').length === 2"
        " && !document.querySelector('#compared [data-running]')"
    )


def wait_for_words(chat: Chat, count: int) -> None:
    chat.page.wait_for_function(
        "(count) => document.querySelector('#compared .answer')?.textContent.split(' ').length > count",
        arg=count,
    )


def fill(chat: Chat, name: str, first: str, second: str) -> None:
    for side, value in enumerate((first, second)):
        chat.page.fill(f"#comparison [data-name={name}] [name='{side}']", value)


def test_a_message_is_answered_under_two_settings_and_the_conversation_stays(
    chat: Chat, picture: Path
) -> None:
    chat.set("max-new-tokens", "12")
    chat.ask("Hello")
    chat.attach(picture)
    assert not chat.page.is_visible("#comparison")
    compare(chat)
    assert not chat.page.is_visible("#talk")
    fill(chat, "max_tokens", "48", "16")
    chat.send("What is this?")
    wait_for_both(chat)
    first, second = chat.page.locator(SIDES).all_inner_texts()
    assert (
        "Maximum detail per picture (tokens): 48" in first
        and "Maximum detail per picture (tokens): 16" in second
    )
    assert "12 visual" in second and "0 reused" in second and "tokens/s" in second
    assert chat.page.inner_text("#compared [role=status]")
    assert (chat.draft, chat.cards) == ("What is this?", 1)
    chat.reload()
    wait_for_both(chat)
    assert chat.page.input_value("#comparison [data-name=max_tokens] [name='1']") == "16"
    back(chat)
    assert list(chat.asked) == ["Hello"] and chat.turn == 1


def test_differing_words_are_marked_and_one_sides_settings_are_taken_over(
    told: Chat, fake: FakeBackend
) -> None:
    fake.answer = lambda _: [Delta("A red boat." if len(fake.calls) == 1 else "A green boat.")]
    compare(told)
    assert not told.page.is_visible("#comparison [data-name=temperature]")
    add(told, "temperature")
    assert told.page.evaluate("document.activeElement.name") == "1"
    fill(told, "temperature", "0", "0.75")
    told.page.click("#comparison [data-name=max_tokens] [data-op=drop]")
    told.page.fill("#composer textarea", "What is this?")
    told.page.click("#comparison form .primary")
    wait_for_both(told)
    assert told.page.inner_text("#compared del") == "red"
    assert told.page.inner_text("#compared ins") == "green"
    told.page.locator("#compared [data-op=take]").nth(1).click()
    told.page.wait_for_selector("#talk", state="visible")
    told.page.wait_for_function(
        "document.querySelector('#temperature input[type=number]').value === '0.75'"
    )
    told.ask("What is this?")
    assert fake.calls[-1].settings.temperature == 0.75


def test_a_reload_picks_the_comparison_up_and_escape_stops_both_sides(
    told: Chat, fake: FakeBackend
) -> None:
    fake.events, fake.pause_s = [Delta("word ")] * 4000, 0.05
    compare(told)
    told.send("Hello")
    wait_for_words(told, 10)
    told.reload()
    told.page.wait_for_selector("#compared [data-running] .answer")
    wait_for_words(told, len(told.page.inner_text("#compared .answer").split()) + 5)
    assert told.page.inner_text("#comparison .primary") == "Stop"
    told.page.keyboard.press("Escape")
    told.page.wait_for_selector("#compared [data-running]", state="detached")
    assert "stopped" in told.page.locator(SIDES).first.inner_text()
    assert (told.page.inner_text("#comparison .primary"), len(fake.calls)) == ("Compare", 1)
    back(told)


def test_a_comparison_scrolls_and_the_bar_stays(open_page: OpenChat) -> None:
    chat = open_page(viewport={"width": 1280, "height": 480})
    chat.page.fill("#composer textarea", "Hi")
    chat.page.click("#views a[href='#compare']")
    chat.page.wait_for_selector("#comparison-form form", state="visible")
    chat.page.press("#composer textarea", "Enter")
    chat.page.wait_for_function("document.querySelector('#comparison').scrollTop > 0")
    assert chat.page.evaluate("document.querySelector('#bar').getBoundingClientRect().top") == 0


def test_a_setting_that_cannot_be_is_explained_on_its_side(told: Chat, fake: FakeBackend) -> None:
    compare(told)
    add(told, "max_tokens")
    fill(told, "max_tokens", "64", "3")
    told.send("Hello")
    told.page.wait_for_selector("#compared section:nth-child(2) [role=alert]")
    alert = told.page.locator("#compared [role=alert]")
    assert alert.count() == 1 and "“Maximum detail per picture” is 3" in alert.inner_text()
    assert fake.calls == []
    back(told)


def test_the_exact_sides_come_and_go_together(told: Chat) -> None:
    compare(told)
    add(told, "resized_width")
    told.page.wait_for_selector("#comparison [data-name=resized_height]", state="visible")
    told.page.click("#comparison [data-name=resized_height] [data-op=drop]")
    assert not told.page.is_visible("#comparison [data-name=resized_width]")
    back(told)


def test_what_differs_already_is_not_offered_again(told: Chat) -> None:
    compare(told)
    offered = (
        "#comparison .bar option:not(:disabled)[value='max_tokens'], "
        "#comparison .bar option:not(:disabled)[value='seed']"
    )
    values = "(all) => all.map((one) => one.value)"
    assert told.page.eval_on_selector_all(offered, values) == ["seed"]
    add(told, "seed")
    assert told.page.eval_on_selector_all(offered, values) == []
    told.page.click("#comparison [data-name=max_tokens] [data-op=drop]")
    assert told.page.eval_on_selector_all(offered, values) == ["max_tokens"]
    back(told)


def test_the_form_speaks_the_pages_language_and_keeps_what_was_filled_in(told: Chat) -> None:
    compare(told)
    add(told, "max_tokens")
    fill(told, "max_tokens", "77", "33")
    told.page.locator("#language input[value=ko]").dispatch_event("click")
    told.page.wait_for_function(
        "document.querySelector('#comparison .primary')?.textContent === '비교'"
    )
    assert told.page.input_value("#comparison [data-name=max_tokens] [name='0']") == "77"
    told.page.locator("#language input[value=en]").dispatch_event("click")
    told.page.get_by_role("link", name="Chat").wait_for()
    back(told)


def test_comparing_is_not_sending_and_escape_leads_back_to_the_chat(
    told: Chat, fake: FakeBackend
) -> None:
    fake.answer = lambda _: [Delta("word " * 400)]
    told.ask("Hello")
    compare(told)
    assert not told.page.is_visible("#composer [data-testid=submit-button]")
    told.send("What is this?")
    wait_for_both(told)
    told.page.wait_for_function("document.querySelector('#comparison').scrollTop > 0")
    assert told.page.evaluate(
        "[document, ...document.querySelectorAll(':is(body, .gradio-container, .gradio-container :has(#page), #page)')]"
        ".every((around) => !(around.scrollingElement ?? around).scrollTop)"
    )
    told.page.keyboard.press("Escape")
    told.page.wait_for_selector("#talk", state="visible")
    assert told.page.is_visible("#composer [data-testid=submit-button]")
    assert list(told.asked) == ["Hello"] and told.draft == "What is this?"
