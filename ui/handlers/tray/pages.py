"""The pages of documents in the tray: the first ones when it is attached, then those that a person chooses."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from model.errors import ContextError, DemoError, LocalizedText, MediaError
from model.media.document import selected
from ui.handlers.posted_message import require_room
from ui.media.uploads import MAX_ATTACHMENTS
from ui.state.registry import Tabs
from ui.state.tab.draft import Draft, drafted
from ui.state.tab.tab import Tab
from ui.state.tray.attachment import Attachment, Document
from ui.text.texts import number as grouped

log = logging.getLogger(__name__)

FIRST_PAGES = 10  # that are attached unasked
MAX_REFUSED = 3  # pages that cannot be read, after which no more are tried
MAX_CHOICE = 400  # characters of what a person writes


async def first_pages(tabs: Tabs, tab: Tab, document: Document) -> list[Attachment]:
    """The pages that are attached unasked: the first ones, as many as fit. Raises `DemoError`."""
    others = [item for item in tab.draft.tray if item.upload != document.path]
    require_room(len(others) + 1)
    most = min(document.pages, FIRST_PAGES, MAX_ATTACHMENTS - len(others))
    drawn = await _drawn(tabs, tab, document, [1])
    fitting = await _fitting(tabs, tab, others, drawn[0]) if drawn else most
    drawn += await _drawn(tabs, tab, document, range(2, min(most, fitting) + 1))
    if fitting < most:
        tab.draft.refusals.append(
            LocalizedText(
                "{name}: {fitting} of {pages} pages fit; choose other pages, or lower the detail and choose more.",
                name=document.name,
                fitting=fitting,
                pages=grouped(document.pages),
            )
        )
    return drawn


async def choose(tabs: Tabs, tab: Tab, asked: Mapping[str, Any]) -> None:
    """Attach other pages of a document. The pages that stay keep their place and their resolution."""
    document = _document(tab.draft, asked.get("id"))
    if not document:
        return
    try:
        ranges = str(asked.get("pages", ""))[:MAX_CHOICE]
        numbers = selected(ranges, document.pages, document.name)
        here = {item.page: item for item in tab.draft.tray if item.upload == document.path}
        require_room(len(tab.draft.tray) - len(here) + len(numbers))
        missing = [number for number in numbers if number not in here]
        if missing:
            tabs.rates.admit_look(tab.presence.asker.address, len(missing))
        drawn = {item.page: item for item in await _drawn(tabs, tab, document, missing)}
        if _document(tab.draft, document.id) is None:
            return  # it was taken out meanwhile
        kept = here | drawn
        place(tab.draft, [kept[number] for number in numbers if number in kept])
    except DemoError as error:
        tab.draft.refusals.append(error.sentence)


async def text_of(tabs: Tabs, tab: Tab, asked: Mapping[str, Any]) -> str:
    """The text of the pages of a document that are in the tray."""
    document = _document(tab.draft, asked.get("id"))
    if not document:
        return ""
    numbers = sorted(item.page for item in tab.draft.tray if item.upload == document.path)
    try:
        tabs.rates.admit_look(tab.presence.asker.address, len(numbers))
        said = await tabs.background.pages_text(tab, document, numbers)
    except DemoError as error:
        tab.draft.refusals.append(error.sentence)
        return ""
    if not said:
        tab.draft.refusals.append(
            LocalizedText(
                "{name} has no text on these pages, only pictures; ask the model to read them.",
                name=document.name,
            )
        )
    return said


def place(draft: Draft, pages: Sequence[Attachment]) -> None:
    """Put pages of one document into the tray, in place of those of it that are there."""
    if not pages:
        return
    document, kept = pages[0].upload, {page.id for page in pages}
    before = [item for item in draft.tray if item.upload == document]
    for item in before:
        if item.id not in kept:
            draft.places.remove_of_item(item.id)
    at = draft.tray.index(before[0]) if before else len(draft.tray)
    draft.tray[:] = [item for item in draft.tray if item.upload != document]
    draft.tray[at:at] = pages
    draft.chat.remember(pages)
    draft.fit = None


def _document(draft: Draft, document_id: object) -> Document | None:
    """The document with this id of which a page is in the tray."""
    known = (item.document for item in draft.tray if item.document)
    return next((document for document in known if document.id == document_id), None)


async def _drawn(
    tabs: Tabs, tab: Tab, document: Document, numbers: Iterable[int]
) -> list[Attachment]:
    """These pages as pictures. The tray says which of them cannot be read."""
    drawn, refused = [], 0
    for number in numbers:
        try:
            drawn.append(await tabs.background.page(tab, document, number))
        except MediaError as error:
            tab.draft.refusals.append(error.sentence)
            refused += 1
            if refused == MAX_REFUSED:
                break
    return drawn


async def _fitting(tabs: Tabs, tab: Tab, others: Sequence[Attachment], page: Attachment) -> int:
    """How many pages like this one fit into the context at the checkpoint's own settings, at least 1."""
    backend = tab.backend
    if backend.status().state != "ready":
        return MAX_ATTACHMENTS
    settings = tabs.defaults_of(backend)
    asked = drafted(tab.draft.context, [*others, page], "", settings.vision)
    assert asked
    try:
        estimate = await tabs.background.run(
            tab, partial(backend.estimate, asked, settings.generation)
        )
    except ContextError:
        return 1
    if not estimate.context_tokens:
        return MAX_ATTACHMENTS
    answer = min(settings.generation.max_new_tokens, estimate.context_tokens // 4)
    room = estimate.context_tokens - answer - estimate.prompt_tokens
    return 1 + max(0, room) // max(1, estimate.items[-1].tokens)
