"""Measures what it costs that an answer is held to a schema: time per token with it and without, with a full vocabulary.

The vocabulary is the family's 151,643 entries if the package dashscope is installed, which carries it (`pip install --no-deps
dashscope`), under random weights of 32 M parameters beside it; else that of the checkpoint. A larger model takes longer for a
token, and the schema does not, so the ratio is an upper bound for it.
"""

from __future__ import annotations

import argparse
import base64
import json
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from transformers import AutoTokenizer, PreTrainedTokenizerFast
from transformers.convert_slow_tokenizer import TikTokenConverter

from model.backend import Cancel, collected
from model.checkpoint.choose import BUNDLED
from model.conversation import Conversation, Text
from model.local import LocalBackend
from model.settings import GenerationSettings
from tools.benchmarks import models
from tools.benchmarks.machine import clock
from tools.benchmarks.report import Cell, Report, columns
from tools.tiny.checkpoint import write_random_checkpoint

TALK = Conversation().with_user_turn(Text("Read the table."))
_FIELD = {"type": "string", "maxLength": 40}
_ROW = {"type": "object", "properties": {"name": _FIELD, "value": _FIELD}, "required": ["name", "value"], "additionalProperties": False}  # fmt: skip
# Long enough for every answer.
_LIST = {"type": "array", "minItems": 500, "maxItems": 500}
SCHEMAS: dict[str, dict[str, Any]] = {
    "rows of texts": {**_LIST, "items": _ROW},
    "numbers": {**_LIST, "items": {"type": "integer", "minimum": 0, "maximum": 99_999}},
    "any JSON": {**_LIST, "items": {}},
}


def run(options: argparse.Namespace) -> Report:
    """Measure every schema, both ways in turn, `options.repeats` times after a warm-up."""
    with TemporaryDirectory() as folder:
        backend = _load(options, Path(folder))
        rows: list[list[Cell]] = []
        for name, schema in SCHEMAS.items():
            measured = [
                models.in_thread(_measured, backend, json.dumps(schema), options.tokens)
                for _ in range(options.repeats + 1)
            ][1:]
            free, held = columns(measured, "ms")
            rows.append([name, free, held, held.less(free), held.per(free)])
    vocabulary = f"{len(backend.processor.tokenizer):,} entries"
    head = ("schema", "without", "with it", "more", "ratio")
    return Report(f"time per token, a vocabulary of {vocabulary}, answers of {options.tokens} tokens", head, rows)  # fmt: skip


def _measured(backend: LocalBackend, schema: str, tokens: int) -> tuple[float, float]:
    """Milliseconds per token without the schema, and with it."""
    settings = GenerationSettings(max_new_tokens=tokens)
    free = _per_token(backend, settings)
    return free, _per_token(backend, GenerationSettings(max_new_tokens=tokens, json_schema=schema))


def _per_token(backend: LocalBackend, settings: GenerationSettings) -> float:
    device = backend.model_info.device
    began = clock(device)
    _, usage = collected(backend.stream(TALK, settings, Cancel()))
    if usage.new_tokens != settings.max_new_tokens:
        raise RuntimeError(f"An answer has {usage.new_tokens} tokens.")
    return 1000 * (clock(device) - began) / usage.new_tokens


def _load(options: argparse.Namespace, folder: Path) -> LocalBackend:
    found = find_spec("dashscope")
    if found and found.submodule_search_locations:
        own = Path(found.submodule_search_locations[0]) / "resources" / "qwen.tiktoken"
        load = partial(LocalBackend.load, device=options.device)
        backend = models.in_thread(load, _random_checkpoint(folder, own))
    else:
        backend = models.load(options)
    # Random weights repeat themselves, and end when they like.
    backend.engine.stop_repetition = False
    backend.engine.end_tokens = frozenset({backend.model.config.image_token_id})
    return backend


def _random_checkpoint(folder: Path, vocabulary: Path) -> Path:
    """One with this vocabulary, followed by the control tokens of the bundled checkpoint."""
    bundled = AutoTokenizer.from_pretrained(BUNDLED)
    control = [token.content for _, token in sorted(bundled.added_tokens_decoder.items())]
    converter = _TikToken(vocab_file=str(vocabulary), extra_special_tokens=control)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=converter.converted(),
        eos_token=bundled.eos_token,
        pad_token=bundled.pad_token,
        chat_template=bundled.chat_template,
    )
    return write_random_checkpoint(folder, size="30m", tokenizer=tokenizer)


class _TikToken(TikTokenConverter):  # type: ignore[misc]  # transformers ships no types for it
    """Reads the file without the package tiktoken."""

    def load_tiktoken_bpe(self, vocab_file: str) -> dict[bytes, int]:
        lines = Path(vocab_file).read_text(encoding="ascii").splitlines()
        pairs = (line.split() for line in lines)
        return {base64.b64decode(token): int(rank) for token, rank in pairs}
