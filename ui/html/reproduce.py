"""How an answer came about and can be had again, as a dialog: prompt, settings, code, and a way to verify it.

Built with `html.escape` like everything that is put into a `gr.HTML`.
"""

from __future__ import annotations

import html
import json
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from model.backend import AnswerRecord
from model.conversation import Conversation, Message, Text
from model.reproduce.archive import file_names, replayed
from model.reproduce.client_scripts import ApiTurn, curl_command, gradio_script, openai_script
from model.reproduce.generation_record import GenerationRecord, VerifyResult
from model.reproduce.script import transformers_script
from ui.text.texts import Texts

# From an answer to the settings of this page for programs that give none, by name: those of the checkpoint that gave it.
# With the default `checkpoint` where there are several.
Defaults = Callable[[AnswerRecord], Mapping[str, Any]]


def asked(conversation: Conversation, turn: int) -> Conversation:
    """The conversation as it was when the answer number `turn` (from 0) was asked for."""
    return replace(conversation, messages=conversation.messages[: 2 * turn + 1])


def dialog(
    record: GenerationRecord,
    conversation: Conversation,
    answers: Sequence[AnswerRecord],
    defaults: Defaults,
    address: str,
    texts: Texts,
) -> str:
    """The dialog for the latest of `answers`; `conversation` has at least the messages up to it.

    defaults: see `Defaults`.
    """
    turn = len(answers) - 1
    names = file_names(conversation)
    named = record.renamed(names)
    sections = (
        (texts.prompt_text, record.prompt),
        (texts.effective_settings, settings_text(conversation, answers[-1], turn, defaults)),
        ("Python · transformers", transformers_script(named)),
        ("Python · OpenAI, vLLM", openai_script(named)),
        ("curl", curl_command(named)),
        (
            "Python · gradio_client",
            gradio_script(list(questions(conversation, answers, defaults)), address),
        ),
    )
    return (
        # Differs each time, so that the script sees a second request for the same dialog.
        f'<dialog class="qwen-vl-chat reproduction" data-asked="{secrets.token_hex(4)}" '
        f'aria-label="{html.escape(texts.reproduce_title)}">'
        f"<h2>{html.escape(texts.reproduce_title)}</h2>"
        f"{_choice(conversation, turn, texts)}"
        f"{''.join(_section(title, text, texts) for title, text in sections if text)}"
        f"{_note(names, texts)}{_verifying(turn, texts)}{_close(texts)}</dialog>"
    )


def refusal(sentence: str, texts: Texts) -> str:
    """The same dialog when there is nothing to show."""
    return (
        f'<dialog class="qwen-vl-chat reproduction" data-asked="{secrets.token_hex(4)}" '
        f'aria-label="{html.escape(texts.reproduce_title)}"><p role="alert">{html.escape(sentence)}</p>'
        f"{_close(texts)}</dialog>"
    )


def settings_text(
    conversation: Conversation, answered: AnswerRecord, turn: int, defaults: Defaults
) -> str:
    """The settings in force, and each item's own, as JSON."""
    question = asked(conversation, turn)
    names = file_names(conversation)
    known = defaults(answered)
    shown: dict[str, Any] = _checkpoint(answered, known) | asdict(replayed(answered))
    if question.media:
        shown["media"] = {
            f"{number}. {names[str(item.path)]}": _changed(asdict(item.vision), known)
            for number, item in enumerate(question.media, 1)
        }
    return json.dumps(shown, ensure_ascii=False, indent=1)


def verdict(result: VerifyResult | None, exact: bool, texts: Texts) -> str:
    """One sentence. exact: see `ModelInfo.exact`."""
    if result is None:
        return texts.verify_cancelled
    if result.equal:
        return texts.verify_equal.format(tokens=result.tokens)
    sentence = texts.verify_differs.format(
        token=(result.first_difference or 0) + 1,
        recorded=json.dumps(result.recorded, ensure_ascii=False),
        stock=json.dumps(result.stock, ensure_ascii=False),
    )
    return sentence if exact else f"{sentence} {texts.verify_rounding}"


def _checkpoint(answered: AnswerRecord, defaults: Mapping[str, Any]) -> dict[str, Any]:
    """The checkpoint as a setting, where there are several."""
    named = "checkpoint" in defaults and answered.checkpoint
    return {"checkpoint": answered.checkpoint} if named else {}


def _changed(values: dict[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    """Those that differ from the defaults, by which programs ask."""
    return {name: value for name, value in values.items() if value != defaults[name]}


def questions(
    conversation: Conversation, answers: Sequence[AnswerRecord], defaults: Defaults
) -> Iterator[ApiTurn]:
    """What a program asks this page to have the same conversation."""
    names = file_names(conversation)
    people = [message for message in conversation.messages if message.role == "user"]
    for message, answered in zip(people, answers, strict=False):
        files = tuple(names[str(item.path)] for item in message.media)
        # Programs give one resolution for all files of a message: the first item's.
        vision = asdict(message.media[0].vision) if message.media else {}
        known = defaults(answered)
        asked_with = {**_checkpoint(answered, known), **vision, **asdict(replayed(answered))}
        changed = _changed(asked_with, known)
        yield ApiTurn(message.text, files, changed, tuple(_content(message, names)))


def _content(message: Message, names: Mapping[str, str]) -> Iterator[tuple[bool, str]]:
    """Texts and files in their order, where a text comes before a file."""
    parts = [part for part in message.parts if not isinstance(part, Text) or not part.pointing]
    texts = [isinstance(part, Text) for part in parts]
    if texts != sorted(texts):
        for part in parts:
            is_file = not isinstance(part, Text)
            yield is_file, part.text if isinstance(part, Text) else names[str(part.path)]


def _choice(conversation: Conversation, turn: int, texts: Texts) -> str:
    """Which answer, where there are several."""
    turns = sum(message.role == "assistant" for message in conversation.messages)
    if turns < 2:
        return ""
    options = "".join(
        f'<option value="{i}"{" selected" if i == turn else ""}>{i + 1}</option>'
        for i in range(turns)
    )
    return f"<label>{html.escape(texts.answer_number)} <select>{options}</select></label>"


def _section(title: str, text: str, texts: Texts) -> str:
    """A section; one is open at a time. `tabindex`: what scrolls must be reachable by keyboard."""
    return (
        f'<details name="reproduction"><summary>{html.escape(title)}</summary>'
        f"<div>{_button('copy', texts.copy)}"
        f'<pre tabindex="0" aria-label="{html.escape(title)}" translate="no">{html.escape(text)}</pre></div></details>'
    )


def _note(names: dict[str, str], texts: Texts) -> str:
    return f"<p>{html.escape(texts.files_in_export)}</p>" if names else ""


def _verifying(turn: int, texts: Texts) -> str:
    return (
        f'<div class="bar"><p role="status" data-verifying="{html.escape(texts.verifying)}"></p>'
        f"{_button('export', texts.export)}{_button('verify', texts.verify, turn)}</div>"
    )


def _close(texts: Texts) -> str:
    label = html.escape(texts.close)
    return f'<button type="button" class="close" data-op="close" aria-label="{label}" title="{label}">✕</button>'


def _button(operation: str, label: str, turn: int | None = None) -> str:
    number = "" if turn is None else f' data-turn="{turn}"'
    return f'<button type="button" data-op="{operation}"{number}>{html.escape(label)}</button>'
