"""What a person does on the page. Each handler belongs to the open tabs, which are bound as its first
argument when the page is wired (`types.MethodType`: Gradio reads the signature that is left).

They run on the event loop and change a tab between awaits only; whatever blocks goes to a thread.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import gradio as gr

from model.backend import Usage
from model.conversation import Conversation, Image, Text
from model.errors import DemoError, LocalizedText
from model.settings import SETTING_SPECS, GenerationSettings
from ui.handlers import read_ahead as ahead
from ui.handlers.first_word_estimate import seconds_to_first_word
from ui.handlers.setting_bounds import bounded, started
from ui.html import grounding as places
from ui.html import messages as render
from ui.html import page_update as view
from ui.html import tray as composer
from ui.html.examples import EXAMPLES
from ui.html.page_update import View
from ui.http.asker import address_of, asker_of, asking, browser_of
from ui.media import marked_copy as annotate
from ui.state.registry import Question, Tabs
from ui.state.tab.run import Run
from ui.state.tab.tab import Draft, Tab, drafted
from ui.text.languages import texts_for

log = logging.getLogger(__name__)

FRAME_S = 0.08  # between two updates of a page: about 12 a second
# The same while the processor computes the answer: if the page is on that machine, drawing it once takes a core for 20 ms,
# which the tokens then lack.
CPU_FRAME_S = 0.16
ROOM_AHEAD_S = 0.02  # about a token of a small model: the core is free once that is done
LONG = 20_000  # characters of a conversation, which is then drawn in a thread
HEARTBEAT_S = 0.25  # an update without news finds out whether the page is still there
SOURCE_PROBLEMS = {  # by what assets/js/camera.js calls them
    "camera": LocalizedText("The camera cannot be used; allow it in the browser and try again."),
    "screen": LocalizedText(
        "The screen cannot be captured; allow it in the browser and try again."
    ),
}
Change = Callable[[GenerationSettings], GenerationSettings]
_KEY = re.compile(r"[0-9a-f]{32}")


def tab_of(tabs: Tabs, key: object, language: str = "en") -> Tab:
    """The tab whose page this is. Raises `gr.Error`, in the page's `language` where it came with one, for
    a page that does not know its key.
    """
    if not isinstance(key, str) or not _KEY.fullmatch(key):
        raise gr.Error(texts_for(language).stale_page, print_exception=False)
    with _told(language):
        tab = tabs.open(key)
        if asked := asking.get():
            tabs.found(tab, asker_of(asked))
    return tab


@contextmanager
def _told(language: str) -> Iterator[None]:
    """Where there is no tab that could show a sentence."""
    try:
        yield
    except DemoError as error:
        sentence = texts_for(language).said(error.sentence)
        raise gr.Error(sentence, print_exception=False) from None


async def open_page(
    tabs: Tabs, key: str, language: str, original: str, request: gr.Request
) -> tuple[str, str, str, gr.Timer]:
    """A page is there: give it its key back, and its own name, and say what runs.

    original: the key of the tab that the browser duplicated into this one, or empty.
    """
    tab = tab_of(tabs, key, language)
    if _KEY.fullmatch(original):
        tabs.copy(original, tab)
    tab.language = language
    tab.refused.clear()  # a reload is a fresh look at the tray
    browser = browser_of(request.request) if request.request else ""
    page = str(request.session_hash)
    tabs.page_opened(tab, browser, page, address_of(request.request))
    return key, page, *_model(tabs, tab)


async def close_page(tabs: Tabs, request: gr.Request) -> None:
    """A page has gone. Its conversation stays for a reload; what the backend keeps for it does not."""
    tabs.page_closed(str(request.session_hash))


def question(tabs: Tabs, draft: Draft, settings: Mapping[str, Any]) -> Question:
    """A function that gives the message and its settings, with the checkpoint's defaults at the time of the call."""

    def now() -> tuple[Conversation, GenerationSettings]:
        chosen = tabs.chosen(settings)
        asked = draft(chosen.vision)
        assert asked, "the message is empty"
        return asked, chosen.generation

    return now


async def submit(tabs: Tabs, key: str, text: str, settings: Mapping[str, Any]) -> tuple[Any, ...]:
    """Send the message with the tray. Returns the text that was taken, and the view."""
    tab = tab_of(tabs, key)
    taken = set_aside = ""
    try:
        draft = tab.draft(text)
        if draft(tabs.chosen(settings).vision) and not tab.live:
            tabs.start(tab, question(tabs, draft, settings))
            taken, set_aside = text, tab.sent()
    except DemoError as error:
        tab.notice = error.sentence
    return taken, *(await drawn(tabs, tab))._replace(returned=set_aside)


async def retry(tabs: Tabs, key: str, settings: Mapping[str, Any]) -> View:
    """Answer the latest message again, with the settings as they are now."""
    return await _retry(tabs, tab_of(tabs, key), settings)


async def retry_penalised(tabs: Tabs, key: str, settings: Mapping[str, Any]) -> View:
    """The same with a higher repetition penalty, for this answer only."""
    tab = tab_of(tabs, key)
    return await _retry(tabs, tab, settings, change=tab.penalised)


async def _retry(
    tabs: Tabs, tab: Tab, settings: Mapping[str, Any], change: Change = lambda same: same
) -> View:
    try:
        again = tab.conversation.without_last_reply()
        if again.messages and not tab.live and not tab.editing:
            tabs.start(tab, lambda: (again, change(tabs.chosen(settings).generation)))
    except DemoError as error:
        tab.notice = error.sentence
    return await drawn(tabs, tab)


async def look(tabs: Tabs, key: str, request: gr.Request | None = None) -> View:
    """A page has opened or is back, from a lost connection perhaps: an answer in the making waits for it."""
    tab = tab_of(tabs, key)
    if request:
        tab.pages.add(str(request.session_hash))
    tab.expect_follower()
    tab.drawn.forget()
    return await drawn(tabs, tab)


async def drawn(tabs: Tabs, tab: Tab) -> View:
    """Everything that a page shows of a tab; if much of it is new, in a thread, while others are answered."""
    new = tab.shown.messages[tab.drawn.messages :]
    texts = (part.text for m in new for part in m.parts if isinstance(part, Text))
    if sum(map(len, texts)) < LONG:
        return view.whole(tab)
    with _told(tab.language):
        return await tabs.errands.do(tab, partial(view.whole, tab))


async def follow(tabs: Tabs, key: str) -> AsyncIterator[tuple[str, str]]:
    """While the tab is being answered: the answer as it grows, and what goes on."""
    tab = tab_of(tabs, key)
    if not (run := tab.run):
        yield view.arriving(tab)
        return
    with run.followed():
        while tab.run is run:
            shown = run.version
            yield view.arriving(tab)
            await until_news(tabs, run, shown)


async def until_news(tabs: Tabs, run: Run, shown: object) -> None:
    """Wait for another version than `shown`: at least a frame, at most `HEARTBEAT_S`, and not past the run's end."""
    yield_core = tabs.backend.status().yield_core if run.text else None
    waited, frame = 0.0, tabs.frame_s(CPU_FRAME_S if yield_core else FRAME_S)
    longest = max(frame, HEARTBEAT_S)
    while run.live and waited < longest and (waited < frame or run.version == shown):
        await asyncio.sleep(FRAME_S)
        waited += FRAME_S
    if yield_core and run.live:
        yield_core()
        await asyncio.sleep(ROOM_AHEAD_S)


async def settled(tabs: Tabs, key: str) -> View:
    """The tab after an answer, and the text of a failed message for the composer."""
    tab = tab_of(tabs, key)
    returned, tab.returned = tab.returned, ""
    return (await drawn(tabs, tab))._replace(returned=returned)


async def stop(tabs: Tabs, key: str) -> None:
    """Raise the flag; whoever follows the answer sees it end."""
    tab = tab_of(tabs, key)
    if tab.run:
        tab.run.cancel.set()


async def edit(tabs: Tabs, key: str, draft: str, event: gr.EventData) -> tuple[Any, ...]:
    """Rewrite a turn: its text and files come into the composer, the draft is set aside."""
    tab = tab_of(tabs, key)
    turn = event._data.get("turn") if isinstance(event._data, dict) else None
    return tab.edit(turn, draft), *await drawn(tabs, tab)


async def edit_latest(tabs: Tabs, key: str, draft: str) -> tuple[Any, ...]:
    """Rewrite the latest turn."""
    tab = tab_of(tabs, key)
    return tab.edit(tab.conversation.turns - 1, draft), *await drawn(tabs, tab)


async def cancel_edit(tabs: Tabs, key: str, draft: str) -> tuple[Any, ...]:
    """Leave the conversation as it is and take the draft up again."""
    tab = tab_of(tabs, key)
    return tab.cancel_edit(draft), *await drawn(tabs, tab)


async def ask_example(
    tabs: Tabs, key: str, event: gr.EventData, settings: Mapping[str, Any]
) -> View:
    """Ask one of the examples of an empty page, leaving draft and tray alone."""
    tab = tab_of(tabs, key)
    number = event._data.get("example") if isinstance(event._data, dict) else None
    try:
        if type(number) is int and 0 <= number < len(EXAMPLES) and not tab.live:
            tabs.rates.admit_look(tab.asker.address)
            chat = tab.chat
            items = await EXAMPLES[number].attachments(tabs.errands, tab)
            text = tab.texts.examples[EXAMPLES[number].name]
            draft = partial(drafted, tab.conversation, items, text)
            if not tab.live and tab.chat == chat:
                tab.remember(items)
                tabs.start(tab, question(tabs, draft, settings))
    except DemoError as error:
        tab.notice = error.sentence
    return view.whole(tab)


async def save_marked(tabs: Tabs, key: str, event: gr.EventData) -> tuple[str, str]:
    """A picture with what an answer points at drawn on it. Returns its address, and a notice."""
    tab = tab_of(tabs, key)
    posted = event._data if isinstance(event._data, dict) else {}
    asked_for = posted.get("answer"), posted.get("picture")
    answers = places.by_answer(tab.conversation, tab.known, tab.convention)
    found = (
        m for i, pictures in enumerate(answers) for m in pictures if (i, m.number) == asked_for
    )
    try:
        if picture := next(found, None):
            tabs.rates.admit_look(tab.asker.address)
            file = Image(picture.attachment.path, name=picture.attachment.name)
            draw = partial(annotate.marked_copy, file, picture.marks, tabs.errands.room(tab))
            path = await tabs.errands.do(tab, draw)
            tabs.made(tab, [path])
            return composer.file_url(path), view.notice(tab)
    except DemoError as error:
        tab.notice = error.sentence
    return "", view.notice(tab)


async def undo(tabs: Tabs, key: str) -> View:
    """Take the latest exchange back into the composer and the tray."""
    tab = tab_of(tabs, key)
    tab.undo()
    return await settled(tabs, key)


async def clear(tabs: Tabs, key: str) -> View:
    """Start over, without the draft, and let the backend drop what it kept."""
    tab = tab_of(tabs, key)
    tabs.clear(tab)
    return view.whole(tab)


async def attach(tabs: Tabs, key: str, event: gr.EventData) -> str:
    """Check what was uploaded and take it into the tray, in the order in which it came."""
    tab = tab_of(tabs, key)
    posted = event._data if isinstance(event._data, dict) else {}
    before = list(tab.refused)
    if problem := SOURCE_PROBLEMS.get(str(posted.get("error"))):
        tab.refused.append(problem)
    files, chat = posted.get("files"), tab.chat
    taken = [
        await _attach_one(tabs, tab, file if isinstance(file, dict) else {}, chat)
        for file in (files if isinstance(files, list) else [])
    ]
    if any(taken):
        # A person who has attached something else has seen the earlier refusals.
        tab.refused[:] = [new for new in tab.refused if not any(new is old for old in before)]
    tab.heard = str(posted.get("wish", ""))[:64]
    return view.tray(tab)


async def _attach_one(tabs: Tabs, tab: Tab, file: dict[str, Any], chat: int) -> bool:
    """Whether it is in the tray now; otherwise the tray says why not, or there is a new chat meanwhile."""
    try:
        tabs.rates.admit_look(tab.asker.address)
        path = tabs.uploads.claim(file.get("path"), tab.key, tab.asker)
        attachment = await tabs.errands.inspect(tab, path, file.get("name"))
        if tab.chat != chat:
            tabs.give_up(tab, path)
            return False
        tab.attach(attachment)
        if not attachment.playable:
            tabs.make_playable(tab, attachment)
    except DemoError as error:
        tab.refused.append(error.sentence)
    except Exception:
        log.exception("an upload could not be inspected")
        name = str(file.get("name"))[:80]
        tab.refused.append(
            LocalizedText(
                "{name} could not be opened; save it as PNG or JPEG, or as MP4 (H.264), and attach it again.",
                name=name,
            )
        )
    else:
        return True
    return False


async def play_clips(tabs: Tabs, key: str) -> Any:
    """Show clips that browsers could not play as soon as there is a copy that they can."""
    tab = tab_of(tabs, key)
    return view.as_json(view.log(tab)) if await tabs.copied(tab) else gr.skip()


async def change_tray(tabs: Tabs, key: str, event: gr.EventData) -> str:
    """A button on the tray: take an item out, or dismiss a refusal."""
    tab = tab_of(tabs, key)
    posted = event._data if isinstance(event._data, dict) else {}
    match posted:
        case {"op": "detach", "id": item}:
            tab.detach(item)
        case {"op": "unpoint", "id": place}:
            tab.places.remove(place)
        case {"op": "dismiss", "id": str(sentence)} if sentence in tab.refused:
            tab.refused.remove(sentence)
    tab.heard = str(posted.get("wish", ""))[:64]
    return view.tray(tab)


async def price(tabs: Tabs, key: str, text: str, settings: Mapping[str, Any]) -> str:
    """What the message in the composer would cost if it were sent now, or why it cannot be."""
    if not key:
        return ""  # somebody types before the page has opened its tab
    tab = tab_of(tabs, key)
    if not tab.tray or tabs.backend.status().state != "ready":
        return ""  # with nothing attached the page stays as quiet as it can be
    try:
        chosen = tabs.chosen(settings)
        if asked := tab.drafted(text, chosen.vision):
            items = list(tab.tray)
            usages = [answer.usage for answer in tab.answers]
            tabs.rates.admit_look(tab.asker.address)
            estimate = await tabs.errands.do(
                tab, partial(tabs.backend.estimate, asked, chosen.generation)
            )
            wait_s = _expected_wait(estimate.prompt_tokens, usages)
            return composer.cost(estimate, items, tab.texts, wait_s=wait_s, fitted=tab.fitted)
    except DemoError as error:
        return composer.not_sendable(error.sentence, tab.texts)
    return ""


def _expected_wait(prompt_tokens: int, usages: Sequence[Usage | None]) -> float | None:
    """Seconds to the first word, if nothing of the draft has been read by then."""
    last = usages[-1] if usages else None
    known = last.prompt_tokens + last.new_tokens if last else 0
    return seconds_to_first_word(usages, max(1, prompt_tokens - known))


async def read_ahead(tabs: Tabs, key: str, settings: Mapping[str, Any]) -> Any:
    """Have the tray read while the person is still typing. Returns what has been read.

    Leaves the display alone if nothing was read, because a later call may have shown its result already.
    """
    tab = tab_of(tabs, key)
    while tab.tray and tabs.backend.status().state == "loading":
        await asyncio.sleep(HEARTBEAT_S)
    if not tab.tray or tab.live or tab.editing:
        return (
            gr.skip()
        )  # an edit may be given up, and then the conversation as it was is needed again
    try:
        chosen = tabs.chosen(settings)
        draft = tab.drafted("", chosen.vision)
    except DemoError:
        return gr.skip()  # sending says what is wrong
    items = list(tab.tray)
    read = draft and await ahead.read_ahead(
        tabs.backend, draft, chosen.generation, tab.key, tab.person
    )
    return composer.ready(items) if read else gr.skip()


async def watch_loading(tabs: Tabs, key: str) -> tuple[str, gr.Timer, str]:
    """The banner and the state while the model loads."""
    tab = tab_of(tabs, key)
    return *_model(tabs, tab), render.run_state(tab.state, tab.finished_turns)


async def start_settings(tabs: Tabs, start: Mapping[str, Any]) -> list[Any]:
    """What the settings start with and the bounds of their controls, where the page has others: the checkpoint
    has been loaded meanwhile.
    """
    defaults = tabs.defaults
    if (now := started(defaults)) == start:
        return [gr.skip()] * (1 + len(SETTING_SPECS))
    return [now, *bounded(defaults)]


def _model(tabs: Tabs, tab: Tab) -> tuple[str, gr.Timer]:
    """The banner, and the timer that asks again until the model is there."""
    status = tabs.backend.status()
    return render.banner(status, tab.texts), gr.Timer(active=status.state == "loading")


async def choose_language(tabs: Tabs, key: str, language: str) -> tuple[Any, ...]:
    """What the server wrote on the page, in another language."""
    tab = tab_of(tabs, key, language)
    tab.language = language
    banner = render.banner(tabs.backend.status(), tab.texts)
    return banner, view.stats(tab), view.notice(tab), view.tray(tab), view.live_answer(tab)
