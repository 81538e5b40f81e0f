"""The list beside the page: who can use it, and where it stands."""

from __future__ import annotations

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page

from tests.support.chats import keep, kept_chat, open_list, said_and_kept, store, tab, titles


def test_the_list_is_for_everybody(browser: Browser, url: str) -> None:
    """Keyboard, screen readers, phones."""
    phone = browser.new_context(
        viewport={"width": 390, "height": 844}, color_scheme="dark", reduced_motion="reduce"
    )
    chat = tab(phone, url)
    chat.ask("Hello")
    assert small(chat.page, "#keep-chats button, #chats-entry button") == []
    keep(chat)
    chat.page.focus("#chats-entry button")
    chat.page.keyboard.press("Enter")
    chat.page.wait_for_selector("#chats .chat")
    assert small(chat.page, "#chats button") == []
    found = Axe().run(chat.page).response["violations"]
    assert [v["id"] for v in found if v["impact"] in ("serious", "critical")] == []
    assert chat.page.evaluate("document.documentElement.scrollWidth") == 390
    chat.page.wait_for_function("document.activeElement.closest('#chats')")
    chat.page.keyboard.press("Escape")
    chat.page.wait_for_selector("#chats", state="hidden")
    assert chat.page.evaluate("document.activeElement.closest('#chats-entry') !== null")
    chat.page.reload()
    chat.wait("idle")
    assert not chat.page.is_visible("#chats"), "it would cover the page"
    phone.close()


def small(page: Page, selector: str) -> list[str]:
    """Which of these are too small for a finger."""
    found: list[str] = page.eval_on_selector_all(
        selector,
        """(all) => all.filter((one) => {
          const { width, height } = one.getBoundingClientRect();
          return width < 44 || height < 44;
        }).map((one) => one.outerHTML)""",
    )
    return found


def test_the_list_stays_open_beside_the_page_and_gives_way_to_the_settings(
    browser: Browser, url: str
) -> None:
    wide = browser.new_context(viewport={"width": 1440, "height": 900})
    chat = tab(wide, url)
    assert not chat.page.is_visible("#chats"), "closed at the first visit"
    open_list(chat)
    page, panel = (chat.page.locator(place).bounding_box() for place in ("#page", "#chats"))
    assert page and panel and page["x"] >= panel["x"] + panel["width"]
    chat.page.reload()
    chat.page.wait_for_selector("#chats footer")
    chat.page.click("#chats .close")
    chat.open_settings()
    chat.page.click("#settings .toggle-button")
    chat.page.reload()
    chat.wait("idle")
    assert not chat.page.is_visible("#chats")
    wide.close()


def test_a_chat_is_renamed_in_its_place_by_the_keyboard_and_keeps_its_name(
    person: BrowserContext, url: str
) -> None:
    chat = kept_chat(person, url, "What is this?")
    open_list(chat)
    chat.page.get_by_role("button", name="Rename “What is this?”").focus()
    chat.page.keyboard.press("Enter")
    chat.page.keyboard.type("Nothing of this")
    chat.page.keyboard.press("Escape")
    chat.page.wait_for_selector("#chats .pen:focus")
    assert titles(chat) == ["What is this?"] and chat.page.is_visible("#chats")
    chat.page.keyboard.press("Enter")
    chat.page.keyboard.type("  My boats ")
    chat.page.keyboard.press("Enter")
    chat.page.wait_for_selector("#chats .pen[title='Rename “My boats”']:focus")
    assert titles(chat) == ["My boats"]
    said_and_kept(chat, "Go on")
    chat.page.reload()
    chat.page.wait_for_selector("#chats footer")  # the list was open, and is again
    assert titles(chat) == ["My boats"], "also after it has gone on"
    chat.page.get_by_role("button", name="Rename “My boats”").click()
    chat.page.locator("#chats li input").fill("")
    chat.page.click("#chatbot")
    chat.page.wait_for_selector("#chats .title:has-text('What is this?')")
    assert chat.problems == []


def test_a_press_is_not_lost_when_the_list_is_drawn_anew_under_it(
    person: BrowserContext, url: str
) -> None:
    chat = kept_chat(person, url, "The first")
    chat.page.click("#clear")
    said_and_kept(chat, "The second")
    open_list(chat)
    chat.page.hover("#chats .chat:has-text('The first')")
    chat.page.mouse.down()
    chat.page.evaluate("document.querySelector('#page-texts').dataset.test = 'said anew'")
    store(
        chat,
        "for (let turn = 0; turn < 9; turn += 1) { await store.list(''); await store.limits(); }",
    )
    chat.page.mouse.up()
    chat.page.wait_for_selector("#chats .chat[aria-current]:has-text('The first')")
    assert chat.asked == ["The first"]
    assert chat.problems == []


def test_a_chat_that_is_pressed_while_another_is_being_opened_is_opened_after_it(
    person: BrowserContext, url: str
) -> None:
    chat = kept_chat(person, url, "The first")
    for later in ("The second", "The third"):
        chat.page.click("#clear")
        said_and_kept(chat, later)
    open_list(chat)
    chat.page.wait_for_selector("#chats .chat:has-text('The third')")
    chat.page.evaluate(
        """() => {
          const chats = [...document.querySelectorAll('#chats .chat')].reverse();
          for (const chat of chats.slice(0, 2)) chat.click();
        }"""
    )
    chat.page.wait_for_selector("#chats .chat[aria-current]:has-text('The second')")
    assert chat.asked == ["The second"]
    assert chat.problems == []
