"""One item looked at closely, as HTML for a dialog: what the model sees of it, and how to change that.

The form is drawn once; `data-part=seen` is what a script replaces when something in it has changed, so
that nobody's focus is lost.
"""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass, field
from secrets import token_hex

from model.backend import ItemCost
from model.errors import LocalizedText
from model.settings import VisionSettings
from ui.gradio_compat import file_url
from ui.html.tray import clock
from ui.state.tray.attachment import Attachment
from ui.state.tray.resolution import LEVELS, Resolution
from ui.text.texts import Texts, number

FRAMES_PER_TOKEN = 2  # of a clip: a pair of frames shares its visual tokens


@dataclass(frozen=True)
class Look:
    """What is to be shown: the item, and what the model gets of it or why it gets nothing."""

    item: Attachment
    vision: VisionSettings = field(default_factory=VisionSettings)  # what the page is set to
    cost: ItemCost | None = None
    seen: Sequence[str] = ()  # paths
    token_px: int = 28
    problem: str = ""


def dialog(look: Look, label: LocalizedText, texts: Texts) -> str:
    """The whole of it."""
    item = look.item
    title = html.escape(f"{texts.said(label)} · {item.name}")
    moving = "".join(
        f'<button type="button" data-op="move" data-places="{places}" title="{html.escape(label)}" '
        f'aria-label="{html.escape(label)}">{arrow}</button>'
        for places, label, arrow in ((-1, texts.move_left, "←"), (1, texts.move_right, "→"))
    )
    remove = html.escape(texts.remove.format(name=item.name))
    return (
        # Drawn anew it must differ, or the page takes it for what is there already.
        f'<div data-id="{html.escape(item.id)}" data-label="{title}" data-drawn="{token_hex(4)}">'
        f"<header><h2>{title}</h2>{moving}</header>"
        f"<form>{_form(look, texts)}</form>"
        f'<div data-part="seen">{_seen(look, texts)}</div>'
        f'<button type="button" data-op="detach">{remove}</button></div>'
    )


def _form(look: Look, texts: Texts) -> str:
    item, wished, vision = look.item, look.item.resolution, look.vision
    width, height = look.cost.resized if look.cost else ("", "")
    px = look.token_px
    options = "".join(
        f'<option value="{level}"{" selected" * (level == wished.level)}>{html.escape(texts.levels[level])}</option>'
        for level in (*LEVELS, "tokens", "exact")
    )
    fields = [f'<label>{html.escape(texts.detail)}<select name="level">{options}</select></label>']
    fields += [
        _number("tokens", texts.units["tokens"], wished.tokens, 4, 1, vision.max_tokens, "tokens"),
        _number("width", texts.settings["resized_width"][0], wished.width, px, px, width, "exact"),
        _number("height", texts.settings["resized_height"][0], wished.height, px, px, height, "exact"),
    ]  # fmt: skip
    if item.kind == "image":
        fields.append(_region(texts))
        grid = html.escape(texts.token_grid)
        fields.append(f'<label class="switch"><input type="checkbox" data-grid>{grid}</label>')
    else:
        fields += [
            _number("fps", texts.settings["video_fps"][0], wished.fps, 0.1, 0.1, vision.video_fps),
            _number(
                "frames",
                texts.settings["video_max_frames"][0],
                wished.frames,
                2,
                2,
                vision.video_max_frames,
            ),
            _trim(item, wished, texts),
        ]
    return "".join(fields)


def _region(texts: Texts) -> str:
    """What a drag over the picture does, for who has no pointer: per cent of width and height."""
    numbers = "".join(
        f'<input type="number" min="0" max="100" step="1" value="{value}" aria-label="{html.escape(label)}">'
        for value, label in zip((25, 25, 75, 75), texts.region_sides.values(), strict=True)
    )
    ask = html.escape(texts.region_ask)
    return (
        f"<details><summary>{ask}</summary>{numbers} %"
        f'<button type="button" data-op="point">{ask}</button></details>'
    )


def _number(
    name: str,
    label: str,
    value: float | None,
    low: float,
    step: float,
    otherwise: float | str,
    level: str = "",
) -> str:
    """An empty field leaves it at `otherwise`. With a `level` it is there for this one only."""
    shown = "" if value is None else f"{value:g}"
    only = f' data-level="{level}"' if level else ""
    return (
        f'<label{only}>{html.escape(label)}<input type="number" name="{name}" min="{low:g}" '
        f'step="{step:g}" value="{shown}" placeholder="{otherwise}" inputmode="decimal"></label>'
    )


def _trim(item: Attachment, wished: Resolution, texts: Texts) -> str:
    """Two handles on the clip's length."""
    handles = (
        ("start", texts.settings["video_start_s"][0], wished.start or 0.0),
        ("end", texts.settings["video_end_s"][0], item.seconds if wished.end is None else wished.end),
    )  # fmt: skip
    return "".join(
        f'<label class="handle">{html.escape(label)} <output>{clock(value)}</output>'
        f'<input type="range" name="{name}" min="0" max="{item.seconds:.1f}" step="0.1" '
        f'value="{value:.1f}"></label>'
        for name, label, value in handles
    )


def _seen(look: Look, texts: Texts) -> str:
    if look.cost is None:
        return f'<p role="alert">{html.escape(texts.said(look.problem))}</p>'
    shown = _strip(look, look.cost) if look.item.kind == "video" else _beside(look, texts)
    return f'<p role="status">{html.escape(_facts(look, look.cost, texts))}</p>{shown}'


def _facts(look: Look, cost: ItemCost, texts: Texts) -> str:
    (width, height), (seen_width, seen_height) = cost.original, cost.resized
    columns, rows = seen_width // look.token_px, seen_height // look.token_px
    said = texts.seen_size.format(
        original=f"{number(width)} × {number(height)}",
        seen=f"{number(seen_width)} × {number(seen_height)}",
    )
    if not cost.frames:
        return (
            f"{said} · {texts.seen_tokens.format(grid=f'{columns} × {rows}', tokens=cost.tokens)}"
        )
    grid = f"{cost.frames // FRAMES_PER_TOKEN} × {columns} × {rows}"
    frames = texts.seen_frames.format(frames=cost.frames)
    return f"{frames} · {said} · {texts.seen_tokens.format(grid=grid, tokens=cost.tokens)}"


def _beside(look: Look, texts: Texts) -> str:
    """The picture at the model's size beside the original."""
    assert look.cost
    width, height = look.cost.resized
    grid = f"--columns:{width // look.token_px};--rows:{height // look.token_px}"
    return (
        f'<p class="hint">{html.escape(texts.region_hint)}</p>'
        f'<div class="beside"><figure><div class="grid" style="{grid}">'
        f'<img src="{html.escape(file_url(look.seen[0]))}" width="{width}" height="{height}" '
        f'alt="{html.escape(texts.look)}"></div>'
        f"<figcaption>{html.escape(texts.look)}</figcaption></figure>"
        f'<figure><img src="{html.escape(file_url(look.item.shown))}" alt="{html.escape(texts.original)}">'
        f"<figcaption>{html.escape(texts.original)}</figcaption></figure></div>"
    )


def _strip(look: Look, cost: ItemCost) -> str:
    """Every sampled frame with its time, and how many more there are."""
    frames = "".join(
        f'<li><img src="{html.escape(file_url(path))}" alt="" loading="lazy"><time>{_moment(at)}</time></li>'
        for path, at in zip(look.seen, cost.times, strict=False)
    )
    more = cost.frames - len(look.seen)
    return f'<ol class="strip" tabindex="0">{frames}{f"<li>+ {number(more)}</li>" if more > 0 else ""}</ol>'


def _moment(seconds: float) -> str:
    minutes, rest = divmod(seconds, 60)
    return f"{int(minutes)}:{rest:04.1f}"
