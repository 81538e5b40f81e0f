"""The attachment tray and the line that says what a message will cost, as HTML.

Built here with `html.escape` and put into a `gr.HTML` as its value: its templates would run `${...}` in
a file's name.
"""

from __future__ import annotations

import html
from collections.abc import Sequence
from urllib.parse import quote

from model.backend import Estimate
from ui.attachment import Attachment
from ui.texts import Texts


def tray(items: Sequence[Attachment], refused: Sequence[str], texts: Texts) -> str:
    """Cards in the order of sending, and why other files were not taken."""
    cards = "".join(_card(item, texts) for item in items)
    listed = f'<ul aria-label="{html.escape(texts.attached)}">{cards}</ul>' if items else ""
    return listed + "".join(
        _refusal(index, sentence, texts) for index, sentence in enumerate(refused)
    )


def ready(items: Sequence[Attachment]) -> str:
    """Which items the model has read already, for the script that marks them."""
    return f'<div data-ready="{html.escape(" ".join(item.id for item in items))}"></div>'


def sources(texts: Texts) -> str:
    """Other ways in than files; a script shows those that the browser knows."""
    return "".join(
        f'<button type="button" data-source="{source}" title="{html.escape(label)}" '
        f'aria-label="{html.escape(label)}">{drawing}</button>'
        for source, label, drawing in (
            ("camera", texts.camera, _CAMERA),
            ("screen", texts.screen, _SCREEN),
        )
    )


def _card(item: Attachment, texts: Texts) -> str:
    name = html.escape(item.name)
    remove = html.escape(texts.remove.format(name=item.name))
    length = f"<small>{_clock(item.seconds)}</small>" if item.kind == "video" else ""
    return (
        f'<li title="{name}"><img src="{html.escape(file_url(item.thumbnail))}" alt="{name}">{length}'
        f'<button type="button" data-op="detach" data-id="{html.escape(item.id)}" '
        f'aria-label="{remove}">{_CROSS}</button></li>'
    )


def _refusal(index: int, sentence: str, texts: Texts) -> str:
    return (
        f'<p role="alert">{html.escape(texts.said(sentence))}<button type="button" data-op="dismiss" '
        f'data-id="{index}" aria-label="{html.escape(texts.dismiss)}">{_CROSS}</button></p>'
    )


_CAMERA = (
    '<svg viewBox="0 0 24 24" aria-hidden="true"><path d="M4 8h3l2-3h6l2 3h3v11H4z"/>'
    '<circle cx="12" cy="13" r="3.5"/></svg>'
)
_SCREEN = (
    '<svg viewBox="0 0 24 24" aria-hidden="true"><path d="M3 5h18v11H3zM8 20h8M12 16v4"/></svg>'
)
_CROSS = '<svg viewBox="0 0 16 16" aria-hidden="true"><path d="M4 4l8 8M12 4l-8 8"/></svg>'


def cost(estimate: Estimate, texts: Texts) -> str:
    """What the items of the message cost, and all of it of what the checkpoint holds."""
    prompt = f"{estimate.prompt_tokens:,}"
    if not estimate.exact:
        prompt = texts.about.format(number=prompt)
    if not estimate.context_tokens:
        return f"<span>{html.escape(texts.cost_alone.format(prompt=prompt))}</span>"
    share = min(1.0, estimate.prompt_tokens / estimate.context_tokens)
    total = texts.cost_total.format(prompt=prompt, context=f"{estimate.context_tokens:,}")
    full = ' data-full="true"' if estimate.prompt_tokens >= estimate.context_tokens else ""
    return (
        f"<span{full}>{html.escape(total)}</span>"
        f'<meter min="0" max="1" high="0.9" value="{share:.4f}" aria-hidden="true"></meter>'
    )


def file_url(path: str) -> str:
    """Where the browser finds a stored file, relative to the page."""
    return "gradio_api/file=" + quote(path)


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02}"
