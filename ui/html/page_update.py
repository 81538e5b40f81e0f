"""What a page shows of a tab: one value for each element that turns and the tray change."""

from __future__ import annotations

from collections.abc import Hashable
from functools import cache
from itertools import accumulate, islice
from typing import Any, Literal, NamedTuple, TypedDict

import gradio as gr
import orjson

from model.backend import AnswerRecord
from model.conversation import Message
from ui.gradio_compat import as_update, file_url
from ui.html import grounding as grounding_html
from ui.html import messages as messages_html
from ui.html import probabilities
from ui.html import tray as tray_html
from ui.html.markdown import timestamps
from ui.html.markdown.answer import to_html
from ui.state.tab.conversation import FORGOTTEN_CHAT
from ui.state.tab.run import Run
from ui.state.tab.tab import Tab
from ui.text.texts import Texts

HIDDEN: Literal["hidden"] = "hidden"  # in the DOM; Gradio does not draw what has visible=False


class View(NamedTuple):
    """The same names hold the components when the page is wired and the values when it is updated."""

    conversation: Any  # the part of the conversation that the page lacks, as JSON, see `drawn`
    live: Any
    stats: Any
    run_state: Any
    notice: Any
    message: Any
    tray: Any
    taken: Any  # text that was sent, to be removed from the composer
    rewritten: Any  # text that replaces the edit box's; None changes nothing
    returned: Any  # text that goes back into the composer, before what was typed meanwhile
    examples: Any
    copy: Any
    continue_answer: Any
    retry: Any
    retry_penalised: Any
    edit: Any
    edit_answer: Any
    undo: Any
    reproduce: Any
    export: Any
    clear: Any
    edit_send: Any


class ConversationUpdate(TypedDict):
    """The part of a conversation that a page lacks."""

    answering: bool  # whether an answer is being written below
    before: int  # the version that the page must have, unless `kept` is 0
    version: int  # of the page afterwards
    kept: int  # messages that stay
    messages: list[dict[str, Any]]  # after those, in the format of Gradio's Chatbot
    answers: list[
        dict[str, Any]
    ]  # among these: the text to copy, the places that it names, and how sure they are
    regions: list[list[dict[str, Any]]]  # of each question among these: the places that it is about


def full_update(tab: Tab) -> View:
    """All elements, after an event."""
    latest = tab.chat.answers[-1] if tab.chat.answers and not tab.chat.live else None
    answered = latest is not None
    changeable = answered and not tab.draft.editing
    continuable = changeable and tab.backend.status().continues
    empty = not tab.chat.shown.messages
    return View(
        conversation=as_json(conversation_update(tab)),
        # After the answer ended, the script removes it when the conversation is drawn with it.
        live=live_answer(tab) if tab.chat.run else gr.skip(),
        stats=stats(tab),
        run_state=run_state(tab),
        notice=notice(tab),
        message=gr.Textbox(submit_btn=not tab.chat.live, stop_btn=tab.chat.live),
        tray=tray(tab),
        taken="",
        rewritten=None,
        returned="",
        examples=gr.HTML(visible=empty),
        copy=_button(answered),
        continue_answer=_button(continuable and tab.chat.cut),
        retry=_button(changeable),
        retry_penalised=_button(changeable and tab.chat.looped),
        edit=_button(changeable),
        edit_answer=_button(continuable),
        undo=_button(changeable),
        reproduce=_button(latest is not None and tab.backend_of(latest).status().reproducible),
        export=_button(answered),
        clear=_button(not empty),
        edit_send=gr.Button(
            tab.texts.continue_answer
            if tab.draft.editing and tab.draft.editing.answer
            else tab.texts.send
        ),
    )


def as_updates(view: View) -> str:
    """The same as JSON that a script can hand to Gradio's page, one update for each element."""
    return orjson.dumps([as_update(value) for value in view]).decode()


def _button(shown: bool) -> gr.Button:
    return gr.Button(visible=True if shown else HIDDEN)


def conversation_update(tab: Tab) -> ConversationUpdate:
    """The messages that the page lacks, each reasoning folded above its answer."""
    # Read once: this may run in a thread, while the answer ends or a new chat begins.
    chat, run = tab.chat, tab.chat.run
    conversation = run.conversation if run else chat.conversation
    shown, answered = conversation.messages, iter(chat.answers)
    answers = [next(answered, None) if m.role == "assistant" else None for m in shown]
    conventions = tab.conventions_of(conversation)
    turns = accumulate((m.role == "user" for m in shown), initial=-1)
    kept, before = tab.drawn.kept(
        [
            (*_drawn_from(tab, message, answered), conventions[turn])
            for message, answered, turn in zip(shown, answers, islice(turns, 1, None), strict=True)
        ]
    )
    new = [answer for answer in answers[kept:] if answer]
    messages = messages_html.messages(
        conversation,
        chat.attachments,
        messages_html.thoughts(new, tab.texts, named=tab.checkpoints.several),
        kept,
    )
    replies = [m for m in shown[kept:] if m.role == "assistant"]
    given = [
        answers[number] for number in range(kept, len(shown)) if shown[number].role == "assistant"
    ]
    said = [messages_html.readable(reply.text) for reply in replies]
    pointed = grounding_html.by_answer(conversation, chat.attachments, conventions, kept)
    regions = grounding_html.by_question(conversation, chat.attachments, conventions, kept)
    return {
        "answering": run is not None,
        "before": before,
        "version": tab.drawn.version,
        "kept": kept,
        "messages": as_gradio_sends(messages),
        "answers": [
            {
                "text": text,
                "places": grounding_html.described(pictures),
                "sure": probabilities.described(reply.text, answer.usage if answer else None),
            }
            for text, pictures, reply, answer in zip(said, pointed, replies, given, strict=True)
        ],
        "regions": [grounding_html.described(of_question) for of_question in regions],
    }


def _drawn_from(tab: Tab, message: Message, answered: AnswerRecord | None) -> tuple[Hashable, ...]:
    """All that the drawing of a message depends on. If one changes, the messages after it are drawn again, too."""
    thought = (answered.reasoning, tab.language) if answered and answered.reasoning else None
    shown = [known.shown for m in message.media if (known := tab.chat.attachments.get(str(m.path)))]
    sure = bool(answered and answered.usage and answered.usage.logprobs)
    return message, thought, sure, tuple(shown)


def run_state(tab: Tab) -> str:
    """What goes on, and which turn is being rewritten."""
    edit = tab.draft.editing
    return messages_html.run_state(
        tab.state,
        tab.chat.finished_turns,
        edit.turn if edit else None,
        side="bot" if edit and edit.answer else "user",
    )


def stats(tab: Tab) -> str:
    """What the latest answer cost, when there is one."""
    return (
        messages_html.statistics(tab.chat.usage, tab.texts)
        if tab.chat.answers and not tab.chat.live
        else ""
    )


def tray(tab: Tab) -> str:
    """The tray."""
    return tray_html.tray(
        tab.draft.numbered, tab.draft.refusals, tab.texts, tab.draft.pointed, tab.draft.drawn_for
    )


def notice(tab: Tab) -> str:
    """After New chat the way back; and what the person should read. A failure looks like one."""
    can_undo = tab.cleared and tab.cleared.chat.shown.messages and not tab.chat.shown.messages
    way_back = messages_html.cleared(tab.texts) if can_undo else ""
    copies = tab.texts.copy_said if tab.chat.notice == FORGOTTEN_CHAT else ""
    sentence = tab.texts.said(tab.chat.notice)
    said = messages_html.notice(sentence, info=tab.chat.notice_is_info, copies=copies)
    return way_back + said


def streaming_update(tab: Tab) -> tuple[str, str]:
    """The two elements that change while an answer is being written: the answer and the run state."""
    state = messages_html.run_state(tab.state, tab.chat.finished_turns, pointed_at=live_places(tab))
    return live_answer(tab), state


def live_answer(tab: Tab) -> str:
    """The answer so far, or what it is waiting for."""
    if tab.chat.run is None:
        return ""
    if tab.chat.run.text:
        clips = timestamps.clips(tab.chat.shown, tab.chat.attachments)
        return to_html(tab.chat.run.text, clips, arriving=True)
    return f"*{messages_html.literal(waiting(tab.chat.run, tab.texts))}*"


def waiting(run: Run, texts: Texts) -> str:
    """What happens before the first word."""
    if run.reasoning:
        return messages_html.thinking(run.reasoning, texts)
    return messages_html.waiting(run.progress, texts)


def live_places(tab: Tab) -> list[grounding_html.Marked]:
    """The places that the answer names so far."""
    if tab.chat.run is None:
        return []
    return grounding_html.marked(
        tab.chat.shown,
        tab.chat.run.text,
        tab.chat.attachments,
        tab.chat.run.convention or tab.convention,
    )


def as_json(update: ConversationUpdate) -> str:
    """As one JSON text. Gradio would walk through a nested value, on the event loop."""
    return orjson.dumps(update).decode()


def as_gradio_sends(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Messages in the format in which a Chatbot sends them to its page."""
    sent: list[dict[str, Any]] = _chatbot().postprocess(messages).model_dump()
    for message in sent:
        for part in message["content"]:
            if file := part.get("file"):
                file["url"] = file_url(file["path"])
    return sent


@cache
def _chatbot() -> gr.Chatbot:
    return gr.Chatbot(render=False)
