"""A kept chat is opened again, whole, in place of the one on the page."""

from __future__ import annotations

from pathlib import Path

from PIL import Image
from playwright.sync_api import BrowserContext, Page

from model.backend import Delta
from tests.support.chats import (
    keep,
    keeping,
    kept,
    kept_chat,
    kept_picture,
    open_chat_called,
    open_list,
    said_and_kept,
    tab,
    titles,
    wait_for_kept,
)
from tests.support.fakes import FakeBackend
from ui.page.build import ServedBlocks

BOX = "<|object_ref_start|>a boat<|object_ref_end|><|box_start|>(250,500),(750,1000)<|box_end|>"


def uploads(page: Page) -> list[str]:
    """Whatever is uploaded from now on."""
    sent: list[str] = []
    page.on("request", lambda asked: sent.append(asked.url) if "/upload" in asked.url else None)
    return sent


def test_a_chat_is_found_in_another_tab_with_its_pictures_boxes_and_settings_and_goes_on(
    person: BrowserContext, url: str, backend: FakeBackend, picture: Path
) -> None:
    first = tab(person, url)
    first.attach(picture)
    first.set("max-new-tokens", "33")
    first.close_settings()
    backend.events = [Delta(f"It is {BOX}.")]
    first.ask("Where is the boat?")
    said = first.answered
    assert kept(first) == [0, 0], "nothing before it is allowed"
    keep(first)
    wait_for_kept(first, 1, 1)
    first.page.close()

    later = tab(person, url)
    later.page.evaluate("localStorage.removeItem('qwen-vl-chat-settings')")
    sent = uploads(later.page)
    open_list(later)
    assert titles(later) == ["Where is the boat?"]
    open_chat_called(later, "Where is the boat?")
    assert (later.asked, later.answered) == (["Where is the boat?"], said)
    later.page.wait_for_selector("#chatbot .bot-row .frame .box")
    later.page.wait_for_function(
        "document.querySelector('#chatbot .user img').naturalWidth === 160"
    )
    later.page.wait_for_function(
        "document.querySelector('#max-new-tokens input[type=number]').value === '33'"
    )
    assert len(sent) == 1, "the server still has the picture"
    said_and_kept(later, "Are you sure?")
    assert len(later.answered) == 2 and len(list(backend.calls[-1].conversation.media)) == 1
    later.page.close()

    last = tab(person, url)
    open_chat_called(last, "Where is the boat?")
    assert len(last.answered) == 2, "what was said since is kept, too"
    assert last.page.locator("#keep-chats").count() == 0, "it is asked once"
    assert kept(last) == [1, 1]
    assert first.problems + later.problems + last.problems == []


def test_only_what_the_server_no_longer_has_is_uploaded(
    person: BrowserContext, url: str, blocks: ServedBlocks, picture: Path, tmp_path: Path
) -> None:
    chat = kept_picture(person, url, picture)
    (path,) = [
        Path(str(item.path))
        for one in blocks.tabs.open_tabs
        for item in one.chat.conversation.media
    ]
    chat.page.click("#clear")
    chat.wait_until(lambda: not path.exists())
    other = Image.new("RGB", (64, 48), "blue")
    other.save(tmp_path / "blue.png")
    chat.attach(tmp_path / "blue.png")
    chat.ask("The other")
    wait_for_kept(chat, 2, 2)
    sent = uploads(chat.page)
    open_chat_called(chat, "The picture")
    assert len(sent) == 2, "the words, and the picture, which is gone there"
    chat.page.wait_for_function("document.querySelector('#chatbot .user img').naturalWidth === 160")
    assert kept(chat) == [2, 2], "the chat that was on the page is there, and nothing twice"
    open_chat_called(chat, "The other")
    chat.page.wait_for_function("document.querySelector('#chatbot .user img').naturalWidth === 64")
    assert chat.problems == []


def test_another_chat_is_opened_while_an_answer_is_written_and_both_are_whole(
    person: BrowserContext, url: str, backend: FakeBackend
) -> None:
    chat = kept_chat(person, url, "The first")
    chat.page.click("#clear")
    chat.ask("The second")
    wait_for_kept(chat, 2, 0)
    chat.page.fill("#composer textarea", "Go on")
    backend.events, backend.pause_s = [Delta("word ")] * 5000, 0.05
    chat.page.press("#composer textarea", "Enter")
    chat.growth(2)
    chat.page.fill("#composer textarea", "a draft")
    open_chat_called(chat, "The first")
    assert chat.asked == ["The first"] and chat.draft == "a draft"
    open_chat_called(chat, "The second")
    assert chat.asked == ["The second", "Go on"] and "word" in chat.answered[1]
    assert chat.problems == []


def test_a_chat_is_opened_though_the_server_refused_to_tell_what_to_keep(
    person: BrowserContext, url: str
) -> None:
    chat = kept_chat(person, url, "The first")
    chat.page.click("#clear")
    chat.page.wait_for_selector("#examples", state="visible")
    refusing = [True]
    chat.page.route(
        "**/predict",
        lambda route: (
            route.fulfill(status=500, body="{}")
            if keeping(route.request) and refusing
            else route.continue_()
        ),
    )
    chat.ask("The second")
    chat.page.wait_for_selector("#told p")
    refusing.clear()
    chat.page.set_default_timeout(30_000)  # less than it waits for an answer that does not come
    open_list(chat)
    chat.page.click("#chats .chat:has-text('The first')")
    chat.page.wait_for_selector("#chatbot .user:has-text('The first')")
    assert chat.asked == ["The first"] and kept(chat) == [2, 0]


def test_a_picture_that_is_opened_in_a_clips_place_does_not_look_like_a_clip(
    person: BrowserContext, url: str, picture: Path, clip: Path
) -> None:
    chat = kept_picture(person, url, picture)
    chat.page.click("#clear")
    chat.attach(clip)
    chat.ask("The clip")
    wait_for_kept(chat, 2, 2)
    chat.page.wait_for_selector("#chatbot .user [data-length]")
    open_chat_called(chat, "The picture")
    chat.page.wait_for_selector("#chatbot .user [data-number='1'] img")
    assert chat.page.locator("#chatbot .user [data-length]").count() == 0
