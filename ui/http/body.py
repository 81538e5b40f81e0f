"""Reads request bodies up to a limit, and refuses what is too large."""

from __future__ import annotations

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.types import Message, Receive, Scope

from model.json_size import Nodes
from model.settings import MAX_TEXT_CHARACTERS

MAX_SMALL_BYTES = 2**16  # of a body that holds words and numbers only
ESCAPED_BYTES = 6  # of a character that is written as \u0000
# The longest text that is accepted, in any spelling, and a mebibyte for everything else.
MAX_BYTES = ESCAPED_BYTES * MAX_TEXT_CHARACTERS + 2**20
# The same in characters. Python and Gradio parse them on the event loop.
MAX_CHARACTERS = MAX_TEXT_CHARACTERS + 2**18
# Values, names and objects of a JSON body. The page posts about a hundred. This many are parsed in a millisecond and
# checked in a few.
MAX_NODES = 10_000


class RefusedError(Exception):
    """The request is refused. `answer` is the response."""

    answer: Response

    def __init__(self, status: int, sentence: str) -> None:
        # Gradio's page reads `error`, its other clients `detail`.
        self.answer = JSONResponse({"error": sentence, "detail": sentence}, status)


async def read_body(
    scope: Scope, receive: Receive, most_bytes: int, nodes: Nodes | None = None
) -> bytes:
    """Return the body. Raises `RefusedError` as soon as it is too large.

    nodes: counts the values of a JSON body, which are limited too.
    """
    read = bytearray()
    try:
        async for piece in Request(scope, receive).stream():
            read += piece
            if nodes and nodes.read(piece) > MAX_NODES:
                raise RefusedError(422, "The request holds too many values.")
            if len(read) > most_bytes or (nodes and nodes.characters > MAX_CHARACTERS):
                raise RefusedError(413, "The message is too large; make it shorter.")
    except ClientDisconnect:
        raise RefusedError(400, "The request is not complete.") from None
    return bytes(read)


def with_body(scope: Scope, receive: Receive, body: bytes) -> tuple[Scope, Receive]:
    """Return the request with a body that was read already, for the next application."""
    own = (b"content-length", b"transfer-encoding")
    headers = [(name, value) for name, value in scope["headers"] if name not in own]
    headers.append((b"content-length", str(len(body)).encode()))
    unread = [body]

    async def read() -> Message:
        if unread:
            return {"type": "http.request", "body": unread.pop(), "more_body": False}
        return await receive()

    return {**scope, "headers": headers}, read
