"""Files are attached and removed."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import gradio as gr

from model.errors import DemoError, LocalizedText
from ui.gradio_compat import posted
from ui.handlers.page_tab import tab_of
from ui.handlers.tray import pages
from ui.html import page_update
from ui.html import tray as tray_html
from ui.state.registry import Tabs
from ui.state.tab.tab import Tab
from ui.state.tray.attachment import Attachment, Document

log = logging.getLogger(__name__)
SOURCE_PROBLEMS = {  # by what assets/js/tray/camera.js calls them
    "camera": LocalizedText("The camera cannot be used; allow it in the browser and try again."),
    "camera-missing": LocalizedText("There is no camera here; connect one, or attach a picture."),
    "camera-busy": LocalizedText(
        "Another program is using the camera; close it there and try again."
    ),
    "screen": LocalizedText(
        "The screen cannot be captured; allow it in the browser and try again."
    ),
}


async def attach(tabs: Tabs, key: str, event: gr.EventData) -> str:
    """Check uploaded files and put them into the tray, in the order in which they were chosen."""
    tab = tab_of(tabs, key)
    asked = posted(event)
    before = list(tab.draft.refusals)
    if problem := SOURCE_PROBLEMS.get(str(asked.get("error"))):
        tab.draft.refusals.append(problem)
    files, origin = asked.get("files"), tab.draft.origin
    taken = [
        await _attach_one(tabs, tab, file if isinstance(file, dict) else {}, origin)
        for file in (files if isinstance(files, list) else [])
    ]
    if any(taken):
        # The next success dismisses earlier refusals.
        tab.draft.refusals[:] = [
            new for new in tab.draft.refusals if not any(new is old for old in before)
        ]
    tab.draft.drawn_for = str(asked.get("request", ""))[:64]
    return page_update.tray(tab)


async def _attach_one(tabs: Tabs, tab: Tab, file: dict[str, Any], origin: object) -> bool:
    """Whether the file is in the tray now. If not, the tray says why, or New chat was pressed meanwhile.

    origin: that of the draft which the file is for.
    """
    try:
        tabs.rates.admit_look(tab.presence.asker.address)
        found = await _opened(tabs, tab, file)
        document = found if isinstance(found, Document) else found.document
        in_pages = document is not None and document.kind != "frames"
        drawn = await pages.first_pages(tabs, tab, document) if document and in_pages else []
        if tab.draft.origin is not origin:
            tabs.give_up(tab, Path(found.upload if isinstance(found, Attachment) else found.path))
            return False
        if in_pages:
            pages.place(tab.draft, drawn)
            return bool(drawn)
        assert isinstance(found, Attachment)
        tab.draft.attach(found)
        if not found.playable:
            tabs.clip_copies.start(tab, found)
    except DemoError as error:
        tab.draft.refusals.append(error.sentence)
    except Exception:
        log.exception("an upload could not be inspected")
        name = str(file.get("name"))[:80]
        tab.draft.refusals.append(
            LocalizedText(
                "{name} could not be opened; save it as PNG or JPEG, or as MP4 (H.264), and attach it again.",
                name=name,
            )
        )
    else:
        return True
    return False


async def _opened(tabs: Tabs, tab: Tab, file: dict[str, Any]) -> Attachment | Document:
    """An uploaded file, or what lies at an address. Raises `DemoError`."""
    address = file.get("address")
    if not isinstance(address, str):
        path = tabs.uploads.claim(file.get("path"), tab.key, tab.presence.asker)
        return await tabs.background.look_at(tab, path, file.get("name"))
    found = await tabs.background.download(tab, tabs.downloads, address)
    tabs.uploads.keep(Path(found.path), tab.key)  # so that it goes with the tab
    return found


async def change_tray(tabs: Tabs, key: str, event: gr.EventData) -> str:
    """What is done on the tray: an item is taken out, pages are chosen, a refusal is dismissed."""
    tab = tab_of(tabs, key)
    asked, text = posted(event), ""
    match asked:
        case {"op": "pages"}:
            await pages.choose(tabs, tab, asked)
        case {"op": "pages_text"}:
            text = await pages.text_of(tabs, tab, asked)
        case {"op": "detach", "id": item}:
            tab.draft.detach(item)
        case {"op": "unpoint", "id": place}:
            tab.draft.places.remove(place)
        case {"op": "dismiss", "id": str(sentence)} if sentence in tab.draft.refusals:
            tab.draft.refusals.remove(sentence)
    tab.draft.drawn_for = str(asked.get("request", ""))[:64]
    return page_update.tray(tab) + tray_html.pages_text(text)
