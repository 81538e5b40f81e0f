"""The dialog of one item of the tray, as HTML: what the model sees of it, and how to change that.

The form is drawn once; `data-part=model-view` is what a script replaces when something in it has changed, so
that the focus is not lost.
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
from ui.html.messages import figures
from ui.state.tray.attachment import Attachment
from ui.state.tray.resolution import LEVELS, Resolution
from ui.text.texts import Texts, number

FRAMES_PER_TOKEN = 2  # of a clip: a pair of frames shares its visual tokens


@dataclass(frozen=True)
class InspectorView:
    """What the dialog shows: the item, and what the model gets of it, or the problem with it."""

    item: Attachment
    vision: VisionSettings = field(default_factory=VisionSettings)  # of the page
    cost: ItemCost | None = None
    view_paths: Sequence[str] = ()  # of the picture or the frames as the model sees them
    token_px: int = 28
    problem: str = ""


def dialog(view: InspectorView, label: LocalizedText, texts: Texts) -> str:
    """The whole dialog."""
    item = view.item
    title = html.escape(f"{texts.said(label)} · {item.name}")
    moving = "".join(
        f'<button type="button" data-op="move" data-places="{places}" title="{html.escape(label)}" '
        f'aria-label="{html.escape(label)}">{arrow}</button>'
        for places, label, arrow in ((-1, texts.move_left, "←"), (1, texts.move_right, "→"))
    )
    remove = html.escape(texts.remove.format(name=item.name))
    return (
        # Differs each time: Gradio's page skips a value that is equal to the last one.
        f'<div data-id="{html.escape(item.id)}" data-label="{title}" data-drawn="{token_hex(4)}">'
        f"<header><h2>{title}</h2>{moving}</header>"
        f"<form>{_form(view, texts)}</form>"
        f'<div class="seen">{_player(item, texts)}<div data-part="model-view">{_model_view(view, texts)}</div></div>'
        f'<div class="bar"><button type="button" data-op="detach">{remove}</button></div></div>'
    )


def _form(view: InspectorView, texts: Texts) -> str:
    item, resolution, vision = view.item, view.item.resolution, view.vision
    width, height = view.cost.resized if view.cost else ("", "")
    px = view.token_px
    options = "".join(
        f'<option value="{level}"{" selected" * (level == resolution.level)}>{html.escape(texts.levels[level])}</option>'
        for level in (*LEVELS, "tokens", "exact")
    )
    fields = [f'<label>{html.escape(texts.detail)}<select name="level">{options}</select></label>']
    fields += [
        _number("tokens", texts.units["tokens"], resolution.tokens, 4, 1, vision.max_tokens, "tokens"),
        _number("width", texts.settings["resized_width"][0], resolution.width, px, px, width, "exact"),
        _number("height", texts.settings["resized_height"][0], resolution.height, px, px, height, "exact"),
    ]  # fmt: skip
    if item.kind == "image":
        fields.append(_region(texts))
        grid = html.escape(texts.token_grid)
        fields.append(f'<label class="switch"><input type="checkbox" data-grid>{grid}</label>')
    else:
        fields += [
            _number(
                "fps", texts.settings["video_fps"][0], resolution.fps, 0.1, 0.1, vision.video_fps
            ),
            _number(
                "frames",
                texts.settings["video_max_frames"][0],
                resolution.frames,
                2,
                2,
                vision.video_max_frames,
            ),
            _trim(item, resolution, texts),
        ]
    return "".join(fields)


def _region(texts: Texts) -> str:
    """Fields for marking a region without a pointer, in per cent of width and height."""
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
    """A number field; empty stands for `otherwise`. level: the only level that shows it."""
    shown = "" if value is None else f"{value:g}"
    only = f' data-level="{level}"' if level else ""
    return (
        f'<label{only}>{html.escape(label)}<input type="number" name="{name}" min="{low:g}" '
        f'step="{step:g}" value="{shown}" placeholder="{otherwise}" inputmode="decimal"></label>'
    )


def _trim(item: Attachment, resolution: Resolution, texts: Texts) -> str:
    """One track with two handles, and where they are in seconds: what the model gets of a clip."""
    handles = (
        ("start", texts.settings["video_start_s"][0], resolution.start or 0.0),
        ("end", texts.settings["video_end_s"][0], item.seconds if resolution.end is None else resolution.end),
    )  # fmt: skip
    limits = f'min="0" max="{item.seconds:.1f}" step="0.1"'
    track = "".join(
        f'<input type="range" name="{name}" {limits} value="{value:.1f}" aria-label="{html.escape(label)}">'
        for name, label, value in handles
    )
    numbers = "".join(
        f'<label>{html.escape(label)}<input type="number" data-of="{name}" {limits} value="{value:.1f}" '
        f'inputmode="decimal"></label>'
        for name, label, value in handles
    )
    return f'{numbers}<div class="trim" style="--from:0;--to:1"><i></i>{track}</div>'


def _player(item: Attachment, texts: Texts) -> str:
    """The clip itself, as far as browsers can play it."""
    if item.kind != "video" or not item.playable:
        return ""
    return (
        f'<div class="player"><video src="{html.escape(file_url(item.shown))}" poster="{html.escape(file_url(item.thumbnail))}" '
        'muted playsinline preload="auto"></video>'
        f'<button type="button" data-op="play" data-play="{html.escape(texts.play)}" '
        f'data-pause="{html.escape(texts.pause)}"></button></div>'
    )


def _model_view(view: InspectorView, texts: Texts) -> str:
    if view.cost is None:
        return f'<p role="alert">{html.escape(texts.said(view.problem))}</p>'
    shown = _strip(view, view.cost) if view.item.kind == "video" else _beside(view, texts)
    return f'<p role="status">{figures(*_facts(view, view.cost, texts))}</p>{shown}'


def _facts(view: InspectorView, cost: ItemCost, texts: Texts) -> list[str]:
    (width, height), (seen_width, seen_height) = cost.original, cost.resized
    columns, rows = seen_width // view.token_px, seen_height // view.token_px
    said = texts.seen_size.format(
        original=f"{number(width)} × {number(height)}",
        seen=f"{number(seen_width)} × {number(seen_height)}",
    )
    if not cost.frames:
        grid = f"{columns} × {rows}"
        return [said, texts.seen_tokens.format(grid=grid, tokens=cost.tokens)]
    grid = f"{cost.frames // FRAMES_PER_TOKEN} × {columns} × {rows}"
    frames = texts.seen_frames.format(frames=cost.frames)
    return [frames, said, texts.seen_tokens.format(grid=grid, tokens=cost.tokens)]


def _beside(view: InspectorView, texts: Texts) -> str:
    """The picture at the model's size beside the original."""
    assert view.cost
    width, height = view.cost.resized
    grid = f"--columns:{width // view.token_px};--rows:{height // view.token_px}"
    return (
        f'<p class="hint">{html.escape(texts.region_hint)}</p>'
        f'<div class="beside"><figure><div class="grid" style="{grid}">'
        f'<img src="{html.escape(file_url(view.view_paths[0]))}" width="{width}" height="{height}" '
        f'alt="{html.escape(texts.look)}"></div>'
        f"<figcaption>{html.escape(texts.look)}</figcaption></figure>"
        f'<figure><img src="{html.escape(file_url(view.item.shown))}" alt="{html.escape(texts.original)}">'
        f"<figcaption>{html.escape(texts.original)}</figcaption></figure></div>"
    )


def _strip(view: InspectorView, cost: ItemCost) -> str:
    """Every sampled frame with its time, and how many more there are."""
    frames = "".join(
        f'<li><img src="{html.escape(file_url(path))}" alt="" loading="lazy"><time>{_moment(at)}</time></li>'
        for path, at in zip(view.view_paths, cost.times, strict=False)
    )
    more = cost.frames - len(view.view_paths)
    return f'<ol class="strip" tabindex="0">{frames}{f"<li>+ {number(more)}</li>" if more > 0 else ""}</ol>'


def _moment(seconds: float) -> str:
    minutes, rest = divmod(seconds, 60)
    return f"{int(minutes)}:{rest:04.1f}"
