"""Checkpoints under a hub id: where they lie in the cache, how large they are, and how they are fetched.

What is whole in the cache is used without asking the hub, so that a hub out of reach costs no wait.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from pathlib import Path

from model.checkpoint.formats import processor_files, weight_files
from model.checkpoint.hub import client as hub_client
from model.errors import CheckpointError

WEIGHTS_SUFFIX = ".safetensors"
# Configuration, tokenizer and chat template.
SMALL_FILE_SUFFIXES = (".json", ".jinja", ".txt")
ReportShare = Callable[[float], None]  # 0..1 of the bytes


def locate(checkpoint: str) -> str:
    """The folder of a checkpoint's files: its own, or that of a hub id in the cache; else the id, to be fetched."""
    if Path(checkpoint).exists():
        return checkpoint
    snapshot = _cached_snapshot(checkpoint)
    return str(snapshot) if snapshot and _is_complete(snapshot) else checkpoint


def fetch(checkpoint: str, *, weights: bool = False, report: ReportShare | None = None) -> str:
    """The folder of a checkpoint's files, but for the weights unless they are asked for, fetched if need be.

    Raises `CheckpointError` with the reason. Goes on where an earlier download ended.
    """
    folder = locate(checkpoint)
    if Path(folder).is_dir():
        return folder
    files = _loadable_files(checkpoint)
    wanted = (*SMALL_FILE_SUFFIXES, WEIGHTS_SUFFIX) if weights else SMALL_FILE_SUFFIXES
    sizes = {name: size for name, size in files.items() if name.endswith(wanted)}
    total = sum(sizes.values())

    def share(done: int) -> None:
        if report and total:
            report(min(1.0, done / total))

    return hub_client.download(checkpoint, sizes, share)


def fetch_files(repo: str, names: Sequence[str]) -> Path:
    """The folder with those of these files that a hub id has, fetched unless all are in the cache."""
    cached = _cached_snapshot(repo, names[0])
    if cached and all((cached / name).is_file() for name in names):
        return cached
    there = [name for name in names if name in _listing(repo)]
    return Path(hub_client.download(repo, there, lambda _: None))


def file_names(checkpoint: str) -> Iterable[str]:
    """Of its files, in its folder or as the hub lists them. Raises `CheckpointError` if the hub does not."""
    folder = Path(locate(checkpoint))
    return os.listdir(folder) if folder.is_dir() else _listing(checkpoint)


def is_weights_file(name: str) -> bool:
    """Whether a checkpoint's file of that name holds its own weights, not those of an adapter."""
    return name.endswith(WEIGHTS_SUFFIX) and not name.startswith("adapter_")


def weights_bytes_on_hub(checkpoint: str) -> int:
    """Of the weights of a hub id that is not in the cache.

    Raises `CheckpointError` if the hub does not say: then it cannot be fetched either.
    """
    return sum(size for name, size in _listing(checkpoint).items() if is_weights_file(name))


def forget_listings() -> None:
    """What the hub said."""
    _listing.cache_clear()


@cache
def _listing(repo: str) -> dict[str, int]:
    """Size in bytes by name. What lies in folders belongs to other formats."""
    listing = hub_client.model_info(repo).siblings or []
    return {file.rfilename: file.size or 0 for file in listing if "/" not in file.rfilename}


def _loadable_files(checkpoint: str) -> dict[str, int]:
    """Those of a hub id that can be loaded."""
    files = _listing(checkpoint)
    there = {
        "config.json": "config.json" in files,
        f"*{WEIGHTS_SUFFIX}": any(map(is_weights_file, files)),
    }
    for needed, found in there.items():
        if not found:
            raise CheckpointError(
                "{checkpoint} at the Hugging Face Hub has no {file}; give the id of a complete "
                "Qwen2-VL or Qwen2.5-VL checkpoint.",
                checkpoint=checkpoint,
                file=needed,
            )
    return files


def _cached_snapshot(repo: str, name: str = "config.json") -> Path | None:
    """The folder in the cache with a file of that name."""
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        file = try_to_load_from_cache(repo, name)
    except HFValidationError:
        return None
    return Path(file).parent if isinstance(file, str) else None


def _is_complete(snapshot: Path) -> bool:
    """Whether loading will find all that it needs there."""
    try:
        return processor_files.missing_file(snapshot) is None and bool(
            weight_files.weight_paths(snapshot)
        )
    except CheckpointError:
        return False
