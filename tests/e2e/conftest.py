"""The real thing: `python app.py` on a slow random checkpoint, and browsers in front of it."""

from __future__ import annotations

import gc
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, cast

import pytest
from PIL import Image
from playwright.sync_api import (
    Browser,
    BrowserContext,
    Page,
    Playwright,
    ViewportSize,
    sync_playwright,
)
from transformers import AutoTokenizer

from model.checkpoint.choose import BUNDLED
from tests.support import browsers, media_files, served
from tests.support.chat import Chat, talking
from tests.support.fakes import FakeBackend
from tests.support.pages import gradio_environment, listening
from tests.support.transformers_serve import serving
from tools.tiny.checkpoint import write_random_checkpoint
from ui.page.build import build_page

FAKE_CAMERA = (
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    "--auto-select-desktop-capture-source=Entire screen",
)
# Few visual tokens, so that the waiting is for the answer and not for reading.
SERVER_FLAGS = (
    "--max-tokens=64",
    "--video-max-frames=4",
    "--video-max-tokens-per-frame=16",
)

DESKTOP: ViewportSize = {"width": 1280, "height": 800}
BEHIND = ("--backend", "openai", "--api-base")
# Tests of what a server cannot do: none, and `transformers serve`.
BEYOND = ("beyond_any_server", "beyond_transformers_serve")
OpenChat = Callable[..., Chat]
FAILED = pytest.StashKey[bool]()


@pytest.fixture(scope="package", autouse=True)
def _collected_here() -> Iterator[None]:
    """Cycles of Playwright's objects are collected in the thread that they belong to, between the tests.

    The collector runs in any thread that allocates, also in a server's. What it finalizes there sends messages to
    the browser from the wrong thread, and answers to the test's own are lost.
    """
    gc.collect()
    gc.freeze()  # what was imported stays, and need not be looked through again
    gc.disable()
    yield
    gc.enable()
    gc.unfreeze()


@pytest.fixture(autouse=True)
def _collected(_collected_here: None) -> Iterator[None]:
    yield
    gc.collect()


@pytest.fixture(scope="package")
def slow_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that answers slowly enough to be watched, stopped and left."""
    folder = tmp_path_factory.mktemp("checkpoint")
    tokenizer = AutoTokenizer.from_pretrained(BUNDLED)
    return write_random_checkpoint(folder / "random-30m", size="30m", tokenizer=tokenizer)


def pytest_configure(config: pytest.Config) -> None:
    for name in BEYOND:
        config.addinivalue_line("markers", f"{name}(why): cannot be behind --behind-server")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Behind a server, what it cannot do is left out; docs/deploy.md lists it."""
    server = config.getoption("--behind-server")
    if not server:
        return
    beyond = BEYOND if server == "transformers" else BEYOND[:1]
    left_out = [item for item in items if any(item.get_closest_marker(name) for name in beyond)]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in left_out]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """What must hold in every browser runs in each."""
    if "core_tab" in metafunc.fixturenames:
        names = ("webkit",) if metafunc.config.getoption("--webkit") else browsers.CORE
        metafunc.parametrize("core_tab", names, indirect=True, scope="package")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A tab that several tests share has to know what became of one."""
    report = yield
    item.stash[FAILED] = item.stash.get(FAILED, False) or report.failed
    return report


@pytest.fixture(scope="package")
def slow_server(slow_checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of `transformers serve`."""
    with serving(tmp_path_factory.mktemp("serve"), slow_checkpoint) as base:
        yield base


@pytest.fixture(scope="package")
def behind_url(
    slow_server: str, slow_checkpoint: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """The page in front of it, which has still to find out what it cannot do."""
    behind = (*BEHIND, slow_server, "--api-model", str(slow_checkpoint))
    with served.serve_app(tmp_path_factory.mktemp("behind"), *behind, *SERVER_FLAGS) as server:
        server.wait()
        yield server.address


@pytest.fixture(scope="package")
def url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The page with the model in its own process, or with `--behind-server` in front of one."""
    base = request.config.getoption("--behind-server")
    checkpoint = str(request.getfixturevalue("slow_checkpoint"))
    where: tuple[str, ...]
    if base == "transformers":
        where = (*BEHIND, request.getfixturevalue("slow_server"), "--api-model", checkpoint)
    else:
        where = (*BEHIND, base) if base else ("-c", checkpoint, "--cpu-only")
    folder = tmp_path_factory.mktemp("server")
    with served.serve_app(folder, *where, *SERVER_FLAGS) as server:
        server.wait()
        yield server.address


@pytest.fixture(scope="package")
def playwright() -> Iterator[Playwright]:
    """Stopped after the last test in this folder: its event loop would be in the way of the others."""
    with sync_playwright() as playwright:
        yield playwright


@pytest.fixture(scope="package")
def browser(playwright: Playwright) -> Iterator[Browser]:
    """Chromium, with the scrollbars that people see who have a mouse."""
    with served.launched(playwright, *FAKE_CAMERA, scrollbars=True) as browser:
        yield browser


@pytest.fixture(scope="package")
def firefox(playwright: Playwright) -> Iterator[Browser]:
    with browsers.firefox(playwright) as browser:
        yield browser


@pytest.fixture(scope="package")
def profile(browser: Browser) -> Iterator[BrowserContext]:
    """A person's browser, which has the page's scripts in its cache."""
    context = browser.new_context(viewport=DESKTOP, locale="en-GB")
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    yield context
    context.close()


@pytest.fixture
def open_chat(profile: BrowserContext, url: str) -> Iterator[OpenChat]:
    """Open the page in another tab; `profile` is somebody else's browser."""
    with ExitStack() as chats:

        def open_chat(profile: BrowserContext = profile) -> Chat:
            return chats.enter_context(talking(profile, url))

        yield open_chat


@pytest.fixture
def chat(open_chat: OpenChat) -> Chat:
    return open_chat()


@pytest.fixture(scope="package")
def tiny_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The page on the bundled checkpoint, whose answers are true."""
    with served.serve(tmp_path_factory.mktemp("tiny"), "tiny") as server:
        server.wait()
        yield server.address


@pytest.fixture
def tiny_chat(profile: BrowserContext, tiny_url: str) -> Iterator[Chat]:
    with talking(profile, tiny_url) as chat:
        yield chat


@pytest.fixture(scope="package")
def scripted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[FakeBackend, str]]:
    """The page in front of a backend that answers what it is asked to, and its address."""
    backend = FakeBackend()
    with gradio_environment(tmp_path_factory.mktemp("scripted")):
        page = build_page(backend)
        page.tabs.closed_s = 1.0
        with listening(page) as url:
            yield backend, url


@pytest.fixture
def fake_url(scripted: tuple[FakeBackend, str]) -> str:
    """Where a page stands in front of `fake`, which is as new."""
    backend, url = scripted
    vars(backend).update(vars(FakeBackend()))
    return url


@pytest.fixture
def fake(scripted: tuple[FakeBackend, str]) -> FakeBackend:
    """What answers `told`."""
    return scripted[0]


@pytest.fixture
def open_page(browser: Browser, fake_url: str) -> Iterator[OpenChat]:
    """Open the page in front of `fake` as somebody else, whose browser differs by `options` and has run `init`."""
    contexts: list[BrowserContext] = []

    def open_page(init: str = "", **options: Any) -> Chat:
        contexts.append(browser.new_context(**{"viewport": DESKTOP, **options}))
        contexts[-1].add_init_script(init)
        chat = Chat(contexts[-1].new_page(), fake_url)
        chat.open()
        return chat

    yield open_page
    for context in contexts:
        context.close()


@pytest.fixture(scope="package")
def told_tab(scripted: tuple[FakeBackend, str], profile: BrowserContext) -> Iterator[Chat]:
    """One tab for all of them: opening the page is what takes longest."""
    chat = Chat(profile.new_page(), scripted[1])
    chat.open()
    yield chat
    chat.close()


@contextmanager
def emptied(tab: Chat, test: pytest.Item) -> Iterator[Chat]:
    """A tab with nothing in it, which has had no problems at the end."""
    tab.start_over()
    yield tab
    problems, tab.problems = tab.problems, []
    tab.spoilt = test.stash[FAILED] or bool(problems)
    assert problems == [], problems


@pytest.fixture
def told(
    request: pytest.FixtureRequest,
    fake_url: str,  # noqa: ARG001 (makes the backend new)
    told_tab: Chat,
) -> Iterator[Chat]:
    """A tab in front of `fake`, with nothing in it."""
    with emptied(told_tab, request.node) as chat:
        yield chat


@pytest.fixture(scope="package")
def webkit() -> Iterator[Page]:
    """A window of WebKit, which `Chat` cannot tell from a page of Playwright's."""
    from tests.e2e.webkit import window  # what drives it is installed for it alone

    with window(**DESKTOP) as page:
        yield cast(Page, page)


@pytest.fixture(scope="package")
def core_tab(request: pytest.FixtureRequest, scripted: tuple[FakeBackend, str]) -> Iterator[Chat]:
    """One tab in the browser that `pytest_generate_tests` names."""
    with ExitStack() as opened:
        if request.param == "webkit":
            page = request.getfixturevalue("webkit")
        else:
            name = "browser" if request.param == "chromium" else request.param
            browser = request.getfixturevalue(name)
            context = opened.enter_context(browser.new_context(viewport=DESKTOP, locale="en-GB"))
            page = context.new_page()
        chat = Chat(page, scripted[1])
        chat.open()
        yield chat


@pytest.fixture
def core(
    request: pytest.FixtureRequest,
    fake_url: str,  # noqa: ARG001 (makes the backend new)
    core_tab: Chat,
) -> Iterator[Chat]:
    """A tab in front of `fake`, with nothing in it, in one browser after the other."""
    with emptied(core_tab, request.node) as chat:
        yield chat


@pytest.fixture(scope="package")
def picture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("media") / "red boat.png"
    Image.new("RGB", (160, 120), "red").save(path)
    return path


@pytest.fixture(scope="package")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds that every browser can play."""
    path = tmp_path_factory.mktemp("media") / "clip.webm"
    return media_files.clip(path, 10, fps=5, codec="vp9", size=(128, 96))
