"""What a message will cost is on its cards before it is sent, and a card shows what the model sees."""

from __future__ import annotations

import re
import threading
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Request

from model.backend import Estimate
from tests.support.chat import Chat, holding
from tests.support.fakes import FakeBackend

FACTS = "dialog.inspector [role=status]"


def tokens(text: str) -> int:
    """The number before the word `tokens`."""
    (found,) = re.findall(r"([\d,]+) tokens", text)
    return int(found.replace(",", ""))


def costs(chat: Chat, cards: int) -> list[int]:
    chat.page.wait_for_function(
        "(cards) => [...document.querySelectorAll('#tray li p span')].filter((s) => s.textContent).length === cards",
        arg=cards,
    )
    return [tokens(text) for text in chat.page.locator("#tray li p").all_inner_texts()]


def look(chat: Chat, card: int) -> None:
    chat.page.locator("#tray [data-look]").nth(card).click()
    chat.page.wait_for_selector(FACTS)


def close(chat: Chat) -> None:
    chat.page.keyboard.press("Escape")
    chat.page.wait_for_selector("dialog", state="detached")


def wait_for_facts(chat: Chat, text: str) -> None:
    chat.page.wait_for_function(
        "([where, text]) => document.querySelector(where)?.textContent.includes(text)",
        arg=[FACTS, text],
    )


@pytest.mark.beyond_transformers_serve("it takes no clips: their frames go as pictures")
def test_cards_are_numbered_over_the_conversation_and_cost_what_is_then_used(
    chat: Chat, picture: Path, clip: Path
) -> None:
    chat.set("max-new-tokens", "4")
    chat.attach(picture, clip, picture)
    first = costs(chat, 3)
    labels = [text.split("\n")[0] for text in chat.page.locator("#tray li p").all_inner_texts()]
    assert labels == ["Picture 1", "Video 1", "Picture 2"]
    total = chat.page.inner_text("#cost-card")
    chat.ask("What is this?")
    assert f"{sum(first):,} visual" in chat.stats
    chat.attach(picture)
    costs(chat, 1)
    assert chat.page.inner_text("#tray li p").startswith("Picture 3")
    assert "of 8,192 tokens" in total


def test_a_card_opens_what_the_model_sees(chat: Chat, picture: Path) -> None:
    chat.attach(picture)
    (before,) = costs(chat, 1)
    chat.page.focus("#tray [data-look]")
    chat.page.keyboard.press("Enter")
    chat.page.wait_for_selector(FACTS)
    assert tokens(chat.page.inner_text(FACTS)) == before
    seen = chat.page.locator("dialog .grid img")
    width, height = (int(seen.get_attribute(side) or 0) for side in ("width", "height"))
    assert width * height == before * 28**2
    natural = seen.evaluate(
        "async (i) => { await i.decode(); return [i.naturalWidth, i.naturalHeight]; }"
    )
    assert natural == [width, height]
    chat.page.check("dialog [data-grid]")
    close(chat)
    assert chat.page.evaluate("document.activeElement.matches('#tray [data-look]')")


def test_an_item_can_be_seen_at_its_own_resolution(chat: Chat, picture: Path) -> None:
    chat.attach(picture, picture)
    before = costs(chat, 2)
    look(chat, 0)
    chat.page.select_option("dialog select", "exact")
    chat.page.fill("dialog [name=width]", "112")
    chat.page.fill("dialog [name=height]", "84")
    chat.page.press("dialog [name=height]", "Tab")
    wait_for_facts(chat, "4 × 3 = 12 tokens")
    close(chat)
    chat.page.wait_for_function(
        "document.querySelector('#tray li p span').textContent === '12 tokens'"
    )
    assert costs(chat, 2) == [12, before[1]]
    chat.set("max-new-tokens", "4")
    chat.ask("What is this?")
    assert f"{12 + before[1]} visual" in chat.stats
    chat.page.click("#undo")  # it comes back as it was sent
    chat.wait_for_cards(2)
    assert costs(chat, 2) == [12, before[1]]


def test_items_can_change_places(chat: Chat, picture: Path, clip: Path) -> None:
    chat.attach(picture, clip)
    look(chat, 1)
    chat.page.click("dialog [data-places='-1']")
    chat.page.wait_for_function(
        "document.querySelector('#tray li p strong').textContent === 'Video 1'"
    )
    chat.page.click("dialog [data-op=detach]")
    chat.wait_for_cards(1)
    assert chat.page.inner_text("#tray li p").startswith("Picture 1")
    look(chat, 0)
    assert not chat.page.is_visible("dialog [data-op=move]"), "there is nowhere to move it"
    close(chat)


def test_a_clip_shows_its_sampled_frames_and_can_be_trimmed(chat: Chat, clip: Path) -> None:
    chat.attach(clip)
    look(chat, 0)
    frames = chat.page.locator("dialog .strip img")
    sampled = int(chat.page.inner_text(FACTS).split()[0])
    assert frames.count() == sampled
    times = chat.page.locator("dialog .strip time").all_inner_texts()
    assert times[0] == "0:00.0" and len(times) == sampled
    chat.page.fill("dialog [name=fps]", "4")
    chat.page.fill("dialog [name=frames]", "8")
    chat.page.press("dialog [name=frames]", "Tab")
    chat.page.wait_for_function(
        "(few) => document.querySelectorAll('dialog .strip img').length > few", arg=sampled
    )
    chat.page.locator("dialog [name=start]").evaluate(
        "(handle) => { handle.value = 0.5; handle.dispatchEvent(new Event('input', { bubbles: true }));"
        " handle.dispatchEvent(new Event('change', { bubbles: true })); }"
    )
    chat.page.wait_for_function(
        "document.querySelector('dialog .strip time')?.textContent === '0:00.5'"
    )


def test_the_part_of_a_clip_is_chosen_by_keyboard_played_and_told_on_its_card(
    chat: Chat, clip: Path
) -> None:
    chat.attach(clip)
    assert chat.page.inner_text("#tray li small") == "▶ 0:02"
    look(chat, 0)
    chat.page.focus("dialog [name=start]")
    for _ in range(5):
        chat.page.keyboard.press("ArrowRight")
    assert chat.page.input_value("dialog [data-of=start]") == "0.5"
    chat.page.fill("dialog [data-of=end]", "0.2")
    chat.page.press("dialog [data-of=end]", "Tab")
    assert chat.page.input_value("dialog [data-of=end]") == "0.6"  # neither passes the other
    chat.page.fill("dialog [data-of=end]", "1.5")
    chat.page.press("dialog [data-of=end]", "Tab")
    chat.page.wait_for_function(
        "document.querySelector('dialog .strip time')?.textContent === '0:00.5'"
    )
    chat.page.get_by_role("button", name="Play", exact=True).click()
    chat.page.wait_for_function("document.querySelector('dialog video').currentTime > 0.5")
    chat.page.wait_for_function(
        "(({ paused, currentTime }) => paused && currentTime === 0.5)(document.querySelector('dialog video'))"
    )
    close(chat)
    chat.page.wait_for_function(
        "document.querySelector('#tray li small').textContent === '▶ 1.0 s'"
    )


def test_a_wish_that_cannot_be_met_is_explained_in_the_dialog(chat: Chat, clip: Path) -> None:
    chat.attach(clip)
    look(chat, 0)
    chat.page.fill("dialog [name=frames]", "3")
    chat.page.press("dialog [name=frames]", "Tab")
    alert = chat.page.locator("dialog [role=alert]")
    alert.wait_for()
    assert "must be even" in alert.inner_text()
    chat.page.fill("dialog [name=frames]", "2")
    chat.page.press("dialog [name=frames]", "Tab")
    wait_for_facts(chat, "2 frames")


def test_fit_lowers_the_resolution_to_a_budget_says_so_and_is_undone(
    chat: Chat, picture: Path
) -> None:
    chat.attach(picture, picture)
    before = costs(chat, 2)
    chat.page.click("#cost-card summary")
    chat.page.fill("#cost-card details input", "60")
    chat.page.click("#cost-card [data-fit]")
    chat.page.get_by_text("Reduced from").wait_for()
    assert sum(costs(chat, 2)) < sum(before)
    prompt = re.search(r"[\d,]+", chat.page.inner_text("#cost-card"))
    assert prompt and int(prompt.group()) <= 60
    chat.page.click("#cost-card [data-undo-fit]")
    chat.page.wait_for_selector("#cost-card [data-undo-fit]", state="detached")
    assert costs(chat, 2) == before


def test_the_wait_is_told_once_two_turns_were_measured(chat: Chat, picture: Path) -> None:
    chat.set("max-new-tokens", "4")
    chat.ask("Hello")
    chat.ask("Hello again")
    chat.attach(picture)
    costs(chat, 1)
    assert re.search(r"answer starts in about \d+\.\d s", chat.page.inner_text("#cost-card"))


def test_another_size_costs_less_and_the_defaults_cost_as_much_as_before(
    chat: Chat, picture: Path
) -> None:
    def wait_for(comparison: str, cost: int) -> None:
        chat.page.wait_for_function(
            f"(cost) => parseInt(document.querySelector('#tray li p span')?.textContent) {comparison} cost",
            arg=cost,
        )

    chat.attach(picture)
    (before,) = costs(chat, 1)
    chat.set("max-tokens", "9")
    wait_for("<", before)
    chat.open_settings()
    chat.page.click("#reset-settings")
    wait_for("==", before)


def test_what_was_typed_counts_however_soon_the_dialog_is_closed(chat: Chat, picture: Path) -> None:
    chat.attach(picture)
    costs(chat, 1)
    look(chat, 0)
    chat.page.select_option("dialog.inspector [name=level]", "tokens")
    wait_for_facts(chat, "tokens")
    chat.page.fill("dialog.inspector [name=tokens]", "9")
    close(chat)
    chat.page.wait_for_timeout(1000)  # what the server draws of it now does not open it again
    assert chat.page.locator("dialog").count() == 0
    look(chat, 0)
    assert chat.page.input_value("dialog.inspector [name=tokens]") == "9"


def test_what_is_drawn_of_an_item_that_has_gone_is_nothing(
    told: Chat, fake: FakeBackend, picture: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told.attach(picture)
    told.page.wait_for_selector("#cost-card [data-item]", state="attached")
    drawing, removed = threading.Event(), threading.Event()
    estimate = fake.estimate

    def slowly(*asked: Any) -> Estimate:
        drawing.set()
        assert removed.wait(60)
        return estimate(*asked)

    monkeypatch.setattr(fake, "estimate", slowly)
    told.page.click("#tray [data-look]")
    told.wait_until(drawing.is_set)
    told.page.click("#tray [data-op=detach]")
    told.wait_for_cards(0)
    removed.set()
    told.page.wait_for_timeout(500)
    assert told.page.locator("dialog").count() == 0


def test_a_card_that_was_pressed_says_so_until_its_dialog_opens(told: Chat, clip: Path) -> None:
    told.attach(clip)
    busy = told.page.locator("#tray [data-look][aria-busy=true]")
    turning = """(card) => {
      const { animationName, borderBottomWidth } = getComputedStyle(card, '::after');
      return [animationName, borderBottomWidth];
    }"""
    with holding(told.page, "**/predict", is_look) as held:
        told.page.click("#tray [data-look]")
        told.wait_until(lambda: held)
        assert busy.evaluate(turning) == ["turning", "3px"]
        held[0].continue_()
        told.page.wait_for_selector(FACTS)
        assert busy.count() == 0
        close(told)
        told.page.click("#tray [data-look]")
        told.wait_until(lambda: len(held) == 2)
        held[1].fulfill(status=429, body='{"error": "Too many requests."}')
        busy.wait_for(state="detached")
    told.problems.clear()  # the browser's own word for it


def is_look(request: Request) -> bool:
    return '"op":"look"' in (request.post_data or "")
