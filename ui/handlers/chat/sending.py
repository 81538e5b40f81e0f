"""A message is sent, an answer is tried again or stopped."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import gradio as gr

from model.conversation import Conversation
from model.errors import DemoError
from model.settings import GenerationSettings
from ui.gradio_compat import posted
from ui.handlers.chat.continuing import continue_from
from ui.handlers.page_tab import handed_back, tab_of
from ui.html import page_update
from ui.html.examples import EXAMPLES
from ui.html.page_update import View
from ui.state.registry import Question, Tabs
from ui.state.tab.draft import Prepared, drafted
from ui.state.tab.tab import Tab

Change = Callable[[GenerationSettings], GenerationSettings]


def question(tabs: Tabs, tab: Tab, draft: Prepared, settings: Mapping[str, Any]) -> Question:
    """A function that returns the message and its settings, with the checkpoint's defaults at the time of the call."""
    backend = tab.backend

    def now() -> tuple[Conversation, GenerationSettings]:
        chosen = tabs.chosen(settings, backend)
        asked = draft(chosen.vision)
        assert asked, "the message is empty"
        return asked, chosen.generation

    return now


async def submit(
    tabs: Tabs, key: str, text: str, settings: Mapping[str, Any], held: str = ""
) -> View:
    """Send the message with the tray. Does nothing while a turn is being rewritten, because the tray is that turn's.

    held: what the page shows, "chat" or "files", or nothing; see `opening.open_page`.
    """
    tab = tab_of(tabs, key, begins=not held)
    taken = "" if tab.draft.editing else _send(tabs, tab, text, settings)
    return (await handed_back(tabs, tab))._replace(taken=taken)


async def submit_edit(tabs: Tabs, key: str, text: str, settings: Mapping[str, Any]) -> View:
    """Send a rewritten turn. If the edit has ended meanwhile, the text goes into the composer."""
    tab = tab_of(tabs, key)
    if not tab.draft.editing:
        return (await handed_back(tabs, tab))._replace(returned=text)
    if tab.draft.editing.answer:
        continue_from(tabs, tab, text, settings)
    else:
        _send(tabs, tab, text, settings)
    return await handed_back(tabs, tab)


def _send(tabs: Tabs, tab: Tab, text: str, settings: Mapping[str, Any]) -> str:
    """Send `text` with the tray. Returns the text that was sent; empty if it cannot be sent now."""
    try:
        draft = tab.prepared(text)
        if draft(tabs.chosen(settings, tab.backend).vision) and not tab.chat.live:
            tabs.start(tab, question(tabs, tab, draft, settings))
            tab.draft.sent()
            return text
    except DemoError as error:
        tab.chat.warn(error.sentence)
    return ""


async def retry(tabs: Tabs, key: str, settings: Mapping[str, Any]) -> View:
    """Answer the latest message again, with the settings as they are now."""
    return await _retry(tabs, tab_of(tabs, key), settings)


async def retry_penalised(tabs: Tabs, key: str, settings: Mapping[str, Any]) -> View:
    """The same with a higher repetition penalty, for this answer only."""
    tab = tab_of(tabs, key)
    return await _retry(tabs, tab, settings, change=tab.chat.penalised)


async def _retry(
    tabs: Tabs, tab: Tab, settings: Mapping[str, Any], change: Change = lambda same: same
) -> View:
    try:
        again = tab.chat.conversation.without_last_reply()
        if again.messages and not tab.chat.live and not tab.draft.editing:
            backend = tab.backend
            tabs.start(tab, lambda: (again, change(tabs.chosen(settings, backend).generation)))
    except DemoError as error:
        tab.chat.warn(error.sentence)
    return await handed_back(tabs, tab)


async def ask_example(
    tabs: Tabs, key: str, event: gr.EventData, settings: Mapping[str, Any]
) -> View:
    """Ask one of the examples of an empty page. Draft and tray stay as they are."""
    tab = tab_of(tabs, key, begins=True)
    example = EXAMPLES.get(str(posted(event).get("example")))
    try:
        if example and not tab.chat.live:
            tabs.rates.admit_look(tab.presence.asker.address)
            chat = tab.chat
            items = await example.attachments(tabs.background, tab)
            text = tab.texts.examples[example.name]
            draft = partial(drafted, tab.chat.conversation, items, text)
            if not tab.chat.live and tab.chat is chat:
                tab.chat.remember(items)
                tabs.start(tab, question(tabs, tab, draft, settings))
    except DemoError as error:
        tab.chat.warn(error.sentence)
    return page_update.full_update(tab)


async def stop(tabs: Tabs, key: str) -> None:
    """Set the cancel flag. The run ends soon, and the page that follows it sees that."""
    tab = tab_of(tabs, key)
    if tab.chat.run:
        tab.chat.run.cancel.set()
