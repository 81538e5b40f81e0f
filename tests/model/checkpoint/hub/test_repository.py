"""Checkpoints by hub id: fetched, taken from the cache when the hub is away, and refused in fitting words."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from uuid import UUID

import pytest
from httpx2 import ConnectError
from huggingface_hub import close_session, constants, file_download
from transformers import AutoConfig

from cli import check as preflight
from model.backend import Cancel
from model.checkpoint.choose import GB, Choice, Flags
from model.checkpoint.hub import repository as model_hub
from model.checkpoint.hub.huggingface import client as hub_client
from model.checkpoint.hub.huggingface.errors import to_checkpoint_error
from model.checkpoint.hub.repository import locate
from model.checkpoint.load import DOWNLOAD_SHARE
from model.conversation import Conversation, Text
from model.engine.cache.budget import ModelSizes
from model.errors import CheckpointError
from model.loading import LoadingBackend
from model.local import LocalBackend
from model.settings import GenerationSettings
from tests.support.adapters import write_adapter
from tests.support.checkpoint_folders import without
from tests.support.hub_checkpoints import answer, loaded, refusal
from tests.support.hub_server import COMMIT, Fault, HubServer

At = Callable[[str], None]  # sets the address of the hub
pytestmark = pytest.mark.usefixtures("at")
ROOT = Path(__file__).parents[4]
FULL = Path("/dev/full")  # takes no byte
NOBODY = "http://127.0.0.1:9"  # refuses every connection
FAULTS = {
    "me/gated": Fault(403, {"X-Error-Code": "GatedRepo"}, files_only=True, token="hf_0123"),
    "me/log-in": Fault(401, token="hf_0123"),
    "me/mirror": Fault(404),
    "me/old-token": Fault(401, {"X-Error-Message": "Invalid credentials in Authorization header"}),
    "me/forbidden": Fault(403),
    "me/forbidden-files": Fault(403, files_only=True),
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
}
SENTENCES = {
    "me/gated": "me/gated is gated; accept its terms",
    "me/log-in": "has no me/log-in, or it is private",
    "me/mirror": "has no me/mirror, or it is private",
    "me/old-token": "account (401); log in with `hf auth login`",
    "me/forbidden": "account (403); log in with `hf auth login`",
    "me/forbidden-files": "account (403); log in with `hf auth login`",
    "me/proxy-log-in": "The proxy lets nobody through",
    "me/busy": "too many requests from this network (429)",
    "me/busy-files": "too many requests from this network (429)",
    "me/broken": "is out of order (502)",
    "me/broken-files": "is out of order (503)",
    "me/silent": "does not answer",
    "me/silent-files": "does not answer",
    "me/portal": "Something else answers in the place of",
    "me/portal-files": "Something else answers in the place of",
    "me/cut": "The download of me/cut broke off",
    "me/nothing": "has no me/nothing, or it is private",
    "me/no such id": "neither a folder nor the id of a checkpoint",
}


def cached(checkpoint: Path, cache: Path) -> Path:
    """The snapshot of me/tiny in a cache, as if it had been fetched."""
    repo = cache / "models--me--tiny"
    shutil.copytree(checkpoint, snapshot := repo / "snapshots" / COMMIT)
    (repo / "refs").mkdir()
    (repo / "refs" / "main").write_text(COMMIT)
    return snapshot


@pytest.fixture(scope="module")
def hub(checkpoints: dict[str, Path]) -> Iterator[HubServer]:
    once = {"me/cut-once": Fault(cuts=1), "me/cut-at-first": Fault(cuts=1, ranges=False)}
    served = HubServer(checkpoints["qwen2_vl"], "me/tiny", FAULTS | once)
    with served.running():
        yield served


@pytest.fixture
def at(hub: HubServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[At]:
    """Sets the address of the hub, at first of the one here; with an empty cache, in this process."""
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    monkeypatch.setattr(hub_client, "REQUEST_TIMEOUT_S", 0.5)
    monkeypatch.setattr(hub_client, "MAX_SILENCE_S", 2.0)

    def at(endpoint: str) -> None:
        monkeypatch.setattr(constants, "ENDPOINT", endpoint)
        template = endpoint + "/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        model_hub._listing.cache_clear()
        close_session()

    at(hub.endpoint)
    yield at
    model_hub._listing.cache_clear()
    close_session()


def test_a_checkpoint_is_fetched_once_and_then_answers_without_the_hub(
    hub: HubServer, at: At, checkpoints: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    preflight.report({"": Flags("me/tiny", cpu_only=True)})
    checked = capsys.readouterr().out
    assert "download    0.0 GB" in checked and "KV cache" in checked and "ready\n" in checked
    working = ModelSizes.of(AutoConfig.from_pretrained(checkpoints["qwen2_vl"]), 4).working_bytes
    assert f"+ up to {working / GB:.1f} GB for the pictures of a turn" in checked
    assert "dtype       float32" in checked, "its size is known before its weights are read"
    assert not any(asked.startswith("GET") and "model.safetensors" in asked for asked in hub.asked)
    progress: list[float] = []
    first = loaded("me/tiny", report=progress.append)
    assert progress == sorted(progress) and progress[-1] == 1 and len(set(progress)) > 2
    assert (first.status().label, first.model_info.checkpoint) == ("tiny · cpu fp32", "me/tiny")
    whole = LocalBackend.load(checkpoints["qwen2_vl"], device="cpu")
    asked = len(hub.asked)
    at(NOBODY)
    away = loaded("me/tiny")
    assert answer(away) == answer(first) == answer(whole) and len(hub.asked) == asked


@pytest.mark.slow
@pytest.mark.parametrize(("checkpoint", "sentence"), SENTENCES.items())
def test_what_the_hub_does_not_give_is_refused_in_fitting_words(
    checkpoint: str, sentence: str
) -> None:
    refused = refusal(checkpoint)
    assert sentence in refused and checkpoint in refused


@pytest.mark.parametrize("checkpoint", ["me/gated", "me/log-in"])
def test_a_token_opens_what_is_gated_or_private(
    monkeypatch: pytest.MonkeyPatch, checkpoint: str
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_wrong")
    assert "log in with `hf auth login` or a token in HF_TOKEN" in refusal(checkpoint)
    monkeypatch.setenv("HF_TOKEN", "hf_0123")
    assert (Path(model_hub.fetch(checkpoint, weights=True)) / "model.safetensors").is_file()


@pytest.mark.skipif(not FULL.exists(), reason="only Linux has a file that takes no byte")
def test_a_full_disk_is_named_with_the_variable_that_moves_the_cache(
    monkeypatch: pytest.MonkeyPatch, checkpoints: dict[str, Path], tmp_path: Path
) -> None:
    model_hub.fetch("me/tiny")
    weights = (checkpoints["qwen2_vl"] / "model.safetensors").read_bytes()
    etag = hashlib.sha1(weights).hexdigest()
    # The names of huggingface_hub's temporary files end in a random number.
    monkeypatch.setattr(file_download, "uuid", SimpleNamespace(uuid4=lambda: UUID(int=0)))
    unfinished = f"{etag}.{UUID(int=0).hex[:8]}.incomplete"
    (tmp_path / "models--me--tiny" / "blobs" / unfinished).symlink_to(FULL)
    sentence = "The disk is full, so me/tiny could not be stored; make room, or set HF_HOME to a folder on a larger disk."
    assert refusal("me/tiny") == sentence


@pytest.mark.slow
def test_files_that_are_fetched_side_by_side_are_given_up_together(
    hub: HubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub_client, "MAX_SILENCE_S", 1.0)
    hub.asked.clear()
    assert "does not answer" in refusal("me/silent-files")
    times = Counter(asked for asked in hub.asked if asked.startswith("HEAD"))
    assert len(times) > 2 and max(times.values()) <= 2, "each at first and once more"


@pytest.mark.parametrize("checkpoint", ["me/cut-once", "me/cut-at-first"])
def test_a_file_that_breaks_off_is_fetched_to_its_end(
    checkpoints: dict[str, Path], checkpoint: str
) -> None:
    got = Path(model_hub.fetch(checkpoint, weights=True))
    for file in checkpoints["qwen2_vl"].iterdir():
        assert (got / file.name).read_bytes() == file.read_bytes()


def test_what_was_fetched_is_examined_before_it_is_loaded(
    at: At, checkpoints: dict[str, Path], tmp_path: Path
) -> None:
    broken = shutil.copytree(checkpoints["qwen2_vl"], tmp_path / "broken")
    without(broken, "visual.merger.ln_q.bias")
    with (served := HubServer(broken, "me/broken-weights")).running():
        at(served.endpoint)
        progress: list[float] = []
        with pytest.raises(CheckpointError, match="lacks 1 of 118 weights"):
            loaded("me/broken-weights", report=progress.append)
        assert max(progress) <= DOWNLOAD_SHARE


def test_a_hub_that_nobody_reaches_is_named_at_once(at: At) -> None:
    at(NOBODY)
    assert f"{NOBODY} cannot be reached, so me/tiny could not be fetched" in refusal("me/tiny")
    at("127.0.0.1")
    assert "127.0.0.1 cannot be reached" in refusal("me/tiny")


def test_a_proxy_that_does_not_let_through_is_named(
    hub: HubServer, at: At, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", hub.endpoint)
    monkeypatch.setenv("NO_PROXY", "")
    at("https://hub.example")
    assert "The proxy lets nobody through to https://hub.example" in refusal("me/tiny")


def test_offline_the_variable_is_named_and_nothing_is_asked(
    hub: HubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetched = model_hub.fetch("me/tiny", weights=True)
    asked = len(hub.asked)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    model_hub._listing.cache_clear()
    assert "me/nothing is not whole in the Hugging Face cache and HF_HUB_OFFLINE" in refusal(
        "me/nothing"
    )
    assert answer(loaded("me/tiny")) and len(hub.asked) == asked
    (Path(fetched) / "model.safetensors").unlink()
    assert "HF_HUB_OFFLINE" in refusal("me/tiny")


@pytest.mark.slow
def test_the_variable_is_that_of_the_environment(tmp_path: Path) -> None:
    run = subprocess.run(
        [sys.executable, "app.py", "--check", "--cpu-only", "-c", "me/tiny"], cwd=ROOT,
        env=os.environ | {"HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path)},
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert run.returncode == 1 and "HF_HUB_OFFLINE" in run.stdout, run.stderr


@pytest.mark.parametrize(("gone", "named"), [("config.json", "config.json"), ("model.safetensors", "*.safetensors")])  # fmt: skip
def test_an_id_that_is_no_checkpoint_is_told_before_anything_is_fetched(
    hub: HubServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, gone: str, named: str
) -> None:
    files = {name: file for name, file in hub.files.items() if name != gone}
    monkeypatch.setattr(hub, "files", files)
    assert f"me/tiny at Hugging Face has no {named}" in refusal("me/tiny")
    assert not any(tmp_path.iterdir())


def test_a_page_whose_checkpoint_cannot_be_had_says_so_and_the_log_has_the_cause(
    caplog: pytest.LogCaptureFixture,
) -> None:
    backend = LoadingBackend(lambda _: loaded("me/broken"), "me/broken")
    talk = Conversation().with_user_turn(Text("Hi"))
    with pytest.raises(CheckpointError, match="is out of order"):
        list(backend.stream(talk, GenerationSettings(), Cancel()))
    assert "502 Bad Gateway" in caplog.text and "HfHubHTTPError" in caplog.text


@pytest.mark.parametrize("gone", ["tokenizer.json", "chat_template.jinja", "model.safetensors"])
def test_what_is_not_whole_in_the_cache_is_asked_of_the_hub(
    checkpoints: dict[str, Path], tmp_path: Path, gone: str
) -> None:
    snapshot = cached(checkpoints["qwen2_vl"], tmp_path)
    assert locate("me/tiny") == str(snapshot)
    (snapshot / gone).unlink()
    assert locate("me/tiny") == "me/tiny"
    assert (Path(model_hub.fetch("me/tiny", weights=True)) / gone).is_file()


def test_weights_of_which_a_part_is_missing_in_the_cache_are_asked_of_the_hub(
    checkpoints: dict[str, Path], tmp_path: Path
) -> None:
    snapshot = cached(checkpoints["qwen2_vl"], tmp_path)
    first, second = snapshot / "model-1.safetensors", snapshot / "model-2.safetensors"
    (snapshot / "model.safetensors").rename(first)
    index = {"weight_map": {"a": first.name, "b": second.name, "c": first.name}}
    (snapshot / "model.safetensors.index.json").write_text(json.dumps(index))
    assert locate("me/tiny") == "me/tiny"
    second.touch()
    assert locate("me/tiny") == str(snapshot)


def test_the_size_of_a_checkpoint_is_that_of_its_weights(checkpoints: dict[str, Path]) -> None:
    weights = checkpoints["qwen2_vl"] / "model.safetensors"
    assert model_hub.weights_bytes_on_hub("me/tiny") == weights.stat().st_size


@pytest.mark.parametrize(
    ("cause", "sentence"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "The disk is full"),
        (PermissionError(errno.EACCES, "Permission denied"), "is not writable; set HF_HOME"),
        (OSError(errno.EROFS, "Read-only file system"), "is not writable; set HF_HOME"),
        (ConnectError("[SSL: CERTIFICATE_VERIFY_FAILED] self-signed"), "set SSL_CERT_FILE"),
        (OSError("Consistency check failed"), "check the name and the network"),
    ],
)
def test_what_is_wrong_on_this_side_is_not_taken_for_the_network(
    cause: Exception, sentence: str
) -> None:
    error = OSError("could not load")
    error.__cause__ = cause
    assert sentence in str(to_checkpoint_error("a/b", error))


@pytest.fixture
def adapter(checkpoints: dict[str, Path], tmp_path: Path) -> Path:
    return write_adapter(tmp_path / "adapter", checkpoints["qwen2_vl"])


@pytest.mark.slow
def test_an_adapter_is_fetched_once_and_then_used_without_the_hub(
    at: At, checkpoints: dict[str, Path], adapter: Path
) -> None:
    base = checkpoints["qwen2_vl"]
    served = HubServer(adapter, "me/adapter")

    def with_adapter(name: str) -> LocalBackend:
        return LocalBackend.from_choice(
            Choice(str(base), "cpu", "float32", "sdpa", adapter=name), cache_gb=0
        )

    with served.running():
        at(served.endpoint)
        first = with_adapter("me/adapter")
        asked = len(served.asked)
        assert f"--checkpoint-path {base} --adapter me/adapter" in refusal("me/adapter")
        preflight.report({"": Flags("me/adapter", cpu_only=True)})
    at(NOBODY)
    away = with_adapter("me/adapter")
    assert first.status().label == f"{base.name} + adapter · cpu fp32"
    assert answer(away) == answer(first) == answer(with_adapter(str(adapter))) and asked > 2


def test_an_adapter_beside_the_weights_of_a_hub_id_must_be_named(
    at: At, checkpoints: dict[str, Path], adapter: Path
) -> None:
    served = HubServer(
        shutil.copytree(checkpoints["qwen2_vl"], adapter, dirs_exist_ok=True), "me/both"
    )
    with served.running():
        at(served.endpoint)
        assert "add --adapter me/both" in refusal("me/both")
        both = LocalBackend.from_choice(
            Choice("me/both", "cpu", "float32", "sdpa", adapter="me/both"), cache_gb=0
        )
    assert both.model_info.adapter == "me/both"
    assert "add --adapter me/both" in refusal("me/both"), "from the cache too"


def test_an_adapter_that_the_hub_does_not_give_is_refused(
    at: At, checkpoints: dict[str, Path]
) -> None:
    def refused(name: str) -> str:
        with pytest.raises(CheckpointError) as failed:
            LocalBackend.from_choice(
                Choice(str(checkpoints["qwen2_vl"]), "cpu", "float32", "sdpa", adapter=name)
            )
        return str(failed.value)

    assert "has no me/nothing, or it is private" in refused("me/nothing")
    assert "me/tiny holds no adapter_config.json" in refused("me/tiny")
    at(NOBODY)
    assert "cannot be reached, so me/adapter could not be fetched" in refused("me/adapter")
