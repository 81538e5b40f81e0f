"""What Gradio answers, on its way to the client."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import suppress

from starlette.types import Message, Send

from ui.http.asker import Asker


def told(send: Send, uploaded: Callable[[Sequence[str], Asker], None], sender: Asker) -> Send:
    """Hears in what is sent where Gradio has put an upload."""
    status = 0

    async def send_and_tell(message: Message) -> None:
        nonlocal status
        status = message.get("status", status)
        if message["type"] == "http.response.body" and status == 200:
            uploaded(json.loads(message["body"]), sender)
        await send(message)

    return send_and_tell


def blaming(send: Send) -> Send:
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
