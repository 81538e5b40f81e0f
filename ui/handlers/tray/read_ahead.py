"""The model reads what is attached before Send is pressed."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import gradio as gr

from model.backend import Backend
from model.conversation import Conversation
from model.errors import DemoError
from model.serving.person import PERSON
from model.settings import GenerationSettings
from ui.handlers.frames import HEARTBEAT_S
from ui.handlers.page_tab import tab_of
from ui.html import tray as tray_html
from ui.state.registry import Tabs

log = logging.getLogger(__name__)


async def read_ahead(tabs: Tabs, key: str, settings: Mapping[str, Any]) -> Any:
    """Read the tray while the person is typing. Returns the ids of what was read, as HTML.

    Leaves the display alone if nothing was read, because a later call may have shown its result already.
    """
    tab = tab_of(tabs, key)
    while tab.draft.tray and tab.backend.status().state == "loading":
        await asyncio.sleep(HEARTBEAT_S)
    if not tab.draft.tray or tab.chat.live or tab.draft.editing:
        return (
            gr.skip()
        )  # an edit may be given up, and then the conversation as it was is needed again
    try:
        chosen = tabs.chosen(settings, tab.backend)
        draft = tab.drafted("", chosen.vision)
    except DemoError:
        return gr.skip()  # Send will show the error
    items = list(tab.draft.tray)
    read = draft and await _read(
        tab.backend, draft, chosen.generation, tab.key, tab.presence.person
    )
    return tray_html.read_items(items) if read else gr.skip()


async def _read(
    backend: Backend,
    draft: Conversation,
    settings: GenerationSettings,
    session: str,
    person: str = "",
) -> bool:
    """Whether all of the draft but its question has been read; False as soon as that is pointless.

    person: who shares what there is with others, whatever the session.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[bool] = loop.create_future()

    def tell(result: bool) -> None:
        if not done.done():
            done.set_result(result)

    def read() -> None:
        PERSON.set(person)
        result = False
        try:
            result = backend.read_ahead(draft, settings, session=session)
        except DemoError:
            pass  # Send will show the error
        except Exception:
            log.exception("reading ahead failed")
        with suppress(RuntimeError):  # the event loop is gone when the server shuts down
            loop.call_soon_threadsafe(tell, result)

    # A thread of its own, not of a pool: it may wait for minutes until nobody needs the model.
    threading.Thread(target=read, name="read-ahead", daemon=True).start()
    return await done
