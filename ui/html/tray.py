"""The attachment tray and the line that says what a message will cost, as HTML.

Built here with `html.escape` and put into a `gr.HTML` as its value: its templates would run `${...}` in
a file's name.
"""

from __future__ import annotations

import html
from collections.abc import Sequence

from model.backend import Estimate, ItemCost
from model.errors import LocalizedText
from model.media.document import shown_ranges
from ui.gradio_compat import file_url
from ui.state.tab.draft import Fit
from ui.state.tray.attachment import Attachment, Document
from ui.state.tray.regions import Pointed
from ui.text.texts import Texts, number


def tray(
    items: Sequence[tuple[Attachment, LocalizedText]],
    refused: Sequence[str],
    texts: Texts,
    places: Sequence[tuple[Pointed, LocalizedText, Attachment | None]] = (),
    drawn_for: str = "",
) -> str:
    """Cards in the order of sending, each with its number, the places that the message is about, and why
    other files were not taken. drawn_for: id of the request that
    this answers; the script waits for it. `data-copying` stands
    where a clip may not be playable yet.
    """
    cards = "".join(_card(item, texts.said(label), texts) for item, label in items)
    listed = f'<ul aria-label="{html.escape(texts.attached)}">{cards}</ul>' if items else ""
    listed += "".join(
        _chip(place, texts.said(label), picture, texts) for place, label, picture in places
    )
    documents = {item.upload: item.document for item, _ in items if item.document}
    listed += "".join(
        _pages(document, [item.page for item, _ in items if item.upload == path], texts)
        for path, document in documents.items()
    )
    listed += "".join(_refusal(sentence, texts) for sentence in refused)
    copying = "" if all(item.playable for item, _ in items) else " data-copying"
    return f'<i data-drawn-for="{html.escape(drawn_for)}"{copying} hidden></i>{listed}'


def read_items(items: Sequence[Attachment]) -> str:
    """Which items the model has read already, for the script that marks them."""
    return f'<div data-read-items="{html.escape(" ".join(item.id for item in items))}"></div>'


def sources(texts: Texts) -> str:
    """Buttons for camera and screen; a script shows those that the browser supports."""
    return "".join(
        f'<button type="button" data-source="{source}" title="{html.escape(label)}" '
        f'aria-label="{html.escape(label)}">{drawing}</button>'
        for source, label, drawing in (
            ("camera", texts.camera, _CAMERA),
            ("screen", texts.screen, _SCREEN),
        )
    )


def _card(item: Attachment, label: str, texts: Texts) -> str:
    name = html.escape(item.name)
    remove = html.escape(texts.remove.format(name=item.name))
    length = _length(item) if item.kind == "video" else ""
    if item.document:
        length = f"<small>{html.escape(texts.page_number.format(page=number(item.page)))}</small>"
    look = html.escape(f"{label}, {item.name}: {texts.look}")
    return (
        f'<li data-kind="{item.kind}"{" data-page" if item.document else ""} title="{name}"><button type="button" data-look="{html.escape(item.id)}" aria-label="{look}">'
        f'<img src="{html.escape(file_url(item.thumbnail))}" alt="{name}"></button>{length}'
        f"<p><strong>{html.escape(label)}</strong><span></span></p>"
        f'<button type="button" data-op="detach" data-id="{html.escape(item.id)}" '
        f'aria-label="{remove}">{_CROSS}</button></li>'
    )


def _pages(document: Document, numbers: Sequence[int], texts: Texts) -> str:
    """Which pages of a document are attached, in a field to choose others."""
    name, pages = html.escape(document.name), number(document.pages)
    template = texts.frames if document.kind == "frames" else texts.pages
    value = shown_ranges(tuple(sorted(numbers)))
    label = html.escape(template.format(field=value, pages=pages))
    field = (
        f'<input type="text" data-pages="{document.id}" value="{value}" autocomplete="off" '
        f'enterkeyhint="done" aria-label="{name}: {label}">'
    )
    before, after = map(html.escape, template.format(field="\0", pages=pages).split("\0"))
    said = "".join(
        f"<span>{part}</span>" for part in (before.strip(), field, after.strip()) if part
    )
    text = (
        f'<button type="button" data-op="pages_text" data-id="{document.id}">{html.escape(texts.pages_text)}</button>'
        if document.kind == "pdf"
        else ""
    )
    return f'<div class="pages" role="group" aria-label="{name}"><b>{name}</b>{said}{text}</div>'


def pages_text(text: str) -> str:
    """The text of pages, for the script that writes it into the composer."""
    return f"<pre data-pages-text hidden>{html.escape(text)}</pre>" if text else ""


def _length(item: Attachment) -> str:
    """How long a clip is; of a trimmed one the part that is sent, and where in the clip that lies."""
    start = min(item.resolution.start or 0.0, item.seconds)
    end = item.seconds if item.resolution.end is None else min(item.resolution.end, item.seconds)
    if end - start >= item.seconds or end <= start:
        return f"<small>▶ {clock(item.seconds)}</small>"
    part = f"--from:{start / item.seconds:.3f};--to:{end / item.seconds:.3f}"
    return f'<small>▶ {end - start:.1f} s</small><i class="part" style="{part}"></i>'


def _chip(place: Pointed, label: str, picture: Attachment | None, texts: Texts) -> str:
    name = texts.region.format(picture=label)
    remove = html.escape(texts.remove.format(name=name))
    return (
        f'<span class="region">{_crop(place, picture) if picture else ""}{html.escape(name)}<button type="button" data-op="unpoint" '
        f'data-id="{html.escape(place.id)}" aria-label="{remove}">{_CROSS}</button></span>'
    )


def _crop(place: Pointed, picture: Attachment) -> str:
    """What is in the place, cut out of the thumbnail."""
    left, top, right, bottom = place.corners
    across, down = right - left, bottom - top
    width, height = picture.size
    # A background's position is a share of the room that is left beside it.
    x = left / (1 - across) if across < 1 else 0.0
    y = top / (1 - down) if down < 1 else 0.0
    style = (
        f"--ratio:{across * width / (down * height):.3f};background-image:url('{file_url(picture.thumbnail)}');"
        f"background-size:{100 / across:.1f}% {100 / down:.1f}%;background-position:{100 * x:.1f}% {100 * y:.1f}%"
    )
    return f'<i class="crop" style="{html.escape(style)}"></i>'


def _refusal(sentence: str, texts: Texts) -> str:
    return (
        f'<p role="alert">{html.escape(texts.said(sentence))}<button type="button" data-op="dismiss" '
        f'data-id="{html.escape(sentence)}" aria-label="{html.escape(texts.dismiss)}">{_CROSS}</button></p>'
    )


_CAMERA = (
    '<svg viewBox="0 0 24 24" aria-hidden="true"><path d="M4 8h3l2-3h6l2 3h3v11H4z"/>'
    '<circle cx="12" cy="13" r="3.5"/></svg>'
)
_SCREEN = (
    '<svg viewBox="0 0 24 24" aria-hidden="true"><path d="M3 5h18v11H3zM8 20h8M12 16v4"/></svg>'
)
_CROSS = '<svg viewBox="0 0 16 16" aria-hidden="true"><path d="M4 4l8 8M12 4l-8 8"/></svg>'


def cost(
    estimate: Estimate,
    items: Sequence[Attachment],
    texts: Texts,
    *,
    wait_s: float | None = None,
    fit: Fit | None = None,
) -> str:
    """What the items of the message cost, and all of it of what the checkpoint holds.

    A script writes what each item costs onto its card.
    """
    said = []
    if estimate.gpu_bytes >= 2**20:
        said.append(texts.cost_memory.format(gigabytes=f"{estimate.gpu_bytes / 2**30:.2f}"))
    if wait_s is not None:
        said.append(texts.cost_wait.format(seconds=f"{max(0.1, wait_s):.1f}"))
    own = estimate.items[len(estimate.items) - len(items) :]
    said += [texts.said(_fitted(cost)) for cost in own if cost.fitted_from]
    more = "".join(f"<span>{html.escape(sentence)}</span>" for sentence in said)
    gauge, each = _gauge(estimate), _each(estimate, items, texts)
    return _total(estimate, texts) + gauge + more + _done(fit, texts) + _fit(estimate, texts) + each


def _done(fit: Fit | None, texts: Texts) -> str:
    """What fitting did, and the way back."""
    if not fit or not fit.message:
        return ""
    undo = f'<button type="button" data-undo-fit>{html.escape(texts.undo)}</button>'
    return f"<span>{html.escape(texts.said(fit.message))}{undo if fit.before else ''}</span>"


def _fitted(cost: ItemCost) -> LocalizedText:
    if cost.frames < cost.fitted_from:
        return LocalizedText(
            "Video {number} is shown with {frames} of {asked} frames, so that it fits.",
            number=cost.number,
            frames=cost.frames,
            asked=cost.fitted_from,
        )
    return LocalizedText(
        "Video {number} is shown with smaller frames, so that it fits.", number=cost.number
    )


def not_sendable(problem: str, texts: Texts) -> str:
    """Shown instead of the cost: why the message cannot be sent as it is."""
    return f'<span role="alert" data-full="true">{html.escape(texts.said(problem))}</span>'


def _total(estimate: Estimate, texts: Texts) -> str:
    prompt: int | str = estimate.prompt_tokens
    if not estimate.exact:
        prompt = texts.about.format(number=number(estimate.prompt_tokens))
    if not estimate.context_tokens:
        return f"<span>{html.escape(texts.cost_alone.format(prompt=prompt))}</span>"
    total = texts.cost_total.format(prompt=prompt, context=estimate.context_tokens)
    full = ' data-full="true"' if estimate.prompt_tokens >= estimate.context_tokens else ""
    return f"<span{full}>{html.escape(total)}</span>"


def _gauge(estimate: Estimate) -> str:
    if not estimate.context_tokens:
        return ""
    share = min(1.0, estimate.prompt_tokens / estimate.context_tokens)
    return f'<meter min="0" max="1" high="0.9" value="{share:.4f}" aria-hidden="true"></meter>'


def _fit(estimate: Estimate, texts: Texts) -> str:
    """The Fit button, and how many tokens the message may have."""
    return (
        f"<details><summary>{html.escape(texts.fit)}</summary><label>{html.escape(texts.fit_budget)}"
        f'<input type="number" min="1" step="1" placeholder="{estimate.context_tokens or ""}"></label>'
        f'<button type="button" data-fit>{html.escape(texts.fit_now)}</button></details>'
    )


def _each(estimate: Estimate, items: Sequence[Attachment], texts: Texts) -> str:
    """What every item costs, for the cards."""
    costs = estimate.items[len(estimate.items) - len(items) :]
    marks = "".join(
        f'<i data-item="{html.escape(item.id)}" data-tokens="{texts.cost_item.format(tokens=cost.tokens)}" '
        f'data-sizes="{_sizes(cost)}"></i>'
        for item, cost in zip(items, costs, strict=True)
    )
    return f"<span hidden>{marks}</span>"


def _sizes(cost: ItemCost) -> str:
    """`1600 × 1200 → 1036 × 784`"""
    return " → ".join(
        f"{number(width)} × {number(height)}" for width, height in (cost.original, cost.resized)
    )


def clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02}"
