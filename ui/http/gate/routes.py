"""The routes that are open, and what of a request to one of them Gradio does not see."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from starlette.requests import Request
from starlette.types import Scope

# What `api` adds, with the names of what it takes.
ENDPOINTS: Mapping[str, Sequence[str]] = {
    "chat": ("message", "settings"),
    "estimate": ("message", "settings"),
    "reset": (),
}
_NAMES = "|".join(ENDPOINTS)

# Not here, and therefore not found: `/file=http...` and `/proxy=` (fetch for whoever asks), `/file/` (the
# same under an old name), `/component_server` (calls methods of components), `/run/<name>` and `/api/<name>`
# (past the queue), `/stream/` (replaces another event's data, and
# needs no log-in), `/reset` (does nothing), `/queue/status`, `/upload_progress` and `/process_recording`
# (of components that the page does not have), `/deep_link` (writes a session's values into a file for
# everybody), `/monitoring`, `/runs`, `/run-history`, `/profiling`, `/dev`, `/vibe-*`, `/mcp`, `/token`,
# `/custom_component`, `/openapi.json` and `/docs`.
_READ = re.compile(
    r"/|/config/?|/favicon\.ico|/theme\.css|/manifest\.json|/robots\.txt|/(?:assets|static)/(?:[!-.0-~]{1,100}/){0,8}[!-.0-~]{1,100}"
    r"|/js/[0-9a-f]+/(?:\w+/)?\w+\.js"
    r"|/gradio_api/(?:"
    r"info/?"  # what a client in Python asks first
    r"|startup-events"  # `launch` asks whether the page is up
    r"|theme\.css|app_id/?|user/?|login_check/?"
    r"|file=(?!https?:).+"  # pictures and clips, from the upload folder only
    # Whose they are is told by the session or the event, which only that browser or program knows.
    rf"|queue/data|heartbeat/[\w-]+|call/(?:v2/)?(?:{_NAMES})/[0-9a-f]+"
    r")",
    re.IGNORECASE,
)
UPLOAD, CANCEL = "/gradio_api/upload", "/gradio_api/cancel"
CALL = re.compile(rf"/gradio_api/call/(?P<named>v2/)?(?P<endpoint>{_NAMES})/?")
JSON = re.compile(rf"{CANCEL}|/gradio_api/(?:queue/join|run/predict)/?|{CALL.pattern}")
JOIN = re.compile("/gradio_api/queue/join/?")
INFO = re.compile("/gradio_api/info/?")
WORDY = re.compile(rf"{CANCEL}|/gradio_api/call/(?:v2/)?reset/?")  # those that take no text
QUEUE = re.compile("/gradio_api/queue/data")
FOLLOWED = re.compile(rf"/gradio_api/call/(?:v2/)?(?:{_NAMES})/(?P<event>[0-9a-f]+)")
# Gradio fails on other spellings, several parts among them.
_RANGE = re.compile(rb"bytes=(?:\d{1,18}-\d{0,18}|-\d{1,18})")
# Ask `/`, `/config` and `/info` for what another visitor has saved, or for other pages.
_PAGES = ("deep_link", "page")


def is_open(scope: Scope, path: str) -> bool:
    if scope["method"] == "POST":
        return bool(JSON.fullmatch(path) or path == UPLOAD)
    asked = Request(scope).query_params.keys()
    return (
        scope["method"] in ("GET", "HEAD")
        and bool(_READ.fullmatch(path))
        and not any(name in asked for name in _PAGES)
    )


def ranged(scope: Scope) -> Scope:
    """Without a range that Gradio cannot read: then it sends the whole file."""
    headers = [
        (name, value)
        for name, value in scope["headers"]
        if name != b"range" or _RANGE.fullmatch(value)
    ]
    return {**scope, "headers": headers}


def in_order(scope: Scope) -> Scope:
    """`/call/v2/` as `/call/`: the inputs are in order now."""
    raw = scope.get("raw_path") or scope["path"].encode()
    return {
        **scope,
        "path": scope["path"].replace("/call/v2/", "/call/"),
        "raw_path": raw.replace(b"/call/v2/", b"/call/"),
    }
