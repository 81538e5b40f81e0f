"""Posted JSON: only what the page and its API post arrives, and the rest is refused before it costs anything."""

from __future__ import annotations

import asyncio
import json
import re
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient
from starlette.types import Message

from model.json_size import Nodes
from ui.http.body import MAX_BYTES, MAX_CHARACTERS, MAX_SMALL_BYTES
from ui.http.gate.gate import Gate
from ui.http.gate.posted import MAX_FILES, Inputs, Posted

ADDRESS = "http://127.0.0.1:9/a.png"
PIECE = 2**16  # that arrives at once


@pytest.fixture
def through() -> TestClient:
    """What reaches an application behind the gate, that has a function with a text and a number, and such a one in the queue."""

    async def reached(request: Request) -> JSONResponse:
        return JSONResponse(await request.json())

    routes = [
        Route(f"/gradio_api/{route}", reached, methods=["POST"])
        for route in ("queue/join", "run/predict", "call/chat", "cancel")
    ]
    app = Starlette(routes=routes)
    inputs: Inputs = [(str,), (int, float), None, frozenset({"en", "ko"})]
    app.add_middleware(Gate, inputs={3: inputs, 4: inputs}, uploaded=lambda *_: None, queued={4})
    return TestClient(app)


GOOD: dict[str, Any] = {
    "data": ["Hi", 2, None, "ko"],
    "fn_index": 3,
    "session_hash": "abc",
    "trigger_id": None,
    "event_data": None,
}


def test_what_the_page_posts_arrives_and_nothing_else(through: TestClient) -> None:
    more = {"batched": True, "event_id": "theirs", "oauth_token": "x", "simple_format": True}
    for route, number in (("queue/join", 4), ("run/predict", 3)):
        known = {**GOOD, "fn_index": number}
        assert through.post(f"/gradio_api/{route}", json={**known, **more}).json() == known


def test_what_does_not_wait_in_the_queue_is_not_reached_through_it(through: TestClient) -> None:
    """Gradio's queue does not say who asks, so nothing that counts messages may come by it."""
    for route, number in (("queue/join", 3), ("run/predict", 4)):
        answer = through.post(f"/gradio_api/{route}", json={**GOOD, "fn_index": number})
        assert answer.status_code == 422


@pytest.mark.parametrize(
    "wrong",
    [
        {"data": None},
        {"data": ["Hi", 2]},
        {"data": ["Hi", "2", None, "ko"]},
        {"data": ["Hi", True, None, "ko"]},
        {"data": [None, 2, None, "ko"]},
        {"data": ["Hi", 2, None, "xx"]},
        {"data": ["Hi", 2, None, ["ko"]]},
        {"fn_index": 4},
        {"fn_index": None},
        {"fn_index": 3.0},
        {"fn_index": True},
        {"session_hash": None},
        {"session_hash": "../a"},
        {"session_hash": "a" * 65},
        {"trigger_id": "1"},
        {"event_data": {"path": "/etc/passwd"}},
        {"event_data": [[{"path": "x" * 5000}]]},
        {"event_data": {"path": "\0"}},
        {"event_data": [{"path": "a"}] * (MAX_FILES + 1)},
    ],
)
def test_what_no_page_posts_is_refused(through: TestClient, wrong: dict[str, Any]) -> None:
    answer = through.post("/gradio_api/run/predict", json={**GOOD, **wrong})
    assert answer.status_code == 422 and answer.json()["error"] == answer.json()["detail"]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b'{"data": [',
        b'{"data": [NaN]}',
        b'{"data": [1e999]}',
        b'{"data": ["\\ud800"]}',
        b'{"data": [' + b"9" * 5000 + b"]}",
        b'{"data": ' + b"[" * 40 + b"]" * 40 + b"}",
        b'{"data": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b"\xff\xfe",
    ],
)
def test_what_is_no_proper_json_is_refused(through: TestClient, content: bytes) -> None:
    assert through.post("/gradio_api/call/chat", content=content).status_code in (400, 422)


@pytest.mark.parametrize(
    ("path", "most"),
    [
        ("call/chat", MAX_BYTES),
        ("call/reset", MAX_SMALL_BYTES),
        ("cancel", MAX_SMALL_BYTES),
        ("no/such", MAX_SMALL_BYTES),
    ],
)
def test_a_body_that_never_ends_is_not_kept(path: str, most: int) -> None:
    read, sent = 0, list[Message]()

    async def receive() -> Message:
        nonlocal read
        read += 1
        return {"type": "http.request", "body": b" " * PIECE, "more_body": True}

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": f"/gradio_api/{path}", "headers": [], "query_string": b""}  # fmt: skip
    asyncio.run(Gate(PlainTextResponse("kept"), {}, lambda *_: None)(scope, receive, send))
    assert sent[0]["status"] == 413 and read <= most // PIECE + 1


WIDE = {
    "lists": b"[],",
    "objects": b'{"a":1},',
    "numbers": b"1,",
    "texts": b'"a\\\\",',
    "files": b'{"path":"a"},',
}


@pytest.mark.parametrize("value", WIDE.values(), ids=WIDE)
def test_more_values_than_a_page_has_are_not_even_parsed(value: bytes) -> None:
    """Parsing a mebibyte of them, and looking through it, takes seconds in which nobody else is served."""
    read, sent = 0, list[Message]()

    async def receive() -> Message:
        nonlocal read
        read += 1
        return {"type": "http.request", "body": value * (PIECE // len(value)), "more_body": True}

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": "/gradio_api/call/chat", "headers": [], "query_string": b""}  # fmt: skip
    asyncio.run(Gate(PlainTextResponse("kept"), {}, lambda *_: None)(scope, receive, send))
    assert sent[0]["status"] == 422 and read <= 2


ODD = {
    "quotes": b'\\"',
    "backslashes": rb"\\",
    "lines": rb"\n",
    "a name": b"k",
    "digits": b"1",
    "spaces": b" ",
    "UTF-32": "k".encode("utf-32-be"),
}


@pytest.mark.parametrize("value", ODD.values(), ids=ODD)
def test_more_characters_than_a_message_has_are_not_even_parsed(value: bytes) -> None:
    """Escaped ones take Python six bytes and most of its time: 7 MB of quotes held the page for 0.3 s."""
    sent = list[Message]()
    start = b"" if value in (b"1", b" ") else b'"'
    body = start + value * (MAX_CHARACTERS + 2 * PIECE)
    pieces = [body[at : at + PIECE] for at in range(0, len(body), PIECE)]

    async def receive() -> Message:
        return {"type": "http.request", "body": pieces.pop(0), "more_body": bool(pieces)}

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": "/gradio_api/call/chat", "headers": [], "query_string": b""}  # fmt: skip
    asyncio.run(Gate(PlainTextResponse("kept"), {}, lambda *_: None)(scope, receive, send))
    assert sent[0]["status"] == 413 and pieces


def test_a_long_message_is_parsed_beside_the_event_loop(through: TestClient) -> None:
    on_a_loop: list[bool] = []

    class Watched(Posted):
        def checked(self, body: bytes, path: str) -> bytes:
            on_a_loop.append(asyncio._get_running_loop() is not None)
            return super().checked(body, path)

    app = Gate(through.app, {}, lambda *_: None)
    app.posted = Watched({})
    for length in (MAX_SMALL_BYTES, 10):
        answer = TestClient(app).post("/gradio_api/call/chat", json={"data": ["x" * length]})
        assert len(answer.json()["data"][0]) == length
    assert on_a_loop == [False, True]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
@pytest.mark.parametrize(
    "posted",
    [
        {"data": ['[{,:"' * 300, "\\" * 301, '\\"' * 33, "図\n"], "a": {"b": [1, 2, {}]}},
        [[], [[]], {"\\": "\\"}],
        "[,{:",
    ],
)
@pytest.mark.parametrize("ascii_only", [True, False])
def test_values_and_characters_are_counted_wherever_the_body_is_cut(
    posted: object, size: int, ascii_only: bool
) -> None:
    text = json.dumps(posted, ensure_ascii=ascii_only)
    body = text.encode()
    bare = re.sub(rb'"(?:[^"\\]|\\.)*"', b"", body)
    nodes = Nodes()
    for start in range(0, len(body), size):
        nodes.read(body[start : start + size])
    assert nodes.count == sum(map(bare.count, (b"[", b"{", b",", b":")))
    assert nodes.characters == len(re.sub(r"\\(?:u[0-9a-f]{4}|.)", "x", text))


def test_a_long_text_in_any_script_arrives(through: TestClient) -> None:
    text = "図" * 1_000_000
    escaped = json.dumps({"data": [{"text": text}]})
    answer = through.post("/gradio_api/call/chat", content=escaped)
    assert answer.json()["data"][0] == {"text": text}


@pytest.mark.parametrize("meta", [{"_type": "gradio.FileData"}, {}, 3, None])
def test_a_file_is_none_to_gradio(through: TestClient, meta: object) -> None:
    deep = {
        "a": [{"path": ADDRESS, "meta": meta, "url": ADDRESS, "b": {"path": "x", "meta": meta}}]
    }
    answer = through.post("/gradio_api/call/chat", json={"data": [deep]})
    assert "meta" not in answer.text and answer.text.count(ADDRESS) == 2
