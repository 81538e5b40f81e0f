"""Two pages in front of one server: they share it and nothing else."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import gradio as gr
import httpx
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError

from model.remote.backend import RemoteBackend
from model.remote.http.connection import Connection
from tests.support.media_files import solid
from tests.support.openai_server import OpenAIServer, Told
from tests.support.pages import gradio_environment, listening
from tests.support.patience import wait_until
from tests.support.served import program
from ui.page.build import build_page, launch_options

pytestmark = pytest.mark.slow


@dataclass
class Replica:
    """A page, and where it listens."""

    page: gr.Blocks
    address: str

    def client(self) -> Client:
        return program(self.address)

    def answers(self) -> int:
        text = httpx.get(f"{self.address}metrics").text
        counted = [line for line in text.splitlines() if line.startswith("qwen_vl_answers_total{")]
        return sum(int(float(line.split()[-1])) for line in counted)


@contextmanager
def replica(engine: OpenAIServer, uploads: Path) -> Iterator[Replica]:
    with gradio_environment(uploads):
        page = build_page(RemoteBackend.connect(Connection(engine.base)))
        with listening(page, **launch_options(page, metrics=True)) as address:
            yield Replica(page, address)


@pytest.fixture
def engine() -> Iterator[OpenAIServer]:
    with OpenAIServer().running() as engine:
        yield engine


@pytest.fixture
def pages(engine: OpenAIServer, tmp_path: Path) -> Iterator[tuple[Replica, Replica]]:
    with ExitStack() as running:
        first, second = (
            running.enter_context(replica(engine, tmp_path / "uploads")) for _ in range(2)
        )
        yield first, second


def ask(client: Client, text: str, *files: Path, session: str = "") -> str:
    message = {"text": text, "files": [handle_file(str(file)) for file in files]}
    if session:
        client.session_hash = session
    answer: str = client.predict(message, {}, api_name="/chat")[0]
    return answer


def test_each_knows_its_own_conversations_only(
    engine: OpenAIServer, pages: tuple[Replica, Replica], tmp_path: Path
) -> None:
    first, second = pages
    one, other = first.client(), second.client()
    other.session_hash = one.session_hash  # a cookie led the same person to the other page
    ask(one, "my name is Ann", solid(tmp_path / "a.png"))
    ask(one, "go on")
    ask(other, "and I am Bob")
    told = [asked.text for asked in engine.asked]
    assert ["Ann" in text for text in told] == [True, True, False]
    assert ["image_url" in text for text in told] == [True, True, False]
    assert (first.answers(), second.answers()) == (2, 1)


def test_both_are_answered_at_once_and_one_goes_on_without_the_other(
    engine: OpenAIServer, pages: tuple[Replica, Replica]
) -> None:
    first, second = pages
    engine.replies = [Told(silent=True), Told(silent=True), Told(["from the server"])]
    jobs = [page.client().submit(json_message("wait"), {}, api_name="/chat") for page in pages]
    wait_until(lambda: len(engine.asked) == 2)
    first.page.tabs.end()
    assert engine.left.wait(60), "the server is told that one of them has gone"
    jobs[0].result()
    with pytest.raises(AppError, match="shut down"):
        ask(first.client(), "one more")
    assert ask(second.client(), "are you there?") == "from the server"
    assert not jobs[1].done()
    second.page.tabs.end()
    jobs[1].result()


def json_message(text: str) -> dict[str, object]:
    return {"text": text, "files": []}


def test_what_both_ask_at_once_is_not_mixed_up(
    engine: OpenAIServer, pages: tuple[Replica, Replica]
) -> None:
    answers: dict[str, str] = {}

    def talk(replica: Replica, name: str) -> None:
        client = replica.client()
        for _ in range(3):
            answers[name] = ask(client, f"I am {name}.")

    people = [
        threading.Thread(target=talk, args=(page, f"{name}{number}"))
        for number, page in enumerate(pages)
        for name in ("Ann", "Bob")
    ]
    for person in people:
        person.start()
    for person in people:
        person.join(60)
    assert set(answers.values()) == {"Hello"} and len(answers) == 4
    for asked in engine.asked:
        said = json.dumps(asked.body["messages"])
        assert sum(name in said for name in answers) == 1, "each request is one person's"
    assert [page.answers() for page in pages] == [6, 6]
