"""The files of a LoRA adapter as peft writes them: its configuration, and the tensors in its weight file.

Reads no weights. Everything here raises `CheckpointError` that names the adapter, with the remedy.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from model.errors import CheckpointError
from model.families import now_called

CONFIG_FILE, WEIGHTS_FILE = "adapter_config.json", "adapter_model.safetensors"
# Every tensor's name in the weight file begins with it.
TENSOR_PREFIX = "base_model.model."
# peft's options that change more than the layers of the model.
UNSUPPORTED_OPTIONS = ("alora_invocation_tokens", "arrow_config", "layer_replication")


@dataclass(frozen=True)
class Adapter:
    """An adapter in a folder. name: as the person gave it; config: its adapter_config.json."""

    name: str
    folder: Path
    config: Mapping[str, Any]

    @property
    def base(self) -> str:
        """The checkpoint that it was made for; empty if its configuration does not tell."""
        return str(self.config.get("base_model_name_or_path") or "")

    @property
    def description(self) -> str:
        """One line for a terminal: name, rank and base."""
        made_for = f", made for {self.base}" if self.base else ""
        return f"{self.name} (LoRA of rank {self.config.get('r')}{made_for})"


def read_adapter(name: str, folder: Path) -> Adapter:
    """The adapter `name`, whose files are in `folder`. Its weights are not read."""
    for file in (CONFIG_FILE, WEIGHTS_FILE):
        if not (folder / file).is_file():
            raise CheckpointError(
                "{adapter} holds no {file}; give the folder of a LoRA adapter with --adapter.",
                adapter=name,
                file=file,
            )
    return Adapter(name, folder, read_config(folder))


def read_config(folder: Path) -> dict[str, Any]:
    """The adapter_config.json of a folder; empty if it is missing or cannot be read."""
    try:
        config = json.loads((folder / CONFIG_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return config if isinstance(config, dict) else {}


def require_supported(adapter: Adapter) -> None:
    """Raises `CheckpointError` unless the adapter is a LoRA adapter that changes layers only."""
    kind = adapter.config.get("peft_type")
    if kind != "LORA":
        raise CheckpointError(
            "{adapter} is no LoRA adapter of peft (its peft_type is {kind}); merge it into its checkpoint "
            "and give the merged folder with --checkpoint-path.",
            adapter=adapter.name,
            kind=str(kind),
        )
    for option in UNSUPPORTED_OPTIONS:
        if adapter.config.get(option):
            raise CheckpointError(
                "{adapter} needs peft's {option}, which is not supported; merge it into its checkpoint and "
                "give the merged folder with --checkpoint-path.",
                adapter=adapter.name,
                option=option,
            )


def tensor_shapes(adapter: Adapter) -> dict[str, tuple[int, ...]]:
    """The shape of each tensor in the weight file, by its name in the model, which has no `TENSOR_PREFIX`."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(adapter.folder / WEIGHTS_FILE, framework="pt") as file:
            names = file.keys()
            for name in names:
                if not name.startswith(TENSOR_PREFIX):
                    raise ignored_tensor_error(adapter, name)
            return {model_name(name): tuple(file.get_slice(name).get_shape()) for name in names}
    except (OSError, SafetensorError) as error:
        raise damaged_adapter_error(adapter, WEIGHTS_FILE, error) from error


def model_name(name: str) -> str:
    """The name in the model of a tensor in the weight file."""
    return now_called(name.removeprefix(TENSOR_PREFIX))


def adapted_layers(names: Iterable[str]) -> set[str]:
    """The layers that an adapter changes. names: of its tensors, in the model."""
    return {layer for layer, lora, _ in (name.partition(".lora_") for name in names) if lora}


def damaged_adapter_error(adapter: Adapter, file: str, error: Exception) -> CheckpointError:
    """The sentence for a file of an adapter that cannot be read."""
    return CheckpointError(
        "{file} of {adapter} is damaged ({reason}); copy or download the adapter again.",
        file=file,
        adapter=adapter.name,
        reason=str(error),
    )


def ignored_tensor_error(adapter: Adapter, name: str) -> CheckpointError:
    """The sentence for a tensor that peft would not load."""
    return CheckpointError(
        "peft leaves {tensor} of {adapter} out of the model; run `pip install --upgrade peft`.",
        tensor=name,
        adapter=adapter.name,
    )
