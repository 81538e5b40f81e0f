"""The form that chooses how an answer is given: in words, as ready data, or as fields of a person's own.

A script (assets/js/settings/answer_as.js) keeps it and the text of the schema alike.
"""

from __future__ import annotations

import html
import json
from collections.abc import Mapping

from ui.html.data.ready import READY
from ui.text.texts import Texts


def answer_as(texts: Texts) -> str:
    """The choice, and the fields, of which the script makes as many as there are."""
    label = html.escape(texts.answer_as)
    field = (
        '<div class="field" role="group">'
        f'<input type="text" maxlength="60" placeholder="{html.escape(texts.field_name)}" '
        f'aria-label="{html.escape(texts.field_name)}">'
        f'<select aria-label="{html.escape(texts.field_type)}">{_options(texts.field_types)}</select>'
        f'<button type="button" data-op="drop" aria-label="{html.escape(texts.field_remove)}">✕</button></div>'
    )
    return (
        f'<div class="answer-as" data-ready="{html.escape(json.dumps(dict(READY)))}">'
        f"<label><span>{label}</span> <select>{_options(texts.answer_kinds)}</select></label>"
        f"<template>{field}</template>"
        '<div class="fields" hidden></div>'
        f'<button type="button" data-op="add" hidden>{html.escape(texts.field_add)}</button></div>'
    )


def _options(named: Mapping[str, str]) -> str:
    return "".join(
        f'<option value="{html.escape(name)}">{html.escape(text)}</option>'
        for name, text in named.items()
    )
