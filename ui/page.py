"""The page: first its layout, then its wiring. What a handler does is in `handlers`, not here."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import MethodType
from typing import Any

import gradio as gr
from starlette.middleware import Middleware

from model.backend import Backend
from model.download import Downloads
from model.settings import TUNABLES, GenerationSettings, VisionSettings
from ui import comparing, composer, gate, handlers, keeping, render, sides
from ui.api import add_api
from ui.controls import Controls, build_controls, defaults
from ui.examples import offered
from ui.inspecting import inspect
from ui.journal import Journal
from ui.rates import Rates
from ui.storage import UploadLimit
from ui.tabs import Tabs
from ui.texts import ENGLISH, LANGUAGES, Texts, texts_for
from ui.view import View
from ui.web import PageHeaders

ASSETS = Path(__file__).parent.parent / "assets"
SCRIPTS = (
    "page.js",
    "turns.js",
    "pictures.js",
    "region.js",
    "places.js",
    "seek.js",
    "return.js",
)  # on the page from the beginning
LATEX = [
    {"left": "$$", "right": "$$", "display": True},
    {"left": "\\[", "right": "\\]", "display": True},
    {"left": "\\(", "right": "\\)", "display": False},
]
BRIDGE = "qwenVlChat.tell = (data) => trigger('select', data)"  # from a script to the server
SAVING = "qwenVlChat.savePlaces = (data) => trigger('select', data)"
QUIET: dict[str, Any] = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
FOLLOWING: dict[str, Any] = {
    "concurrency_limit": None,
    "show_progress": "hidden",
    "api_visibility": "private",
}


@dataclass(frozen=True)
class Page:
    """The elements of the page that are wired."""

    key: gr.Textbox
    language: gr.Radio
    banner: gr.HTML
    controls: Controls
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


def build_page(
    backend: Backend,
    *,
    vision: VisionSettings | None = None,
    generation: GenerationSettings | None = None,
    queue_size: int = 64,
    read_ahead: bool = True,
    requests_per_minute: int = 0,
    log_messages: bool = False,
    downloads: Downloads | None = None,
) -> gr.Blocks:
    """The page in front of `backend`, with these settings as its defaults. Serve it with `launch`.

    read_ahead: whether what is attached is read before it is sent; requests_per_minute: of one address, 0 for
    any number; log_messages: whether the log holds what was asked and answered; downloads: fetches what programs
    name by its address, None if nothing does.
    """
    vision, generation = vision or VisionSettings(), generation or GenerationSettings()
    default = defaults(vision, generation)
    tabs = Tabs(
        backend,
        queue_size=queue_size,
        defaults=default,
        rates=Rates(requests_per_minute),
        journal=Journal(log_messages),
        downloads=downloads,
    )
    with gr.Blocks(title=ENGLISH.title, analytics_enabled=False) as blocks:
        page = _lay_out(vision, generation)
        _wire(page, tabs, default, blocks, read_ahead)
        add_api(tabs)
    blocks.queue(api_open=False, max_size=max(queue_size, 1) * 8)
    blocks.tabs = tabs
    return blocks


def launch_options(
    blocks: gr.Blocks, *, max_file_mb: int = 200, max_uploads_gb: float = 20
) -> dict[str, Any]:
    """What `blocks.launch` needs for this page, to be merged with where it is to listen."""
    script = "\n".join(map(_script, SCRIPTS))
    headers = Middleware(PageHeaders, script=script, page_requested=blocks.tabs.page_requested)
    uploads = Middleware(UploadLimit, most_bytes=max_uploads_gb * 2**30)
    in_front = Middleware(
        gate.Gate, inputs=gate.inputs_of(blocks), uploaded=blocks.tabs.uploads.arrived
    )
    return {
        "theme": _theme(),
        "css": (ASSETS / "style.css").read_text(encoding="utf-8"),
        "head": f"<script>{script}</script>",
        "favicon_path": str(ASSETS / "favicon.svg"),
        "app_kwargs": {"middleware": [headers, uploads, in_front]},
        "max_file_size": max_file_mb * 2**20,
        "ssr_mode": False,
        "run_history": False,
        "enable_monitoring": False,
        "footer_links": [],
        "state_session_capacity": 1000,
    }


def _theme() -> gr.themes.Base:
    # A generic font, because Gradio's own would be fetched; the style sheet names the system's.
    return gr.themes.Base(
        primary_hue="indigo",
        neutral_hue="zinc",
        font="sans-serif",
        font_mono="monospace",
        radius_size="md",
    )


def _lay_out(vision: VisionSettings, generation: GenerationSettings) -> Page:
    texts = ENGLISH
    with gr.Sidebar(open=False, width=320, elem_id="settings"):
        settings_title = gr.HTML(_heading(texts))
        controls = build_controls(vision, generation, texts)
        settings_note = gr.HTML(_note(texts))
        reset = gr.Button(texts.reset_settings, elem_id="reset-settings", size="sm")
        language = gr.Radio(
            [(name, key) for key, (name, _) in LANGUAGES.items()],
            value="en",
            label=texts.language,
            elem_id="language",
            interactive=True,
        )
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
                latex_delimiters=LATEX,
                layout="panel",
                placeholder=_welcome(texts),
            )
            examples = gr.HTML(
                offered(texts), elem_id="examples", js_on_load=_script("examples.js")
            )
            live = gr.Markdown(
                elem_id="live", latex_delimiters=LATEX, line_breaks=True, container=False
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
            comparison = gr.HTML(elem_id="comparison-form", js_on_load=_script("compare.js"))
            compared = gr.HTML(elem_id="compared", js_on_load=None)
        with gr.Column(elem_id="desk"):
            notice = gr.HTML(elem_id="notice")
            cancel_edit = gr.Button(texts.editing, elem_id="cancel-edit", size="sm", visible=False)
            with gr.Group(elem_id="composer"):
                tray = gr.HTML(elem_id="tray", js_on_load=_script("tray.js"))
                attach = gr.UploadButton(
                    texts.attach, file_count="multiple", elem_id="attach", size="sm"
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
    answers = gr.Textbox(elem_id="answers", visible="hidden")
    scripted = gr.HTML(
        render.page_texts(texts), elem_id="page-texts", visible="hidden", js_on_load=None
    )
    replay = gr.HTML(elem_id="replay", js_on_load=_script("replay.js"))
    bridge = gr.HTML(elem_id="bridge", visible="hidden", js_on_load=BRIDGE)
    inspector = gr.HTML(elem_id="inspector", visible="hidden", js_on_load=_script("inspector.js"))
    resume = gr.Button(elem_id="resume", visible="hidden")
    places = gr.HTML(elem_id="places", visible="hidden", js_on_load=SAVING)
    key, sent, taken_up, saved, returned = [gr.Textbox(visible=False) for _ in range(5)]
    view = View(
        chatbot, live, stats, answers, run_state, notice, message, places, tray, returned,
        examples, copy, retry, retry_penalised, edit, undo, reproduce, export, clear,
        cancel_edit,
    )  # fmt: skip
    return Page(
        key, language, banner, controls, settings_title, settings_note, reset, attach, sources,
        cost, ready, scripted, replay, bridge, inspector, views, comparison, compared, resume,
        sent, taken_up, saved, view, gr.Timer(1.0, active=False),
    )  # fmt: skip


def _heading(texts: Texts) -> str:
    return f"<h2>{texts.settings_title}</h2>"


def _note(texts: Texts) -> str:
    return f"<p>{texts.settings_note}</p>"


def _welcome(texts: Texts) -> str:
    return f"<h1>{texts.empty}</h1>"


def _script(name: str) -> str:
    return (ASSETS / name).read_text(encoding="utf-8")


def _wire(
    page: Page, tabs: Tabs, default: dict[str, Any], blocks: gr.Blocks, read_ahead: bool
) -> None:
    def do(handler: Callable[..., Any]) -> Any:
        return MethodType(handler, tabs)

    view, key, controls = page.view, page.key, list(page.controls.components)
    message = view.message
    estimating: dict[str, Any] = {**QUIET, "trigger_mode": "always_last"}
    price = (do(handlers.price), [key, message, *controls], page.cost)
    give_back: dict[str, Any] = {
        "js": "(text) => { qwenVlChat.giveBack(text); return [] }",
        **QUIET,
    }

    def read_on(estimated: Any) -> None:
        """Read what is attached while the person is still typing."""
        if read_ahead:
            estimated.then(
                do(handlers.read_ahead), [key, *controls], page.ready,
                trigger_mode="multiple", **FOLLOWING,
            )  # fmt: skip

    def priced(after: Any) -> None:
        """Say what the message would cost now, and read of it what is there."""
        read_on(after.then(*price, **estimating))

    def show(after: Any) -> None:
        """Follow the answer, then hand back what came to nothing, then say what is left costs."""
        # Gradio rebuilds a component's whole description with every update, also of one that is skipped:
        # what grows gets as few outputs as possible.
        followed = after.then(do(handlers.follow), key, [view.live, view.run_state], **FOLLOWING)
        settled = followed.then(do(handlers.settled), key, list(view), **QUIET)
        settled.then(None, view.returned, None, **give_back)
        priced(settled)

    opened = blocks.load(
        do(handlers.open_page), [key, page.language], [key, page.banner, page.loading],
        js="() => qwenVlChat.open()", **QUIET,
    )  # fmt: skip
    show(opened.then(do(handlers.look), key, list(view), **QUIET))
    blocks.unload(do(handlers.close_page))
    _wire_settings(page, default, blocks)
    _wire_language(page, tabs, blocks)

    accepted = message.submit(
        do(handlers.submit), [key, message, *controls], [page.sent, *view], **QUIET
    )
    accepted.then(None, page.sent, None, js="(t) => { qwenVlChat.sent(t); return [] }", **QUIET)
    accepted.then(None, view.returned, None, **give_back)
    show(accepted)
    show(page.resume.click(do(handlers.look), key, list(view), **QUIET))
    message.stop(do(handlers.stop), key, None, **QUIET)
    message.input(*price, **estimating)
    for button, again in (
        (view.retry, handlers.retry),
        (view.retry_penalised, handlers.retry_penalised),
    ):
        show(button.click(do(again), [key, *controls], list(view), **QUIET))
    undone = view.undo.click(do(handlers.undo), key, list(view), **QUIET)
    priced(undone.then(None, view.returned, None, **give_back))
    priced(view.clear.click(do(handlers.clear), key, list(view), **QUIET))
    view.copy.click(None, None, None, js="() => { qwenVlChat.copyLatest(); return [] }", **QUIET)
    _wire_editing(page, do, priced)
    saved = view.places.select(do(handlers.save_marked), key, [page.saved, view.notice], **QUIET)
    saved.then(
        None, page.saved, None, js="(url) => { qwenVlChat.download(url); return [] }", **QUIET
    )
    _wire_keeping(page, do, priced)
    _wire_comparing(page, do, priced)
    show(view.examples.select(do(handlers.ask_example), [key, *controls], list(view), **QUIET))

    many: dict[str, Any] = {**QUIET, "trigger_mode": "multiple"}
    attached = view.tray.upload(do(handlers.attach), key, view.tray, **many)
    priced(attached)
    attached.then(do(handlers.play_clips), key, view.chatbot, trigger_mode="multiple", **FOLLOWING)
    priced(view.tray.select(do(handlers.change_tray), key, view.tray, **many))
    looked = [page.inspector, view.tray]
    priced(page.inspector.select(do(inspect), [key, message, *controls], looked, **many))
    page.loading.tick(
        do(handlers.watch_loading), key, [page.banner, page.loading, view.run_state], **QUIET
    )
    for control in controls:
        release = getattr(control, "release", None)
        estimated = control.input(*price, **estimating)
        # A slider that is being dragged goes through many values that nobody wants.
        read_on(release(*price, **estimating) if release else estimated)


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
        changed = event(do(handler), inputs, outputs, **QUIET)
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
        None, verdict, None, js="(said) => { qwenVlChat.verdict(said); return [] }", **QUIET
    )
    view.export.click(do(keeping.export), key, [exported, view.notice], **QUIET).then(
        None, exported, None, js="(url) => { qwenVlChat.download(url); return [] }", **QUIET
    )
    controls = list(page.controls.components)
    restored = replay.upload(do(keeping.restore), key, [*view, *controls], **QUIET)
    restored.then(do(handlers.play_clips), key, view.chatbot, **FOLLOWING)
    priced(restored)


def _wire_comparing(
    page: Page,
    do: Callable[[Callable[..., Any]], Any],
    priced: Callable[[Any], None],
) -> None:
    """One message under two settings, beside the conversation."""
    key, form, compared = page.key, page.comparison, page.compared
    controls = list(page.controls.components)
    names = json.dumps([tunable.name for tunable in TUNABLES])
    inputs = [key, page.language, *controls]
    looked = form.select(do(comparing.look), inputs, [form, compared], **QUIET)
    asked = [key, page.view.message, *controls]
    for event in (looked, form.submit(do(comparing.compare), asked, compared, **QUIET)):
        event.then(do(comparing.follow), key, compared, **FOLLOWING)
    form.stop(do(comparing.stop), key, None, **QUIET)
    take = f"(...values) => qwenVlChat.takenSettings({names}, values)"
    priced(form.apply(None, controls, controls, js=take, **QUIET))


def _wire_settings(page: Page, default: dict[str, Any], blocks: gr.Blocks) -> None:
    """Keep the settings in the browser; the server sees them with each message only."""
    controls = list(page.controls.components)
    known = json.dumps([t.name for t in TUNABLES]), json.dumps([default[t.name] for t in TUNABLES])
    names_and_defaults = ", ".join(known)
    keep = f"(...values) => {{ qwenVlChat.keepSettings({names_and_defaults}, values); return [] }}"
    restore = f"() => qwenVlChat.keptSettings({names_and_defaults})"
    blocks.load(None, None, controls, js=restore, **QUIET)
    for control in controls:
        control.change(None, controls, None, js=keep, **QUIET)
    page.reset.click(None, None, controls, js=f"() => {known[1]}", **QUIET)


def _wire_language(page: Page, tabs: Tabs, blocks: gr.Blocks) -> None:
    view = page.view
    labelled = [
        *page.controls.labelled, page.settings_title, page.settings_note, page.reset, page.language,
        view.chatbot, page.attach, page.sources, page.views, page.scripted, view.message, view.examples,
        view.copy, view.retry, view.retry_penalised, view.edit, view.undo, view.reproduce, view.export,
        view.clear, view.cancel_edit,
    ]  # fmt: skip

    def relabel(language: str) -> list[Any]:
        texts = texts_for(language)
        return [
            *page.controls.relabelled(texts),
            _heading(texts),
            _note(texts),
            gr.Button(texts.reset_settings),
            gr.Radio(label=texts.language),
            gr.Chatbot(label=texts.conversation, placeholder=_welcome(texts)),
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

    chosen = page.language.input(
        relabel, page.language, labelled,
        js="(language) => qwenVlChat.chooseLanguage(language)", **QUIET,
    )  # fmt: skip
    shown = [page.banner, view.stats, view.notice, view.tray, view.live]
    chosen.then(
        MethodType(handlers.choose_language, tabs), [page.key, page.language], shown, **QUIET
    )
    blocks.load(None, None, page.language, js="() => qwenVlChat.language()", **QUIET).then(
        relabel, page.language, labelled, **QUIET
    )
