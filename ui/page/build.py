"""The page: laid out, wired, and served. What a handler does is in `handlers`, not here."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import gradio as gr
from starlette.middleware import Middleware

from model.media.download import Downloads
from ui import ASSETS
from ui.gradio_compat import FRONT_END, front_end_folder, slow_the_queue
from ui.handlers.api import add_api
from ui.http import kept_files, scripts
from ui.http.access.body_limit import BodyLimit
from ui.http.access.log_in import LogIn
from ui.http.access.metrics_route import MetricsRoute
from ui.http.access.origin import Names, OwnSite
from ui.http.gate import functions
from ui.http.gate.gate import Gate
from ui.http.headers import WITH_A_SLASH, PageHeaders
from ui.http.health import Health
from ui.http.leaving import Leaving
from ui.http.metrics import CountedResponses
from ui.media.upload_limit import UploadLimit
from ui.page.layout import lay_out
from ui.page.styles import style_sheet
from ui.page.wiring import wire
from ui.state.answer_log import AnswerLog
from ui.state.fair_pool import FairPool
from ui.state.rate_limit import Rates
from ui.state.registry import Tabs
from ui.state.tab.checkpoints import Backends
from ui.text.english import ENGLISH

# That Gradio handles at once: some last as long as an answer or a clip, and of one address there are
# `gate.MAX_EVENTS_OF_ONE`.
MAX_EVENTS = 1000
GRADIO_OPTIONS: dict[str, Any] = {
    "max_threads": MAX_EVENTS,
    "ssr_mode": False,
    "run_history": False,
    "enable_monitoring": False,
    "footer_links": [],
    "state_session_capacity": 1000,
}


class ServedBlocks(gr.Blocks):  # type: ignore[misc]  # mypy does not read Gradio
    """Gradio's blocks, with the conversations that are open on the page."""

    tabs: Tabs


def build_page(
    backends: Backends,
    *,
    given: Mapping[str, object] | None = None,
    queue_size: int = 64,
    read_ahead: bool = True,
    requests_per_minute: int = 0,
    log_messages: bool = False,
    downloads: Downloads | None = None,
    keep_minutes: float = 60,
    max_uploads_gb: float = 20,
    log_ins: bool = False,
    demo: bool = False,
    history: bool = True,
    give_back: Callable[[], None] = lambda: None,
) -> ServedBlocks:
    """The page in front of a backend, or of several by name. Serve it with `launch`.

    given: settings by name that are defaults in place of the checkpoint's own; read_ahead: whether what is attached is read before it is sent; requests_per_minute: of one address, 0 for
    any number; log_messages: whether the log holds what was asked and answered; downloads: fetches what programs
    and people name by its address, None if nothing does; keep_minutes: of a conversation that has no page any more;
    max_uploads_gb: all attached files together; log_ins: whether people log in, and so can log out; demo: whether the
    bundled checkpoint answers, so that the page offers what it can do; history: whether browsers keep a list of chats; give_back: returns freed memory to
    the system, called from any thread.
    """
    tabs = Tabs(
        backends,
        queue_size=queue_size,
        given=given,
        rates=Rates(requests_per_minute),
        answer_log=AnswerLog(log_messages),
        downloads=downloads,
        kept_s=60 * keep_minutes,
        most_bytes=max_uploads_gb * 2**30,
        give_back=give_back,
    )
    blocks = ServedBlocks(title=ENGLISH.title, fill_width=True, analytics_enabled=False)
    with blocks:
        page = lay_out(tabs.defaults_of(tabs.backend), log_ins, demo, history)
        wire(page, tabs, blocks, read_ahead=read_ahead, demo=demo)
        add_api(tabs, blocks)
    blocks.queue(api_open=False, max_size=max(queue_size, 1) * 8)
    slow_the_queue(blocks)
    blocks.tabs = tabs
    return blocks


def launch_options(
    blocks: ServedBlocks,
    *,
    max_file_mb: int = 200,
    allow_hosts: Sequence[str] = (),
    at: Sequence[str] = (),
    metrics: bool = False,
    logins: Sequence[tuple[str, str]] | None = None,
) -> dict[str, Any]:
    """What `blocks.launch` needs for this page, to be merged with where it is to listen.

    allow_hosts: the only names that the page goes by, if there are any; at: where it is said to be, by name perhaps.
    metrics: whether /metrics shows figures, to whom `logins` let in if there are any.
    """
    max_file_bytes = max_file_mb * 2**20
    blocks.tabs.background.quota.max_file_bytes = max_file_bytes
    headers = Middleware(
        PageHeaders,
        head=WITH_A_SLASH + scripts.tags(max_file_bytes, blocks.tabs.downloads is not None),
        page_requested=blocks.tabs.pending_pages.requested,
    )
    metrics_route = Middleware(MetricsRoute, metrics=blocks.tabs.metrics, logins=logins)
    names = Names((*allow_hosts, *at), lambda: blocks.share_url)
    return {
        **_appearance(),
        "app_kwargs": {
            "middleware": [
                Middleware(Health, status=blocks.tabs.status),
                Middleware(CountedResponses, metrics=blocks.tabs.metrics),
                headers,
                Middleware(OwnSite, names=names, strict=bool(allow_hosts)),
                Middleware(BodyLimit),
                *([metrics_route] if metrics else []),
                Middleware(LogIn),
                *_in_front_of_gradio(blocks),
            ],
            "routes": [
                kept_files.route(f"/{scripts.address()}", scripts.FOLDER),
                kept_files.route(FRONT_END, front_end_folder()),
            ],
        },
        "max_file_size": max_file_bytes,
        **GRADIO_OPTIONS,
    }


def _in_front_of_gradio(blocks: ServedBlocks) -> list[Middleware]:
    """The middleware that knows Gradio's routes and functions, from the outside to the inside."""
    return [
        Middleware(Leaving, left=blocks.tabs.page_left),
        Middleware(UploadLimit, quota=blocks.tabs.background.quota),
        Middleware(
            Gate,
            inputs=functions.inputs_of(blocks),
            uploaded=blocks.tabs.uploaded,
            queued=functions.queued_in(blocks),
            is_known=functions.known_in(blocks),
            events_of=functions.events_in(blocks),
            # One at a time, so that the event loop has its turn between two.
            in_thread=FairPool(1).run,
        ),
    ]


def _appearance() -> dict[str, Any]:
    return {
        "theme": _theme(),
        "css": style_sheet(),
        "favicon_path": str(ASSETS / "favicon.svg"),
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
