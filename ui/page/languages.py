"""The components that change with the page's language."""

from __future__ import annotations

from functools import partial

import gradio as gr

from ui.html import comparison as comparison_html
from ui.html import messages as messages_html
from ui.html import tray as tray_html
from ui.html.bar.chats import entry
from ui.html.examples import offered
from ui.html.tasks import tasks
from ui.http.access.log_in_page import log_out_form
from ui.page.controls import Translation
from ui.page.elements import Page
from ui.page.layout import heading, note, top, welcome


def translations(page: Page, demo: bool) -> list[Translation]:
    """Every component with a text of its own, each with its update in a language. demo: see `lay_out`."""
    sidebar, talk, desk, actions = page.sidebar, page.talk, page.desk, page.talk.actions
    return [
        (page.top, top),
        *sidebar.controls.translations(),
        (sidebar.title, heading),
        (sidebar.note, note),
        (sidebar.reset, lambda t: gr.Button(t.reset_settings)),
        (sidebar.language, lambda t: gr.Radio(label=t.language)),
        (sidebar.log_out, log_out_form),
        (talk.chatbot, lambda t: gr.Chatbot(label=t.conversation, placeholder=welcome(t))),
        (desk.attach, lambda t: gr.UploadButton(t.attach)),
        (desk.tasks, partial(tasks, demo=demo)),
        (desk.sources, tray_html.sources),
        (page.bar.views, comparison_html.views),
        *([(page.bar.chats, entry)] if page.bar.chats else []),
        (page.scripts.texts, messages_html.page_texts),
        (desk.message, lambda t: gr.Textbox(label=t.message, placeholder=t.placeholder)),
        (talk.examples, partial(offered, demo=demo)),
        (actions.copy, lambda t: gr.Button(t.copy)),
        (actions.continue_answer, lambda t: gr.Button(t.continue_answer)),
        (actions.retry, lambda t: gr.Button(t.retry)),
        (actions.retry_penalised, lambda t: gr.Button(t.retry_penalised)),
        (actions.edit, lambda t: gr.Button(t.edit)),
        (actions.edit_answer, lambda t: gr.Button(t.edit_answer)),
        (actions.undo, lambda t: gr.Button(t.undo)),
        (actions.reproduce, lambda t: gr.Button(t.reproduce)),
        (actions.export, lambda t: gr.Button(t.export)),
        (page.bar.clear, lambda t: gr.Button(t.clear)),
        (desk.edit_box.text, lambda t: gr.Textbox(label=t.editing)),
        (desk.edit_box.cancel, lambda t: gr.Button(t.cancel)),
        (desk.edit_box.send, lambda t: gr.Button(t.send)),
    ]
