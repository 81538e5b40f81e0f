"""Checkpoints by hub id: fetched, taken from the cache when the hub is away, and refused in fitting words."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from model.hub import located, unfetched
from tests.hub_server import COMMIT, HubServer

ROOT = Path(__file__).parent.parent
UNROUTABLE = "http://10.255.255.1:9"  # a connection there is never answered
ANSWER = """
import sys
from model.backend import Cancel, collected
from model.conversation import Conversation, Text
from model.local import LocalBackend
from model.settings import GenerationSettings
backend = LocalBackend.load(sys.argv[1], device="cpu")
talk = Conversation().with_user_turn(Text("Hi"))
print(backend.status().label, backend.runtime.checkpoint)
print(repr(collected(backend.stream(talk, GenerationSettings(max_new_tokens=4), Cancel()))[0]))
"""


def run(endpoint: str, cache: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """Python with the real huggingface_hub and this hub and cache."""
    kept = {name: text for name, text in os.environ.items() if not name.startswith("HF_")}
    hub = {"HF_ENDPOINT": endpoint, "HF_HOME": str(cache), "HF_HUB_DISABLE_XET": "1"}
    return subprocess.run(
        [sys.executable, *command], cwd=ROOT, env=kept | hub, capture_output=True, text=True,
        timeout=120,
    )  # fmt: skip


@pytest.fixture(scope="module")
def hub(checkpoints: dict[str, Path]) -> Iterator[tuple[HubServer, str]]:
    served = HubServer(checkpoints["qwen2_vl"], "me/tiny")
    with served.running() as endpoint:
        yield served, endpoint


def test_a_checkpoint_is_fetched_once_and_then_answers_without_the_hub(
    hub: tuple[HubServer, str], tmp_path: Path
) -> None:
    served, endpoint = hub
    checked = run(endpoint, tmp_path, "app.py", "--check", "--cpu-only", "-c", "me/tiny")
    assert "download    0.0 GB" in checked.stdout and "KV cache" in checked.stdout, checked.stderr
    assert "dtype       float32" in checked.stdout, "its size is known before its weights are read"
    first = run(endpoint, tmp_path, "-c", ANSWER, "me/tiny")
    assert first.stdout.startswith("tiny · cpu fp32 me/tiny\n"), first.stderr
    asked = len(served.asked)
    again = run(endpoint, tmp_path, "-c", ANSWER, "me/tiny")
    assert (again.stdout, len(served.asked)) == (first.stdout, asked)
    away = run(UNROUTABLE, tmp_path, "-c", ANSWER, "me/tiny")
    assert away.stdout == first.stdout, away.stderr


@pytest.mark.parametrize(
    ("checkpoint", "sentence"),
    [("me/gated", "me/gated is gated"), ("me/nothing", "has no me/nothing, or it is private")],
)
def test_what_the_hub_does_not_give_is_refused_in_fitting_words(
    hub: tuple[HubServer, str], tmp_path: Path, checkpoint: str, sentence: str
) -> None:
    checked = run(hub[1], tmp_path, "app.py", "--check", "--cpu-only", "-c", checkpoint)
    assert checked.returncode == 1 and sentence in checked.stdout, checked.stderr


@pytest.mark.parametrize("gone", ["tokenizer.json", "chat_template.jinja", "model.safetensors"])
def test_what_is_not_whole_in_the_cache_is_asked_of_the_hub(
    checkpoints: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, gone: str
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    repo = tmp_path / "models--me--tiny"
    snapshot = repo / "snapshots" / COMMIT
    shutil.copytree(checkpoints["qwen2_vl"], snapshot)
    (repo / "refs").mkdir()
    (repo / "refs" / "main").write_text(COMMIT)
    assert located("me/tiny") == str(snapshot)
    (snapshot / gone).unlink()
    assert located("me/tiny") == "me/tiny"


def test_a_full_disk_is_not_taken_for_the_network() -> None:
    error = OSError("could not load")
    error.__cause__ = OSError(errno.ENOSPC, "No space left on device")
    assert "The disk is full" in str(unfetched("a/b", error))
    assert "check the name and the network" in str(unfetched("a/b", ConnectionError()))
