"""Writes a generation record as a Python script for stock transformers. The script needs nothing of this project.

It copies functions of `STOCK` as text, so this module imports neither torch nor transformers.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from model.answers.reasoning import OPENED
from model.families import RENAMED, bitsandbytes_arguments
from model.media import stock_files
from model.reproduce.generation_record import GenerationRecord, Messages, ProcessedMedia

STOCK = (Path(stock_files.__file__), Path(__file__).with_name("stock.py"))


def transformers_script(record: GenerationRecord) -> str:
    """Return a script that prints the answer, to be run in the folder to which the record's file names are relative."""
    called = {
        "flat": record.images,
        "at_size": (*record.images, *record.videos),
        "picture": record.images,
        "upright": record.videos,
        "shown": record.videos,
        "on_screen": record.videos,
        "clip": record.videos,
        "inputs_of": record.has_escaped_control_tokens,
        "inputs_with_typed": record.has_escaped_control_tokens,
        "held_to": record.json_schema is not None,
    }
    names = ["AutoModelForImageTextToText", "AutoProcessor"]
    names += ["BitsAndBytesConfig"] * bool(record.model_info.quantize)
    body = stock_functions(*(name for name, items in called.items() if items))
    body += "\n".join(_asking(record)) + "\n"
    return (
        "from __future__ import annotations\n\n"
        + stock_imports(body)
        + ("from peft import PeftModel\n" if record.model_info.adapter else "")
        + f"from transformers import {', '.join(names)}\n\n\n"
        + body
    )


def stock_functions(*names: str) -> str:
    """Return the source of functions of `STOCK`, in their order there."""
    sources = [file.read_text(encoding="utf-8") for file in STOCK]
    texts = (
        ast.get_source_segment(source, node)
        for source in sources
        for node in ast.parse(source).body
        if isinstance(node, ast.FunctionDef) and node.name in names
    )
    return "".join(f"{text}\n\n\n" for text in texts)


def stock_imports(body: str) -> str:
    """Return the imports of `STOCK` that `body` uses, without those of this project."""
    wanted = {node.id for node in ast.walk(ast.parse(body)) if isinstance(node, ast.Name)}
    lines = []
    for node in (n for file in STOCK for n in ast.parse(file.read_text(encoding="utf-8")).body):
        if isinstance(node, ast.Import | ast.ImportFrom) and "model." not in ast.unparse(node):
            node.names = [name for name in node.names if (name.asname or name.name) in wanted]
            wanted -= {name.asname or name.name for name in node.names}
            if node.names:
                lines.append(ast.unparse(node))
    return "".join(f"{line}\n" for line in lines)


def literal(text: str) -> str:
    """Return a string literal that is valid in Python and JSON."""
    quoted = json.dumps(text, ensure_ascii=False)
    # Signs for private use are invisible; ESCAPE is one.
    return re.sub("[\ue000-\uf8ff]", lambda sign: f"\\u{ord(sign[0]):04x}", quoted)


def listed(messages: Messages, part: Callable[[Mapping[str, Any]], str]) -> Iterator[str]:
    """Yield messages as the lines of a Python list. part: writes one part of a content."""
    yield "messages = ["
    for message in messages:
        role, content = literal(message["role"]), message["content"]
        if isinstance(content, str):
            yield f'    {{"role": {role}, "content": {literal(content)}}},'
            continue
        yield f'    {{"role": {role}, "content": ['
        yield from (f"        {part(one)}," for one in content)
        yield "    ]},"
    yield "]"


def _asking(record: GenerationRecord) -> Iterator[str]:
    model_info = record.model_info
    yield f"checkpoint = {literal(model_info.checkpoint)}"
    yield "processor = AutoProcessor.from_pretrained(checkpoint)"
    yield "model = AutoModelForImageTextToText.from_pretrained("
    yield f"    checkpoint, dtype=torch.{model_info.dtype}, attn_implementation={literal(model_info.attention)},"
    if model_info.quantize:
        arguments = bitsandbytes_arguments(model_info.quantize, model_info.dtype)
        told = ", ".join(f"{name}={value!r}" for name, value in arguments.items())
        yield f"    quantization_config=BitsAndBytesConfig({told}),"
        yield f"    device_map={literal(model_info.device)},"
        yield ")"
    else:
        yield f").to({literal(model_info.device)})"
    if model_info.adapter:
        yield "model = PeftModel.from_pretrained("
        yield f"    model, {literal(model_info.adapter)}, key_mapping={RENAMED!r}"
        yield ")"
    yield ""
    yield from listed(record.messages, _part)
    yield from _media(record)
    yield "prompt = processor.apply_chat_template("
    yield f"    messages, tokenize=False, add_generation_prompt=True, add_vision_id={record.vision_ids}"
    yield ")"
    yield from _inputs(record)
    yield ""
    if not record.greedy:
        yield f"torch.manual_seed({record.seed})"
    if record.json_schema is not None:
        yield "held = held_to("
        yield f"    processor, {literal(record.json_schema)},"
        yield '    inputs["input_ids"].shape[1], model.generation_config.eos_token_id,'
        yield f"    thinks={record.prompt.rstrip().endswith(OPENED)},"
        yield ")"
    yield f"output = model.generate(**inputs.to(model.device), {_settings(record)})"
    yield 'answer = processor.decode(output[0, inputs["input_ids"].shape[1] :])'
    yield "print(answer.removesuffix(processor.tokenizer.eos_token))"


def _part(part: Mapping[str, Any]) -> str:
    return "{" + ", ".join(f"{literal(key)}: {literal(value)}" for key, value in part.items()) + "}"


def _media_lists(record: GenerationRecord) -> dict[str, tuple[ProcessedMedia, ...]]:
    """The script's lists of media, by their names in the script."""
    return {"pictures": record.images, "clips": record.videos}


def _media(record: GenerationRecord) -> Iterator[str]:
    if record.videos:
        yield f"times = {[list(item.times) for item in record.videos]}  # s"
        yield f"rates = {[item.fps for item in record.videos]}  # frames/s"
    for name, items in _media_lists(record).items():
        if items:
            yield f"{name} = ["
            yield from (f"    {_call(item, number)}," for number, item in enumerate(items))
            yield "]"


def _call(item: ProcessedMedia, number: int) -> str:
    size = f"{item.width}, {item.height}"
    if item.kind == "image":
        return f"picture({literal(item.file)}, {size})"
    return f"clip({literal(item.file)}, {size}, times[{number}])"


def _inputs(record: GenerationRecord) -> Iterator[str]:
    if record.has_escaped_control_tokens:
        given = [name for name, items in _media_lists(record).items() if items]
        timed = ("times", "rates") if record.videos else ()
        named = [f"{name}={name}" for name in (*given, *timed)]
        yield f"inputs = inputs_with_typed({', '.join(['processor', 'prompt', *named])})"
        return
    if record.videos:
        yield "sampled = ["
        yield "    VideoMetadata(len(at), fps=rate, frames_indices=[second * rate for second in at])"
        yield "    for at, rate in zip(times, rates)"
        yield "]"
    yield "inputs = processor("
    yield "    text=[prompt],"
    if record.images:
        yield "    images=pictures,"
        yield '    images_kwargs={"do_resize": False},'
    if record.videos:
        yield "    videos=clips,"
        yield "    videos_kwargs={"
        yield '        "do_resize": False,'
        yield '        "do_sample_frames": False,'
        yield '        "cap_pixels_per_frame": False,'
        yield '        "video_metadata": sampled,'
        yield "    },"
    yield '    return_tensors="pt",'
    yield ")"


def _settings(record: GenerationRecord) -> str:
    """The arguments of `generate`, for a greedy answer without those of sampling."""
    unused = ("temperature", "top_p", "top_k") if record.greedy else ()
    told = {name: value for name, value in record.generation.items() if name not in unused}
    held = ["logits_processor=[held]"] if record.json_schema is not None else []
    return ", ".join([*(f"{name}={value!r}" for name, value in told.items()), *held])
