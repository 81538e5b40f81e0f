"""Handlers for keeping conversations: reproduce and verify an answer, export, import.

Handlers as in `handlers`: they belong to the open tabs, which are bound as their first argument.
"""

from __future__ import annotations

import asyncio
import json
import logging
import secrets
import shutil
import threading
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

import gradio as gr

from model.backend import AnswerRecord, Backend, Cancel
from model.conversation import Conversation, Media
from model.errors import DemoError, NotReplayableError
from model.reproduce import archive, archive_reader
from model.reproduce.archive import Archive, replayed, require_whole
from model.reproduce.archive_entries import Allowance
from model.reproduce.generation_record import ModelInfo, ProcessedMedia, Reproducible
from model.reproduce.script import transformers_script
from model.settings import SETTING_SPECS, DefaultSettings, GenerationSettings
from ui.gradio_compat import file_url, posted, upload_folder
from ui.handlers.page_tab import tab_of
from ui.html import page_update
from ui.html import reproduce as reproduce_html
from ui.media.room import Room
from ui.media.temp_folder import storing
from ui.state.registry import Tabs
from ui.state.tab.conversation import UNEXPECTED
from ui.state.tab.tab import Tab, characters
from ui.state.tray.attachment import Attachment

log = logging.getLogger(__name__)
Result = TypeVar("Result")


async def reproduce(tabs: Tabs, key: str, request: gr.Request) -> str:
    """The dialog for the latest answer."""
    return await _dialog(tabs, tab_of(tabs, key), -1, request)


async def reproduce_another(tabs: Tabs, key: str, event: gr.EventData, request: gr.Request) -> str:
    """The dialog for the answer that was chosen in it."""
    return await _dialog(tabs, tab_of(tabs, key), _turn(event), request)


async def verify(tabs: Tabs, key: str, event: gr.EventData) -> str:
    """The number of the answer, and a sentence whether stock transformers gives the same; as JSON."""
    turn = _turn(event)
    return json.dumps([turn, await _verified(tabs, tab_of(tabs, key), turn)])


async def _verified(tabs: Tabs, tab: Tab, turn: int) -> str:
    answer = _answer(tab, turn)
    if answer is None:
        return ""
    conversation, settings, reply = answer
    answered = tab.chat.answers[turn]
    backend = tab.backend_of(answered)
    if tab.verifying:
        tab.verifying.set()  # one at a time
    cancel = tab.verifying = Cancel()

    def work() -> str:
        require_whole(answered)
        record = _reproducible(backend).generation_record(conversation, settings)
        verdict = _reproducible(backend).verify(record, reply, cancel)
        return reproduce_html.verdict(verdict, record.model_info.exact, tab.texts)

    try:
        tabs.rates.admit(tab.presence.asker.address)  # the model answers again
        return await _in_thread(work)
    except DemoError as error:
        return tab.texts.said(error.sentence)
    except Exception:
        log.exception("an answer could not be verified")
        return tab.texts.said(UNEXPECTED)


async def export(tabs: Tabs, key: str) -> tuple[str, Any]:
    """The address of a zip file with the conversation, or a notice why there is none."""
    tab = tab_of(tabs, key)
    try:
        if tab.chat.live or not tab.chat.answers:
            return "", gr.skip()
        tabs.rates.admit_task(tab.presence.asker.address)
        kept = tab.chat.conversation, tuple(tab.chat.answers)
        target = await tabs.background.run(
            tab, partial(_export, tab, tabs.background.room(tab), *kept)
        )
        tabs.made(tab, [str(target)])
        return file_url(str(target)), gr.skip()
    except DemoError as error:
        tab.chat.warn(error.sentence)
        return "", page_update.full_update(tab).notice


async def restore(tabs: Tabs, key: str, event: gr.EventData) -> tuple[Any, ...]:
    """Go on with a conversation that was exported. Returns the view and the settings."""
    tab = tab_of(tabs, key)
    asked = posted(event)
    settings: list[Any] = [gr.skip()] * len(SETTING_SPECS)
    try:
        _require_empty(tab)
        tabs.rates.admit_task(tab.presence.asker.address)
        source = tabs.uploads.claim(asked.get("path"), tab.key, tab.presence.asker)
        restored, items = await read(tabs, tab, source, lambda: _require_empty(tab))
        go_on(tabs, tab, restored, items)
        settings = settings_of(restored)
        # In a thread: drawing hundreds of answers takes a while.
        return *await tabs.background.run(tab, partial(page_update.full_update, tab)), *settings
    except DemoError as error:
        tab.chat.warn(error.sentence)
    return *page_update.full_update(tab), *settings


def _require_empty(tab: Tab) -> None:
    if tab.chat.live or tab.chat.conversation.messages:
        raise DemoError(
            "There is a conversation on this page already; press New chat, then drop the zip file again."
        )


async def _dialog(tabs: Tabs, tab: Tab, turn: int, request: gr.Request) -> str:
    answer = _answer(tab, turn)
    if answer is None:
        return ""
    turn %= len(tab.chat.answers)
    question, settings, _ = answer
    kept = tab.chat.conversation, tab.chat.answers[: turn + 1]
    try:
        tabs.rates.admit_look(tab.presence.asker.address)
        require_whole(tab.chat.answers[turn])
        backend = tab.backend_of(tab.chat.answers[turn])
        record = await tabs.background.run(
            tab, partial(_reproducible(backend).generation_record, question, settings)
        )
    except DemoError as error:
        return reproduce_html.refusal(tab.texts.said(error.sentence), tab.texts)
    address = str(request.request.base_url) if request.request else "http://127.0.0.1:7860/"
    defaults = partial(_defaults, tabs, tab)
    return reproduce_html.dialog(record, *kept, defaults, address, tab.texts)


def _defaults(tabs: Tabs, tab: Tab, answered: AnswerRecord) -> dict[str, Any]:
    """The settings for programs that give none but the checkpoint. Where there is one alone, it is no setting."""
    values = tabs.defaults_of(tab.backend_of(answered)).values
    return values | ({"checkpoint": tab.checkpoints.default} if tab.checkpoints.several else {})


def _turn(event: gr.EventData) -> int:
    """An answer's number from the browser, which may send anything."""
    turn = posted(event).get("turn")
    return turn if type(turn) is int and turn >= 0 else -1


def _answer(tab: Tab, turn: int) -> tuple[Conversation, GenerationSettings, str] | None:
    """The message, the settings that reproduce the reply, and the reply; turn -1 is the latest."""
    if tab.chat.live or not -1 <= turn < len(tab.chat.answers) or not tab.chat.answers:
        return None
    turn %= len(tab.chat.answers)
    reply = tab.chat.conversation.messages[2 * turn + 1].text
    return (
        reproduce_html.asked(tab.chat.conversation, turn),
        replayed(tab.chat.answers[turn]),
        reply,
    )


def _reproducible(backend: Backend) -> Reproducible:
    if not isinstance(backend, Reproducible):
        raise NotReplayableError("Only answers of a checkpoint in this program can be reproduced.")
    return backend


def _export(
    tab: Tab, room: Room, conversation: Conversation, answers: tuple[AnswerRecord, ...]
) -> Path:
    kept, script = _archive(tab, conversation, answers)
    folder = upload_folder() / secrets.token_hex(16)  # unguessable, like an upload
    target = folder / time.strftime("conversation-%Y-%m-%d-%H%M.zip")
    with room.placed(target) as whole:
        archive.write(kept, whole, script=script)
    return target


def _archive(
    tab: Tab, conversation: Conversation, answers: tuple[AnswerRecord, ...]
) -> tuple[Archive, str]:
    """The archive; with a script that answers the latest turn again, if the backend can."""
    question = reproduce_html.asked(conversation, len(answers) - 1)
    settings = replayed(answers[-1])
    try:
        require_whole(answers[-1])
        backend = tab.backend_of(answers[-1])
        record = _reproducible(backend).generation_record(question, settings)
    except NotReplayableError:
        return plain_archive(tab, conversation, answers), ""
    named = record.renamed(archive.file_names(conversation))
    return Archive(conversation, answers, record.media, record.model_info), transformers_script(
        named
    )


def plain_archive(
    tab: Tab, conversation: Conversation, answers: tuple[AnswerRecord, ...]
) -> Archive:
    """The archive without what only a backend can tell that reproduces answers. Raises `DemoError`."""
    question = reproduce_html.asked(conversation, len(answers) - 1)
    backend = tab.backend_of(answers[-1])
    costs = backend.estimate(question, replayed(answers[-1])).items
    media = (
        ProcessedMedia(str(item.path), cost.kind, *cost.resized, cost.times)
        for item, cost in zip(question.media, costs, strict=True)
    )
    name, _, _ = backend.status().label.partition(" · ")
    return Archive(conversation, answers, tuple(media), ModelInfo(name))


async def read(
    tabs: Tabs,
    tab: Tab,
    source: Path,
    require: Callable[[], None],
    beside: Mapping[str, Path] = MappingProxyType({}),
) -> tuple[Archive, list[Attachment]]:
    """Read an archive, check each of its files as an upload, and remove the zip file. Raises `DemoError`.

    require: what must still hold at the end, or it raises; beside: see `archive_reader.read`.
    """
    folder = upload_folder() / secrets.token_hex(16)
    try:
        restored = await tabs.background.run(
            tab, partial(_unpacked, source, folder, tabs.background.room(tab), beside)
        )
        tabs.open_tabs.require_text(tab, characters(restored.conversation.messages))
        by_path = {str(item.path): item for item in restored.conversation.media}
        items = [await _inspected(tabs, tab, item) for item in by_path.values()]
        require()
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    finally:
        tabs.give_up(tab, source)
    for item in items:
        tabs.uploads.keep(Path(item.path), tab.key)
    return restored, items


def go_on(tabs: Tabs, tab: Tab, restored: Archive, items: list[Attachment]) -> None:
    """Go on with what was read, in a tab without a conversation."""
    tab.restore(restored.conversation, restored.answers, items)
    for item in items:
        if not item.playable:
            tabs.clip_copies.start(tab, item)


def _unpacked(source: Path, folder: Path, room: Room, beside: Mapping[str, Path]) -> Archive:
    room.require()
    folder.mkdir(parents=True)
    with storing(), room.writing() as writing:
        allowance = Allowance(room.max_file_bytes, writing.take)
        restored = archive_reader.read(source, folder, allowance, beside)
        room.keep(*folder.iterdir())
        return restored


async def _inspected(tabs: Tabs, tab: Tab, item: Media) -> Attachment:
    attachment = await tabs.background.inspect(tab, Path(str(item.path)), item.name)
    if not isinstance(attachment.part(item.vision), type(item)):
        raise DemoError(
            "This zip file is not a conversation that was exported here, or it was changed; export it again."
        )
    return attachment


def settings_of(restored: Archive) -> list[Any]:
    """The page's settings as they were for the latest answer, in the order of the table."""
    *_, last = [None, *restored.conversation.media]
    generation = restored.answers[-1].settings
    vision = last.vision if last else None
    imported = DefaultSettings(vision, generation).values if vision else {}
    return [
        imported.get(spec.name, getattr(generation, spec.name, gr.skip())) for spec in SETTING_SPECS
    ]


async def _in_thread(work: Callable[[], Result]) -> Result:
    """Run in a thread of its own, not of a pool: it may wait for minutes until nobody needs the model."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[Result] = loop.create_future()

    def settle(result: Result | None, error: BaseException | None) -> None:
        if not done.done():
            done.set_exception(error) if error else done.set_result(result)  # type: ignore[arg-type]

    def run() -> None:
        result, error = None, None
        try:
            result = work()
        except Exception as raised:
            error = raised
        loop.call_soon_threadsafe(settle, result, error)

    threading.Thread(target=run, name="verify", daemon=True).start()
    return await done
