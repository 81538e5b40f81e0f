"""A picture with what an answer points at drawn on it, as a download."""

from __future__ import annotations

from functools import partial

import gradio as gr

from model.conversation import Image
from model.errors import DemoError
from ui.gradio_compat import file_url, posted
from ui.handlers.page_tab import tab_of
from ui.html import grounding as grounding_html
from ui.html import page_update
from ui.media import marked_copy
from ui.state.registry import Tabs


async def save_marked(tabs: Tabs, key: str, event: gr.EventData) -> tuple[str, str]:
    """A picture with what an answer points at drawn on it. Returns its address, and a notice."""
    tab = tab_of(tabs, key)
    asked = posted(event)
    asked_for = asked.get("answer"), asked.get("picture")
    conversation = tab.chat.conversation
    conventions = tab.conventions_of(conversation)
    answers = grounding_html.by_answer(conversation, tab.chat.attachments, conventions)
    found = (
        m for i, pictures in enumerate(answers) for m in pictures if (i, m.number) == asked_for
    )
    try:
        if picture := next(found, None):
            tabs.rates.admit_look(tab.presence.asker.address)
            file = Image(picture.attachment.path, name=picture.attachment.name)
            draw = partial(marked_copy.marked_copy, file, picture.marks, tabs.background.room(tab))
            path = await tabs.background.run(tab, draw)
            tabs.made(tab, [path])
            return file_url(path), page_update.notice(tab)
    except DemoError as error:
        tab.chat.warn(error.sentence)
    return "", page_update.notice(tab)
