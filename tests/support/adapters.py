"""LoRA adapters as peft saves them, with random weights that change every answer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import load_file, save_file
from transformers import AutoModelForImageTextToText

from model.checkpoint.formats.adapter_files import CONFIG_FILE, WEIGHTS_FILE

LAYERS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]


def write_adapter(folder: Path, base: Path, **options: Any) -> Path:
    """One for the checkpoint `base`; `options` are those of peft's `LoraConfig`."""
    told = {"r": 4, "lora_alpha": 16, "target_modules": LAYERS, "task_type": "CAUSAL_LM", **options}
    torch.manual_seed(3)
    model = get_peft_model(bare(base), LoraConfig(**told))
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter += torch.randn_like(parameter) * 0.2
    model.save_pretrained(folder)
    return folder


def bare(base: Path) -> Any:
    return AutoModelForImageTextToText.from_pretrained(base, dtype=torch.float32).eval()


def with_pefts(base: Path, adapter: Path) -> Any:
    """What peft itself makes of both."""
    return PeftModel.from_pretrained(bare(base), adapter)


def weights(adapter: Path) -> dict[str, torch.Tensor]:
    stored: dict[str, torch.Tensor] = load_file(adapter / WEIGHTS_FILE)
    return stored


def rewrite(adapter: Path, tensors: dict[str, torch.Tensor]) -> None:
    save_file(tensors, adapter / WEIGHTS_FILE, {"format": "pt"})


def tell(adapter: Path, **changes: object) -> None:
    """Other words in its adapter_config.json."""
    told = json.loads((adapter / CONFIG_FILE).read_text(encoding="utf-8"))
    (adapter / CONFIG_FILE).write_text(json.dumps(told | changes), encoding="utf-8")
