"""WebKit in the hands of the core tests: as much of Playwright's `Page` as `Chat` uses, over WebDriver."""

from __future__ import annotations

import json
import os
import subprocess
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from selenium.common.exceptions import JavascriptException, StaleElementReferenceException
from selenium.webdriver import WebKitGTK, WebKitGTKOptions
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.webkitgtk.service import Service

MINIBROWSER = "*/webkit2gtk-4.1/MiniBrowser"  # below /usr/lib, where each architecture has its own
DRIVER = "/usr/bin/WebKitWebDriver"
POLL_S = 0.05
# As Playwright does: a function is called with the argument, and a promise is waited for.
EVALUATED = """const [script, argument, done] = arguments;
Promise.resolve().then(() => {
  const it = (0, eval)(script);
  return typeof it === 'function' ? it(argument) : it;
}).then((value) => done({ value: value ?? null }), (error) => done({ error: String(error) }));"""
FILLED = """([place, text]) => {
  const field = document.querySelector(place);
  field.focus();
  Object.getOwnPropertyDescriptor(Object.getPrototypeOf(field), 'value').set.call(field, text);
  field.dispatchEvent(new Event('input', { bubbles: true }));
}"""
SHOWN = """(place) => [...document.querySelectorAll(place)].some((element) =>
  element.getClientRects().length && getComputedStyle(element).visibility !== 'hidden')"""


class Elements:
    """What a selector finds, each time that it is asked."""

    def __init__(self, page: WebKitPage, selector: str) -> None:
        self.page = page
        self.all = f"[...document.querySelectorAll({json.dumps(selector)})]"

    def count(self) -> int:
        return int(self.page.evaluate(f"{self.all}.length"))

    def all_inner_texts(self) -> list[str]:
        texts = self.page.evaluate(f"{self.all}.map((element) => element.innerText)")
        return [text.removesuffix("\n") for text in texts]  # which WebKit adds to a paragraph


class WebKitPage:
    """One window. WebDriver tells neither what the console says nor what is asked of the network."""

    def __init__(self, driver: WebKitGTK) -> None:
        self.driver = driver
        self.patience_s = 0.0

    def on(self, event: str, listener: Callable[[Any], None]) -> None:
        """Nothing tells."""

    once = on

    def set_default_timeout(self, milliseconds: float) -> None:
        self.patience_s = milliseconds / 1000
        self.driver.set_script_timeout(self.patience_s)

    def goto(self, url: str) -> None:
        self.driver.get(url)

    def reload(self) -> None:
        self.driver.refresh()

    @property
    def context(self) -> WebKitPage:
        """There is one window only."""
        return self

    def new_page(self) -> WebKitPage:
        return self

    def is_closed(self) -> bool:
        return False

    def close(self) -> None:
        """The window goes with the driver."""

    def evaluate(self, script: str, arg: Any = None) -> Any:
        answer = self.driver.execute_async_script(EVALUATED, script, arg)
        if "error" in answer:
            raise JavascriptException(answer["error"])
        return answer["value"]

    def wait_for_timeout(self, milliseconds: float) -> None:
        time.sleep(milliseconds / 1000)

    def wait_for_function(self, script: str, *, arg: Any = None, polling: float = 0) -> None:
        del polling
        self._wait(lambda: self.evaluate(script, arg), script)

    def wait_for_selector(self, selector: str, *, state: str = "visible") -> None:
        wanted = state in ("visible", "attached")
        seen = self.is_visible if state in ("visible", "hidden") else self._is_there
        self._wait(lambda: seen(selector) is wanted, f"{selector} {state}")

    def is_visible(self, selector: str) -> bool:
        return bool(self.evaluate(SHOWN, selector))

    def locator(self, selector: str) -> Elements:
        return Elements(self, selector)

    def inner_text(self, selector: str) -> str:
        return str(self._element(selector).get_property("innerText"))

    def input_value(self, selector: str) -> str:
        return str(self._element(selector).get_property("value"))

    def get_attribute(self, selector: str, name: str) -> str | None:
        value: str | None = self._element(selector).get_dom_attribute(name)
        return value

    def click(self, selector: str) -> None:
        self.wait_for_selector(selector)
        self._element(selector).click()

    def fill(self, selector: str, text: str) -> None:
        self._element(selector)
        self.evaluate(FILLED, [selector, text])

    def press(self, selector: str, key: str) -> None:
        """A key, or several that are held together: `Control+V`."""
        keys = [getattr(Keys, name.upper(), name.lower()) for name in key.split("+")]
        self._element(selector).send_keys(*keys)

    def type(self, selector: str, text: str) -> None:
        self._element(selector).send_keys(text)

    def set_input_files(self, selector: str, files: Sequence[Path]) -> None:
        self._element(selector).send_keys("\n".join(map(str, files)))

    def _is_there(self, selector: str) -> bool:
        return bool(self.driver.find_elements(By.CSS_SELECTOR, selector))

    def _element(self, selector: str) -> WebElement:
        self._wait(lambda: self._is_there(selector), selector)
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def _wait(self, true: Callable[[], Any], what: str) -> None:
        until = time.monotonic() + self.patience_s
        while not _now(true):
            assert time.monotonic() < until, f"it did not come true: {what}"
            time.sleep(POLL_S)


def _now(true: Callable[[], Any]) -> bool:
    """Not while one page goes and the next comes."""
    try:
        return bool(true())
    except (JavascriptException, StaleElementReferenceException):
        return False


@contextmanager
def window(width: int, height: int) -> Iterator[WebKitPage]:
    """A window of WebKitGTK's own little browser, on a screen of its own."""
    with screen() as display:
        options = WebKitGTKOptions()
        options.binary_location = str(next(Path("/usr/lib").glob(MINIBROWSER)))
        options.add_argument("--automation")
        options.overlay_scrollbars_enabled = False
        environment = {**os.environ, "DISPLAY": display}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of its own parts
            driver = WebKitGTK(options=options, service=Service(DRIVER, env=environment))
        try:
            driver.set_window_rect(0, 0, width, height)
            yield WebKitPage(driver)
        finally:
            driver.quit()


@contextmanager
def screen() -> Iterator[str]:
    """The name of an X display that nobody looks at."""
    command = ["Xvfb", "-displayfd", "1", "-screen", "0", "1400x1000x24", "-nolisten", "tcp"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as server:
        assert server.stdout
        try:
            yield f":{server.stdout.readline().strip()}"
        finally:
            server.terminate()
