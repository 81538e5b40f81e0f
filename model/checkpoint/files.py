"""A checkpoint's configuration and the size of its weights, in a folder or under a hub id.

Every error is a `CheckpointError` with the remedy.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from model.checkpoint.formats import weight_files
from model.checkpoint.hub import repository as hub
from model.errors import CheckpointError

# Bits of dtypes, as safetensors names them.
WIDER_THAN_16_BITS = {"F32": 32, "F64": 64}


def bytes_in_16_bits(checkpoint: str) -> int:
    """The bytes of the weights in 16 bits; 0 if they cannot be read.

    Quantized weights keep the size that they have in the files. Of a hub id that is not in the cache only the size of
    the files is known.
    """
    folder = Path(hub.locate(checkpoint))
    if not folder.is_dir():
        return 0 if looks_like_folder(checkpoint) else hub.weights_bytes_on_hub(checkpoint)
    try:
        tensors = weight_files.stored_tensors(folder).values()
        return sum(
            len(tensor.byte_range) * 16 // WIDER_THAN_16_BITS.get(tensor.dtype, 16)
            for tensor in tensors
        )
    except CheckpointError:
        return 0


def load_config(checkpoint: str) -> Any:
    """The transformers configuration, of any family."""
    from transformers import AutoConfig

    if looks_like_folder(checkpoint) and not Path(checkpoint).is_dir():
        raise CheckpointError(
            "There is no folder {checkpoint}; give a checkpoint's folder or its hub id.",
            checkpoint=checkpoint,
        )
    unreadable = CheckpointError(
        "The folder {checkpoint} holds no readable config.json; "
        "give the folder of a complete Qwen2-VL checkpoint.",
        checkpoint=checkpoint,
    )
    folder = Path(checkpoint)
    if folder.is_dir() and not (folder / "config.json").is_file():
        raise unreadable
    try:
        return AutoConfig.from_pretrained(hub.fetch(checkpoint))
    except OSError as error:
        raise (unreadable if folder.is_dir() else load_error(checkpoint, error)) from error
    except (ValueError, KeyError) as error:  # no model_type, or an unknown one
        raise CheckpointError(
            "{checkpoint} is not a Qwen2-VL, Qwen2.5-VL or Qwen3-VL checkpoint; "
            "choose one with --checkpoint-path.",
            checkpoint=checkpoint,
        ) from error
    except Exception as error:  # a wrong value can raise anything
        raise invalid_config_error(checkpoint, error) from error


def invalid_config_error(checkpoint: str, error: Exception) -> CheckpointError:
    """The sentence for a config.json whose values make no model."""
    return CheckpointError(
        "The config.json of {checkpoint} describes no model that can run ({reason}); "
        "give the config.json that belongs to these weights.",
        checkpoint=checkpoint,
        reason=" ".join(f"{type(error).__name__}: {error}".split()),
    )


def looks_like_folder(checkpoint: str) -> bool:
    """Whether `checkpoint` is a path. A hub id is `owner/name`, if no such file exists."""
    return (
        os.path.isabs(checkpoint)
        or checkpoint.startswith(".")
        or checkpoint.count("/") != 1
        or Path(checkpoint).exists()
    )


def load_error(checkpoint: str, error: Exception) -> CheckpointError:
    """The sentence for an error of transformers, or of a package that it needs."""
    return CheckpointError(
        "{checkpoint} cannot be loaded: {reason}", checkpoint=checkpoint, reason=str(error)
    )
