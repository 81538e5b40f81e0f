"""Checkpoints under a hub id: where they lie in the cache, how large they are, and why they cannot be had.

What is whole in the cache is used without asking the hub, so that a hub out of reach costs no wait.
"""

from __future__ import annotations

import errno
import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from model.errors import CheckpointError

ASK_S = 5.0  # for the size of a checkpoint, which can be done without


def located(checkpoint: str) -> str:
    """The folder of a checkpoint's files: its own, or that of a hub id in the cache; else the id, to be fetched."""
    if Path(checkpoint).exists():
        return checkpoint
    snapshot = _snapshot(checkpoint)
    return str(snapshot) if snapshot and _is_whole(snapshot) else checkpoint


@cache
def hub_bytes(checkpoint: str) -> int:
    """Of the weights of a hub id that is not in the cache, as the hub says; 0 if it does not."""
    from httpx2 import HTTPError
    from huggingface_hub import HfApi

    try:
        files = HfApi().model_info(checkpoint, files_metadata=True, timeout=ASK_S).siblings or []
    except (OSError, HTTPError, ValueError):  # away, offline, no such id: fetching it will say why
        return 0
    return sum(file.size or 0 for file in files if file.rfilename.endswith(".safetensors"))


def unfetched(checkpoint: str, error: BaseException) -> CheckpointError:
    """Why a hub id could not be fetched, with the remedy that fits."""
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError

    for cause in _causes(error):
        if isinstance(cause, OSError) and cause.errno in (errno.ENOSPC, errno.EDQUOT):
            return CheckpointError(
                "The disk is full, so {checkpoint} could not be stored; make room, or set HF_HOME "
                "to a folder on a larger disk.",
                checkpoint=checkpoint,
            )
        if isinstance(cause, GatedRepoError):
            return CheckpointError(
                "{checkpoint} is gated; accept its terms on its page at the Hugging Face Hub and "
                "log in with `hf auth login`.",
                checkpoint=checkpoint,
            )
        if isinstance(cause, RepositoryNotFoundError):
            return CheckpointError(
                "The Hugging Face Hub has no {checkpoint}, or it is private; check the name, or "
                "log in with `hf auth login`.",
                checkpoint=checkpoint,
            )
    return CheckpointError(
        "{checkpoint} could not be fetched from the Hugging Face Hub; check the name and the "
        "network, or give the folder of a downloaded checkpoint.",
        checkpoint=checkpoint,
    )


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _snapshot(checkpoint: str) -> Path | None:
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        config = try_to_load_from_cache(checkpoint, "config.json")
    except HFValidationError:
        return None
    return Path(config).parent if isinstance(config, str) else None


def _is_whole(snapshot: Path) -> bool:
    """Whether loading will find all that it needs there."""
    processor = ("processor_config.json", "preprocessor_config.json")
    if not any((snapshot / name).is_file() for name in processor):
        return False
    if not any((snapshot / name).is_file() for name in ("tokenizer.json", "vocab.json")):
        return False
    if not _has_template(snapshot):
        return False
    index = snapshot / "model.safetensors.index.json"
    if not index.is_file():
        return (snapshot / "model.safetensors").is_file()
    try:
        weights = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
    except (ValueError, KeyError, AttributeError):
        return False
    return all((snapshot / name).is_file() for name in weights)


def _has_template(snapshot: Path) -> bool:
    """A chat template, in a file of its own or in the tokenizer's."""
    if any((snapshot / name).is_file() for name in ("chat_template.jinja", "chat_template.json")):
        return True
    told = snapshot / "tokenizer_config.json"
    return told.is_file() and '"chat_template"' in told.read_text(encoding="utf-8")
