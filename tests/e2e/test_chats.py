"""The browser keeps a list of its chats, if the person wants that, and opens them again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Page, Request, Response, Route

from model.backend import Delta
from tests.e2e.conftest import DESKTOP
from tests.support.chat import Chat
from tests.support.fakes import FakeBackend
from tests.support.pages import listening
from ui.page.build import ServedBlocks, build_page

KEPT = """async () => {
  const open = indexedDB.open('qwen-vl-chat-chats', 1);
  await new Promise((resolve) => { open.onsuccess = open.onerror = resolve; });
  if (!open.result?.objectStoreNames.contains('chats')) return [0, 0, []];
  const stores = open.result.transaction(['chats', 'media']);
  const done = (request) => new Promise((resolve) => { request.onsuccess = () => resolve(request.result); });
  const chats = await done(stores.objectStore('chats').getAll());
  const found = [chats.length, await done(stores.objectStore('media').count()), chats.map(({ state }) => state)];
  open.result.close();
  return found;
}"""


def kept(chat: Chat) -> list[int]:
    """How many chats and files this browser keeps."""
    return list(chat.page.evaluate(KEPT)[:2])


def said_and_kept(chat: Chat, text: str) -> None:
    """Ask, and wait until the chat is kept with the answer."""
    before = chat.page.evaluate(KEPT)
    chat.ask(text)
    chat.wait_until(lambda: chat.page.evaluate(KEPT) != before)


def keep(chat: Chat) -> None:
    """Answer the question that is asked with the first message."""
    chat.page.click("#keep-chats .primary")


def open_list(chat: Chat) -> None:
    if not chat.page.is_visible("#chats"):
        chat.page.click("#chats-entry button")
    chat.page.wait_for_selector("#chats footer")


def titles(chat: Chat) -> list[str]:
    return chat.page.locator("#chats .title").all_inner_texts()


def open_chat_called(chat: Chat, title: str) -> None:
    open_list(chat)
    chat.page.click(f"#chats .chat:has-text('{title}')")
    chat.page.wait_for_selector(f"#chats .chat[aria-current]:has-text('{title}')")


def wait_for_kept(chat: Chat, *counts: int) -> None:
    chat.wait_until(lambda: kept(chat) == list(counts))


def kept_picture(person: BrowserContext, url: str, picture: Path) -> Chat:
    """A tab with a chat about a picture, which the browser keeps."""
    chat = tab(person, url)
    chat.attach(picture)
    chat.ask("The picture")
    keep(chat)
    wait_for_kept(chat, 1, 1)
    return chat


def store(chat: Chat, body: str) -> None:
    """Run `body` with the page's own module, as `store`, where nothing else can be done to it."""
    chat.page.evaluate(
        """async (body) => {
          const { href } = document.querySelector('link[href$="/chats/store.js"]');
          await new (Object.getPrototypeOf(async () => {}).constructor)('store', body)(await import(href));
        }""",
        body,
    )


BOX = "<|object_ref_start|>a boat<|object_ref_end|><|box_start|>(250,500),(750,1000)<|box_end|>"


@pytest.fixture
def backend(scripted: tuple[FakeBackend, str]) -> FakeBackend:  # noqa: ARG001 (sets the folder)
    return FakeBackend()


@pytest.fixture
def blocks(backend: FakeBackend) -> ServedBlocks:
    return build_page(backend)


@pytest.fixture
def url(blocks: ServedBlocks) -> Iterator[str]:
    """A page whose server forgets at once what New chat puts away."""
    blocks.tabs.undo_s = 0.0
    with listening(blocks) as url:
        yield url


@pytest.fixture
def person(browser: Browser) -> Iterator[BrowserContext]:
    """A browser that has never been here."""
    context = browser.new_context(viewport=DESKTOP, locale="en-GB")
    yield context
    context.close()


def tab(person: BrowserContext, url: str) -> Chat:
    chat = Chat(person.new_page(), url)
    chat.open()
    return chat


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


def test_who_wants_no_chats_kept_is_not_asked_again_and_may_change_that(
    person: BrowserContext, url: str
) -> None:
    chat = tab(person, url)
    chat.ask("Hello")
    chat.page.click("#keep-chats button:not(.primary)")
    chat.page.wait_for_selector("#keep-chats", state="detached")
    chat.ask("Hello again")
    open_list(chat)
    assert "not kept" in chat.page.inner_text("#chats footer") and kept(chat) == [0, 0]
    assert chat.page.locator("#keep-chats").count() == 0
    chat.page.click("#chats footer button")
    wait_for_kept(chat, 1, 0)
    chat.page.wait_for_selector("#chats .chat[aria-current]")


def test_another_chat_is_opened_while_an_answer_is_written_and_both_are_whole(
    person: BrowserContext, url: str, backend: FakeBackend
) -> None:
    chat = tab(person, url)
    chat.ask("The first")
    keep(chat)
    wait_for_kept(chat, 1, 0)
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


def test_a_chat_is_deleted_after_a_question_and_all_are_forgotten(
    person: BrowserContext, url: str, picture: Path
) -> None:
    chat = kept_picture(person, url, picture)
    for number in (2, 3):
        chat.page.click("#clear")
        chat.ask(f"Chat {number}")
        wait_for_kept(chat, number, 1)
    open_list(chat)
    assert titles(chat) == ["Chat 3", "Chat 2", "The picture"]
    chat.page.get_by_role("button", name="Delete “The picture”").click()
    chat.page.get_by_role("button", name="Cancel").click()
    chat.page.get_by_role("button", name="Delete “The picture”").click()
    chat.page.get_by_role("button", name="Delete", exact=True).click()
    wait_for_kept(chat, 2, 0)
    assert titles(chat) == ["Chat 3", "Chat 2"]
    chat.page.get_by_role("button", name="Forget this browser").click()
    chat.page.get_by_role("button", name="Delete all").click()
    wait_for_kept(chat, 0, 0)
    chat.ask("And this?")
    chat.page.wait_for_function(
        "document.querySelector('#chats footer').innerText.includes('not kept')"
    )
    assert kept(chat) == [0, 0]


def test_the_oldest_chats_go_when_there_are_too_many_or_the_browser_is_full(
    person: BrowserContext, url: str
) -> None:
    chat = tab(person, url)
    store(
        chat,
        """for (let at = 0; at < 105; at += 1) await store.keep({
          id: `${at}`, owner: '', at, state: `${at}`, stamp: '', title: `Chat ${at}`, zip: new Blob(), media: [], bytes: 1 });""",
    )
    assert kept(chat) == [100, 0]
    chat.page.evaluate(
        """() => {
          const { put } = IDBObjectStore.prototype;
          let refusals = 3;
          IDBObjectStore.prototype.put = function (...all) {
            if (refusals > 0) { refusals -= 1; throw new DOMException('no room', 'QuotaExceededError'); }
            return put.apply(this, all);
          };
        }"""
    )
    chat.ask("One more")
    keep(chat)
    open_list(chat)
    chat.page.wait_for_selector("#chats .chat:has-text('One more')")
    chat.wait_until(lambda: kept(chat) == [98, 0])
    assert "at most 100 chats" in chat.page.inner_text("#chats footer")
    assert not set(titles(chat)) & {"Chat 5", "Chat 6", "Chat 7"}, "the oldest"


def test_a_browser_that_refuses_is_told_of_with_a_sentence(
    person: BrowserContext, url: str
) -> None:
    chat = tab(person, url)
    chat.page.evaluate(
        """() => { IDBObjectStore.prototype.put = () => {
          throw new DOMException('no', 'QuotaExceededError');
        } }"""
    )
    chat.ask("Hello")
    keep(chat)
    chat.page.wait_for_selector("#told p:has-text('no room for chats')")


def test_a_chat_that_goes_on_in_two_tabs_is_kept_twice(person: BrowserContext, url: str) -> None:
    one = tab(person, url)
    one.ask("The beginning")
    keep(one)
    wait_for_kept(one, 1, 0)
    other = tab(person, url)
    open_chat_called(other, "The beginning")
    said_and_kept(other, "Over here")
    assert kept(other) == [1, 0]
    one.ask("Over there")
    wait_for_kept(one, 2, 0)


def deleted(chat: Chat, title: str) -> None:
    chat.page.get_by_role("button", name=f"Delete “{title}”").click()
    chat.page.get_by_role("button", name="Delete", exact=True).click()
    wait_for_kept(chat, 0, 0)


def test_the_chat_on_the_page_is_not_kept_again_after_it_was_deleted_until_it_goes_on(
    person: BrowserContext, url: str
) -> None:
    chat = tab(person, url)
    chat.ask("A secret")
    keep(chat)
    wait_for_kept(chat, 1, 0)
    open_list(chat)
    deleted(chat, "A secret")
    with chat.page.expect_response(keeping):
        chat.reload()
    chat.page.wait_for_timeout(500)  # for what would be kept
    assert chat.asked == ["A secret"] and kept(chat) == [0, 0]
    said_and_kept(chat, "Go on")
    assert kept(chat) == [1, 0]


def keeping(about: Request | Response) -> bool:
    """Whether the page asks what to keep, or is told."""
    asked = about if isinstance(about, Request) else about.request
    return '"request":' in (asked.post_data or "")


def test_nothing_is_kept_that_another_tab_has_just_forgotten(
    person: BrowserContext, url: str
) -> None:
    one = tab(person, url)
    one.ask("A secret")
    keep(one)
    wait_for_kept(one, 1, 0)
    other = tab(person, url)
    held: list[Route] = []
    other.page.route(
        "**/predict",
        lambda route: held.append(route) if keeping(route.request) else route.continue_(),
    )
    other.ask("Another secret")
    other.wait_until(lambda: held)
    open_list(one)
    one.page.get_by_role("button", name="Forget this browser").click()
    one.page.get_by_role("button", name="Delete all").click()
    wait_for_kept(one, 0, 0)
    with other.page.expect_response(keeping):
        held[0].continue_()
    other.page.wait_for_timeout(500)  # for what would be kept
    assert kept(one) == [0, 0]


def test_a_chat_is_opened_though_the_server_refused_to_tell_what_to_keep(
    person: BrowserContext, url: str
) -> None:
    chat = tab(person, url)
    chat.ask("The first")
    keep(chat)
    wait_for_kept(chat, 1, 0)
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


def test_a_full_disk_costs_few_chats(person: BrowserContext, url: str) -> None:
    chat = tab(person, url)
    store(
        chat,
        """for (let at = 0; at < 9; at += 1) await store.keep({
          id: `${at}`, owner: '', at, state: `${at}`, stamp: '', title: `Chat ${at}`, zip: new Blob(), media: [], bytes: 9e4 });""",
    )
    chat.page.evaluate(
        """() => { IDBObjectStore.prototype.put = () => {
          throw new DOMException('no', 'QuotaExceededError');
        } }"""
    )
    chat.ask("Hello")
    keep(chat)
    chat.page.wait_for_selector("#told p:has-text('no room for chats')")
    with chat.page.expect_response(keeping):
        chat.ask("And now?")
    chat.page.wait_for_timeout(500)  # for what would be deleted
    assert kept(chat) == [8, 0]


@contextmanager
def somebody(person: BrowserContext, url: str, name: str) -> Iterator[Chat]:
    """Somebody has logged in, in the same browser."""
    page = person.new_page()
    page.goto(url)
    chat = Chat(page, url)
    log_in(chat, name)
    yield chat
    log_out(chat)
    page.close()


def log_in(chat: Chat, name: str) -> None:
    chat.page.fill("input[name=username]", name)
    chat.page.fill("input[type=password]", "secret")
    chat.page.click("button")
    chat.page.wait_for_selector("#composer textarea")
    chat.wait("idle")


def log_out(chat: Chat) -> None:
    chat.page.dispatch_event("#log-out button", "click")
    chat.page.wait_for_selector("input[type=password]")


def test_two_people_who_log_in_with_one_browser_do_not_see_each_others_chats(
    person: BrowserContext, backend: FakeBackend
) -> None:
    people = [("ann", "secret"), ("bob", "secret")]
    with listening(build_page(backend, log_ins=True), auth=people) as url:
        with somebody(person, url, "ann") as ann:
            ann.ask("A secret of Ann")
            keep(ann)
            wait_for_kept(ann, 1, 0)
        with somebody(person, url, "bob") as bob:
            bob.ask("Hello")
            keep(bob)
            wait_for_kept(bob, 2, 0)
            open_list(bob)
            assert titles(bob) == ["Hello"]
            bob.page.get_by_role("button", name="Forget this browser").click()
            bob.page.get_by_role("button", name="Delete all").click()
            wait_for_kept(bob, 1, 0)
            bob.page.click("#chats .close")
        with somebody(person, url, "ann") as ann:
            open_list(ann)
            assert titles(ann) == ["A secret of Ann"]
            ann.page.click("#chats .close")


def test_who_logs_in_in_the_same_tab_sees_nothing_of_who_was_there_before(
    person: BrowserContext, backend: FakeBackend
) -> None:
    people = [("ann", "secret"), ("bob", "secret")]
    with (
        listening(build_page(backend, log_ins=True), auth=people) as url,
        somebody(person, url, "ann") as chat,
    ):
        chat.ask("A secret of Ann")
        keep(chat)
        wait_for_kept(chat, 1, 0)
        chat.page.fill("#composer textarea", "A draft of Ann")
        log_out(chat)
        log_in(chat, "bob")
        chat.wait_for_draft("")
        assert not chat.asked and not chat.page.is_visible("#notice p")
        chat.ask("Hello")
        keep(chat)
        wait_for_kept(chat, 2, 0)
        log_out(chat)
        log_in(chat, "ann")
        open_list(chat)
        assert titles(chat) == ["A secret of Ann"]
        chat.page.click("#chats .close")


def test_an_operator_who_wants_no_history_has_no_list_and_no_question(
    person: BrowserContext, backend: FakeBackend
) -> None:
    with listening(build_page(backend, history=False)) as url:
        chat = tab(person, url)
        chat.ask("Hello")
        chat.page.wait_for_selector("#actions button:visible")
        assert chat.page.locator("#chats, #chats-entry, #keep-chats").count() == 0
        assert kept(chat) == [0, 0] and chat.problems == []


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
