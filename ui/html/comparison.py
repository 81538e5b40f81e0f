"""A comparison as HTML: the form that says what differs, and the two answers beside each other.

Built with `html.escape` like everything that is put into a `gr.HTML`.
"""

from __future__ import annotations

import html
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from model.conversation import Conversation
from model.errors import DemoError
from model.settings import SETTING_SPECS, SettingSpec
from ui.gradio_compat import file_url
from ui.html import messages as messages_html
from ui.html import page_update
from ui.html.bar.checkpoint import options
from ui.state.differences import Piece
from ui.state.tab.comparison import CHECKPOINT, NAMES, Comparison, Overrides, Side
from ui.state.tab.conversation import UNEXPECTED
from ui.state.tray.attachment import Attachment
from ui.text.direction import without_overrides
from ui.text.setting_labels import GROUPS, labels
from ui.text.texts import Texts, number

# Before a person has chosen anything, the form compares numbers of visual tokens.
FIRST, PART = "max_tokens", 4
PARTNERS = {"resized_width": "resized_height", "resized_height": "resized_width"}


def views(texts: Texts) -> str:
    """The links between the conversation and the comparison."""
    return (
        f'<nav aria-label="{html.escape(texts.views)}"><a href="#chat">{html.escape(texts.view_chat)}</a>'
        f'<a href="#compare">{html.escape(texts.compare)}</a></nav>'
    )


def form(
    values: Mapping[str, Any],
    overrides: tuple[Overrides, Overrides],
    texts: Texts,
    setting_specs: Sequence[SettingSpec] = SETTING_SPECS,
    checkpoints: Sequence[str] = (),
) -> str:
    """The form for what differs. It has a row for each setting, and a script shows the chosen ones.

    values: the page's settings by name, and its checkpoint; setting_specs: with the bounds that the checkpoint has;
    checkpoints: the names of all that can be compared. Where there are several, a comparison starts with two of them.
    """
    several = len(checkpoints) > 1
    if several and not any(overrides):
        other = next(name for name in checkpoints if name != values[CHECKPOINT])
        overrides = {CHECKPOINT: values[CHECKPOINT]}, {CHECKPOINT: other}
    if not any(overrides):
        most = values[FIRST]
        fewer = most // PART if isinstance(most, int) else most
        overrides = {FIRST: most}, {FIRST: fewer}
    heads = "".join(f'<strong aria-hidden="true">{name}</strong>' for name in NAMES)
    rows = _checkpoint_row(values[CHECKPOINT], overrides, checkpoints, texts) if several else ""
    rows += "".join(_row(spec, values[spec.name], overrides, texts) for spec in setting_specs)
    return (
        f"<form novalidate><h2>{html.escape(texts.compare_title)}</h2><p>{html.escape(texts.compare_hint)}</p>"
        f'<div class="rows"><div class="head">{heads}</div>{rows}</div>'
        f'<div class="bar">{_choice(texts, several)}'
        f'<button class="primary" data-run="{html.escape(texts.compare)}" '
        f'data-stop="{html.escape(texts.stop)}">{html.escape(texts.compare)}</button></div></form>'
    )


def _checkpoint_row(
    value: str, overrides: tuple[Overrides, Overrides], names: Sequence[str], texts: Texts
) -> str:
    label = html.escape(texts.checkpoint)
    fields = "".join(
        f'<select name="{i}" aria-label="{label}, {NAMES[i]}">'
        f"{options(names, override.get(CHECKPOINT, value))}</select>"
        for i, override in enumerate(overrides)
    )
    shown = any(CHECKPOINT in override for override in overrides)
    return _labelled(CHECKPOINT, f"<span>{label}</span>{fields}", label, shown, texts)


def _row(
    spec: SettingSpec,
    value: Any,
    overrides: tuple[Overrides, Overrides],
    texts: Texts,
) -> str:
    named = labels(spec, texts)
    label, name = html.escape(named["label"]), spec.name
    shown = any(name in override for override in overrides)
    partner = f' data-partner="{PARTNERS[name]}"' if name in PARTNERS else ""
    # A checkbox is added to compare both of its values.
    otherwise = (value, not value) if spec.kind == "bool" else (value, value)
    fields = "".join(
        _field(spec, i, override.get(name, otherwise[i]), value, f"{label}, {NAMES[i]}")
        for i, override in enumerate(overrides)
    )
    content = f'<span title="{html.escape(named["info"])}">{label}</span>{fields}'
    return _labelled(name, content, label, shown, texts, partner)


def _labelled(
    name: str, content: str, label: str, shown: bool, texts: Texts, partner: str = ""
) -> str:
    """A row that can be taken out again. content, label: HTML; partner: an attribute."""
    remove = html.escape(texts.remove).format(name=label)
    return (
        f'<div class="row" role="group" aria-label="{label}" data-name="{name}"{partner}'
        f"{'' if shown else ' hidden'}>{content}"
        f'<button type="button" data-op="drop" aria-label="{remove}">✕</button></div>'
    )


def _field(spec: SettingSpec, place: int, shown: Any, value: Any, label: str) -> str:
    """label: HTML. An empty number field stands for the page's own `value`."""
    attributes = f'name="{place}" aria-label="{label}"'
    if spec.kind == "bool":
        return f'<input type="checkbox" {attributes}{" checked" * (shown is True)}>'
    said = html.escape(_plain(shown))
    if spec.kind in ("str", "json"):
        return f'<textarea rows="3" {attributes}>{said}</textarea>'
    limits = "".join(
        f' {limit}="{number:g}"'
        for limit, number in (("min", spec.low), ("max", spec.high), ("step", spec.step))
        if number is not None and number < 1e6  # `%g` would round it
    )
    placeholder = html.escape(_plain(value))
    return f'<input type="number" {attributes}{limits} value="{said}" placeholder="{placeholder}" inputmode="decimal">'


def _choice(texts: Texts, several: bool) -> str:
    checkpoint = html.escape(texts.checkpoint)
    groups = f'<option value="{CHECKPOINT}">{checkpoint}</option>' if several else ""
    groups += "".join(
        f'<optgroup label="{html.escape(texts.groups[group])}">'
        + "".join(
            f'<option value="{spec.name}">{html.escape(labels(spec, texts)["label"])}</option>'
            for spec in SETTING_SPECS
            if spec.group == group
        )
        + "</optgroup>"
        for group in GROUPS
    )
    return (
        f"<label>{html.escape(texts.compare_setting)} <select>{groups}</select></label>"
        f'<button type="button" data-op="add">{html.escape(texts.compare_add)}</button>'
    )


def results(
    comparison: Comparison | None,
    attachments: Mapping[str, Attachment],
    texts: Texts,
    marked: tuple[Sequence[Piece], Sequence[Piece]] | None = None,
) -> str:
    """Both sides as far as they are answered. marked: their texts, when both are complete.

    attachments: what was attached, by path.
    """
    if comparison is None:
        return ""
    running = " data-running" if comparison.running else ""
    sides = "".join(
        _side(comparison, i, marked[i] if marked else None, texts) for i in range(len(NAMES))
    )
    return (
        f"<div{running}>{_asked(comparison.asked, attachments)}"
        f'<p role="status">{html.escape(_said(comparison, marked, texts))}</p>'
        f'<div class="sides">{sides}</div></div>'
    )


def _asked(conversation: Conversation | None, attachments: Mapping[str, Attachment]) -> str:
    """The message with thumbnails of its files."""
    message = conversation.last_user_message if conversation else None
    if message is None:
        return ""
    items = [attachments[str(part.path)] for part in message.media if str(part.path) in attachments]
    pictures = "".join(
        f'<img src="{html.escape(file_url(item.thumbnail))}" alt="{html.escape(item.name)}">'
        for item in items
    )
    return f'<blockquote dir="auto">{pictures}{html.escape(message.text)}</blockquote>'


def _said(
    comparison: Comparison,
    marked: tuple[Sequence[Piece], Sequence[Piece]] | None,
    texts: Texts,
) -> str:
    """What happens on a side, or how it ended."""
    for name, side in zip(NAMES, comparison.sides, strict=True):
        if comparison.run and comparison.run is side.run:
            return texts.compare_answering.format(side=name)
    if not marked:
        return ""
    words = [sum(piece.words for piece in pieces if piece.own) for pieces in marked]
    if not any(words):
        return texts.compare_same
    return texts.compare_differs.format(first=number(words[0]), second=number(words[1]))


def _side(comparison: Comparison, place: int, marked: Iterable[Piece] | None, texts: Texts) -> str:
    side = comparison.sides[place]
    return (
        f'<section aria-label="{NAMES[place]}"><h3>{NAMES[place]}</h3>'
        f'<p class="differing">{html.escape(_differing(comparison, place, texts))}</p>'
        f'<div class="answer" dir="auto">{_answer(comparison, side, "del" if place == 0 else "ins", marked, texts)}</div>'
        f"{_problem(side, texts)}{_end(side, texts)}{_taking(side, texts)}</section>"
    )


def _differing(comparison: Comparison, place: int, texts: Texts) -> str:
    """The settings of this side that are not those of the other: `Largest size (tokens): 320`."""
    ours, theirs = comparison.sides[place], comparison.sides[1 - place]
    # A side with invalid settings has only its overrides.
    values, others = (
        (ours.settings, theirs.settings)
        if ours.settings and theirs.settings
        else (ours.overrides, theirs.overrides)
    )
    differing = [t for t in SETTING_SPECS if values.get(t.name) != others.get(t.name)]
    shown = [f"{labels(t, texts)['label']}: {_value(values.get(t.name), texts)}" for t in differing]
    if values.get(CHECKPOINT) != others.get(CHECKPOINT):
        shown.insert(0, str(values.get(CHECKPOINT)))
    return " · ".join(shown) or texts.compare_equal_settings


def _value(value: object, texts: Texts) -> str:
    if isinstance(value, bool):
        return texts.on if value else texts.off
    return _plain(value) or "–"


def _plain(value: object) -> str:
    return "" if value is None else str(value)


def _answer(
    comparison: Comparison, side: Side, mark: str, marked: Iterable[Piece] | None, texts: Texts
) -> str:
    """The model's text; if the texts were compared, with the words in `mark` that the other side lacks."""
    run = side.run
    thought = (
        messages_html.thought(run.reasoning.strip(), side.usage, texts)
        if run and side.ended
        else ""
    )
    if marked is not None:
        return thought + "".join(_piece(piece, mark) for piece in marked)
    if run and run.text:
        return thought + _escaped(messages_html.readable(run.text))
    if run and comparison.run is run:
        return f"<em>{html.escape(page_update.waiting(run, texts))}</em>"
    return thought


def _piece(piece: Piece, mark: str) -> str:
    words = piece.text.rstrip()
    space = piece.text[len(words) :]
    return f"<{mark}>{_escaped(words)}</{mark}>{space}" if piece.own else _escaped(piece.text)


def _escaped(text: str) -> str:
    return html.escape(without_overrides(text))


def _problem(side: Side, texts: Texts) -> str:
    error = side.run.error if side.run else None
    failure = error.sentence if isinstance(error, DemoError) else UNEXPECTED
    refused = messages_html.notice(texts.said(side.problem or (failure if error else "")))
    told = messages_html.notice(texts.said(side.run.notice), info=True) if side.run else ""
    return refused + told


def _end(side: Side, texts: Texts) -> str:
    return (
        f'<p class="stats">{messages_html.statistics(side.usage, texts)}</p>' if side.usage else ""
    )


def _taking(side: Side, texts: Texts) -> str:
    if not side.ended:
        return ""
    settings = html.escape(json.dumps({name: side.settings[name] for name in side.overrides}))
    return f'<button type="button" data-op="take" data-settings="{settings}">{html.escape(texts.compare_take)}</button>'
