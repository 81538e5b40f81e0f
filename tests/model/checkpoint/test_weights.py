"""A checkpoint is ready only if every weight came from its files; what is not whole is refused by name."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForImageTextToText, AutoProcessor

from cli import check as preflight
from model.backend import Cancel
from model.checkpoint import weights
from model.checkpoint.choose import Choice, Flags
from model.checkpoint.load import load
from model.conversation import Conversation, Text
from model.errors import CheckpointError, DemoError
from model.loading import LoadingBackend
from model.local import LocalBackend
from model.settings import GenerationSettings
from tests.support.checkpoint_folders import (
    as_in_2024,
    changed,
    in_shards,
    resized,
    rewritten,
    without,
)
from tests.support.patience import PATIENCE_S
from ui.html.bar import banner as banner_html
from ui.text.chinese import CHINESE

INDEX = "model.safetensors.index.json"
SECOND = "model-00002-of-00003.safetensors"
DOWN = "model.layers.1.mlp.down_proj.weight"
Break = Callable[[Path], object]
HELLO = Conversation().with_user_turn(Text("Hello"))
GREEDY = GenerationSettings(max_new_tokens=2)


def single(folder: Path) -> Path:
    return folder / "model.safetensors"


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-1000])


def renamed(folder: Path, old: str, new: str) -> None:
    (folder / old).rename(folder / new)


def with_dtype(folder: Path, key: str, dtype: torch.dtype) -> None:
    rewritten(folder, lambda held: {**held, key: (100 * held[key]).to(dtype)})


def adapter(folder: Path) -> None:
    (folder / "adapter_config.json").write_text('{"base_model_name_or_path": "me/base"}')
    renamed(folder, "model.safetensors", "adapter_model.safetensors")


def adapter_without_config(folder: Path) -> None:
    adapter(folder)
    (folder / "config.json").unlink()


def emptied_end(folder: Path) -> None:
    """As many bytes, of which the last quarter was reserved and never written."""
    size = single(folder).stat().st_size
    with single(folder).open("r+b") as opened:
        opened.truncate(size * 3 // 4)
        opened.truncate(size)


def overlapping(folder: Path) -> None:
    """A header in which two tensors have the same bytes."""
    content = single(folder).read_bytes()
    end = 8 + int.from_bytes(content[:8], "little")
    header = json.loads(content[8:end])
    header[DOWN]["data_offsets"] = header[DOWN.replace("1", "0")]["data_offsets"]
    text = json.dumps(header).encode()
    single(folder).write_bytes(len(text).to_bytes(8, "little") + text + content[end:])


def untied(folder: Path) -> None:
    changed(folder / "config.json", tie_word_embeddings=False)
    resized(folder, tie_word_embeddings=False)


def pointer(folder: Path) -> None:
    single(folder).write_text("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n")


def indexed(folder: Path, change: Callable[[dict[str, str]], object]) -> None:
    in_shards(folder)
    index = json.loads((folder / INDEX).read_text())
    change(index["weight_map"])
    (folder / INDEX).write_text(json.dumps(index))


def torn_from_a_shard(folder: Path) -> None:
    in_shards(folder)
    file = folder / json.loads((folder / INDEX).read_text())["weight_map"][DOWN]
    held = load_file(file)
    del held[DOWN]
    save_file(held, file, {"format": "pt"})


def sharded(change: Break) -> Break:
    """What is done to a folder whose weights are in three files."""
    return both(in_shards, change)


def both(first: Break, second: Break) -> Break:
    def change(folder: Path) -> None:
        first(folder)
        second(folder)

    return change


def gone(folder: Path) -> None:
    single(folder).unlink()


BROKEN: dict[str, tuple[Break, str]] = {
    "two tensors gone": (
        lambda f: without(f, DOWN, "visual.merger.ln_q.weight"),
        "lacks 2 of 118 weights: model.language_model.layers.1.mlp.down_proj.weight is not in the weight files",
    ),
    "the vision tower gone": (lambda f: without(f, "visual."), "of 118 weights: model.visual."),
    "other names": (
        lambda f: rewritten(f, lambda held: {f"base.{k}": v for k, v in held.items()}),
        "lacks 118 of 118 weights",
    ),
    "cut": (lambda f: cut(single(f)), "model.safetensors in"),
    "empty": (lambda f: single(f).write_bytes(b""), "is cut off or damaged; download it again"),
    "tensors that overlap": (overlapping, "is cut off or damaged"),
    "a web page": (lambda f: single(f).write_text("<html>" * 99), "is cut off or damaged"),
    "a Git LFS pointer": (pointer, "git lfs pull"),
    "a folder in its place": (
        both(gone, lambda f: single(f).mkdir()),
        "cannot be read (Is a directory)",
    ),
    "a link to nothing": (
        both(gone, lambda f: single(f).symlink_to("../../blobs/0")),
        "cannot be read (No such file",
    ),
    "a shard gone": (
        sharded(lambda f: (f / SECOND).unlink()),
        f"lacks 1 of its 3 weight files, {SECOND} among them; download it again",
    ),
    "a shard cut": (sharded(lambda f: cut(f / SECOND)), f"{SECOND} in"),
    "a shard without a tensor": (torn_from_a_shard, f"{DOWN} is not in model-0000"),
    "no index": (sharded(lambda f: (f / INDEX).unlink()), f"nor {INDEX}"),
    "an index that is no JSON": (sharded(lambda f: (f / INDEX).write_text("{")), f"{INDEX} in"),
    "an index of nothing": (lambda f: indexed(f, dict.clear), f"{INDEX} in"),
    "an index that leads out of the folder": (
        lambda f: indexed(f, lambda files: files.update({DOWN: "../other.safetensors"})),
        f"{INDEX} in",
    ),
    "only .bin": (
        lambda f: renamed(f, "model.safetensors", "pytorch_model.bin"),
        "holds its weights as pytorch_model.bin only; give a checkpoint with *.safetensors",
    ),
    "only .gguf": (lambda f: renamed(f, "model.safetensors", "q4.gguf"), "as q4.gguf only"),
    "an adapter and a config": (
        adapter,
        "is an adapter and no checkpoint; start with --checkpoint-path me/base",
    ),
    "an adapter": (
        adapter_without_config,
        "is an adapter and no checkpoint; start with --checkpoint-path me/base",
    ),
    "an adapter merged halfway": (
        lambda f: rewritten(
            f, lambda held: {**held, f"{DOWN[:-6]}lora_A.weight": torch.ones(4, 4)}
        ),
        f"{DOWN[:-6]}lora_A.weight in model.safetensors of",
    ),
    "a tensor of another shape": (
        lambda f: rewritten(f, lambda held: {**held, DOWN: held[DOWN][:, :100].contiguous()}),
        f"{DOWN} in model.safetensors of",
    ),
    "another width in config.json": (
        lambda f: resized(f, intermediate_size=500),
        "has the shape 192 x 512 and config.json asks for 192 x 500",
    ),
    "fewer layers in config.json": (
        lambda f: resized(f, num_hidden_layers=4, layer_types=["full_attention"] * 4),
        "has no place in the model that config.json describes",
    ),
    "more layers in config.json": (
        lambda f: resized(f, num_hidden_layers=6, layer_types=["full_attention"] * 6),
        "model.language_model.layers.5.",
    ),
    "a config.json that cannot be": (
        lambda f: resized(f, num_attention_heads=0),
        "describes no model that can run (ZeroDivisionError",
    ),
    "a config.json of words": (
        lambda f: resized(f, hidden_size="wide"),
        "describes no model that can run (StrictDataclassFieldValidationError",
    ),
    "a config.json that is a number": (lambda f: (f / "config.json").write_text("3"), "(TypeError"),
    "sections of another head's size": (
        lambda f: resized(
            f,
            rope_parameters={
                "rope_type": "default",
                "rope_theta": 30.0,
                "mrope_section": [8, 12, 12],
            },
        ),
        "describes no model that can run (RuntimeError",
    ),
    "room that was never filled": (emptied_end, "in model.safetensors of"),
    "the weights of the other family": (
        lambda f: changed(f / "config.json", model_type="qwen2_5_vl"),
        "give ",
    ),
    "no head": (lambda f: untied(f), "lacks 1 of 118 weights: lm_head.weight is not in"),
    "whole numbers": (lambda f: with_dtype(f, DOWN, torch.int8), f"{DOWN} in model.safetensors of"),
    "truth values": (lambda f: with_dtype(f, DOWN, torch.bool), "holds BOOL and config.json says"),
}


def refused(folder: Path) -> str:
    """The sentence with which loading fails."""
    with pytest.raises(CheckpointError) as failed:
        LocalBackend.from_choice(Choice(str(folder), "cpu", "float32", "sdpa"))
    return str(failed.value)


@pytest.mark.parametrize("kind", BROKEN)
def test_what_is_not_whole_is_refused_by_name_before_anything_is_loaded(
    checkpoints: dict[str, Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    kind: str,
) -> None:
    folder = shutil.copytree(checkpoints["qwen2_vl"], tmp_path / "broken")
    damage, sentence = BROKEN[kind]
    damage(folder)
    said = refused(folder)
    assert sentence in said and str(folder) in said
    assert preflight.report({"": Flags(str(folder), cpu_only=True)}) == 1
    assert f"missing     {said}\nnot ready" in capsys.readouterr().out


def test_the_page_says_it_before_anybody_asks(checkpoints: dict[str, Path], tmp_path: Path) -> None:
    folder = shutil.copytree(checkpoints["qwen2_vl"], tmp_path / "broken")
    torn_from_a_shard(folder)
    choice = Choice(str(folder), "cpu", "float32", "sdpa")
    backend = LoadingBackend(lambda _: LocalBackend.from_choice(choice), "broken")
    with pytest.raises(CheckpointError, match="lacks 1 of 118 weights"):
        backend.wait(PATIENCE_S)
    assert f"中没有 {DOWN}；" in banner_html.banner(backend.status(), CHINESE)


def named(change: Callable[[str], str]) -> Break:
    """The same tensors under other names."""
    return lambda folder: rewritten(folder, lambda held: {change(k): v for k, v in held.items()})


def of_today(key: str) -> str:
    """As the modules are called now; the files have the names of 2024."""
    return f"model.{key}" if key.startswith("visual.") else key.replace("model.", OF_TODAY, 1)


def with_value_head(folder: Path) -> None:
    rewritten(folder, lambda held: {**held, "v_head.summary.weight": torch.ones(1, 192)})


def with_head(folder: Path) -> None:
    rewritten(
        folder, lambda held: {**held, "lm_head.weight": held["model.embed_tokens.weight"].clone()}
    )


def with_rest_of_another_download(folder: Path) -> None:
    in_shards(folder)
    (folder / "model-00004-of-00004.safetensors").write_bytes(b"cut")


OF_TODAY = "model.language_model."
WHOLE: dict[str, Break] = {
    "three files": in_shards,
    "today's names": named(of_today),
    "names of the model below the head": named(lambda key: of_today(key).removeprefix("model.")),
    "the tied head stored too": with_head,
    "the tied head listed and not stored": lambda f: indexed(
        f, lambda files: files.update({"lm_head.weight": SECOND})
    ),
    "float16": lambda f: rewritten(f, lambda held: {k: v.half() for k, v in held.items()}),
    "another program's": lambda f: save_file(load_file(single(f)), single(f), {"format": "mlx"}),
    "no metadata": lambda f: save_file(load_file(single(f)), single(f)),
    "the files of 2024": as_in_2024,
    "a value head beside": with_value_head,
    "a file that the index does not list": with_rest_of_another_download,
}


def in_memory(folder: Path) -> dict[str, torch.Tensor]:
    model, _ = load(Choice(str(folder), "cpu", "float32", "sdpa"))
    loaded: dict[str, torch.Tensor] = model.state_dict()
    return loaded


@pytest.mark.parametrize("kind", WHOLE)
@pytest.mark.slow
def test_every_layout_that_transformers_reads_is_whole(
    checkpoints: dict[str, Path], tmp_path: Path, kind: str
) -> None:
    folder = shutil.copytree(checkpoints["qwen2_vl"], tmp_path / "whole")
    WHOLE[kind](folder)
    expected, found = in_memory(checkpoints["qwen2_vl"]), in_memory(folder)
    assert expected.keys() == found.keys()
    assert all(torch.allclose(expected[key], found[key], atol=1e-3) for key in expected)


def test_a_weight_that_loading_left_at_random_is_found_by_the_report(
    checkpoints: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a hub id nothing is known before its files are there."""
    folder = shutil.copytree(checkpoints["qwen2_vl"], tmp_path / "broken")
    without(folder, DOWN)
    monkeypatch.setattr(weights, "require_complete", lambda *_: None)
    assert "lacks 1 of 118 weights" in refused(folder)


def test_what_is_in_memory_is_what_the_files_hold(backend: LocalBackend) -> None:
    weights.require_as_stored(backend.model)


def with_experts_as_published(folder: Path) -> None:
    """With the matrices of experts transposed, as Qwen3-VL's MoE repositories have them."""

    def transposed(key: str, tensor: torch.Tensor) -> torch.Tensor:
        return tensor.mT.contiguous() if ".experts." in key else tensor

    rewritten(folder, lambda held: {key: transposed(key, held[key]) for key in held})


def test_experts_that_are_stored_transposed_are_whole_and_are_what_the_files_hold(
    checkpoints: dict[str, Path], tmp_path: Path
) -> None:
    folder = shutil.copytree(checkpoints["qwen3_vl_moe"], tmp_path / "published")
    with_experts_as_published(folder)
    expected, found = in_memory(checkpoints["qwen3_vl_moe"]), in_memory(folder)
    assert all(torch.equal(expected[key], found[key]) for key in expected)
    backend = LocalBackend.load(folder, device="cpu")
    weights.require_as_stored(backend.model)
    key = "model.language_model.layers.1.mlp.experts.down_proj"
    with torch.inference_mode():
        backend.model.state_dict()[key][-1] += 1
    with pytest.raises(DemoError, match=f"{key} in memory is not what the files"):
        weights.require_as_stored(backend.model)


@pytest.mark.parametrize("row", [0, -1])
@pytest.mark.parametrize(
    "key", ["model.visual.blocks.1.attn.qkv.weight", "model.language_model.norm.weight"]
)
@pytest.mark.slow
def test_nothing_is_verified_with_a_weight_that_is_not_the_files(
    checkpoints: dict[str, Path], key: str, row: int
) -> None:
    changed = LocalBackend.load(checkpoints["qwen2_vl"], device="cpu")
    with torch.inference_mode():
        changed.model.state_dict()[key][row] += 1
    record = changed.generation_record(HELLO, GREEDY)
    with pytest.raises(DemoError, match=f"{key} in memory is not what the files of qwen2_vl hold"):
        changed.verify(record, "Hi", Cancel())


def test_nothing_is_verified_with_a_model_that_someone_loaded_incompletely(
    checkpoints: dict[str, Path], tmp_path: Path
) -> None:
    folder = shutil.copytree(checkpoints["qwen2_vl"], tmp_path / "broken")
    without(folder, DOWN)
    model = AutoModelForImageTextToText.from_pretrained(folder)
    backend = LocalBackend(model, AutoProcessor.from_pretrained(folder))
    with pytest.raises(DemoError, match=r"layers\.1\.mlp\.down_proj\.weight in memory is not"):
        backend.verify(backend.generation_record(HELLO, GREEDY), "Hi", Cancel())
