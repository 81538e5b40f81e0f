"""Conversation and events as the page shows them: chatbot messages, Markdown and bits of HTML.

Nothing in here is ever fed back to the model. Text is untrusted wherever it comes from: what a person
typed is shown literally, and HTML that a model writes is shown as the characters it is.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

from model.backend import AnswerRecord, Progress, Usage
from model.conversation import Conversation, Message, Text
from ui.html.grounding import Marked, described
from ui.html.markdown.answer import to_html
from ui.html.markdown.timestamps import Clips, clips_by_message
from ui.html.syntax import grounding_tokens
from ui.state.tray.attachment import Attachment
from ui.text.direction import without_overrides
from ui.text.texts import Texts, number

# Names of the texts that assets/js shows.
SCRIPT_TEXTS = (
    "title",
    "settings_title",
    "send",
    "stop",
    "attach",
    "edit",
    "copy",
    "copied",
    "close",
    "zoom_in",
    "zoom_out",
    "camera",
    "take_picture",
    "switch_camera",
    "fetch_address",
    "fetching",
    "cancel",
    "uploading",
    "upload_label",
    "sent_when_uploaded",
    "dismiss",
    "try_again",
    "not_copied",
    "upload_too_large",
    "upload_too_large_here",
    "upload_not_stored",
    "upload_log_in",
    "upload_refused",
    "upload_unreadable",
    "upload_strange",
    "upload_connection",
    "upload_silence",
    "upload_not_taken",
    "text_too_long",
    "storage_blocked",
    "storage_full",
    "script_error",
    "not_opened",
    "connection_lost",
    "logged_out",
    "refused",
    "refused_because",
    "read",
    "region_hint",
    "region_ask",
    "latest",
    "drop_here",
    "text_length",
    "image_number",
    "places",
    "place_label",
    "copy_json",
    "save_marked",
    "enlarge",
    "chats",
    "chats_ask",
    "chats_keep",
    "chats_no",
    "chats_limits",
    "chats_empty",
    "chats_off",
    "chats_rename",
    "chats_delete",
    "chats_delete_ask",
    "chats_delete_now",
    "chats_forget",
    "chats_forget_ask",
    "chats_forget_now",
    "chats_too_large",
    "chats_refused",
    "chats_opening",
    "chats_lost",
    "chats_not_opened",
    "chats_unkept",
    "how_sure",
    "sure_hint",
)
_PLAIN = re.compile(r"[^\W_]+(?: [^\W_]+)*")  # words and single spaces mean nothing in Markdown


def messages(
    conversation: Conversation,
    attachments: Mapping[str, Attachment],
    thoughts: Sequence[str] = (),
    start: int = 0,
) -> list[dict[str, Any]]:
    """The conversation for `gr.Chatbot`, from message `start` on. thoughts: HTML to stand before each of these replies, see `thought`."""
    if start == len(conversation.messages):
        return []
    waiting = iter(thoughts)
    shown = []
    clips_before = [None, *clips_by_message(conversation, attachments)]
    for message, clips in list(zip(conversation.messages, clips_before, strict=False))[start:]:
        content = list(_content(message, clips, attachments))
        if message.role == "assistant" and (before := next(waiting, "")):
            content[0]["text"] = f"{before}\n\n{content[0]['text']}"
        shown.append({"role": message.role, "content": content})
    return shown


def thoughts(answers: Sequence[AnswerRecord], texts: Texts, *, named: bool = False) -> list[str]:
    """What the model thought before each answer, folded. named: after the name of the checkpoint."""
    return [
        (_giver(answered.checkpoint) if named and answered.checkpoint else "")
        + thought(answered.reasoning, answered.usage, texts)
        for answered in answers
    ]


def _giver(checkpoint: str) -> str:
    return f'<div class="checkpoint">{literal(checkpoint)}</div>'


def thought(reasoning: str, usage: Usage | None, texts: Texts) -> str:
    """A reasoning as HTML that may stand in Markdown; empty if there is none."""
    if not reasoning:
        return ""
    tokens = usage.reasoning_tokens if usage else 0
    title = texts.thought_tokens.format(tokens=tokens) if tokens else texts.thought
    # Without empty lines, which would end the HTML block in Markdown.
    return (
        f'<details class="reasoning"><summary>{html.escape(title)}</summary>'
        f"<div>{literal(without_overrides(reasoning))}</div></details>"
    )


def thinking(reasoning: str, texts: Texts) -> str:
    """How long a reasoning is that is being written."""
    return texts.thinking.format(characters=len(reasoning))


def _content(
    message: Message, clips: Clips | None, attachments: Mapping[str, Attachment]
) -> Iterator[dict[str, Any]]:
    for part in message.parts:
        if isinstance(part, Text) and message.role == "user":
            # Regions are shown without their grounding tokens.
            typed = readable(part.text).strip() if part.pointing else part.text
            yield {"type": "text", "text": literal(typed)}
        elif isinstance(part, Text):
            shown = to_html(part.text, clips)
            # A bare string would lose its indentation in the Chatbot.
            yield {"type": "text", "text": shown}
        elif attachment := attachments.get(str(part.path)):
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
    return grounding_tokens.without(grounding_tokens.hidden(text))


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
        case "media" if not progress.total:
            return texts.opening
        case "media":
            return texts.media.format(done=_clock(progress.done), total=_clock(progress.total))
        case "vision":
            return texts.vision.format(done=progress.done, total=progress.total)
        case "reading":
            return texts.reading.format(total=progress.total, percent=percent)


def _clock(seconds: int) -> str:
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"


def statistics(usage: Usage | None, texts: Texts) -> str:
    """One quiet line about an answer: what it cost, how fast it was, why it ended early. No figure is broken in two."""
    if usage is None:
        return html.escape(texts.broken_off)
    parts = texts.stats_parts.format(
        reused=number(usage.reused_tokens), visual=number(usage.visual_tokens)
    )
    line = [f"({parts})"]
    if usage.evicted_tokens:
        line.append(texts.stats_evicted.format(evicted=number(usage.evicted_tokens)))
    if usage.ttft_s:
        line.append(texts.stats_first.format(seconds=f"{usage.ttft_s:.2f}"))
    if usage.decode_tokens_per_s:
        line.append(texts.stats_rate.format(rate=round(usage.decode_tokens_per_s)))
    if reason := texts.reasons.get(usage.stop_reason):
        line.append(reason)
    prompt = texts.stats_prompt.format(prompt=usage.prompt_tokens)
    return f"{figures(prompt)} {figures(*line)}"


def figures(*parts: str) -> str:
    """The parts with dots between them, as HTML. A line ends between two of them only, if each fits."""
    dotted = (*(f"{part} ·" for part in parts[:-1]), *parts[-1:])
    return " ".join(f'<span class="figure">{html.escape(part)}</span>' for part in dotted)


def run_state(
    state: str,
    turn: int,
    editing: int | None = None,
    *,
    side: Literal["user", "bot"] = "user",
    pointed_at: Sequence[Marked] = (),
) -> str:
    """The element that holds what is going on, for scripts and tests.

    editing: a turn's number, from 0; side: whose part of it; pointed_at: by the answer that is being written.
    """
    more = "" if editing is None else f' data-editing="{editing}" data-side="{side}"'
    if pointed_at:
        more += f' data-places="{html.escape(json.dumps(described(pointed_at)))}"'
    return f'<div data-state="{html.escape(state)}" data-turn="{turn}"{more}></div>'


def page_texts(texts: Texts) -> str:
    """The texts that scripts show, as attributes of an element."""
    said = {name: getattr(texts, name) for name in SCRIPT_TEXTS}
    attributes = "".join(
        f' data-{name.replace("_", "-")}="{html.escape(text)}"' for name, text in said.items()
    )
    return f"<div{attributes}></div>"


def cleared(texts: Texts) -> str:
    """New chat has been pressed. A script takes this away again (assets/js/composer/new_chat.js)."""
    said, undo = html.escape(texts.cleared), html.escape(texts.undo)
    return f'<p role="status">{said} <button type="button" data-undo-clear>{undo}</button></p>'


def notice(sentence: str, *, info: bool = False, copies: str = "") -> str:
    """A sentence for the person. Screen readers interrupt for a failure, and do not for `info`.

    copies: the label of a button that copies what the page before had (assets/js/opening/said.js); none if empty.
    """
    role = "status" if info else "alert"
    button = f'<button type="button" data-copy-said>{html.escape(copies)}</button>'
    more = button if copies else ""
    return f'<p role="{role}">{html.escape(sentence)}</p>{more}' if sentence else ""
