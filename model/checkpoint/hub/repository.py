"""Checkpoints by hub id: locates them in the cache, tells their size, and downloads them.

A checkpoint that is complete in the cache is used without a request to the hub, so it loads without a network.
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
# Called with the share of the work that is done, 0..1.
ReportShare = Callable[[float], None]


def locate(checkpoint: str) -> str:
    """The folder of a checkpoint, or of a hub id that is complete in the cache; otherwise the id itself."""
    if Path(checkpoint).exists():
        return checkpoint
    snapshot = _cached_snapshot(checkpoint)
    return str(snapshot) if snapshot and _is_complete(snapshot) else checkpoint


def fetch(checkpoint: str, *, weights: bool = False, report: ReportShare | None = None) -> str:
    """The folder of a checkpoint's files, downloaded if necessary. An interrupted download continues.

    weights: whether to download the weights too. Raises `CheckpointError` with the remedy.
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
    """The folder in the cache with the files of a hub id that are in `names`. Files that the hub lacks are left out."""
    cached = _cached_snapshot(repo, names[0])
    if cached and all((cached / name).is_file() for name in names):
        return cached
    there = [name for name in names if name in _listing(repo)]
    return Path(hub_client.download(repo, there, lambda _: None))


def file_names(checkpoint: str) -> Iterable[str]:
    """The names of a checkpoint's files, in its folder or on the hub. Raises `CheckpointError` if the hub fails."""
    folder = Path(locate(checkpoint))
    return os.listdir(folder) if folder.is_dir() else _listing(checkpoint)


def is_weights_file(name: str) -> bool:
    """Whether a file of that name holds weights of a checkpoint, not of an adapter."""
    return name.endswith(WEIGHTS_SUFFIX) and not name.startswith("adapter_")


def weights_bytes_on_hub(checkpoint: str) -> int:
    """The bytes of a hub id's weight files. Raises `CheckpointError` if the hub fails."""
    return sum(size for name, size in _listing(checkpoint).items() if is_weights_file(name))


@cache
def _listing(repo: str) -> dict[str, int]:
    """The bytes of each file of a repository. Files in folders are left out: they hold other formats."""
    listing = hub_client.model_info(repo).siblings or []
    return {file.rfilename: file.size or 0 for file in listing if "/" not in file.rfilename}


def _loadable_files(checkpoint: str) -> dict[str, int]:
    """The bytes of each file of a hub id. Raises `CheckpointError` if it has no configuration or no weights."""
    files = _listing(checkpoint)
    there = {
        "config.json": "config.json" in files,
        f"*{WEIGHTS_SUFFIX}": any(map(is_weights_file, files)),
    }
    for needed, found in there.items():
        if not found:
            raise CheckpointError(
                "{checkpoint} at the Hugging Face Hub has no {file}; give the id of a complete "
                "Qwen2-VL, Qwen2.5-VL or Qwen3-VL checkpoint.",
                checkpoint=checkpoint,
                file=needed,
            )
    return files


def _cached_snapshot(repo: str, name: str = "config.json") -> Path | None:
    """The folder in the cache that holds a file of a repository; None if it is not there."""
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        file = try_to_load_from_cache(repo, name)
    except HFValidationError:
        return None
    return Path(file).parent if isinstance(file, str) else None


def _is_complete(snapshot: Path) -> bool:
    """Whether all files are there that loading needs."""
    try:
        return processor_files.missing_file(snapshot) is None and bool(
            weight_files.weight_paths(snapshot)
        )
    except CheckpointError:
        return False
