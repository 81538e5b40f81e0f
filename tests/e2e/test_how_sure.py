"""How sure the model was of its words, of the alternatives, and of its boxes."""

from __future__ import annotations

from tests.support.chat import Chat


def test_words_are_shaded_and_tell_what_else_was_likely(tiny_chat: Chat) -> None:
    page = tiny_chat.page
    page.click("#examples button >> nth=0")
    tiny_chat.wait("idle", after_turn=0)
    assert page.locator(".how-sure").count() == 0
    tiny_chat.open_settings()
    page.locator("#logprobs input").evaluate("(box) => box.click()")  # in a folded group
    tiny_chat.close_settings()
    page.click("#retry")
    tiny_chat.wait("idle", after_turn=1)
    page.click(".how-sure")
    word = page.locator(".token", has_text="star").last
    assert word.get_attribute("title", timeout=5000) == "100 %"
    word.click()
    assert page.locator(".alternatives li").count() == 5
    assert page.locator(".alternatives li").first.inner_text() == "star 100 %"
    assert page.inner_text(".tokens .figures").startswith("the yellow star ")
    assert "<|" not in page.inner_text(".tokens p")
    assert page.locator("#chatbot .marked").count() == 1
    page.click(".how-sure")
    assert page.locator(".tokens").count() == 0
    page.click(".how-sure")
    tiny_chat.reload()
    page.click(".how-sure")
    assert page.locator(".token").count() > 3
