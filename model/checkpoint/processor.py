"""The processor of a checkpoint whose files are whole, so that nothing is found missing after minutes of loading."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from model import families
from model.checkpoint import files
from model.checkpoint.formats import processor_files, quantization
from model.checkpoint.hub import repository as hub
from model.errors import CheckpointError


def load_processor(checkpoint: str) -> Any:
    """The processor: tokenizer, chat template, and how pictures and clips are prepared.

    That of a checkpoint of a known family which is complete, but for the weights of a hub id: these are not here yet.
    """
    from model.checkpoint import weights  # torch

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
    """As loading will, after gigabytes were fetched: what reads such weights must be here."""
    from transformers.quantizers import AutoHfQuantizer

    quantized_with = quantization.quantization_config(config)
    if not quantized_with:
        return
    quantization.require_packages(checkpoint, quantized_with)
    try:
        AutoHfQuantizer.from_config(quantized_with, pre_quantized=True).validate_environment(
            device_map=None
        )
    except Exception as error:  # a version, a GPU that it needs, or whatever these packages raise
        raise files.load_error(checkpoint, error) from error
