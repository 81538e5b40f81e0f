"""The line at the top: what runs, or how far it is loaded."""

from __future__ import annotations

import html
from dataclasses import replace

from model.backend import Status
from ui.text.texts import Texts


def banner(status: Status, texts: Texts, *, named: bool = False) -> str:
    """What runs, or how far it is. named: the name stands beside it already, as a choice."""
    note = texts.said(status.note)
    if named:
        status = replace(status, label=status.label.partition(" · ")[2])
    match status.state:
        case "loading" if note:
            return _line(status) + _note(texts.connecting.format(reason=note), "status")
        case "loading":
            return _line(status, _loading(round(100 * status.progress), texts))
        case "failed":
            return _line(status) + _note(texts.load_failed.format(reason=note), "alert")
        case "ready":
            return _line(status) + (_note(note, "note", texts.dismiss) if note else "")


def _line(status: Status, progress: str = "") -> str:
    """What runs, with the convention of places for scripts."""
    name = html.escape(status.label)
    return (
        f'<p class="line" data-convention="{status.convention}">'
        f'<strong title="{name}">{name}</strong>{progress}</p>'
    )


def _loading(percent: int, texts: Texts) -> str:
    said = html.escape(texts.loading.format(percent=percent))
    return (
        f'<span>{said}</span><progress max="100" value="{percent}" aria-label="{said}"></progress>'
    )


def _note(sentence: str, role: str, dismiss: str = "") -> str:
    """dismiss: the name of the button that puts it away; without one there is none."""
    label = html.escape(dismiss)
    button = f'<button type="button" aria-label="{label}" title="{label}">✕</button>'
    return (
        f'<p class="note" role="{role}"><span>{html.escape(sentence)}</span>'
        f"{button if dismiss else ''}</p>"
    )
