"""What happens on the page when: events, the handlers that answer them, and the scripts in between."""

from __future__ import annotations

import json
from typing import Any

import gradio as gr

from model.settings import SETTING_SPECS
from ui.gradio_compat import bound, forget_session
from ui.handlers import comparison, export, marked_copy, settings
from ui.handlers.chat import editing, following, opening, sending
from ui.handlers.tray import attaching, pricing, read_ahead
from ui.handlers.tray.inspector import inspect
from ui.html.page_update import as_updates
from ui.page.elements import Page
from ui.page.events import EACH, FOLLOWING, LATEST, PRESS, QUIET, Events
from ui.page.languages import translations
from ui.state.registry import Tabs
from ui.text.languages import texts_for

PLAY_CLIPS = f"""(tray) => {{
  {PRESS}
  if (tray.includes('data-copying')) press('#play-clips');
  return [];
}}"""
# The message that would be sent now: a turn that is being rewritten goes before the draft.
WRITTEN = "(key, draft, settings) => [key, qwenVlChat.written(draft), settings]"
DOWNLOAD = "(url) => { qwenVlChat.download(url); return [] }"


def wire(page: Page, tabs: Tabs, blocks: gr.Blocks, read_ahead: bool) -> None:
    """Connect every event of the page with its handler."""
    events = Events(page, tabs, blocks, read_ahead)
    wire_opening(events)
    wire_language(events)
    wire_answering(events)
    wire_following(events)
    wire_changes(events)
    wire_editing(events)
    wire_saving_places(events)
    wire_keeping(events)
    wire_comparing(events)
    wire_tray(events)
    wire_pricing(events)
    wire_settings(events)


def wire_opening(events: Events) -> None:
    """A page opens, comes back after a lost connection, or is left."""
    page, blocks, do = events.page, events.blocks, events.do
    key, name, view = page.values.key, page.values.name, page.view
    opened = blocks.load(
        do(opening.open_page),
        [key, page.sidebar.language, page.values.original],
        [key, name, page.banner, page.loading],
        js="() => qwenVlChat.open()",
        **QUIET,
    )
    tell = "(key, page) => { qwenVlChat.opened(key, page); return [] }"
    opened.then(None, [key, name], None, js=tell, **QUIET)
    resumed = page.scripts.resume.click
    for event in (opened.then, resumed):
        events.updated(event(do(opening.look), key, list(view), **QUIET))
    blocks.unload(do(opening.close_page))
    blocks.unload(bound(_drop_session, blocks))


def _drop_session(blocks: gr.Blocks, request: gr.Request) -> None:
    forget_session(blocks, request.session_hash)


def wire_language(events: Events) -> None:
    """The page in the language that a person chooses."""
    page, sidebar, view = events.page, events.page.sidebar, events.page.view
    translated = translations(page)

    def relabel(language: str) -> list[Any]:
        texts = texts_for(language)
        return [update(texts) for _, update in translated]

    # A page that opens in the language in which it was built changes nothing.
    components = [component for component, _ in translated]
    sidebar.language.change(relabel, sidebar.language, components, **LATEST)
    events.blocks.load(None, None, sidebar.language, js="() => qwenVlChat.language()", **QUIET)
    keep = "(language) => { qwenVlChat.chooseLanguage(language); return [] }"
    kept = sidebar.language.input(None, sidebar.language, None, js=keep, **QUIET)
    shown = [page.banner, view.stats, view.notice, view.tray, view.live]
    inputs = [page.values.key, sidebar.language]
    chosen = kept.then(events.do(opening.choose_language), inputs, shown, **LATEST)
    events.priced(chosen.then)


def wire_answering(events: Events) -> None:
    """A message is sent, an answer tried again or stopped."""
    page, view, do = events.page, events.page.view, events.do
    key, settings = page.values.key, page.values.settings
    outputs = list(view)
    message = [key, view.message, settings]
    events.updated(view.message.submit(do(sending.submit), message, outputs, **QUIET))
    view.message.stop(do(sending.stop), key, None, **QUIET)
    for event, handler in (
        (view.retry.click, sending.retry),
        (view.retry_penalised.click, sending.retry_penalised),
        (view.examples.select, sending.ask_example),
    ):
        events.updated(event(do(handler), [key, settings], outputs, **QUIET))


def wire_following(events: Events) -> None:
    """An answer is followed as it grows, and what it has changed is shown when it ends."""
    page, view, do = events.page, events.page.view, events.do
    # Gradio rebuilds a component's whole description with every update, also of one that is skipped: what grows gets
    # as few outputs as possible, and the rest comes as one text that the browser takes apart.
    outputs = [view.live, view.run_state, page.values.ending]
    follow = do(following.follow)
    followed = page.scripts.follow.click(follow, page.values.key, outputs, **FOLLOWING)
    nothing = view._replace(**dict.fromkeys(view._fields, gr.skip()))._replace(
        log="", taken="", rewritten=None, returned=""
    )
    end = f"""(ending) => {{
      {PRESS}
      if (!ending) press('#settle');
      return JSON.parse(ending || {json.dumps(as_updates(nothing))});
    }}"""
    ended = followed.success(None, page.values.ending, list(view), js=end, **EACH)
    settled = page.scripts.settle.click(do(following.settled), page.values.key, list(view), **EACH)
    for event in (ended, settled):
        events.updated(event)


def wire_changes(events: Events) -> None:
    """The latest exchange is taken back, everything is cleared, an answer is copied."""
    view, key, do = events.page.view, events.page.values.key, events.do
    events.updated(view.undo.click(do(editing.undo), key, list(view), **QUIET))
    over = "(key) => qwenVlChat.startOver(key)"
    events.updated(view.clear.click(do(editing.clear), key, list(view), js=over, **QUIET))
    copy = "() => { qwenVlChat.copyLatest(); return [] }"
    view.copy.click(None, None, None, js=copy, **QUIET)


def wire_editing(events: Events) -> None:
    """An earlier message is rewritten in a box of its own, and sent from there."""
    page, view, do = events.page, events.page.view, events.do
    key, box = page.values.key, page.desk.edit_box
    for event, handler in (
        (page.scripts.bridge.select, editing.edit),
        (view.edit.click, editing.edit_latest),
        (box.cancel.click, editing.cancel_edit),
    ):
        events.updated(event(do(handler), key, list(view), **QUIET))
    rewritten = [key, box.text, page.values.settings]
    for event in (box.send.click, box.text.submit):
        events.updated(event(do(sending.submit_edit), rewritten, list(view), **QUIET))
    events.priced(box.text.input, read_ahead=False)


def wire_saving_places(events: Events) -> None:
    """An image is downloaded with what an answer points at."""
    values, places = events.page.values, events.page.scripts.places
    outputs = [values.saved, events.page.view.notice]
    saved = places.select(events.do(marked_copy.save_marked), values.key, outputs, **QUIET)
    saved.then(None, values.saved, None, js=DOWNLOAD, **QUIET)


def wire_keeping(events: Events) -> None:
    """How an answer came about; and whole conversations, out of the page and in again."""
    view, values, do = events.page.view, events.page.values, events.do
    key, replay = values.key, events.page.scripts.replay
    view.reproduce.click(do(export.reproduce), key, replay, **QUIET)
    replay.select(do(export.reproduce_another), key, replay, **QUIET)
    verified = replay.submit(do(export.verify), key, values.verdict, **FOLLOWING)
    tell = "(told) => { qwenVlChat.verdict(JSON.parse(told)); return [] }"
    verified.then(None, values.verdict, None, js=tell, **EACH)
    exported = view.export.click(do(export.export), key, [values.exported, view.notice], **QUIET)
    exported.then(None, values.exported, None, js=DOWNLOAD, **QUIET)
    outputs = [*view, *events.page.sidebar.controls.components]
    restored = events.drawn(replay.upload(do(export.restore), key, outputs, **QUIET))
    events.drawn(restored.then(do(following.play_clips), key, view.log, **FOLLOWING))
    events.priced(events.gathered(restored.then).then)


def wire_comparing(events: Events) -> None:
    """One message under two settings, beside the conversation."""
    page, values, do = events.page, events.page.values, events.do
    key, form, answers = values.key, page.comparison.form, page.comparison.answers
    inputs = [key, page.sidebar.language, values.settings]
    looked = form.select(do(comparison.look), inputs, [form, answers], **QUIET)
    message = [key, page.view.message, values.settings]
    compared = form.submit(do(comparison.compare), message, answers, js=WRITTEN, **QUIET)
    for event in (looked, compared):
        event.then(do(comparison.follow), key, answers, **FOLLOWING)
    form.stop(do(comparison.stop), key, None, **QUIET)
    take = "() => qwenVlChat.takenSettings()"
    controls = list(page.sidebar.controls.components)
    taken = form.apply(None, None, controls, js=take, **QUIET)
    events.priced(events.gathered(taken.then).then)


def wire_tray(events: Events) -> None:
    """Files are attached, looked at and taken out; the message is typed."""
    page, view, do = events.page, events.page.view, events.do
    key, settings = page.values.key, page.values.settings
    attached = view.tray.upload(do(attaching.attach), key, view.tray, **EACH)
    events.priced(attached.then)
    attached.then(None, view.tray, None, js=PLAY_CLIPS, **EACH)
    played = page.scripts.play_clips.click(do(following.play_clips), key, view.log, **FOLLOWING)
    events.drawn(played)
    changed = view.tray.select(do(attaching.change_tray), key, view.tray, **EACH)
    events.priced(changed.then)
    inspector = page.scripts.inspector
    inputs = [key, view.message, settings]
    inspected = inspector.select(do(inspect), inputs, [inspector, view.tray], js=WRITTEN, **EACH)
    events.priced(inspected.then)
    events.priced(view.message.input, read_ahead=False)


def wire_pricing(events: Events) -> None:
    """The price of the message, and reading ahead, when the page's scripts ask for them."""
    page, values, do = events.page, events.page.values, events.do
    price = do(pricing.price)
    inputs = [values.key, page.desk.message, values.settings]
    page.scripts.pricing.price(price, inputs, page.desk.cost, js=WRITTEN, **LATEST)
    priced = page.scripts.pricing.read(price, inputs, page.desk.cost, js=WRITTEN, **LATEST)
    if events.read_ahead:
        read, ready = do(read_ahead.read_ahead), page.scripts.ready
        priced.then(read, [values.key, values.settings], ready, **FOLLOWING)


def wire_settings(events: Events) -> None:
    """The settings are kept in the browser; the server sees them with each message only."""
    page, start, blocks = events.page, events.page.values.start, events.blocks
    controls = list(page.sidebar.controls.components)
    sliders = [c for c in controls if isinstance(c, gr.Slider)]
    others = [c for c in controls if not isinstance(c, gr.Slider)]
    # A slider that is being dragged goes through many values that nobody wants read, and one whose field is
    # left with too large a number corrects itself afterwards.
    dragged = events.gathered_on([c.change for c in sliders])
    events.priced(dragged.then, read_ahead=False)
    chosen = [*(c.release for c in sliders), *(c.input for c in others)]
    events.priced(events.gathered_on(chosen).then)
    closed = page.sidebar.controls.closed_at_first
    close = json.dumps([gr.update(open=False)] * len(closed))
    blocks.load(None, None, closed, js=f"() => {close}", **QUIET)
    names = json.dumps([spec.name for spec in SETTING_SPECS])
    restore = f"(start) => qwenVlChat.keptSettings({names}, start.values)"
    restored = events.gathered(blocks.load(None, start, controls, js=restore, **QUIET).then)
    wire_checkpoint_settings(events, restored)
    reset = page.sidebar.reset.click(None, start, controls, js="(start) => start.values", **QUIET)
    events.priced(events.gathered(reset.then).then)


def wire_checkpoint_settings(events: Events, restored: Any) -> None:
    """The settings take the defaults and bounds of the checkpoint, once it is there."""
    page, start = events.page, events.page.values.start
    controls = list(page.sidebar.controls.components)
    shown = [page.banner, page.loading, page.view.run_state]
    watch = events.do(opening.watch_loading)
    watched = page.loading.tick(watch, page.values.key, shown, **QUIET)
    keep = "(start, ...values) => qwenVlChat.startSettings(start.values, values)"
    for event in (restored, watched):
        told = event.then(events.do(settings.start_settings), start, [start, *controls], **QUIET)
        started = told.then(None, [start, *controls], controls, js=keep, **QUIET)
        events.gathered(started.then)
