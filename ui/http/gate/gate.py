"""Whatever a client posts, Gradio sees only what the page's own scripts and the API's clients send."""

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
from ui.http.body import MAX_BYTES, MAX_SMALL_BYTES, RefusedError, content, replayed
from ui.http.gate.answers import blaming, corrected, told
from ui.http.gate.posted import Inputs, Posted
from ui.http.gate.routes import (
    CALL,
    FOLLOWED,
    INFO,
    JOIN,
    JSON,
    QUEUE,
    UPLOAD,
    WORDY,
    in_order,
    is_open,
    ranged,
)

# Of one address, unfinished in Gradio's queue. A page that is answered has up to three.
MAX_EVENTS_OF_ONE = 250


class _UnheardError(RefusedError):
    """A session of which nothing is to be heard; said as Gradio's page expects it, which then opens anew."""

    def __init__(self) -> None:
        self.answer = Response(session_not_found(), media_type="text/event-stream")


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
        self.posted = Posted(inputs, queued)
        self.uploaded = uploaded
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
        if not is_open(scope, path):
            # Left unread it would take the connection down.
            await content(scope, receive, MAX_SMALL_BYTES)
            raise RefusedError(404, "Not Found")
        if path == UPLOAD:
            # With an id in the query Gradio would keep its progress for somebody who never asks.
            return (
                {**scope, "query_string": b""},
                receive,
                told(send, self.uploaded, asker_of(Request(scope))),
            )
        if scope["method"] == "POST" and JSON.fullmatch(path):
            self._require_place(scope, path)
            most = MAX_SMALL_BYTES if WORDY.fullmatch(path) else MAX_BYTES
            posted = await self._read(await content(scope, receive, most, Nodes()), scope)
            return *replayed(in_order(scope), receive, posted), blaming(send)
        if INFO.fullmatch(path):
            asked = asked_by_nobody(scope)
            return asked, receive, corrected(send, page_address(asked), page_address(scope))
        self._require_followed(scope, path)
        return ranged(scope), receive, send

    def _require_place(self, scope: Scope, path: str) -> None:
        """Nobody takes all of Gradio's queue. Raises `RefusedError`."""
        queued = JOIN.fullmatch(path) or CALL.fullmatch(path)
        person = person_of(address_of(Request(scope)))
        if queued and self.events_of(person) >= MAX_EVENTS_OF_ONE:
            raise RefusedError(429, "Too many requests from your address; try again in a minute.")

    def _require_followed(self, scope: Scope, path: str) -> None:
        """Gradio answers whoever follows nothing with a traceback in the log. Raises `RefusedError`."""
        if QUEUE.fullmatch(path):
            word = Request(scope).query_params.get("session_hash", "")
            if not self.followed(word):
                raise _UnheardError
        if (call := FOLLOWED.fullmatch(path)) and not self.followed(call["event"]):
            raise RefusedError(404, "There is no such event, or its end was told already.")

    async def _read(self, body: bytes, scope: Scope) -> bytes:
        """`Posted.checked`, in a thread where it takes as long as a few updates of an answer. Raises `RefusedError`."""
        path = path_of(scope)
        if len(body) <= MAX_SMALL_BYTES:
            return self.posted.checked(body, path)
        person = person_of(address_of(Request(scope)))
        try:
            return await self.aside(person, lambda: self.posted.checked(body, path))
        except DemoError as many:
            raise RefusedError(429, str(many)) from None
