"""What a page does after a message was sent: follow the answer, then show what became of it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gradio as gr

from ui.handlers.chat import following, sending
from ui.handlers.tray import attaching
from ui.html import page_update
from ui.html.page_update import ConversationUpdate, View
from ui.state.registry import Tabs

KEY = "0123456789abcdef" * 2
BOX = "<|object_ref_start|>a boat<|object_ref_end|><|box_start|>(250,500),(500,1000)<|box_end|>"


def rest(shown: View) -> ConversationUpdate:
    """What the page is sent of the conversation."""
    sent: ConversationUpdate = json.loads(shown.conversation)
    return sent


async def followed(tabs: Tabs, key: str = KEY) -> View:
    """The view after the answer."""
    async for _ in following.growing(tabs, tabs.open(key)):
        pass
    return await following.final_update(tabs, key)


def drawn(tabs: Tabs, key: str = KEY) -> ConversationUpdate:
    """The whole conversation, as a page is sent it that has nothing yet."""
    tab = tabs.open(key)
    tab.drawn.forget()
    return page_update.conversation_update(tab)


async def attach(tabs: Tabs, files: Sequence[Any], key: str = KEY) -> str:
    """Gradio has stored these uploads, and the page's script names them. Gives the tray."""
    tabs.uploads.register(file["path"] for file in files if isinstance(file, dict))
    return await attaching.attach(tabs, key, gr.EventData(None, {"files": files}))


def posted(**data: Any) -> gr.EventData:
    """What a script of the page sends with an event."""
    return gr.EventData(None, data)


async def red_boat(tabs: Tabs, uploads: Path) -> None:
    """A picture was attached and asked about."""
    red = {"path": str(uploads / "red.png"), "name": "red.png"}
    await attach(tabs, [red])
    await sending.submit(tabs, KEY, "Where is the boat?", {})
