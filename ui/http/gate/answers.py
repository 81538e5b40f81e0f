"""What Gradio answers, on its way to the client."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

from starlette.datastructures import MutableHeaders
from starlette.types import Message, Send

from ui.gradio_compat import corrected_description, explains, uploaded_paths
from ui.http.asker import Asker


def told(send: Send, uploaded: Callable[[Sequence[str], Asker], None], sender: Asker) -> Send:
    """Hears in what is sent where Gradio has put an upload."""
    status = 0

    async def send_and_tell(message: Message) -> None:
        nonlocal status
        status = message.get("status", status)
        if message["type"] == "http.response.body" and status == 200:
            uploaded(uploaded_paths(message["body"]), sender)
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
            await send({**start, "status": 422 if explains(message["body"]) else 500})
        await send(message)

    return send_blaming


def corrected(send: Send, said: str, right: str) -> Send:
    """Corrects the examples in a description of the API that is sent, and the page's address in them."""
    start: list[Message] = []
    content = bytearray()

    async def send_corrected(message: Message) -> None:
        if message["type"] == "http.response.start":
            start.append(message)
            return
        content.extend(message.get("body", b""))
        if message.get("more_body"):
            return
        body = bytes(content)
        if start[0]["status"] == 200:
            body = json.dumps(corrected_description(json.loads(body), said, right)).encode()
            MutableHeaders(scope=start[0])["content-length"] = str(len(body))
        await send(start[0])
        await send({"type": "http.response.body", "body": body})

    return send_corrected
