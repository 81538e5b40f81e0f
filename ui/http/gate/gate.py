"""Lets only those requests through that the page's own scripts and the API's clients send."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Container, Mapping, Sequence

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from model.errors import DemoError
from model.json_size import Nodes
from ui.gradio_compat import asked_by_nobody, page_address, session_not_found
from ui.http.asker import Asker, address_of, asker_of, path_of, person_of
from ui.http.body import MAX_BYTES, MAX_SMALL_BYTES, RefusedError, read_body, with_body
from ui.http.gate.answers import as_client_error, correct_examples, report_uploads
from ui.http.gate.posted import Inputs, Posted
from ui.http.gate.routes import (
    CALL,
    EVENT,
    INFO,
    JOIN,
    JSON,
    QUEUE_DATA,
    TEXTLESS,
    UPLOAD,
    in_order,
    is_open,
    ranged,
)

# Unfinished events of one address in Gradio's queue. A page that is answered has up to three.
MAX_EVENTS_OF_ONE = 250


class _UnknownSessionError(RefusedError):
    """Gradio does not know the session. The response makes Gradio's page reload."""

    def __init__(self) -> None:
        self.answer = Response(session_not_found(), media_type="text/event-stream")


async def _in_thread(_: str, work: Callable[[], bytes]) -> bytes:
    return await asyncio.to_thread(work)


class Gate:
    """ASGI middleware in front of Gradio's routes.

    inputs: the inputs of Gradio's functions, by number. uploaded: called with the files of an upload.
    queued: the functions that use Gradio's queue. is_known: tells whether Gradio knows a session or an event.
    events_of: counts a person's events in that queue. in_thread: runs work of a person in a thread; raises `DemoError`
    if too much of that person's waits already.
    """

    def __init__(
        self,
        app: ASGIApp,
        inputs: Mapping[int, Inputs],
        uploaded: Callable[[Sequence[str], Asker], None],
        queued: Container[int] = (),
        is_known: Callable[[str], bool] = lambda _: True,
        events_of: Callable[[str], int] = lambda _: 0,
        in_thread: Callable[[str, Callable[[], bytes]], Awaitable[bytes]] = _in_thread,
    ) -> None:
        self.app = app
        self.posted = Posted(inputs, queued)
        self.uploaded = uploaded
        self.is_known = is_known
        self.events_of = events_of
        self.in_thread = in_thread

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await send({"type": "websocket.close"})
            return
        try:
            if scope["type"] == "http":
                scope, receive, send = await self._admit(scope, receive, send)
        except RefusedError as refused:
            await refused.answer(scope, receive, send)
        else:
            await self.app(scope, receive, send)

    async def _admit(
        self, scope: Scope, receive: Receive, send: Send
    ) -> tuple[Scope, Receive, Send]:
        """Return the request as Gradio is to see it. Raises `RefusedError`."""
        path = path_of(scope)
        if not is_open(scope, path):
            # An unread body would end the connection.
            await read_body(scope, receive, MAX_SMALL_BYTES)
            raise RefusedError(404, "Not Found")
        if path == UPLOAD:
            # With an upload id in the query, Gradio would keep the progress until somebody asks for it.
            return (
                {**scope, "query_string": b""},
                receive,
                report_uploads(send, self.uploaded, asker_of(Request(scope))),
            )
        if scope["method"] == "POST" and JSON.fullmatch(path):
            self._require_place(scope, path)
            most = MAX_SMALL_BYTES if TEXTLESS.fullmatch(path) else MAX_BYTES
            posted = await self._read(await read_body(scope, receive, most, Nodes()), scope)
            return *with_body(in_order(scope), receive, posted), as_client_error(send)
        if INFO.fullmatch(path):
            asked = asked_by_nobody(scope)
            return asked, receive, correct_examples(send, page_address(asked), page_address(scope))
        self._require_known(scope, path)
        return ranged(scope), receive, send

    def _require_place(self, scope: Scope, path: str) -> None:
        """Raise `RefusedError` if one person has too many events in Gradio's queue."""
        queued = JOIN.fullmatch(path) or CALL.fullmatch(path)
        person = person_of(address_of(Request(scope)))
        if queued and self.events_of(person) >= MAX_EVENTS_OF_ONE:
            raise RefusedError(429, "Too many requests from your address; try again in a minute.")

    def _require_known(self, scope: Scope, path: str) -> None:
        """Raise `RefusedError` for unknown sessions and events, for which Gradio would log a traceback."""
        if QUEUE_DATA.fullmatch(path):
            word = Request(scope).query_params.get("session_hash", "")
            if not self.is_known(word):
                raise _UnknownSessionError
        if (call := EVENT.fullmatch(path)) and not self.is_known(call["event"]):
            raise RefusedError(404, "There is no such event, or its end was told already.")

    async def _read(self, body: bytes, scope: Scope) -> bytes:
        """Call `Posted.checked`, in a thread if the body is large. Raises `RefusedError`."""
        path = path_of(scope)
        if len(body) <= MAX_SMALL_BYTES:
            return self.posted.checked(body, path)
        person = person_of(address_of(Request(scope)))
        try:
            return await self.in_thread(person, lambda: self.posted.checked(body, path))
        except DemoError as many:
            raise RefusedError(429, str(many)) from None
