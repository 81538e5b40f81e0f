"""Conversation and events as the page shows them: chatbot messages, Markdown and bits of HTML.

Nothing in here is ever fed back to the model. Text is untrusted wherever it comes from: what a person
typed is shown literally, and HTML that a model writes is shown as the characters it is.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from model.backend import Progress, Status, Usage
from model.conversation import Conversation, Message, Text
from ui.attachment import Attachment
from ui.texts import Texts

# Texts that assets/*.js show.
SCRIPTED = (
    "title",
    "edit",
    "copy",
    "copied",
    "close",
    "camera",
    "take_picture",
    "cancel",
    "uploading",
    "read",
)
_PLAIN = re.compile(r"[^\W_]+(?: [^\W_]+)*")  # words and single spaces mean nothing in Markdown
_FENCE = re.compile(r" {0,3}(`{3,}(?=[^`]*$)|~{3,})")
_CODE_SPAN = re.compile(r"(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)", re.DOTALL)
_BEFORE_BOX = re.compile(r"(?<=\S)<\|(?:box|quad)_start\|>")
_GROUNDING = re.compile(r"<\|(?:object_ref|box|quad)_(?:start|end)\|>")


def messages(conversation: Conversation, known: Mapping[str, Attachment]) -> list[dict[str, Any]]:
    """The conversation for `gr.Chatbot`."""
    return [
        {"role": message.role, "content": list(_content(message, known))}
        for message in conversation.messages
    ]


def _content(message: Message, known: Mapping[str, Attachment]) -> Iterator[dict[str, Any]]:
    for part in message.parts:
        if isinstance(part, Text):
            shown = literal(part.text) if message.role == "user" else markdown(part.text)
            # A bare string would lose its indentation in the Chatbot.
            yield {"type": "text", "text": shown}
        elif attachment := known.get(str(part.path)):
            yield {"path": attachment.shown, "alt_text": attachment.name}


def literal(text: str) -> str:
    """Markdown that shows `text` character by character, white space included."""
    shown, end = [], 0
    for words in _PLAIN.finditer(text):
        shown += [_entities(text[end : words.start()]), words.group()]
        end = words.end()
    return "".join((*shown, _entities(text[end:])))


def _entities(text: str) -> str:
    return "".join(f"&#{ord(c)};" if c.isascii() else c for c in text)


def readable(text: str) -> str:
    """An answer without its grounding tokens: `the cat (10,20),(30,40)`."""
    return _GROUNDING.sub("", _BEFORE_BOX.sub(" ", text))


def markdown(text: str) -> str:
    """A model's answer as Markdown in which HTML is text, and code is left as it is."""
    shown: list[str] = []
    prose: list[str] = []
    fence = ""

    def flush() -> None:
        shown.append(_without_html("".join(prose)))
        prose.clear()

    for line in readable(text).splitlines(keepends=True):
        mark = _FENCE.match(line)
        if not fence and mark:
            flush()
            fence = mark.group(1)
            shown.append(line)
        elif fence:
            shown.append(line)
            if mark and mark.group(1).startswith(fence) and not line.strip().strip(fence[0]):
                fence = ""
        else:
            prose.append(line)
    flush()
    return "".join(shown)


def _without_html(prose: str) -> str:
    """Escape outside of code spans; a span does not reach over an empty line."""
    paragraphs = re.split(r"(\n[ \t]*\n)", prose)
    return "".join(_escape_paragraph(paragraph) for paragraph in paragraphs)


def _escape_paragraph(paragraph: str) -> str:
    shown, end = [], 0
    for span in _CODE_SPAN.finditer(paragraph):
        shown += [_escape(paragraph[end : span.start()]), span.group()]
        end = span.end()
    return "".join((*shown, _escape(paragraph[end:])))


def _escape(text: str) -> str:
    # A picture would be fetched as soon as it is shown; as a link it waits for a click.
    return text.replace("&", "&amp;").replace("<", "&lt;").replace("![", "&#33;[")


def waiting(progress: Progress, texts: Texts) -> str:
    """What happens before the first word."""
    percent = round(100 * progress.done / progress.total) if progress.total else 0
    match progress.stage:
        case "loading" if not progress.total:
            return texts.waiting_for_server
        case "loading":
            return texts.waiting_for_model.format(percent=progress.done)
        case "queued" if progress.total:
            return texts.queued.format(people=progress.total)
        case "queued":
            return texts.queued_next
        case "media":
            return texts.media.format(done=_clock(progress.done), total=_clock(progress.total))
        case "vision":
            return texts.vision.format(done=progress.done, total=progress.total)
        case "reading":
            return texts.reading.format(total=f"{progress.total:,}", percent=percent)


def _clock(seconds: int) -> str:
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"


def statistics(usage: Usage | None, texts: Texts) -> str:
    """One quiet line about an answer: what it cost, how fast it was, why it ended early."""
    if usage is None:
        return html.escape(texts.broken_off)
    parts = texts.stats_parts.format(
        reused=f"{usage.reused_tokens:,}", visual=f"{usage.visual_tokens:,}"
    )
    line = [
        f"{texts.stats_prompt.format(prompt=f'{usage.prompt_tokens:,}')} ({parts})",
        texts.stats_first.format(seconds=f"{usage.ttft_s:.2f}"),
    ]
    if usage.decode_tokens_per_s:
        line.append(texts.stats_rate.format(rate=f"{usage.decode_tokens_per_s:.0f}"))
    if reason := texts.reasons.get(usage.stop_reason):
        line.append(reason)
    return html.escape(" · ".join(line))


def answers(conversation: Conversation) -> str:
    """The model's answers for copying, as a JSON list."""
    return json.dumps([readable(m.text) for m in conversation.messages if m.role == "assistant"])


def run_state(state: str, turn: int, editing: int | None = None) -> str:
    """The element that tells scripts and tests what is going on; `editing` is a turn's number, from 0."""
    edited = "" if editing is None else f' data-editing="{editing}"'
    return f'<div data-state="{html.escape(state)}" data-turn="{turn}"{edited}></div>'


def page_texts(texts: Texts) -> str:
    """What the page's own scripts have to say, where they find it."""
    said = {name: getattr(texts, name) for name in SCRIPTED}
    attributes = "".join(
        f' data-{name.replace("_", "-")}="{html.escape(text)}"' for name, text in said.items()
    )
    return f"<div{attributes}></div>"


def banner(status: Status, texts: Texts) -> str:
    """What runs, or how far it is."""
    if status.state == "loading":
        if status.note:
            note = texts.connecting.format(reason=texts.said(status.note))
            return f'{_strong(status.label)}<span role="status">{html.escape(note)}</span>'
        percent = round(100 * status.progress)
        note = texts.loading.format(percent=percent)
        bar = f'<progress max="100" value="{percent}" aria-label="{html.escape(note)}"></progress>'
        return f"{_strong(status.label)}<span>{html.escape(note)}</span>{bar}"
    if status.state == "failed":
        failure = texts.load_failed.format(reason=texts.said(status.note))
        return f'{_strong(status.label)}<span role="alert">{html.escape(failure)}</span>'
    note = f"<span>{html.escape(texts.said(status.note))}</span>" if status.note else ""
    return f"{_strong(status.label)}{note}"


def _strong(label: str) -> str:
    return f"<strong>{html.escape(label)}</strong>"


def notice(sentence: str) -> str:
    """A sentence that the person should read, announced at once."""
    return f'<p role="alert">{html.escape(sentence)}</p>' if sentence else ""
