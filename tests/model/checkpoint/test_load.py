"""What runs where, as a table, and loads that fail with a sentence."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import huggingface_hub.constants
import pytest
import torch
from safetensors.torch import load_file, save_file

from cli import check as preflight
from model.checkpoint.choose import (
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
from model.checkpoint.load import cpu_bfloat16, require_memory
from model.errors import CheckpointError
from model.local import LocalBackend
from tests.support.checkpoint_folders import grown, resized

CPU = Hardware()
MATRIX_CPU = Hardware(cpu_bfloat16=True)
BIG = Hardware(gpu_free=(80 * GB,), gpu_generation=(9,), flash_attn=True)
LITTLE = Hardware(gpu_free=(8 * GB,), gpu_generation=(8,))
OLD = Hardware(gpu_free=(24 * GB,), gpu_generation=(7,))
OLD_PAIR = Hardware(gpu_free=(24 * GB, 24 * GB), gpu_generation=(7, 7))
MIXED = Hardware(gpu_free=(12 * GB, 12 * GB), gpu_generation=(8, 7))
AMD = Hardware(gpu_free=(24 * GB,), gpu_generation=(6,), rocm=True)
PAIR = Hardware(gpu_free=(12 * GB, 12 * GB), gpu_generation=(8, 8), kernels=True)
EIGHT = Hardware(gpu_free=(80 * GB,) * 8, gpu_generation=(9,) * 8)
BUSY = Hardware(gpu_free=(2 * GB, 70 * GB, 30 * GB), gpu_generation=(9,) * 3)
# Of the two largest, one has bfloat16.
MOTLEY = Hardware(gpu_free=(40 * GB, 24 * GB, 8 * GB), gpu_generation=(7, 8, 8), kernels=True)
APPLE = Hardware(mps=True, mps_bfloat16=True)
OLD_APPLE = Hardware(mps=True)
WEIGHTS = {LARGE: 16 * GB, SMALL: 4 * GB, "a/b": 16 * GB, "a/72b": 140 * GB, str(BUNDLED): GB // 10}
WEIGHTS |= {"a/unknown": 0, "a/24": 24 * GB}


def weigh(checkpoint: str) -> int:
    return WEIGHTS[checkpoint]


@pytest.mark.parametrize(
    ("hardware", "flags", "checkpoint", "device", "dtype", "gpus"),
    [
        (CPU, Flags(), str(BUNDLED), "cpu", "float32", ()),
        (CPU, Flags("a/b"), "a/b", "cpu", "float32", ()),
        (CPU, Flags("a/b", dtype="bfloat16"), "a/b", "cpu", "bfloat16", ()),
        (MATRIX_CPU, Flags("a/b"), "a/b", "cpu", "bfloat16", ()),
        (MATRIX_CPU, Flags("a/b", dtype="float32"), "a/b", "cpu", "float32", ()),
        (MATRIX_CPU, Flags(), str(BUNDLED), "cpu", "float32", ()),
        (MATRIX_CPU, Flags("a/unknown"), "a/unknown", "cpu", "bfloat16", ()),
        (BIG, Flags(), LARGE, "cuda", "bfloat16", (0,)),
        (BIG, Flags(cpu_only=True), str(BUNDLED), "cpu", "float32", ()),
        (BIG, Flags("tiny"), str(BUNDLED), "cuda", "bfloat16", (0,)),
        (BIG, Flags(gpu_memory=10), SMALL, "cuda", "bfloat16", (0,)),
        (LITTLE, Flags(), SMALL, "cuda", "bfloat16", (0,)),
        (LITTLE, Flags("a/24", quantize="4bit"), "a/24", "cuda", "bfloat16", (0,)),
        (PAIR, Flags("a/b", quantize="4bit"), "a/b", "cuda", "bfloat16", (0,)),
        (PAIR, Flags("a/b", quantize="8bit"), "a/b", "cuda", "bfloat16", (0, 1)),
        (PAIR, Flags(quantize="4bit"), LARGE, "cuda", "bfloat16", (0,)),
        (OLD, Flags(), LARGE, "cuda", "float16", (0,)),
        (OLD, Flags(dtype="bfloat16"), LARGE, "cuda", "bfloat16", (0,)),
        (MIXED, Flags(), LARGE, "cuda", "float16", (0, 1)),
        (OLD_PAIR, Flags("a/unknown"), "a/unknown", "cuda", "float16", (0,)),
        (MOTLEY, Flags(), LARGE, "cuda", "bfloat16", (1,)),
        (MOTLEY, Flags("a/b", dtype="float16"), "a/b", "cuda", "float16", (1,)),
        (MOTLEY, Flags("a/24"), "a/24", "cuda", "float16", (0,)),
        (MOTLEY, Flags("a/b", dtype="float32"), "a/b", "cuda", "float32", (0,)),
        (MOTLEY, Flags("a/72b"), "a/72b", "cuda", "float16", (0, 1, 2)),
        (AMD, Flags(dtype="float32"), SMALL, "cuda", "float32", (0,)),
        (AMD, Flags(), LARGE, "cuda", "bfloat16", (0,)),
        (PAIR, Flags(), LARGE, "cuda", "bfloat16", (0, 1)),
        (PAIR, Flags(SMALL), SMALL, "cuda", "bfloat16", (0,)),
        (PAIR, Flags(cpu_only=True), str(BUNDLED), "cpu", "float32", ()),
        (EIGHT, Flags(), LARGE, "cuda", "bfloat16", (0,)),
        (EIGHT, Flags("a/72b"), "a/72b", "cuda", "bfloat16", (0, 1, 2)),
        (EIGHT, Flags("a/b", gpu_memory=12), "a/b", "cuda", "bfloat16", (0, 1)),
        (EIGHT, Flags("a/72b", gpu_memory=8), "a/72b", "cuda", "bfloat16", tuple(range(8))),
        (BUSY, Flags(), LARGE, "cuda", "bfloat16", (1,)),
        (BUSY, Flags("a/b", dtype="float32"), "a/b", "cuda", "float32", (1,)),
        (BUSY, Flags("a/b", gpu_memory=15), "a/b", "cuda", "bfloat16", (1, 2)),
        (APPLE, Flags(), str(BUNDLED), "mps", "bfloat16", ()),
        (OLD_APPLE, Flags(), str(BUNDLED), "mps", "float16", ()),
        (APPLE, Flags("a/b", dtype="float32"), "a/b", "mps", "float32", ()),
    ],
)
def test_what_runs_where(
    hardware: Hardware,
    flags: Flags,
    checkpoint: str,
    device: str,
    dtype: str,
    gpus: tuple[int, ...],
) -> None:
    choice = choose(hardware, flags, weigh)
    got = (choice.checkpoint, choice.device, choice.dtype, choice.gpus)
    assert got == (checkpoint, device, dtype, gpus)


@pytest.mark.parametrize(
    ("hardware", "device_map"),
    [(CPU, None), (APPLE, {"": "mps"}), (BUSY, {"": "cuda:1"}), (PAIR, "auto")],
)
def test_weights_go_straight_to_the_one_device_or_are_spread(
    hardware: Hardware, device_map: object
) -> None:
    assert choose(hardware, Flags("a/b"), weigh).device_map == device_map


@pytest.mark.parametrize(
    ("capabilities", "native"),
    [
        ({}, False),
        ({"avx2": True, "avx512_f": True, "avx512_bf16": False}, False),
        ({"avx512_bf16": True}, True),
        ({"amx_bf16": True}, True),
        ({"neon": True, "bf16": True}, True),
    ],
)
def test_a_cpu_computes_in_bfloat16_if_it_has_instructions_for_it(
    capabilities: dict[str, object], native: bool
) -> None:
    assert cpu_bfloat16(capabilities) is native


def test_quantizing_is_refused_where_it_cannot_run() -> None:
    with pytest.raises(CheckpointError, match="--quantize needs a CUDA GPU or a CPU"):
        choose(APPLE, Flags("a/b", quantize="4bit"), weigh)


def test_flash_attention_is_taken_where_it_is_asked_for() -> None:
    assert choose(BIG, Flags(), weigh).attention == "sdpa"
    for hardware in (BIG, PAIR, MOTLEY):
        assert choose(hardware, Flags(flash_attn2=True), weigh).attention == "flash_attention_2"


def test_a_limit_of_nothing_is_refused() -> None:
    with pytest.raises(CheckpointError, match="--gpu-memory must be more than 0"):
        choose(BIG, Flags(gpu_memory=0), weigh)


@pytest.mark.parametrize(
    ("hardware", "flags", "remedy"),
    [
        (CPU, Flags(flash_attn2=True), "CUDA"),
        (BIG, Flags(flash_attn2=True, cpu_only=True), "CUDA"),
        (APPLE, Flags(flash_attn2=True), "CUDA"),
        (BIG, Flags(flash_attn2=True, dtype="float32"), "--dtype bfloat16"),
        (LITTLE, Flags(flash_attn2=True), "pip install kernels"),
        (OLD, Flags(flash_attn2=True), "Ampere"),
        (MOTLEY, Flags("a/24", flash_attn2=True), "Ampere"),
    ],
)
def test_flash_attention_is_refused_where_it_cannot_run(
    hardware: Hardware, flags: Flags, remedy: str
) -> None:
    with pytest.raises(CheckpointError, match=remedy):
        choose(hardware, flags, weigh)


@pytest.mark.parametrize(
    ("hardware", "flags", "remedy"),
    [
        (CPU, Flags(compiled=True), "CUDA"),
        (APPLE, Flags(compiled=True), "CUDA"),
        (BIG, Flags(compiled=True, cpu_only=True), "CUDA"),
        (PAIR, Flags(LARGE, compiled=True), "fits on one GPU"),
        (BIG, Flags(compiled=True, flash_attn2=True), "leave one of them out"),
        (BIG, Flags(compiled=True, prompt_lookup=True), "leave one of them out"),
    ],
)
def test_compiling_is_refused_where_it_would_not_help(
    hardware: Hardware, flags: Flags, remedy: str
) -> None:
    with pytest.raises(CheckpointError, match=remedy):
        choose(hardware, flags, weigh)
    assert choose(BIG, Flags(compiled=True), weigh).compiled


def test_a_folder_may_be_named_by_its_place_in_the_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    monkeypatch.setenv("USERPROFILE", "/home/me")
    assert choose(CPU, Flags("~/mine")).checkpoint == "/home/me/mine"
    assert expected_checkpoint(Flags("~/mine")) == "/home/me/mine"


def test_the_banner_says_when_the_bundled_checkpoint_stands_in() -> None:
    assert "only simple shapes" in choose(CPU, Flags()).note
    assert choose(CPU, Flags("a/b"), weigh).note == ""


def test_the_label_names_checkpoint_device_precision_and_attention() -> None:
    choice = Choice("Qwen/Qwen2-VL-7B-Instruct", "cuda", "bfloat16", "flash_attention_2")
    assert choice.label == "Qwen2-VL-7B-Instruct · cuda bf16 flash-attn 2"


def loading(checkpoint: Path | str) -> str:
    """The sentence with which loading fails."""
    with pytest.raises(CheckpointError) as failed:
        LocalBackend.from_choice(Choice(str(checkpoint), "cpu", "float32", "sdpa"))
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
    (other / "config.json").write_text(json.dumps({"model_type": "qwen3_5"}))
    assert "is a qwen3_5 checkpoint" in loading(other)
    (other / "config.json").write_text("{}")
    assert "not a Qwen2-VL, Qwen2.5-VL or Qwen3-VL checkpoint" in loading(other)
    assert "There is no folder" in loading(tmp_path / "nowhere")
    assert "HF_HUB_OFFLINE forbids" in loading("nobody/no-such-checkpoint")


def checking(checkpoint: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """What the preflight says is missing."""
    assert preflight.report({"": Flags(str(checkpoint), cpu_only=True)}) == 1
    return capsys.readouterr().out.partition("missing     ")[2].splitlines()[0]


@pytest.mark.parametrize(
    ("gone", "sentence"),
    [
        ("config.json", "holds no readable config.json"),
        ("model.safetensors", "holds no weights"),
        ("processor_config.json", "lacks preprocessor_config.json"),
        ("tokenizer.json", "lacks tokenizer.json"),
        ("chat_template.jinja", "lacks chat_template.jinja"),
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
    """Of a whole one with so many words that its weights fit nowhere."""
    shutil.copytree(checkpoints["qwen2_vl"], tmp_path, dirs_exist_ok=True)
    words = 10**9
    resized(tmp_path, vocab_size=words)
    grown(tmp_path / "model.safetensors", "model.embed_tokens.weight", words)
    assert "are free" in checking(tmp_path, capsys)


def test_weights_that_do_not_fit_are_refused_with_numbers(
    checkpoints: dict[str, Path], tmp_path: Path
) -> None:
    """As large as in the dtype that they are loaded in, whatever they are stored in."""
    folder = checkpoints["qwen2_vl"]
    weights = load_file(folder / "model.safetensors")
    count = sum(weight.numel() for weight in weights.values())
    halves = shutil.copytree(folder, tmp_path / "halves")
    stored = {name: weight.half() for name, weight in weights.items()}
    save_file(stored, halves / "model.safetensors", {"format": "pt"})
    for stored_in in (folder, halves):
        for choice, size in (
            (Choice(str(stored_in), "cpu", "float32", "sdpa"), 4),
            (Choice(str(stored_in), "cpu", "bfloat16", "sdpa"), 2),
        ):
            require_memory(choice, size * count)
            with pytest.raises(CheckpointError, match=r"needs 0\.0 GB and 0\.0 GB are free"):
                require_memory(choice, size * count - 1)


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
    LocalBackend.from_choice(
        Choice(str(checkpoints["qwen2_vl"]), "cpu", "float32", "sdpa"), report=reported.append
    )
    assert reported == sorted(reported) and reported[-1] == 1.0 and len(reported) > 10


@pytest.mark.skipif(torch.cuda.is_available(), reason="it is there")
def test_a_device_that_is_not_there_is_refused(checkpoints: dict[str, Path]) -> None:
    with pytest.raises(CheckpointError, match="cuda"):
        LocalBackend.load(checkpoints["qwen2_vl"], device="cuda")


def test_the_preflight_prints_what_would_run_and_what_is_missing(
    checkpoints: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert preflight.report({"": Flags(str(checkpoints["qwen2_vl"]), cpu_only=True)}) == 0
    printed = capsys.readouterr().out
    for word in (
        "torch",
        "cpu",
        "float32",
        "sdpa",
        "H.264",
        "AV1",
        "KV cache",
        "are free",
        "ready",
    ):
        assert word in printed
    assert preflight.report({"": Flags(str(tmp_path / "nowhere"), cpu_only=True)}) == 1
    assert "There is no folder" in capsys.readouterr().out
