"""An OpenAI-compatible server on loopback that answers what it is told to, and misbehaves where a test wants it.

Real HTTP through uvicorn: connections really break, and really are closed by whoever gives up.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from tests.support.patience import PATIENCE_S, wait_until
from tests.support.served import free_port

MODEL = "Qwen/Qwen2-VL-7B-Instruct"
USAGE = {
    "prompt_tokens": 90,
    "completion_tokens": 3,
    "total_tokens": 93,
    "prompt_tokens_details": {"cached_tokens": 64},
}


@dataclass(frozen=True)
class Refusal:
    """A status instead of an answer."""

    status: int
    message: str = "no"
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Told:
    """An answer in pieces. `finish=None` breaks the connection after the last one."""

    pieces: Sequence[str] = ("Hel", "lo")
    finish: str | None = "stop"
    usage: Mapping[str, Any] | None = field(default_factory=lambda: USAGE)
    every_s: float = 0.0  # between two pieces
    logprobs: Sequence[list[Any]] = ()  # of each piece
    silent: bool = False  # not a word, until whoever asked has left


@dataclass(frozen=True)
class Recorded:
    """What a server sent, byte by byte as it was."""

    pieces: Sequence[bytes]
    content_type: str = "text/event-stream"


@dataclass(frozen=True)
class Asked:
    """A request for an answer."""

    body: Mapping[str, Any]
    headers: Mapping[str, str]

    @property
    def text(self) -> str:
        """Everything that was sent, for looking for what must not be in it."""
        return json.dumps(self.body, ensure_ascii=False)


class OpenAIServer:
    """`replies` are used one after the other, the last one again and again."""

    def __init__(self) -> None:
        self.port = free_port()
        self.replies: list[Refusal | Told | Recorded] = [Told()]
        self.models: Refusal | Recorded | list[dict[str, Any]] = [
            {"id": MODEL, "max_model_len": 8192}
        ]
        self.too_long_to_count = ""  # a prompt with this is refused with 400
        self.tokenizes = False  # into one token for each word
        self.takes: set[str] | None = None  # fields; anything else is refused by name
        self.asked: list[Asked] = []
        self.left = threading.Event()  # somebody gave up an answer
        self._app = Starlette(
            routes=[
                Route("/v1/models", self._models),
                Route("/v1/chat/completions", self._chat, methods=["POST"]),
                Route("/tokenize", self._tokenize, methods=["POST"]),
            ]
        )

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    @contextmanager
    def running(self) -> Iterator[OpenAIServer]:
        """Listen until the end of the block."""
        config = uvicorn.Config(self._app, port=self.port, log_level="critical", lifespan="off")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        wait_until(lambda: server.started)
        try:
            yield self
        finally:
            server.should_exit = server.force_exit = True
            thread.join(PATIENCE_S)

    async def _models(self, _: Request) -> Response:
        if isinstance(self.models, Refusal):
            return _refused(self.models)
        if isinstance(self.models, Recorded):
            return Response(b"".join(self.models.pieces), media_type=self.models.content_type)
        return JSONResponse({"object": "list", "data": self.models})

    async def _tokenize(self, request: Request) -> Response:
        if not self.tokenizes:
            return PlainTextResponse("Not Found", 404)
        prompt = (await request.json())["prompt"]
        if self.too_long_to_count and self.too_long_to_count in prompt:
            return _refused(Refusal(400, "too long"))
        words = prompt.split()
        return JSONResponse({"count": len(words), "max_model_len": 8192, "tokens": []})

    async def _chat(self, request: Request) -> Response:
        body = await request.json()
        self.asked.append(Asked(body, dict(request.headers)))
        if self.takes is not None and (unknown := body.keys() - self.takes):
            return _refused(Refusal(422, f"Unexpected fields in the request: {unknown}"))
        reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        if isinstance(reply, Refusal):
            return _refused(reply)
        if isinstance(reply, Recorded):
            return StreamingResponse(_played(reply), media_type=reply.content_type)
        if reply.silent:
            while not await request.is_disconnected():
                await asyncio.sleep(0.01)
            self.left.set()
        return StreamingResponse(self._told(reply, body), media_type="text/event-stream")

    async def _told(self, reply: Told, body: Mapping[str, Any]) -> AsyncIterator[str]:
        whole = False
        try:
            for piece, told in zip_longest(reply.pieces, reply.logprobs):
                await asyncio.sleep(reply.every_s)
                more = {"logprobs": {"content": told}} if told else {}
                yield _event({"delta": {"content": piece}, **more})
            if reply.finish is None:
                raise ConnectionAbortedError
            yield _event({"delta": {}, "finish_reason": reply.finish})
            if reply.usage and body.get("stream_options", {}).get("include_usage"):
                yield _data({"choices": [], "usage": reply.usage})
            yield "data: [DONE]\n\n"
            whole = True
        finally:
            if not whole:
                self.left.set()


async def _played(recorded: Recorded) -> AsyncIterator[bytes]:
    for piece in recorded.pieces:
        yield piece
        await asyncio.sleep(0.001)  # so that it is a piece of its own on the wire, too


def _refused(refusal: Refusal) -> Response:
    error = {"message": refusal.message, "type": "refused", "code": refusal.status}
    return JSONResponse({"error": error}, refusal.status, dict(refusal.headers))


def _event(choice: dict[str, Any]) -> str:
    return _data({"choices": [{"index": 0, **choice}]})


def _data(content: dict[str, Any]) -> str:
    chunk = {"id": "1", "object": "chat.completion.chunk", "created": 0, "model": MODEL, **content}
    return f"data: {json.dumps(chunk)}\n\n"
