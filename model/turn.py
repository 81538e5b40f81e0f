"""One answer of a local model in the making: its prompt is read into a KV cache, then `generate` decodes.

Only what no earlier turn has left behind is computed: media are encoded once, prompts read from where they
differ. Everything happens in one background thread; between chunks and tokens it looks at the cancel flag.
"""

from __future__ import annotations

import secrets
import time
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from transformers import Cache, CompileConfig, GenerationConfig, StoppingCriteria

from model import feature_cache, prefill, prefix_cache, prompt_lookup, recipe
from model.backend import Cancel, Finished, Progress, Stage, StopReason, Usage
from model.encoder import Report
from model.errors import DemoError
from model.event_stream import Emit
from model.grouped_attention import grouped_attention
from model.loop_guard import LoopGuard
from model.prefix_cache import CachedPrefix
from model.prompt import Prompt
from model.settings import MAX_SEED, GenerationSettings
from model.token_stream import CancelCriteria, FiniteLogits, LoopCriteria, TextStreamer
from model.visual_item import VisualItem

if TYPE_CHECKING:
    from model.local import LocalBackend

# Large enough that the matrix products are efficient, small enough that Stop is prompt.
CHUNK_TOKENS = {"cpu": 256, "mps": 512, "cuda": 2048}


@dataclass
class Work:
    """Counters of what a turn really did, as `Usage` names them."""

    reused_tokens: int = 0
    prefilled_tokens: int = 0
    vision_encodes: int = 0
    decoded_frames: int = 0


class Turn:
    """One answer in the making: its prompt is read, then decoded."""

    def __init__(
        self,
        backend: LocalBackend,
        prompt: Prompt,
        settings: GenerationSettings,
        cancel: Cancel,
        session: str,
        emit: Emit,
        asked_at: float,
    ) -> None:
        """Raises `ContextError` when the prompt leaves no room for an answer."""
        self._backend, self._model, self._prompt = backend, backend.model, prompt
        self._settings, self._session = settings, session
        self._cancel, self._emit, self._asked_at = cancel, emit, asked_at
        self._work = Work()
        self._lost: Counter[int] = Counter()  # of what was kept for the session, by rank
        self._streamer = self._new_streamer()
        self._guard = LoopGuard()
        self._seed = secrets.randbelow(MAX_SEED + 1) if settings.seed is None else settings.seed
        self._max_new_tokens = min(settings.max_new_tokens, backend.room(prompt))
        # Drawn answers would be others: a draft takes more random numbers.
        self._looks_up = backend.prompt_lookup and settings.temperature == 0

    @property
    def begun(self) -> bool:
        """Whether a part of the answer is out."""
        return bool(self._streamer.ids)

    def answer(self) -> None:
        """Emits progress and text; may be tried again while nothing has `begun`. Raises `MediaError`."""
        self._streamer = self._new_streamer()  # `generate` hands each the prompt first
        self._lost += self._backend.kept.lost(self._session)
        ids, positions, prefix = self._take_up()
        self._read(ids, positions, prefix, until=len(self._prompt) - 1)
        if not self._cancel.is_set():
            self._decode(ids, positions, prefix)
        self._backend.prefixes.store(self._session, prefix)

    def read(self, until: int) -> None:
        """Bring the KV cache to the first `until` tokens of the prompt. Raises `MediaError`."""
        ids, positions, prefix = self._take_up()
        self._read(ids, positions, prefix, until=until)
        self._backend.prefixes.store(self._session, prefix)

    def finish(self) -> None:
        """Emits the last event, also for a turn that was cancelled before it began."""
        self._emit(Finished(self._reason(), self._usage()))

    def _new_streamer(self) -> TextStreamer:
        backend = self._backend
        return TextStreamer(backend.processor.tokenizer, backend.end_tokens, self._emit)

    def _take_up(self) -> tuple[torch.Tensor, torch.Tensor, CachedPrefix]:
        """Token ids (1, len), positions (4, 1, len), and the prefix that is in the cache already."""
        self._identities = [item.identity() for item in self._prompt.items]
        self._keys = self._prompt.keys(self._identities)
        prefix = self._backend.prefixes.take(self._session, self._keys)
        self._work = Work(reused_tokens=len(prefix.keys))
        ids = torch.tensor([self._prompt.ids], device=self._model.device)
        return ids, self._positions(ids), prefix

    def _read(
        self, ids: torch.Tensor, positions: torch.Tensor, prefix: CachedPrefix, *, until: int
    ) -> None:
        """Bring the KV cache to the first `until` tokens, or to where it was cancelled."""
        prompt = self._prompt
        features: dict[int, torch.Tensor] = {}
        unread = [i for i, span in enumerate(prompt.spans) if span.end > len(prefix.keys)]
        for i in unread:
            self._emit(Progress("vision", len(features) + 1, len(unread)))
            encoded = self._features(prompt.items[i], self._identities[i])
            if encoded is None:
                return
            features[i] = encoded
        with grouped_attention(self._model):
            self._work.prefilled_tokens = prefill.read(
                self._model,
                ids,
                positions,
                prefix.cache,
                prompt.spans,
                features.__getitem__,
                until=until,
                chunk=CHUNK_TOKENS[self._model.device.type],
                cancel=self._cancel,
                report=self._report("reading"),
            )
        prefix.keys[:] = self._keys[: prefix.cache.get_seq_length()]

    def _features(self, item: VisualItem, identity: str) -> torch.Tensor | None:
        """Vision features (tokens, hidden), an earlier turn's if they are kept; None if cancelled."""
        kept = self._backend.features.get(self._session, identity)
        if kept is not None or self._cancel.is_set():
            return kept
        encoded = self._backend.encoder.encode(item, self._cancel, self._report("media"))
        if encoded is None:
            return None
        self._work.vision_encodes += 1
        self._work.decoded_frames += encoded.decoded
        features = encoded.features
        self._backend.features.put(self._session, identity, features)
        return features

    def _positions(self, ids: torch.Tensor) -> torch.Tensor:
        """See `prefill.positions_of`; ids: (1, len)."""
        prompt, types = self._prompt, torch.zeros_like(ids)
        for span in prompt.spans:
            types[0, span.start : span.end] = 1 if span.kind == "image" else 2
        grids: dict[str, torch.Tensor] = {}
        for kind in ("image", "video"):
            if of_kind := [item.grid for item in prompt.items if item.kind == kind]:
                grids[f"{kind}_grid_thw"] = torch.tensor(of_kind, device=ids.device)
        if seconds := [item.seconds_per_grid for item in prompt.items if item.kind == "video"]:
            grids["second_per_grid_ts"] = torch.tensor(seconds, device=ids.device)
        return prefill.positions_of(self._model, ids, types, grids)

    def _decode(self, ids: torch.Tensor, positions: torch.Tensor, prefix: CachedPrefix) -> None:
        """Let `generate` read the last token and answer; the cache and its keys grow with it.

        It counts on from the last position, which it must therefore be told: behind a long clip of
        Qwen2.5-VL the largest position is on the clip's time axis, not at the end of the prompt.
        """
        finite = FiniteLogits(min(self._backend.end_tokens))
        criteria: list[StoppingCriteria] = [CancelCriteria(self._cancel)]
        if self._backend.stop_loops:
            criteria.append(LoopCriteria(self._guard, self._streamer.ids))

        def generate(cache: Cache, compiling: CompileConfig | None) -> None:
            torch.manual_seed(self._seed)
            self._model.generate(
                input_ids=ids,
                attention_mask=torch.ones_like(ids),
                position_ids=positions,
                cache=cache,
                generation_config=self._generation_config(compiling),
                streamer=self._streamer,
                stopping_criteria=criteria,
                logits_processor=[finite],
            )

        if compiled := self._backend.compiled:
            compiled.run(generate, prefix.cache, ids.shape[1] + self._max_new_tokens)
        elif self._looks_up:
            with prompt_lookup.behind_a_cache(self._model), grouped_attention(self._model):
                generate(prefix.cache, None)
        elif self._model.device.type == "cpu":
            threads = self._backend.decode_threads
            criteria.append(threads)
            with threads.decoding(), grouped_attention(self._model):
                generate(prefix.cache, None)
        else:
            generate(prefix.cache, None)
        if finite.failed:
            self._backend.kept.forget(self._session)  # they may be what is not finite
            raise DemoError(
                "The model's numbers are not finite, so the answer was ended; "
                "whoever runs this page should start it with --dtype bfloat16 or float32."
            )
        tokens = [self._prompt.ids[-1], *self._streamer.ids]
        prefix.keys += tokens[: prefix.cache.get_seq_length() - len(prefix.keys)]

    def _generation_config(self, compiling: CompileConfig | None) -> GenerationConfig:
        """Every field is passed: what is left out would come from the checkpoint's own defaults."""
        return GenerationConfig(
            **(prompt_lookup.GENERATION if self._looks_up else {}),
            **recipe.generation(self._settings, self._max_new_tokens),
            eos_token_id=sorted(self._backend.end_tokens),
            pad_token_id=min(self._backend.end_tokens),
            compile_config=compiling,
        )

    def _report(self, stage: Stage) -> Report:
        return lambda done, total: self._emit(Progress(stage, int(done), int(total)))

    def _reason(self) -> StopReason:
        if self._streamer.ended_by_itself:
            return "stop"
        if self._guard.looping:
            return "loop"
        return "cancelled" if self._cancel.is_set() else "length"

    def _usage(self) -> Usage:
        prompt, streamer, work = self._prompt, self._streamer, self._work
        first = streamer.first_at or time.perf_counter()
        return Usage(
            prompt_tokens=len(prompt),
            reused_tokens=work.reused_tokens,
            visual_tokens=prompt.visual_tokens,
            new_tokens=len(streamer.ids) - streamer.ended_by_itself,
            ttft_s=first - self._asked_at,
            decode_tokens_per_s=streamer.tokens_per_s,
            stop_reason=self._reason(),
            seed=self._seed,
            **self._settings.drawing,
            vision_encodes=work.vision_encodes,
            decoded_frames=work.decoded_frames,
            prefilled_tokens=work.prefilled_tokens,
            evicted_tokens=self._lost[prefix_cache.RANK],
            evicted_features=self._lost[feature_cache.RANK],
        )
