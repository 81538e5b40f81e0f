"""Connects the events of the page with handlers and scripts: one `wire_*` for each feature."""

from __future__ import annotations

import json
from typing import Any

import gradio as gr

from model.settings import SETTING_SPECS
from ui.gradio_compat import bound, forget_session
from ui.handlers import comparison, export, marked_copy
from ui.handlers.chat import continuing, editing, following, opening, sending
from ui.handlers.tray import attaching, pricing, read_ahead
from ui.handlers.tray.inspector import inspect
from ui.html.page_update import as_updates
from ui.page.chats import wire_chats
from ui.page.checkpoint import model_of, wire_checkpoint, wire_start_settings
from ui.page.controls import DETAIL
from ui.page.elements import Page
from ui.page.events import PRESS, STREAMED_EVERY, UNQUEUED, UNQUEUED_EVERY, UNQUEUED_LATEST, Events
from ui.page.languages import translations
from ui.state.registry import Tabs
from ui.text.languages import texts_for

PLAY_CLIPS = f"""(tray) => {{
  {PRESS}
  if (tray.includes('data-copying')) press('#play-clips');
  return [];
}}"""
# The inputs with the message that would be sent now: that of the edit box, if it is open.
WRITTEN = "(key, draft, settings) => [key, qwenVlChat.written(draft), settings]"
# With what the page shows, which another server does not know.
HOLDING = "(key, draft, settings) => [key, draft, settings, qwenVlChat.held()]"
DOWNLOAD = "(url) => { qwenVlChat.download(url); return [] }"


def wire(page: Page, tabs: Tabs, blocks: gr.Blocks, *, read_ahead: bool, demo: bool) -> None:
    """Connect every event of the page with its handler."""
    events = Events(page, tabs, blocks, read_ahead, demo)
    opened = wire_opening(events)
    wire_checkpoint(events, opened)
    wire_language(events)
    wire_answering(events)
    wire_following(events)
    wire_changes(events)
    wire_editing(events)
    wire_saving_places(events)
    wire_keeping(events)
    wire_chats(events)
    wire_comparing(events)
    wire_tray(events)
    wire_pricing(events)
    wire_settings(events)
    wire_detail(events)


def wire_opening(events: Events) -> Any:
    """A page opens, comes back after a lost connection, or is left. Returns the event of opening."""
    page, blocks, bind = events.page, events.blocks, events.bind
    key, name, view = page.values.key, page.values.name, page.view
    opened = blocks.load(
        bind(opening.open_page),
        [key, page.sidebar.language, page.values.original, page.values.held],
        [key, name, page.values.owner, *model_of(page), *view],
        js="() => qwenVlChat.open()",
        **UNQUEUED,
    )
    tell = "(key, page, owner) => { qwenVlChat.acknowledge(key, page, owner); return [] }"
    opened.then(None, [key, name, page.values.owner], None, js=tell, **UNQUEUED)
    back = page.scripts.resume.click(bind(opening.reattach_page), key, list(view), **UNQUEUED)
    for event in (opened, back):
        events.update_after(event)
    blocks.unload(bind(opening.close_page))
    blocks.unload(bound(_drop_session, blocks))
    return opened


def _drop_session(blocks: gr.Blocks, request: gr.Request) -> None:
    forget_session(blocks, request.session_hash)


def wire_language(events: Events) -> None:
    """The page in the language that a person chooses."""
    page, sidebar, view = events.page, events.page.sidebar, events.page.view
    translated = translations(page, events.demo)

    def relabel(language: str) -> list[Any]:
        texts = texts_for(language)
        return [update(texts) for _, update in translated]

    # A page that opens in the language in which it was built changes nothing.
    components = [component for component, _ in translated]
    sidebar.language.change(relabel, sidebar.language, components, **UNQUEUED_LATEST)
    events.blocks.load(None, None, sidebar.language, js="() => qwenVlChat.language()", **UNQUEUED)
    keep = "(language) => { qwenVlChat.chooseLanguage(language); return [] }"
    kept = sidebar.language.input(None, sidebar.language, None, js=keep, **UNQUEUED)
    shown = [page.bar.checkpoint, page.bar.banner, view.stats, view.notice, view.tray, view.live]
    inputs = [page.values.key, sidebar.language]
    chosen = kept.then(events.bind(opening.choose_language), inputs, shown, **UNQUEUED_LATEST)
    events.price_after(chosen.then)


def wire_answering(events: Events) -> None:
    """A message is sent, an answer tried again or stopped."""
    page, view, bind = events.page, events.page.view, events.bind
    key, settings = page.values.key, page.values.settings
    outputs = list(view)
    message = [key, view.message, settings, page.values.held]
    submitted = view.message.submit(bind(sending.submit), message, outputs, js=HOLDING, **UNQUEUED)
    events.update_after(submitted)
    view.message.stop(bind(sending.stop), key, None, **UNQUEUED)
    for event, handler in (
        (view.continue_answer.click, continuing.continue_answer),
        (view.retry.click, sending.retry),
        (view.retry_penalised.click, sending.retry_penalised),
        (view.examples.ask, sending.ask_example),
    ):
        events.update_after(event(bind(handler), [key, settings], outputs, **UNQUEUED))


def wire_following(events: Events) -> None:
    """An answer is followed as it grows, and what it has changed is shown when it ends."""
    page, view, bind = events.page, events.page.view, events.bind
    # Gradio serialises every output at every update, also a skipped one. So the stream has three outputs, and at its end
    # one of them is a JSON text with the updates of all elements.
    outputs = [view.live, view.run_state, page.values.ending]
    follow = bind(following.follow)
    followed = page.scripts.follow.click(follow, page.values.key, outputs, **STREAMED_EVERY)
    nothing = view._replace(**dict.fromkeys(view._fields, gr.skip()))._replace(
        conversation="", taken="", rewritten=None, returned=""
    )
    end = f"""(ending) => {{
      {PRESS}
      if (!ending) press('#settle');
      return JSON.parse(ending || {json.dumps(as_updates(nothing))});
    }}"""
    ended = followed.success(None, page.values.ending, list(view), js=end, **UNQUEUED_EVERY)
    settled = page.scripts.settle.click(
        bind(following.final_update), page.values.key, list(view), **UNQUEUED_EVERY
    )
    for event in (ended, settled):
        events.update_after(event)


def wire_changes(events: Events) -> None:
    """The latest exchange is taken back, everything is cleared, an answer is copied."""
    view, key, bind = events.page.view, events.page.values.key, events.bind
    events.update_after(view.undo.click(bind(editing.undo), key, list(view), **UNQUEUED))
    over = "(key) => qwenVlChat.startOver(key)"
    events.update_after(view.clear.click(bind(editing.clear), key, list(view), js=over, **UNQUEUED))
    undone = events.page.scripts.turns.undo_clear(
        bind(editing.undo_clear), key, list(view), **UNQUEUED
    )
    events.update_after(undone)
    copy = "() => { qwenVlChat.copyLatest(); return [] }"
    view.copy.click(None, None, None, js=copy, **UNQUEUED)


def wire_editing(events: Events) -> None:
    """An earlier message is rewritten in a box of its own, and sent from there."""
    page, view, bind = events.page, events.page.view, events.bind
    key, box = page.values.key, page.desk.edit_box
    for event, handler in (
        (page.scripts.turns.edit, editing.edit),
        (view.edit.click, editing.edit_latest),
        (view.edit_answer.click, continuing.edit_answer),
        (box.cancel.click, editing.cancel_edit),
    ):
        events.update_after(event(bind(handler), key, list(view), **UNQUEUED))
    rewritten = [key, box.text, page.values.settings]
    for event in (box.send.click, box.text.submit):
        events.update_after(event(bind(sending.submit_edit), rewritten, list(view), **UNQUEUED))


def wire_saving_places(events: Events) -> None:
    """An image is downloaded with what an answer points at."""
    values, places = events.page.values, events.page.scripts.places
    outputs = [values.saved, events.page.view.notice]
    saved = places.save(events.bind(marked_copy.save_marked), values.key, outputs, **UNQUEUED)
    saved.then(None, values.saved, None, js=DOWNLOAD, **UNQUEUED)


def wire_keeping(events: Events) -> None:
    """How an answer came about; and whole conversations, out of the page and in again."""
    view, values, bind = events.page.view, events.page.values, events.bind
    key, reproduction = values.key, events.page.scripts.reproduction
    view.reproduce.click(bind(export.reproduce), key, reproduction, **UNQUEUED)
    reproduction.choose(bind(export.reproduce_another), key, reproduction, **UNQUEUED)
    verified = reproduction.verify(bind(export.verify), key, values.verdict, **STREAMED_EVERY)
    tell = "(told) => { qwenVlChat.verdict(JSON.parse(told)); return [] }"
    verified.then(None, values.verdict, None, js=tell, **UNQUEUED_EVERY)
    exported = view.export.click(
        bind(export.export), key, [values.exported, view.notice], **UNQUEUED
    )
    exported.then(None, values.exported, None, js=DOWNLOAD, **UNQUEUED)
    outputs = [*view, *events.page.sidebar.controls.components]
    events.restore_after(reproduction.restore(bind(export.restore), key, outputs, **UNQUEUED))


def wire_comparing(events: Events) -> None:
    """One message under two settings, beside the conversation."""
    page, values, bind = events.page, events.page.values, events.bind
    key, form, answers = values.key, page.comparison.form, page.comparison.answers
    inputs = [key, page.sidebar.language, values.settings]
    looked = form.show(bind(comparison.show_comparison), inputs, [form, answers], **UNQUEUED)
    message = [key, page.view.message, values.settings]
    compared = form.compare(bind(comparison.compare), message, answers, js=WRITTEN, **UNQUEUED)
    for event in (looked, compared):
        event.then(bind(comparison.follow), key, answers, **STREAMED_EVERY)
    form.stop(bind(comparison.stop), key, None, **UNQUEUED)
    take = "() => qwenVlChat.takenSettings()"
    controls = list(page.sidebar.controls.components)
    taken = form.take(None, None, controls, js=take, **UNQUEUED)
    events.price_after(events.gather_at(taken.then).then)


def wire_tray(events: Events) -> None:
    """Files are attached, looked at and taken out."""
    page, view, bind = events.page, events.page.view, events.bind
    key, settings = page.values.key, page.values.settings
    attached = view.tray.attach(bind(attaching.attach), key, view.tray, **UNQUEUED_EVERY)
    events.price_after(attached.then)
    attached.then(None, view.tray, None, js=PLAY_CLIPS, **UNQUEUED_EVERY)
    played = page.scripts.play_clips.click(
        bind(following.play_clips), key, view.conversation, **STREAMED_EVERY
    )
    events.draw_after(played)
    changed = view.tray.change_tray(bind(attaching.change_tray), key, view.tray, **UNQUEUED_EVERY)
    events.price_after(changed.then)
    inspector = page.scripts.inspector
    inputs = [key, view.message, settings]
    inspected = inspector.inspect(
        bind(inspect), inputs, [inspector, view.tray], js=WRITTEN, **UNQUEUED_EVERY
    )
    events.price_after(inspected.then)


def wire_pricing(events: Events) -> None:
    """The price of the message, and reading ahead, when the page's scripts ask for them."""
    page, values, bind = events.page, events.page.values, events.bind
    price = bind(pricing.price)
    inputs = [values.key, page.desk.message, values.settings]
    page.scripts.pricing.price(price, inputs, page.desk.cost, js=WRITTEN, **UNQUEUED_LATEST)
    priced = page.scripts.pricing.read(price, inputs, page.desk.cost, js=WRITTEN, **UNQUEUED_LATEST)
    if events.read_ahead:
        read, read_items = bind(read_ahead.read_ahead), page.scripts.read_items
        priced.then(read, [values.key, values.settings], read_items, **STREAMED_EVERY)


def wire_settings(events: Events) -> None:
    """The settings are kept in the browser; the server sees them with each message only."""
    page, start, blocks = events.page, events.page.values.start, events.blocks
    controls = list(page.sidebar.controls.components)
    sliders = [c for c in controls if isinstance(c, gr.Slider)]
    others = [c for c in controls if not isinstance(c, gr.Slider)]
    # Not read ahead: a dragged slider goes through many values, and a field with too large a number corrects itself later.
    dragged = events.gather_on([c.change for c in sliders])
    events.price_after(dragged.then, read_ahead=False)
    chosen = [*(c.release for c in sliders), *(c.input for c in others)]
    events.price_after(events.gather_on(chosen).then)
    closed = list(page.sidebar.controls.headings.values())
    close = json.dumps([gr.update(open=False)] * len(closed))
    blocks.load(None, None, closed, js=f"() => {close}", **UNQUEUED)
    names = json.dumps([spec.name for spec in SETTING_SPECS])
    restore = f"(start) => qwenVlChat.keptSettings({names}, start.values)"
    restored = events.gather_at(blocks.load(None, start, controls, js=restore, **UNQUEUED).then)
    wire_start_settings(events, restored)
    reset = page.sidebar.reset.click(
        None, start, controls, js="(start) => start.values", **UNQUEUED
    )
    events.price_after(events.gather_at(reset.then).then)


def wire_detail(events: Events) -> None:
    """A level of detail sets the largest size of a picture, and shows which level that is."""
    controls, start = events.page.sidebar.controls, events.page.values.start
    detail, most = controls.detail, controls.of("max_tokens")
    bound, levels = "start.bounds.max_tokens?.[1]", json.dumps(DETAIL)
    chosen = f"(level, start) => qwenVlChat.tokensOf(level, {levels}, {bound})"
    tokens = detail.input(None, [detail, start], most, js=chosen, **UNQUEUED)
    events.price_after(events.gather_at(tokens.then).then)
    shown = f"(most, start) => qwenVlChat.levelOf(most, {levels}, {bound})"
    most.change(None, [most, start], detail, js=shown, **UNQUEUED_LATEST)
