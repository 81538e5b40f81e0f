"""What somebody meets who sees the page for the first time, and what it offers once something is attached."""

from __future__ import annotations

from pathlib import Path

from model.backend import Delta
from tests.e2e.conftest import OpenChat
from tests.support.chat import Chat
from tests.support.fakes import FakeBackend
from ui.text.english import ENGLISH

PHONE = {"width": 390, "height": 844}
# The middle of headline, examples and composer together, as a share of the room below the bar.
MIDDLE = """() => {
  const box = (place) => document.querySelector(place).getBoundingClientRect();
  const bar = box('#bar').bottom;
  return ((box('#chatbot h2').top + box('#composer').bottom) / 2 - bar) / (innerHeight - bar);
}"""
SELECTED = "getSelection().toString()"
# From the left: the edges of the buttons in the bar, and of what stands beside the settings.
EDGES = """() => Object.fromEntries(
  ['#settings', '#settings .toggle-button', '#chats-entry button', '#page', '#brand h1'].map((place) => {
    const { left, right } = document.querySelector(place).getBoundingClientRect();
    return [place, [Math.round(left), Math.round(right)]];
  }),
)"""
BESIDE = "document.querySelector('#page').getBoundingClientRect().left === 320"


def test_an_empty_page_says_what_it_is_and_has_everything_in_its_middle(chat: Chat) -> None:
    assert chat.page.inner_text("#brand h1") == ENGLISH.title
    assert chat.page.inner_text("#chatbot h2") == ENGLISH.empty
    assert chat.page.locator("#settings.open").count() == 0
    assert 0.4 < chat.page.evaluate(MIDDLE) < 0.6
    chat.ask("Hello")
    assert (
        chat.page.evaluate(
            "innerHeight - document.querySelector('#desk').getBoundingClientRect().bottom"
        )
        == 0
    )


def test_a_phone_has_a_low_bar_and_targets_that_fingers_hit(
    open_page: OpenChat, picture: Path
) -> None:
    chat = open_page(viewport=PHONE)
    chat.attach(picture)
    chat.ask("Hello")
    assert chat.page.locator("#bar").bounding_box()["height"] <= 0.08 * 844  # type: ignore[index]
    for place in ("#clear", "#views a:not([aria-current])", "#actions button >> visible=true"):
        for button in chat.page.locator(place).all():
            box = button.bounding_box()
            assert box and min(box["width"], box["height"]) >= 44, place


def test_the_buttons_of_the_bar_are_whole_and_apart(chat: Chat) -> None:
    edges = chat.page.evaluate(EDGES)
    (left, right), (next_left, _) = edges["#settings .toggle-button"], edges["#chats-entry button"]
    assert 0 < left < right <= next_left


def test_the_settings_and_the_page_are_side_by_side(told: Chat) -> None:
    told.open_settings()
    told.page.wait_for_function(BESIDE)  # they slide
    edges = told.page.evaluate(EDGES)
    assert edges["#settings"] == [0, 320]
    assert edges["#brand h1"][0] == 336


def test_a_task_writes_its_question_into_the_composer_to_be_completed(
    told: Chat, picture: Path
) -> None:
    assert not told.page.is_visible("#tasks")
    told.attach(picture)
    names = told.page.locator("#tasks button").all_inner_texts()
    assert names == list(ENGLISH.tasks.values())
    told.page.click("#tasks button >> nth=0")
    told.wait_for_draft(ENGLISH.task_questions["describe"])
    told.page.fill("#composer textarea", "Look.")
    told.page.click("#tasks button >> nth=2")
    told.wait_for_draft(f"Look.\n{ENGLISH.find_questions['qwen2_vl']}")
    assert told.page.evaluate(SELECTED) == "…"
    told.page.keyboard.type("boat")
    told.wait_for_draft("Look.\nGive the bounding box of the boat.")


def test_the_tasks_are_there_for_a_picture_that_was_sent_until_one_writes_something_else(
    told: Chat, picture: Path
) -> None:
    told.ask("Hello")
    assert not told.page.is_visible("#tasks"), "there is nothing to ask about"
    told.attach(picture)
    told.ask("What is this?")
    told.page.wait_for_selector("#tasks button", state="visible")
    before = told.page.locator("#talk").bounding_box()
    told.page.type("#composer textarea", "And")
    told.page.wait_for_selector("#tasks button", state="hidden")
    assert told.page.locator("#talk").bounding_box() == before, "the conversation does not move"
    told.page.fill("#composer textarea", "")
    told.page.click("#tasks button >> nth=0")
    told.wait_for_draft(ENGLISH.task_questions["describe"])
    told.page.click("#clear")
    told.page.wait_for_selector("#tasks", state="hidden")


def test_a_level_of_detail_sets_the_size_and_shows_which_it_is(told: Chat) -> None:
    told.open_settings()
    checked = "document.querySelector('#detail input:checked')?.value"
    assert told.page.evaluate(checked) == "high"
    told.page.click(f"#detail label:has-text('{ENGLISH.details['low']}')")
    told.page.wait_for_function(
        "document.querySelector('#max-tokens input[type=number]').value === '256'"
    )
    told.page.wait_for_function("localStorage.getItem('qwen-vl-chat-settings')?.includes('256')")
    told.set("max-tokens", "1000")
    told.page.wait_for_function(f"({checked}) === undefined")
    told.page.click(f"#detail label:has-text('{ENGLISH.details['original']}')")
    told.page.wait_for_function(
        "document.querySelector('#max-tokens input[type=number]').value === '16384'"
    )


def test_new_chat_can_be_undone_with_its_draft(told: Chat, picture: Path) -> None:
    told.ask("Hello")
    told.attach(picture)
    told.page.fill("#composer textarea", "a draft")
    told.page.click("#clear")
    told.page.wait_for_selector("#examples", state="visible")
    assert (told.draft, told.cards) == ("", 0)
    told.page.click("#notice [data-undo-clear]")
    told.page.wait_for_selector("#chatbot .bot-row")
    told.wait_for_cards(1)
    assert (told.asked, told.draft) == (["Hello"], "a draft")
    assert not told.page.is_visible("#notice [data-undo-clear]")


def test_a_button_leads_to_the_latest_message_while_one_reads_above_it(
    told: Chat, fake: FakeBackend
) -> None:
    fake.events = [Delta("A line.\n\n" * 60)]
    told.ask("Tell me a long story.")
    told.page.wait_for_function("document.querySelector('#talk').scrollTop > 0")
    assert not told.page.is_visible("#latest")
    told.page.hover("#talk")
    told.page.mouse.wheel(0, -600)
    told.page.wait_for_selector("#latest", state="visible")
    told.page.click("#latest")
    told.page.wait_for_selector("#latest", state="hidden")


def test_a_file_that_is_dragged_is_told_where_it_can_go(told: Chat) -> None:
    drag = """(kind) => {
      const data = new DataTransfer();
      data.items.add(new File(['x'], 'a.png', { type: 'image/png' }));
      document.querySelector('#talk').dispatchEvent(new DragEvent(kind, { dataTransfer: data, bubbles: true }));
    }"""
    told.page.evaluate(drag, "dragenter")
    assert told.page.inner_text("#drop-overlay") == ENGLISH.drop_here
    told.page.evaluate(drag, "dragleave")
    told.page.wait_for_selector("#drop-overlay", state="hidden")


def test_a_long_text_is_counted(told: Chat) -> None:
    told.page.fill("#composer textarea", "x" * 5000)
    assert told.page.inner_text("#text-length") == "Characters: 5,000 of 200,000"
    told.page.fill("#composer textarea", "x")
    told.page.wait_for_selector("#text-length", state="hidden")
