"""Which requests reach Gradio, and in what shape: whatever a client posts, Gradio sees only what the page's
own scripts and the API's clients send.

Gradio serves more than this page needs, and takes more than is good: it downloads a posted web address
before any handler runs, and opens files for components that a client makes up.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

import gradio as gr
from gradio.components.api_component import Api
from gradio.processing_utils import check_all_files_in_cache
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ui.api_examples import corrected
from ui.web import path_of

# The types of each input; None: the handler looks itself; none at all: so it does, and a program may leave it out.
Inputs = Sequence[tuple[type, ...] | None]
# What `api` adds, with the names of what it takes.
ENDPOINTS: Mapping[str, Sequence[str]] = {
    "chat": ("message", "settings"),
    "estimate": ("message", "settings"),
    "reset": (),
}
MOST_BYTES = 16 * 2**20  # of a posted body: the longest text that is taken, written as \u escapes
MOST_DEPTH = 32  # of what is posted; the page's own is 4
_NAMES = "|".join(ENDPOINTS)
_WORD = re.compile(r"[\w-]{1,64}")

# Not here, and therefore not found: `/file=http...` and `/proxy=` (fetch for whoever asks), `/file/` (the
# same under an old name), `/component_server` (calls methods of components), `/run/<name>` and `/api/<name>`
# (past the queue), `/stream/` (replaces another event's data, and
# needs no log-in), `/reset` (does nothing), `/queue/status`, `/upload_progress` and `/process_recording`
# (of components that the page does not have), `/deep_link` (writes a session's values into a file for
# everybody), `/monitoring`, `/runs`, `/run-history`, `/profiling`, `/dev`, `/vibe-*`, `/mcp`, `/token`,
# `/custom_component`, `/openapi.json` and `/docs`.
_READ = re.compile(
    r"/|/config/?|/favicon\.ico|/theme\.css|/manifest\.json|/robots\.txt|/(?:assets|static)/.+"
    r"|/logout/?"
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
# Gradio fails on others before any handler runs.
_TYPES: Mapping[type, tuple[type, ...]] = {
    gr.Textbox: (str,),
    gr.Radio: (str,),
    gr.JSON: (dict,),
    Api: (),
}
UPLOAD, CANCEL = "/gradio_api/upload", "/gradio_api/cancel"
_CALL = re.compile(rf"/gradio_api/call/(?P<named>v2/)?(?P<endpoint>{_NAMES})/?")
_JSON = re.compile(rf"{CANCEL}|/gradio_api/(?:queue/join|run/predict)/?|{_CALL.pattern}")
_INFO = re.compile("/gradio_api/info/?")
_FORM = re.compile(rf"/login/?|{UPLOAD}")
# Ask `/`, `/config` and `/info` for what another visitor has saved, or for other pages.
_PAGES = ("deep_link", "page")


def inputs_of(blocks: gr.Blocks) -> dict[int, Inputs]:
    """What the functions of the page take; those without a handler run in the browser alone."""
    return {
        number: [_TYPES.get(type(component)) for component in function.inputs]
        for number, function in blocks.fns.items()
        if function.fn
    }


class Gate:
    """ASGI middleware in front of Gradio's routes. `uploaded` is told which files have arrived.

    `inputs`: what each of Gradio's functions takes, by its number.
    """

    def __init__(
        self,
        app: ASGIApp,
        inputs: Mapping[int, Inputs],
        uploaded: Callable[[Sequence[str]], None],
    ) -> None:
        self.app = app
        self.inputs = inputs
        self.uploaded = uploaded

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await send({"type": "websocket.close"})
            return
        try:
            if scope["type"] == "http":
                scope, receive, send = await self._let_in(scope, receive, send)
        except _RefusedError as refused:
            await refused.answer(scope, receive, send)
        else:
            await self.app(scope, receive, send)

    async def _let_in(
        self, scope: Scope, receive: Receive, send: Send
    ) -> tuple[Scope, Receive, Send]:
        """The request as Gradio is to see it. Raises `_RefusedError`."""
        path = path_of(scope)
        if not _is_open(scope, path):
            await _content(scope, receive)  # left unread it would take the connection down
            raise _RefusedError(404, "Not Found")
        if path == UPLOAD:
            # With an id in the query Gradio would keep its progress for somebody who never asks.
            return {**scope, "query_string": b""}, receive, _told(send, self.uploaded)
        if scope["method"] == "POST" and _JSON.fullmatch(path):
            content = self._checked(await _content(scope, receive), path)
            return *_replayed(_in_order(scope), receive, content), _blaming(send)
        if _INFO.fullmatch(path):
            send = corrected(send)
        return scope, receive, send

    def _checked(self, content: bytes, path: str) -> bytes:
        """What was posted, made anew of the parts that are known. Raises `_RefusedError`."""
        try:
            posted = json.loads(content)
        except (ValueError, RecursionError):
            raise _RefusedError(400, "The request is not JSON.") from None
        if not isinstance(posted, dict):
            raise _RefusedError(422, "The request must be an object.")
        known = _cancellation(posted) if path == CANCEL else self._inputs(posted, path)
        try:
            # A NaN, too, is no JSON, and half a surrogate pair no text.
            return json.dumps(known, ensure_ascii=False, allow_nan=False).encode()
        except ValueError:
            raise _RefusedError(400, "The request is not JSON.") from None

    def _inputs(self, posted: Mapping[str, Any], path: str) -> dict[str, Any]:
        call = _CALL.fullmatch(path)
        data = _by_name(posted, call["endpoint"]) if call and call["named"] else posted.get("data")
        if not isinstance(data, list):
            raise _RefusedError(422, "The request must have 'data', a list.")
        known: dict[str, Any] = {"data": data}
        if call:
            names = ENDPOINTS[call["endpoint"]]
            known["data"] = _filled(data, [()] * len(names))
        if posted.get("session_hash") is not None:
            known["session_hash"] = _word(posted, "session_hash")
        if not call:
            known |= self._event(posted)
        for file in _files(known):
            # To Gradio it is no file any more: it would be fetched, or opened, before we have looked.
            file.pop("meta", None)
        return known

    def _event(self, posted: Mapping[str, Any]) -> dict[str, Any]:
        """What the page says beside its inputs. Raises `_RefusedError`."""
        number, trigger = posted.get("fn_index"), posted.get("trigger_id")
        if type(number) is not int or number not in self.inputs:
            raise _RefusedError(422, "There is no function of that number.")
        _word(posted, "session_hash")
        types = self.inputs[number]
        data = _filled(posted["data"], types)
        if any(
            known and type(value) not in known for value, known in zip(data, types, strict=True)
        ):
            raise _RefusedError(422, "'data' holds something of the wrong type.")
        if trigger is not None and type(trigger) is not int:
            raise _RefusedError(422, "'trigger_id' must be a number.")
        event = posted.get("event_data")
        for file in list(_files(event)):
            try:
                check_all_files_in_cache(file)  # as Gradio will, who fails on what cannot be a path
            except (gr.Error, OSError, ValueError):
                raise _RefusedError(
                    422, "That file was not uploaded here; attach it again."
                ) from None
        return {"data": data, "fn_index": number, "trigger_id": trigger, "event_data": event}


def _by_name(posted: Mapping[str, Any], endpoint: str) -> list[Any]:
    """What `/call/v2/` takes by name, in its order. Raises `_RefusedError`."""
    names = ENDPOINTS[endpoint]
    if posted.keys() - {*names, "session_hash"}:
        taken = " and ".join(f"'{name}'" for name in names) or "nothing"
        raise _RefusedError(422, f"/{endpoint} takes {taken}.")
    return [posted.get(name) for name in names]


def _filled(data: Sequence[Any], types: Inputs) -> list[Any]:
    """Null for what a program has left out at the end. Raises `_RefusedError`."""
    missing = types[len(data) :]
    if len(data) > len(types) or any(known != () for known in missing):
        raise _RefusedError(422, "'data' holds too much or too little.")
    return [*data, *(None for _ in missing)]


def _in_order(scope: Scope) -> Scope:
    """`/call/v2/` as `/call/`: the inputs are in order now."""
    raw = scope.get("raw_path") or scope["path"].encode()
    return {
        **scope,
        "path": scope["path"].replace("/call/v2/", "/call/"),
        "raw_path": raw.replace(b"/call/v2/", b"/call/"),
    }


def _cancellation(posted: Mapping[str, Any]) -> dict[str, Any]:
    if type(posted.get("fn_index")) is not int:
        raise _RefusedError(422, "There is no function of that number.")
    words = {name: _word(posted, name) for name in ("session_hash", "event_id")}
    return {**words, "fn_index": posted["fn_index"]}


def _word(posted: Mapping[str, Any], name: str) -> str:
    word = posted.get(name)
    if not isinstance(word, str) or not _WORD.fullmatch(word):
        raise _RefusedError(422, f"'{name}' must be a word.")
    return word


class _RefusedError(Exception):
    """What a client is told that posts what no page does."""

    def __init__(self, status: int, sentence: str) -> None:
        # Gradio's page reads the one, its other clients the other.
        self.answer = JSONResponse({"error": sentence, "detail": sentence}, status)


def _is_open(scope: Scope, path: str) -> bool:
    if scope["method"] == "POST":
        return bool(_JSON.fullmatch(path) or _FORM.fullmatch(path))
    asked = Request(scope).query_params.keys()
    return (
        scope["method"] in ("GET", "HEAD")
        and bool(_READ.fullmatch(path))
        and not any(name in asked for name in _PAGES)
    )


async def _content(scope: Scope, receive: Receive) -> bytes:
    """The body. Raises `_RefusedError` as soon as it is too large."""
    content = bytearray()
    try:
        async for chunk in Request(scope, receive).stream():
            content += chunk
            if len(content) > MOST_BYTES:
                raise _RefusedError(413, "The message is too large; make it shorter.")
    except ClientDisconnect:
        raise _RefusedError(400, "The request is not complete.") from None
    return bytes(content)


def _files(posted: object) -> Iterator[dict[str, Any]]:
    """Whatever Gradio could take for a file. Raises `_RefusedError` for what is too deep."""
    layer = [posted]
    for _ in range(MOST_DEPTH):
        yield from (part for part in layer if isinstance(part, dict) and "path" in part)
        layer = [child for part in layer for child in _children(part)]
        if not layer:
            return
    raise _RefusedError(422, "The request is nested too deeply.")


def _children(part: object) -> Iterable[object]:
    if isinstance(part, dict):
        return part.values()
    return part if isinstance(part, list) else ()


def _replayed(scope: Scope, receive: Receive, content: bytes) -> tuple[Scope, Receive]:
    """The request with `content` for its body, which has been read."""
    own = (b"content-length", b"transfer-encoding")
    headers = [(name, value) for name, value in scope["headers"] if name not in own]
    headers.append((b"content-length", str(len(content)).encode()))
    unread = [content]

    async def read() -> Message:
        if unread:
            return {"type": "http.request", "body": unread.pop(), "more_body": False}
        return await receive()

    return {**scope, "headers": headers}, read


def _told(send: Send, uploaded: Callable[[Sequence[str]], None]) -> Send:
    """Hears in what is sent where Gradio has put an upload."""
    status = 0

    async def send_and_tell(message: Message) -> None:
        nonlocal status
        status = message.get("status", status)
        if message["type"] == "http.response.body" and status == 200:
            uploaded(json.loads(message["body"]))
        await send(message)

    return send_and_tell


def _blaming(send: Send) -> Send:
    """Gradio answers with 500 whatever a handler raises; a sentence for the client is the client's fault."""
    held: list[Message] = []

    async def send_blaming(message: Message) -> None:
        if message["type"] == "http.response.start" and message["status"] == 500:
            held.append(message)
            return
        if held:
            start = held.pop()
            await send({**start, "status": 422 if _explained(message["body"]) else 500})
        await send(message)

    return send_blaming


def _explained(body: bytes) -> bool:
    with suppress(ValueError, AttributeError):
        return bool(json.loads(body).get("error"))
    return False
