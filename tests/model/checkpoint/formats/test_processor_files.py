"""Each thing that can be wrong with a processor's files has its own words, before anything is loaded."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from model.checkpoint.load import load_processor
from model.errors import CheckpointError
from tests.support.checkpoint_folders import as_in_2024, changed

Break = Callable[[Path], object]


def cut(folder: Path, name: str) -> None:
    content = (folder / name).read_bytes()
    (folder / name).write_bytes(content[: len(content) // 2])


def other_images(folder: Path, **values: object) -> None:
    made = json.loads((folder / "processor_config.json").read_text())
    changed(folder / "processor_config.json", image_processor=made["image_processor"] | values)


def other_token(folder: Path) -> None:
    tokenizer = (folder / "tokenizer.json").read_text()
    (folder / "tokenizer.json").write_text(tokenizer.replace("<|image_pad|>", "<|picture|>"))


TODAY: dict[str, tuple[Break, str]] = {
    "cut settings": (lambda f: cut(f, "processor_config.json"), "processor_config.json in {} is cut off or damaged"),
    "a cut tokenizer": (lambda f: cut(f, "tokenizer.json"), "tokenizer.json in {} is cut off or damaged"),
    "a cut tokenizer_config": (lambda f: cut(f, "tokenizer_config.json"), "tokenizer_config.json in {} is cut off"),
    "a cut generation_config": (lambda f: cut(f, "generation_config.json"), "generation_config.json in {} is cut"),
    "a list": (lambda f: (f / "processor_config.json").write_text("[]"), "processor_config.json in {} is cut off"),
    "an empty tokenizer": (lambda f: (f / "tokenizer.json").write_text("{}"), "The processor of {} does not work (KeyError"),
    "a processor that there is not": (
        lambda f: changed(f / "processor_config.json", processor_class="QwenNextProcessor"),
        "processor_config.json in {} asks for QwenNextProcessor, which does not belong",
    ),
    "a processor of another family": (
        lambda f: changed(f / "processor_config.json", processor_class="LlavaProcessor"),
        "processor_config.json in {} asks for LlavaProcessor, which does not belong",
    ),
    "picture settings that there are not": (
        lambda f: other_images(f, image_processor_type="NextImageProcessor"),
        "processor_config.json in {} asks for NextImageProcessor",
    ),
    "other patches": (
        lambda f: other_images(f, patch_size=16),
        "The processor of {} does not fit its model (patch_size is 16 there and 14 in config.json)",
    ),
    "patches that are text": (lambda f: other_images(f, merge_size="two"), "(merge_size is two there and 2 in"),
    "no deviation": (lambda f: other_images(f, image_std=[0, 0, 0]), "does not work (ValueError: pixels that are not finite)"),
    "colours that are text": (lambda f: other_images(f, image_mean="grey"), "The processor of {} does not work ("),
    "another tokenizer": (other_token, "The processor of {} "),
    "a cut template": (lambda f: cut(f, "chat_template.jinja"), "The chat template of {} cannot be used (TemplateSyntaxError"),
    "a template for texts": (
        lambda f: (f / "chat_template.jinja").write_text("{{ messages[0].content[1].text }}"),
        "The chat template of {} cannot be used (it leaves pictures or texts out)",
    ),
}  # fmt: skip
OF_2024: dict[str, tuple[Break, str]] = {
    "no settings": (lambda f: (f / "preprocessor_config.json").unlink(), "{} lacks preprocessor_config.json"),
    "only the class": (
        lambda f: (f / "preprocessor_config.json").rename(f / "processor_config.json"),
        "{} lacks preprocessor_config.json",
    ),
    "no template": (lambda f: (f / "chat_template.json").unlink(), "{} lacks chat_template.jinja; download it again"),
    "cut settings": (lambda f: cut(f, "preprocessor_config.json"), "preprocessor_config.json in {} is cut off"),
    "a cut template": (lambda f: cut(f, "chat_template.json"), "chat_template.json in {} is cut off"),
    "a processor that there is not": (
        lambda f: changed(f / "preprocessor_config.json", processor_class="QwenNextProcessor"),
        "preprocessor_config.json in {} asks for QwenNextProcessor",
    ),
    "picture settings that there are not": (
        lambda f: changed(f / "preprocessor_config.json", image_processor_type="NextImageProcessor"),
        "preprocessor_config.json in {} asks for NextImageProcessor",
    ),
}  # fmt: skip


@pytest.fixture
def folder(checkpoints: dict[str, Path], tmp_path: Path) -> Path:
    return shutil.copytree(checkpoints["qwen2_vl"], tmp_path / "folder")


def refused(folder: Path) -> str:
    with pytest.raises(CheckpointError) as failed:
        load_processor(str(folder))
    return str(failed.value)


@pytest.mark.parametrize("kind", TODAY)
def test_what_is_wrong_with_a_processors_files_is_named(folder: Path, kind: str) -> None:
    damage, sentence = TODAY[kind]
    damage(folder)
    assert sentence.format(folder) in refused(folder)


@pytest.mark.parametrize("kind", OF_2024)
def test_what_is_wrong_with_the_files_of_2024_is_named(folder: Path, kind: str) -> None:
    as_in_2024(folder)
    damage, sentence = OF_2024[kind]
    damage(folder)
    assert sentence.format(folder) in refused(folder)


def test_the_files_of_2024_make_the_same_processor(
    folder: Path, checkpoints: dict[str, Path]
) -> None:
    as_in_2024(folder)
    made = load_processor(str(folder))
    today = load_processor(str(checkpoints["qwen2_vl"]))
    assert made.image_processor.to_dict() == today.image_processor.to_dict()
    assert made.chat_template == today.chat_template


def test_a_file_that_the_hubs_cache_keeps_is_to_be_fetched_by_force(
    checkpoints: dict[str, Path], tmp_path: Path
) -> None:
    snapshot = tmp_path / "models--me--tiny" / "snapshots" / "0"
    shutil.copytree(checkpoints["qwen2_vl"], snapshot)
    cut(snapshot, "tokenizer.json")
    assert refused(snapshot).endswith("damaged; run `hf download me/tiny --force-download`.")
