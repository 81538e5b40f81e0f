"""Loads a checkpoint's processor and checks its files, so that faults show before minutes of loading weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from model import families
from model.checkpoint import files
from model.checkpoint.formats import processor_files, quantization
from model.checkpoint.hub import repository as hub
from model.errors import CheckpointError


def load_processor(checkpoint: str) -> Any:
    """The transformers processor of a checkpoint: tokenizer, chat template, image and video processor.

    Raises `CheckpointError` for another family or incomplete files. Weights of a hub id are checked after the download.
    """
    # It imports torch.
    from model.checkpoint import weights

    config = files.load_config(checkpoint)
    if config.model_type not in families.LOCAL:
        raise CheckpointError(
            "{checkpoint} is a {model_type} checkpoint; "
            "choose a Qwen2-VL or Qwen2.5-VL one with --checkpoint-path.",
            checkpoint=checkpoint,
            model_type=config.model_type,
        )
    weights.require_complete(checkpoint, config)
    _require_quantization_support(checkpoint, config)
    return processor_files.load_processor(Path(hub.fetch(checkpoint)), config)


def _require_quantization_support(checkpoint: str, config: Any) -> None:
    """Raises `CheckpointError` if no installed package reads these weights, before gigabytes are downloaded."""
    from transformers.quantizers import AutoHfQuantizer

    quantized_with = quantization.quantization_config(config)
    if not quantized_with:
        return
    quantization.require_packages(checkpoint, quantized_with)
    try:
        AutoHfQuantizer.from_config(quantized_with, pre_quantized=True).validate_environment(
            device_map=None
        )
    except Exception as error:  # these packages can raise anything
        raise files.load_error(checkpoint, error) from error
