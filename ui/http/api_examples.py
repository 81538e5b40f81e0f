"""The examples in the page's description of its API, `/gradio_api/info`: each works as it stands.

Gradio writes them. Its line for bash loses the event's id in a subshell, and its command line lacks the command.
"""

from __future__ import annotations

import json
import re
from typing import Any

import gradio as gr
from starlette.datastructures import MutableHeaders
from starlette.types import Message, Send

MESSAGE = {"text": "Hello", "files": []}
COMMAND = "hf-gradio"  # comes with Gradio
_LOST = re.compile(r"(?P<post>curl .*?) \\\n  \| read EVENT_ID; ", re.DOTALL)


def give_example(blocks: gr.Blocks, endpoint: str) -> None:
    """A message that can be sent, in place of three dots."""
    (function,) = (f for f in blocks.fns.values() if f.api_name == endpoint)
    for component in function.inputs[:1]:
        component.example_payload = component.example_value = lambda: MESSAGE


def corrected(send: Send) -> Send:
    """Corrects the examples of a description that is sent."""
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
            body = json.dumps(_corrected(json.loads(body))).encode()
            MutableHeaders(scope=start[0])["content-length"] = str(len(body))
        await send(start[0])
        await send({"type": "http.response.body", "body": body})

    return send_corrected


def _corrected(info: dict[str, Any]) -> dict[str, Any]:
    for endpoint in info["named_endpoints"].values():
        examples = endpoint["code_snippets"]
        examples["bash"] = _LOST.sub(r"EVENT_ID=$(\g<post>); ", examples["bash"])
        examples["cli"] = examples["cli"].replace("{command}", COMMAND)
    return info
