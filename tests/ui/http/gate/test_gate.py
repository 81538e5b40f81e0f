"""What Gradio would do for any client, and that it is not asked to."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr
import httpx
import pytest
from gradio.components.api_component import Api
from PIL import Image as PillowImage
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from tests.support.fakes import FakeBackend
from tests.support.following import KEY
from tests.support.pages import gradio_environment, listening
from tests.support.patience import wait_until
from tests.support.served import REPLY_S
from ui.http.gate import gate
from ui.http.gate.gate import Gate
from ui.http.gate.routes import is_open
from ui.page.build import build_page

ADDRESS = "http://127.0.0.1:9/a.png"
FILE = {"path": ADDRESS, "meta": {"_type": "gradio.FileData"}}


@dataclass
class Served:
    """A page that listens."""

    backend: FakeBackend
    page: gr.Blocks
    client: httpx.Client

    def upload(self, file: Path) -> str:
        with file.open("rb") as content:
            answer = self.client.post("gradio_api/upload", files={"files": (file.name, content)})
        path: str = answer.json()[0]
        return path

    def call(self, name: str, session: str, *data: Any) -> str:
        """What a program is told in the end."""
        posted = {"data": data, "session_hash": session}
        event = self.client.post(f"gradio_api/call/{name}", json=posted).json()["event_id"]
        return self.client.get(f"gradio_api/call/{name}/{event}").text

    def press(self, target: str, *data: Any, **event: Any) -> httpx.Response:
        """What happens when the page's handler of this name is called, past the queue."""
        number = next(i for i, known in self.page.fns.items() if known.name == target)
        posted = {"data": data, "fn_index": number, "session_hash": "s", "event_data": event}
        return self.client.post("gradio_api/run/predict", json=posted)


def serve(**changed: Any) -> Iterator[Served]:
    backend = FakeBackend()
    page = build_page(backend)
    with listening(page, **changed) as url, httpx.Client(base_url=url, timeout=REPLY_S) as client:
        yield Served(backend, page, client)


@pytest.fixture(scope="module")
def uploads(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("uploads")
    with gradio_environment(folder):
        yield folder


@pytest.fixture(scope="module")
def plain(uploads: Path) -> Iterator[Served]:  # noqa: ARG001 (sets the folder)
    """The page without what stands in front of it, as Gradio serves it."""
    yield from serve(app_kwargs={}, enable_monitoring=None)


@pytest.fixture(scope="module")
def _served(uploads: Path) -> Iterator[Served]:  # noqa: ARG001 (sets the folder)
    yield from serve()


@pytest.fixture
def served(_served: Served) -> Served:
    vars(_served.backend).update(vars(FakeBackend()))
    return _served


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    PillowImage.new("RGB", (64, 48), "red").save(tmp_path / "red.png")
    return tmp_path / "red.png"


@pytest.mark.parametrize(
    ("method", "route"),
    [
        ("GET", f"gradio_api/file={ADDRESS}"),
        ("GET", "gradio_api/proxy=https://example.hf.space/a.png"),
        ("GET", "gradio_api/file//etc/hosts"),
        ("POST", "gradio_api/component_server"),
        ("POST", "gradio_api/run/reset"),
        ("POST", "gradio_api/api/reset"),
        ("POST", "gradio_api/call/v2/submit"),
        ("POST", "gradio_api/call/submit"),
        ("POST", "gradio_api/reset"),
        ("POST", "gradio_api/process_recording"),
        ("POST", "gradio_api/vibe-edit"),
        ("GET", "gradio_api/vibe-code"),
        ("GET", "gradio_api/queue/status"),
        ("GET", "gradio_api/deep_link?session_hash=s"),
        ("GET", "gradio_api/openapi.json"),
        ("GET", "gradio_api/token"),
        ("GET", "svelte/index.js"),
        ("GET", "monitoring"),
        ("GET", "monitoring/summary"),
        ("GET", "?deep_link=0123456789abcdef"),
        ("GET", "config?page=other"),
        ("GET", f"assets/{'a' * 300}"),
        ("GET", f"static/{'%C3%A9' * 200}"),
        ("GET", f"static/{'a/' * 3000}a"),
    ],
)
def test_what_the_page_does_not_need_is_not_there(
    plain: Served, served: Served, method: str, route: str
) -> None:
    def asked(page: Served) -> tuple[int, str]:
        body = {"data": [], "event_id": "e", "prompt": "", "session_hash": "s"}
        try:
            answer = page.client.request(method, route, json=body if method == "POST" else None)
        except (httpx.RemoteProtocolError, httpx.ReadError):
            return 200, "it hung up"
        return answer.status_code, answer.text

    assert asked(plain) != asked(served) == (404, '{"error":"Not Found","detail":"Not Found"}')


# What the page and its clients ask for, as Gradio spells it. Everything else is closed, and so is what an upgrade adds.
OPEN = {
    "GET /", "HEAD /", "GET /assets/{path:path}", "GET /assets/{name:path}",
    "HEAD /assets/{name:path}", "GET /static/{path:path}", "GET /config", "GET /config/",
    "GET /favicon.ico", "GET /manifest.json", "GET /robots.txt", "GET /theme.css",
    "GET /gradio_api/app_id", "GET /gradio_api/app_id/", "GET /gradio_api/info", "GET /gradio_api/info/",
    "GET /gradio_api/login_check", "GET /gradio_api/login_check/", "GET /gradio_api/user", "GET /gradio_api/user/",
    "GET /gradio_api/startup-events", "GET /gradio_api/theme.css",
    "GET /gradio_api/file={path_or_url:path}", "HEAD /gradio_api/file={path_or_url:path}",
    "GET /gradio_api/queue/data", "GET /gradio_api/heartbeat/{session_hash}",
    "GET /gradio_api/call/{api_name}/{event_id}", "GET /gradio_api/call/v2/{api_name}/{event_id}",
    "POST /gradio_api/call/{api_name}", "POST /gradio_api/call/{api_name}/",
    "POST /gradio_api/call/v2/{api_name}", "POST /gradio_api/call/v2/{api_name}/",
    "POST /gradio_api/queue/join", "POST /gradio_api/cancel", "POST /gradio_api/upload",
}  # fmt: skip
SAMPLES = {"session_hash": "s", "api_name": "chat", "event_id": "0af"}


def routes_of(router: Any) -> Iterator[Any]:
    for route in router.routes:
        inside = getattr(route, "original_router", None)
        yield from routes_of(inside) if inside else [route]


def test_of_gradios_routes_those_are_open_that_are_listed(served: Served) -> None:
    """`/gradio_api/run/predict` has no route of its own."""
    opened = set()
    for route in routes_of(served.page.app):
        path = re.sub(r"\{(\w+)(?::\w+)?\}", lambda part: SAMPLES.get(part[1], "a"), route.path)
        for method in getattr(route, "methods", None) or ():
            if is_open({"type": "http", "method": method, "query_string": b""}, path):
                opened.add(f"{method} {route.path}")
    assert opened == OPEN


@pytest.mark.parametrize(
    "place", [{"X-Forwarded-Host": "far.example"}, {"X-Gradio-Server": "http://far.example"}]
)
def test_where_one_says_that_the_page_is_nobody_else_is_told(
    served: Served, place: dict[str, str]
) -> None:
    """The first description of the API is kept for everybody."""

    def told(**headers: str) -> str:
        return served.client.get("gradio_api/info", headers=headers).raise_for_status().text

    assert "http://far.example" in told(**place)
    assert "far.example" not in told() and str(served.client.base_url).rstrip("/") in told()


def test_the_description_of_the_api_is_one_whatever_is_asked_for(served: Served) -> None:
    told = [served.client.get(f"gradio_api/info{query}") for query in ("", "?all_endpoints=true")]
    assert [answer.status_code for answer in told] == [200, 200] and told[0].text == told[1].text


def test_a_posted_address_is_not_fetched_but_refused_by_us(
    plain: Served, served: Served, capsys: pytest.CaptureFixture[str]
) -> None:
    message = {"text": "Hi", "files": [FILE]}
    for endpoint in ("chat", "estimate"):
        # Gradio has looked whether it may fetch from there, which from a public address it may.
        assert '"error": null' in plain.call(endpoint, "s", message, {})
        assert "127.0.0.1 failed validation" in capsys.readouterr().err
        assert "is a web address" in served.call(endpoint, "s", message, {})
    assert plain.press("stop", FILE).status_code == 500
    assert "127.0.0.1 failed validation" in capsys.readouterr().err
    assert served.press("stop", FILE).status_code == 422
    assert "failed validation" not in capsys.readouterr().err


def test_functions_take_from_the_browser_only_what_is_checked_neither_controls_nor_conversation(
    served: Served,
) -> None:
    known = [function for function in served.page.fns.values() if function.fn]
    taken = {type(component) for function in known for component in function.inputs}
    assert taken == {gr.Textbox, gr.Radio, gr.JSON, Api}


def test_somebody_elses_upload_is_not_read(served: Served, picture: Path) -> None:
    path = served.upload(picture)
    message = {"text": "What?", "files": [{"path": path}]}
    assert "Hello" in served.call("chat", "mine", message, {})
    for endpoint in ("chat", "estimate"):
        assert "was not uploaded here" in served.call(endpoint, "theirs", message, {})
    served.press("clear", "a" * 32)  # which opens a tab
    shown = served.press("attach", "a" * 32, files=[{"path": path, "name": "a.png"}])
    assert "was not uploaded here" in shown.text and "<img" not in shown.text
    assert "prompt_tokens" in served.call("estimate", "mine", message, {})


def test_the_same_picture_from_two_people_is_both_of_theirs(served: Served, picture: Path) -> None:
    paths = {served.upload(picture), served.upload(picture)}
    assert len(paths) == 1  # Gradio names files by their content
    message = {"text": "What?", "files": [{"path": paths.pop()}]}
    for session in ("ann", "bob"):
        assert "Hello" in served.call("chat", session, message, {})


def test_an_answer_is_ended_only_by_whoever_asked(served: Served) -> None:
    served.backend.gate = threading.Event()
    posted = {"data": [{"text": "Hi"}, {}], "session_hash": "victim"}
    event = served.client.post("gradio_api/call/chat", json=posted).json()["event_id"]
    wait_until(lambda: served.backend.calls)
    (number,) = (i for i, known in served.page.fns.items() if known.api_name == "chat")
    for session, ended in (("stranger", event), ("victim", "0" * 32)):
        named = {"session_hash": session, "fn_index": number + 1, "event_id": ended}
        assert served.client.post("gradio_api/cancel", json=named).status_code == 200
    assert served.client.post(f"gradio_api/stream/{event}/close").status_code == 404
    assert [served.press(name, KEY).status_code for name in ("clear", "stop")] == [200, 200]
    served.call("reset", "stranger")
    served.backend.gate.set()
    assert "Hello" in served.client.get(f"gradio_api/call/chat/{event}").text


def test_one_address_takes_neither_all_of_the_queue_nor_what_is_left_to_others(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    most = 45  # as many as Gradio handles at once by itself, and some
    monkeypatch.setattr(gate, "MAX_EVENTS_OF_ONE", most)
    served.backend.gate = threading.Event()
    stranger, other = ({"X-Forwarded-For": f"198.51.100.{n}"} for n in (7, 9))

    def ask(sender: dict[str, str], session: str, endpoint: str = "chat") -> httpx.Response:
        posted = {"data": [{"text": "Hi"}, {}], "session_hash": session}
        route = f"gradio_api/call/{endpoint}"
        return served.client.post(route, json=posted, headers=sender)

    try:
        events = [ask(stranger, f"s{n}").json()["event_id"] for n in range(most)]
        assert ask(stranger, "more").status_code == 429
        event = ask(other, "other", "estimate").json()["event_id"]
        told = served.client.get(f"gradio_api/call/estimate/{event}")
        assert "prompt_tokens" in told.text
    finally:
        served.backend.gate.set()
    for event in events:
        served.client.get(f"gradio_api/call/chat/{event}")
    assert ask(stranger, "later").status_code == 200


def test_a_sentence_for_the_client_is_the_clients_fault(plain: Served, served: Served) -> None:
    assert plain.press("undo", "no key").status_code == 500
    refused = served.press("undo", "no key")
    assert refused.status_code == 422 and "reload" in refused.json()["error"].lower()


@pytest.mark.parametrize("ranges", ["bytes=0-0,2-2", "bytes=\u00b2-\u00b2", "bytes=--", "bytes=5-2", "bytes=-5", "bytes=99999999-", "a-b"])  # fmt: skip
def test_no_range_is_a_failure_of_the_server(served: Served, picture: Path, ranges: str) -> None:
    asked = {b"Range": ranges.encode("latin-1")}
    answer = served.client.get(f"gradio_api/file={served.upload(picture)}", headers=asked)
    assert answer.status_code in (200, 206, 416)


def test_who_follows_nothing_is_told_so_and_leaves_no_traceback(
    served: Served, capfd: pytest.CaptureFixture[str]
) -> None:
    for event in ("aaaa", "0" * 32):
        assert served.client.get(f"gradio_api/call/chat/{event}").status_code == 404
    told = served.client.get("gradio_api/queue/data?session_hash=nobody")
    assert told.headers["content-type"].startswith("text/event-stream")
    assert json.loads(told.text.removeprefix("data: "))["session_not_found"] is True
    assert "Traceback" not in "".join(capfd.readouterr())


@pytest.mark.parametrize(
    "file", ["/etc/hostname", str(Path(__file__).resolve()), "app.py", "../app.py"]
)
def test_files_of_the_machine_are_not_served(served: Served, picture: Path, file: str) -> None:
    assert served.client.get(f"gradio_api/file={served.upload(picture)}").status_code == 200
    assert served.client.get(f"gradio_api/file={file}").status_code in (403, 404)


def test_an_upload_arrives_without_an_id_whose_progress_would_be_kept() -> None:
    async def reached(request: Request) -> JSONResponse:
        return JSONResponse([request.url.query])

    app = Starlette(routes=[Route("/gradio_api/upload", reached, methods=["POST"])])
    app.add_middleware(Gate, inputs={}, uploaded=lambda *_: None)
    answer = TestClient(app).post("/gradio_api/upload?upload_id=mine")
    assert answer.json() == [""]


@pytest.mark.parametrize(("status", "heard"), [(200, [["a.png"]]), (413, [])])
def test_only_an_upload_that_was_stored_is_told(status: int, heard: list[Any]) -> None:
    async def reached(_: Request) -> JSONResponse:
        return JSONResponse(["a.png"], status)

    told: list[Any] = []
    app = Starlette(routes=[Route("/gradio_api/upload", reached, methods=["POST"])])
    app.add_middleware(Gate, inputs={}, uploaded=lambda paths, _: told.append(paths))
    assert TestClient(app).post("/gradio_api/upload").status_code == status
    assert told == heard
