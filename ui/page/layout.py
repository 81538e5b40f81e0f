"""What stands on the page, and where. What becomes of it is in `wiring`."""

from __future__ import annotations

from dataclasses import dataclass

import gradio as gr

from model.settings import DefaultSettings
from ui import ASSETS
from ui.handlers.setting_bounds import started
from ui.html import comparison as sides
from ui.html import messages as render
from ui.html import tray as composer
from ui.html.examples import offered
from ui.html.page_update import View
from ui.html.syntax.formulas import DELIMITERS
from ui.http.access.log_in_page import log_out_form
from ui.media.sandbox.probe import SUFFIXES
from ui.page.controls import Controls, build_controls
from ui.text.texts import ENGLISH, LANGUAGES, Texts

BRIDGE = "qwenVlChat.tell = (data) => trigger('select', data)"  # from a script to the server
SAVING = "qwenVlChat.savePlaces = (data) => trigger('select', data)"


@dataclass(frozen=True)
class Page:
    """The elements of the page that are wired."""

    chatbot: gr.Chatbot
    places: gr.HTML  # asks for a picture with what an answer points at
    key: gr.Textbox
    name: gr.Textbox  # Gradio's for this page, beside others of the same tab
    original: gr.Textbox  # the key of the tab that this one is a duplicate of
    language: gr.Radio
    log_out: gr.HTML
    banner: gr.HTML
    controls: Controls
    settings: gr.JSON
    start: gr.JSON  # what the settings start with, and their bounds
    settings_title: gr.HTML
    settings_note: gr.HTML
    reset: gr.Button
    attach: gr.UploadButton
    sources: gr.HTML
    cost: gr.HTML
    ready: gr.HTML
    scripted: gr.HTML
    replay: gr.HTML
    bridge: gr.HTML
    inspector: gr.HTML
    views: gr.HTML
    comparison: gr.HTML
    compared: gr.HTML
    resume: gr.Button
    sent: gr.Textbox
    taken_up: gr.Textbox
    saved: gr.Textbox
    view: View
    loading: gr.Timer


def lay_out(defaults: DefaultSettings, log_ins: bool = False) -> Page:
    """Put every element into the current blocks, with these settings; log_ins: whether people can log out."""
    texts = ENGLISH
    with gr.Sidebar(open=False, width=320, elem_id="settings"):
        settings_title = gr.HTML(heading(texts))
        controls = build_controls(defaults, texts)
        settings_note = gr.HTML(note(texts))
        reset = gr.Button(texts.reset_settings, elem_id="reset-settings", size="sm")
        language = gr.Radio(
            [(name, key) for key, (name, _) in LANGUAGES.items()],
            value="en",
            label=texts.language,
            elem_id="language",
            interactive=True,
        )
        log_out = gr.HTML(log_out_form(texts), elem_id="log-out", visible=log_ins)
    with gr.Column(elem_id="page"):
        banner = gr.HTML(elem_id="model-banner")
        views = gr.HTML(sides.views(texts), elem_id="views")
        with gr.Column(elem_id="talk"):
            chatbot = gr.Chatbot(
                elem_id="chatbot",
                show_label=False,
                label=texts.conversation,
                buttons=[],
                feedback_options=None,
                latex_delimiters=DELIMITERS,
                layout="panel",
                placeholder=welcome(texts),
            )
            examples = gr.HTML(offered(texts), elem_id="examples", js_on_load=script("examples.js"))
            live = gr.Markdown(
                elem_id="live", latex_delimiters=DELIMITERS, line_breaks=True, container=False
            )
            stats = gr.HTML(elem_id="stats")
            with gr.Row(elem_id="actions"):
                copy = gr.Button(texts.copy, elem_id="copy", size="sm", visible=False)
                retry = gr.Button(texts.retry, elem_id="retry", size="sm", visible=False)
                retry_penalised = gr.Button(
                    texts.retry_penalised, elem_id="retry-penalised", size="sm", visible=False
                )
                edit = gr.Button(texts.edit, elem_id="edit", size="sm", visible=False)
                undo = gr.Button(texts.undo, elem_id="undo", size="sm", visible=False)
                reproduce = gr.Button(
                    texts.reproduce, elem_id="reproduce", size="sm", visible=False
                )
                export = gr.Button(texts.export, elem_id="export", size="sm", visible=False)
                clear = gr.Button(texts.clear, elem_id="clear", size="sm", visible=False)
        with gr.Column(elem_id="comparison"):
            comparison = gr.HTML(elem_id="comparison-form", js_on_load=script("compare.js"))
            compared = gr.HTML(elem_id="compared", js_on_load=None)
        with gr.Column(elem_id="desk"):
            notice = gr.HTML(elem_id="notice")
            cancel_edit = gr.Button(texts.editing, elem_id="cancel-edit", size="sm", visible=False)
            with gr.Group(elem_id="composer"):
                tray = gr.HTML(elem_id="tray", js_on_load=script("tray.js"))
                attach = gr.UploadButton(
                    texts.attach,
                    file_count="multiple",
                    file_types=list(SUFFIXES),
                    elem_id="attach",
                    size="sm",
                )
                sources = gr.HTML(composer.sources(texts), elem_id="sources")
                message = gr.Textbox(
                    label=texts.message,
                    show_label=False,
                    placeholder=texts.placeholder,
                    lines=1,
                    max_lines=8,
                    container=False,
                    autofocus=True,
                    submit_btn=True,
                    stop_btn=False,
                    elem_id="message",
                )
            cost = gr.HTML(elem_id="cost-card")
    run_state = gr.HTML(
        render.run_state("loading", 0), elem_id="run-state", visible="hidden", js_on_load=None
    )
    ready = gr.HTML(elem_id="ready", visible="hidden", js_on_load=None)
    scripted = gr.HTML(
        render.page_texts(texts), elem_id="page-texts", visible="hidden", js_on_load=None
    )
    replay = gr.HTML(elem_id="replay", js_on_load=script("replay.js"))
    bridge = gr.HTML(elem_id="bridge", visible="hidden", js_on_load=BRIDGE)
    inspector = gr.HTML(elem_id="inspector", visible="hidden", js_on_load=script("inspector.js"))
    resume = gr.Button(elem_id="resume", visible="hidden")
    places = gr.HTML(elem_id="places", visible="hidden", js_on_load=SAVING)
    # One input instead of one for each control: Gradio's page copies every input at every update.
    # Those that a person has chosen, by name.
    settings = gr.JSON({}, visible=False)
    start = gr.JSON(started(defaults), visible=False)
    # Empty, not None: a setting may be moved before the page has its key.
    hidden = [gr.Textbox("", visible=False) for _ in range(7)]
    key, name, original, sent, taken_up, saved, returned = hidden
    log = gr.Textbox(visible=False)
    view = View(
        log, live, stats, run_state, notice, message, tray, returned,
        examples, copy, retry, retry_penalised, edit, undo, reproduce, export, clear,
        cancel_edit,
    )  # fmt: skip
    return Page(
        chatbot, places, key, name, original, language, log_out, banner, controls, settings, start, settings_title, settings_note, reset, attach, sources,
        cost, ready, scripted, replay, bridge, inspector, views, comparison, compared, resume,
        sent, taken_up, saved, view, gr.Timer(1.0, active=False),
    )  # fmt: skip


def heading(texts: Texts) -> str:
    """Above the settings."""
    return f"<h2>{texts.settings_title}</h2>"


def note(texts: Texts) -> str:
    """Below the settings."""
    return f"<p>{texts.settings_note}</p>"


def welcome(texts: Texts) -> str:
    """What stands where the conversation will be."""
    return f"<h1>{texts.empty}</h1>"


def script(name: str) -> str:
    """A script of ours. Gradio would only log what goes wrong while it starts; the window tells the person."""
    source = (ASSETS / name).read_text(encoding="utf-8")
    return f"try {{\n{source}}} catch (error) {{ reportError(error); }}"
