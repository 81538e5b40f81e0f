"""Each use of what Gradio does not promise, against a small page of Gradio's own. A test is named after its item."""

from __future__ import annotations

import inspect
import re
import threading
from collections.abc import AsyncIterator, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import gradio as gr
import httpx
import pytest
from gradio.utils import get_type_hints

from tests.support.pages import gradio_environment
from tests.support.patience import wait_until
from tests.support.served import REPLY_S, free_port
from ui import gradio_compat as compat

WAITED_FOR = threading.Event()  # by `waits`
SESSION = "a-session"


def asks(prefix: str, text: str, event: gr.EventData, request: gr.Request) -> str:
    """A handler of an event."""
    return f"{prefix} {text} {compat.posted(event)} {request.session_hash}"


def fails() -> str:
    raise gr.Error("No.", print_exception=False)


def waits() -> str:
    WAITED_FOR.wait()
    return "done"


async def tells(
    prefix: str, message: dict[str, Any], request: gr.Request, more: int = 1
) -> AsyncIterator[tuple[str, int]]:
    """Says what it was told."""
    yield f"{prefix} {message} {type(request).__name__}", more


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[gr.Blocks]:
    """Served by Gradio alone, without anything of ours in front."""
    with gradio_environment(tmp_path_factory.mktemp("uploads")):
        with gr.Blocks(analytics_enabled=False) as blocks:
            text, button = gr.Textbox(""), gr.Button()
            button.click(compat.bound(asks, "Asked:"), text, text, queue=False)
            button.click(fails, None, text, queue=False)
            button.click(waits, None, text)
            button.click(None, text, None, js="() => []")
            gr.api(compat.endpoint(tells, "Told:", tuple[str, int]), api_name="tells")
        compat.give_example(blocks, "tells", {"text": "Hello"})
        compat.slow_the_queue(blocks)
        blocks.launch(
            server_port=free_port(),
            prevent_thread_lock=True,
            quiet=True,
            ssr_mode=False,
            auth=[("Ann", "secret")],
        )
        yield blocks
        WAITED_FOR.set()
        blocks.close(verbose=False)


@pytest.fixture
def client(page: gr.Blocks) -> Iterator[httpx.Client]:
    """Who has logged in."""
    with httpx.Client(base_url=page.local_url, timeout=REPLY_S) as client:
        client.post("login", data={"username": "Ann", "password": "secret"}).raise_for_status()
        yield client


def number(page: gr.Blocks, name: str) -> int:
    return next(n for n, function in compat.functions(page).items() if function.name == name)


def posting(page: gr.Blocks, name: str, *data: object, **more: object) -> dict[str, Any]:
    return {"fn_index": number(page, name), "data": data, "session_hash": SESSION, **more}


def test_slow_the_queue(page: gr.Blocks) -> None:
    with gr.Blocks(analytics_enabled=False) as fresh:
        pass
    names = ("sleep_when_free", "progress_update_sleep_when_free")
    before = [getattr(fresh._queue, name) for name in names]
    assert all(a < b for a, b in zip(before, (0.02, 3600), strict=True))
    assert [getattr(page._queue, name) for name in names] == [0.02, 3600]
    looks = inspect.getsource(type(page._queue))
    assert all(f"asyncio.sleep(self.{name})" in looks for name in names)


def test_is_followed_and_requests_in_the_queue(page: gr.Blocks, client: httpx.Client) -> None:
    joined = client.post("gradio_api/queue/join", json=posting(page, "waits"), headers={"X-A": "b"})
    event = joined.raise_for_status().json()["event_id"]
    assert compat.is_followed(page, event) and compat.is_followed(page, SESSION)
    assert not compat.is_followed(page, "another")
    (request,) = compat.requests_in_the_queue(page)
    assert request.headers["x-a"] == "b"
    WAITED_FOR.set()
    heard = client.get(f"gradio_api/queue/data?session_hash={SESSION}").text
    assert '"data":["done"]' in heard.replace(" ", "")
    wait_until(lambda: not [*compat.requests_in_the_queue(page)])


def test_functions(page: gr.Blocks, client: httpx.Client) -> None:
    told = {str(d["id"]) for d in client.get("config").json()["dependencies"]}
    found = compat.functions(page)
    assert {str(n) for n in found} == told
    assert [f.queue for f in found.values()] == [False, False, True, False, True]
    assert [bool(f.fn) for f in found.values()] == [True, True, True, False, True]
    assert [[type(c) for c in f.inputs] for f in found.values()] == [
        [gr.Textbox],
        [],
        [],
        [gr.Textbox],
        [compat.ApiInput] * 2,
    ]
    assert found[4].api_name == "tells"


def test_bound_and_posted(page: gr.Blocks, client: httpx.Client) -> None:
    for sent, seen in (({"turn": 1}, {"turn": 1}), ("turn", {}), (["turn"], {}), (None, {})):
        asked = posting(page, "asks", "why?", event_data=sent)
        answer = client.post("gradio_api/run/predict", json=asked).raise_for_status().json()
        if sent is not None:
            assert answer["data"] == [f"Asked: why? {seen} {SESSION}"]


def test_bound_is_needed_because_a_partial_has_no_type_hints() -> None:
    assert get_type_hints(partial(asks, "Asked:")) == {}, "`bound` can go"


def test_endpoint_and_give_example(client: httpx.Client) -> None:
    described = client.get("gradio_api/info").json()["named_endpoints"]["/tells"]
    assert [p["parameter_name"] for p in described["parameters"]] == ["message", "more"]
    assert described["parameters"][0]["example_input"] == {"text": "Hello"}
    assert described["parameters"][1]["parameter_default"] == 1
    assert len(described["returns"]) == 2
    assert described["description"] == "Says what it was told."
    event = client.post("gradio_api/call/tells", json={"data": [{"a": 1}, 2]}).json()["event_id"]
    heard = client.get(f"gradio_api/call/tells/{event}").text
    assert "Told: {'a': 1} Request" in heard
    assert inspect.signature(tells).return_annotation == "AsyncIterator[tuple[str, int]]"


def test_as_update() -> None:
    assert compat.as_update(gr.Button(visible=False)) == gr.update(visible=False)
    assert compat.as_update("text") == "text"


def test_forget_session(page: gr.Blocks, client: httpx.Client) -> None:
    asked = posting(page, "asks", "why?", event_data={"turn": 1})
    client.post("gradio_api/run/predict", json=asked).raise_for_status()
    assert SESSION in page.state_holder.session_data
    compat.forget_session(page, SESSION)
    compat.forget_session(page, SESSION)
    assert SESSION not in page.state_holder.session_data


def test_passwords_log_ins_and_log_in_cookie(page: gr.Blocks, client: httpx.Client) -> None:
    assert compat.passwords(page.app) == {"Ann": "secret"}
    token = client.cookies[compat.log_in_cookie(page.app, encrypted=False)]
    assert compat.log_in_cookie(page.app, encrypted=True) in client.cookies
    assert compat.log_ins(page.app)[token] == "Ann"
    del compat.log_ins(page.app)[token]
    assert client.get("config").status_code == 401


def test_passwords_without_any() -> None:
    assert compat.passwords(object()) == compat.passwords(None) == {}


def test_uploaded_paths_upload_folder_is_stored_and_file_url(client: httpx.Client) -> None:
    answer = client.post("gradio_api/upload", files={"files": ("a b.txt", b"ab")})
    (path,) = compat.uploaded_paths(answer.content)
    assert Path(path).read_bytes() == b"ab"
    assert Path(path).is_relative_to(compat.upload_folder())
    meta = {"_type": "gradio.FileData"}
    assert compat.is_stored({"path": path, "meta": meta})
    for other in ("/etc/hostname", "\0", "a" * 5000):
        assert not compat.is_stored({"path": other, "meta": meta}), other
    assert client.get(compat.file_url(path)).content == b"ab"


def test_explains(page: gr.Blocks, client: httpx.Client) -> None:
    answer = client.post("gradio_api/run/predict", json=posting(page, "fails"))
    assert answer.status_code == 500
    assert compat.explains(answer.content)
    unexplained = client.post("gradio_api/run/predict", json=posting(page, "asks"))
    assert unexplained.status_code == 500
    assert not compat.explains(unexplained.content)
    assert not compat.explains(b"[]") and not compat.explains(b"Internal Server Error")


def test_session_not_found(client: httpx.Client) -> None:
    with client.stream("GET", "gradio_api/queue/data?session_hash=nobody") as answer:
        said = next(answer.iter_text())  # and then Gradio breaks the connection off
    assert said == compat.session_not_found()


def test_corrected_description(client: httpx.Client) -> None:
    info = client.get("gradio_api/info").json()
    written = info["named_endpoints"]["/tells"]["code_snippets"]
    assert "read EVENT_ID" in written["bash"] and "{command}" in written["cli"]
    here = str(client.base_url).rstrip("/")
    described = compat.corrected_description(info, here, "https://there")
    corrected = described["named_endpoints"]["/tells"]["code_snippets"]
    assert corrected["bash"].startswith("EVENT_ID=$(curl ") and "read" not in corrected["bash"]
    assert corrected["cli"].startswith(compat.COMMAND_LINE)
    assert all(here not in text and "https://there" in text for text in corrected.values())


def test_asked_by_nobody_and_page_address(page: gr.Blocks, client: httpx.Client) -> None:
    told = client.get("gradio_api/info", headers={"X-Gradio-Server": "http://far.example"}).text
    assert client.get("gradio_api/info").text == told  # of whoever asked first
    headers = [(b"host", b"a.example"), (b"x-forwarded-host", b"b.example"), (b"accept", b"*/*")]
    scope = {"type": "http", "scheme": "http", "server": ("127.0.0.1", 80), "path": "/gradio_api/info",
             "query_string": b"all_endpoints=1", "headers": headers, "app": page.app}  # fmt: skip
    assert compat.page_address(scope) == "http://b.example"
    asked = compat.asked_by_nobody(scope)
    assert compat.page_address(asked) == "http://page.invalid"
    assert asked["query_string"] == b"" and (b"accept", b"*/*") in asked["headers"]


def test_unsafe_eval_is_needed_because_the_front_end_compiles_strings() -> None:
    """Otherwise it can go from the policy in ui/http/headers.py, and from SECURITY.md."""
    folder = Path(gr.__file__).parent / "templates" / "frontend" / "assets"

    def read(name: str) -> str:
        (file,) = folder.glob(name)
        return file.read_text(encoding="utf-8")

    assert "Object.getPrototypeOf(async function(){}).constructor" in read("core-*.js"), "of events"
    assert "Function(`element`,`trigger`" in read("HTML-*.js"), "of js_on_load"
    assert re.search(r"Function\(\.\.\.\w+,`return ", read("HTML-*.js")), "of templates"


def test_signed_page_and_front_end(client: httpx.Client) -> None:
    page = client.get("").content
    assert page.count(b"<head>") == 1 and b"nonce" not in page.split(b"</head>")[0]
    signed = compat.signed_page(page, "<meta ours>", "123").decode()
    assert "<head><meta ours>" in signed
    scripts = re.findall(r"<script[^>]*>", signed)
    assert scripts and all(tag.startswith('<script nonce="123"') for tag in scripts)
    linked = re.findall(r'"\./?(/[^"]+)"', signed)
    named = [path for path in linked if path.startswith(f"{compat.FRONT_END}/")]
    assert named and all(re.search(r"-[\w-]{8}\.(js|css)$", path) for path in named)
    for path in named:
        file = compat.front_end_folder() / path.removeprefix(f"{compat.FRONT_END}/")
        assert client.get(path).content == file.read_bytes()
