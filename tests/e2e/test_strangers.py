"""What other sites can do with a visitor's browser, and how people log in and out, in a real browser."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, Playwright

from tests.support import served
from tests.support.chat import Chat, talking
from tests.support.fakes import FakeBackend
from tests.support.pages import listening
from ui.gradio_compat import upload_folder
from ui.page.build import build_page

pytestmark = pytest.mark.chromium_only

EVIL = "evil.example"
UNGUARDED = "--disable-features=LocalNetworkAccessChecks,BlockInsecurePrivateNetworkRequests"
# A page that asks for everything that a browser lets it ask elsewhere without leave.
ATTACK = """async (target) => {
  const body = new FormData();
  body.append('files', new File(['stored by a stranger'], 'stranger.txt'));
  const asked = (path, more) => fetch(target + path, {mode: 'no-cors', credentials: 'include', ...more})
    .then(() => 'sent', (error) => String(error));
  return [
    await asked('gradio_api/upload', {method: 'POST', body}),
    await asked('gradio_api/call/chat', {method: 'POST', body: '{"data": [{"text": "Hi"}]}'}),
    await fetch(target + 'gradio_api/info').then((answer) => answer.text(), () => 'unread'),
  ];
}"""

# A page whose name leads here, and that says that a proxy stands between.
FORGERY = """(target) => fetch(target + 'gradio_api/info', {headers: {
  'X-Forwarded-For': '192.0.2.1', 'X-Forwarded-Proto': 'https', 'Forwarded': 'for=192.0.2.1', 'Via': '1.1 proxy',
}}).then((answer) => answer.status)"""


@pytest.fixture(scope="module")
def fooled(playwright: Playwright) -> Iterator[Browser]:
    """A browser for which a stranger's name leads to this machine, and that does not guard its network itself."""
    rules = f"--host-resolver-rules=MAP *.{EVIL} 127.0.0.1, MAP {EVIL} 127.0.0.1"
    with served.launched(playwright, rules, UNGUARDED) as browser:
        yield browser


@pytest.fixture
def site(tmp_path: Path) -> Iterator[str]:
    """A stranger's site."""
    (tmp_path / "index.html").write_text("<title>A stranger's</title>")
    handler = partial(SimpleHTTPRequestHandler, directory=str(tmp_path))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://{EVIL}:{server.server_port}/"
        server.shutdown()


def stored() -> list[str]:
    return [path.name for path in upload_folder().rglob("stranger*")]


@pytest.mark.parametrize("origin", [EVIL, "localhost"])
def test_another_sites_page_stores_nothing_and_asks_nothing(
    fooled: Browser, fake: FakeBackend, fake_url: str, site: str, origin: str
) -> None:
    """Neither from elsewhere nor from another port of this machine."""
    page = fooled.new_page()
    page.goto(site.replace(EVIL, origin))
    sent = page.evaluate(ATTACK, fake_url)
    assert "named_endpoints" not in sent[2]
    assert stored() == [] and fake.calls == []
    page.close()


def test_a_name_that_leads_here_by_no_doing_of_ours_opens_nothing(
    fooled: Browser, fake: FakeBackend, fake_url: str
) -> None:
    page = fooled.new_page()
    bound = f"http://rebound.{EVIL}:{urlsplit(fake_url).port}/"
    answer = page.goto(bound)
    assert answer and answer.status == 403
    assert f"--allow-host rebound.{EVIL}" in page.inner_text("body")
    sent = page.evaluate(ATTACK, bound)
    assert (
        sent[:2] == ["sent", "sent"] and "rebound" in sent[2] and "named_endpoints" not in sent[2]
    )
    assert page.evaluate(FORGERY, bound) == 403
    assert stored() == [] and fake.calls == []
    page.close()


@pytest.fixture
def closed_url(scripted: tuple[FakeBackend, str]) -> Iterator[str]:  # noqa: ARG001 (sets the folder)
    """A page behind a log-in."""
    with listening(build_page(FakeBackend(), log_ins=True), auth=[("ann", "one:secret")]) as url:
        yield url


def log_in(page: Page, password: str) -> None:
    page.fill("input[name=username]", "ann")
    page.fill("input[type=password]", password)
    page.click("button")


def test_a_person_logs_in_asks_and_logs_out(browser: Browser, closed_url: str) -> None:
    profile = browser.new_context(locale="ko-KR")
    page = profile.new_page()
    page.goto(closed_url)
    log_in(page, "guess")
    assert "맞지 않습니다" in page.inner_text("[role=alert]")
    log_in(page, "one:secret")
    page.wait_for_selector("#composer textarea")
    assert page.url == closed_url
    with talking(profile, closed_url) as chat:
        ask(chat)
    page.dispatch_event("#log-out button", "click")  # wherever the settings are
    page.wait_for_selector("input[type=password]")
    profile.close()


def ask(chat: Chat) -> None:
    chat.send("Hi")
    chat.page.wait_for_selector("#chatbot .bot.message")


def test_a_log_in_that_a_browser_does_not_keep_is_said_so(fooled: Browser, closed_url: str) -> None:
    """In the frame of another site, to which the cookie is not sent."""
    profile = fooled.new_context()
    page = profile.new_page()
    frame = f"<!doctype html><iframe src='{closed_url}' width=900 height=600></iframe>"
    page.route(
        "https://huggingface.co/**",
        lambda asked: asked.fulfill(body=frame, content_type="text/html"),
    )
    page.goto("https://huggingface.co/spaces/me/x")
    form = page.frame_locator("iframe")
    form.locator("input[name=username]").fill("ann")
    form.locator("input[type=password]").fill("one:secret")
    form.locator("button").click()
    assert "in a tab of its own" in form.locator("[role=alert]").inner_text()
    profile.close()
