"""Answers in the formats that servers send, and the expected result of each.

The formats are those of vLLM, SGLang, llama.cpp, Ollama, LM Studio, DashScope, `transformers serve` and of gateways
before them. The texts are our own.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from model.backend import StopReason

COUNTS = {"prompt_tokens": 30, "completion_tokens": 3, "total_tokens": 33}
OOM = "CUDA out of memory. Tried to allocate 2.00 GiB"
DONE = b"data: [DONE]\n\n"
STOP = {"finish_reason": "stop"}


@dataclass(frozen=True)
class Stream:
    """The bytes of a response, and its result. said: a part of the error or notice that people read."""

    pieces: Sequence[bytes]
    text: str = "Hello"
    reason: StopReason | None = "stop"  # None: an error
    thought: str = ""
    said: str = ""
    # Tokens of the prompt and of the answer, where a server's count.
    counts: tuple[int, int] | None = None
    usage: Mapping[str, Any] = field(default_factory=dict)  # more of it
    content_type: str = "text/event-stream"
    model: str = "Qwen/Qwen2.5-VL-7B-Instruct"


def data(value: object) -> bytes:
    return b"data: " + json.dumps(value).encode() + b"\n\n"


def chunk(delta: object = None, finish: str | None = None, **more: Any) -> bytes:
    """As vLLM writes it."""
    head = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    return data(
        {**head, "choices": [{"index": 0, "delta": delta, "finish_reason": finish, **more}]}
    )


def said(*pieces: str, finish: str | None = "stop") -> list[bytes]:
    return [
        chunk({"role": "assistant", "content": ""}),
        *(chunk({"content": p}) for p in pieces),
        chunk({}, finish),
    ]


def counted(usage: object) -> bytes:
    return data({"id": "1", "object": "chat.completion.chunk", "choices": [], "usage": usage})


def thinking(
    name: str, *thoughts: str, finish: str = "stop", answer: str = "A cat."
) -> list[bytes]:
    begin = [chunk({"role": "assistant", "content": None})]
    thought = [chunk({name: t, "content": None}) for t in thoughts]
    return [*begin, *thought, *([chunk({"content": answer})] if answer else []), chunk({}, finish)]


def whole(message: object, **more: Any) -> bytes:
    answer = {"index": 0, "message": message, "finish_reason": "stop"}
    return json.dumps(
        {"id": "1", "object": "chat.completion", "choices": [answer], **more}
    ).encode()


HELLO = said("Hel", "lo")
EXACT = (30, 2)
JSON = "application/json"

STREAMS: dict[str, Stream] = {
    # As it should be
    "vllm": Stream([*HELLO, counted(COUNTS), DONE], counts=EXACT),
    "vllm, usage in every chunk": Stream(
        [data({"choices": [{"index": 0, "delta": {"content": t}}], "usage": {"prompt_tokens": 30,
        "completion_tokens": n}}) for n, t in ((1, "Hel"), (2, "lo"))]
        + [chunk({}, "stop"), counted(COUNTS), DONE], counts=EXACT),
    "vllm, content in the last chunk": Stream([chunk({"content": "Hel"}), chunk({"content": "lo"},
        "stop"), DONE]),
    "sglang": Stream([chunk({"role": "assistant", "content": "", "reasoning_content": None,
        "tool_calls": None}), chunk({"content": "Hello", "reasoning_content": None,
        "tool_calls": None}), chunk({"role": None, "content": None}, "stop", matched_stop=151645),
        counted({**COUNTS, "prompt_tokens_details": None}), DONE], counts=EXACT),
    "llama.cpp": Stream([chunk({"role": "assistant", "content": None}), chunk({"content": "Hello"}),
        chunk({}, "stop"), data({"choices": [], "usage": COUNTS, "timings": {"cache_n": 0,
        "prompt_n": 30, "predicted_per_second": 41.5}}), DONE], counts=EXACT),
    "ollama": Stream([data({"id": "1", "object": "chat.completion.chunk",
        "system_fingerprint": "fp_ollama", "choices": [{"index": 0, "delta": {"role": "assistant",
        "content": t}, "finish_reason": None}]}) for t in ("Hel",
        "lo")] + [chunk({"role": "assistant", "content": ""}, "stop"), DONE]),
    "ollama, its own protocol": Stream(
        [json.dumps({"model": "m", "message": {"role": "assistant", "content": t}, "done": not t,
        **({} if t else {"done_reason": "stop"})}).encode() + b"\n" for t in ("Hel", "lo", "")],
        content_type="application/x-ndjson"),
    "lm studio": Stream([b": keep-alive\n\n", *HELLO, counted({**COUNTS,
        "completion_tokens_details": {"reasoning_tokens": 0}}), DONE], counts=EXACT),
    "dashscope": Stream([chunk({"content": "", "role": "assistant"}), chunk({"content": "Hello"},
        ""), chunk({"content": ""}, "stop"), counted({**COUNTS,
        "prompt_tokens_details": {"text_tokens": 20, "image_tokens": 10}}), DONE], counts=EXACT),
    "dashscope, content in parts": Stream([chunk({"content": [{"text": "Hel"}]}),
        chunk({"content": [{"text": "lo"}]}), chunk({"content": []}, "stop"), DONE]),
    "dashscope, its own protocol": Stream([b"id:1\nevent:result\n:HTTP_STATUS/200\n" + data({
        "output": {"choices": [{"message": {"content": [{"text": "Hello"}], "role": "assistant"},
        "finish_reason": "null"}]}, "usage": {"input_tokens": 30, "output_tokens": 2}}),
        data({"output": {"choices": [{"message": {"content": [], "role": "assistant"},
        "finish_reason": "stop"}]}, "usage": {"input_tokens": 30, "output_tokens": 3}})],
        counts=EXACT),
    "transformers serve": Stream([chunk({"role": "assistant", "content": None}),
        chunk({"content": "Hello"}), chunk({}, "stop")]),
    "a gateway's comments": Stream([b": OPENROUTER PROCESSING\n\n", *HELLO[:2], b": ping\n\n",
        *HELLO[2:], DONE]),
    "azure's filter results first": Stream([data({"choices": [], "prompt_filter_results": [],
        "object": ""}), *HELLO, DONE]),
    "an event of nothing": Stream([data({"id": "", "object": ""}), data(None), data([]),
        b"data:\n\n", *HELLO, DONE]),
    "a ping that is no json": Stream([b"event: ping\ndata: ping\n\n", *HELLO, DONE]),
    # Lines and bytes
    "windows' ends of lines": Stream([piece.replace(b"\n", b"\r\n") for piece in [*HELLO, DONE]]),
    "old ends of lines": Stream([piece.replace(b"\n", b"\r") for piece in [*HELLO, DONE]]),
    "no space behind the colon": Stream([piece.replace(b"data: ", b"data:") for piece in [*HELLO,
        DONE]]),
    "no empty lines": Stream([piece.replace(b"\n\n", b"\n") for piece in [*HELLO, DONE]]),
    "a mark of the byte order": Stream([b"\xef\xbb\xbf", *HELLO, DONE]),
    "one byte after the other": Stream(
        [bytes([byte]) for byte in chunk({"content": "数 🙂"}) + chunk(
        {}, "stop") + DONE], "数 🙂"),
    "ends of lines that are none": Stream([chunk({"content": "x"}).replace(b"x",
        "a\u2028b\u0085c".encode()), chunk({}, "stop")], "a\u2028b\u0085c"),
    "json over several lines": Stream([b"data: " + json.dumps({"choices": [{"delta": {
        "content": "Hello"}, "finish_reason": "stop"}]}, indent=1).encode().replace(b"\n",
        b"\ndata: ") + b"\n\n"]),
    "bytes that are no text": Stream([chunk({"content": "x"}).replace(b"x", b"a\xff"), chunk({},
        "stop")], "a\ufffd"),
    # Halves of characters
    "an emoji over two deltas": Stream([chunk({"content": "a \ud83d"}),
        chunk({"content": "\ude00 b"}), chunk({}, "stop"), DONE], "a 😀 b"),
    "a half that stays alone": Stream([chunk({"content": "a \ud83d"}), chunk({"content": "b"}),
        chunk({}, "stop"), DONE], "a \ufffdb"),
    "a half at the end": Stream([chunk({"content": "a \ud83d"}), chunk({}, "stop"), DONE],
        "a \ufffd"),
    "the second half first": Stream([chunk({"content": "\ude00\ud83d"}), chunk({}, "stop"), DONE],
        "\ufffd\ufffd"),
    "halves with an empty delta between": Stream([chunk({"content": "\ud83d"}),
        chunk({"content": ""}), chunk({"content": "\ude00"}), chunk({}, "stop")], "😀"),
    "half a character thought": Stream([*thinking("reasoning", "a \ud83d", "\ude00 \ud83d"), DONE],
        "A cat.", thought="a 😀 \ufffd"),
    # Counts
    "usage of nulls": Stream([*HELLO, counted(dict.fromkeys(COUNTS)), DONE]),
    "usage of a total": Stream([*HELLO, counted({"total_tokens": 12}), DONE]),
    "usage as text": Stream([*HELLO, counted({"prompt_tokens": "30", "completion_tokens": "3"}),
        DONE], counts=EXACT),
    "usage as floats": Stream([*HELLO, counted({"prompt_tokens": 30.0, "completion_tokens": 3.0}),
        DONE], counts=EXACT),
    "usage that is no number": Stream([*HELLO,
        b'data: {"choices": [], "usage": {"prompt_tokens": NaN, '
        b'"completion_tokens": Infinity}}\n\n', DONE]),
    "usage without end": Stream([*HELLO,
        b'data: {"choices": [], "usage": {"prompt_tokens": 1e400, '
        b'"completion_tokens": 9' + b"9" * 400 + b"}}\n\n", DONE]),
    "usage below nothing": Stream([*HELLO, counted({"prompt_tokens": -1,
        "completion_tokens": True}), DONE]),
    "usage that is a list": Stream([*HELLO, counted([1, 2]), DONE]),
    "usage in a choice": Stream([*HELLO[:-1], chunk({}, "stop", usage=COUNTS), DONE], counts=EXACT),
    "more reused than there was": Stream([*HELLO, counted({**COUNTS,
        "prompt_tokens_details": {"cached_tokens": 90}}), DONE], counts=EXACT,
        usage={"reused_tokens": 30}),
    "a hole in the details": Stream([*HELLO, counted({**COUNTS,
        "prompt_tokens_details": {"cached_tokens": None}}), DONE], counts=EXACT,
        usage={"reused_tokens": 0}),
    # Contents
    "content as a list of parts": Stream([chunk({"content": [{"type": "text", "text": "Hel"},
        {"type": "text", "text": "lo"}]}), chunk({}, "stop"), DONE]),
    "content as one part": Stream([chunk({"content": {"text": "Hello"}}), chunk({}, "stop"), DONE]),
    "content as a number": Stream([chunk({"content": 7}), *HELLO]),
    "a message in place of a delta": Stream([data({"choices": [{"index": 0,
        "message": {"content": "Hello"}, "finish_reason": "stop"}]}), DONE]),
    "a text in place of a delta": Stream([data({"choices": [{"index": 0, "text": "Hello",
        "finish_reason": "stop"}]}), DONE]),
    "another choice first": Stream([data({"choices": [{"index": 1,
        "delta": {"content": "other"}}]}), *HELLO, DONE]),
    "choices that are none": Stream([data({"choices": [None, 7]}), data({"choices": "x"}), *HELLO,
        DONE]),
    "text behind the end": Stream([chunk({"content": "Hel"}), chunk({}, "stop"),
        chunk({"content": "lo"}), DONE]),
    "an end token in pieces": Stream([*said("Hello<|im_", "end|>", "\n"), DONE]),
    "a call of a tool": Stream([chunk({"tool_calls": [{"index": 0, "function": {"name": "click",
        "arguments": '{"x"'}}]}), chunk({"tool_calls": [{"index": 0,
        "function": {"arguments": ": 1}"}}]}), chunk({}, "tool_calls")],
        '<tool_call>\n{"name": "click", "arguments": {"x": 1}}\n</tool_call>'),
    # Ends
    "no end but done": Stream([chunk({"content": "Hello"}), DONE]),
    "no end but usage": Stream([chunk({"content": "Hello"}), counted(COUNTS)]),
    "no done": Stream(HELLO),
    "longer than anybody reads": Stream([*said(*["x" * 50_000] * 5), DONE], "x" * 200_000,
        "length"),
    "thought for ever": Stream([*thinking("reasoning", *["x" * 50_000] * 5), DONE], "", "length",
        "x" * 200_000, said="still thinking"),
    "cut off": Stream([*said("Hello", finish="length"), DONE], reason="length"),
    "cut off, in another word": Stream([*said("Hello", finish="MAX_TOKENS"), DONE],
        reason="length"),
    "a filter": Stream([*said("Hel", finish="content_filter"), DONE], "Hel", "filtered",
        said="filter held back"),
    "a filter before the first word": Stream([*said(finish="content_filter"), DONE], "", "filtered",
        said="filter held back"),
    "a refusal": Stream([chunk({"refusal": "I cannot "}), chunk({"refusal": "help."}), chunk({},
        "stop"), DONE], "I cannot help.", "refused"),
    "a refusal as a part": Stream([chunk({"content": [{"type": "refusal", "refusal": "No."}]}),
        chunk({}, "stop"), DONE], "No.", "refused"),
    "aborted": Stream([*said("Hel", finish="abort"), DONE], "Hel", None,
        said="broke off its answer"),
    "an end that is an error": Stream([*said("Hel", finish="error"), DONE], "Hel", None,
        said="broke off its answer"),
    "an empty answer": Stream([*said(), DONE], "", said="answer is empty"),
    "nothing at all": Stream([], "", None, said="broke off its answer"),
    "done without an answer": Stream([DONE], "", None, said="broke off its answer"),
    "broken json": Stream([chunk({"content": "Hel"}), b"data: {not json\n\n", *HELLO], "Hel", None,
        said="broke off its answer"),
    "deeper than can be read": Stream([chunk({"content": "Hel"}),
        b"data: " + b'{"a":' * 100_000 + b"\n\n"], "Hel", None, said="broke off its answer"),
    # Errors in the stream
    "an error": Stream([chunk({"role": "assistant"}), data({"error": {"message": "No such LoRA",
        "type": "BadRequestError", "code": 400}}), DONE], "", None,
        said="could not answer: No such LoRA"),
    "out of memory": Stream([chunk({"role": "assistant"}), data({"error": {"message": OOM,
        "type": "InternalServerError", "code": 500}}), DONE], "", None,
        said="run out of memory; lower the resolution or the maximum answer length, or start a new chat. "
        f"It says: {OOM}"),
    "out of memory in the middle": Stream([chunk({"content": "Half"}),
        data({"error": {"message": OOM}}), DONE], "Half", None, said=f"It says: {OOM}"),
    "an event that is an error": Stream([b"event: error\n" + data({"error": {
        "message": "Model unloaded"}})], "", None, said="could not answer: Model unloaded"),
    "an event that is an error, as text": Stream([b"event: error\ndata: upstream gone\n\n"], "",
        None, said="could not answer: upstream gone"),
    "an error of vllm's older versions": Stream([data({"object": "error",
        "message": "height 10 must be larger than factor 28", "code": 400}), DONE], "", None,
        said="could not answer: height 10 must be"),
    "an error as text": Stream([data({"error": "unable to process image"}), DONE], "", None,
        said="could not answer: unable to process image"),
    "an error of dashscope": Stream([data({"code": "DataInspectionFailed",
        "message": "Input may contain inappropriate content.", "request_id": "1"})], "", None,
        said="could not answer: Input may contain"),
    "an error of fastapi": Stream([data({"detail": [{"msg": "field required", "loc": ["body"]}]})],
        "", None, said="could not answer: field required"),
    "an error of a gateway": Stream([data({"choices": [{"index": 0, "delta": {"content": ""},
        "finish_reason": "error", "error": {"message": "Provider returned error",
        "metadata": {"raw": "quota"}}}]})], "", None,
        said="could not answer: Provider returned error: quota"),
    "an error with half a character": Stream([data({"error": {"message": "bad \ud83d word"}})], "",
        None, said="could not answer: bad \ufffd word"),
    "an error that is null": Stream([data({"error": None,
        "choices": [{"delta": {"content": "Hello"}, "finish_reason": "stop"}]})]),
    "an error of plain text": Stream([b"data: Internal Server Error\n\n"], "", None,
        said="could not answer: Internal Server Error"),
    # No stream
    "a whole answer": Stream([whole({"role": "assistant", "content": "Hello"}, usage=COUNTS)],
        content_type=JSON, counts=EXACT),
    "a whole answer over many lines": Stream([json.dumps(json.loads(whole({"content": "Hello"})),
        indent=2).encode()], content_type=JSON),
    "a whole answer with a reasoning": Stream([whole({"content": "A cat.",
        "reasoning_content": "It has ears."})], "A cat.", thought="It has ears.",
        content_type=JSON),
    "a whole error": Stream([b'{"error": {"message": "no such model here", "code": 404}}'], "",
        None, said="could not answer: no such model", content_type=JSON),
    "a whole answer said to be a stream": Stream([whole({"content": "Hello"})]),
    "a page to log in": Stream([b"<html><body>Sign in to continue</body></html>"], "", None,
        said="no OpenAI-compatible server", content_type="text/html"),
    # Reasoning
    "reasoning_content": Stream([*thinking("reasoning_content", "It has ", "ears."),
        counted({**COUNTS, "completion_tokens": 9,
        "completion_tokens_details": {"reasoning_tokens": 6}}), DONE], "A cat.",
        thought="It has ears.", counts=(30, 8), usage={"reasoning_tokens": 6}),
    "reasoning": Stream([*thinking("reasoning", "It has ", "ears."), DONE], "A cat.",
        thought="It has ears.", usage={"reasoning_tokens": 2, "new_tokens": 3}),
    "both names for one reasoning": Stream([chunk({"reasoning": "Ears.",
        "reasoning_content": "Ears."}), *said("A cat."), DONE], "A cat.", thought="Ears."),
    "reasoning in details": Stream([chunk({"content": "",
        "reasoning_details": [{"type": "reasoning.text", "text": "Ears."}]}), *said("A cat.")],
        "A cat.", thought="Ears."),
    "reasoning as a part": Stream([chunk({"content": [{"type": "thinking",
        "thinking": [{"type": "text", "text": "Ears."}]}]}), *said("A cat.")], "A cat.",
        thought="Ears."),
    "only reasoning, cut off": Stream([*thinking("reasoning_content", "It ", "has", finish="length",
        answer=""), DONE], "", "length", "It has", said="still thinking"),
    "only reasoning": Stream([*thinking("reasoning", "It ", "has", answer=""), DONE], "",
        thought="It has", said="thought and gave no answer"),
    "think in the content": Stream([*said("<think>\nIs it a cat? ", "Yes.\n</think>\n\n", "A cat."),
        DONE], "A cat.", thought="Is it a cat? Yes."),
    "think in letters": Stream([*said(*"<think>Ears.</think>\n\nA cat."), DONE], "A cat.",
        thought="Ears."),
    "think without an opener": Stream([*said("It has ears.", "\n</thi", "nk>\n\n", "A cat."), DONE],
        "A cat.", thought="It has ears."),
    "think, cut off": Stream([*said("<think>It ", "has ears", finish="length"), DONE], "", "length",
        "It has ears", said="still thinking"),
    "think without an opener, cut off": Stream([*said("It ", "has ears", finish="length"), DONE],
        "", "length", "It has ears", said="still thinking", model="Qwen/Qwen3-VL-8B-Thinking"),
    "an empty think": Stream([*said("<think>\n\n</think>\n\n", "A cat."), DONE], "A cat."),
    "two thinks": Stream([*said("<think>a</think>\n<think>b</think>", "A cat."), DONE], "A cat.",
        thought="ab"),
    "a closer behind a reasoning of its own": Stream([*thinking("reasoning_content", "Ears.",
        answer="</think>\n\nA cat.")], "A cat.", thought="Ears."),
    "a mark that is spoken of": Stream([*said("Write `<think>` and `</think>`."), DONE],
        "Write `<think>` and `</think>`."),
    "the beginning of a mark at the end": Stream([*said("1 <", " 2 and a <"), DONE],
        "1 < 2 and a <"),
}  # fmt: skip
