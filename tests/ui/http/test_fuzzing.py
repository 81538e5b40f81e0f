"""Whatever is posted: no failure of the server, nothing of the server in what the client gets, and the next
person is answered.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import pytest
from gradio_client import handle_file
from PIL import Image as PillowImage

from model.backend import Delta
from tests.conftest import Times
from tests.support.fakes import FakeBackend
from tests.support.hostile_requests import Attacker, Hostile
from tests.support.pages import gradio_environment, listening
from tests.support.patience import becomes, scene
from tests.support.served import REPLY_S, program
from ui.page.build import build_page

ROOT = Path(__file__).parents[3]
SEED = 8
SECRET = "the-secret-of-somebody-else"
NOT_FOR_CLIENTS = (SECRET, "Traceback", "site-packages", str(ROOT), 'File "')


class Target:
    """A page with a fake model on a free port, and files that nobody has uploaded."""

    url: str

    def __init__(self, folder: Path) -> None:
        self.uploads = folder / "uploads"
        self.uploads.mkdir()
        # The last is somebody else's upload, whose path has come out.
        self.secrets = [folder / "secret.txt", folder / "secret.png", self.uploads / "theirs.png"]
        self.secrets[0].write_text(SECRET)
        for secret in self.secrets[1:]:
            PillowImage.new("RGB", (64, 64), "blue").save(secret)
        PillowImage.new("RGB", (64, 64), "red").save(folder / "mine.png")
        self.backend = FakeBackend([Delta("Hello")])
        self.page = build_page(self.backend)
        self.picture = folder / "mine.png"
        self.functions = {number: len(fn.inputs) for number, fn in self.page.fns.items()}


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    folder = tmp_path_factory.mktemp("fuzzed")
    with gradio_environment(folder / "uploads"):
        target = Target(folder)
        with listening(target.page) as target.url:
            yield target


def said(client: httpx.Client, request: Hostile) -> tuple[int, str]:
    """The status and everything that the client is told, the end of a queued event included."""
    status, body = exchange(client, request)
    if status == 200 and '"event_id"' in body and request.method == "POST":
        follow = f"{request.route}/{json.loads(body)['event_id']}"
        if "call/" not in request.route:
            session = json.loads(request.content)["session_hash"]
            follow = f"gradio_api/queue/data?session_hash={session}"
        body += exchange(client, Hostile("GET", follow))[1]
    return status, body


def exchange(client: httpx.Client, request: Hostile) -> tuple[int, str]:
    status, body = 0, b""
    headers = httpx.Headers({"content-type": "application/json"}, encoding="utf-8")
    headers.update(httpx.Headers(dict(request.headers), encoding="utf-8"))
    # Gradio tells who follows a session that there is none, and hangs up; and a large body that is
    # refused is not read to its end.
    with (
        suppress(httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError),
        client.stream(
            request.method, request.route, content=request.content, headers=headers
        ) as answer,
    ):
        status = answer.status_code
        for chunk in answer.iter_bytes():
            body += chunk
    return status, body.decode(errors="replace")


def unfinished(uploads: Path) -> list[Path]:
    return [path for path in uploads.glob("tmp*") if path.is_file()]


@pytest.mark.slow
def test_no_form_breaks_anything_or_leaves_its_folder(target: Target, times: Times) -> None:
    attacker = Attacker(SEED, target.functions, [str(path) for path in target.secrets])
    with httpx.Client(base_url=target.url, timeout=REPLY_S) as client:
        for number in range(times(150, nightly=3000)):
            request = attacker.form()
            status, text = exchange(client, request)
            where = f"form {number}: {str(request.headers)[:200]} {request.content[:1000]!r}"
            assert status < 500, f"{where}\n{text[:2000]}"
            assert not any(word in text for word in NOT_FOR_CLIENTS), f"{where}\n{text[:2000]}"
    assert not list(target.uploads.parent.rglob("out.png"))
    scene(lambda: becomes(lambda: not unfinished(target.uploads)))


@pytest.mark.slow
def test_nothing_that_is_posted_breaks_anything(
    target: Target, times: Times, capfd: pytest.CaptureFixture[str]
) -> None:
    attacker = Attacker(SEED, target.functions, [str(path) for path in target.secrets])
    with httpx.Client(base_url=target.url, timeout=REPLY_S) as client:
        for number in range(times(300, nightly=20_000)):
            request = attacker.request()
            status, text = said(client, request)
            where = f"request {number}: {request.method} {request.route[:200]} {request.content[:2000]!r}"
            assert status != 500, f"{where}\n{text[:2000]}"
            leaked = [word for word in NOT_FOR_CLIENTS if word in text]
            assert not leaked, f"{where}\n{leaked}: {text[:2000]}"
    assert "Traceback" not in "".join(capfd.readouterr()), "anybody can fill the log"
    read = [item.path for call in target.backend.calls for item in call.conversation.media]
    examples = target.uploads / "examples"
    assert all(Path(str(path)).is_relative_to(examples.resolve()) for path in read)
    files = [handle_file(str(target.picture))]
    answer, _ = program(target.url).predict(
        message={"text": "Hi", "files": files}, settings={}, api_name="/chat"
    )
    assert answer == "Hello"
