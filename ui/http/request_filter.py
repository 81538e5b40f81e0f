"""Which requests reach Gradio, and in what shape: whatever a client posts, Gradio sees only what the page's
own scripts and the API's clients send.

Gradio serves more than this page needs, and takes more than is good: it downloads a posted web address
before any handler runs, and opens files for components that a client makes up.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Container, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

import gradio as gr
from gradio.components.api_component import Api
from gradio.processing_utils import check_all_files_in_cache
from gradio.server_messages import UnexpectedErrorMessage
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from model.errors import DemoError
from model.json_size import Nodes
from ui.http.api_examples import corrected
from ui.http.asker import Asker, address_of, asker_of, path_of, person_of
from ui.http.body import MAX_BYTES, MAX_SMALL_BYTES, RefusedError, content, replayed

# The types of each input, or its choices; None: the handler looks itself; none at all: so it does, and a program may
# leave it out.
Inputs = Sequence[tuple[type, ...] | frozenset[object] | None]
# What `api` adds, with the names of what it takes.
ENDPOINTS: Mapping[str, Sequence[str]] = {
    "chat": ("message", "settings"),
    "estimate": ("message", "settings"),
    "reset": (),
}
# Levels of a posted JSON body. The page itself posts 4.
MAX_DEPTH = 32
MAX_FILES = 256  # that an event names; each is looked for on the disk, and a message holds 64
# Of one address, unfinished in Gradio's queue. A page that is answered has up to three.
MAX_EVENTS_OF_ONE = 250
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
    r"/|/config/?|/favicon\.ico|/theme\.css|/manifest\.json|/robots\.txt|/(?:assets|static)/(?:[!-.0-~]{1,100}/){0,8}[!-.0-~]{1,100}"
    r"|/js/[0-9a-f]+/\w+\.js"
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
    gr.JSON: (dict,),
    Api: (),
}
UPLOAD, CANCEL = "/gradio_api/upload", "/gradio_api/cancel"
_CALL = re.compile(rf"/gradio_api/call/(?P<named>v2/)?(?P<endpoint>{_NAMES})/?")
_JSON = re.compile(rf"{CANCEL}|/gradio_api/(?:queue/join|run/predict)/?|{_CALL.pattern}")
_JOIN = re.compile("/gradio_api/queue/join/?")
_INFO = re.compile("/gradio_api/info/?")
_WORDY = re.compile(rf"{CANCEL}|/gradio_api/call/(?:v2/)?reset/?")  # those that take no text
_QUEUE = re.compile("/gradio_api/queue/data")
_FOLLOWED = re.compile(rf"/gradio_api/call/(?:v2/)?(?:{_NAMES})/(?P<event>[0-9a-f]+)")
# Gradio fails on other spellings, several parts among them.
_RANGE = re.compile(rb"bytes=(?:\d{1,18}-\d{0,18}|-\d{1,18})")
# Ask `/`, `/config` and `/info` for what another visitor has saved, or for other pages.
_PAGES = ("deep_link", "page")


class _UnheardError(RefusedError):
    """A session of which nothing is to be heard; said as Gradio's page expects it, which then opens anew."""

    def __init__(self) -> None:
        said = UnexpectedErrorMessage(message="404: Not Found", session_not_found=True)
        line = f"data: {said.model_dump_json()}\n\n"
        self.answer = Response(line, media_type="text/event-stream")


def queued_in(blocks: gr.Blocks) -> set[int]:
    """The functions that wait in Gradio's queue, by number."""
    return {number for number, function in blocks.fns.items() if function.queue}


def followed_in(blocks: gr.Blocks) -> Callable[[str], bool]:
    """Whether there is anything to hear of a session or an event."""

    def followed(word: str) -> bool:
        queue = blocks._queue
        return (
            word in queue.pending_messages_per_session
            or word in queue.event_ids_to_events
            or any(word in events for events in queue.pending_event_ids_session.values())
        )

    return followed


def events_in(blocks: gr.Blocks) -> Callable[[str], int]:
    """How many events of one person wait in Gradio's queue or are being handled."""

    def events_of(person: str) -> int:
        queue = blocks._queue
        handled = (event for job in queue.active_jobs if job for event in job)
        lines = queue.event_queue_per_concurrency_id.values()
        events = (*handled, *(event for line in lines for event in line.queue))
        return sum(person_of(address_of(event.request)) == person for event in events)

    return events_of


def inputs_of(blocks: gr.Blocks) -> dict[int, Inputs]:
    """What the functions of the page take; those without a handler run in the browser alone."""
    return {
        number: [
            frozenset(value for _, value in component.choices)
            if isinstance(component, gr.Radio)
            else _TYPES.get(type(component))
            for component in function.inputs
        ]
        for number, function in blocks.fns.items()
        if function.fn
    }


async def _in_a_thread(_: str, work: Callable[[], bytes]) -> bytes:
    return await asyncio.to_thread(work)


class Gate:
    """ASGI middleware in front of Gradio's routes. `uploaded` is told which files have arrived.

    inputs: what each of Gradio's functions takes, by its number; queued: those that wait in its queue;
    followed: whether there is anything to hear of a session or an event; events_of: how many of one person are in
    that queue; aside: does what a person needs in a thread, and raises `DemoError` if too much waits for that person.
    """

    def __init__(
        self,
        app: ASGIApp,
        inputs: Mapping[int, Inputs],
        uploaded: Callable[[Sequence[str], Asker], None],
        queued: Container[int] = (),
        followed: Callable[[str], bool] = lambda _: True,
        events_of: Callable[[str], int] = lambda _: 0,
        aside: Callable[[str, Callable[[], bytes]], Awaitable[bytes]] = _in_a_thread,
    ) -> None:
        self.app = app
        self.inputs = inputs
        self.uploaded = uploaded
        self.queued = queued
        self.followed = followed
        self.events_of = events_of
        self.aside = aside

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await send({"type": "websocket.close"})
            return
        try:
            if scope["type"] == "http":
                scope, receive, send = await self._let_in(scope, receive, send)
        except RefusedError as refused:
            await refused.answer(scope, receive, send)
        else:
            await self.app(scope, receive, send)

    async def _let_in(
        self, scope: Scope, receive: Receive, send: Send
    ) -> tuple[Scope, Receive, Send]:
        """The request as Gradio is to see it. Raises `RefusedError`."""
        path = path_of(scope)
        if not _is_open(scope, path):
            # Left unread it would take the connection down.
            await content(scope, receive, MAX_SMALL_BYTES)
            raise RefusedError(404, "Not Found")
        if path == UPLOAD:
            # With an id in the query Gradio would keep its progress for somebody who never asks.
            return (
                {**scope, "query_string": b""},
                receive,
                _told(send, self.uploaded, asker_of(Request(scope))),
            )
        if scope["method"] == "POST" and _JSON.fullmatch(path):
            self._require_place(scope, path)
            most = MAX_SMALL_BYTES if _WORDY.fullmatch(path) else MAX_BYTES
            posted = await self._read(await content(scope, receive, most, Nodes()), scope)
            return *replayed(_in_order(scope), receive, posted), _blaming(send)
        if _INFO.fullmatch(path):
            send = corrected(send)
        self._require_followed(scope, path)
        return _ranged(scope), receive, send

    def _require_place(self, scope: Scope, path: str) -> None:
        """Nobody takes all of Gradio's queue. Raises `RefusedError`."""
        queued = _JOIN.fullmatch(path) or _CALL.fullmatch(path)
        person = person_of(address_of(Request(scope)))
        if queued and self.events_of(person) >= MAX_EVENTS_OF_ONE:
            raise RefusedError(429, "Too many requests from your address; try again in a minute.")

    def _require_followed(self, scope: Scope, path: str) -> None:
        """Gradio answers whoever follows nothing with a traceback in the log. Raises `RefusedError`."""
        if _QUEUE.fullmatch(path):
            word = Request(scope).query_params.get("session_hash", "")
            if not self.followed(word):
                raise _UnheardError
        if (call := _FOLLOWED.fullmatch(path)) and not self.followed(call["event"]):
            raise RefusedError(404, "There is no such event, or its end was told already.")

    async def _read(self, body: bytes, scope: Scope) -> bytes:
        """`_checked`, in a thread where it takes as long as a few updates of an answer. Raises `RefusedError`."""
        path = path_of(scope)
        if len(body) <= MAX_SMALL_BYTES:
            return self._checked(body, path)
        person = person_of(address_of(Request(scope)))
        try:
            return await self.aside(person, lambda: self._checked(body, path))
        except DemoError as many:
            raise RefusedError(429, str(many)) from None

    def _checked(self, body: bytes, path: str) -> bytes:
        """What was posted, made anew of the parts that are known. Raises `RefusedError`."""
        try:
            posted = json.loads(body)
        except (ValueError, RecursionError):
            raise RefusedError(400, "The request is not JSON.") from None
        if not isinstance(posted, dict):
            raise RefusedError(422, "The request must be an object.")
        known = _cancellation(posted) if path == CANCEL else self._inputs(posted, path)
        try:
            # A NaN, too, is no JSON, and half a surrogate pair no text.
            return json.dumps(known, ensure_ascii=False, allow_nan=False).encode()
        except ValueError:
            raise RefusedError(400, "The request is not JSON.") from None

    def _inputs(self, posted: Mapping[str, Any], path: str) -> dict[str, Any]:
        call = _CALL.fullmatch(path)
        data = _by_name(posted, call["endpoint"]) if call and call["named"] else posted.get("data")
        if not isinstance(data, list):
            raise RefusedError(422, "The request must have 'data', a list.")
        known: dict[str, Any] = {"data": data}
        if call:
            names = ENDPOINTS[call["endpoint"]]
            known["data"] = _filled(data, [()] * len(names))
        if posted.get("session_hash") is not None:
            known["session_hash"] = _word(posted, "session_hash")
        if not call:
            known |= self._event(posted, path)
        for file in _files(known):
            # To Gradio it is no file any more: it would be fetched, or opened, before we have looked.
            file.pop("meta", None)
        return known

    def _event(self, posted: Mapping[str, Any], path: str) -> dict[str, Any]:
        """What the page says beside its inputs. Raises `RefusedError`."""
        number, trigger = posted.get("fn_index"), posted.get("trigger_id")
        joins = "/queue/" in path  # there Gradio tells a handler the session, and not who asks
        if type(number) is not int or number not in self.inputs or joins != (number in self.queued):
            raise RefusedError(422, "There is no function of that number.")
        _word(posted, "session_hash")
        types = self.inputs[number]
        data = _filled(posted["data"], types)
        if not all(map(_fits, data, types)):
            raise RefusedError(422, "'data' holds something of the wrong type.")
        if trigger is not None and type(trigger) is not int:
            raise RefusedError(422, "'trigger_id' must be a number.")
        event = posted.get("event_data")
        files = list(_files(event))
        if len(files) > MAX_FILES:
            raise RefusedError(422, "The request names too many files.")
        for file in files:
            try:
                check_all_files_in_cache(file)  # as Gradio will, who fails on what cannot be a path
            except (gr.Error, OSError, ValueError):
                raise RefusedError(
                    422, "That file was not uploaded here; attach it again."
                ) from None
        return {"data": data, "fn_index": number, "trigger_id": trigger, "event_data": event}


def _ranged(scope: Scope) -> Scope:
    """Without a range that Gradio cannot read: then it sends the whole file."""
    headers = [
        (name, value)
        for name, value in scope["headers"]
        if name != b"range" or _RANGE.fullmatch(value)
    ]
    return {**scope, "headers": headers}


def _by_name(posted: Mapping[str, Any], endpoint: str) -> list[Any]:
    """What `/call/v2/` takes by name, in its order. Raises `RefusedError`."""
    names = ENDPOINTS[endpoint]
    if posted.keys() - {*names, "session_hash"}:
        taken = " and ".join(f"'{name}'" for name in names) or "nothing"
        raise RefusedError(422, f"/{endpoint} takes {taken}.")
    return [posted.get(name) for name in names]


def _filled(data: Sequence[Any], types: Inputs) -> list[Any]:
    """Null for what a program has left out at the end. Raises `RefusedError`."""
    missing = types[len(data) :]
    if len(data) > len(types) or any(known != () for known in missing):
        raise RefusedError(422, "'data' holds too much or too little.")
    return [*data, *(None for _ in missing)]


def _fits(value: object, known: tuple[type, ...] | frozenset[object] | None) -> bool:
    if isinstance(known, frozenset):
        return isinstance(value, str) and value in known
    return not known or type(value) in known


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
        raise RefusedError(422, "There is no function of that number.")
    words = {name: _word(posted, name) for name in ("session_hash", "event_id")}
    return {**words, "fn_index": posted["fn_index"]}


def _word(posted: Mapping[str, Any], name: str) -> str:
    word = posted.get(name)
    if not isinstance(word, str) or not _WORD.fullmatch(word):
        raise RefusedError(422, f"'{name}' must be a word.")
    return word


def _is_open(scope: Scope, path: str) -> bool:
    if scope["method"] == "POST":
        return bool(_JSON.fullmatch(path) or path == UPLOAD)
    asked = Request(scope).query_params.keys()
    return (
        scope["method"] in ("GET", "HEAD")
        and bool(_READ.fullmatch(path))
        and not any(name in asked for name in _PAGES)
    )


def _files(posted: object) -> Iterator[dict[str, Any]]:
    """Whatever Gradio could take for a file. Raises `RefusedError` for what is too deep."""
    layer = [posted]
    for _ in range(MAX_DEPTH):
        yield from (part for part in layer if isinstance(part, dict) and "path" in part)
        layer = [child for part in layer for child in _children(part)]
        if not layer:
            return
    raise RefusedError(422, "The request is nested too deeply.")


def _children(part: object) -> Iterable[object]:
    if isinstance(part, dict):
        return part.values()
    return part if isinstance(part, list) else ()


def _told(send: Send, uploaded: Callable[[Sequence[str], Asker], None], sender: Asker) -> Send:
    """Hears in what is sent where Gradio has put an upload."""
    status = 0

    async def send_and_tell(message: Message) -> None:
        nonlocal status
        status = message.get("status", status)
        if message["type"] == "http.response.body" and status == 200:
            uploaded(json.loads(message["body"]), sender)
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
