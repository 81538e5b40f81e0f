"""Which files a client may name: only its own uploads.

Every posted path goes through `Uploads.claim`, from the page and from the API. Gradio itself hands over whatever was
posted.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from model.errors import LocalizedText, MediaError
from ui.gradio_compat import upload_folder
from ui.http.asker import ANYBODY, Asker

# Files that one message can hold.
MAX_ATTACHMENTS = 64
MAX_NAME = 80  # characters of a file name that are shown
# Characters. Linux opens no path that is longer.
MAX_PATH = 4096
NOT_STORED = LocalizedText(
    "The server could not keep the file; its disk may be full, so try again later or send a smaller one."
)
MAX_CLAIMS = 1000  # that may wait for one file; then the oldest is dropped
SWEPT = 1024  # known files before the first check which of them are gone
_CONTROLS = re.compile(r"[\x00-\x1f\x7f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


class Uploads:
    """Who owns which uploaded file.

    An upload names no session, so a file belongs to whoever names its path first. The path contains a content hash, so
    only the uploader knows it. Equal content has equal paths: N uploads allow N claims.
    """

    def __init__(self) -> None:
        self._unclaimed: dict[str, list[Asker]] = {}
        self._owners: defaultdict[str, set[str]] = defaultdict(set)
        self._sweep_at = SWEPT

    def __len__(self) -> int:
        return len(self._unclaimed)

    def __contains__(self, path: str) -> bool:
        return path in self._unclaimed

    def register(self, paths: Iterable[str], sender: Asker = ANYBODY) -> None:
        """Gradio has stored these files for `sender`."""
        for path in paths:
            senders = self._unclaimed.setdefault(str(Path(path).resolve()), [])
            senders[:] = [*senders, sender][-MAX_CLAIMS:]
        if len(self) > self._sweep_at:
            self._sweep()

    def claim(self, path: object, owner: str, asker: Asker = ANYBODY) -> Path:
        """The file, if `owner` has uploaded it. Raises `MediaError`, with the same sentence as `checked_upload_path`."""
        file = checked_upload_path(path)
        senders = self._unclaimed.get(str(file), [])
        sender = next(filter(asker.may_be, senders), None)
        if sender is not None:
            senders.remove(sender)
        elif owner not in self._owners.get(str(file), ()):
            raise _refusal()
        self._owners[str(file)].add(owner)
        return file

    def lent(self, path: object, owner: str) -> Path | None:
        """The file, if it is there and `owner`'s, whom only they know by name who are meant to have it."""
        try:
            file = checked_upload_path(path)
        except MediaError:
            return None
        return file if owner in self._owners.get(str(file), ()) else None

    def keep(self, path: Path, owner: str) -> None:
        """The server has stored this file for `owner`."""
        self._owners[str(path)].add(owner)
        self._unclaimed.setdefault(str(path), [])

    def released(self, path: str, owner: str) -> bool:
        """Record that `owner` no longer needs a file. Returns whether nobody else owns it."""
        owners = self._owners.get(path, set())
        if owner not in owners:
            return False
        owners.remove(owner)
        if owners or self._unclaimed.get(path):
            return False
        del self._owners[path]
        self._unclaimed.pop(path, None)
        return True

    def _sweep(self) -> None:
        """Forget what has been deleted."""
        for path in [path for path in self._unclaimed if not Path(path).exists()]:
            del self._unclaimed[path]
            self._owners.pop(path, None)
        self._sweep_at = max(SWEPT, 2 * len(self))


def checked_upload_path(path: object) -> Path:
    """`path` if it is a regular file in the upload folder. Raises `MediaError`.

    The sentence is the same for every reason: it must not tell what else exists on the server.
    """
    if not isinstance(path, str) or not 0 < len(path) <= MAX_PATH or "\0" in path:
        raise _refusal()
    given = Path(path)
    try:
        resolved = given.resolve(strict=True)
    except (OSError, RuntimeError, ValueError):  # ValueError: half a surrogate pair
        raise _refusal() from None
    if not given.is_absolute() or given.is_symlink() or not resolved.is_file():
        raise _refusal()
    if not resolved.is_relative_to(upload_folder()):
        raise _refusal()
    return resolved


def _refusal() -> MediaError:
    return MediaError("That file was not uploaded here; attach it again.")


def shown_name(name: object, path: Path) -> str:
    """The file's name for people: not too long, and without characters that reorder text."""
    text = name if isinstance(name, str) and name else path.name
    text = _CONTROLS.sub("", text.replace("\\", "/").rsplit("/", 1)[-1]).strip() or path.name
    return text if len(text) <= MAX_NAME else f"{text[: MAX_NAME - 12]}…{text[-11:]}"
