"""One answer of a local model: prefill of the prompt into a KV cache, then decoding with `generate`.

A generation reuses the KV cache and the vision features of earlier turns. It gets pixels from its caller and opens
no file. It runs in one thread, and checks its cancel flag between the chunks of a prefill and between tokens.
"""

from __future__ import annotations

import secrets
import time
from collections import Counter
from collections.abc import Container, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from transformers import Cache, CompileConfig, GenerationConfig, LogitsProcessor, StoppingCriteria

from model.backend import Cancel, Finished, Progress, StopReason, Usage
from model.engine import prefill, prompt_lookup
from model.engine.cache import prefix_cache
from model.engine.cache.prefix_cache import CachedPrefix
from model.engine.constraint.processor import require_not_outgrown
from model.engine.engine import Engine
from model.engine.grouped_attention import grouped_attention
from model.engine.logits import draws
from model.engine.logits.finite import FiniteLogitsProcessor, not_finite_error
from model.engine.logits.probabilities import ProbabilityRecorder
from model.engine.prefill_attention import prefill_attention
from model.engine.repetition import RepetitionDetector
from model.engine.streamer import StopWhen, TextStreamer
from model.prompt.sampling_arguments import sampling_arguments
from model.prompt.token_ids import Prompt
from model.serving.event_stream import Emit
from model.serving.media_piece import Ready
from model.serving.prepared_media import Items
from model.settings import MAX_SEED, GenerationSettings

# Prompt tokens per forward pass, by device type: enough for efficient matrix products, and few enough for a quick Stop.
PREFILL_CHUNK_TOKENS = {"cpu": 256, "mps": 512, "cuda": 2048}


@dataclass(frozen=True)
class _MatchedPrompt:
    """A prompt with the prefix that the KV cache holds.

    ids: (1, len) int; positions: (4, 1, len) int; cached: tokens in the KV cache; features: (tokens, hidden) of the
    items after these, by content hash, if they are cached.
    """

    ids: torch.Tensor
    positions: torch.Tensor
    prefix: CachedPrefix
    cached: int
    features: dict[str, torch.Tensor]


class Generation:
    """One answer. The caller prepares `items_to_prepare`, then calls `answer` and `finish`.

    To read ahead, it calls `prefill` in place of the two.
    decoded_frames: images and video frames that the caller decoded for this answer.
    missing_media: items by content hash whose features are not cached and whose pixels were not passed.
    """

    def __init__(
        self,
        engine: Engine,
        prompt: Prompt,
        settings: GenerationSettings,
        cancel: Cancel,
        session: str,
        emit: Emit,
        requested_at: float,
    ) -> None:
        """requested_at: `time.perf_counter()` of the request, from which the time to first token is measured.

        Raises `ContextError` if the prompt leaves no tokens for an answer, `MediaError` for files that are gone, and
        `SettingError` for a schema that no answer can be held to.
        """
        self._engine, self._model, self._prompt = engine, engine.model, prompt
        self._settings, self.session = settings, session
        self.cancel, self.emit, self.requested_at = cancel, emit, requested_at
        # The work that was really done, by the names of `Usage`.
        self._work: Counter[str] = Counter()
        # Counts of what was evicted since the session's last answer, by eviction rank: tokens of prefixes, or features.
        self._evicted_units: Counter[int] = Counter()
        self.decoded_frames = 0
        self.missing_media: Items = {}
        # Features of the first slices of items whose encoding was cancelled, by content hash.
        self._encoded_slices: dict[str, list[torch.Tensor]] = {}
        self._streamer = self._new_streamer()
        self._repetition = RepetitionDetector(prompt.begun)
        self._recorder = ProbabilityRecorder() if settings.logprobs else None
        self._seed = secrets.randbelow(MAX_SEED + 1) if settings.seed is None else settings.seed
        self._max_new_tokens = min(settings.max_new_tokens, engine.max_answer_tokens(prompt))
        # Tokens that were drawn before this answer.
        self._drawn = len(prompt.begun) if settings.temperature > 0 else 0
        self._content_hashes = [item.content_hash() for item in prompt.items]
        self._cache_keys = prompt.cache_keys(self._content_hashes)
        # Greedy only: speculative decoding draws more random numbers, so a seed would give another answer.
        # Nor with probabilities: it has the logits of tokens that come to nothing.
        self._uses_prompt_lookup = (
            engine.prompt_lookup and settings.temperature == 0 and not settings.logprobs
        )
        # Compiled here, because the caller holds the model's lock later.
        self._matchers = engine.schemas.matchers(settings.json_schema)

    @property
    def has_output(self) -> bool:
        """Whether a token was generated."""
        return bool(self._streamer.ids)

    def items_to_prepare(self) -> Items:
        """The items whose pixels `answer` needs, by the caches of now, which may change before the lock is taken."""
        cached = self._engine.prefix_cache.match(self.session, self._cache_keys)
        return self._missing_items(self._cached_features(cached), cached)

    def answer(self, media: Ready[torch.Tensor]) -> None:
        """Prefill and decode, and emit progress and text. It can be called again as long as not `has_output`.

        media: pixels by content hash. If cached features were evicted since `items_to_prepare`, this only sets
        `missing_media`.
        """
        # `generate` passes the prompt to a streamer first, so each call needs a new one.
        self._streamer = self._new_streamer()
        self._recorder = ProbabilityRecorder() if self._settings.logprobs else None
        self._evicted_units += self._engine.session_cache.pop_evicted_units(self.session)
        with self._match_prefix(media) as start:
            if start and self._prefill(start, media, self.cancel, until=len(self._prompt) - 1):
                self._decode(start.ids, start.positions, start.prefix)

    def prefill(self, media: Ready[torch.Tensor], cancel: Cancel, *, until: int) -> None:
        """Prefill the first `until` tokens of the prompt, or set `missing_media` as `answer` does."""
        with self._match_prefix(media) as start:
            if start:
                self._prefill(start, media, cancel, until=until)

    def finish(self) -> None:
        """Emit `Finished`, also if `answer` was never called."""
        written = self._streamer.ids
        tokens = (*self._prompt.begun, *written[: len(written) - self._streamer.has_end_token])
        self.emit(Finished(self._stop_reason(), self._usage(), tokens))

    def _new_streamer(self) -> TextStreamer:
        engine = self._engine
        return TextStreamer(engine.processor.tokenizer, engine.end_tokens, self.emit)

    @contextmanager
    def _match_prefix(self, media: Ready[torch.Tensor]) -> Iterator[_MatchedPrompt | None]:
        """Take the longest reusable prefix out of the cache, and store what it has become afterwards.

        Yields None if media are missing. After an exception nothing is stored.
        """
        prefix = self._engine.prefix_cache.pop_match(self.session, self._cache_keys)
        cached = len(prefix.keys)
        self._work = Counter(reused_tokens=cached)
        features = self._cached_features(cached)
        self.missing_media = self._missing_items({*features, *media.values}, cached)
        if self.missing_media:
            yield None
        else:
            ids = torch.tensor([self._prompt.ids], device=self._model.device)
            positions = prefill.position_ids(self._model, self._prompt, ids)
            yield _MatchedPrompt(ids, positions, prefix, cached, features)
        self._engine.prefix_cache.store(self.session, prefix)

    def _uncached_items(self, cached: int) -> list[int]:
        """The indices of the items that end after the first `cached` tokens."""
        return sorted({span.item for span in self._prompt.spans if span.end > cached})

    def _cached_features(self, cached: int) -> dict[str, torch.Tensor]:
        """The cached features (tokens, hidden) of the uncached items, by content hash."""
        names = [self._content_hashes[i] for i in self._uncached_items(cached)]
        found = ((name, self._engine.session_cache.get(self.session, name)) for name in names)
        return {name: features for name, features in found if features is not None}

    def _missing_items(self, names: Container[str], cached: int) -> Items:
        """The uncached items whose content hash is not in `names`."""
        hashes, items = self._content_hashes, self._prompt.items
        uncached = ((hashes[i], items[i]) for i in self._uncached_items(cached))
        return {name: item for name, item in uncached if name not in names}

    def _prefill(
        self, start: _MatchedPrompt, media: Ready[torch.Tensor], cancel: Cancel, *, until: int
    ) -> bool:
        """Prefill the first `until` tokens. Returns False, with fewer tokens in the KV cache, if cancelled."""
        uncached = self._uncached_items(start.cached)
        features: dict[int, torch.Tensor] = {}
        for i in uncached:
            self.emit(Progress("vision", len(features) + 1, len(uncached)))
            encoded = self._encode(i, start.features, media, cancel)
            if encoded is None:
                return False
            features[i] = encoded
        with prefill_attention(self._model):
            self._work["prefilled_tokens"] = prefill.prefill_in_chunks(
                self._model,
                start.ids,
                start.positions,
                start.prefix.cache,
                self._prompt.spans,
                lambda span: features[span.item],
                until=until,
                chunk=PREFILL_CHUNK_TOKENS[self._model.device.type],
                cancel=cancel,
                report=lambda done, total: self.emit(Progress("reading", done, total)),
            )
        start.prefix.keys[:] = self._cache_keys[: start.prefix.cache.get_seq_length()]
        return not cancel.is_set()

    def _encode(
        self,
        number: int,
        kept: dict[str, torch.Tensor],
        media: Ready[torch.Tensor],
        cancel: Cancel,
    ) -> torch.Tensor | None:
        """The vision features (tokens, hidden) of an item, which are added to `kept`; None if cancelled."""
        name = self._content_hashes[number]
        if name in kept or cancel.is_set():
            return kept.get(name)
        # A cancelled encoding continues with its next slice.
        slices = self._encoded_slices.setdefault(name, [])
        encoder, item = self._engine.vision_encoder, self._prompt.items[number]
        features = encoder.encode(item, media.values[name], cancel, slices)
        if features is None:
            return None
        del self._encoded_slices[name]
        kept[name] = features
        self._work["vision_encodes"] += 1
        rank = prefix_cache.FEATURES_RANK
        self._engine.session_cache.put(self.session, name, features, features.nbytes, rank=rank)
        return features

    def _decode(self, ids: torch.Tensor, positions: torch.Tensor, prefix: CachedPrefix) -> None:
        """Let `generate` read the prompt's last token and answer. The KV cache and its keys grow with the answer.

        `generate` gets the positions of the whole prompt, because it continues from the last one. After a long video
        of Qwen2.5-VL the largest position is on the time axis of the video, not at the end of the prompt.
        """
        finite = FiniteLogitsProcessor(min(self._engine.end_tokens))
        held = self._engine.schemas.processors(self._matchers, [self._prompt])
        processors: list[LogitsProcessor] = [*held, finite, *filter(None, [self._recorder])]
        criteria: list[StoppingCriteria] = [StopWhen(self.cancel.is_set)]
        if self._engine.stops_repetition(self._settings):
            # The streamer has fetched its ids from the GPU already, one token late.
            criteria.append(StopWhen(lambda: self._repetition.read(self._streamer.ids)))

        def generate(cache: Cache, compiling: CompileConfig | None) -> None:
            draws.seed_after(self._model, self._seed, self._drawn)
            self._model.generate(
                input_ids=ids,
                attention_mask=torch.ones_like(ids),
                position_ids=positions,
                cache=cache,
                generation_config=self._generation_config(compiling),
                streamer=self._streamer,
                stopping_criteria=criteria,
                logits_processor=processors,
            )

        if compiled_decoding := self._engine.compiled_decoding:
            compiled_decoding.run(generate, prefix.cache, ids.shape[1] + self._max_new_tokens)
        elif self._uses_prompt_lookup:
            with prompt_lookup.skip_cached_tokens(self._model), grouped_attention(self._model):
                generate(prefix.cache, None)
        elif self._engine.device == "cpu":
            criteria.append(StopWhen(self._engine.decode_threads.token_done))
            with self._engine.decode_threads.decoding(), grouped_attention(self._model):
                generate(prefix.cache, None)
        else:
            generate(prefix.cache, None)
        if finite.failed:
            # The numbers may come from the cached keys, values or features, so these are dropped.
            self._engine.session_cache.forget(self.session)
            raise not_finite_error()
        require_not_outgrown(held)
        tokens = [self._prompt.ids[-1], *self._streamer.ids]
        prefix.keys += tokens[: prefix.cache.get_seq_length() - len(prefix.keys)]

    def _generation_config(self, compiling: CompileConfig | None) -> GenerationConfig:
        """Every field is passed: a missing one would get the value of the checkpoint's generation_config."""
        return GenerationConfig(
            **(prompt_lookup.GENERATION_ARGUMENTS if self._uses_prompt_lookup else {}),
            **sampling_arguments(self._settings, self._max_new_tokens),
            eos_token_id=sorted(self._engine.end_tokens),
            pad_token_id=min(self._engine.end_tokens),
            compile_config=compiling,
        )

    def _stop_reason(self) -> StopReason:
        if self._streamer.has_end_token:
            return "stop"
        if self._repetition.is_repeating:
            return "loop"
        return "cancelled" if self.cancel.is_set() else "length"

    def _usage(self) -> Usage:
        prompt, streamer, work = self._prompt, self._streamer, self._work
        tokenizer, ends = self._engine.processor.tokenizer, self._engine.end_tokens
        first = streamer.first_token_at or time.perf_counter()
        return Usage(
            prompt_tokens=len(prompt),
            reused_tokens=work["reused_tokens"],
            visual_tokens=prompt.visual_tokens,
            new_tokens=len(streamer.ids) - streamer.has_end_token,
            ttft_s=first - self.requested_at,
            decode_tokens_per_s=streamer.tokens_per_s,
            stop_reason=self._stop_reason(),
            seed=self._seed,
            **self._settings.drawing,
            vision_encodes=work["vision_encodes"],
            decoded_frames=self.decoded_frames,
            prefilled_tokens=work["prefilled_tokens"],
            evicted_tokens=self._evicted_units[prefix_cache.PREFIX_RANK],
            evicted_features=self._evicted_units[prefix_cache.FEATURES_RANK],
            continued_tokens=len(prompt.begun),
            logprobs=self._recorder and self._recorder.logprobs(tokenizer, streamer.ids, ends),
        )
