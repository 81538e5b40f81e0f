"""Checkpoints at ModelScope: fetched, and taken from the cache when it is away."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from cli import check as preflight
from model.checkpoint.choose import Choice, Flags
from model.checkpoint.hub import repository
from model.checkpoint.hub.hub import HubFile
from model.checkpoint.hub.modelscope import client
from model.local import LocalBackend
from tests.model.checkpoint.hub.modelscope.conftest import NOBODY, At, snapshot
from tests.support.adapters import write_adapter
from tests.support.hub_checkpoints import answer, loaded, refusal
from tests.support.hub_server import Fault
from tests.support.modelscope_server import ModelScopeServer

pytestmark = pytest.mark.usefixtures("at")
ROOT = Path(__file__).parents[5]


def test_a_checkpoint_is_fetched_once_and_then_answers_without_the_hub(
    hub: ModelScopeServer,
    at: At,
    checkpoints: dict[str, Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    preflight.report({"tiny": Flags("me/tiny", cpu_only=True)})
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


def test_a_file_of_unknown_size_is_fetched(checkpoints: dict[str, Path]) -> None:
    """ModelScope lists it with 0 bytes."""
    whole = (checkpoints["qwen2_vl"] / "tokenizer.json").read_bytes()
    got = client.download("me/tiny", [HubFile("tokenizer.json", 0)], lambda _: None)
    assert (Path(got) / "tokenizer.json").read_bytes() == whole


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


def test_the_size_of_a_checkpoint_is_that_of_its_weights(checkpoints: dict[str, Path]) -> None:
    weights = checkpoints["qwen2_vl"] / "model.safetensors"
    assert repository.weights_bytes_on_hub("me/tiny") == weights.stat().st_size


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
