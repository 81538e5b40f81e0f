"""What goes wrong around the page is told, and nothing of it leaves the page dead."""

from __future__ import annotations

import re
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, Route

from tests.e2e.conftest import OpenChat
from tests.support.chat import Chat, holding
from tests.support.fakes import FakeBackend
from ui.http import scripts

UPLOAD = "**/gradio_api/upload*"
FAILED = "#failed-uploads li"
NO_STORAGE = """for (const name of ['localStorage', 'sessionStorage'])
  Object.defineProperty(window, name, { get() { throw new DOMException('denied', 'SecurityError'); } });"""
# As Safari reports the Enter that has confirmed what an input method offers.
CONFIRMED = """() => document.querySelector('#composer textarea').dispatchEvent(new KeyboardEvent(
  'keydown', { key: 'Enter', code: 'Enter', keyCode: 229, which: 229, bubbles: true, cancelable: true }))"""

MADE_BY_SCRIPTS = {"#keep-chats", "#text-length"}

# Takes each part away that is there from the beginning; gives those that `whenReady` does not wait for.
MISSED = """async (parts) => {
  const main = document.querySelector('script[src$="/main.js"]').src;
  const { whenReady } = await import(main.replace('main.js', 'page/parts.js'));
  return parts.filter((name) => {
    const part = document.querySelector(name);
    if (!part) return false;
    const place = document.createComment(name);
    part.replaceWith(place);
    let begun = false;
    whenReady(() => { begun = true; });
    place.replaceWith(part);
    return begun;
  });
}"""


def test_an_upload_that_a_log_in_page_answers_is_told_and_sent_again(
    core: Chat, fake: FakeBackend, picture: Path
) -> None:
    answer = "<!doctype html><title>Log in</title>"
    core.page.route(UPLOAD, lambda route: route.fulfill(content_type="text/html", body=answer))
    core.hand_over("drop", picture)
    core.page.wait_for_selector(FAILED)
    assert "red boat.png" in core.page.inner_text(FAILED)
    core.ask("Hello")
    assert fake.calls[0].conversation.last_user_message, "Enter is not blocked"
    core.page.unroute(UPLOAD)
    core.page.click(f"{FAILED} button >> nth=0")
    core.wait_for_cards(1)
    assert core.page.locator(FAILED).count() == 0


def test_a_message_does_not_go_without_the_file_that_failed(
    told: Chat, fake: FakeBackend, picture: Path
) -> None:
    with holding(told.page, UPLOAD) as held:
        told.hand_over("drop", picture)
        told.send("What is this?")
        told.wait_until(lambda: held)
        held[0].fulfill(status=502, body="<html>")
        told.page.wait_for_selector(FAILED)
        told.problems.clear()  # the browser reports the 502
        assert not fake.calls and told.draft == "What is this?"
    told.page.get_by_role("button", name="Dismiss").click()
    assert not told.page.is_visible("#failed-uploads")
    told.page.press("#composer textarea", "Enter")
    told.wait("idle", after_turn=0)


def test_an_upload_can_be_cancelled(told: Chat, fake: FakeBackend, picture: Path) -> None:
    with holding(told.page, UPLOAD):
        told.hand_over("drop", picture)
        told.send("Never mind the picture.")
        told.page.click("#uploading button")
        told.page.wait_for_selector("#composer:not([data-uploading])")
        assert not fake.calls and told.page.locator(FAILED).count() == 0
    told.page.press("#composer textarea", "Enter")
    told.wait("idle", after_turn=0)
    assert told.cards == 0


def test_what_is_dropped_while_offline_stays(open_page: OpenChat, picture: Path) -> None:
    chat = open_page()
    chat.page.context.set_offline(True)
    chat.hand_over("drop", picture)
    chat.page.wait_for_selector(FAILED)
    chat.page.type("#composer textarea", "What is this?")
    chat.page.wait_for_timeout(500)
    chat.page.context.set_offline(False)
    chat.page.wait_for_timeout(3000)
    chat.page.click(f"{FAILED} button >> nth=0")
    chat.wait_for_cards(1)
    assert chat.draft == "What is this?"


def test_what_is_on_its_way_when_the_network_goes_is_offered_again(
    open_page: OpenChat, picture: Path
) -> None:
    chat = open_page()
    with holding(chat.page, UPLOAD) as held:
        chat.hand_over("drop", picture)
        chat.wait_until(lambda: held)
        chat.page.wait_for_timeout(1500)
        chat.page.reload()
    chat.page.click(f"{FAILED} button >> nth=0")
    chat.wait_for_cards(1)
    chat.page.reload()
    chat.wait("idle")
    assert not chat.page.is_visible("#failed-uploads")


def test_what_is_done_before_the_server_knows_the_page_is_done_then(
    profile: BrowserContext, fake_url: str, fake: FakeBackend, picture: Path
) -> None:
    chat = Chat(profile.new_page(), fake_url)
    with holding(chat.page, "**/run/predict*") as held:
        chat.page.goto(fake_url)
        chat.page.wait_for_function("Boolean(window.qwenVlChat)")
        chat.wait_until(lambda: held)
        chat.hand_over("drop", picture)
        chat.send("What is this?")
        chat.page.wait_for_timeout(500)
        opening = list(held)
        chat.page.route("**/run/predict*", lambda route: route.continue_())
        for route in opening:
            route.continue_()
    chat.wait("idle", after_turn=0)
    assert len(list(fake.calls[0].conversation.media)) == 1 and chat.problems == []
    chat.page.close()


def test_a_page_whose_storage_is_refused_works_and_says_what_is_lost(
    open_page: OpenChat, fake: FakeBackend
) -> None:
    chat = open_page(init=NO_STORAGE)
    assert "a reload starts a new chat" in chat.page.inner_text("#told")
    chat.ask("Hello")
    chat.set("seed", "7")
    chat.ask("And again?")
    assert len(fake.calls) == 2 and fake.calls[1].settings.seed == 7
    assert chat.problems == []


def test_an_error_in_a_script_is_told_once(told: Chat) -> None:
    for _ in range(2):
        told.page.evaluate("void setTimeout(() => { throw new Error('a mishap'); })")
        told.page.evaluate("void Promise.reject(new Error('another'))")
    told.page.wait_for_selector("#told p")
    assert "Your chat is kept" in told.page.inner_text("#told p")
    assert told.page.locator("#told p").count() == 1
    told.problems.clear()
    told.page.click("#told button")
    assert not told.page.is_visible("#told")


def test_a_page_that_the_server_does_not_answer_says_so(browser: Browser, fake_url: str) -> None:
    """In a browser of its own: all pages of a context get its clock."""
    with browser.new_context(locale="en-GB") as profile:
        chat = Chat(profile.new_page(), fake_url)
        chat.page.clock.install()
        with holding(chat.page, "**/run/predict*") as held:
            chat.page.goto(fake_url)
            chat.wait_until(lambda: held)
            chat.page.clock.fast_forward(20_000)
            chat.page.wait_for_selector("#told p")
            assert "not answered" in chat.page.inner_text("#told p")


def test_what_the_server_refuses_is_told_until_it_does_something(told: Chat) -> None:
    """Gradio shows what is said of events in its queue alone."""
    told.ask("Hello")
    answers = (
        (422, '{"error": "Too much."}', "Too much."),
        (401, "{}", "logged out"),
        (502, "", "502"),
    )
    for status, body, said in answers:
        told.page.route(
            "**/run/predict*",
            lambda route: route.fulfill(status=status, body=body),  # noqa: B023 (it is waited for here)
        )
        told.page.click("#retry")
        told.page.locator("#told p", has_text=said).wait_for()
        assert told.page.locator("#told p").count() == 1
        told.page.unroute("**/run/predict*")
    told.page.click("#retry")
    told.wait("idle", after_turn=1)
    assert not told.page.is_visible("#told p")
    told.problems.clear()  # the browser reports what was refused


def test_scripts_begin_when_every_part_is_there_that_they_use(told: Chat) -> None:
    """On a slow machine Gradio took a while between the conversation and the composer, which has the names of its buttons from a script."""
    text = "".join(script.read_text(encoding="utf-8") for script in scripts.FOLDER.rglob("*.js"))
    used = sorted(set(re.findall(r"\$\('(#[\w-]+)", text)) - MADE_BY_SCRIPTS)
    assert "#tray" in used
    early = told.page.evaluate(MISSED, used)
    assert early == [], "add them to PARTS in assets/js/page/parts.js"


def test_enter_that_confirms_an_input_method_sends_nothing(
    core: Chat, fake: FakeBackend, picture: Path
) -> None:
    """Not even when the file that comes in meanwhile has arrived."""
    core.page.fill("#composer textarea", "日本")
    with holding(core.page, UPLOAD) as held:
        core.hand_over("drop", picture)
        core.wait_until(lambda: held)
        core.page.evaluate(CONFIRMED)
        held[0].continue_()
        core.wait_for_cards(1)
    core.page.wait_for_timeout(300)
    assert not fake.calls and core.draft == "日本"


def test_others_may_draw_in_the_next_frame(told: Chat) -> None:
    """A library takes the time there, as Gradio's boot screen does."""
    assert told.page.evaluate(
        "new Promise((done) => requestAnimationFrame(() => done(performance.now() > 0)))"
    )


def test_a_page_below_a_path_is_found_without_the_slash(
    profile: BrowserContext, fake_url: str
) -> None:
    """By a proxy that takes the path away, so that the server cannot tell."""
    page = profile.new_page()

    def handed_on(route: Route) -> None:
        path = route.request.url.removeprefix(fake_url).removeprefix("chat").lstrip("/")
        route.fulfill(response=route.fetch(url=fake_url + path))

    page.route(f"{fake_url}chat**", handed_on)
    page.goto(f"{fake_url}chat?lang=ko#compare")
    page.wait_for_url(f"{fake_url}chat/?lang=ko#compare")
    page.close()
