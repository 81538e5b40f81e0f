"""Conversation and events as the page shows them: chatbot messages, Markdown and bits of HTML.

Nothing in here is ever fed back to the model. Text is untrusted wherever it comes from: what a person
typed is shown literally, and HTML that a model writes is shown as the characters it is.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from model.backend import Answered, Progress, Status, Usage
from model.conversation import Conversation, Text
from ui.attachment import Attachment
from ui.places import Marked, described
from ui.seeking import Clips, Link, clips
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
    "region_hint",
    "picture_number",
    "places",
    "place_label",
    "copy_json",
    "save_marked",
    "enlarge",
)
_PLAIN = re.compile(r"[^\W_]+(?: [^\W_]+)*")  # words and single spaces mean nothing in Markdown
# In a list, too.
_FENCE = re.compile(r"([ \t]*(?:(?:[-*+]|\d{1,9}[.)])[ \t]+)?)(`{3,}(?=[^`]*$)|~{3,})")
_TICKS = re.compile(r"(?<!\\)`+")
_LIVE = re.compile(r"<[a-z/!?]|!\[", re.IGNORECASE)  # where HTML or a picture begins
# What Gradio puts over other code, and whose click it takes. Drawn, because it copies all text that is there.
_ICON = '<svg viewBox="0 0 15 15" width="15" fill="none" stroke="currentColor" stroke-width="1.2"><path d="{}"/></svg>'
_COPY = (
    '<button class="copy_code_button" title="copy">'
    f'<span class="copy-text">{_ICON.format("M5 4.5V1.5h8.5V10h-3M1.5 5H10v8.5H1.5z")}</span>'
    f'<span class="check">{_ICON.format("M2 8l4 4 7-9")}</span></button>'
)
# Gradio's own words for a diagram, wherever it stands.
_DIAGRAM = re.compile(r"```mermaid(\s*\n.*?(?:```\s*(?:\n|\Z)|\Z))", re.DOTALL)
_UNUSUAL = re.compile(
    r"[<&#%@\\]|url\s*\(|^[ \t>]*---|(?:^|;)[ \t>]*(?:click|style|classDef|linkStyle)\b",
    re.IGNORECASE | re.MULTILINE,
)
_BEFORE_BOX = re.compile(r"(?<=\S)<\|(?:box|quad)_start\|>")
_GROUNDING = re.compile(r"<\|(?:object_ref|box|quad)_(?:start|end)\|>")


def messages(
    conversation: Conversation, known: Mapping[str, Attachment], thoughts: Sequence[str] = ()
) -> list[dict[str, Any]]:
    """The conversation for `gr.Chatbot`. thoughts: HTML to stand before each reply, see `thought`."""
    waiting = iter(thoughts)
    shown = []
    for place, message in enumerate(conversation.messages):
        content = list(_content(conversation, place, known))
        if message.role == "assistant" and (before := next(waiting, "")):
            content[0]["text"] = f"{before}\n\n{content[0]['text']}"
        shown.append({"role": message.role, "content": content})
    return shown


def thoughts(answers: Sequence[Answered], texts: Texts) -> list[str]:
    """What the model thought before each answer, folded."""
    return [thought(answered.reasoning, answered.usage, texts) for answered in answers]


def thought(reasoning: str, usage: Usage | None, texts: Texts) -> str:
    """A reasoning as HTML that is Markdown, too; empty if there is none."""
    if not reasoning:
        return ""
    tokens = usage.reasoning_tokens if usage else 0
    title = texts.thought_tokens.format(tokens=f"{tokens:,}") if tokens else texts.thought
    # No empty line in it, which would end it in Markdown.
    return (
        f'<details class="reasoning"><summary>{html.escape(title)}</summary>'
        f"<div>{literal(reasoning)}</div></details>"
    )


def thinking(reasoning: str, texts: Texts) -> str:
    """How far a reasoning is that is being written."""
    return texts.thinking.format(characters=f"{len(reasoning):,}")


def _content(
    conversation: Conversation, place: int, known: Mapping[str, Attachment]
) -> Iterator[dict[str, Any]]:
    message = conversation.messages[place]
    for part in message.parts:
        if isinstance(part, Text) and message.role == "user":
            # Places that were pointed at come without their marks.
            typed = readable(part.text).strip() if part.pointing else part.text
            yield {"type": "text", "text": literal(typed)}
        elif isinstance(part, Text):
            asked = replace(conversation, messages=conversation.messages[:place])
            shown = markdown(part.text, clips(asked, known))
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


def markdown(text: str, seen: Clips | None = None, *, arriving: bool = False) -> str:
    """A model's answer as Markdown in which HTML is text.

    What is code to us need not be code to the browser's Markdown. So no HTML and no picture of the answer's own is
    left in code either: where there could be one, code is written as HTML of ours, in entities. Moments of the clips that were `seen` become links; those of a JSON block follow it. Diagrams of an answer that is
    still `arriving` are code: half of one cannot be drawn, and the page would draw a whole one anew at each update.
    """
    shown: list[str] = []
    lines: list[str] = []  # of the prose or the code that is being read
    fence = ""
    for line in _tame(readable(text), arriving).splitlines(keepends=True):
        mark = _FENCE.match(line)
        if not fence and mark:
            shown.append(_without_html("".join(lines), seen))
            lines, fence = [line], mark[2]
            continue
        lines.append(line)
        if fence and line.strip().startswith(fence) and not line.strip().strip(fence[0]):
            shown.append(_block(lines))
            if lines[0].strip().lower().endswith(f"{fence}json"):
                shown.append(_moments("".join(lines), seen))
            lines, fence = [], ""
    shown.append(_block(lines) if fence else _without_html("".join(lines), seen))
    return "".join(shown)


def _block(lines: Sequence[str]) -> str:
    """Fenced lines, the last one perhaps not there yet."""
    whole = "".join(lines)
    if not _LIVE.search(whole):
        return whole
    mark = _FENCE.match(lines[0])
    lead, fence = mark.groups() if mark else ("", "")
    code = [line.removeprefix(" " * len(lead)) for line in lines[1:]]
    if code and not code[-1].strip().strip(fence[0]):
        code.pop()
    # The lead keeps it in its list.
    return f'{lead}<div class="code_wrap">{_COPY}<pre><code>{literal("".join(code))}</code></pre></div>\n\n'


def _tame(text: str, arriving: bool) -> str:
    """Diagrams that could hold more than boxes and arrows become code: Gradio takes their text for HTML."""
    return _DIAGRAM.sub(
        lambda found: f"```text{found[1]}" if arriving or _UNUSUAL.search(found[1]) else found[0],
        text,
    )


def _without_html(prose: str, seen: Clips | None) -> str:
    """A code span does not reach over an empty line."""
    paragraphs = re.split(r"(\n[ \t]*\n)", prose)
    return "".join(_escape_paragraph(paragraph, seen) for paragraph in paragraphs)


def _escape_paragraph(paragraph: str, seen: Clips | None) -> str:
    shown, end = [], 0
    for start, close in _code_spans(paragraph):
        shown.append(_linked(paragraph[end:start], seen))
        code, end = paragraph[start:close], close
        if _LIVE.search(code):
            # Over several lines it is rather a block of code in something else.
            several = "\n" in code
            code = _escape(code) if several else f"<code>{literal(code.strip('`').strip())}</code>"
        shown.append(code)
    return "".join((*shown, _linked(paragraph[end:], seen)))


def _code_spans(paragraph: str) -> Iterator[tuple[int, int]]:
    """Where code stands between as many backticks as close it."""
    runs = [ticks.span() for ticks in _TICKS.finditer(paragraph)]
    later: dict[int, list[tuple[int, int]]] = {}  # by their length, the next one last
    for start, end in reversed(runs):
        later.setdefault(end - start, []).append((start, end))
    done = 0
    for start, end in runs:
        same = later[end - start]
        while same and same[-1][0] <= start:
            same.pop()
        if start >= done and same:
            done = same[-1][1]
            yield start, done


def _linked(text: str, seen: Clips | None) -> str:
    """Escaped, with its moments as links."""
    shown, end = [], 0
    for link in seen.links(text) if seen else ():
        shown += [_escape(text[end : link.start]), _link(text, link)]
        end = link.end
    return "".join((*shown, _escape(text[end:])))


def _moments(code: str, seen: Clips | None) -> str:
    """A paragraph of the moments in a block of code, which itself cannot hold links."""
    links = seen.links(code) if seen else []
    return f"\n{' '.join(_link(code, link) for link in links)}\n\n" if links else ""


def _link(text: str, link: Link) -> str:
    words = html.escape(text[link.start : link.end])
    return f'<a href="{html.escape(link.address)}">{words}</a>'


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
    ]
    if usage.evicted_tokens:
        line.append(texts.stats_evicted.format(evicted=f"{usage.evicted_tokens:,}"))
    if usage.ttft_s:
        line.append(texts.stats_first.format(seconds=f"{usage.ttft_s:.2f}"))
    if usage.decode_tokens_per_s:
        line.append(texts.stats_rate.format(rate=f"{usage.decode_tokens_per_s:.0f}"))
    if reason := texts.reasons.get(usage.stop_reason):
        line.append(reason)
    return html.escape(" · ".join(line))


def answers(conversation: Conversation) -> str:
    """The model's answers for copying, as a JSON list."""
    return json.dumps([readable(m.text) for m in conversation.messages if m.role == "assistant"])


def run_state(
    state: str, turn: int, editing: int | None = None, pointed_at: Sequence[Marked] = ()
) -> str:
    """The element that tells scripts and tests what is going on.

    editing: a turn's number, from 0; pointed_at: by the answer that is being written.
    """
    more = "" if editing is None else f' data-editing="{editing}"'
    if pointed_at:
        more += f' data-places="{html.escape(json.dumps(described(pointed_at)))}"'
    return f'<div data-state="{html.escape(state)}" data-turn="{turn}"{more}></div>'


def answers_places(answers: Sequence[Sequence[Marked]]) -> str:
    """What each answer points at, where assets/places.js finds it."""
    listed = json.dumps([described(pictures) for pictures in answers])
    return f'<div data-answers="{html.escape(listed)}"></div>'


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


def notice(sentence: str, *, mild: bool = False) -> str:
    """A sentence that the person should read: of a failure announced at once, a `mild` one when there is time."""
    role = "status" if mild else "alert"
    return f'<p role="{role}">{html.escape(sentence)}</p>' if sentence else ""
