"""What ModelScope does not give, or this machine cannot take, is refused in fitting words."""

from __future__ import annotations

import errno
import subprocess
import sys
from collections import Counter
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest
from requests import exceptions
from urllib3.exceptions import IncompleteRead

from model.checkpoint.hub import repository
from model.checkpoint.hub.modelscope import client
from model.checkpoint.hub.modelscope.errors import to_checkpoint_error
from tests.model.checkpoint.hub.modelscope.conftest import NOBODY, TOKEN, At, snapshot
from tests.support.hub_checkpoints import refusal
from tests.support.modelscope_server import ModelScopeServer

pytestmark = pytest.mark.usefixtures("at")
FULL = Path("/dev/full")  # takes no byte
LOG_IN = "log in with `modelscope login` or a token in MODELSCOPE_API_TOKEN"
SENTENCES = {
    "me/gated": f"me/gated is gated or private at ModelScope (403); ask for access on its page, and {LOG_IN}.",
    "me/private": f"ModelScope has no me/private, or it is private; check the name, or {LOG_IN}.",
    "me/old-token": "account (401); log in with `modelscope login`, or set MODELSCOPE_API_TOKEN",
    "me/proxy-log-in": "The proxy lets nobody through",
    "me/busy": "ModelScope had too many requests from this network (429)",
    "me/busy-files": "too many requests from this network (429)",
    "me/broken": "is out of order (502)",
    "me/broken-files": "is out of order (503)",
    "me/silent": "does not answer",
    "me/silent-files": "does not answer",
    "me/portal": "and check MODELSCOPE_ENDPOINT",
    "me/portal-files": "and check MODELSCOPE_ENDPOINT",
    "me/cut": "The download of me/cut broke off; start again to go on where it ended",
    "me/unreadable": "me/unreadable could not be fetched from ModelScope",
    "me/nothing": "ModelScope has no me/nothing, or it is private",
    "me/no such id": "neither a folder nor the id of a checkpoint",
}


@pytest.mark.slow
@pytest.mark.parametrize(("checkpoint", "sentence"), SENTENCES.items())
def test_what_the_hub_does_not_give_is_refused_in_fitting_words(
    checkpoint: str, sentence: str
) -> None:
    refused = refusal(checkpoint)
    assert sentence in refused and checkpoint in refused


@pytest.mark.parametrize("checkpoint", ["me/silent", "me/silent-files"])
def test_a_silent_hub_is_asked_once_more_and_then_given_up(
    hub: ModelScopeServer, checkpoint: str
) -> None:
    """By itself modelscope_hub asks four and six times, for a minute or more each."""
    hub.asked.clear()
    assert "does not answer" in refusal(checkpoint)
    asked = Counter(asked for asked in hub.asked if checkpoint in asked)
    assert max(asked.values()) == 2 and len(asked) <= 2


@pytest.mark.parametrize("checkpoint", ["me/gated", "me/private"])
def test_a_token_opens_what_is_gated_or_private(
    monkeypatch: pytest.MonkeyPatch, checkpoints: dict[str, Path], checkpoint: str
) -> None:
    assert LOG_IN in refusal(checkpoint)
    monkeypatch.setenv("MODELSCOPE_API_TOKEN", "wrong")
    assert LOG_IN in refusal(checkpoint)
    monkeypatch.setenv("MODELSCOPE_API_TOKEN", TOKEN)
    got = Path(repository.fetch(checkpoint, weights=True))
    assert {file.name for file in got.iterdir()} == {
        file.name for file in checkpoints["qwen2_vl"].iterdir() if file.suffix != ".md"
    }


def test_one_small_file_is_asked_before_all_others(hub: ModelScopeServer) -> None:
    hub.asked.clear()
    assert "(503)" in refusal("me/broken-files")
    names = {
        asked.split()[-1] for asked in hub.asked if asked.endswith((".json", ".jinja", ".txt"))
    }
    assert len(names) == 1


def test_what_is_not_the_listed_file_is_refused(
    hub: ModelScopeServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    repository.file_names("me/tiny")
    whole = hub.files["tokenizer.json"].read_bytes()
    other = tmp_path / "tokenizer.json"
    other.write_bytes(whole[:-1] + b" ")
    monkeypatch.setitem(hub.files, "tokenizer.json", other)
    assert "Something else answers in the place of" in refusal("me/tiny")
    assert not (snapshot(tmp_path) / "tokenizer.json").exists()


@pytest.mark.skipif(not FULL.exists(), reason="only Linux has a file that takes no byte")
def test_a_full_disk_is_named_with_the_variable_that_moves_the_cache() -> None:
    got = Path(repository.fetch("me/tiny"))
    (got / "model.safetensors.incomplete").symlink_to(FULL)
    sentence = "The disk is full, so me/tiny could not be stored; make room, or set MODELSCOPE_CACHE to a folder on a larger disk."
    assert refusal("me/tiny") == sentence
    (got / "model.safetensors.incomplete").unlink()
    assert (Path(repository.fetch("me/tiny", weights=True)) / "model.safetensors").is_file()


def test_a_cache_that_cannot_be_written_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """As root every folder can be written to, so the library's own step is replaced."""
    from modelscope_hub import _download

    def refused(_: Path) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(_download, "ensure_dir", refused)
    monkeypatch.setenv("MODELSCOPE_CACHE", "/somewhere")
    assert "/somewhere is not writable; set MODELSCOPE_CACHE to a folder" in refusal("me/tiny")


def test_a_hub_that_nobody_reaches_is_named_at_once(at: At) -> None:
    at(NOBODY)
    assert f"{NOBODY} cannot be reached, so me/tiny could not be fetched" in refusal("me/tiny")
    at("127.0.0.1:9")
    assert "https://127.0.0.1:9 cannot be reached" in refusal("me/tiny")


def test_a_hub_that_goes_away_in_the_middle_is_named(checkpoints: dict[str, Path], at: At) -> None:
    served = ModelScopeServer(checkpoints["qwen2_vl"], "me/tiny")
    with served.running():
        at(served.endpoint)
        repository.fetch("me/tiny")
    assert "cannot be reached, so me/tiny could not be fetched" in refusal("me/tiny")


def test_a_proxy_that_does_not_let_through_is_named(
    hub: ModelScopeServer, at: At, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", hub.endpoint)
    monkeypatch.setenv("NO_PROXY", "")
    at("https://hub.example")
    assert "The proxy lets nobody through to https://hub.example" in refusal("me/tiny")


def test_a_proxy_that_cannot_be_used_is_named(at: At, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "socks5://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "")
    at("https://hub.example")
    assert "set HTTPS_PROXY and ALL_PROXY to one that is http://" in refusal("me/tiny")


@pytest.mark.parametrize(
    ("cause", "sentence"),
    [
        (exceptions.SSLError("CERTIFICATE_VERIFY_FAILED: self-signed"), "set REQUESTS_CA_BUNDLE"),
        (IncompleteRead(1, 2), "check the name and the network"),
    ],
)
def test_what_is_wrong_on_this_side_is_not_taken_for_the_network(
    cause: Exception, sentence: str
) -> None:
    error = OSError("could not load")
    error.__cause__ = cause
    assert sentence in str(to_checkpoint_error("a/b", error, hub="https://hub", folder="/cache"))


@pytest.mark.parametrize(("gone", "named"), [("config.json", "config.json"), ("model.safetensors", "*.safetensors")])  # fmt: skip
def test_an_id_that_is_no_checkpoint_is_told_before_anything_is_fetched(
    hub: ModelScopeServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, gone: str, named: str
) -> None:
    files = {name: file for name, file in hub.files.items() if name != gone}
    monkeypatch.setattr(hub, "files", files)
    assert f"me/tiny at ModelScope has no {named}" in refusal("me/tiny")
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize("installed", [None, "0.4.6"])
def test_without_the_package_the_command_that_installs_it_is_named(
    monkeypatch: pytest.MonkeyPatch, installed: str | None
) -> None:
    def version(_: str) -> str:
        if installed is None:
            raise PackageNotFoundError
        return installed

    monkeypatch.setattr(client, "version", version)
    sentence = "needs the package modelscope-hub, 0.5 or newer; run `pip install modelscope-hub"
    assert sentence in refusal("me/tiny")
    assert repository.locate("no/such/folder") == "no/such/folder", "no id needs the package"


@pytest.mark.slow
def test_a_damaged_file_is_mended_by_the_command_that_is_named(
    tmp_path: Path,
) -> None:
    repository.fetch("me/tiny", weights=True)
    weights = snapshot(tmp_path) / "model.safetensors"
    whole = weights.read_bytes()
    weights.write_bytes(whole[:100])
    assert refusal("me/tiny").endswith("damaged; run `modelscope download me/tiny`.")
    command = [sys.executable, "-m", "modelscope_hub.cli.main", "download", "me/tiny"]
    subprocess.run(command, capture_output=True, check=True, timeout=60)
    assert weights.read_bytes() == whole
