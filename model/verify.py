"""Replays answers through stock transformers and finds the first token that differs."""

from __future__ import annotations

import logging
import os
import struct
from bisect import bisect_left
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import av
from PIL import Image
from transformers import StoppingCriteria

from model import stock, weights
from model.errors import DemoError
from model.recipe import Recipe, Seen, Verdict

log = logging.getLogger(__name__)

# What decoders raise for broken files. StopIteration: a clip without a frame.
UNREADABLE = (
    *(OSError, ValueError, SyntaxError, EOFError, StopIteration, struct.error),
    *(av.FFmpegError, Image.DecompressionBombError),
)
SHOWN = 24  # characters of what differs


def replay(
    model: Any,
    processor: Any,
    recipe: Recipe,
    reply: str,
    stopping: Sequence[StoppingCriteria] = (),
    inputs: Any = None,
) -> Verdict:
    """What stock transformers says to the recipe, beside `reply`. Raises `DemoError`.

    inputs: of `inputs_of`, where they have been made before.
    """
    tokenizer = processor.tokenizer
    inputs = inputs or inputs_of(model, processor, recipe)
    ids = _generated(model, recipe, inputs, stopping)
    ends = {*_listed(model.generation_config.eos_token_id), tokenizer.eos_token_id}
    return compared(tokenizer, [token for token in ids if token not in ends], reply)


def stock_answer(
    model: Any, processor: Any, recipe: Recipe, stopping: Sequence[StoppingCriteria] = ()
) -> list[int]:
    """The tokens that `apply_chat_template` and `generate` give, as the printed script asks for them."""
    return _generated(model, recipe, stock_inputs(processor, recipe), stopping)


def _generated(
    model: Any, recipe: Recipe, inputs: Any, stopping: Sequence[StoppingCriteria]
) -> list[int]:
    settings = {**recipe.generation, "stopping_criteria": list(stopping)}
    return stock.generated(model, inputs, recipe.seed, **settings)


def inputs_of(model: Any, processor: Any, recipe: Recipe) -> Any:
    """What stock code hands the model, which it does not need for that. Raises `DemoError` if it cannot be verified."""
    if not recipe.greedy:
        raise DemoError(
            "Only answers at temperature 0 can be verified; the others are drawn by lot."
        )
    weights.require_as_stored(model)
    return stock_inputs(processor, recipe)


def stock_inputs(processor: Any, recipe: Recipe) -> Any:
    """What the processor makes of the recipe's messages and files. Raises `DemoError`."""
    prompt = processor.apply_chat_template(
        recipe.messages,
        tokenize=False,
        add_generation_prompt=True,
        add_vision_id=recipe.vision_ids,
    )
    inputs_of = stock.inputs_with_typed if recipe.typed else stock.inputs_of
    return inputs_of(
        processor,
        prompt,
        pictures=[_seen(item) for item in recipe.pictures],
        clips=[_seen(item) for item in recipe.clips],
        rates=[item.fps for item in recipe.clips],
    )


def _seen(item: Seen) -> Any:
    """Raises `DemoError` for a file that is gone, or so broken that only this program's own code reads it."""
    try:
        if item.kind == "image":
            return stock.picture(item.file, item.width, item.height)
        return stock.clip(item.file, item.width, item.height, item.times)
    except UNREADABLE as error:  # anything else is a bug
        log.warning("Stock code cannot read %s", item.file, exc_info=True)
        name = Path(item.file).name
        if isinstance(error, OSError) and error.errno:
            raise DemoError(
                "This answer cannot be verified, because {name} cannot be opened any more ({reason}); "
                "attach it and ask again.",
                name=name,
                reason=os.strerror(error.errno),
            ) from error
        raise DemoError(
            "This answer cannot be verified, because stock code cannot decode {name} ({reason}); "
            "save it as PNG or MP4 and ask again.",
            name=name,
            reason=type(error).__name__,
        ) from error


def compared(tokenizer: Any, ids: Sequence[int], reply: str) -> Verdict:
    """`ids` are stock's answer without end of turn; what was recorded is text."""

    def text(count: int) -> str:
        # A character may be cut into several tokens.
        return str(tokenizer.decode(ids[:count])).rstrip("\ufffd")

    if str(tokenizer.decode(ids)) == reply:
        return Verdict(len(ids))
    wrong = bisect_left(range(1, len(ids) + 1), True, key=lambda n: not reply.startswith(text(n)))
    agreed = len(text(wrong))
    return Verdict(
        len(ids), wrong, reply[agreed:][:SHOWN], str(tokenizer.decode(ids[wrong:]))[:SHOWN]
    )


def _listed(tokens: int | list[int]) -> list[int]:
    return tokens if isinstance(tokens, list) else [tokens]
