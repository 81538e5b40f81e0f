"""Writes a conversation as a program for another service: the OpenAI client, curl, or this page's API."""

from __future__ import annotations

import json
import mimetypes
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from model.json_schema import response_format
from model.reproduce.generation_record import GenerationRecord, ProcessedMedia, unescaped
from model.reproduce.script import listed, literal, stock_functions, stock_imports

# The default address of `vllm serve`.
ENGINE = "http://localhost:8000/v1"
PICTURE = '''\
def picture(path, width, height):
    """At the size that the model saw, which the engine leaves alone."""
    file = io.BytesIO()
    flat(path).resize((width, height)).save(file, "PNG")
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()
'''
CLIP = '''\
def clip(path):
    """The whole clip; the engine samples it in its own way."""
    with open(path, "rb") as file:
        return "data:video/mp4;base64," + base64.b64encode(file.read()).decode()
'''


@dataclass(frozen=True)
class ApiTurn:
    """One user turn for this page's API.

    settings: those that differ from the defaults; content: the parts as (is a file, name or text), if not all files come
    first.
    """

    text: str
    files: tuple[str, ...]
    settings: Mapping[str, Any]
    content: tuple[tuple[bool, str], ...] = ()


def openai_script(record: GenerationRecord) -> str:
    """Return a Python script that asks a server such as vLLM with the `openai` package."""
    return "\n".join(_openai(record)) + "\n"


def curl_command(record: GenerationRecord) -> str:
    """Return a curl command that asks the server. Images are sent as they are, at their original size."""
    body = json.dumps(_body(record), ensure_ascii=False, indent=1)
    # The shell expands the text of the here-document, because it reads the files there.
    for sign in "\\$`":
        body = body.replace(sign, "\\" + sign)
    for item in record.media:
        body = body.replace(_stand_in(item), f"$(base64 < {_quoted(item.file)} | tr -d '\\n')")
    return (
        f"curl {ENGINE}/chat/completions -H 'Content-Type: application/json' -d @- <<END_OF_REQUEST\n"
        f"{body}\nEND_OF_REQUEST\n"
    )


def gradio_script(questions: Sequence[ApiTurn], address: str) -> str:
    """Return a Python script that asks this page turn by turn. The page keeps the conversation."""
    return "\n".join(_gradio(questions, address)) + "\n"


def _openai(record: GenerationRecord) -> Iterator[str]:
    files = iter(record.media)
    if record.media:
        yield "import base64"
        if record.images:
            yield "import io"
        yield ""
    flat = stock_functions("flat") if record.images else ""
    yield stock_imports(flat) + "from openai import OpenAI"
    yield from ("", "")
    if record.images:
        yield flat + PICTURE + "\n"
    if record.videos:
        yield CLIP + "\n"

    def part(part: Mapping[str, Any]) -> str:
        if part["type"] == "text":
            return f'{{"type": "text", "text": {literal(unescaped(part["text"]))}}}'
        item = next(files)
        if item.kind == "video":
            return f'{{"type": "video_url", "video_url": {{"url": clip({literal(item.file)})}}}}'
        call = f"picture({literal(item.file)}, {item.width}, {item.height})"
        return f'{{"type": "image_url", "image_url": {{"url": {call}}}}}'

    yield f'client = OpenAI(base_url="{ENGINE}", api_key="none")'
    yield from listed(record.messages, part)
    yield "answer = client.chat.completions.create("
    yield f"    model={literal(record.model_info.served_as)},"
    yield "    messages=messages,"
    yield from (f"    {name}={value!r}," for name, value in _settings(record).items())
    yield f"    extra_body={_extra(record)!r},"
    yield ")"
    yield "print(answer.choices[0].message.content)"


def _body(record: GenerationRecord) -> dict[str, Any]:
    """The request as JSON, with a placeholder for each file's content."""
    files = iter(record.media)

    def part(part: Mapping[str, Any]) -> dict[str, Any]:
        if part["type"] == "text":
            return {"type": "text", "text": unescaped(part["text"])}
        item = next(files)
        kind = f"{item.kind}_url"
        mime = mimetypes.guess_type(item.file)[0] or f"{item.kind}/*"
        return {"type": kind, kind: {"url": f"data:{mime};base64,{_stand_in(item)}"}}

    messages = [
        {
            "role": message["role"],
            "content": unescaped(content)
            if isinstance(content := message["content"], str)
            else [part(one) for one in content],
        }
        for message in record.messages
    ]
    return {
        "model": record.model_info.served_as,
        "messages": messages,
        **_settings(record),
        **_extra(record),
    }


def _settings(record: GenerationRecord) -> dict[str, Any]:
    told = record.generation
    sampling = {} if record.greedy else {"top_p": told["top_p"], "seed": record.seed}
    temperature = 0 if record.greedy else told["temperature"]
    schema = record.json_schema
    held = {} if schema is None else {"response_format": response_format(schema)}
    return {
        "max_tokens": told["max_new_tokens"],
        "temperature": temperature,
        **sampling,
        **held,
    }


def _extra(record: GenerationRecord) -> dict[str, Any]:
    """The fields that vLLM and SGLang have beyond OpenAI's."""
    told = record.generation
    extra: dict[str, Any] = {"repetition_penalty": told["repetition_penalty"]}
    if not record.greedy:
        extra["top_k"] = told["top_k"] or -1  # -1: all tokens
    if record.vision_ids:
        extra["chat_template_kwargs"] = {"add_vision_id": True}
    return {**extra, "skip_special_tokens": False}  # boxes are special tokens


def _gradio(questions: Sequence[ApiTurn], address: str) -> Iterator[str]:
    yield "from gradio_client import Client" + (
        ", handle_file" if any(question.files for question in questions) else ""
    )
    yield from ("", f"client = Client({literal(address)})")
    for question in questions:
        files = ", ".join(_part(True, file) for file in question.files)
        content = ", ".join(_part(*part) for part in question.content)
        if content:
            yield f'message = {{"content": [{content}]}}'
        else:
            yield f'message = {{"text": {literal(question.text)}, "files": [{files}]}}'
        yield f"settings = {dict(question.settings)!r}"
        yield 'answer, usage = client.predict(message, settings, api_name="/chat")'
        yield "print(answer)"


def _part(is_file: bool, part: str) -> str:
    return f"handle_file({literal(part)})" if is_file else literal(part)


def _stand_in(item: ProcessedMedia) -> str:
    return f"\ue002{item.file}\ue002"  # no file name contains this sign


def _quoted(file: str) -> str:
    """Quote a file name for a shell, within `$(...)`."""
    return "'" + file.replace("'", "'\\''") + "'"
