"""A response is read object by object."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

import pytest

from model.remote.http.stream import chunks
from tests.support.patience import scene

OBJECT, DONE = b'data: {"id": "1"}\n\n', b"data: [DONE]\n\n"


@pytest.mark.parametrize("pieces", [(DONE, OBJECT), (OBJECT, OBJECT), (b"data", b"")])
def test_what_is_left_of_a_response_is_closed_with_its_reader(pieces: tuple[bytes, ...]) -> None:
    """And not later, by the event loop, when the connection is another response's."""
    closed: list[bool] = []

    async def body() -> AsyncGenerator[bytes]:
        try:
            for piece in pieces:
                yield piece
        finally:
            closed.append(True)

    async def play() -> None:
        async with aclosing(chunks(body())) as received:
            async for _ in received:
                break
        assert closed

    scene(play)
