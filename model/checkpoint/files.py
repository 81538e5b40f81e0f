"""A checkpoint's files, in a folder or under a hub id: what family they are of, whether they are all there.

What the weight files hold is the business of `weights`. Everything here raises `CheckpointError` with the remedy.
"""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any

from model import families
from model.checkpoint.formats import processor_files, quantization, weight_files
from model.checkpoint.hub import repository as hub
from model.errors import CheckpointError

WIDE = ("F32", "F64")  # in the words of safetensors


def processor(checkpoint: str) -> Any:
    """The processor: tokenizer, chat template, and how pictures and clips are prepared.

    That of a checkpoint of a known family which is complete, but for the weights of a hub id: these are not here yet.
    """
    from model.checkpoint import weights

    config = _config(checkpoint)
    if config.model_type not in families.LOCAL:
        raise CheckpointError(
            "{checkpoint} is a {model_type} checkpoint; "
            "choose a Qwen2-VL or Qwen2.5-VL one with --checkpoint-path.",
            checkpoint=checkpoint,
            model_type=config.model_type,
        )
    weights.require_whole(checkpoint, config)
    _check_quantization(checkpoint, config)
    return processor_files.processor(Path(hub.fetched(checkpoint)), config)


def bytes_in_16_bits(checkpoint: str) -> int:
    """Of the weights in memory, in a folder, in the cache or on the hub; 0 if they cannot be read.

    Packed ones are as large as in the files. Of what the hub has only the size of the files is known.
    """
    folder = Path(hub.located(checkpoint))
    if not folder.is_dir():
        return 0 if looks_like_folder(checkpoint) else hub.hub_bytes(checkpoint)
    try:
        return sum(map(_in_16_bits, weight_files.held(folder).values()))
    except CheckpointError:
        return 0


def _in_16_bits(tensor: weight_files.Held) -> int:
    digits = "".join(filter(str.isdigit, tensor.dtype.partition("_")[0]))  # of BF16, F8_E4M3, BOOL
    bits = 16 if tensor.dtype in WIDE else int(digits or 8)
    return bits * math.prod(tensor.shape) // 8


def _config(checkpoint: str) -> Any:
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
        return AutoConfig.from_pretrained(hub.fetched(checkpoint))
    except OSError as error:
        raise (unreadable if folder.is_dir() else unloadable(checkpoint, error)) from error
    except (ValueError, KeyError) as error:  # no model_type, or one transformers does not know
        raise CheckpointError(
            "{checkpoint} is not a Qwen2-VL or Qwen2.5-VL checkpoint; "
            "choose one with --checkpoint-path.",
            checkpoint=checkpoint,
        ) from error
    except Exception as error:  # whatever a wrong value leads to
        raise impossible(checkpoint, error) from error


def impossible(checkpoint: str, error: Exception) -> CheckpointError:
    """What to say where numbers or words in config.json make no model."""
    return CheckpointError(
        "The config.json of {checkpoint} describes no model that can run ({reason}); "
        "give the config.json that belongs to these weights.",
        checkpoint=checkpoint,
        reason=" ".join(f"{type(error).__name__}: {error}".split()),
    )


def looks_like_folder(checkpoint: str) -> bool:
    """A hub id is `owner/name`; anything else that has a slash, or exists, is a path."""
    return (
        os.path.isabs(checkpoint)
        or checkpoint.startswith(".")
        or checkpoint.count("/") != 1
        or Path(checkpoint).exists()
    )


def _check_quantization(checkpoint: str, config: Any) -> None:
    """As loading will, after gigabytes were fetched: what reads such weights must be here."""
    from transformers.quantizers import AutoHfQuantizer

    told = quantization.told_by(config)
    if not told:
        return
    quantization.require_reader(checkpoint, told)
    try:
        AutoHfQuantizer.from_config(told, pre_quantized=True).validate_environment(device_map=None)
    except Exception as error:  # a version, a GPU that it needs, or whatever these packages raise
        raise unloadable(checkpoint, error) from error


def unloadable(checkpoint: str, error: Exception) -> CheckpointError:
    """What to say of an error of transformers' or of a package that it needs."""
    return CheckpointError(
        "{checkpoint} cannot be loaded: {reason}", checkpoint=checkpoint, reason=str(error)
    )
