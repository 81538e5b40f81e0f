"""The processor of a checkpoint whose files are whole, so that nothing is found missing after minutes of loading."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from model import families
from model.checkpoint import files
from model.checkpoint.formats import processor_files, quantization
from model.checkpoint.hub import repository as hub
from model.errors import CheckpointError


def processor(checkpoint: str) -> Any:
    """The processor: tokenizer, chat template, and how pictures and clips are prepared.

    That of a checkpoint of a known family which is complete, but for the weights of a hub id: these are not here yet.
    """
    from model.checkpoint import weights  # torch

    config = files.config(checkpoint)
    if config.model_type not in families.LOCAL:
        raise CheckpointError(
            "{checkpoint} is a {model_type} checkpoint; "
            "choose a Qwen2-VL or Qwen2.5-VL one with --checkpoint-path.",
            checkpoint=checkpoint,
            model_type=config.model_type,
        )
    weights.require_whole(checkpoint, config)
    _require_quantization(checkpoint, config)
    return processor_files.processor(Path(hub.fetched(checkpoint)), config)


def _require_quantization(checkpoint: str, config: Any) -> None:
    """As loading will, after gigabytes were fetched: what reads such weights must be here."""
    from transformers.quantizers import AutoHfQuantizer

    told = quantization.told_by(config)
    if not told:
        return
    quantization.require_reader(checkpoint, told)
    try:
        AutoHfQuantizer.from_config(told, pre_quantized=True).validate_environment(device_map=None)
    except Exception as error:  # a version, a GPU that it needs, or whatever these packages raise
        raise files.unloadable(checkpoint, error) from error
