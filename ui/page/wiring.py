"""What happens on the page when: events, the handlers that answer them, and the scripts in between."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from types import MethodType
from typing import Any

import gradio as gr

from model.settings import SETTING_SPECS
from ui.handlers import chat as handlers
from ui.handlers import comparison as comparing
from ui.handlers import export as keeping
from ui.handlers.inspector import inspect
from ui.html import comparison as sides
from ui.html import messages as render
from ui.html import tray as composer
from ui.html.examples import offered
from ui.http.access.log_in_page import log_out_form
from ui.page.layout import Page, heading, note, welcome
from ui.state.registry import Tabs
from ui.text.texts import texts_for

QUIET: dict[str, Any] = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
# Gradio leaves an event out, silently, whose last run is still on its way: the end of an answer may be,
# while the next message goes out.
EACH: dict[str, Any] = {**QUIET, "trigger_mode": "multiple"}
FOLLOWING: dict[str, Any] = {
    "concurrency_limit": None,
    "trigger_mode": "multiple",
    "show_progress": "hidden",
    "api_visibility": "private",
}


def wire(page: Page, tabs: Tabs, blocks: gr.Blocks, read_ahead: bool) -> None:
    """Connect every event of the page with its handler."""

    def do(handler: Callable[..., Any]) -> Any:
        return MethodType(handler, tabs)

    drawn = partial(_drawn, page)
    view, key, settings = page.view, page.key, page.settings
    message = view.message
    estimating: dict[str, Any] = {**QUIET, "trigger_mode": "always_last"}
    price = (do(handlers.price), [key, message, settings], page.cost)
    give_back: dict[str, Any] = {
        "js": "(text) => { qwenVlChat.giveBack(text); return [] }",
        **EACH,
    }

    def read_on(estimated: Any) -> None:
        """Read what is attached while the person is still typing."""
        if read_ahead:
            estimated.then(do(handlers.read_ahead), [key, settings], page.ready, **FOLLOWING)

    def priced(after: Any) -> None:
        """Say what the message would cost now, and read of it what is there."""
        read_on(after.then(*price, **estimating))

    def show(after: Any) -> None:
        """Follow the answer, then hand back what came to nothing, then say what is left costs."""
        # Gradio rebuilds a component's whole description with every update, also of one that is skipped:
        # what grows gets as few outputs as possible.
        followed = after.then(do(handlers.follow), key, [view.live, view.run_state], **FOLLOWING)
        settled = drawn(followed.then(do(handlers.settled), key, list(view), **EACH))
        settled.then(None, view.returned, None, **give_back)
        priced(settled)

    opened = blocks.load(
        do(handlers.open_page), [key, page.language, page.original], [key, page.name, page.banner, page.loading],
        js="() => qwenVlChat.open()", **QUIET,
    )  # fmt: skip
    opened.then(
        None, [key, page.name], None,
        js="(key, page) => { qwenVlChat.opened(key, page); return [] }", **QUIET,
    )  # fmt: skip
    show(drawn(opened.then(do(handlers.look), key, list(view), **QUIET)))
    blocks.unload(do(handlers.close_page))
    blocks.unload(MethodType(_drop_session, blocks))
    priced(_wire_language(page, tabs, blocks))

    accepted = message.submit(
        do(handlers.submit), [key, message, settings], [page.sent, *view], **QUIET
    )
    accepted.then(None, page.sent, None, js="(t) => { qwenVlChat.sent(t); return [] }", **QUIET)
    accepted.then(None, view.returned, None, **give_back)
    show(drawn(accepted))
    show(drawn(page.resume.click(do(handlers.look), key, list(view), **QUIET)))
    message.stop(do(handlers.stop), key, None, **QUIET)
    message.input(*price, **estimating)
    for button, again in (
        (view.retry, handlers.retry),
        (view.retry_penalised, handlers.retry_penalised),
    ):
        show(drawn(button.click(do(again), [key, settings], list(view), **QUIET)))
    undone = drawn(view.undo.click(do(handlers.undo), key, list(view), **QUIET))
    priced(undone.then(None, view.returned, None, **give_back))
    priced(drawn(view.clear.click(
        do(handlers.clear), key, list(view), js="(key) => qwenVlChat.startOver(key)", **QUIET
    )))  # fmt: skip
    view.copy.click(None, None, None, js="() => { qwenVlChat.copyLatest(); return [] }", **QUIET)
    _wire_editing(page, do, priced)
    saved = page.places.select(do(handlers.save_marked), key, [page.saved, view.notice], **QUIET)
    saved.then(
        None, page.saved, None, js="(url) => { qwenVlChat.download(url); return [] }", **QUIET
    )
    _wire_keeping(page, do, priced)
    _wire_comparing(page, do, priced)
    show(
        drawn(view.examples.select(do(handlers.ask_example), [key, settings], list(view), **QUIET))
    )

    attached = view.tray.upload(do(handlers.attach), key, view.tray, **EACH)
    priced(attached)
    drawn(attached.then(do(handlers.play_clips), key, view.log, **FOLLOWING))
    priced(view.tray.select(do(handlers.change_tray), key, view.tray, **EACH))
    looked = [page.inspector, view.tray]
    priced(page.inspector.select(do(inspect), [key, message, settings], looked, **EACH))
    watched = page.loading.tick(
        do(handlers.watch_loading), key, [page.banner, page.loading, view.run_state], **QUIET
    )
    sliders = [c for c in page.controls.components if isinstance(c, gr.Slider)]
    others = [c for c in page.controls.components if not isinstance(c, gr.Slider)]
    # A slider that is being dragged goes through many values that nobody wants read, and one whose field is
    # left with too large a number corrects itself afterwards.
    dragged, chosen = [c.change for c in sliders], [c.release for c in sliders]
    _gathered(partial(gr.on, dragged), page).then(*price, **estimating)
    priced(_gathered(partial(gr.on, [*chosen, *(c.input for c in others)]), page))
    priced(_wire_settings(page, do, watched, blocks))

    for event in blocks.fns.values():
        # At each update of any event Gradio's page copies the whole value of every component that ever was to
        # show progress, by default of every output: the conversation, at every piece of an answer.
        event.show_progress_on = []


def _drawn(page: Page, after: Any) -> Any:
    """Have the page put what is new of the conversation to what it has."""
    view = page.view
    after.then(
        None, [view.log, page.chatbot, view.live], [page.chatbot, view.live],
        js="(sent, messages, live) => qwenVlChat.draw(sent, messages, live)", **EACH,
    )  # fmt: skip
    return after


def _drop_session(blocks: gr.Blocks, request: gr.Request) -> None:
    """Gradio keeps a copy of the page, 0.2 MB, for every session, also when it has ended."""
    blocks.state_holder.session_data.pop(str(request.session_hash), None)


def _wire_editing(
    page: Page,
    do: Callable[[Callable[..., Any]], Any],
    priced: Callable[[Any], None],
) -> None:
    """Whatever starts or ends an edit replaces the text in the composer."""
    inputs, outputs = [page.key, page.view.message], [page.taken_up, *page.view]
    for event, handler in (
        (page.bridge.select, handlers.edit),
        (page.view.edit.click, handlers.edit_latest),
        (page.view.cancel_edit.click, handlers.cancel_edit),
    ):
        changed = _drawn(page, event(do(handler), inputs, outputs, **QUIET))
        priced(changed.then(
            None, page.taken_up, None,
            js="(text) => { qwenVlChat.replace(text); return [] }", **QUIET,
        ))  # fmt: skip


def _wire_keeping(
    page: Page,
    do: Callable[[Callable[..., Any]], Any],
    priced: Callable[[Any], None],
) -> None:
    """How an answer came about; and whole conversations, out of the page and in again."""
    view, key, replay = page.view, page.key, page.replay
    verdict, exported = gr.Textbox(visible=False), gr.Textbox(visible=False)
    view.reproduce.click(do(keeping.reproduce), key, replay, **QUIET)
    replay.select(do(keeping.reproduce_another), key, replay, **QUIET)
    replay.submit(do(keeping.verify), key, verdict, **FOLLOWING).then(
        None,
        verdict,
        None,
        js="(told) => { qwenVlChat.verdict(JSON.parse(told)); return [] }",
        **EACH,
    )
    view.export.click(do(keeping.export), key, [exported, view.notice], **QUIET).then(
        None, exported, None, js="(url) => { qwenVlChat.download(url); return [] }", **QUIET
    )
    controls = list(page.controls.components)
    restored = _drawn(page, replay.upload(do(keeping.restore), key, [*view, *controls], **QUIET))
    _drawn(page, restored.then(do(handlers.play_clips), key, view.log, **FOLLOWING))
    priced(_gathered(restored.then, page))


def _wire_comparing(
    page: Page,
    do: Callable[[Callable[..., Any]], Any],
    priced: Callable[[Any], None],
) -> None:
    """One message under two settings, beside the conversation."""
    key, form, compared = page.key, page.comparison, page.compared
    inputs = [key, page.language, page.settings]
    looked = form.select(do(comparing.look), inputs, [form, compared], **QUIET)
    asked = [key, page.view.message, page.settings]
    for event in (looked, form.submit(do(comparing.compare), asked, compared, **QUIET)):
        event.then(do(comparing.follow), key, compared, **FOLLOWING)
    form.stop(do(comparing.stop), key, None, **QUIET)
    take = "() => qwenVlChat.takenSettings()"
    taken = form.apply(None, None, list(page.controls.components), js=take, **QUIET)
    priced(_gathered(taken.then, page))


def _wire_settings(
    page: Page, do: Callable[[Callable[..., Any]], Any], watched: Any, blocks: gr.Blocks
) -> Any:
    """Keep the settings in the browser; the server sees them with each message only.

    watched: the event after which the checkpoint may be there, which says what they start with. Gives the event
    after which the defaults are back.
    """
    controls = list(page.controls.components)
    names = json.dumps([spec.name for spec in SETTING_SPECS])
    restore = f"(start) => qwenVlChat.keptSettings({names}, start.values)"
    loaded = blocks.load(None, page.start, controls, js=restore, **QUIET)
    for after in (_gathered(loaded.then, page), watched):
        told = after.then(do(handlers.start_settings), page.start, [page.start, *controls], **QUIET)
        started = told.then(
            None, [page.start, *controls], controls,
            js="(start, ...values) => qwenVlChat.startSettings(start.values, values)", **QUIET,
        )  # fmt: skip
        _gathered(started.then, page)
    defaults = "(start) => start.values"
    reset = page.reset.click(None, page.start, controls, js=defaults, **QUIET)
    return _gathered(reset.then, page)


def _gathered(event: Callable[..., Any], page: Page) -> Any:
    """At `event`, what the controls say becomes the settings."""
    gather = "(...values) => qwenVlChat.gatherSettings(values)"
    return event(None, list(page.controls.components), page.settings, js=gather, **QUIET)


def _wire_language(page: Page, tabs: Tabs, blocks: gr.Blocks) -> Any:
    """Gives the event after which the page is in the language that was chosen."""
    view = page.view
    labelled = [
        *page.controls.labelled, page.settings_title, page.settings_note, page.reset, page.language, page.log_out,
        page.chatbot, page.attach, page.sources, page.views, page.scripted, view.message, view.examples,
        view.copy, view.retry, view.retry_penalised, view.edit, view.undo, view.reproduce, view.export,
        view.clear, view.cancel_edit,
    ]  # fmt: skip

    def relabel(language: str) -> list[Any]:
        texts = texts_for(language)
        return [
            *page.controls.relabelled(texts),
            heading(texts),
            note(texts),
            gr.Button(texts.reset_settings),
            gr.Radio(label=texts.language),
            log_out_form(texts),
            gr.Chatbot(label=texts.conversation, placeholder=welcome(texts)),
            gr.UploadButton(texts.attach),
            composer.sources(texts),
            sides.views(texts),
            render.page_texts(texts),
            gr.Textbox(label=texts.message, placeholder=texts.placeholder),
            offered(texts),
            *(gr.Button(label) for label in (
                texts.copy, texts.retry, texts.retry_penalised, texts.edit, texts.undo, texts.reproduce,
                texts.export, texts.clear, texts.editing,
            )),
        ]  # fmt: skip

    # A page that opens in the language in which it was built changes nothing.
    page.language.change(relabel, page.language, labelled, trigger_mode="always_last", **QUIET)
    blocks.load(None, None, page.language, js="() => qwenVlChat.language()", **QUIET)
    keep = "(language) => { qwenVlChat.chooseLanguage(language); return [] }"
    shown = [page.banner, view.stats, view.notice, view.tray, view.live]
    return page.language.input(None, page.language, None, js=keep, **QUIET).then(
        MethodType(handlers.choose_language, tabs), [page.key, page.language], shown,
        trigger_mode="always_last", **QUIET,
    )  # fmt: skip
