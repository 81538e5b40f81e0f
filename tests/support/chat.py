"""The page in the hands of a test: what a person does and sees, by the ids that outside checks use."""

from __future__ import annotations

import base64
import mimetypes
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import BrowserContext, ConsoleMessage, Error, Page, Request, Route

PATIENCE_MS = 60_000  # for a machine that does other things, or whose cores others take
SHOWN_MS = 150
POLL_MS = 5
ENDED = ("idle", "stopped", "error")
FROM_THE_PAGE_BEFORE = ("AbortError", "Connection errored out", "network error", "ERR_ABORTED")
# Whatever a page differs in from one that is opened for the first time, with its settings as they start.
LEFT_OVER = """() => {
  const there = "dialog, #tray li, #tray [role=alert], [data-editing], #failed-uploads li, #uploading, #told p";
  const kept = Object.entries(localStorage).filter(([name, value]) => value !== '{}' && name !== 'qwen-vl-chat-sidebar');
  return Boolean(document.querySelector(there) || location.hash || kept.length);
}"""
REFUSALS = "#tray [role=alert], #failed-uploads li"
SELECT = """(field) => {
  const number = document.querySelector(field);
  number.focus();
  number.select();
}"""
# Whatever a button says from now on, one after the other.
LABELS = """(selector) => {
  const button = document.querySelector(selector);
  window.labels = [button.innerText];
  const note = () => { if (button.innerText !== window.labels.at(-1)) window.labels.push(button.innerText); };
  new MutationObserver(note).observe(button, { childList: true, characterData: true, subtree: true });
}"""
DISPATCH = """([kind, content, name, type]) => {
  const bytes = Uint8Array.from(atob(content), (c) => c.charCodeAt(0));
  const data = new DataTransfer();
  data.items.add(new File([bytes], name, { type }));
  const event = kind === 'paste'
    ? new ClipboardEvent('paste', { bubbles: true, cancelable: true })
    : new DragEvent('drop', { dataTransfer: data, bubbles: true, cancelable: true });
  // Firefox takes no files for a clipboard that is not a person's.
  if (kind === 'paste') Object.defineProperty(event, 'clipboardData', { value: data });
  document.body.dispatchEvent(event);
}"""


class Chat:
    """One tab. `problems` collects console errors and requests that leave the host."""

    def __init__(self, page: Page, url: str) -> None:
        self.url = url
        self.problems: list[str] = []
        self.finished_before = 0  # turns of an earlier test in the same tab
        self.spoilt = False  # by a test that failed, so that nothing is known of the page
        self.page = page
        self._listen()

    def _listen(self) -> None:
        self.page.set_default_timeout(PATIENCE_MS)
        self.page.on("console", self._note)
        self.page.on("pageerror", lambda error: self.problems.append(error.stack or str(error)))
        self.page.on("request", self._check)

    def open(self) -> None:
        self._forget_the_page_before()
        self._go()
        self.wait("idle")

    def _go(self) -> None:
        """Firefox sometimes aborts a navigation for the one before it, such as that of a new tab to its blank page."""
        try:
            self.page.goto(self.url)
        except Error as aborted:
            if "NS_BINDING_ABORTED" not in aborted.message:
                raise
            self.page.goto(self.url)

    def start_over(self) -> None:
        """An empty page with the settings of a first visit, whatever the test before has left."""
        spoilt, self.spoilt = self.spoilt, True  # until it is as it should be
        if spoilt:
            self._replace()
        unusual = self.page.evaluate(LEFT_OVER) or self.state != "idle"
        self.page.evaluate("localStorage.clear(); sessionStorage.removeItem('qwen-vl-chat-draft')")
        if unusual:
            self.finished_before = 0  # the page will have another tab's key
            self.page.evaluate("sessionStorage.clear()")
            self.open()
        self.close_settings()
        self.page.evaluate("localStorage.removeItem('qwen-vl-chat-sidebar')")
        if self.page.is_visible("#clear"):
            self.page.click("#clear")
        self.page.fill("#composer textarea", "")
        self.page.wait_for_selector("#examples", state="visible")
        self.finished_before = self.turn
        self.spoilt = False

    def _replace(self) -> None:
        """Another tab for one that may be busy, of another size, or cut off from the server."""
        before, self.page = self.page, self.page.context.new_page()
        self._listen()
        before.close()
        self.finished_before = 0
        self.open()
        self.problems.clear()

    def reload(self) -> None:
        self._forget_the_page_before()
        self.page.reload()

    def _forget_the_page_before(self) -> None:
        """What it says of connections that end with it is no problem; each browser has its own words."""
        so_far = list(self.problems)
        self.page.once("framenavigated", lambda _: self.problems.__setitem__(slice(None), so_far))

    def close(self) -> None:
        """Leave, and leave nothing behind in the browser."""
        if not self.page.is_closed():
            self.page.evaluate("localStorage.clear()")
            self.page.close()

    @property
    def state(self) -> str:
        return self.page.get_attribute("#run-state [data-state]", "data-state") or ""

    @property
    def turn(self) -> int:
        return int(self.page.get_attribute("#run-state [data-turn]", "data-turn") or -1)

    def wait(self, *states: str, after_turn: int = -1) -> None:
        """Until the state is one of these, and more than `after_turn` turns of the test are finished."""
        self.page.wait_for_function(
            """([states, turn]) => {
              const now = document.querySelector('#run-state [data-state]')?.dataset;
              return now && states.includes(now.state) && Number(now.turn) > turn;
            }""",
            arg=[states, after_turn + self.finished_before],
            polling=50,
        )
        # The state is one of many elements that are updated together; Svelte shows new ones a little later.
        self.page.wait_for_timeout(SHOWN_MS)

    def wait_until(self, true: Callable[[], object]) -> None:
        """For what is seen from outside of the page, whose events are handed on meanwhile."""
        until = time.monotonic() + PATIENCE_MS / 1000
        while not true():
            assert time.monotonic() < until, "it did not come true"
            self.page.wait_for_timeout(POLL_MS)

    def send(self, text: str) -> None:
        self.page.fill("#composer textarea", text)
        self.page.press("#composer textarea", "Enter")

    def ask(self, text: str) -> None:
        """Send and wait for the end."""
        turn = self.turn - self.finished_before
        self.send(text)
        self.wait(*ENDED, after_turn=turn)

    def stop(self) -> None:
        self.page.press("#composer textarea", "Escape")
        self.wait("stopped")

    def attach(self, *files: Path) -> None:
        wanted, refused = self.cards + len(files), self.page.locator(REFUSALS).count()
        self.page.set_input_files("#composer input[type=file]", list(files))
        self.page.wait_for_function(
            """([wanted, refused, refusals]) => document.querySelectorAll('#tray li').length === wanted
              || document.querySelectorAll(refusals).length > refused""",
            arg=[wanted, refused, REFUSALS],
        )
        assert self.cards == wanted, self.page.inner_text("#desk")

    def wait_for_cards(self, count: int) -> None:
        self.page.wait_for_function(
            "(count) => document.querySelectorAll('#tray li').length === count", arg=count
        )

    def wait_for_price(self) -> None:
        """Until the page says what the message costs; what stands above has moved up then."""
        self.page.wait_for_function(
            "/[0-9,]+ tokens/.test(document.querySelector('#cost-card').innerText)"
        )

    def hand_over(self, kind: str, file: Path) -> None:
        """Paste or drop a file."""
        content = base64.b64encode(file.read_bytes()).decode()
        mime = mimetypes.guess_type(file.name)[0] or ""
        self.page.evaluate(DISPATCH, [kind, content, file.name, mime])

    def watch_label(self, selector: str) -> None:
        """Keep what a button says, which may be for a moment, in `window.labels`."""
        self.page.evaluate(LABELS, selector)

    def growth(self, looks: int) -> list[str]:
        """The live answer, each time that it has grown."""
        seen: list[str] = []
        while len(seen) < looks:
            length = len(seen[-1]) if seen else 0
            self.page.wait_for_function(
                """(length) => document.querySelector('#run-state [data-state]')?.dataset.state
                  === 'answering' && document.querySelector('#live')?.innerText.length > length""",
                arg=length,
                polling=50,
            )
            seen.append(self.live)
        return seen

    def set(self, setting: str, value: str) -> None:
        """A setting that has a number field."""
        self.open_settings()
        field = f"#{setting} input[type=number]"
        if not self.page.is_visible(field):
            self.page.click(f"#settings .gr-accordion:has(#{setting}) > button")
        # As a person does: in Firefox, Playwright's `fill` adds to the number that is there.
        self.page.evaluate(SELECT, field)
        self.page.type(field, value)
        self.page.press(field, "Tab")

    def open_settings(self) -> None:
        """As a person does; they are closed at the first visit."""
        if not self.page.locator("#settings.open").count():
            self.page.click("#settings .toggle-button")
            self.page.wait_for_selector("#settings.open")

    def close_settings(self) -> None:
        if self.page.locator("#settings.open").count():
            self.page.click("#settings .toggle-button")
            self.page.wait_for_selector("#settings:not(.open)", state="attached")

    def wait_for_draft(self, text: str) -> None:
        self.page.wait_for_function(
            "(text) => document.querySelector('#composer textarea')?.value === text", arg=text
        )

    def wait_for_edit(self, text: str) -> None:
        self.page.wait_for_selector("#edit-box textarea", state="visible")
        self.page.wait_for_function(
            "(text) => document.querySelector('#edit-box textarea').value === text", arg=text
        )

    @property
    def live(self) -> str:
        return self.page.inner_text("#live")

    @property
    def draft(self) -> str:
        return self.page.input_value("#composer textarea")

    @property
    def cards(self) -> int:
        return self.page.locator("#tray li").count()

    @property
    def asked(self) -> Sequence[str]:
        return self.page.locator("#chatbot .user .prose").all_inner_texts()

    @property
    def answered(self) -> Sequence[str]:
        return self.page.locator("#chatbot .bot .prose").all_inner_texts()

    @property
    def stats(self) -> str:
        return self.page.inner_text("#stats")

    def _note(self, message: ConsoleMessage) -> None:
        ours = not any(known in message.text for known in FROM_THE_PAGE_BEFORE)
        if message.type == "error" and ours:
            self.problems.append(message.text)

    def _check(self, request: Request) -> None:
        parts = urlsplit(request.url)
        local = parts.scheme in ("data", "blob") or parts.hostname == "127.0.0.1"
        if not local:
            self.problems.append(f"left the host: {request.url}")


@contextmanager
def talking(profile: BrowserContext, url: str) -> Iterator[Chat]:
    """The page in a new tab, which has had no problems when it is closed."""
    chat = Chat(profile.new_page(), url)
    try:
        chat.open()
        yield chat
    finally:
        chat.close()
    assert chat.problems == [], chat.problems


@contextmanager
def holding(
    page: Page, address: str, wanted: Callable[[Request], bool] = lambda _: True
) -> Iterator[list[Route]]:
    """The page's requests to `address` that are `wanted`, each of which waits for the test until the end."""
    held: list[Route] = []
    page.route(
        address,
        lambda route: held.append(route) if wanted(route.request) else route.fallback(),
    )
    try:
        yield held
    finally:
        if not page.is_closed():
            page.unroute(address)
        for route in held:
            with suppress(Error):  # it was answered, or its page has gone
                route.abort()
