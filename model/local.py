"""LocalBackend: a checkpoint in this process, through transformers.

A turn is rendered, its new media encoded, the new part of its prompt read into a KV cache, and answered by
`generate`, all in one background thread and one at a time. What a session will need again is kept.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from os import PathLike
from pathlib import Path
from typing import Any

import torch
from transformers import Cache, CompileConfig, GenerationConfig

from model import prefill, recipe, verify, visual_item
from model.backend import (
    Cancel,
    Estimate,
    Event,
    Finished,
    Progress,
    Stage,
    Status,
    StopReason,
    Usage,
)
from model.chat_template import ChatTemplate, Segment, prompt_text
from model.compiled import CompiledDecoding
from model.conversation import Conversation
from model.encoder import Report, VisionEncoder
from model.errors import CheckpointError, DemoError
from model.event_stream import Emit, events_of
from model.loop_guard import LoopGuard
from model.prefix_cache import CachedPrefix, PrefixCache, common_length
from model.prompt import Prompt, build
from model.read_ahead import Drafts, EitherCancel, continued
from model.recipe import Recipe, Runtime, Verdict
from model.session_store import SessionStore
from model.settings import MAX_SEED, GenerationSettings
from model.token_stream import CancelCriteria, LoopCriteria, TextStreamer, decoding
from model.turnstile import Turnstile
from model.vision import Geometry

# Large enough that the matrix products are efficient, small enough that Stop is prompt.
CHUNK_TOKENS = {"cpu": 256, "mps": 512, "cuda": 2048}


class LocalBackend:
    """Answers with one model on this machine; everything it keeps is per session."""

    def __init__(
        self,
        model: Any,
        processor: Any,
        *,
        label: str = "",
        note: str = "",
        cache_bytes: int = 0,
        max_video_seconds: float | None = None,
        compiled: CompiledDecoding | None = None,
        stop_loops: bool = True,
    ) -> None:
        """cache_bytes: what may be kept between turns, half of it KV caches and half vision features.

        stop_loops: whether an answer that repeats its tail is ended; never before `loop_guard.MIN_TOKENS`.
        """
        self.model = model
        self.processor = processor
        self.context_tokens = int(model.config.get_text_config().max_position_embeddings)
        self.end_tokens = _end_tokens(model, processor)
        self.runtime = _runtime(model)
        self.encoder = VisionEncoder(model, processor)
        self.compiled = compiled
        self.prefixes = PrefixCache(cache_bytes // 2)
        self.features: SessionStore[torch.Tensor] = SessionStore(cache_bytes // 2)
        self._label, self._note = label, note
        self._max_video_seconds = max_video_seconds
        self.stop_loops = stop_loops
        self._template = ChatTemplate(processor)
        images = processor.image_processor
        self._geometry = Geometry(images.patch_size, images.merge_size, images.temporal_patch_size)
        self._cache_bytes_per_token = _cache_bytes(model) if model.device.type == "cuda" else 0
        self._turnstile = Turnstile()
        self._drafts = Drafts()

    @classmethod
    def load(
        cls,
        checkpoint: str | PathLike[str],
        *,
        device: str = "auto",
        dtype: str = "auto",
        flash_attn2: bool = False,
        compiled: bool = False,
        cache_gb: float | None = None,
    ) -> LocalBackend:
        """A checkpoint by folder or hub id. device: auto, cpu, cuda or mps.

        cache_gb: kept between turns; None takes a share of the free memory. Raises `CheckpointError`.
        """
        from model import checkpoint as checkpoints

        flags = checkpoints.Flags(str(checkpoint), device == "cpu", flash_attn2, dtype, compiled)
        choice = checkpoints.choose(checkpoints.hardware(), flags)
        if device not in ("auto", choice.device):
            raise CheckpointError(
                "There is no {device} device here; use {available}.",
                device=device,
                available=choice.device,
            )
        return checkpoints.load(choice, cache_gb=cache_gb)

    def status(self) -> Status:
        # Each family's name is its convention's.
        return Status("ready", self._label, self._note, 1.0, self.model.config.model_type)

    def prompt(self, conversation: Conversation, settings: GenerationSettings) -> str:
        """The prompt text, with one pad token per picture or video."""
        return prompt_text(self._segments(conversation, settings))

    def prompt_ids(self, conversation: Conversation, settings: GenerationSettings) -> list[int]:
        """The token ids that the model gets. Raises `MediaError`."""
        return self.build_prompt(conversation, settings).ids

    def build_prompt(self, conversation: Conversation, settings: GenerationSettings) -> Prompt:
        """Token ids and items, planned from the files' headers. Raises `MediaError`."""
        longest = self._max_video_seconds
        items = visual_item.plan(conversation, self._geometry, max_video_seconds=longest)
        return build(self._template, self._segments(conversation, settings), items)

    def estimate(self, conversation: Conversation, settings: GenerationSettings) -> Estimate:
        prompt = self.build_prompt(conversation, settings)
        costs = tuple(item.cost for item in prompt.items)
        gpu_bytes = self._cache_bytes_per_token * len(prompt.ids)
        return Estimate(
            costs,
            len(prompt.ids),
            self.context_tokens,
            token_px=self._geometry.token_px,
            gpu_bytes=gpu_bytes,
        )

    def stream(
        self,
        conversation: Conversation,
        settings: GenerationSettings,
        cancel: Cancel,
        *,
        session: str = "",
    ) -> Iterator[Event]:
        """See `Backend.stream`. Raises `ContextError` and `MediaError`."""
        asked_at = time.perf_counter()

        def work(emit: Emit) -> None:
            # What cannot be answered is refused before the wait, not after it.
            self._drafts.end(session)
            prompt = self.build_prompt(conversation, settings)
            turn = _Turn(self, prompt, settings, cancel, session, emit, asked_at)
            with self._turnstile.turn(
                cancel, lambda ahead: emit(Progress("queued", 0, ahead))
            ) as entered:
                if entered:
                    with torch.inference_mode():
                        self._answer(turn)
            turn.finish()

        return events_of(work, cancel)

    def read_ahead(
        self, conversation: Conversation, settings: GenerationSettings, *, session: str
    ) -> bool:
        """See `Backend.read_ahead`: what of the prompt does not depend on the question goes into the KV cache."""
        if not session:
            return False
        over = self._drafts.begin(session)
        try:
            # Two questions without a common beginning: their prompts agree just as far as is known yet.
            prompt, other = (
                self.build_prompt(continued(conversation, text), settings) for text in "01"
            )
            until = common_length(prompt.ids, other.ids)
            while not over.is_set():
                with self._turnstile.spare() as leave:
                    if leave:
                        self._read_spare(
                            prompt, settings, EitherCancel(leave, over), session, until
                        )
                        if not leave.is_set():
                            break
                self._turnstile.wait_until_free(over)
            return not over.is_set()
        finally:
            self._drafts.end(session, over)

    def recipe(self, conversation: Conversation, settings: GenerationSettings) -> Recipe:
        """See `Replaying.recipe`."""
        prompt = self.build_prompt(conversation, settings)
        longest = min(settings.max_new_tokens, max(1, self.context_tokens - len(prompt.ids)))
        return Recipe(
            runtime=self.runtime,
            prompt=self.prompt(conversation, settings),
            messages=recipe.messages(conversation, settings.system_prompt),
            seen=tuple(map(recipe.seen, prompt.items)),
            vision_ids=settings.vision_ids,
            generation=recipe.generation(settings, longest),
            seed=settings.seed or 0,
        )

    def verify(self, recipe: Recipe, reply: str, cancel: Cancel) -> Verdict | None:
        """See `Replaying.verify`: spare work, which begins anew when somebody came in between."""
        verdicts: list[Verdict] = []

        def replay(stop: Cancel) -> None:
            stopping = [CancelCriteria(stop)]
            verdict = verify.replay(self.model, self.processor, recipe, reply, stopping)
            if not stop.is_set():
                verdicts.append(verdict)

        while not verdicts and not cancel.is_set():
            with self._turnstile.spare() as leave:
                if leave and not _fits(partial(replay, EitherCancel(leave, cancel))):
                    raise DemoError(
                        "The memory does not suffice to answer this again in one piece."
                    )
            self._turnstile.wait_until_free(cancel)
        return verdicts[0] if verdicts else None

    def _answer(self, turn: _Turn) -> None:
        """Once more without anything kept, if the memory runs out before the first word."""
        if _fits(turn.answer):
            return
        self.prefixes.clear()
        self.features.clear()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        if turn.begun or not _fits(turn.answer):
            raise DemoError(
                "The memory does not suffice for this conversation; "
                "lower the resolution of its pictures or start over."
            )

    def _read_spare(
        self,
        prompt: Prompt,
        settings: GenerationSettings,
        cancel: Cancel,
        session: str,
        until: int,
    ) -> None:
        turn = _Turn(self, prompt, settings, cancel, session, lambda _: None, time.perf_counter())
        with torch.inference_mode():
            turn.read(until)

    def forget(self, session: str) -> None:
        self._drafts.end(session)
        self.prefixes.forget(session)
        self.features.forget(session)

    def _segments(
        self, conversation: Conversation, settings: GenerationSettings
    ) -> tuple[Segment, ...]:
        own = conversation.system
        system = settings.system_prompt if own is None else own
        return self._template.segments(conversation, system=system, vision_ids=settings.vision_ids)


@dataclass
class _Work:
    """Counters of what a turn really did, as `Usage` names them."""

    reused_tokens: int = 0
    prefilled_tokens: int = 0
    vision_encodes: int = 0
    decoded_frames: int = 0


class _Turn:
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
        self._work = _Work()
        self._streamer = TextStreamer(backend.processor.tokenizer, backend.end_tokens, emit)
        self._guard = LoopGuard()
        self._seed = secrets.randbelow(MAX_SEED + 1) if settings.seed is None else settings.seed
        self._max_new_tokens = min(settings.max_new_tokens, self._room())

    @property
    def begun(self) -> bool:
        """Whether a part of the answer is out."""
        return bool(self._streamer.ids)

    def answer(self) -> None:
        """Emits progress and text. Raises `MediaError`."""
        ids, positions, prefix = self._take_up()
        self._read(ids, positions, prefix, until=len(self._prompt.ids) - 1)
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

    def _room(self) -> int:
        """Tokens left for the answer. Raises `ContextError` when there is none."""
        prompt = self._prompt
        room = self._backend.context_tokens - len(prompt.ids)
        if room > 0:
            return room
        raise visual_item.exceeded(prompt.items, len(prompt.ids) + 1, self._backend.context_tokens)

    def _take_up(self) -> tuple[torch.Tensor, torch.Tensor, CachedPrefix]:
        """Token ids (1, len), positions (4, 1, len), and the prefix that is in the cache already."""
        self._identities = [item.identity() for item in self._prompt.items]
        self._keys = self._prompt.keys(self._identities)
        prefix = self._backend.prefixes.take(self._session, self._keys)
        self._work = _Work(reused_tokens=len(prefix.keys))
        ids = torch.tensor([self._prompt.ids], device=self._model.device)
        return ids, self._positions(ids), prefix

    def _read(
        self, ids: torch.Tensor, positions: torch.Tensor, prefix: CachedPrefix, *, until: int
    ) -> None:
        """Bring the KV cache to the first `until` tokens, or to where it was cancelled."""
        prompt = self._prompt
        features: dict[int, torch.Tensor] = {}
        for i, span in enumerate(prompt.spans):
            if span.end > len(prefix.keys):
                encoded = self._features(prompt.items[i], self._identities[i])
                if encoded is None:
                    return
                features[i] = encoded
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

    def _features(self, item: visual_item.VisualItem, identity: str) -> torch.Tensor | None:
        """Vision features (tokens, hidden), an earlier turn's if they are kept; None if cancelled."""
        kept = self._backend.features.get(self._session, identity)
        if kept is not None:
            return kept
        encoded = self._backend.encoder.encode(item, self._cancel, self._report("media"))
        if encoded is None:
            return None
        self._work.vision_encodes += 1
        self._work.decoded_frames += encoded.decoded
        features = encoded.features
        self._backend.features.put(self._session, identity, features, features.nbytes)
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
        criteria: list[CancelCriteria | LoopCriteria] = [CancelCriteria(self._cancel)]
        if self._backend.stop_loops:
            criteria.append(LoopCriteria(self._guard, self._streamer.ids))

        def generate(cache: Cache, compiling: CompileConfig | None) -> None:
            torch.manual_seed(self._seed)
            self._model.generate(
                input_ids=ids,
                attention_mask=torch.ones_like(ids),
                position_ids=positions,
                past_key_values=cache,
                generation_config=self._generation_config(compiling),
                streamer=self._streamer,
                stopping_criteria=criteria,
            )

        with decoding() if self._model.device.type == "cpu" else nullcontext():
            if compiled := self._backend.compiled:
                compiled.run(generate, prefix.cache, ids.shape[1] + self._max_new_tokens)
            else:
                generate(prefix.cache, None)
        tokens = [self._prompt.ids[-1], *self._streamer.ids]
        prefix.keys += tokens[: prefix.cache.get_seq_length() - len(prefix.keys)]

    def _generation_config(self, compiling: CompileConfig | None) -> GenerationConfig:
        """Every field is passed: what is left out would come from the checkpoint's own defaults."""
        return GenerationConfig(
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
        decoding = (streamer.last_at or first) - first
        return Usage(
            prompt_tokens=len(prompt.ids),
            reused_tokens=work.reused_tokens,
            visual_tokens=prompt.visual_tokens,
            new_tokens=len(streamer.ids) - streamer.ended_by_itself,
            ttft_s=first - self._asked_at,
            decode_tokens_per_s=(len(streamer.ids) - 1) / decoding if decoding > 0 else 0.0,
            stop_reason=self._reason(),
            seed=self._seed,
            vision_encodes=work.vision_encodes,
            decoded_frames=work.decoded_frames,
            prefilled_tokens=work.prefilled_tokens,
        )


def _fits(work: Callable[[], None]) -> bool:
    """Whether there was memory enough. What a failure held on to is free again when this returns."""
    try:
        work()
    except (torch.OutOfMemoryError, MemoryError):
        return False
    except RuntimeError as error:  # what torch raises for the memory of a CPU
        if "can't allocate memory" not in str(error):
            raise
        return False
    return True


def _cache_bytes(model: Any) -> int:
    """Of the KV cache, for one token."""
    text = model.config.get_text_config()
    head = getattr(text, "head_dim", None) or text.hidden_size // text.num_attention_heads
    numbers = 2 * text.num_hidden_layers * text.num_key_value_heads * head
    return int(numbers * model.dtype.itemsize)


def _runtime(model: Any) -> Runtime:
    """What people may know of it: where a folder lies on this machine is nobody's business."""
    from model.checkpoint import BUNDLED

    path = Path(model.config.name_or_path)
    bundled = path == BUNDLED
    return Runtime(
        checkpoint=f"assets/{path.name}" if bundled else path.name if path.is_dir() else str(path),
        dtype=str(model.dtype).removeprefix("torch."),
        device=model.device.type,
        attention=model.config._attn_implementation,
    )


def _end_tokens(model: Any, processor: Any) -> frozenset[int]:
    """The tokens that end a turn: the checkpoint's own list and the tokenizer's end of turn."""
    own = model.generation_config.eos_token_id
    listed = own if isinstance(own, list) else [own]
    return frozenset(t for t in (*listed, processor.tokenizer.eos_token_id) if t is not None)
