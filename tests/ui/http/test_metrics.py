"""Prometheus' figures: what is counted, that nothing personal is among it, and who may see it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import gradio as gr
import httpx
import pytest
from gradio_client import handle_file
from gradio_client.exceptions import AppError
from prometheus_client.parser import text_string_to_metric_families
from starlette.applications import Starlette
from starlette.testclient import TestClient

from model.backend import CacheFigures, Delta
from model.errors import DemoError
from tests.support.fakes import USAGE, FakeBackend
from tests.support.media_files import solid
from tests.support.pages import gradio_environment, listening
from tests.support.patience import wait_until
from tests.support.served import program
from ui.http.access.metrics_route import MAX_TRIES, MetricsRoute
from ui.http.metrics import Metrics
from ui.page.build import build_page, launch_options

SECRET = "squeamish ossifrage"
ANN = ("ann", "one-secret")


@dataclass
class Served:
    """A page that listens."""

    backend: FakeBackend
    page: gr.Blocks
    address: str

    def text(self) -> str:
        answer = httpx.get(f"{self.address}metrics")
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/plain")
        return answer.text

    def figures(self) -> dict[str, float]:
        """Each by its name and the values of its labels: `answers_total stop`."""
        found = {}
        for family in text_string_to_metric_families(self.text()):
            for sample in family.samples:
                name = " ".join([sample.name.removeprefix("qwen_vl_"), *sample.labels.values()])
                found[name] = sample.value
        return found


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    backend = FakeBackend([Delta("An "), Delta(SECRET)])
    with gradio_environment(tmp_path / "uploads"):
        page = build_page(backend, queue_size=1, requests_per_minute=3)
        with listening(page, **launch_options(page, metrics=True)) as address:
            yield Served(backend, page, address)


def test_what_is_asked_and_answered_is_counted_and_not_told(served: Served, tmp_path: Path) -> None:
    client = program(served.address)
    picture = solid(tmp_path / "my-holiday.png")
    message = {"text": f"Who said {SECRET}?", "files": [handle_file(str(picture))]}
    assert SECRET in client.predict(message, {}, api_name="/chat")[0]
    text, figures = served.text(), served.figures()
    assert figures["answers_total stop"] == 1
    assert figures["tokens_total prompt"] == USAGE.prompt_tokens
    assert figures["tokens_total reused"] == USAGE.reused_tokens
    assert figures["tokens_total answer"] == USAGE.new_tokens
    assert (figures["uploads_total"], figures["upload_bytes_total"]) == (1, picture.stat().st_size)
    # 0.21 s
    assert figures["first_word_seconds_bucket 0.25"] == figures["first_word_seconds_count"] == 1
    assert figures["first_word_seconds_bucket 0.1"] == 0
    assert figures["conversations"] == figures["ready"] == 1
    assert figures["answers_running answering"] == 0
    assert figures["http_responses_total 200"] > 3
    assert figures["process_resident_memory_bytes"] > 2**20 and "cache_bytes" not in figures
    for personal in (SECRET, "holiday", "127.0.0.1", client.session_hash):
        assert personal not in text

    served.backend.events = [DemoError("No.")]
    with pytest.raises(AppError):
        client.predict({"text": "Hi", "files": []}, {}, api_name="/chat")
    assert served.figures()["answers_total failed"] == 1


def test_who_waits_and_who_is_refused_is_counted(served: Served) -> None:
    served.backend.gate = threading.Event()
    first, second = program(served.address), program(served.address)
    message = {"text": "Hi", "files": []}
    waiting = first.submit(message, {}, api_name="/chat")
    wait_until(lambda: served.figures()["answers_running queued"] == 1)
    with pytest.raises(AppError, match=r"^Waiting already: 1"):
        second.predict(message, {}, api_name="/chat")
    assert served.figures()["refusals_total queue"] == 1
    served.backend.gate.set()
    waiting.result()
    for _ in range(2):
        second.predict(message, {}, api_name="/chat")
    with pytest.raises(AppError, match="Too many messages"):
        second.predict(message, {}, api_name="/chat")
    served.page.tabs.ending = True
    with pytest.raises(AppError, match="shut down"):
        second.predict(message, {}, api_name="/chat")
    figures = served.figures()
    assert [figures[f"refusals_total {why}"] for why in ("queue", "rate", "ending")] == [1, 1, 1]
    assert figures["answers_running queued"] == 0
    assert httpx.get(f"{served.address}nowhere").status_code == 404
    assert served.figures()["http_responses_total 404"] == 1


def test_the_memory_of_a_model_in_this_process_is_told(served: Served) -> None:
    served.backend.figures = CacheFigures(300, 1000, 2, 5)
    figures = served.figures()
    assert (figures["cache_bytes"], figures["cache_limit_bytes"]) == (300, 1000)
    assert figures["cache_evictions_total conversation"] == 2
    assert figures["cache_evictions_total features"] == 5


def test_without_the_flag_there_is_no_such_page(tmp_path: Path) -> None:
    with gradio_environment(tmp_path / "uploads"), listening(build_page(FakeBackend())) as address:
        assert httpx.get(f"{address}metrics").status_code == 404


def client(logins: list[tuple[str, str]] | None = None, *, at: str = "127.0.0.1") -> TestClient:
    route = MetricsRoute(Starlette(), Metrics(), logins)
    return TestClient(route, client=(at, 50_000))


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("127.0.0.1", 200),
        ("::1", 200),
        ("10.1.2.3", 200),
        ("::ffff:192.168.1.7", 200),
        ("fd00::7", 200),
        ("8.8.8.8", 404),
        ("2001:4860:4860::8888", 404),
        ("::ffff:8.8.8.8", 404),
        ("testclient", 404),
    ],
)
def test_without_log_ins_only_who_is_near_sees_them(address: str, status: int) -> None:
    assert client(at=address).get("/metrics").status_code == status


@pytest.mark.parametrize(
    "header",
    [
        "X-Forwarded-For",
        "x-forwarded-host",
        "X-Forwarded-Proto",
        "Forwarded",
        "Via",
        "X-Real-IP",
        "CF-Connecting-IP",
    ],
)
def test_without_log_ins_nobody_sees_them_through_a_proxy_or_a_share_link(header: str) -> None:
    assert client().get("/metrics", headers={header: "10.1.2.3"}).status_code == 404


def test_with_log_ins_one_of_them_is_asked_for_from_everywhere() -> None:
    asked = client([ANN, ("bob", "täst:two")], at="8.8.8.8")
    refused = asked.get("/metrics")
    assert refused.status_code == 401
    assert refused.headers["www-authenticate"].startswith("Basic")
    forwarded = {"X-Forwarded-For": "8.8.8.8"}
    assert asked.get("/metrics", auth=ANN, headers=forwarded).status_code == 200
    assert asked.get("/metrics", auth=("bob", "täst:two".encode())).status_code == 200
    assert client([ANN]).get("/metrics").status_code == 401, "near, too"


@pytest.mark.parametrize(
    "header",
    ["Basic", "Basic !", "Basic YQ==", "Bearer one-secret", "Basic /w==", "Basic YW5uOg=="],
)
def test_what_is_no_log_in_is_refused(header: str) -> None:
    answer = client([ANN]).get("/metrics", headers={"Authorization": header})
    assert answer.status_code == 401


def test_nobody_can_guess_a_log_in_here_in_a_hurry() -> None:
    asked = client([ANN])
    statuses = [asked.get("/metrics", auth=("ann", str(n))).status_code for n in range(MAX_TRIES)]
    assert set(statuses) == {401}
    assert asked.get("/metrics", auth=ANN).status_code == 429, "a right one is not told from it"


def test_figures_are_read_only() -> None:
    assert client().post("/metrics").status_code == 405
    assert client().head("/metrics").status_code == 200
