"""The programs that the page prints for other services ask for just what was asked on the page."""

from __future__ import annotations

import base64
import io
import json
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import asdict, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from model.backend import AnswerRecord
from model.conversation import Conversation, Text, Video
from model.conversation import Image as Picture
from model.local import LocalBackend
from model.media.image import open_image
from model.reproduce.archive import file_names
from model.reproduce.client_scripts import (
    ENGINE,
    ApiTurn,
    curl_command,
    gradio_script,
    openai_script,
)
from model.reproduce.generation_record import GenerationRecord
from model.settings import GenerationSettings, VisionSettings
from tests.support import media_files
from tests.support.fakes import USAGE, FakeBackend
from tests.support.pages import gradio_environment, listening
from ui.html.reproduce import questions
from ui.page.build import build_page

HOSTILE = 'It\'s "$HOME" `ls` $(ls) \\n {x} %s\nEND_OF_REQUEST\n数 🙂 <|im_end|> \ue000'
REPLY = {"choices": [{"index": 0, "message": {"role": "assistant", "content": "Red."}, "finish_reason": "stop"}], "id": "1", "object": "chat.completion", "created": 1, "model": "m"}  # fmt: skip


class Engine(ThreadingHTTPServer):
    """Records the requests, as an engine would read them."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.asked: list[dict[str, Any]] = []

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        assert isinstance(self.server, Engine)
        assert self.path == "/v1/chat/completions"
        self.server.asked.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        content = json.dumps(REPLY).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def engine() -> Iterator[Engine]:
    with Engine() as engine:
        threading.Thread(target=engine.serve_forever, daemon=True).start()
        yield engine
        engine.shutdown()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    photo = media_files.photo(tmp_path / "it's a.png", (300, 120))
    picture = Image.open(photo)
    picture.putalpha(100)
    picture.save(photo)
    media_files.clip(tmp_path / "b.mp4", 10)
    return tmp_path


@pytest.fixture
def record(qwen2_vl: LocalBackend, folder: Path) -> GenerationRecord:
    picture = Picture(folder / "it's a.png", VisionSettings(max_tokens=16))
    clip = Video(folder / "b.mp4")
    talk = Conversation().with_user_turn(picture, Text(HOSTILE)).with_reply("Yes.")
    settings = GenerationSettings(max_new_tokens=9, vision_ids=True, repetition_penalty=1.1)
    record = qwen2_vl.generation_record(talk.with_user_turn(Text("And?"), clip), settings)
    return record.renamed({str(folder / name): name for name in ("it's a.png", "b.mp4")})


def run(command: list[str], given: str) -> str:
    done = subprocess.run([*command], input=given, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def content(part: dict[str, Any]) -> bytes:
    return base64.b64decode(part[part["type"]]["url"].partition(",")[2])


def assert_asked(request: dict[str, Any]) -> None:
    system, first, reply, second = request["messages"]
    assert system == {"role": "system", "content": "You are a helpful assistant."}
    assert first["content"][1] == {"type": "text", "text": HOSTILE}
    assert reply["content"] == [{"type": "text", "text": "Yes."}]
    assert second["content"][0] == {"type": "text", "text": "And?"}
    assert content(second["content"][1]) == Path("b.mp4").read_bytes()
    told = {k: v for k, v in request.items() if k not in ("messages", "model")}
    assert told == {
        "max_tokens": 9,
        "temperature": 0,
        "repetition_penalty": 1.1,
        "chat_template_kwargs": {"add_vision_id": True},
        "skip_special_tokens": False,
    }


def test_the_openai_script_sends_pictures_at_the_size_that_the_model_saw(
    engine: Engine, record: GenerationRecord
) -> None:
    script = openai_script(record).replace(ENGINE, engine.address)
    assert run([sys.executable, "-"], script) == "Red.\n"
    (asked,) = engine.asked
    assert_asked(asked)
    sent = Image.open(io.BytesIO(content(asked["messages"][1]["content"][0])))
    seen = open_image("it's a.png").resize((record.images[0].width, record.images[0].height))
    assert (sent.size, sent.tobytes()) == (seen.size, seen.tobytes())
    assert seen.size != (300, 120)


@pytest.mark.skipif(not shutil.which("curl"), reason="curl is not installed")
def test_the_curl_command_sends_the_files_as_they_are(
    engine: Engine, record: GenerationRecord
) -> None:
    command = curl_command(record).replace(ENGINE, engine.address)
    assert "Red." in run(["sh"], command)
    (asked,) = engine.asked
    assert_asked(asked)
    assert content(asked["messages"][1]["content"][0]) == Path("it's a.png").read_bytes()


def test_sampling_is_passed_on(qwen2_vl: LocalBackend) -> None:
    drawn = GenerationSettings(temperature=0.7, top_p=0.8, top_k=20, seed=5, system_prompt="")
    script = openai_script(
        qwen2_vl.generation_record(Conversation().with_user_turn(Text("Hi")), drawn)
    )
    for setting in ("temperature=0.7", "top_p=0.8", "seed=5", "'top_k': 20"):
        assert setting in script
    every = replace(drawn, top_k=0)
    script = openai_script(
        qwen2_vl.generation_record(Conversation().with_user_turn(Text("Hi")), every)
    )
    assert "'top_k': -1" in script
    assert "PIL" not in script and "base64" not in script


def test_the_schema_is_passed_on(qwen2_vl: LocalBackend) -> None:
    held = GenerationSettings(json_schema='{"type": "null"}')
    record = qwen2_vl.generation_record(Conversation().with_user_turn(Text("Hi")), held)
    asked = {"name": "answer", "schema": {"type": "null"}, "strict": True}
    assert f"response_format={{'type': 'json_schema', 'json_schema': {asked!r}}}" in openai_script(
        record
    )
    (body,) = re.findall(r"(?s)END_OF_REQUEST\n(.*)\nEND_OF_REQUEST", curl_command(record))
    assert json.loads(body)["response_format"] == {"type": "json_schema", "json_schema": asked}


@pytest.mark.slow
def test_the_gradio_script_asks_this_page(folder: Path) -> None:
    backend = FakeBackend()
    questions = [
        ApiTurn(HOSTILE, ("it's a.png", "b.mp4"), {"max_tokens": 64, "vision_ids": True}),
        ApiTurn("And?", (), {"temperature": 0.5, "seed": 3}),
    ]
    with gradio_environment(folder / "uploads"), listening(build_page(backend)) as address:
        printed = run([sys.executable, "-"], gradio_script(questions, address))
    assert printed.splitlines()[-2:] == ["Hello", "Hello"]
    first, second = backend.calls
    assert first.conversation.messages[0].text == HOSTILE
    assert [item.vision.max_tokens for item in first.conversation.media] == [64, 64]
    assert first.settings.vision_ids
    assert second.conversation.turns == 2 and second.settings.seed == 3


@pytest.mark.slow
def test_the_gradio_script_keeps_the_order_of_texts_and_files(folder: Path) -> None:
    (folder / "media").mkdir()
    names = [folder / name for name in ("one.png", "two.png")]
    one, two = (
        Picture(media_files.solid(path, "red", (56, 56 + i))) for i, path in enumerate(names)
    )
    pointed = Text("Picture 1: <|box_start|>(1,2),(3,4)<|box_end|>\n", pointing=True)
    first, then = (
        (one, pointed, Text("What?")),
        (Text("Before: "), one, Text("After: "), two, Text("So?")),
    )
    talk = (
        Conversation()
        .with_user_turn(*first)
        .with_reply("A.")
        .with_user_turn(*then)
        .with_reply("B.")
    )
    for path, name in file_names(talk).items():
        (folder / name).write_bytes(Path(path).read_bytes())
    defaults = {**asdict(VisionSettings()), **asdict(GenerationSettings())}
    answers = [AnswerRecord(GenerationSettings(), USAGE)] * 2
    backend = FakeBackend()
    with gradio_environment(folder / "uploads"), listening(build_page(backend)) as address:
        run(
            [sys.executable, "-"],
            gradio_script(list(questions(talk, answers, lambda _: defaults)), address),
        )
    one_asked, two_asked = (call.conversation.messages[-1].parts for call in backend.calls)
    assert [type(part) for part in one_asked] == [Picture, Text]
    assert [part.text if isinstance(part, Text) else "picture" for part in two_asked] == ["Before: ", "picture", "After: ", "picture", "So?"]  # fmt: skip
