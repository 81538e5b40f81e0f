"""Many strangers at once in front of the bundled checkpoint: each gets the answer to their own question."""

from __future__ import annotations

import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from gradio_client import Client, handle_file
from PIL import Image as PillowImage

from model.backend import Cancel, collected
from model.checkpoint.choose import BUNDLED
from model.conversation import Conversation, Image, Text
from model.local import LocalBackend
from model.settings import GenerationSettings, VisionSettings
from tests.conftest import Times
from tests.support.fakes import FakeBackend
from tests.support.pages import gradio_environment, listening
from tests.support.served import REPLY_S, program
from tools.tiny import names
from tools.tiny.exam.second_renderer import draw_scene
from ui.page.build import build_page

pytestmark = pytest.mark.slow

QUESTION, NEXT = "Describe the image.", "How many shapes are there?"
SETTINGS = {"max_new_tokens": 48}


@pytest.fixture(scope="module")
def tiny() -> LocalBackend:
    return LocalBackend.load(BUNDLED, device="cpu", cache_gb=0.5)


@pytest.fixture(scope="module")
def address(tiny: LocalBackend, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    uploads = tmp_path_factory.mktemp("uploads")
    with gradio_environment(uploads), listening(build_page(tiny)) as address:
        yield address


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory, times: Times) -> dict[tuple[str, ...], Path]:
    """A different drawing for everybody, by the names of what it shows."""
    people = times(24, nightly=50)
    folder, rng = tmp_path_factory.mktemp("drawings"), random.Random(7)
    drawn: dict[tuple[str, ...], Path] = {}
    while len(drawn) < people:
        scene = draw_scene(rng.sample(names.SHAPES, k=rng.randint(1, 2)), rng, (196, 196))
        shown = tuple(thing.name for thing in scene.things)
        if shown not in drawn:
            drawn[shown] = folder / f"{len(drawn)}.png"
            PillowImage.fromarray(scene.frames[0]).save(drawn[shown])
    return drawn


def chat(client: Client, text: str, *files: Path) -> tuple[str, dict[str, Any]]:
    message = {"text": text, "files": [handle_file(str(file)) for file in files]}
    answer, usage = client.predict(message, SETTINGS, api_name="/chat")
    return answer, usage


def alone(tiny: LocalBackend, picture: Path) -> str:
    vision = VisionSettings(max_tokens=400)
    talk = Conversation().with_user_turn(Image(picture, vision), Text(QUESTION))
    return collected(tiny.stream(talk, GenerationSettings(**SETTINGS), Cancel()))[0]  # type: ignore[arg-type]


def test_everybodys_answer_belongs_to_their_own_picture(
    tiny: LocalBackend, address: str, pictures: dict[tuple[str, ...], Path]
) -> None:
    clients = [program(address) for _ in pictures]

    def person(client: Client, shown: tuple[str, ...]) -> tuple[str, str, int]:
        first, _ = chat(client, QUESTION, pictures[shown])
        second, usage = chat(client, NEXT)
        return first, second, usage["reused_tokens"]

    with ThreadPoolExecutor(len(clients)) as pool:
        said = list(pool.map(person, clients, pictures))
    expected = [alone(tiny, path) for path in pictures.values()]
    assert [first for first, _, _ in said] == expected
    assert all(reused > 0 for _, _, reused in said), "everybody goes on from their own prompt"
    # They are about the picture, not only the same: the checkpoint is right about nearly all of these.
    pairs = zip(said, pictures, strict=True)
    right = [
        all(name in first for name in shown) and str(len(shown)) in second
        for (first, second, _), shown in pairs
    ]
    assert sum(right) >= 0.9 * len(right)


def test_nobody_can_tell_what_somebody_else_has_shown(
    address: str, pictures: dict[tuple[str, ...], Path]
) -> None:
    """A prompt that another session has just read is read anew: how long that takes tells nothing."""
    picture = next(iter(pictures.values()))
    work = []
    for _ in range(2):
        client = program(address)
        _, usage = chat(client, QUESTION, picture)
        work.append([usage[n] for n in ("reused_tokens", "vision_encodes", "prefilled_tokens")])
    assert work[0] == work[1]
    assert work[0][:2] == [0, 1]


def test_without_the_log_in_nothing_is_reachable() -> None:
    page = build_page(FakeBackend())
    with listening(page, auth=[("ada", "secret")]) as url:
        call = {"data": [{"text": "Hi"}, {}]}
        chat = next(number for number, fn in page.fns.items() if fn.api_name == "chat")
        joined = {**call, "fn_index": chat, "session_hash": "x"}
        with httpx.Client(base_url=url, timeout=REPLY_S) as stranger:
            refused = [
                stranger.get("config"),
                stranger.get("gradio_api/info"),
                stranger.get("gradio_api/file=/etc/hostname"),
                stranger.post("gradio_api/call/chat", json=call),
                stranger.post("gradio_api/queue/join", json=joined),
                stranger.post("gradio_api/upload", files={"files": ("a.png", b"x")}),
            ]  # fmt: skip
        assert [response.status_code for response in refused] == [401] * len(refused)
        known = program(url, auth=("ada", "secret"))
        assert known.predict({"text": "Hi"}, {}, api_name="/chat")[0] == "Hello"
