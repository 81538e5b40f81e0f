"""What a page shows of a tab: one value for each element that turns and the tray change."""

from __future__ import annotations

from typing import Any, NamedTuple

import gradio as gr

from ui import composer, places, render, seeking
from ui.markdown import to_html
from ui.runs import Run
from ui.session import Tab
from ui.texts import Texts


class View(NamedTuple):
    """The same names hold the components when the page is wired and the values when it is updated."""

    chatbot: Any
    live: Any
    stats: Any
    answers: Any  # every answer as text, as a JSON list, for Copy
    run_state: Any
    notice: Any
    message: Any
    places: Any  # what the answers point at, for assets/places.js
    tray: Any
    returned: Any  # text on its way back into the composer
    examples: Any
    copy: Any
    retry: Any
    retry_penalised: Any
    edit: Any
    undo: Any
    reproduce: Any
    export: Any
    clear: Any
    cancel_edit: Any


def whole(tab: Tab) -> View:
    """Everything, after something happened."""
    answered = bool(tab.answers) and not tab.live
    changeable = answered and not tab.editing
    turn = tab.editing.turn if tab.editing else None
    empty = not tab.shown.messages
    return View(
        chatbot=chatbot(tab),
        live=live_answer(tab),
        stats=stats(tab),
        answers=render.answers(tab.shown),
        run_state=render.run_state(tab.state, tab.finished_turns, turn),
        notice=notice(tab),
        message=gr.Textbox(submit_btn=not tab.live, stop_btn=tab.live),
        places=render.answers_places(places.by_answer(tab.shown, tab.known, tab.convention)),
        tray=tray(tab),
        returned="",
        examples=gr.HTML(visible=empty),
        copy=gr.Button(visible=answered),
        retry=gr.Button(visible=changeable),
        retry_penalised=gr.Button(visible=changeable and tab.looped),
        edit=gr.Button(visible=changeable),
        undo=gr.Button(visible=changeable),
        reproduce=gr.Button(visible=answered and tab.backend.status().reproducible),
        export=gr.Button(visible=answered),
        clear=gr.Button(visible=not empty),
        cancel_edit=gr.Button(visible=tab.editing is not None),
    )


def chatbot(tab: Tab) -> list[dict[str, Any]]:
    """What was said, and folded what the model thought before."""
    return render.messages(tab.shown, tab.known, render.thoughts(tab.answers, tab.texts))


def stats(tab: Tab) -> str:
    """What the latest answer cost, when there is one."""
    return render.statistics(tab.usage, tab.texts) if tab.answers and not tab.live else ""


def tray(tab: Tab) -> str:
    """What is attached, drawn anew."""
    return composer.tray(tab.numbered, tab.refused, tab.texts, tab.pointed, tab.heard)


def notice(tab: Tab) -> str:
    """What the person should read; a failure looks like one."""
    return render.notice(tab.texts.said(tab.notice), mild=tab.notice == tab.mild)


def arriving(tab: Tab) -> tuple[str, str]:
    """Only what changes while an answer is being written: the answer, and what goes on."""
    state = render.run_state(tab.state, tab.finished_turns, pointed_at=live_places(tab))
    return live_answer(tab), state


def live_answer(tab: Tab) -> str:
    """The answer as far as it has come, or what it is waiting for."""
    if tab.run is None:
        return ""
    if tab.run.text:
        seen = seeking.clips(tab.shown, tab.known)
        return to_html(tab.run.text, seen, arriving=True)
    return f"*{render.literal(waiting(tab.run, tab.texts))}*"


def waiting(run: Run, texts: Texts) -> str:
    """What happens before the first word."""
    if run.reasoning:
        return render.thinking(run.reasoning, texts)
    return render.waiting(run.progress, texts)


def live_places(tab: Tab) -> list[places.Marked]:
    """What the answer points at as far as it has come."""
    if tab.run is None:
        return []
    return places.marked(tab.shown, tab.run.text, tab.known, tab.convention)
