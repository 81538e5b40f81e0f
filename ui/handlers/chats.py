"""Handlers for the chats that a browser keeps (assets/js/chats). The server stores none of them.

As all handlers, they take the open tabs as their first argument.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import zipfile
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import gradio as gr

from model.backend import AnswerRecord
from model.conversation import Conversation
from model.errors import DemoError
from model.prompt.file_facts import content_hash
from model.reproduce import archive, archive_reader
from model.reproduce.archive import Archive
from model.reproduce.archive_reader import MAX_MEDIA
from model.settings import SETTING_SPECS
from ui.gradio_compat import file_url, posted
from ui.handlers import export
from ui.handlers.page_tab import is_key, tab_of
from ui.html import page_update
from ui.html.page_update import View
from ui.state.registry import Tabs
from ui.state.tab.tab import Tab
from ui.state.tray.attachment import Attachment

MAX_TITLE = 80  # characters
THUMBNAILS = 3
UNCHANGED = View(*(gr.skip() for _ in View._fields))


async def keep(tabs: Tabs, key: str, event: gr.EventData) -> str:
    """Return as JSON what the browser needs to restore the conversation: the posted `request`, and the keys of `_told`.

    The keys of `_told` are missing if there is no answer yet, a file is gone, or the address has asked too often. The event
    may name `of`, the key of another tab of the same person that is closed: `writing` says that its answer is not yet ended.
    """
    tab = tab_of(tabs, key)
    told = _reply(event)
    kept = _left(tabs, tab, of) if (of := posted(event).get("of")) else tab
    if kept and kept is not tab and kept.chat.live:
        return json.dumps(told | {"writing": True})
    conversation, answers = kept.chat.settled if kept else (None, ())
    if not kept or not conversation or not answers:
        return json.dumps(told)
    identity, attachments = kept.chat.id, dict(kept.chat.attachments)
    try:
        tabs.rates.admit_look(tab.presence.asker.address)
        told |= await tabs.background.run(
            tab, partial(_told, tab, conversation, answers, attachments)
        )
    except (DemoError, OSError):  # OSError: a file went meanwhile
        return json.dumps(told)
    return json.dumps(told | {"chat": identity})


async def reopen(tabs: Tabs, key: str, event: gr.EventData) -> tuple[Any, ...]:
    """Replace the conversation on the page by a kept one, which is checked as an import is.

    The event has `path`, an uploaded zip file without media, and `files`: for each its name in the zip file, its path, and
    the key of the tab that had it, or "" after an upload. Returns JSON with the posted `request`, and either `missing`, the
    names of files that must be uploaded first, or `chat`, the conversation's new id; then the view and the settings.
    """
    tab, asked, told = tab_of(tabs, key), posted(event), _reply(event)
    settings: list[Any] = [gr.skip()] * len(SETTING_SPECS)
    try:
        _require_idle(tab)
        files = _files(asked.get("files"))
        found = {name: _found(tabs, tab, path, owner) for name, path, owner in files}
        if missing := [name for name, file in found.items() if file is None]:
            tabs.rates.admit_look(tab.presence.asker.address)
            return json.dumps(told | {"missing": missing}), *UNCHANGED, *settings
        tabs.rates.admit_task(tab.presence.asker.address)
        source = tabs.uploads.claim(asked.get("path"), tab.key, tab.presence.asker)
        restored = await _replaced(
            tabs, tab, source, {name: file for name, file in found.items() if file}
        )
        told["chat"] = tab.chat.id
        view = await tabs.background.run(tab, partial(page_update.full_update, tab))
        return json.dumps(told), *view, *export.settings_of(restored)
    except DemoError as error:
        tab.chat.warn(error.sentence)
    return json.dumps(told), *page_update.full_update(tab), *settings


def _reply(event: gr.EventData) -> dict[str, Any]:
    request = posted(event).get("request")
    return {"request": request if type(request) is int else 0}


def _left(tabs: Tabs, tab: Tab, key: object) -> Tab | None:
    """Return the tab with this key, if it is the same person's. Keys are unguessable."""
    other = tabs.open_tabs.get(key) if is_key(key) else None
    return other if other and other.presence.user == tab.presence.user else None


def _require_idle(tab: Tab, before: Conversation | None = None) -> None:
    """Raise `DemoError` during an answer, and if the conversation is no longer `before`."""
    if tab.chat.live or (before is not None and tab.chat.conversation is not before):
        raise DemoError("An answer is still being written; stop it first.")


def _told(
    tab: Tab,
    conversation: Conversation,
    answers: tuple[AnswerRecord, ...],
    attachments: Mapping[str, Attachment],
) -> dict[str, Any]:
    """Return what the browser keeps, or `refused` with the reason. Blocks. Raises `DemoError`.

    `zip`: an export without media, in base64. `media`: where to fetch each file. `thumbnails`: addresses. `state`: equal
    for equal conversations.
    """
    kept = export.plain_archive(tab, conversation, answers)
    file = io.BytesIO()
    archive.write(kept, file, media=False)
    if not archive_reader.is_restorable(file):
        return {"refused": "too-large"}
    with zipfile.ZipFile(file) as written:
        messages = written.read("messages.json")
    shown = (attachments[path] for path in archive.file_names(conversation) if path in attachments)
    return {
        "zip": base64.b64encode(file.getvalue()).decode(),
        "state": hashlib.sha256(messages + repr(answers).encode()).hexdigest(),
        "title": _title(conversation),
        "media": [
            {
                "name": name,
                "path": path,
                "url": file_url(path),
                "hash": content_hash(path),
                "bytes": Path(path).stat().st_size,
            }
            for path, name in archive.file_names(conversation).items()
        ],
        "thumbnails": [file_url(item.thumbnail) for item in shown][:THUMBNAILS],
    }


def _title(conversation: Conversation) -> str:
    """The first words, or the names of the first files if there are none."""
    first = conversation.messages[0]
    words = " ".join(first.text.split()) or ", ".join(item.name for item in first.media)
    return words[:MAX_TITLE]


async def _replaced(tabs: Tabs, tab: Tab, source: Path, beside: Mapping[str, Path]) -> Archive:
    """Replace the conversation by the restored one. The draft stays. Raises `DemoError`."""
    before = tab.chat.conversation
    try:
        restored, items = await export.read(
            tabs, tab, source, lambda: _require_idle(tab, before), beside
        )
        draft = tab.draft
        tabs.clear(tab)
        tab.keep_draft(draft)
        export.go_on(tabs, tab, restored, items)
    finally:
        needed = {item.path for item in tab.attached}  # of what was restored, these are the copies
        for file in set(beside.values()):
            if str(file) not in needed:
                tabs.give_up(tab, file)
    return restored


def _found(tabs: Tabs, tab: Tab, path: str, owner: str) -> Path | None:
    """Return a file of the tab with the key `owner`, or one that was uploaded for this tab. Raises `DemoError`.

    Keys are unguessable, so nobody can probe for other people's files.
    """
    if owner:
        return tabs.uploads.lent(path, owner) if is_key(owner) else None
    return tabs.uploads.claim(path, tab.key, tab.presence.asker)


def _files(listed: object) -> list[tuple[str, str, str]]:
    """Return the posted names, paths and keys. Raises `DemoError` for anything else."""
    files = (
        [tuple(one) for one in listed if isinstance(one, list)] if isinstance(listed, list) else []
    )
    if len(files) > MAX_MEDIA or not all(
        len(one) == 3 and all(isinstance(word, str) for word in one) for one in files
    ):
        raise DemoError("This conversation is too large to be restored.")
    return files
