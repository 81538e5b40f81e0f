"""What people do most, in every browser that they have: open, attach, ask, stop, reload, boxes, settings."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from model.backend import Delta
from tests.support.chat import Chat
from tests.support.fakes import FakeBackend

BOAT = "<|object_ref_start|>a boat<|object_ref_end|><|box_start|>(250,500),(750,1000)<|box_end|>"
SCROLLBAR = """() => {
  const box = document.createElement('div');
  box.style.cssText = 'width: 100px; height: 100px; overflow: scroll';
  document.body.append(box);
  const width = box.offsetWidth - box.clientWidth;
  box.remove();
  return width;
}"""
# Whatever can be scrolled sideways, and the page itself where it is larger than the window.
SCROLLED = """() => [...document.querySelectorAll('html, .gradio-container *')].filter((element) => {
  const { overflowX } = getComputedStyle(element);
  const wide = element.scrollWidth > element.clientWidth && ['auto', 'scroll'].includes(overflowX);
  return element.matches('html') ? innerWidth > element.clientWidth || innerHeight > element.clientHeight : wide;
}).map((element) => `${element.localName}#${element.id}.${element.className}`)"""
PLACE = """() => {
  const [frame, box] = ['.frame', '.frame .box'].map(
    (place) => document.querySelector(`#chatbot .bot-row ${place}`).getBoundingClientRect());
  return [(box.x - frame.x) / frame.width, (box.y - frame.y) / frame.height,
    box.width / frame.width, box.height / frame.height];
}"""
SEEN = """(count) => [...document.querySelectorAll('#chatbot .user :is(img, video)')].filter(
  (seen) => seen.naturalWidth > 0 || seen.readyState > 0).length === count"""
ANSWER = "#chatbot .bot .prose"
# As Safari reports the Enter that has confirmed what an input method offers.
CONFIRMED = """() => document.querySelector('#composer textarea').dispatchEvent(new KeyboardEvent(
  'keydown', { key: 'Enter', code: 'Enter', keyCode: 229, which: 229, bubbles: true, cancelable: true }))"""
COLUMN = """() => {
  const { left, width } = document.querySelector('#chatbot .user-row').getBoundingClientRect();
  return [left, width];
}"""


def test_the_page_opens_with_the_composer_at_hand(core: Chat) -> None:
    core.open()
    assert core.page.inner_text("#chatbot h2")
    assert core.page.evaluate("document.activeElement.matches('#composer textarea')")
    assert "Fake-VL" in core.page.inner_text("#model-banner")


def test_only_the_conversation_and_the_settings_scroll(core: Chat, fake: FakeBackend) -> None:
    assert core.page.evaluate(SCROLLBAR) > 0, "the test's own assumption: scrollbars take room"
    assert core.page.evaluate(SCROLLED) == []
    core.ask("Hello")
    before = core.page.evaluate(COLUMN)
    fake.events = [Delta("A line.\n\n" * 60)]
    core.ask("Tell me a long story.")
    core.page.wait_for_function("document.querySelector('#talk').scrollTop > 0")
    assert core.page.evaluate(COLUMN) == before, "it moved aside for the scrollbar"
    assert core.page.evaluate(SCROLLED) == []


def test_files_are_chosen_dropped_and_pasted_and_go_again(
    core: Chat, picture: Path, clip: Path
) -> None:
    core.attach(picture, clip)
    core.hand_over("drop", picture)
    core.wait_for_cards(3)
    core.hand_over("paste", picture)
    core.wait_for_cards(4)
    core.page.wait_for_function(
        "[...document.querySelectorAll('#tray li img')].every((seen) => seen.naturalWidth > 0)"
    )
    core.page.click("#tray li button[data-op=detach]")
    core.wait_for_cards(3)


def test_a_picture_and_a_clip_are_asked_about(
    core: Chat, fake: FakeBackend, picture: Path, clip: Path
) -> None:
    core.attach(picture, clip)
    core.wait_for_price()
    fake.events = [Delta("| a | b |\n|---|---|\n| 1 | <b>2</b> |")]
    core.ask("What  is <b>this</b>?\n  *Tell* me.")
    core.page.wait_for_function(SEEN, arg=2)
    core.page.wait_for_selector("#chatbot .bot td")
    assert core.asked == ["What  is <b>this</b>?\n  *Tell* me."]
    assert core.page.locator("#chatbot .bot td").all_inner_texts() == ["1", "<b>2</b>"]
    assert "1,092 visual" in core.stats
    assert (core.cards, core.draft) == (0, "")


def test_an_answer_grows_stops_and_leaves_the_draft(core: Chat, fake: FakeBackend) -> None:
    fake.events, fake.pause_s = [Delta("word ")] * 4000, 0.05
    core.send("Tell me a long story.")
    lengths = [len(text) for text in core.growth(4)]
    assert lengths == sorted(set(lengths))
    core.page.type("#composer textarea", "a draft meanwhile")
    core.stop()
    core.page.wait_for_selector(ANSWER)
    assert len(core.answered) == 1 and core.answered[0].startswith("word")
    assert core.draft == "a draft meanwhile"
    assert core.page.evaluate("document.activeElement.matches('#composer textarea')")


def test_a_reload_picks_the_answer_up_again(core: Chat, fake: FakeBackend, picture: Path) -> None:
    fake.events, fake.pause_s = [Delta("word ")] * 4000, 0.05
    core.attach(picture)
    core.send("Tell me a long story.")
    before = core.growth(2)[-1]
    core.reload()
    after = core.growth(2)[-1]
    assert len(after) > len(before) and after.startswith(before[: len(before) // 2])
    assert core.asked == ["Tell me a long story."] and len(fake.calls) == 1
    core.stop()
    core.reload()
    core.wait("stopped")
    core.page.wait_for_selector(ANSWER)
    assert len(core.answered) == 1


def test_what_an_answer_points_at_is_drawn_where_it_is(
    core: Chat, fake: FakeBackend, picture: Path
) -> None:
    fake.events = [Delta(f"See {BOAT}")]
    core.attach(picture)
    core.ask("Where is the boat?")
    core.page.wait_for_selector("#chatbot .bot-row .frame .box")
    assert core.page.evaluate(PLACE) == pytest.approx([0.25, 0.5, 0.5, 0.5], abs=0.01)
    assert core.page.inner_text(".frame .caption") == "a boat"
    core.page.click(".marked summary")
    assert re.findall(r"\d+", core.page.inner_text(".marked tbody tr")) == [
        "1",
        "40",
        "60",
        "120",
        "120",
    ]


def test_enter_that_confirms_an_input_method_sends_nothing(core: Chat, fake: FakeBackend) -> None:
    core.page.fill("#composer textarea", "日本")
    core.page.evaluate(CONFIRMED)
    core.page.evaluate("location.hash = '#compare'")
    core.page.wait_for_selector("#comparison form")
    core.page.evaluate(CONFIRMED)
    core.page.evaluate("location.hash = '#chat'")
    core.page.wait_for_timeout(300)
    assert not fake.calls and core.draft == "日本"
    core.page.press("#composer textarea", "Enter")
    core.wait("idle", after_turn=0)
    assert core.asked == ["日本"]


def test_an_answer_is_copied_as_its_text_and_pasted(core: Chat, fake: FakeBackend) -> None:
    fake.events = [Delta("**one** <b>two</b>")]
    core.ask("Tell me.")
    core.watch_label("#copy")
    core.page.click("#copy")
    core.page.wait_for_function("window.labels.length > 1")
    assert core.page.evaluate("window.labels[1]") == "Copied"
    core.page.press("#composer textarea", "Control+V")
    core.wait_for_draft("**one** <b>two</b>")


def test_settings_count_survive_a_reload_and_can_be_reset(core: Chat, fake: FakeBackend) -> None:
    value = "document.querySelector('#max-new-tokens input[type=number]')?.value"
    core.set("max-new-tokens", "17")
    core.page.wait_for_function("localStorage.getItem('qwen-vl-chat-settings')?.includes('17')")
    core.reload()
    core.page.wait_for_function(f"{value} === '17'")
    core.wait("idle")
    core.ask("Hello")
    assert fake.calls[-1].settings.max_new_tokens == 17
    core.open_settings()
    core.page.click("#reset-settings")
    core.page.wait_for_function(f"{value} === '512'")


def test_an_answer_that_is_drawn_anew_is_still_followed(core: Chat) -> None:
    """It is gone for a moment, so that the conversation jumps to its beginning."""
    core.page.evaluate(
        """() => {
          const talk = document.querySelector('#talk');
          const block = document.createElement('div');
          block.className = 'grown';
          block.style.height = '4000px';
          talk.append(block);
          talk.scrollTop = talk.scrollHeight;
          setTimeout(() => {
            block.remove();
            talk.scrollTop; // laid out without it
            talk.append(block);
          }, 500);
        }"""
    )
    core.page.wait_for_timeout(1000)
    at_bottom = (
        "(({scrollTop, clientHeight, scrollHeight}) => scrollTop + clientHeight > scrollHeight - 100)"
        "(document.querySelector('#talk'))"
    )
    core.page.wait_for_function(at_bottom)
    core.page.evaluate("document.querySelector('.grown').remove()")


def test_what_grows_without_being_drawn_anew_is_followed(core: Chat) -> None:
    """A font, a formula's style sheet, a picture's size: what stands there takes more room, or less for a moment."""
    core.page.evaluate(
        """() => {
          const talk = document.querySelector('#talk');
          const block = document.createElement('div');
          block.className = 'grown';
          block.style.height = '4000px';
          talk.append(block);
          talk.scrollTop = talk.scrollHeight;
        }"""
    )
    core.page.wait_for_timeout(300)
    for height in (1000, 6000):
        core.page.evaluate(
            "(height) => { document.querySelector('.grown').style.height = `${height}px`; }", height
        )
        core.page.wait_for_timeout(200)
    at_bottom = (
        "(({scrollTop, clientHeight, scrollHeight}) => scrollTop + clientHeight > scrollHeight - 100)"
        "(document.querySelector('#talk'))"
    )
    core.page.wait_for_function(at_bottom)
    core.page.evaluate("document.querySelector('.grown').remove()")


def test_a_chat_is_kept_in_the_browser_and_opened_again(core: Chat, picture: Path) -> None:
    core.attach(picture)
    core.ask("What is this?")
    core.page.click("#keep-chats .primary")
    core.page.click("#chats-entry button")
    core.page.wait_for_selector("#chats .chat[aria-current] img")
    core.page.click("#clear")
    core.page.wait_for_selector("#chats .chat:not([aria-current])")
    core.page.click("#chats .chat")
    core.page.wait_for_function(SEEN, arg=1)
    assert (core.asked, core.answered) == (["What is this?"], ["Hello"])
    core.page.click("#chats footer button")
    core.page.click("#chats footer .danger")
    core.page.wait_for_selector("#chats .chat", state="detached")
    core.page.click("#chats .close")
