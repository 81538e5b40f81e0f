"""The elements of the page and their places. `wiring` has their events."""

from __future__ import annotations

import gradio as gr

from model.settings import DefaultSettings
from ui.handlers.settings import started
from ui.html import comparison as comparison_html
from ui.html import messages as messages_html
from ui.html import tray as tray_html
from ui.html.bar.chats import entry as chats_entry
from ui.html.examples import offered
from ui.html.page_update import HIDDEN, View
from ui.html.syntax.formulas import DELIMITERS
from ui.html.tasks import tasks as task_buttons
from ui.http.access.log_in_page import log_out_form
from ui.media.sandbox.probe import SUFFIXES
from ui.page.controls import build_controls
from ui.page.elements import (
    Actions,
    Bar,
    Comparison,
    Desk,
    EditBox,
    ForScripts,
    Page,
    SettingsSidebar,
    Talk,
    Values,
)
from ui.text.english import ENGLISH
from ui.text.languages import LANGUAGES
from ui.text.texts import Texts


def lay_out(
    defaults: DefaultSettings, log_ins: bool = False, demo: bool = False, history: bool = True
) -> Page:
    """Put every element into the current blocks, with these settings.

    log_ins: whether people can log out; demo: whether the bundled checkpoint answers, which can do little;
    history: whether browsers keep a list of chats.
    """
    texts = ENGLISH
    top_of_page = gr.HTML(top(texts), elem_id="top")
    sidebar = lay_out_sidebar(defaults, texts, log_ins)
    with gr.Column(elem_id="page"):
        bar = lay_out_bar(texts, history)
        talk = lay_out_talk(texts, demo)
        comparison = lay_out_comparison()
        desk = lay_out_desk(texts, demo)
    scripts = lay_out_for_scripts(texts)
    values = lay_out_values(defaults)
    return Page(
        top=top_of_page,
        sidebar=sidebar,
        bar=bar,
        talk=talk,
        comparison=comparison,
        desk=desk,
        scripts=scripts,
        values=values,
        view=view_of(bar, talk, desk, scripts, values),
        loading=gr.Timer(1.0, active=False),
    )


def lay_out_sidebar(defaults: DefaultSettings, texts: Texts, log_ins: bool) -> SettingsSidebar:
    """The settings beside the conversation."""
    with gr.Sidebar(open=False, width=320, elem_id="settings"):
        return SettingsSidebar(
            title=gr.HTML(heading(texts)),
            controls=build_controls(defaults, texts),
            note=gr.HTML(note(texts)),
            reset=gr.Button(texts.reset_settings, elem_id="reset-settings", size="sm"),
            language=gr.Radio(
                [(name, key) for key, (name, _) in LANGUAGES.items()],
                value="en",
                label=texts.language,
                elem_id="language",
                interactive=True,
            ),
            log_out=gr.HTML(log_out_form(texts), elem_id="log-out", visible=log_ins),
        )


def lay_out_bar(texts: Texts, history: bool) -> Bar:
    """One line above everything."""
    with gr.Column(elem_id="bar", scale=0):
        events = mounted("chats", "keep", "reopen")
        entry = gr.HTML(chats_entry(texts), elem_id="chats-entry", js_on_load=events) if history else None  # fmt: skip
        return Bar(
            chats=entry,
            brand=gr.HTML(f"<h1>{texts.title}</h1>", elem_id="brand"),
            banner=gr.HTML(elem_id="model-banner"),
            checkpoint=gr.HTML(elem_id="checkpoint", js_on_load=mounted("checkpoint", "choose")),
            views=gr.HTML(comparison_html.views(texts), elem_id="views"),
            clear=gr.Button(texts.clear, elem_id="clear", size="sm", visible=HIDDEN),
        )


def lay_out_talk(texts: Texts, demo: bool) -> Talk:
    """The conversation with the examples of an empty page, and the buttons below."""
    with gr.Column(elem_id="talk"):
        return Talk(
            chatbot=gr.Chatbot(
                elem_id="chatbot",
                height="auto",
                show_label=False,
                label=texts.conversation,
                buttons=[],
                feedback_options=None,
                latex_delimiters=DELIMITERS,
                layout="panel",
                placeholder=welcome(texts),
            ),
            examples=gr.HTML(
                offered(texts, demo), elem_id="examples", js_on_load=mounted("examples", "ask")
            ),
            live=gr.Markdown(
                elem_id="live", latex_delimiters=DELIMITERS, line_breaks=True, container=False
            ),
            stats=gr.HTML(elem_id="stats"),
            actions=lay_out_actions(texts),
        )


def lay_out_actions(texts: Texts) -> Actions:
    """The buttons below the conversation, which are shown with the first answer."""

    def button(label: str, elem_id: str) -> gr.Button:
        return gr.Button(label, elem_id=elem_id, size="sm", visible=HIDDEN)

    with gr.Row(elem_id="actions"):
        return Actions(
            copy=button(texts.copy, "copy"),
            continue_answer=button(texts.continue_answer, "continue"),
            retry=button(texts.retry, "retry"),
            retry_penalised=button(texts.retry_penalised, "retry-penalised"),
            edit=button(texts.edit, "edit"),
            edit_answer=button(texts.edit_answer, "edit-answer"),
            undo=button(texts.undo, "undo"),
            reproduce=button(texts.reproduce, "reproduce"),
            export=button(texts.export, "export"),
        )


def lay_out_comparison() -> Comparison:
    """The form of a comparison, and its two answers."""
    with gr.Column(elem_id="comparison"):
        return Comparison(
            form=gr.HTML(
                elem_id="comparison-form",
                js_on_load=mounted("comparison", "show", "compare", "stop", "take"),
            ),
            answers=gr.HTML(elem_id="compared", js_on_load=None),
        )


def lay_out_desk(texts: Texts, demo: bool) -> Desk:
    """The composer, with the notice above it and the cost below."""
    with gr.Column(elem_id="desk", scale=0):
        notice = gr.HTML(elem_id="notice")
        edit_box = lay_out_edit_box(texts)
        tasks = gr.HTML(task_buttons(texts, demo), elem_id="tasks")
        with gr.Column(elem_id="composer"):
            tray = gr.HTML(elem_id="tray", js_on_load=mounted("tray", "attach", "change_tray"))
            attach = gr.UploadButton(
                texts.attach,
                file_count="multiple",
                file_types=list(SUFFIXES),
                elem_id="attach",
                size="sm",
            )
            sources = gr.HTML(tray_html.sources(texts), elem_id="sources")
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
        return Desk(
            notice=notice,
            edit_box=edit_box,
            tasks=tasks,
            tray=tray,
            attach=attach,
            sources=sources,
            message=message,
            cost=gr.HTML(elem_id="cost-card"),
        )


def lay_out_edit_box(texts: Texts) -> EditBox:
    """Where an earlier message is rewritten; assets/js/composer/edit_box.js shows it."""
    with gr.Column(elem_id="edit-box"):
        text = gr.Textbox("", label=texts.editing, lines=1, max_lines=8, elem_id="edit-text")
        with gr.Row(elem_id="edit-actions"):
            return EditBox(
                text=text,
                cancel=gr.Button(texts.cancel, elem_id="edit-cancel", size="sm"),
                send=gr.Button(texts.send, elem_id="edit-send", size="sm"),
            )


def lay_out_for_scripts(texts: Texts) -> ForScripts:
    """The hidden elements that scripts read or send events through."""
    return ForScripts(
        run_state=_unseen("run-state", None, messages_html.run_state("loading", 0)),
        read_items=_unseen("read-items", None),
        texts=_unseen("page-texts", None, messages_html.page_texts(texts)),
        reproduction=gr.HTML(
            elem_id="reproduction",
            js_on_load=mounted("reproduction", "choose", "verify", "restore"),
        ),
        turns=_unseen("turns", mounted("turns", "edit", "undo_clear")),
        pricing=_unseen("pricing", mounted("pricing", "price", "read")),
        inspector=_unseen("inspector", mounted("inspector", "inspect")),
        resume=gr.Button(elem_id="resume", visible=HIDDEN),
        follow=gr.Button(elem_id="follow", visible=HIDDEN),
        settle=gr.Button(elem_id="settle", visible=HIDDEN),
        play_clips=gr.Button(elem_id="play-clips", visible=HIDDEN),
        places=_unseen("places", mounted("places", "save")),
    )


def _unseen(elem_id: str, js_on_load: str | None, value: str | None = None) -> gr.HTML:
    return gr.HTML(value, elem_id=elem_id, visible=HIDDEN, js_on_load=js_on_load)


def lay_out_values(defaults: DefaultSettings) -> Values:
    """The values that are not in the DOM."""

    def text() -> gr.Textbox:
        # Empty, not None: a setting may be moved before the page has its key.
        return gr.Textbox("", visible=False)

    return Values(
        # One input instead of one for each control: Gradio's page copies every input at every update.
        settings=gr.JSON({}, visible=False),
        start=gr.JSON(started(defaults), visible=False),
        key=text(),
        name=text(),
        original=text(),
        held=text(),
        taken=text(),
        rewritten=gr.Textbox(visible=False),
        returned=text(),
        saved=text(),
        conversation=gr.Textbox(visible=False),
        ending=gr.Textbox(visible=False),
        verdict=gr.Textbox(visible=False),
        exported=gr.Textbox(visible=False),
        owner=gr.Textbox(visible=False),
        kept=gr.Textbox(visible=False),
        reopened=gr.Textbox(visible=False),
    )


def view_of(bar: Bar, talk: Talk, desk: Desk, scripts: ForScripts, values: Values) -> View:
    """The components whose values `page_update` computes."""
    return View(
        conversation=values.conversation,
        live=talk.live,
        stats=talk.stats,
        run_state=scripts.run_state,
        notice=desk.notice,
        message=desk.message,
        tray=desk.tray,
        taken=values.taken,
        rewritten=values.rewritten,
        returned=values.returned,
        examples=talk.examples,
        clear=bar.clear,
        edit_send=desk.edit_box.send,
        **vars(talk.actions),
    )


def top(texts: Texts) -> str:
    """Before everything else, and seen only when it has the focus: the way to the composer."""
    return f'<a href="#message">{texts.skip_to_composer}</a>'


def heading(texts: Texts) -> str:
    """Above the settings."""
    return f"<h2>{texts.settings_title}</h2>"


def note(texts: Texts) -> str:
    """Below the settings."""
    return f"<p>{texts.settings_note}</p>"


def welcome(texts: Texts) -> str:
    """What stands where the conversation will be."""
    return (
        f'<h2>{texts.empty}</h2><p class="for-mouse">{texts.empty_hint}</p>'
        f'<p class="for-touch">{texts.empty_hint_touch}</p>'
    )


def mounted(name: str, *events: str) -> str:
    """JavaScript that passes an element and its `trigger` to assets/js/page/elements.js.

    events: names of own events; Gradio accepts those that stand quoted in this text. Gradio would only log an error here,
    so it is reported to the window, which tells the person.
    """
    named = "".join(f" // {event!r}" for event in events)
    return f"try {{ qwenVlChat.mount({name!r}, element, trigger); }} catch (error) {{ reportError(error); }}{named}"
