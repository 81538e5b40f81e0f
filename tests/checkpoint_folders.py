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


def resized(folder: Path, **sizes: Any) -> None:
    """Other sizes of the language model in config.json."""
    file = folder / "config.json"
    config = json.loads(file.read_text())
    config["text_config"] |= sizes
    file.write_text(json.dumps(config))


def grown(file: Path, name: str, rows: int) -> None:
    """A tensor with so many rows, of which only the file's header knows: they take no room on the disk."""
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
        opened.truncate(8 + len(text) + end)
