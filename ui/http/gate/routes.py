"""The open routes, and changes to requests for them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from starlette.requests import Request
from starlette.types import Scope

# The endpoints of `ui.handlers.api`, with the names of their inputs.
ENDPOINTS: Mapping[str, Sequence[str]] = {
    "chat": ("message", "settings"),
    "estimate": ("message", "settings"),
    "reset": (),
}
_NAMES = "|".join(ENDPOINTS)

# All other routes of Gradio are closed: `/file=http...` and `/proxy=` (fetch any address), `/file/` (an old name of
# the same), `/component_server` (calls methods of components), `/run/<name>` and `/api/<name>` (bypass the queue),
# `/stream/` (replaces another event's data without a log-in), `/reset` (does nothing), `/queue/status`,
# `/upload_progress` and `/process_recording` (for components that the page does not have), `/deep_link` (writes a
# session's values into a public file), `/monitoring`, `/runs`, `/run-history`, `/profiling`, `/dev`, `/vibe-*`,
# `/mcp`, `/token`, `/custom_component`, `/openapi.json` and `/docs`.
_READ = re.compile(
    r"/|/config/?|/favicon\.ico|/theme\.css|/manifest\.json|/robots\.txt|/(?:assets|static)/(?:[!-.0-~]{1,100}/){0,8}[!-.0-~]{1,100}"
    r"|/js/[0-9a-f]+/(?:\w+/)?\w+\.js"
    r"|/gradio_api/(?:"
    r"info/?"  # the first request of gradio_client
    r"|startup-events"  # `launch` waits for it
    r"|theme\.css|app_id/?|user/?|login_check/?"
    r"|file=(?!https?:).+"  # pictures and clips, from the upload folder only
    # The session or event in the address is known to its browser or program only.
    rf"|queue/data|heartbeat/[\w-]+|call/(?:v2/)?(?:{_NAMES})/[0-9a-f]+"
    r")",
    re.IGNORECASE,
)
UPLOAD, CANCEL = "/gradio_api/upload", "/gradio_api/cancel"
CALL = re.compile(rf"/gradio_api/call/(?P<named>v2/)?(?P<endpoint>{_NAMES})/?")
JSON = re.compile(rf"{CANCEL}|/gradio_api/(?:queue/join|run/predict)/?|{CALL.pattern}")
JOIN = re.compile("/gradio_api/queue/join/?")
INFO = re.compile("/gradio_api/info/?")
TEXTLESS = re.compile(rf"{CANCEL}|/gradio_api/call/(?:v2/)?reset/?")  # their bodies hold no text
QUEUE_DATA = re.compile("/gradio_api/queue/data")
EVENT = re.compile(rf"/gradio_api/call/(?:v2/)?(?:{_NAMES})/(?P<event>[0-9a-f]+)")
# Gradio fails on other ranges, for instance several at once.
_RANGE = re.compile(rb"bytes=(?:\d{1,18}-\d{0,18}|-\d{1,18})")
# Query parameters that ask for what another visitor has saved, or for other pages.
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
    """Remove a Range header that Gradio cannot read, so that it sends the whole file."""
    headers = [
        (name, value)
        for name, value in scope["headers"]
        if name != b"range" or _RANGE.fullmatch(value)
    ]
    return {**scope, "headers": headers}


def in_order(scope: Scope) -> Scope:
    """Replace `/call/v2/` by `/call/`, whose inputs are in order."""
    raw = scope.get("raw_path") or scope["path"].encode()
    return {
        **scope,
        "path": scope["path"].replace("/call/v2/", "/call/"),
        "raw_path": raw.replace(b"/call/v2/", b"/call/"),
    }
