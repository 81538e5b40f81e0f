"""A lost connection or a locked phone loses nothing."""

from __future__ import annotations

import json
import threading
from contextlib import ExitStack

import pytest
from playwright.sync_api import Browser, Playwright, Response

from model.backend import Delta
from tests.support import browsers, served
from tests.support.chat import SHOWN_MS, Chat
from tests.support.fakes import FakeBackend
from tests.support.patience import PATIENCE_S
from tests.support.relay import relayed
from ui.state.tab import run as runs
from ui.text.languages import texts_for

WORDS = [f"word{i} " for i in range(60)]


@pytest.mark.parametrize(
    ("name", "waiting"), [("browser", False), ("browser", True), ("firefox", False)]
)
def test_after_a_cut_connection_the_answer_goes_on(
    fake: FakeBackend, fake_url: str, request: pytest.FixtureRequest, name: str, waiting: bool
) -> None:
    """As a proxy cuts it that restarts: Gradio's page loads itself again, two seconds later."""
    fake.events = [Delta(word) for word in WORDS]
    fake.pause_s, fake.gate = 0.1, threading.Event()
    with relayed(fake_url) as relay, request.getfixturevalue(name).new_context() as profile:
        cut = Chat(profile.new_page(), relay.address)
        cut.open()
        cut.send("Tell me.")
        cut.wait("queued", "reading")
        if not waiting:
            fake.gate.set()
            cut.growth(1)
        with cut.page.expect_navigation():
            relay.cut()
        fake.gate.set()
        cut.wait("idle", after_turn=0)
        cut.page.wait_for_function("document.querySelectorAll('#chatbot .bot').length === 1")
        assert cut.answered[0].split() == "".join(WORDS).split()
        assert len(fake.calls) == 1


def test_a_server_that_is_out_of_reach_is_told_in_the_pages_language_until_it_is_back(
    fake: FakeBackend, fake_url: str, browser: Browser
) -> None:
    """Gradio tells of it in English, or not at all."""
    fake.events, fake.pause_s = [Delta(word) for word in WORDS], 0.1
    with relayed(fake_url) as relay, browser.new_context(locale="zh-CN") as profile:
        cut = Chat(profile.new_page(), relay.address)
        cut.open()
        cut.send("Tell me.")
        cut.growth(1)
        server, relay.target = relay.target, served.free_port()
        relay.cut()
        cut.page.wait_for_selector(f"#told p:has-text('{texts_for('zh').connection_lost}')")
        cut.page.fill("#composer textarea", "a draft")
        cut.page.press("#composer textarea", "Enter")
        cut.page.wait_for_timeout(SHOWN_MS)
        assert not cut.page.locator(".toast-body >> visible=true").count()
        relay.target = server
        # Gradio may load the page anew after it has done so itself.
        cut.wait("idle", after_turn=0)
        cut.wait_for_draft("a draft")
        assert cut.answered[0].split() == "".join(WORDS).split()
        assert not cut.page.locator("#told p").count() and len(fake.calls) == 1


# Where the page sends a message.
EVENT = "gradio_api/run/"


def test_a_draft_that_is_sent_offline_stays_and_the_page_says_why(told: Chat) -> None:
    told.ask("first")
    told.page.context.set_offline(True)
    with told.page.expect_event("requestfailed", lambda request: EVENT in request.url):
        told.send("second")
    told.page.wait_for_selector(f"#told p:has-text('{texts_for('en').connection_lost}')")
    assert not told.page.locator(".toast-body >> visible=true").count()
    with told.page.expect_navigation():
        told.page.context.set_offline(False)
    told.wait_for_draft("second")
    told.wait("idle")
    told.problems.clear()  # the browser reports every request that failed meanwhile
    told.page.press("#composer textarea", "Enter")
    told.wait("idle", after_turn=1)
    assert told.asked == ["first", "second"]


def test_after_a_lost_network_the_answer_is_there(told: Chat, fake: FakeBackend) -> None:
    fake.events = [Delta(word) for word in WORDS]
    fake.pause_s = 0.1  # longer than the absence
    told.send("Tell me.")
    told.growth(1)
    told.page.context.set_offline(True)
    told.page.wait_for_timeout(4000)
    with told.page.expect_navigation():  # at once: what is typed now must not go nowhere
        told.page.context.set_offline(False)
    told.wait("idle", after_turn=0)
    told.page.wait_for_function("document.querySelectorAll('#chatbot .bot').length === 1")
    assert told.asked == ["Tell me."]
    assert told.answered[0].split() == "".join(WORDS).split()
    told.problems.clear()  # the browser reports every request that failed meanwhile
    told.ask("Are you there?")
    told.page.wait_for_function("document.querySelectorAll('#chatbot .bot').length === 2")


@pytest.mark.parametrize("name", browsers.CORE)
def test_a_page_that_is_left_and_comes_back_goes_on(
    fake: FakeBackend,
    fake_url: str,
    request: pytest.FixtureRequest,
    playwright: Playwright,
    name: str,
) -> None:
    """Chromium keeps the page as it was, without its connections; Firefox, which does not, loads it anew."""
    with ExitStack() as opened:
        browser = (
            opened.enter_context(served.launched(playwright, back_cache=True))
            if name == "chromium"
            else request.getfixturevalue(name)
        )
        profile = opened.enter_context(browser.new_context())
        profile.add_init_script(
            "addEventListener('pageshow', ({ persisted }) => { window.kept = persisted; })"
        )
        chat = Chat(profile.new_page(), fake_url)
        chat.open()
        chat.ask("first")
        chat.page.fill("#composer textarea", "a draft")
        leave_and_come_back(chat, 500)
        chat.page.wait_for_function("(kept) => window.kept === kept", arg=name == "chromium")
        chat.page.wait_for_function("document.querySelectorAll('#chatbot .bot').length === 1")
        assert (list(chat.asked), chat.draft) == (["first"], "a draft")
        if name == "firefox":
            return
        fake.events, fake.pause_s = [Delta(word) for word in WORDS], 0.1
        chat.send("Tell me.")
        chat.growth(1)
        leave_and_come_back(chat, 2000)  # in which a page that had said that it goes is given up
        chat.wait("idle", after_turn=1)
        chat.page.wait_for_function("document.querySelectorAll('#chatbot .bot').length === 2")
        assert chat.answered[1].split() == "".join(WORDS).split()


def leave_and_come_back(chat: Chat, milliseconds: float) -> None:
    chat.page.goto(f"{chat.url}robots.txt", wait_until="commit")
    chat.page.wait_for_timeout(milliseconds)
    with chat.page.expect_event("framenavigated"):
        chat.page.evaluate("history.back()")
    chat.page.wait_for_selector("#run-state [data-state]", state="attached")


# Hidden, and seen again ten seconds later. Gives how often the answer was picked up.
HIDDEN = """() => {
  let resumed = 0;
  document.querySelector('#resume').addEventListener('click', () => { resumed += 1; });
  const see = (hidden) => {
    Object.defineProperty(document, 'hidden', { value: hidden, configurable: true });
    document.dispatchEvent(new Event('visibilitychange'));
  };
  const now = Date.now;
  see(true);
  Date.now = () => now() + 10000;
  see(false);
  Date.now = now;
  return resumed;
}"""


def test_a_page_that_was_hidden_for_long_follows_again(
    told: Chat, fake: FakeBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runs, "ORPHAN_S", PATIENCE_S)
    fake.gate = threading.Event()
    joined: list[Response] = []
    told.page.on("response", lambda got: joined.append(got) if "queue/join" in got.url else None)
    told.send("Tell me.")
    told.wait("queued", "reading")
    follower = joined[-1]
    asked = json.loads(follower.request.post_data or "")
    gone = {"event_id": follower.json()["event_id"]} | {
        k: asked[k] for k in ("session_hash", "fn_index")
    }
    told.page.request.post(f"{told.url}/gradio_api/cancel", data=gone)
    fake.gate.set()
    assert told.page.evaluate(HIDDEN) == 1
    told.wait("idle", after_turn=0)
    assert told.answered == ["Hello"]
