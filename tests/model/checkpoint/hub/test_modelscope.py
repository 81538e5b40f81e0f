"""Checkpoints at ModelScope: fetched, taken from the cache when it is away, and refused in fitting words."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from typing import Any

import pytest
from requests import exceptions
from urllib3.exceptions import IncompleteRead

from cli import check as preflight
from model.backend import Cancel, collected
from model.checkpoint.choose import Choice, Flags
from model.checkpoint.hub import repository
from model.checkpoint.hub.modelscope import client
from model.checkpoint.hub.modelscope.errors import to_checkpoint_error
from model.conversation import Conversation, Text
from model.errors import CheckpointError
from model.local import LocalBackend
from model.settings import GenerationSettings
from tests.support.adapters import write_adapter
from tests.support.hub_server import Fault
from tests.support.modelscope_server import ModelScopeServer

At = Callable[[str], None]  # sets the address of the hub
pytestmark = pytest.mark.usefixtures("at")
ROOT = Path(__file__).parents[4]
NOBODY = "http://127.0.0.1:9"  # refuses every connection
TOKEN = "ms-0123"
FULL = Path("/dev/full")  # takes no byte
FAULTS = {
    "me/gated": Fault(403, files_only=True, token=TOKEN),
    "me/private": Fault(404, token=TOKEN),
    "me/old-token": Fault(401),
    "me/proxy-log-in": Fault(407),
    "me/busy": Fault(429, {"Retry-After": "300"}),
    "me/busy-files": Fault(429, {"Retry-After": "300"}, files_only=True),
    "me/broken": Fault(502),
    "me/broken-files": Fault(503, files_only=True),
    "me/silent": Fault(silent=True),
    "me/silent-files": Fault(silent=True, files_only=True),
    "me/portal": Fault(body=b"<html>Welcome to the hotel"),
    "me/portal-files": Fault(body=b"<html>Welcome to the hotel", files_only=True),
    "me/cut": Fault(cuts=10**6, ranges=False),
    "me/unreadable": Fault(400),
}
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


@pytest.fixture(scope="module")
def hub(checkpoints: dict[str, Path]) -> Iterator[ModelScopeServer]:
    cut = {"me/cut-often": Fault(cuts=5), "me/cut-at-first": Fault(cuts=1, ranges=False)}
    served = ModelScopeServer(checkpoints["qwen2_vl"], "me/tiny", FAULTS | cut)
    with served.running():
        yield served


@pytest.fixture
def at(hub: ModelScopeServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[At]:
    """Sets the address of the hub, at first of the one here; with an empty cache, in this process."""
    monkeypatch.setenv("MODELSCOPE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("MODELSCOPE_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("MODELSCOPE_API_TOKEN", raising=False)
    client._config()  # sets the variables that modelscope_hub reads when it is imported
    from modelscope_hub import _download, _legacy_api

    monkeypatch.setattr(_legacy_api, "REPO_TREE_PAGE_TIMEOUT_SECONDS", 0.5)
    monkeypatch.setattr(_legacy_api, "DOWNLOAD_TIMEOUT", 0.5)
    monkeypatch.setattr(_download, "DOWNLOAD_INTEGRITY_RETRY_BACKOFF", 0.01)

    def at(endpoint: str) -> None:
        monkeypatch.setenv("MODELSCOPE_ENDPOINT", endpoint)
        repository._listing.cache_clear()

    repository.look_up_at("modelscope")
    at(hub.endpoint)
    yield at
    repository.look_up_at("huggingface")


def snapshot(tmp_path: Path) -> Path:
    """The folder of me/tiny in the cache."""
    return tmp_path / "cache" / "models" / "me--tiny" / "snapshots" / "master"


def loaded(checkpoint: str, **more: Any) -> LocalBackend:
    return LocalBackend.from_choice(
        Choice(checkpoint, "cpu", "float32", "sdpa"), cache_gb=0.1, **more
    )


def refusal(checkpoint: str) -> str:
    with pytest.raises(CheckpointError) as refused:
        loaded(checkpoint)
    return str(refused.value)


def answer(backend: LocalBackend) -> str:
    talk = Conversation().with_user_turn(Text("Hi"))
    return collected(backend.stream(talk, GenerationSettings(max_new_tokens=4), Cancel()))[0]


def test_a_checkpoint_is_fetched_once_and_then_answers_without_the_hub(
    hub: ModelScopeServer,
    at: At,
    checkpoints: dict[str, Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    preflight.report(Flags("me/tiny", cpu_only=True))
    checked = capsys.readouterr().out
    assert "download    0.0 GB" in checked and "KV cache" in checked and "ready\n" in checked
    assert not any("model.safetensors" in asked for asked in hub.asked)
    progress: list[float] = []
    first = loaded("me/tiny", report=progress.append)
    assert progress == sorted(progress) and progress[-1] == 1 and len(set(progress)) > 2
    assert (first.status().label, first.model_info.checkpoint) == ("tiny · cpu fp32", "me/tiny")
    whole = LocalBackend.load(checkpoints["qwen2_vl"], device="cpu")
    asked = len(hub.asked)
    at(NOBODY)
    away = loaded("me/tiny")
    assert answer(away) == answer(first) == answer(whole) and len(hub.asked) == asked
    assert not (tmp_path / "home").exists(), "nothing tells this installation from others"


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


@pytest.mark.parametrize("checkpoint", ["me/cut-often", "me/cut-at-first"])
def test_a_file_that_breaks_off_is_fetched_to_its_end(
    checkpoints: dict[str, Path], checkpoint: str
) -> None:
    """As long as each attempt brings it further, though modelscope_hub makes two only."""
    got = Path(repository.fetch(checkpoint, weights=True))
    for file in checkpoints["qwen2_vl"].iterdir():
        assert (got / file.name).read_bytes() == file.read_bytes()


def test_a_download_goes_on_where_an_earlier_one_ended(
    hub: ModelScopeServer, checkpoints: dict[str, Path], tmp_path: Path
) -> None:
    weights = (checkpoints["qwen2_vl"] / "model.safetensors").read_bytes()
    got = Path(repository.fetch("me/tiny"))
    (got / "model.safetensors.incomplete").write_bytes(weights[:-100])
    sent: list[str | None] = []
    send_file = hub.send_file

    def watched(to: Any, name: str, fault: Fault) -> None:
        sent.append(to.headers.get("Range"))
        send_file(to, name, fault)

    progress: list[float] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hub, "send_file", watched)
        repository.fetch("me/tiny", weights=True, report=progress.append)
    assert sent == [f"bytes={len(weights) - 100}-"]
    assert (snapshot(tmp_path) / "model.safetensors").read_bytes() == weights
    assert progress == sorted(progress) and progress[-1] == 1
    assert len(weights) - 100 <= progress[-2] * sum(
        file.stat().st_size for file in got.iterdir()
    ), "what was there counts as done"


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


def test_an_empty_file_is_fetched(
    hub: ModelScopeServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (empty := tmp_path / "merges.txt").touch()
    monkeypatch.setitem(hub.files, "merges.txt", empty)
    got = Path(repository.fetch("me/tiny", weights=True))
    assert (got / "merges.txt").read_bytes() == b"" and (got / "tokenizer.json").is_file()


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


def test_the_older_variable_for_the_address_counts_too(
    hub: ModelScopeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MODELSCOPE_ENDPOINT")
    monkeypatch.setenv("MODELSCOPE_DOMAIN", hub.endpoint)
    with pytest.warns(FutureWarning, match="MODELSCOPE_ENDPOINT"):
        assert Path(repository.fetch("me/tiny")).is_dir()


@pytest.mark.parametrize("gone", ["tokenizer.json", "chat_template.jinja", "model.safetensors"])
def test_what_is_not_whole_in_the_cache_is_asked_of_the_hub(
    checkpoints: dict[str, Path], tmp_path: Path, gone: str
) -> None:
    shutil.copytree(checkpoints["qwen2_vl"], snapshot(tmp_path))
    assert repository.locate("me/tiny") == str(snapshot(tmp_path))
    (snapshot(tmp_path) / gone).unlink()
    assert repository.locate("me/tiny") == "me/tiny"
    assert (Path(repository.fetch("me/tiny", weights=True)) / gone).is_file()


def test_what_an_older_modelscope_has_downloaded_is_used(
    at: At, checkpoints: dict[str, Path], tmp_path: Path
) -> None:
    at(NOBODY)
    folder = tmp_path / "cache" / "hub" / "models" / "me" / "tiny-2___5"
    shutil.copytree(checkpoints["qwen2_vl"], folder)
    assert repository.fetch("me/tiny-2.5", weights=True) == str(folder)


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


def test_the_size_of_a_checkpoint_is_that_of_its_weights(checkpoints: dict[str, Path]) -> None:
    weights = checkpoints["qwen2_vl"] / "model.safetensors"
    assert repository.weights_bytes_on_hub("me/tiny") == weights.stat().st_size


@pytest.mark.parametrize(("gone", "named"), [("config.json", "config.json"), ("model.safetensors", "*.safetensors")])  # fmt: skip
def test_an_id_that_is_no_checkpoint_is_told_before_anything_is_fetched(
    hub: ModelScopeServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, gone: str, named: str
) -> None:
    files = {name: file for name, file in hub.files.items() if name != gone}
    monkeypatch.setattr(hub, "files", files)
    assert f"me/tiny at ModelScope has no {named}" in refusal("me/tiny")
    assert not any(tmp_path.iterdir())


@pytest.mark.slow
def test_an_adapter_is_fetched_once_and_then_used_without_the_hub(
    at: At, checkpoints: dict[str, Path], tmp_path: Path
) -> None:
    base = checkpoints["qwen2_vl"]
    served = ModelScopeServer(write_adapter(tmp_path / "adapter", base), "me/adapter")

    def with_adapter(name: str) -> LocalBackend:
        return LocalBackend.from_choice(
            Choice(str(base), "cpu", "float32", "sdpa", adapter=name), cache_gb=0
        )

    with served.running():
        at(served.endpoint)
        first = with_adapter("me/adapter")
        assert "--checkpoint-path ID_OR_FOLDER" not in refusal("me/adapter")
    at(NOBODY)
    assert answer(with_adapter("me/adapter")) == answer(first)
    assert "cannot be reached, so me/other could not be fetched" in refusal("me/other")


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


@pytest.mark.slow
@pytest.mark.parametrize("way", ["flag", "variable"])
def test_the_program_looks_ids_up_where_the_flag_or_the_variable_says(way: str) -> None:
    told = ["--hub", "modelscope"] if way == "flag" else []
    run = subprocess.run(
        [sys.executable, "app.py", "--check", "--cpu-only", "-c", "me/tiny", *told], cwd=ROOT,
        env=os.environ | ({} if told else {"QWEN_VL_HUB": "modelscope"}),
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert run.returncode == 0 and "download    0.0 GB" in run.stdout, run.stdout + run.stderr
