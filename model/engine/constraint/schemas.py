"""Compiles JSON schemas into matchers over a tokenizer, with llguidance. It is imported for the first schema only."""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from model.engine.constraint.processor import SchemaLogitsProcessor
from model.errors import LocalizedText, SettingError, SettingName
from model.prompt.token_ids import Prompt

if TYPE_CHECKING:
    from llguidance import LLMatcher, LLTokenizer

log = logging.getLogger(__name__)

MAX_COMPILED = 16
# Characters of llguidance's reason that are shown.
REASON_CHARACTERS = 160
# Without them a schema could choose its own. Spaces would let a small model write nothing else.
OPTIONS: Any = {
    "whitespace_flexible": False,
    "item_separator": ",",
    "key_separator": ":",
    "coerce_one_of": False,
    "lenient": False,
}


class Schemas:
    """The compiled schemas of a tokenizer, the latest ones kept. Its methods may be called from any thread."""

    def __init__(self, tokenizer: Any, end_tokens: frozenset[int]) -> None:
        """tokenizer: of transformers."""
        self._tokenizer, self._end_tokens = tokenizer, end_tokens
        self._lock = threading.Lock()
        self._table: LLTokenizer | None = None
        self._compiled: OrderedDict[str, LLMatcher] = OrderedDict()

    def matchers(self, schema: str | None, rows: int = 1) -> list[LLMatcher]:
        """A matcher at the beginning of an answer for each row, none without a schema. Raises `SettingError`."""
        if schema is None:
            return []
        with self._lock:
            if schema not in self._compiled:
                self._compiled[schema] = self._compile(schema)
            self._compiled.move_to_end(schema)
            while len(self._compiled) > MAX_COMPILED:
                self._compiled.popitem(last=False)
            return [self._compiled[schema].deep_copy() for _ in range(rows)]

    def processors(
        self, matchers: Sequence[LLMatcher], prompts: Sequence[Prompt]
    ) -> list[SchemaLogitsProcessor]:
        """The logits processor of answers with these matchers, none without them. The prompts are padded on the left.

        Raises `DemoError` for an answer that is continued and does not fit.
        """
        if not matchers:
            return []
        longest = max(map(len, prompts))
        starts = [longest - len(prompt.begun) for prompt in prompts]
        thinks = prompts[0].thinks
        made = SchemaLogitsProcessor(
            self._tokenizer, self._end_tokens, matchers, starts, thinks=thinks
        )
        made.require_fitting([prompt.begun for prompt in prompts])
        return [made]

    def _compile(self, schema: str) -> LLMatcher:
        from llguidance import LLMatcher, hf

        if self._table is None:
            # A second for the 151,643 entries of a full checkpoint.
            self._table = hf.from_tokenizer(self._tokenizer, eos_token=sorted(self._end_tokens))
        grammar = LLMatcher.grammar_from_json_schema(schema, overrides=OPTIONS)
        matcher = LLMatcher(self._table, grammar, log_level=0)
        matcher.compute_bitmask()
        if matcher.is_error() or (matcher.is_stopped() and not matcher.is_accepting()):
            log.info("A schema cannot be compiled: %s", matcher.get_error())
            reason = matcher.get_error().partition("\n")[0][:REASON_CHARACTERS]
            raise SettingError(
                "An answer cannot be held to this {setting} ({reason}); leave that part of the schema out.",
                setting=SettingName("json_schema"),
                reason=reason or LocalizedText("no answer fits it"),
            )
        return matcher
