"""An answer that was cut, stopped or changed goes on."""

from __future__ import annotations

from tests.support.chat import Chat


def test_a_cut_answer_goes_on_to_what_it_would_have_been_and_a_changed_one_from_the_change(
    tiny_chat: Chat,
) -> None:
    page = tiny_chat.page
    tiny_chat.set("max-new-tokens", "8")
    tiny_chat.close_settings()
    page.click("#examples button >> nth=0")
    tiny_chat.wait("idle", after_turn=0)
    assert "cut off" in tiny_chat.stats and not page.locator("#chatbot .marked").count()
    tiny_chat.set("max-new-tokens", "64")
    tiny_chat.close_settings()
    page.click("#continue")
    page.wait_for_selector("#chatbot .marked")
    assert page.is_hidden("#continue") and len(tiny_chat.answered) == 1
    assert "228 reused" in tiny_chat.stats
    (continued,) = tiny_chat.answered
    turn = tiny_chat.turn
    page.click("#retry")
    tiny_chat.wait("idle", after_turn=turn)
    assert list(tiny_chat.answered) == [continued]

    page.click("#edit-answer")
    page.wait_for_selector("#chatbot .bot-row.edited #edit-box textarea")
    assert page.inner_text("#edit-send") == "Continue"
    assert page.locator("#chatbot .replaced").count() == 0
    assert page.is_hidden("#edit-box .attach-more")
    page.fill("#edit-box textarea", "The picture shows")
    turn = tiny_chat.turn
    page.click("#edit-send")
    tiny_chat.wait("idle", after_turn=turn)
    assert tiny_chat.answered[0].startswith("The picture shows ")
    page.hover("#chatbot .user-row")
    page.click("#chatbot .user-row .edit-turn")
    page.wait_for_selector("#chatbot .user-row.edited")
    assert page.inner_text("#edit-send") == "Send"
    assert page.locator("#chatbot .replaced").count() == 1
    page.click("#edit-cancel")
    page.wait_for_selector("#edit-box", state="hidden")
