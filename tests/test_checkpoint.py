"""What runs where, as a table, and loads that fail with a sentence."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import huggingface_hub.constants
import pytest
import torch

from model import preflight
from model.checkpoint import hardware, load, require_memory
from model.choose import (
    BUNDLED,
    GB,
    LARGE,
    SMALL,
    Choice,
    Flags,
    Hardware,
    choose,
    expected_checkpoint,
)
from model.errors import CheckpointError
from model.local import LocalBackend

CPU = Hardware()
MATRIX_CPU = Hardware(cpu_bfloat16=lambda: True)
BIG = Hardware(gpu_memory=(80 * GB,), flash_attn=True)
LITTLE = Hardware(gpu_memory=(8 * GB,))
OLD = Hardware(gpu_memory=(24 * GB,), gpu_bfloat16=False)
PAIR = Hardware(gpu_memory=(12 * GB, 12 * GB), kernels=True)
APPLE = Hardware(mps=True)


@pytest.mark.parametrize(
    ("hardware", "flags", "checkpoint", "device", "dtype", "attention", "device_map"),
    [
        (CPU, Flags(), str(BUNDLED), "cpu", "float32", "sdpa", None),
        (CPU, Flags("a/b"), "a/b", "cpu", "float32", "sdpa", None),
        (CPU, Flags("a/b", dtype="bfloat16"), "a/b", "cpu", "bfloat16", "sdpa", None),
        (MATRIX_CPU, Flags("a/b"), "a/b", "cpu", "bfloat16", "sdpa", None),
        (MATRIX_CPU, Flags("a/b", dtype="float32"), "a/b", "cpu", "float32", "sdpa", None),
        (MATRIX_CPU, Flags(), str(BUNDLED), "cpu", "float32", "sdpa", None),
        (BIG, Flags(), LARGE, "cuda", "bfloat16", "sdpa", None),
        (BIG, Flags(cpu_only=True), str(BUNDLED), "cpu", "float32", "sdpa", None),
        (BIG, Flags("tiny"), str(BUNDLED), "cuda", "bfloat16", "sdpa", None),
        (BIG, Flags(flash_attn2=True), LARGE, "cuda", "bfloat16", "flash_attention_2", None),
        (LITTLE, Flags(), SMALL, "cuda", "bfloat16", "sdpa", None),
        (OLD, Flags(), LARGE, "cuda", "float16", "sdpa", None),
        (PAIR, Flags(), LARGE, "cuda", "bfloat16", "sdpa", "auto"),
        (PAIR, Flags(flash_attn2=True), LARGE, "cuda", "bfloat16", "flash_attention_2", "auto"),
        (PAIR, Flags(cpu_only=True), str(BUNDLED), "cpu", "float32", "sdpa", None),
        (APPLE, Flags(), str(BUNDLED), "mps", "float16", "sdpa", None),
        (APPLE, Flags("a/b", dtype="float32"), "a/b", "mps", "float32", "sdpa", None),
    ],
)
def test_what_runs_where(
    hardware: Hardware,
    flags: Flags,
    checkpoint: str,
    device: str,
    dtype: str,
    attention: str,
    device_map: str | None,
) -> None:
    choice = choose(hardware, flags)
    got = (choice.checkpoint, choice.device, choice.dtype, choice.attention, choice.device_map)
    assert got == (checkpoint, device, dtype, attention, device_map)


@pytest.mark.parametrize(
    ("hardware", "flags", "remedy"),
    [
        (CPU, Flags(flash_attn2=True), "CUDA"),
        (BIG, Flags(flash_attn2=True, cpu_only=True), "CUDA"),
        (APPLE, Flags(flash_attn2=True), "CUDA"),
        (BIG, Flags(flash_attn2=True, dtype="float32"), "--dtype bfloat16"),
        (LITTLE, Flags(flash_attn2=True), "pip install kernels"),
        (OLD, Flags(flash_attn2=True), "Ampere"),
    ],
)
def test_flash_attention_is_refused_where_it_cannot_run(
    hardware: Hardware, flags: Flags, remedy: str
) -> None:
    with pytest.raises(CheckpointError, match=remedy):
        choose(hardware, flags)


@pytest.mark.parametrize(
    ("hardware", "flags", "remedy"),
    [
        (CPU, Flags(compiled=True), "CUDA"),
        (APPLE, Flags(compiled=True), "CUDA"),
        (BIG, Flags(compiled=True, cpu_only=True), "CUDA"),
        (BIG, Flags(compiled=True, flash_attn2=True), "leave one of them out"),
        (BIG, Flags(compiled=True, prompt_lookup=True), "leave one of them out"),
    ],
)
def test_compiling_is_refused_where_it_would_not_help(
    hardware: Hardware, flags: Flags, remedy: str
) -> None:
    with pytest.raises(CheckpointError, match=remedy):
        choose(hardware, flags)
    assert choose(BIG, Flags(compiled=True)).compiled


def test_a_folder_may_be_named_by_its_place_in_the_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    monkeypatch.setenv("USERPROFILE", "/home/me")
    assert choose(CPU, Flags("~/mine")).checkpoint == "/home/me/mine"
    assert expected_checkpoint(Flags("~/mine")) == "/home/me/mine"


def test_a_gpu_that_only_emulates_bfloat16_computes_in_float16(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    old = SimpleNamespace(major=7, total_memory=16 * GB)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 0)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda _: old)
    monkeypatch.setattr(torch.cuda, "_check_bf16_tensor_supported", lambda _: True)
    assert choose(hardware(), Flags()).dtype == "float16"


def test_the_banner_says_when_the_bundled_checkpoint_stands_in() -> None:
    assert "--checkpoint-path" in choose(CPU, Flags()).note
    assert choose(CPU, Flags("a/b")).note == ""


def test_the_label_names_checkpoint_device_precision_and_attention() -> None:
    choice = Choice("Qwen/Qwen2-VL-7B-Instruct", "cuda", "bfloat16", "flash_attention_2")
    assert choice.label == "Qwen2-VL-7B-Instruct · cuda bf16 flash-attn 2"


def loading(checkpoint: Path | str) -> str:
    """The sentence with which loading fails."""
    with pytest.raises(CheckpointError) as failed:
        load(Choice(str(checkpoint), "cpu", "float32", "sdpa"))
    return str(failed.value)


def test_checkpoints_that_cannot_be_loaded_say_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    other = tmp_path / "bert"
    other.mkdir()
    assert "holds no readable config.json" in loading(other)
    (other / "config.json").write_text(json.dumps({"model_type": "bert"}))
    assert "is a bert checkpoint" in loading(other)
    (other / "config.json").write_text("{}")
    assert "not a Qwen2-VL or Qwen2.5-VL checkpoint" in loading(other)
    assert "There is no folder" in loading(tmp_path / "nowhere")
    assert "could not be fetched" in loading("nobody/no-such-checkpoint")


def checking(checkpoint: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """What the preflight says is missing."""
    assert preflight.report(Flags(str(checkpoint), cpu_only=True)) == 1
    return capsys.readouterr().out.partition("missing     ")[2].splitlines()[0]


@pytest.mark.parametrize(
    ("gone", "sentence"),
    [
        ("config.json", "holds no readable config.json"),
        ("model.safetensors", "holds no weights"),
        ("processor_config.json", "picture settings"),
        ("tokenizer.json", "The tokenizer"),
        ("chat_template.jinja", "chat template"),
    ],
)
def test_loading_and_the_preflight_say_what_a_folder_lacks(
    checkpoints: dict[str, Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    gone: str,
    sentence: str,
) -> None:
    shutil.copytree(checkpoints["qwen2_vl"], tmp_path, dirs_exist_ok=True)
    (tmp_path / gone).unlink()
    said = loading(tmp_path)
    assert sentence in said and str(tmp_path) in said
    assert checking(tmp_path, capsys) == said


def test_loading_and_the_preflight_name_the_package_that_quantized_weights_need(
    checkpoints: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(checkpoints["qwen2_vl"], tmp_path, dirs_exist_ok=True)
    config = json.loads((tmp_path / "config.json").read_text())
    quantized = {"quant_method": "gptq", "bits": 4}
    (tmp_path / "config.json").write_text(json.dumps(config | {"quantization_config": quantized}))
    said = loading(tmp_path)
    assert "pip install" in said
    assert checking(tmp_path, capsys) == said


def test_the_preflight_weighs_the_checkpoint(
    checkpoints: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(checkpoints["qwen2_vl"], tmp_path, dirs_exist_ok=True)
    with (tmp_path / "model-2.safetensors").open("wb") as more:
        more.truncate(900 * GB)  # which takes no room on the disk
    assert "are free" in checking(tmp_path, capsys)


def test_weights_that_do_not_fit_are_refused_with_numbers(checkpoints: dict[str, Path]) -> None:
    choice = Choice(str(checkpoints["qwen2_vl"]), "cpu", "float32", "sdpa")
    stored = (checkpoints["qwen2_vl"] / "model.safetensors").stat().st_size
    require_memory(choice, 2 * stored)
    with pytest.raises(CheckpointError, match=r"needs 0\.0 GB and 0\.0 GB are free"):
        require_memory(choice, 2 * stored - 1)


def test_code_in_a_checkpoints_folder_does_not_run(
    checkpoints: dict[str, Path], tmp_path: Path
) -> None:
    folder = shutil.copytree(checkpoints["qwen2_vl"], tmp_path / "hostile")
    (folder / "evil.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n")
    for name, auto in (
        ("config.json", {"AutoConfig": "evil.C", "AutoModelForImageTextToText": "evil.M"}),
        ("tokenizer_config.json", {"AutoTokenizer": ["evil.T", "evil.T"]}),
        ("processor_config.json", {"AutoProcessor": "evil.P"}),
    ):
        told = json.loads((folder / name).read_text())
        (folder / name).write_text(json.dumps({**told, "auto_map": auto}))
    LocalBackend.load(folder, device="cpu")
    assert not (tmp_path / "ran").exists()


def test_loading_reports_how_far_it_is(checkpoints: dict[str, Path]) -> None:
    reported: list[float] = []
    load(Choice(str(checkpoints["qwen2_vl"]), "cpu", "float32", "sdpa"), report=reported.append)
    assert reported == sorted(reported) and reported[-1] == 1.0 and len(reported) > 10


@pytest.mark.skipif(torch.cuda.is_available(), reason="it is there")
def test_a_device_that_is_not_there_is_refused(checkpoints: dict[str, Path]) -> None:
    with pytest.raises(CheckpointError, match="cuda"):
        LocalBackend.load(checkpoints["qwen2_vl"], device="cuda")


def test_the_preflight_prints_what_would_run_and_what_is_missing(
    checkpoints: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert preflight.report(Flags(str(checkpoints["qwen2_vl"]), cpu_only=True)) == 0
    printed = capsys.readouterr().out
    for word in ("torch", "cpu", "float32", "sdpa", "H.264", "AV1", "ready"):
        assert word in printed
    assert preflight.report(Flags(str(tmp_path / "nowhere"), cpu_only=True)) == 1
    assert "There is no folder" in capsys.readouterr().out
