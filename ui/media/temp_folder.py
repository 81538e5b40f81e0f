"""The folder for uploads: private to this process, and removed when it ends.

A killed process removes nothing. So the next one removes folders whose owner is gone, which it knows by their lock: the
system releases it with the process.
"""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from model.errors import DemoError, LocalizedText

VARIABLE = "GRADIO_TEMP_DIR"  # where Gradio looks
PREFIX = "qwen-vl-chat-"
LOCK = ".lock"
NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


@contextmanager
def private_folder() -> Iterator[Path]:
    """Let Gradio keep uploads in a new folder, inside GRADIO_TEMP_DIR or the system's folder for temporary files.

    Raises `DemoError` where nothing can be written.
    """
    told = os.environ.get(VARIABLE)
    folder, lock = _made(told)
    os.environ[VARIABLE] = str(folder)
    try:
        yield folder
    finally:
        os.environ.pop(VARIABLE)
        if told:
            os.environ[VARIABLE] = told
        shutil.rmtree(folder, ignore_errors=True)
        if lock is not None:
            os.close(lock)


def _made(told: str | None) -> tuple[Path, int | None]:
    """The folder, and its lock. Raises `DemoError`."""
    try:
        parent = Path(told or tempfile.gettempdir()).resolve()
        parent.mkdir(parents=True, exist_ok=True)
        sweep(parent)
        folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=parent))  # readable by its owner only
        lock = _lock(folder / "new", os.O_CREAT)
        (folder / "new").rename(folder / LOCK)  # locked from the moment that others see it
    except (OSError, ValueError) as error:  # of a name that cannot be one
        raise DemoError(
            "Uploads cannot be kept in {folder} ({reason}); set GRADIO_TEMP_DIR to a folder that this user can write to.",
            folder=told or LocalizedText("any folder for temporary files"),
            reason=getattr(error, "strerror", None) or str(error),
        ) from error
    return folder, lock


def sweep(parent: Path) -> None:
    """Remove the folders of processes that ended without cleaning up."""
    for folder in parent.glob(f"{PREFIX}*"):
        if (lock := _lock(folder / LOCK)) is not None:
            shutil.rmtree(folder, ignore_errors=True)
            os.close(lock)


def _lock(file: Path, flags: int = 0) -> int | None:
    """The file, open and locked; None if another process has locked it, or if it cannot be opened."""
    try:
        lock = os.open(file, os.O_RDWR | os.O_CLOEXEC | flags, 0o600)
    except OSError:
        return None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
        return None
    return lock


@contextmanager
def storing() -> Iterator[None]:
    """Raises `DemoError` if the disk is full when a file is written in the block."""
    try:
        yield
    except OSError as error:
        if error.errno not in NO_ROOM:
            raise
        raise DemoError(
            "The server's disk is full; try again later, or tell whoever runs this page."
        ) from error
