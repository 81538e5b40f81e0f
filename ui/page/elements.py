"""The elements of the page, by part. `layout` builds them, `wiring` connects them."""

from __future__ import annotations

from dataclasses import dataclass

import gradio as gr

from ui.html.page_update import View
from ui.page.controls import Controls


@dataclass(frozen=True)
class SettingsSidebar:
    """The settings, the language and the way out."""

    title: gr.HTML
    controls: Controls
    note: gr.HTML
    reset: gr.Button
    language: gr.Radio
    log_out: gr.HTML


@dataclass(frozen=True)
class Bar:
    """What stands above everything: the product, the model, and the ways to somewhere else."""

    brand: gr.HTML
    banner: gr.HTML
    checkpoint: gr.HTML  # the choice, empty where there is one alone
    views: gr.HTML
    clear: gr.Button
    chats: gr.HTML | None  # the list of chats; none where browsers keep none


@dataclass(frozen=True)
class Actions:
    """The buttons below the conversation."""

    copy: gr.Button
    continue_answer: gr.Button
    retry: gr.Button
    retry_penalised: gr.Button
    edit: gr.Button
    edit_answer: gr.Button
    undo: gr.Button
    reproduce: gr.Button
    export: gr.Button


@dataclass(frozen=True)
class Talk:
    """The conversation, and the answer that is being written."""

    chatbot: gr.Chatbot
    examples: gr.HTML
    live: gr.Markdown
    stats: gr.HTML
    actions: Actions


@dataclass(frozen=True)
class Comparison:
    """One message under two settings."""

    form: gr.HTML
    answers: gr.HTML


@dataclass(frozen=True)
class EditBox:
    """Where an earlier message is rewritten."""

    text: gr.Textbox
    cancel: gr.Button
    send: gr.Button


@dataclass(frozen=True)
class Desk:
    """Where a message is written."""

    notice: gr.HTML
    edit_box: EditBox
    tasks: gr.HTML
    tray: gr.HTML
    attach: gr.UploadButton
    sources: gr.HTML
    message: gr.Textbox
    cost: gr.HTML


@dataclass(frozen=True)
class ForScripts:
    """Hidden elements: scripts read them, or send events through them."""

    run_state: gr.HTML
    read_items: gr.HTML  # the items of the tray that have been read ahead
    texts: gr.HTML
    reproduction: gr.HTML  # the dialog; conversations come in through it, too
    turns: gr.HTML  # asks for an earlier message, to be rewritten
    pricing: gr.HTML  # asks what the message costs
    inspector: gr.HTML
    resume: gr.Button
    follow: gr.Button  # the answer that is being written
    settle: gr.Button  # an answer that came to nothing
    play_clips: gr.Button  # clips that are being copied
    places: gr.HTML  # asks for an image with what an answer points at


@dataclass(frozen=True)
class Values:
    """Values that server and scripts exchange. None is in the DOM."""

    settings: gr.JSON  # those that a person has chosen, by name
    start: gr.JSON  # what the settings start with, and their bounds
    key: gr.Textbox
    name: gr.Textbox  # Gradio's for this page, beside others of the same tab
    held: gr.Textbox  # what the page before this one had: "chat", "files" or nothing
    original: gr.Textbox  # the key of the tab that this one is a duplicate of
    taken: gr.Textbox
    rewritten: gr.Textbox
    returned: gr.Textbox
    saved: gr.Textbox
    conversation: gr.Textbox
    ending: gr.Textbox  # everything that an answer has changed, as JSON
    verdict: gr.Textbox
    exported: gr.Textbox
    owner: gr.Textbox  # who is logged in
    kept: gr.Textbox  # the conversation, for the browser to keep, as JSON
    reopened: gr.Textbox  # what became of opening a kept one, as JSON


@dataclass(frozen=True)
class Page:
    """The elements of the page that are wired, by part."""

    top: gr.HTML
    sidebar: SettingsSidebar
    bar: Bar
    talk: Talk
    comparison: Comparison
    desk: Desk
    scripts: ForScripts
    values: Values
    view: View
    loading: gr.Timer
