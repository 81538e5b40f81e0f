"""Folders of checkpoints, changed: what the weight files hold, how many they are, what config.json says."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

Tensors = dict[str, torch.Tensor]


def rewritten(folder: Path, change: Callable[[Tensors], Tensors]) -> None:
    """Other tensors in `model.safetensors`."""
    file = folder / "model.safetensors"
    save_file(change(load_file(file)), file, {"format": "pt"})


def without(folder: Path, *names: str) -> None:
    """Without the tensors whose names begin so."""
    rewritten(folder, lambda held: {k: v for k, v in held.items() if not k.startswith(names)})


def in_shards(folder: Path, count: int = 3) -> None:
    """The same in several files and an index, as large checkpoints are stored."""
    held = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    files: dict[str, str] = {}
    for number in range(count):
        name = f"model-{number + 1:05}-of-{count:05}.safetensors"
        part = {key: held[key] for key in sorted(held)[number::count]}
        save_file(part, folder / name, {"format": "pt"})
        files |= dict.fromkeys(part, name)
    (folder / "model.safetensors.index.json").write_text(
        json.dumps({"metadata": {}, "weight_map": files})
    )


def changed(file: Path, **values: Any) -> None:
    """Other values in a file of JSON."""
    file.write_text(json.dumps(json.loads(file.read_text()) | values))


def as_in_2024(folder: Path) -> None:
    """The files that the family's first repositories have, with all sizes at the top of config.json."""
    made = json.loads((folder / "processor_config.json").read_text())
    images = {key: value for key, value in made["image_processor"].items() if key != "size"}
    sizes = made["image_processor"]["size"]
    images |= {"min_pixels": sizes["shortest_edge"], "max_pixels": sizes["longest_edge"]}
    (folder / "preprocessor_config.json").write_text(
        json.dumps(images | {"processor_class": "Qwen2VLProcessor"})
    )
    template = (folder / "chat_template.jinja").read_text()
    (folder / "chat_template.json").write_text(json.dumps({"chat_template": template}))
    for name in ("processor_config.json", "chat_template.jinja"):
        (folder / name).unlink()
    config = json.loads((folder / "config.json").read_text())
    text = config.pop("text_config")
    rope = text.pop("rope_parameters")
    scaling = {"type": "mrope", "mrope_section": rope["mrope_section"]}
    kept = {key: text[key] for key in text if key not in ("model_type", "layer_types")}
    flat = {**kept, **config, "rope_theta": rope["rope_theta"], "rope_scaling": scaling}
    (folder / "config.json").write_text(json.dumps(flat))


def resized(folder: Path, **sizes: Any) -> None:
    """Other sizes of the language model in config.json."""
    file = folder / "config.json"
    config = json.loads(file.read_text())
    config["text_config"] |= sizes
    file.write_text(json.dumps(config))


def grown(file: Path, name: str, rows: int) -> None:
    """A tensor with so many rows, of which the file holds the last byte: the others take no room on the disk."""
    tensors = {key: tensor for key, tensor in load_file(file).items() if key != name}
    width = load_file(file)[name].shape[1]
    header: dict[str, Any] = {}
    end = 0
    shapes = {key: list(tensor.shape) for key, tensor in tensors.items()} | {name: [rows, width]}
    for key, shape in shapes.items():
        start, end = end, end + 2 * math.prod(shape)
        header[key] = {"dtype": "BF16", "shape": shape, "data_offsets": [start, end]}
    text = json.dumps(header).encode()
    with file.open("wb") as opened:
        opened.write(len(text).to_bytes(8, "little") + text)
        for told in header.values():
            opened.seek(8 + len(text) + told["data_offsets"][1] - 1)
            opened.write(b"1")
