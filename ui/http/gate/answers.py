"""Changes to Gradio's responses on their way to the client."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

from starlette.datastructures import MutableHeaders
from starlette.types import Message, Send

from ui.gradio_compat import corrected_description, explains, uploaded_paths
from ui.http.asker import Asker


def report_uploads(
    send: Send, uploaded: Callable[[Sequence[str], Asker], None], sender: Asker
) -> Send:
    """Report where Gradio has stored an upload, which its response says."""
    status = 0

    async def send_and_tell(message: Message) -> None:
        nonlocal status
        status = message.get("status", status)
        if message["type"] == "http.response.body" and status == 200:
            uploaded(uploaded_paths(message["body"]), sender)
        await send(message)

    return send_and_tell


def as_client_error(send: Send) -> Send:
    """Answer with 422 instead of 500 if a handler has raised a sentence for the client."""
    held: list[Message] = []

    async def send_corrected(message: Message) -> None:
        if message["type"] == "http.response.start" and message["status"] == 500:
            held.append(message)
            return
        if held:
            start = held.pop()
            await send({**start, "status": 422 if explains(message["body"]) else 500})
        await send(message)

    return send_corrected


def correct_examples(send: Send, said: str, right: str) -> Send:
    """Correct the examples in the description of the API: replace the address `said` by `right`."""
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
