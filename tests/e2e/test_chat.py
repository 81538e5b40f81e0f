"""The main job, as a person does it: attach, ask, watch, stop, ask again."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from tests import media_files
from tests.e2e.conftest import open_page
from tests.real_media import real_media

STOP = "#composer [data-testid=stop-button]"
LONG_MS = 240_000


def state(page: Page) -> str:
    found = page.locator("#run-state [data-state]").get_attribute("data-state")
    assert found is not None
    return found


def turns(page: Page) -> int:
    return int(page.locator("#run-state [data-state]").get_attribute("data-turn") or 0)


def wait_for_state(page: Page, *states: str) -> None:
    selector = ", ".join(f'#run-state [data-state="{name}"]' for name in states)
    page.wait_for_selector(selector, state="attached", timeout=LONG_MS)


def wait_for_turn(page: Page, number: int) -> None:
    page.wait_for_selector(f'#run-state [data-turn="{number}"]', state="attached", timeout=LONG_MS)


def attach(page: Page, *paths: Path) -> None:
    before = page.locator("#tray img").count()
    page.set_input_files("#composer input[type=file]", [str(path) for path in paths])
    page.wait_for_function(
        f"document.querySelectorAll('#tray img').length === {before + len(paths)}"
    )


def ask(page: Page, text: str) -> None:
    page.fill("#composer textarea", text)
    page.press("#composer textarea", "Enter")


def limit_answers(page: Page, tokens: int) -> None:
    """Set the length of an answer in the sidebar, as kept in the browser."""
    page.evaluate(f"localStorage['qwen-vl-chat-settings'] = '{{\"max_new_tokens\": {tokens}}}'")
    page.reload()
    wait_for_state(page, "idle")


def stop(page: Page) -> None:
    page.click(STOP)
    wait_for_state(page, "stopped")


def test_a_photograph_and_a_clip_are_answered(page: Page, tmp_path: Path) -> None:
    limit_answers(page, 6)
    attach(page, real_media("images/lion.jpg"), media_files.clip(tmp_path / "clip.mp4", 20))
    page.wait_for_function("/\\d/.test(document.querySelector('#cost-card').innerText)")
    ask(page, "What do you see?")
    wait_for_turn(page, 1)
    assert state(page) == "idle"
    assert page.locator("#tray img").count() == 0
    assert page.input_value("#composer textarea") == ""
    assert page.locator("#chatbot img").count() == 1 and page.locator("#chatbot video").count() == 1
    assert "What do you see?" in page.locator("#chatbot").inner_text()
    assert "prompt tokens" in page.locator("#stats").inner_text()
    ask(page, "And now?")
    wait_for_turn(page, 2)
    reused = page.locator("#stats").inner_text().split("(")[1].split(" reused")[0]
    assert int(reused.replace(",", "")) > 0


def test_the_answer_grows_and_stop_keeps_what_there_is(page: Page) -> None:
    ask(page, "Go on and on")
    wait_for_state(page, "answering")
    lengths = []
    for _ in range(4):
        lengths.append(len(page.locator("#live").inner_text()))
        page.wait_for_function(
            f"document.querySelector('#live').innerText.length > {lengths[-1]}", timeout=LONG_MS
        )
    assert lengths == sorted(set(lengths))
    stop(page)
    kept = page.locator("#chatbot").inner_text()
    assert "Go on and on" in kept and len(kept) > len("Go on and on") + 3
    assert "stopped" in page.locator("#stats").inner_text()


def test_escape_stops(page: Page) -> None:
    ask(page, "Go on")
    wait_for_state(page, "answering")
    page.keyboard.press("Escape")
    wait_for_state(page, "stopped")


def test_two_tabs_never_mix(context: BrowserContext, page: Page, server: str) -> None:
    other = context.new_page()
    open_page(other, server)
    ask(page, "First tab speaking")
    ask(other, "Second tab speaking")
    wait_for_state(page, "answering")
    assert state(other) == "queued"
    stop(page)
    wait_for_state(other, "answering")
    stop(other)
    assert "Second" not in page.locator("#chatbot").inner_text()
    assert "First" not in other.locator("#chatbot").inner_text()


def test_a_reload_picks_the_answer_up_again(page: Page) -> None:
    ask(page, "Go on through a reload")
    wait_for_state(page, "answering")
    page.reload()
    wait_for_state(page, "answering")
    before = len(page.locator("#live").inner_text())
    page.wait_for_function(
        f"document.querySelector('#live').innerText.length > {before}", timeout=LONG_MS
    )
    assert "Go on through a reload" in page.locator("#chatbot").inner_text()
    stop(page)
    assert turns(page) == 1


def test_a_closed_tab_frees_its_place(context: BrowserContext, page: Page, server: str) -> None:
    leaving = context.new_page()
    open_page(leaving, server)
    ask(leaving, "I am about to leave")
    wait_for_state(leaving, "answering")
    ask(page, "I am next")
    wait_for_state(page, "queued")
    leaving.close()
    page.wait_for_selector('#run-state [data-state="answering"]', state="attached", timeout=20_000)
    stop(page)


def test_a_file_that_cannot_be_read_is_refused_and_nothing_else_is_lost(
    page: Page, tmp_path: Path
) -> None:
    page.fill("#composer textarea", "my draft")
    attach(page, media_files.solid(tmp_path / "good.png"))
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"\x89PNG\r\n\x1a\n not a picture")
    page.set_input_files("#composer input[type=file]", str(broken))
    page.wait_for_function("document.querySelector('#tray').innerText.includes('broken.png')")
    assert page.locator("#tray img").count() == 1
    assert page.input_value("#composer textarea") == "my draft"
    assert state(page) == "idle"


@pytest.mark.parametrize("way", ["paste", "drop"])
def test_pictures_can_be_pasted_and_dropped_anywhere(page: Page, tmp_path: Path, way: str) -> None:
    picture = media_files.solid(tmp_path / "a.png").read_bytes()
    page.evaluate(
        """([way, content]) => {
            const bytes = Uint8Array.from(atob(content), (c) => c.charCodeAt(0));
            const data = new DataTransfer();
            data.items.add(new File([bytes], 'a.png', {type: 'image/png'}));
            const event = way === 'paste'
                ? new ClipboardEvent('paste', {clipboardData: data, bubbles: true, cancelable: true})
                : new DragEvent('drop', {dataTransfer: data, bubbles: true, cancelable: true});
            document.body.dispatchEvent(event);
        }""",
        [way, base64.b64encode(picture).decode()],
    )
    page.wait_for_selector("#tray img")


def test_html_in_a_message_is_shown_as_text_and_white_space_is_kept(page: Page) -> None:
    ask(page, "<img src=x onerror=alert(1)>  two  spaces <b>bold</b>")
    wait_for_state(page, "answering")
    stop(page)
    shown = page.locator("#chatbot").inner_text()
    assert "<img src=x onerror=alert(1)>" in shown and "<b>bold</b>" in shown
    assert page.locator("#chatbot img").count() == 0 and page.locator("#chatbot b").count() == 0


def test_the_page_fits_a_phone(browser: Browser, server: str) -> None:
    phone = browser.new_page(viewport={"width": 390, "height": 844})
    open_page(phone, server)
    assert phone.evaluate("document.documentElement.scrollWidth") <= 390
    box = phone.locator("#composer textarea").bounding_box()
    assert box is not None and box["y"] + box["height"] <= 844
    phone.close()
