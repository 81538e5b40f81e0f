"""Requests to ModelScope that fail within seconds if it does not answer.

modelscope_hub is what the package modelscope downloads with. It is imported only if an id is looked up there.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from model.checkpoint.hub.errors import MISSPELT, hub_error
from model.checkpoint.hub.hub import HubFile, HubWords
from model.checkpoint.hub.modelscope import errors
from model.checkpoint.hub.modelscope.progress import Progress
from model.errors import CheckpointError

WORDS: HubWords = errors.WORDS
OLDEST = (0, 5)
# Read by modelscope_hub when it is imported. By itself it retries a silent hub for minutes, takes at most an hour for a
# file, and logs what it does to the terminal.
LIMITS = {
    "MODELSCOPE_REPO_TREE_PAGE_TIMEOUT_SECONDS": "10",
    "MODELSCOPE_REPO_TREE_PAGE_MAX_ATTEMPTS": "2",
    "MODELSCOPE_REPO_TREE_PAGE_RETRY_MAX_DELAY_SECONDS": "1",
    "MODELSCOPE_DOWNLOAD_TIMEOUT": "10",
    "MODELSCOPE_DOWNLOAD_MAX_RETRIES": "1",
    "MODELSCOPE_DOWNLOAD_RETRY_MAX_DELAY_SECONDS": "1",
    "MODELSCOPE_DOWNLOAD_TOTAL_TIMEOUT": str(7 * 24 * 3600),
    "MODELSCOPE_LOG_LEVEL": "WARNING",
}
_ID = re.compile(r"[\w-][\w.-]*/[\w-][\w.-]*")


def list_files(checkpoint: str) -> list[HubFile]:
    """See `Hub`."""
    with _operation(checkpoint) as api:
        return [
            HubFile(file.path, file.size or 0, file.sha256 or "")
            for file in api.list_repo_files(checkpoint, "model")
            if file.type != "tree"
        ]


def download(checkpoint: str, files: Sequence[HubFile], report: Callable[[int], None]) -> str:
    """See `Hub`."""
    progress = Progress(report)
    by_size = sorted(files, key=lambda file: file.size)
    with _operation(checkpoint) as api:
        for file in _whole_files(api, checkpoint, by_size):
            progress.add(file.name, file.size)
        # modelscope_hub tries all files before it tells that one failed. A hub that does not give the smallest gives none.
        folder = _download(api, checkpoint, by_size[:1], progress)
        return _download(api, checkpoint, by_size[1:], progress) if by_size[1:] else folder


def cached_snapshot(checkpoint: str, name: str) -> Path | None:
    """See `Hub`."""
    folder = _cached_folder(_api(_config()), checkpoint) if _ID.fullmatch(checkpoint) else None
    return folder if folder and (folder / name).is_file() else None


def _config() -> Any:
    """modelscope_hub's configuration from the environment. Raises `CheckpointError` without the package."""
    _require_package()
    for name, value in LIMITS.items():
        os.environ.setdefault(name, value)
    from modelscope_hub import HubConfig

    class Config(HubConfig):  # type: ignore[misc]  # it has no types
        def get_session_id(self) -> str:
            # modelscope_hub would keep one in the home folder and send it with each request.
            return "0" * 32

    return Config()


def _api(config: Any) -> Any:
    from modelscope_hub import HubApi

    return HubApi(config)


def _require_package() -> None:
    try:
        installed = version("modelscope-hub")
    except PackageNotFoundError:
        installed = "0"
    if tuple(int(part) for part in re.findall(r"\d+", installed)[:2]) < OLDEST:
        raise CheckpointError(
            "--hub modelscope needs the package modelscope-hub, {oldest} or newer; run "
            "`pip install modelscope-hub --upgrade`.",
            oldest=".".join(map(str, OLDEST)),
        )


@contextmanager
def _operation(checkpoint: str) -> Iterator[Any]:
    """Gives a `HubApi`. Inside, its errors and those of the packages below it become `CheckpointError`."""
    config = _config()
    from modelscope_hub.errors import HubError

    here = {"hub": config.endpoint, "folder": str(config.cache_dir)}
    if not _ID.fullmatch(checkpoint):
        raise hub_error(MISSPELT, checkpoint, WORDS, **here)
    try:
        yield _api(config)
    except (HubError, OSError, ValueError) as error:  # requests raises OSError
        raise errors.to_checkpoint_error(checkpoint, error, **here) from error


def _download(api: Any, checkpoint: str, files: Sequence[HubFile], progress: Progress) -> str:
    """The folder with `files`."""
    from modelscope_hub.errors import FileDownloadError

    # A size of 0 can mean that it is not known.
    listing = [
        {"Path": file.name, "Size": file.size or None, "Sha256": file.sha256} for file in files
    ]
    while True:
        before = progress.furthest
        try:
            callbacks = [progress.callback()]
            return str(
                api.download_repo(
                    checkpoint, "model", file_list=listing, progress_callbacks=callbacks
                )
            )
        except FileDownloadError as error:
            # The number of attempts is fixed, even if each one continues where the last one ended.
            if not error.retryable or progress.furthest == before:
                raise


def _whole_files(api: Any, checkpoint: str, files: Sequence[HubFile]) -> list[HubFile]:
    """Those of `files` that an earlier download has finished. modelscope_hub reports no progress of them."""
    folder = _cached_folder(api, checkpoint)
    if folder is None:
        return []
    paths = {file: folder / file.name for file in files}
    return [
        file for file, path in paths.items() if path.is_file() and path.stat().st_size == file.size
    ]


def _cached_folder(api: Any, checkpoint: str) -> Path | None:
    from modelscope_hub.errors import CacheNotFound

    try:
        return Path(api.download_repo(checkpoint, "model", local_files_only=True))
    except CacheNotFound:
        return None
