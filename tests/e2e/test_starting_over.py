"""Tests that share a tab find it as on a first visit, whatever the one before has done or where it has failed."""

from __future__ import annotations

from tests.support.chat import Chat


def starts_over(chat: Chat) -> None:
    chat.start_over()
    assert chat.page.is_visible("#talk") and chat.page.is_visible("#examples")
    assert (chat.draft, chat.cards, chat.state) == ("", 0, "idle")
    assert chat.page.input_value("#seed input[type=number]") == ""


def test_what_stands_in_compare_with_other_settings_is_left(told: Chat) -> None:
    told.set("seed", "7")
    told.ask("Hello")
    told.page.click("#views a[href='#compare']")
    told.page.wait_for_selector("#comparison-form form", state="visible")
    starts_over(told)


def test_a_tab_in_which_a_test_has_failed_is_replaced(told: Chat) -> None:
    told.ask("Hello")
    told.start_over()
    told.page.route("**/run/predict*", lambda route: route.abort())
    told.page.set_viewport_size({"width": 390, "height": 844})
    told.page.context.set_offline(True)
    told.page.evaluate("qwenVlChat = null")
    told.page.context.set_offline(False)
    told.spoilt = True
    starts_over(told)
    told.ask("Hello")
    assert told.page.evaluate("innerWidth") > 1000
