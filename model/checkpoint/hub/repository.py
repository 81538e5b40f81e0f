"""Checkpoints by id at one of the hubs: locates them in the cache, tells their size, and downloads them.

A checkpoint that is complete in the cache is used without a request to the hub, so it loads without a network.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from pathlib import Path

from model.checkpoint.formats import processor_files, weight_files
from model.checkpoint.hub.hub import Hub, HubFile
from model.checkpoint.hub.huggingface import client as huggingface
from model.checkpoint.hub.modelscope import client as modelscope
from model.errors import CheckpointError

WEIGHTS_SUFFIX = ".safetensors"
# Configuration, tokenizer and chat template.
SMALL_FILE_SUFFIXES = (".json", ".jinja", ".txt")
# Called with the share of the work that is done, 0..1.
ReportShare = Callable[[float], None]
# By the values of --hub.
_HUBS: dict[str, Hub] = {"huggingface": huggingface, "modelscope": modelscope}
_hub: Hub = huggingface


def look_up_at(name: str) -> None:
    """Look ids up at another hub, one of `HUB_NAMES`, in the whole process: an id does not say whose it is."""
    global _hub
    _hub = _HUBS[name]
    _listing.cache_clear()


def locate(checkpoint: str) -> str:
    """The folder of a checkpoint, or of a hub id that is complete in the cache; otherwise the id itself."""
    if Path(checkpoint).exists():
        return checkpoint
    snapshot = _hub.cached_snapshot(checkpoint, "config.json")
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
    needed = [file for name, file in files.items() if name.endswith(wanted)]
    total = sum(file.size for file in needed)

    def share(done: int) -> None:
        if report and total:
            report(min(1.0, done / total))

    return _hub.download(checkpoint, needed, share)


def fetch_files(repo: str, names: Sequence[str]) -> Path:
    """The folder in the cache with the files of a hub id that are in `names`. Files that the hub lacks are left out."""
    cached = _hub.cached_snapshot(repo, names[0])
    if cached and all((cached / name).is_file() for name in names):
        return cached
    there = [file for name, file in _listing(repo).items() if name in names]
    return Path(_hub.download(repo, there, lambda _: None))


def file_names(checkpoint: str) -> Iterable[str]:
    """The names of a checkpoint's files, in its folder or on the hub. Raises `CheckpointError` if the hub fails."""
    folder = Path(locate(checkpoint))
    return os.listdir(folder) if folder.is_dir() else _listing(checkpoint)


def is_weights_file(name: str) -> bool:
    """Whether a file of that name holds weights of a checkpoint, not of an adapter."""
    return name.endswith(WEIGHTS_SUFFIX) and not name.startswith("adapter_")


def weights_bytes_on_hub(checkpoint: str) -> int:
    """The bytes of a hub id's weight files. Raises `CheckpointError` if the hub fails."""
    return sum(file.size for name, file in _listing(checkpoint).items() if is_weights_file(name))


@cache
def _listing(repo: str) -> dict[str, HubFile]:
    """Each file of a repository by its name. Files in folders are left out: they hold other formats."""
    return {file.name: file for file in _hub.list_files(repo) if "/" not in file.name}


def _loadable_files(checkpoint: str) -> dict[str, HubFile]:
    """Each file of a hub id by its name. Raises `CheckpointError` if it has no configuration or no weights."""
    files = _listing(checkpoint)
    there = {
        "config.json": "config.json" in files,
        f"*{WEIGHTS_SUFFIX}": any(map(is_weights_file, files)),
    }
    for needed, found in there.items():
        if not found:
            raise CheckpointError(
                "{checkpoint} at {service} has no {file}; give the id of a complete "
                "Qwen2-VL, Qwen2.5-VL or Qwen3-VL checkpoint.",
                checkpoint=checkpoint,
                service=_hub.WORDS.name,
                file=needed,
            )
    return files


def _is_complete(snapshot: Path) -> bool:
    """Whether all files are there that loading needs."""
    try:
        return processor_files.missing_file(snapshot) is None and bool(
            weight_files.weight_paths(snapshot)
        )
    except CheckpointError:
        return False
