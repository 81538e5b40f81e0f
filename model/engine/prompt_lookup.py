"""Prompt-lookup decoding, which is speculative decoding with n-grams of the prompt and the answer as drafts.

It finds the latest n-gram earlier in the context, proposes the tokens after it, and verifies them in one forward pass
(https://github.com/apoorvumang/prompt-lookup-decoding). Greedy answers do not change. Answers that quote documents,
tables or code become faster; other answers pay for drafts that are rejected.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any

# Arguments of `generate`: the tokens of a draft, and of the longest n-gram that is looked up.
GENERATION_ARGUMENTS = {"prompt_lookup_num_tokens": 10, "max_matching_ngram_size": 3}


@contextmanager
def skip_cached_tokens(model: Any) -> Iterator[None]:
    """Inside, `generate` reads only the tokens that the KV cache does not hold.

    With drafts, its first step would read the whole prompt again after the cached one (transformers 5.24).
    """
    prepare = model.prepare_inputs_for_generation

    # `generate` inspects the signature.
    @wraps(prepare)
    def prepare_the_rest(ids: Any, next_sequence_length: int | None = None, **kwargs: Any) -> Any:
        """ids: (1, tokens of prompt and draft) int."""
        if next_sequence_length is None:
            next_sequence_length = ids.shape[1] - kwargs["cache"].get_seq_length()
        return prepare(ids, next_sequence_length=next_sequence_length, **kwargs)

    model.prepare_inputs_for_generation = prepare_the_rest
    try:
        yield
    finally:
        del model.prepare_inputs_for_generation
