"""Reads one chunk of a server's stream: its text, reasoning, finish reason, tool calls and token counts.

Covers OpenAI's protocol and its variants by vLLM, SGLang, Ollama, DashScope, OpenRouter and others.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from model.remote.http.characters import whole
from model.usage import Alternative, TokenLogprob

# The names of the reasoning field. Two of them in one delta hold the same text, for older and newer clients.
_REASONING = ("reasoning_content", "reasoning", "thinking", "reasoning_details")
# A larger token count is an error of the server.
MAX_TOKENS = 2**32 - 1
# Tool calls of one answer.
MAX_CALLS = 64
# Alternatives of a token, and characters of one. Servers write -9999 for what is excluded.
MAX_TOP = 5
MAX_TOKEN = 1000
LEAST = -9999.0

Ending = Literal["stop", "length", "filtered", "refused", "broken"]
# Values of `finish_reason`, in lower case. Any other means "stop".
_WORDS: Mapping[Ending, str] = {
    "length": "length max_tokens max_output_tokens model_length model_context_window_exceeded",
    "filtered": "content_filter content_filtered safety sensitive recitation prohibited_content blocklist",
    "refused": "refusal",
    "broken": "abort aborted cancelled canceled error failed internal_error network_error "
    "insufficient_system_resource unload",
}
_ENDINGS = {word: ending for ending, words in _WORDS.items() for word in words.split()}


@dataclass(frozen=True)
class Added:
    """The content of a chunk. ending: set if it ends the answer; error: set if the server failed."""

    text: str = ""
    thought: str = ""
    refusal: str = ""
    ending: Ending | None = None
    error: object = None
    calls: tuple[Mapping[str, Any], ...] = ()
    counts: Mapping[str, int] = field(default_factory=dict)
    logprobs: tuple[TokenLogprob, ...] = ()


def added(chunk: Mapping[str, Any]) -> Added:
    """Read the first choice of a chunk. Fields of an unexpected type count as missing."""
    choice = _first(chunk)
    delta = choice.get("delta") or choice.get("message") or {}
    if not isinstance(delta, dict):
        delta = {"content": delta}
    content = delta.get("content")
    text, thought, refusal = _content(choice.get("text") if content is None else content)
    if not thought:
        thoughts = (_content(delta.get(name))[:2] for name in _REASONING)
        thought = next(("".join(found) for found in thoughts if any(found)), "")
    calls = delta.get("tool_calls")
    return Added(
        text,
        thought,
        refusal or _text(delta.get("refusal")),
        ending_of(choice.get("finish_reason") or choice.get("done_reason")),
        choice.get("error"),
        tuple(call for call in calls if isinstance(call, dict)) if isinstance(calls, list) else (),
        {**_counts(choice.get("usage")), **_counts(chunk.get("usage"))},
        tuple(_logprobs(choice.get("logprobs"))),
    )


def ending_of(word: object) -> Ending | None:
    """Return the meaning of a finish reason; None if there is none."""
    if not isinstance(word, str) or word.strip().lower() in ("", "null", "none"):
        return None
    return _ENDINGS.get(word.strip().lower(), "stop")


def _first(chunk: Mapping[str, Any]) -> Mapping[str, Any]:
    choices = chunk.get("choices")
    output = chunk.get("output")  # of DashScope's own protocol
    if choices is None and isinstance(output, dict):
        choices = output.get("choices") or [{"message": {"content": output.get("text")}, **output}]
    if choices is None and isinstance(chunk.get("message"), dict):
        return chunk  # Ollama's own protocol
    for choice in choices if isinstance(choices, list) else []:
        if isinstance(choice, dict) and choice.get("index") in (0, None):
            return choice
    return {}


def _content(content: object) -> tuple[str, str, str]:
    """Return (text, reasoning, refusal) of a content, which is a text, a part or a list of parts."""
    if isinstance(content, str):
        return content, "", ""
    if isinstance(content, list):
        parts = [_content(part) for part in content]
        texts, thoughts, refusals = zip(*parts, strict=True) if parts else ((), (), ())
        return "".join(texts), "".join(thoughts), "".join(refusals)
    if not isinstance(content, dict):
        return "", "", ""
    kind = str(content.get("type"))
    if "refusal" in kind:
        return "", "", _text(content.get("refusal")) or _text(content.get("text"))
    if kind in ("thinking", "reasoning"):
        said = content.get("thinking") or content.get("reasoning") or content.get("text")
        return "", "".join(_content(said)[:2]), ""
    said = content.get("text")
    if isinstance(said, dict):
        said = said.get("value")
    return _text(said) or _text(content.get("content")), "", ""


def _logprobs(told: object) -> Iterator[TokenLogprob]:
    """Yield the tokens of a `logprobs` object; malformed ones are left out."""
    listed = told.get("content") if isinstance(told, dict) else None
    for entry in listed if isinstance(listed, list) else ():
        if (one := _alternative(entry)) is not None:
            others = entry.get("top_logprobs")
            top = map(_alternative, others[:MAX_TOP] if isinstance(others, list) else ())
            yield TokenLogprob(**one, top=[other for other in top if other])


def _alternative(entry: object) -> Alternative | None:
    if not isinstance(entry, dict) or not isinstance(token := entry.get("token"), str):
        return None
    logprob = entry.get("logprob")
    if isinstance(logprob, bool) or not isinstance(logprob, int | float) or not logprob <= 0:
        return None
    return Alternative(text=whole(token[:MAX_TOKEN]), logprob=max(float(logprob), LEAST))


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _counts(usage: object) -> dict[str, int]:
    """The token counts of a `usage` object, by our names, without those that are 0 or missing."""
    if not isinstance(usage, dict):
        return {}
    given = (usage.get(f"{side}_tokens_details") for side in ("prompt", "completion"))
    prompt, completion = (details if isinstance(details, dict) else {} for details in given)
    found = {
        "prompt_tokens": _whole(usage.get("prompt_tokens")) or _whole(usage.get("input_tokens")),
        "new_tokens": _whole(usage.get("completion_tokens")) or _whole(usage.get("output_tokens")),
        "reused_tokens": _whole(prompt.get("cached_tokens"))
        or _whole(usage.get("prompt_cache_hit_tokens")),
        "reasoning_tokens": _whole(completion.get("reasoning_tokens"))
        or _whole(usage.get("reasoning_tokens")),
    }
    return {name: count for name, count in found.items() if count}


def _whole(value: object) -> int:
    """A token count as a number, as text or as 30.0; 0 for anything else."""
    if isinstance(value, str) and len(value) <= 20:
        try:
            value = float(value)
        except ValueError:
            return 0
    if isinstance(value, bool) or not isinstance(value, int | float):
        return 0
    return int(value) if 0 < value <= MAX_TOKENS and value == int(value) else 0


class Calls:
    """Joins tool calls that arrive in pieces, and writes them as the model does: servers take them out of the text."""

    def __init__(self) -> None:
        self._calls: dict[object, list[str]] = {}

    def add(self, call: Mapping[str, Any]) -> None:
        function = call.get("function")
        index = call.get("index")
        number = index if isinstance(index, int) else len(self._calls)
        if not isinstance(function, dict) or len(self._calls) >= MAX_CALLS:
            return
        named = self._calls.setdefault(number, ["", ""])
        arguments = function.get("arguments")
        if isinstance(arguments, dict | list):
            arguments = json.dumps(arguments, ensure_ascii=False)
        named[0] += _text(function.get("name"))
        named[1] += _text(arguments)

    def text(self) -> str:
        return "\n".join(
            f'<tool_call>\n{{"name": {json.dumps(whole(name), ensure_ascii=False)}, '
            f'"arguments": {whole(arguments) or "{}"}}}\n</tool_call>'
            for name, arguments in self._calls.values()
        )
