"""Programs ask as their authors write it: in order or by name, with settings or without, in three languages."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

import httpx
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from PIL import Image as PillowImage

from model.backend import Delta
from model.conversation import Image, Part, Text, Video
from tests.support import media_files
from tests.support.fakes import FakeBackend
from tests.support.pages import gradio_environment, listening
from tests.support.served import REPLY_S, program
from ui.page.build import build_page

HELLO = {"text": "Hello", "files": []}


class Served:
    """A page with a fake model, listening."""

    url: str

    def __init__(self) -> None:
        self.backend = FakeBackend([Delta("Hel"), Delta("lo")])
        self.page = build_page(self.backend)

    def post(self, path: str, posted: object) -> httpx.Response:
        return httpx.post(f"{self.url}/gradio_api/{path}", json=posted, timeout=REPLY_S)

    def told(self, path: str, posted: object) -> Any:
        """What a program is told in the end that asks with `curl`."""
        event = self.post(path, posted).json()["event_id"]
        endpoint = path.removeprefix("call/").removeprefix("v2/")
        address = f"{self.url}/gradio_api/call/{endpoint}/{event}"
        lines = httpx.get(address, timeout=REPLY_S).text.splitlines()
        return json.loads([line for line in lines if line.startswith("data:")][-1][5:])

    @cached_property
    def stranger(self) -> Client:
        """A client whose messages are all refused, which tests share: making one takes longer than a refusal."""
        return program(self.url)

    @property
    def asked(self) -> tuple[Part, ...]:
        """The parts of the message that the model got last."""
        return self.backend.calls[-1].conversation.messages[-1].parts


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with gradio_environment(tmp_path_factory.mktemp("uploads")):
        served = Served()
        with listening(served.page) as url:
            served.url = url.rstrip("/")
            yield served


@pytest.fixture
def examples(served: Served) -> dict[str, dict[str, str]]:
    """By endpoint and language."""
    info = httpx.get(f"{served.url}/gradio_api/info", timeout=REPLY_S).json()
    return {name: known["code_snippets"] for name, known in info["named_endpoints"].items()}


@pytest.mark.parametrize("endpoint", ["/chat", "/estimate"])
@pytest.mark.parametrize("settings", [(), (None,), ({},), ({"temperature": 0.5},)])
@pytest.mark.slow
def test_settings_can_be_left_out_or_null_in_python(
    served: Served, endpoint: str, settings: tuple[Any, ...]
) -> None:
    result = program(served.url).predict(HELLO, *settings, api_name=endpoint)
    assert result[0] == "Hello" if endpoint == "/chat" else result["prompt_tokens"]
    named = dict(zip(("settings",), settings, strict=False))
    assert program(served.url).predict(message=HELLO, api_name=endpoint, **named)


@pytest.mark.parametrize("endpoint", ["chat", "estimate"])
@pytest.mark.parametrize(
    "data", [[HELLO], [HELLO, None], [HELLO, {}], [{"text": "Hello"}, {"temperature": 0.5}]]
)
def test_settings_can_be_left_out_or_null_with_curl(
    served: Served, endpoint: str, data: list[Any]
) -> None:
    told = served.told(f"call/{endpoint}", {"data": data})
    assert told[0] == "Hello" if endpoint == "chat" else told[0]["prompt_tokens"]
    named = dict(zip(("message", "settings"), data, strict=False))
    by_name = served.told(f"call/v2/{endpoint}", named)
    assert by_name[0] == "Hello" if endpoint == "chat" else by_name == told


def test_a_list_without_settings_is_what_javascript_joins_the_queue_with(served: Served) -> None:
    number = next(i for i, f in served.page.fns.items() if f.api_name == "chat")
    before = len(served.backend.calls)
    for data in ([HELLO], [HELLO, None]):
        joined = {"data": data, "fn_index": number, "session_hash": "js", "trigger_id": None}
        assert served.post("queue/join", joined).status_code == 200
        address = f"{served.url}/gradio_api/queue/data?session_hash=js"
        with httpx.stream("GET", address, timeout=REPLY_S) as events:
            assert "process_completed" in events.read().decode()
    assert len(served.backend.calls) == before + 2


@pytest.mark.parametrize(
    ("path", "posted", "said"),
    [
        ("call/chat", {"data": [HELLO, {}, {}]}, "too much"),
        ("call/reset", {"data": [1]}, "too much"),
        ("call/chat", {}, "'data'"),
        ("call/v2/chat", {"mesage": HELLO}, "'message' and 'settings'"),
        ("call/v2/reset", {"message": HELLO}, "takes nothing"),
    ],
)
def test_what_no_endpoint_takes_is_refused_in_a_sentence(
    served: Served, path: str, posted: object, said: str
) -> None:
    answer = served.post(path, posted)
    assert answer.status_code == 422 and said in answer.json()["error"]


@pytest.mark.parametrize("path", ["call/chat", "call/estimate"])
def test_a_message_that_is_missing_is_asked_for(served: Served, path: str) -> None:
    assert "The message must be an object" in served.told(path, {"data": []})["error"]
    assert "The message must be an object" in served.told(path.replace("call", "call/v2"), {})["error"]  # fmt: skip


def test_a_session_goes_on_by_name(served: Served) -> None:
    for turns in (1, 2):
        served.told("call/v2/chat", {"message": HELLO, "session_hash": "mine"})
        assert served.backend.calls[-1].conversation.turns == turns


@pytest.mark.slow
@pytest.mark.parametrize("endpoint", ["/chat", "/estimate", "/reset"])
def test_every_example_of_the_description_works(
    served: Served, examples: dict[str, dict[str, str]], endpoint: str
) -> None:
    before = len(served.backend.calls)
    told = examples[endpoint]
    command = str(Path(sys.executable).parent / told["cli"].split()[0])
    for program_run in (
        [sys.executable, "-c", told["python"]],
        ["bash", "-c", told["bash"]],
        ["bash", "-c", told["cli"].replace(told["cli"].split()[0], command, 1)],
    ):
        run = subprocess.run(program_run, capture_output=True, text=True, timeout=REPLY_S)
        assert run.returncode == 0, run.stderr
        assert {"/chat": "Hello", "/estimate": "prompt_tokens", "/reset": ""}[endpoint] in run.stdout  # fmt: skip
    assert len(served.backend.calls) == before + (3 if endpoint == "/chat" else 0)
    assert "..." not in told["javascript"]


@pytest.fixture
def files(tmp_path: Path) -> dict[str, str]:
    PillowImage.new("RGB", (64, 48), "red").save(tmp_path / "red.png")
    clip = media_files.clip(tmp_path / "clip.mp4")
    return {"picture": str(tmp_path / "red.png"), "clip": str(clip)}


def kinds(parts: tuple[Part, ...]) -> list[str]:
    return [part.text if isinstance(part, Text) else type(part).__name__ for part in parts]


def test_texts_pictures_and_clips_keep_the_order_of_content(
    served: Served, files: dict[str, str]
) -> None:
    picture, clip = handle_file(files["picture"]), handle_file(files["clip"])
    content = ["First ", picture, {"type": "text", "text": " then "}, {"type": "video", "video": clip},
               {"type": "image", "image": picture}, "\n", "What?"]  # fmt: skip
    program(served.url).predict({"content": content}, api_name="/chat")
    assert kinds(served.asked) == ["First ", "Image", " then ", "Video", "Image", "\n", "What?"]


def test_files_keep_their_order_and_come_before_the_text(
    served: Served, files: dict[str, str]
) -> None:
    posted = [handle_file(files[name]) for name in ("picture", "clip", "picture")]
    program(served.url).predict({"text": "What?", "files": posted}, api_name="/chat")
    first, second, third, text = served.asked
    assert isinstance(first, Image) and isinstance(second, Video) and isinstance(third, Image)
    assert text == Text("What?")


@pytest.mark.parametrize(
    "message",
    [
        {"content": []},
        {"content": [" ", "\n"]},
        {"content": None},
        {"content": ["a"], "text": "b"},
        {"content": [3]},
        {"content": [{"type": "text", "text": 3}]},
        {"content": [{"type": "text"}]},
        {"content": [{"type": "image", "image": "/etc/passwd"}]},
        {"content": [{"type": "image"}]},
        {"content": [{"path": "/etc/passwd"}]},
        {"content": [{"type": "image", "image": {"path": None}}] * 65},
    ],
)
def test_malformed_content_is_refused_in_a_sentence(served: Served, message: object) -> None:
    before = len(served.backend.calls)
    with pytest.raises(AppError) as refusal:
        served.stranger.predict(message, api_name="/chat")
    said = str(refusal.value)
    assert said.endswith(".") and "Traceback" not in said and "went wrong" not in said
    assert len(served.backend.calls) == before
