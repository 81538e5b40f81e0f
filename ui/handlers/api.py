"""The page's abilities for programs: `/chat`, `/continue`, `/estimate` and `/reset`, see docs/api.md.

A client's conversation belongs to its Gradio session. Gradio hands these endpoints whatever was posted,
so everything is checked here.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from contextlib import aclosing, contextmanager
from dataclasses import asdict
from functools import partial
from typing import Any

import gradio as gr

from model.backend import Backend
from model.conversation import Conversation, Text
from model.errors import DemoError, SettingError
from model.media.document import selected
from model.media.source import WEB
from model.settings import DefaultSettings, GenerationSettings
from ui import gradio_compat
from ui.handlers.posted_message import PageChoice, PostedFile, pages_of, parts_of, require_room
from ui.http.asker import asker_of, asking, path_of
from ui.media.uploads import MAX_ATTACHMENTS
from ui.state.registry import Tabs
from ui.state.tab.conversation import UNEXPECTED
from ui.state.tab.draft import composed
from ui.state.tab.run import Run
from ui.state.tab.tab import Tab
from ui.state.tray.attachment import Attachment, Document

log = logging.getLogger(__name__)

# Of a message, in the description of the API: it can be sent.
EXAMPLE = {"text": "Hello", "files": []}
LOADING_S = 0.25  # between two polls whether the model is loaded
FRAME_S = 0.05  # between two updates of an answer, if few are being written


def add_api(tabs: Tabs, blocks: gr.Blocks) -> None:
    """Add the endpoints to the blocks that are being built."""
    for function, returns in (
        (chat, tuple[str, dict[str, Any]]),
        (continue_answer, tuple[str, dict[str, Any]]),
        (estimate, dict[str, Any]),
        (reset, None),
    ):
        gr.api(
            gradio_compat.endpoint(function, tabs, returns),
            api_name=function.__name__.removesuffix("_answer"),
            concurrency_limit=None,  # the backend has its own queue, and tells the place in it
        )
    for endpoint in ("chat", "estimate"):
        gradio_compat.give_example(blocks, endpoint, EXAMPLE)


async def chat(
    tabs: Tabs,
    message: dict[str, Any],
    request: gr.Request,
    settings: dict[str, Any] | None = {},  # noqa: B006 (never changed)
) -> AsyncIterator[tuple[str, dict[str, Any]]]:
    """Ask, with pictures and videos; streams the answer so far and, at last, what it cost."""
    with _explained():
        tab = _tab(tabs, request)
        run = await _asked(tabs, tab, message, settings)
    async with aclosing(_streamed(tabs, tab, run)) as answered:
        async for answer, usage in answered:
            yield answer, usage


async def continue_answer(
    tabs: Tabs,
    request: gr.Request,
    settings: dict[str, Any] | None = {},  # noqa: B006 (never changed)
) -> AsyncIterator[tuple[str, dict[str, Any]]]:
    """Let the latest answer go on from its end; streams the whole answer so far and, at last, what the rest cost."""
    with _explained():
        tab = _tab(tabs, request)
        run = await _continued(tabs, tab, settings)
    async with aclosing(_streamed(tabs, tab, run)) as answered:
        async for answer, usage in answered:
            yield answer, usage


async def _streamed(tabs: Tabs, tab: Tab, run: Run) -> AsyncGenerator[tuple[str, dict[str, Any]]]:
    """The answer so far and, at last, what it cost."""
    try:
        with run.followed():
            while run.live:
                text = run.text
                yield text, {}
                waited, frame = 0.0, tabs.frame_s(FRAME_S)
                while run.live and (waited < frame or run.text == text):
                    await asyncio.sleep(FRAME_S)  # in small steps, to notice the end soon
                    waited += FRAME_S
    except asyncio.CancelledError:
        run.cancel.set()
        raise
    except GeneratorExit:
        if _cancelled():  # otherwise the connection was cut
            run.cancel.set()
        raise
    with _explained():
        if run.error:
            tab.chat.undelivered = None  # nobody will read it, and its message may be long
            raise run.error
    yield run.text, run.finished.usage.told if run.finished else {}
    tab.chat.undelivered = None


async def estimate(
    tabs: Tabs,
    message: dict[str, Any],
    request: gr.Request,
    settings: dict[str, Any] | None = {},  # noqa: B006 (never changed)
) -> dict[str, Any]:
    """What `/chat` would cost with the same message and settings."""
    with _explained():
        tab = _tab(tabs, request)
        tabs.rates.admit_task(tab.presence.asker.address)
        conversation, generation = await _drafted(tabs, tab, message, settings)
        work = partial(tab.backend.estimate, conversation, generation)
        return asdict(await tabs.background.run(tab, work))


async def reset(tabs: Tabs, request: gr.Request) -> None:
    """Forget the conversation."""
    with _explained():
        tab = _tab(tabs, request)
    tabs.clear(tab)


def _tab(tabs: Tabs, request: gr.Request) -> Tab:
    # The prefix keeps programs out of the pages' conversations.
    tab = tabs.open(f"api-{request.session_hash}")
    tab.presence.is_program = True
    tab.presence.pages.add(str(request.session_hash))
    tabs.open_tabs.asked_by(tab, asker_of(request.request))
    return tab


async def _asked(tabs: Tabs, tab: Tab, message: object, settings: object) -> Run:
    """The answer to this message; the running one, if the program lost its connection and asks again."""
    if tab.chat.run and tab.chat.run.cancel.is_set():
        await (
            tab.chat.run.ended()
        )  # a program that has just cancelled need not know how long that takes
    tabs.admit(tab)
    asked = await _drafted(tabs, tab, message, settings)
    same = tab.chat.undelivered and tab.chat.undelivered.checkpoint == tab.checkpoint
    if same and tab.chat.undelivered and _same(tab.chat.undelivered, *asked):
        tab.chat.undelivered.expect_follower()
        return tab.chat.undelivered
    if tab.chat.run and tab.chat.run.is_ending:
        await tab.chat.run.ended()
        asked = await _drafted(tabs, tab, message, settings)
    tab.chat.undelivered = tabs.start(tab, lambda: asked, admitted=True)
    return tab.chat.undelivered


async def _continued(tabs: Tabs, tab: Tab, settings: object) -> Run:
    """The rest of the latest answer; the one that is being written, if the program lost its connection and asks again."""
    running = tab.chat.undelivered
    if running and running.begun and not (running.error or running.cancel.is_set()):
        running.expect_follower()
        return running
    tabs.admit(tab)
    chosen = await _chosen(tabs, tab, settings)
    begun = tab.chat.begun
    if begun is None:
        raise DemoError("There is no answer to continue; ask something first.")
    if not tab.chat.cut:
        raise DemoError("The answer is complete; there is nothing to continue.")
    question = begun.question(tab.chat.conversation, chosen.generation)
    tab.chat.undelivered = tabs.start(tab, lambda: question, admitted=True, begun=begun)
    return tab.chat.undelivered


def _same(run: Run, asked: Conversation, settings: GenerationSettings) -> bool:
    """Whether the run answers this message, and will not be cancelled."""
    message = run.conversation.last_user_message
    given_up = run.error or run.cancel.is_set()
    return not given_up and (message, run.settings) == (asked.last_user_message, settings)


def _cancelled() -> bool:
    """Whether a program ends the call that is being answered, and not its connection."""
    request = asking.get()
    return request is not None and path_of(request.scope).startswith("/gradio_api/cancel")


async def _drafted(
    tabs: Tabs, tab: Tab, message: object, settings: object
) -> tuple[Conversation, GenerationSettings]:
    posted, pages = parts_of(message), pages_of(message)
    chosen = await _chosen(tabs, tab, settings)
    parts: list[str | Attachment] = []
    for part in posted:
        parts += [part] if isinstance(part, str) else await _attached(tabs, tab, part, pages)
        require_room(sum(isinstance(part, Attachment) for part in parts))
    asked = composed(
        tab.chat.conversation,
        [Text(part) if isinstance(part, str) else part.part(chosen.vision) for part in parts],
    )
    tab.chat.remember([part for part in parts if isinstance(part, Attachment)])
    return asked, chosen.generation


async def _chosen(tabs: Tabs, tab: Tab, settings: object) -> DefaultSettings:
    """The checkpoint's settings with these. Raises `SettingError`."""
    if not isinstance(settings, dict | None):
        raise SettingError("The settings must be an object: names and values.")
    by_name = dict(settings or {})
    tab.choose(str(by_name.pop("checkpoint", tab.checkpoints.default)))
    await _until_loaded(tab.backend)
    return tabs.chosen(by_name, tab.backend)


async def _until_loaded(backend: Backend) -> None:
    """Wait until the checkpoint is loaded, and its default settings with it."""
    while backend.status().state == "loading":
        await asyncio.sleep(LOADING_S)


async def _attached(
    tabs: Tabs, tab: Tab, file: PostedFile, pages: PageChoice
) -> Sequence[str | Attachment]:
    """A picture or a clip, or the chosen pages of a document and their text. Raises `DemoError`."""
    found = await _opened(tabs, tab, file)
    document = found if isinstance(found, Document) else found.document
    if isinstance(found, Attachment) and not (
        document and (pages.pages or document.kind == "pages")
    ):
        return [found]
    assert document
    numbers = selected(pages.pages, document.pages, document.name, most=MAX_ATTACHMENTS)
    tabs.rates.admit_look(tab.presence.asker.address, len(numbers))
    drawn = [await tabs.background.page(tab, document, number) for number in numbers]
    said = await tabs.background.pages_text(tab, document, numbers) if pages.text else ""
    return [*drawn, *([f"{said}\n\n"] if said else [])]


async def _opened(tabs: Tabs, tab: Tab, file: PostedFile) -> Attachment | Document:
    """What a program has uploaded, or named by its address if that is allowed. Raises `MediaError`."""
    path = file.path
    if not isinstance(path, str) or not path.startswith(WEB):
        stored = tabs.uploads.claim(path, tab.key, tab.presence.asker)
        return await tabs.background.look_at(tab, stored, file.name)
    return await tabs.background.download(tab, tabs.downloads, path)


@contextmanager
def _explained() -> Iterator[None]:
    """Clients see the sentence of a `DemoError`, and of anything else only that it happened."""
    try:
        yield
    except DemoError as error:
        raise gr.Error(str(error), print_exception=False) from None
    except Exception as error:
        log.exception("a request failed")
        raise gr.Error(str(UNEXPECTED), print_exception=False) from error
