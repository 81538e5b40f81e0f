"""Prompt lookup: what an answer quotes is checked several tokens at a time instead of decoded one by one.

What followed the latest tokens where they last stood, in the prompt or in the answer, is read in one step and kept as
far as the model itself would have said it: its likeliest token each time, so greedy answers stay what they are
(https://github.com/apoorvumang/prompt-lookup-decoding). Documents, tables and code are copied so; other answers only
pay for drafts that come to nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any

# For `generate`: tokens of a draft, and how many of the latest tokens have to agree at most.
GENERATION_ARGUMENTS = {"prompt_lookup_num_tokens": 10, "max_matching_ngram_size": 3}


@contextmanager
def skip_cached_tokens(model: Any) -> Iterator[None]:
    """Inside, `generate` reads only what the KV cache does not hold.

    With drafts its first step reads the whole prompt, behind a cache that holds all of it but one token (transformers 5.24).
    """
    prepare = model.prepare_inputs_for_generation

    @wraps(prepare)  # `generate` looks at its arguments' names
    def prepare_the_rest(ids: Any, next_sequence_length: int | None = None, **kwargs: Any) -> Any:
        """ids: (1, prompt and draft)."""
        if next_sequence_length is None:
            next_sequence_length = ids.shape[1] - kwargs["cache"].get_seq_length()
        return prepare(ids, next_sequence_length=next_sequence_length, **kwargs)

    model.prepare_inputs_for_generation = prepare_the_rest
    try:
        yield
    finally:
        del model.prepare_inputs_for_generation
