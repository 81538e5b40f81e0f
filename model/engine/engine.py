"""The engine: a model in this process with its processor and the caches of all sessions.

Every `Generation` runs on an engine. The engine does not lock: the caller runs one generation at a time.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import torch

from model.engine.cache.prefix_cache import PrefixCache, bytes_per_token
from model.engine.cache.static_cache import CompiledDecoding
from model.engine.constraint.schemas import Schemas
from model.engine.decode_threads import DecodeThreads
from model.engine.vision_encoder import VisionEncoder
from model.errors import DemoError
from model.json_schema import ends
from model.prompt import visual_item
from model.prompt.token_ids import Prompt
from model.serving.session_cache import SessionCache
from model.settings import GenerationSettings

log = logging.getLogger(__name__)

# How a RuntimeError of torch words it on Linux and macOS, on Windows, and on Apple GPUs. CUDA has its own exception.
OUT_OF_MEMORY_MESSAGES = ("can't allocate memory", "not enough memory", "MPS backend out of memory")


class Engine:
    """A model, its processor, the caches of all sessions, and how tokens are decoded."""

    def __init__(
        self,
        model: Any,
        processor: Any,
        *,
        cache_bytes: int = 0,
        compiled_decoding: CompiledDecoding | None = None,
        stop_repetition: bool = True,
        prompt_lookup: bool = False,
    ) -> None:
        """model, processor: of transformers.

        cache_bytes: budget of the KV caches and vision features that are kept between turns, together.
        stop_repetition: end an answer that repeats its tail, see `repetition`.
        prompt_lookup: decode greedy answers with prompt lookup; excludes `compiled_decoding`.
        """
        self.model, self.processor = model, processor
        self.context_tokens = int(model.config.get_text_config().max_position_embeddings)
        self.end_tokens = _end_tokens(model, processor)
        self.vision_encoder = VisionEncoder(model, processor)
        self.compiled_decoding = compiled_decoding
        self.decode_threads = DecodeThreads()
        # KV caches, see `prefix_cache`, and vision features (visual tokens, hidden), by content hash.
        self.session_cache: SessionCache[Any] = SessionCache(cache_bytes)
        self.prefix_cache = PrefixCache(self.session_cache, bytes_per_token(model))
        self.schemas = Schemas(processor.tokenizer, self.end_tokens)
        self.stop_repetition, self.prompt_lookup = stop_repetition, prompt_lookup

    @property
    def device(self) -> str:
        """The type of the model's device: cpu, cuda or mps."""
        return str(self.model.device.type)

    def stops_repetition(self, settings: GenerationSettings) -> bool:
        """Whether an answer that repeats its tail is ended. One whose schema limits its length ends by itself."""
        return self.stop_repetition and not (settings.json_schema and ends(settings.json_schema))

    def max_answer_tokens(self, prompt: Prompt) -> int:
        """The number of tokens that `prompt` leaves in the context. Raises `ContextError` if it leaves none."""
        if (room := self.context_tokens - len(prompt)) > 0:
            return room
        raise visual_item.context_error(
            prompt.conversation,
            prompt.items,
            len(prompt) + 1,
            self.context_tokens,
            text_tokens=len(prompt) - prompt.visual_tokens,
        )

    def clear(self) -> None:
        """Evict all sessions' entries, and return the allocator's memory to the GPU."""
        self.session_cache.clear()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()


def fits_in_memory(work: Callable[[], None]) -> bool:
    """Run `work` and return True, or return False if the memory ran out.

    Raises `DemoError` if the GPU failed; other exceptions of `work` pass through.
    """
    try:
        work()
    except torch.AcceleratorError as error:
        log.exception("the GPU failed")
        raise DemoError(
            "The graphics card failed under this answer; try again, and if that fails too, "
            "whoever runs this page has to restart it."
        ) from error
    except (RuntimeError, MemoryError) as error:
        known = isinstance(error, torch.OutOfMemoryError | MemoryError)
        if not known and not any(words in str(error) for words in OUT_OF_MEMORY_MESSAGES):
            raise
        log.warning("The memory ran out", exc_info=True)
        return False
    return True


def _end_tokens(model: Any, processor: Any) -> frozenset[int]:
    """The ids of the tokens that end a turn: those of the generation config, and the tokenizer's end of turn."""
    own = model.generation_config.eos_token_id
    listed = own if isinstance(own, list) else [own]
    return frozenset(t for t in (*listed, processor.tokenizer.eos_token_id) if t is not None)
