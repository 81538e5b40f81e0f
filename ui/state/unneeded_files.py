"""The files that nobody needs any more when a conversation is cleared or dropped."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress
from pathlib import Path

from ui.media.uploads import Uploads
from ui.state.tab.tab import Cleared, Tab
from ui.state.tray.attachment import Attachment


def of(tab: Tab, tabs: Iterable[Tab], uploads: Uploads) -> list[str]:
    """What only this tab has: its files, and what was made of them. A program may name its uploads again."""
    others = (other for other in tabs if other is not tab)
    return _left(tab, tab.chat.attachments.values(), tab.made_files, others, uploads)


def of_cleared(tab: Tab, cleared: Cleared, tabs: Iterable[Tab], uploads: Uploads) -> list[str]:
    """The same of what a tab has cleared and has not attached again."""
    again = tab.chat.attachments
    items = [item for path, item in cleared.chat.attachments.items() if path not in again]
    return _left(tab, items, cleared.made_files, tabs, uploads)


def _left(
    tab: Tab,
    items: Collection[Attachment],
    made: Iterable[Sequence[str]],
    others: Iterable[Tab],
    uploads: Uploads,
) -> list[str]:
    attached = {item.upload for item in items}
    files = {path for item in items for path in item.files} - attached
    if not tab.presence.is_program:
        files |= {path for path in attached if uploads.released(path, tab.key)}
    return among(files.union(*made), others)


def among(files: Iterable[str], tabs: Iterable[Tab]) -> list[str]:
    """Those of `files` that none of these tabs shows or can show again. A duplicated tab shares its thumbnails with the
    original.
    """
    left = set(files)
    for tab in tabs:
        shown = (item.files for item in tab.attached)
        left.difference_update(*tab.made_files, *shown)
    return list(left)


def remove(files: Iterable[str], uploads: Uploads) -> None:
    """Delete files, except those that somebody has uploaded again; blocks.

    Their folders stay, because somebody may be about to upload the same file there.
    """
    for file in files:
        if file not in uploads:
            with suppress(OSError):
                Path(file).unlink()
