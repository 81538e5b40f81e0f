"""The page as Gradio serves it, without a browser."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr
import httpx
import pytest
from starlette.applications import Starlette
from starlette.responses import HTMLResponse, PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from model.settings import SETTING_SPECS, Bounds, DefaultSettings, GenerationSettings
from tests.support.fakes import FakeBackend
from tests.support.pages import gradio_environment, listening
from tests.support.served import REPLY_S
from ui.gradio_compat import QUEUE_LOOKS_EVERY_S
from ui.http import scripts
from ui.http.asker import BROWSER_COOKIE
from ui.http.headers import FOREVER, PRIVATE, PageHeaders, content_security_policy
from ui.page.build import build_page, launch_options

IDS = [
    "chatbot",
    "live",
    "composer",
    "tray",
    "cost-card",
    "retry",
    "undo",
    "clear",
    "copy",
    "reproduce",
    "export",
    "retry-penalised",
    "model-banner",
    "stats",
    "run-state",
    "language",
]


OWN = DefaultSettings.within(
    {
        **dict.fromkeys(("min_tokens", "max_tokens"), Bounds(64, 256)),
        "resized_width": Bounds(32, None, 32),
    },
    GenerationSettings(repetition_penalty=1.05),
)


@pytest.fixture(scope="module")
def page() -> Iterator[gr.Blocks]:
    page = build_page(FakeBackend(defaults=OWN), given={"max_tokens": 99})
    yield page
    page.close()


@pytest.fixture(scope="module")
def config(page: gr.Blocks) -> dict[str, Any]:
    config: dict[str, Any] = page.get_config_file()
    return config


def elements(config: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {c["props"]["elem_id"]: c for c in config["components"] if c["props"].get("elem_id")}


def test_every_element_that_outside_checks_rely_on_is_there(config: dict[str, Any]) -> None:
    wanted = {*IDS, *(spec.name.replace("_", "-") for spec in SETTING_SPECS)}
    assert wanted <= set(elements(config))


def test_the_given_defaults_are_on_the_page(config: dict[str, Any]) -> None:
    assert elements(config)["max-tokens"]["props"]["value"] == 99


def test_what_the_checkpoint_says_of_itself_is_on_the_page(config: dict[str, Any]) -> None:
    found = elements(config)
    assert found["repetition-penalty"]["props"]["value"] == 1.05
    sizes = [found[name]["props"] for name in ("min-tokens", "max-tokens")]
    assert [(size["minimum"], size["maximum"]) for size in sizes] == [(64, 256)] * 2
    assert found["min-tokens"]["props"]["value"] == 64
    assert found["resized-width"]["props"]["step"] == 32


def test_the_chatbot_is_never_an_input(config: dict[str, Any]) -> None:
    chatbot = elements(config)["chatbot"]["id"]
    posting = [event for event in config["dependencies"] if event["backend_fn"]]
    assert posting and all(chatbot not in event["inputs"] for event in posting)
    assert any(chatbot in event["outputs"] for event in config["dependencies"])


def test_only_the_three_endpoints_are_public(config: dict[str, Any]) -> None:
    public = {e["api_name"] for e in config["dependencies"] if e["api_visibility"] == "public"}
    assert public == {"chat", "continue", "estimate", "reset"}


def test_nothing_is_fetched_from_elsewhere(page: gr.Blocks, config: dict[str, Any]) -> None:
    options = launch_options(page)
    assert options["theme"]._stylesheets == [] and not config.get("stylesheets")
    modules = (module.read_text(encoding="utf-8") for module in scripts.FOLDER.glob("*.js"))
    for text in (options["css"], *modules):
        assert "://" not in text.replace("http://www.w3.org", "")


def test_what_is_not_needed_is_off(page: gr.Blocks) -> None:
    options = launch_options(page, max_file_mb=3)
    assert options["max_file_size"] == 3 * 2**20
    off = ("ssr_mode", "run_history", "enable_monitoring")
    assert [options[name] for name in off] == [False] * 3
    assert options["footer_links"] == []
    assert (page.api_open, page.analytics_enabled) == (False, False)


def test_every_response_carries_the_policy_and_a_browser_is_known_again() -> None:
    async def hello(_: Any) -> PlainTextResponse:
        return PlainTextResponse("hello")

    asked: list[str] = []
    app = Starlette(routes=[Route("/", hello), Route("/other", hello)])
    app.add_middleware(PageHeaders, head="", page_requested=asked.append)
    client = TestClient(app)
    headers = client.get("/other").headers
    assert "img-src 'self' data: blob:" in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert "camera=(self), display-capture=(self)" in headers["permissions-policy"]
    assert asked == []
    client.get("/")
    client.get("/")
    assert asked == ["testclient", client.cookies[BROWSER_COOKIE]]


def test_what_is_named_after_its_content_is_fetched_once_and_the_page_each_time(
    tmp_path: Path,
) -> None:
    with (
        gradio_environment(tmp_path),
        listening(build_page(FakeBackend())) as address,
        httpx.Client(base_url=address, timeout=REPLY_S) as client,
    ):
        html = client.get("/")
        (script,) = re.findall(r'src="\./(assets/index-[^"]+\.js)"', html.text)
        assert client.get(script).headers["cache-control"] == FOREVER
        assert client.get("/").headers["cache-control"] == PRIVATE
        assert "cache-control" not in client.get("/assets/none.js").headers


def test_the_page_is_sent_compressed_to_whoever_takes_that() -> None:
    html = "<head>" + "<script>1</script>" * 1000

    async def written(_: Any) -> HTMLResponse:
        return HTMLResponse(html)

    app = Starlette(routes=[Route("/", written)])
    app.add_middleware(PageHeaders, head="<script>0</script>", page_requested=lambda _: None)
    client = TestClient(app)
    plain = client.get("/", headers={"Accept-Encoding": "identity"})
    packed = client.get("/", headers={"Accept-Encoding": "gzip"})
    assert "Content-Encoding" not in plain.headers and packed.headers["Content-Encoding"] == "gzip"
    assert int(packed.headers["Content-Length"]) < len(html) / 10
    assert len(packed.text) == len(plain.text) > len(html)


def test_only_scripts_of_the_page_itself_may_run() -> None:
    async def written(_: Any) -> HTMLResponse:
        return HTMLResponse("<head><script>1</script><script src=a.js></script><scripture>")

    app = Starlette(routes=[Route("/", written)])
    app.add_middleware(PageHeaders, head="<script>0</script>", page_requested=lambda _: None)
    first = TestClient(app).get("/")
    second = TestClient(app, root_path="/behind/a/proxy").get("/behind/a/proxy/")
    policy = first.headers["content-security-policy"]
    assert "'unsafe-inline'" not in policy.split("script-src")[1].split(";")[0]
    nonce = policy.split("'nonce-")[1].split("'")[0]
    assert first.text == (
        f'<head><script nonce="{nonce}">0</script><script nonce="{nonce}">1</script>'
        f'<script nonce="{nonce}" src=a.js></script><scripture>'
    )
    assert nonce not in second.text


def test_a_space_may_be_framed_by_its_hub_and_by_nobody_else() -> None:
    ancestors = content_security_policy("").split("frame-ancestors ")[1]
    assert ancestors == "'self' https://huggingface.co https://*.huggingface.co"


def test_reading_ahead_costs_nothing_when_it_is_switched_off(page: gr.Blocks) -> None:
    def reads_ahead(page: gr.Blocks) -> bool:
        return any(fn.name == "read_ahead" for fn in page.fns.values())

    without = build_page(FakeBackend(), read_ahead=False)
    assert reads_ahead(page) and not reads_ahead(without)
    without.close()


def test_no_event_copies_what_it_updates_to_show_progress_on_it(page: gr.Blocks) -> None:
    wired = [event for event in page.fns.values() if event.api_visibility == "private"]
    assert len(wired) > 40
    shown = {event.name for event in wired if event.outputs and event.show_progress_on != []}
    assert shown == set()


def test_an_idle_server_lets_the_model_have_the_interpreter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    naps: list[float] = []
    sleep = asyncio.sleep

    async def counted(seconds: float) -> None:
        naps.append(seconds)
        await sleep(seconds)

    monkeypatch.setattr(asyncio, "sleep", counted)
    with gradio_environment(tmp_path), listening(build_page(FakeBackend())):
        time.sleep(1.0)
    assert len(naps) > 1 and min(naps) >= QUEUE_LOOKS_EVERY_S
