"""The files that nobody needs any more when a conversation is cleared or dropped."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from ui.media.uploads import Uploads
from ui.state.tab.tab import Tab


def of(tab: Tab, tabs: Iterable[Tab], uploads: Uploads) -> list[str]:
    """The files that only this tab uses: its uploads, and what was made from them. A program's uploads stay, because it may
    name them again.
    """
    items = list(tab.chat.attachments.values())
    files = {path for item in items for path in (item.thumbnail, item.shown)}
    files -= {item.path for item in items}
    if not tab.presence.is_program:
        files |= {item.path for item in items if uploads.released(item.path, tab.key)}
    return among(files.union(*tab.made_files), (other for other in tabs if other is not tab))


def among(files: Iterable[str], tabs: Iterable[Tab]) -> list[str]:
    """Those of `files` that none of these tabs shows. A duplicated tab shares its thumbnails with the original."""
    left = set(files)
    for tab in tabs:
        shown = ((item.path, item.thumbnail, item.shown) for item in tab.chat.attachments.values())
        left.difference_update(*tab.made_files, *shown)
    return list(left)


def remove(files: Iterable[str]) -> None:
    """Delete files; blocks. Their folders stay, because somebody may be about to upload the same file there."""
    for file in files:
        with suppress(OSError):
            Path(file).unlink()
