"""LocalBackend: a checkpoint in this process, through transformers.

It puts the packages together: `checkpoint` loads the model, `prompt` builds prompts, `GenerationRunner` runs
generations on an `Engine` one at a time, each in a background thread, and `Reproduction` verifies answers.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from os import PathLike
from typing import Any

from model.backend import CacheFigures, Cancel, Estimate, Event, Status, Usage, collected
from model.checkpoint import settings as checkpoint_settings
from model.checkpoint.choose import GB, Choice, Flags, choose
from model.checkpoint.load import detect_hardware, free_memory, load
from model.conversation import Conversation
from model.engine.cache import prefix_cache
from model.engine.cache.budget import ModelSizes, cache_budget_bytes
from model.engine.cache.prefix_cache import bytes_per_token
from model.engine.cache.static_cache import CompiledDecoding, compile_decoding
from model.engine.engine import Engine
from model.errors import CheckpointError
from model.families import BY_MODEL_TYPE
from model.local.planner import Planner
from model.local.reproduction import Reproduction, model_info_of
from model.local.runner import GenerationRunner
from model.media.reader import IN_THIS_PROCESS, MediaReader
from model.prompt.builder import PromptBuilder
from model.reproduce.generation_record import GenerationRecord, ModelInfo, VerifyResult
from model.serving.event_stream import events_of
from model.serving.fair_lock import FairLock
from model.settings import DefaultSettings, GenerationSettings


class LocalBackend:
    """A `Backend` and `Reproducible` with one model in this process. All caches are per session."""

    def __init__(
        self,
        model: Any,
        processor: Any,
        *,
        label: str = "",
        note: str = "",
        cache_bytes: int = 0,
        max_video_seconds: float | None = None,
        compiled_decoding: CompiledDecoding | None = None,
        stop_repetition: bool = True,
        prompt_lookup: bool = False,
        adapter: str = "",
        reader: MediaReader = IN_THIS_PROCESS,
        lock: FairLock | None = None,
    ) -> None:
        """model, processor: of transformers; label, note: for `status`; adapter: the name of the one in `model`.

        max_video_seconds: longer videos are refused; reader: opens the files of conversations; lock: shared with other
        models, if one at a time is to work. For the other arguments see `Engine`.
        """
        self.engine = Engine(
            model,
            processor,
            cache_bytes=cache_bytes,
            compiled_decoding=compiled_decoding,
            stop_repetition=stop_repetition,
            prompt_lookup=prompt_lookup,
        )
        self._prompts = PromptBuilder(
            processor,
            self.engine.context_tokens,
            max_video_seconds=max_video_seconds,
            reader=reader,
        )
        gpu_bytes = bytes_per_token(model) if self.engine.device == "cuda" else 0
        info = model_info_of(model, adapter)
        self.planner = Planner(self._prompts, self.engine.context_tokens, gpu_bytes, info)
        self._label, self._note = label, note
        self._default_settings = checkpoint_settings.default_settings(model.config.name_or_path)
        self._runner = GenerationRunner(self.engine, self._prompts, reader, lock or FairLock())
        self._reproduction = Reproduction(self.engine, self._runner.lock, reader)

    @classmethod
    def load(
        cls,
        checkpoint: str | PathLike[str],
        *,
        device: str = "auto",
        dtype: str = "auto",
        flash_attn2: bool = False,
        compiled: bool = False,
        prompt_lookup: bool = False,
        cache_gb: float | None = None,
        adapter: str | PathLike[str] = "",
        quantize: str = "",
    ) -> LocalBackend:
        """Load a checkpoint, and an adapter on top of it, each by folder or hub id. A hub id is downloaded first.

        device: auto, cpu, cuda or mps. dtype: auto, bfloat16, float16 or float32. cache_gb: GiB that KV caches and
        vision features may take between turns; None for a share of the free memory. quantize: 4bit or 8bit. The others are the flags of the
        same names. Raises `CheckpointError`, before the weights are read where it can.
        """
        flags = Flags(
            str(checkpoint),
            device == "cpu",
            flash_attn2,
            dtype,
            compiled,
            prompt_lookup,
            adapter=str(adapter),
            quantize=quantize,
        )
        choice = choose(detect_hardware(), flags)
        if device not in ("auto", choice.device):
            raise CheckpointError(
                "There is no {device} device here; use {available}.",
                device=device,
                available=choice.device,
            )
        return cls.from_choice(choice, cache_gb=cache_gb)

    @classmethod
    def from_choice(
        cls,
        choice: Choice,
        *,
        cache_gb: float | None = None,
        max_video_seconds: float | None = None,
        stop_repetition: bool = True,
        report: Callable[[float], None] = lambda _: None,
        reader: MediaReader = IN_THIS_PROCESS,
        lock: FairLock | None = None,
        cache_share: float = 1.0,
    ) -> LocalBackend:
        """Load what `choose` returned. Raises `CheckpointError`.

        report: called with the share done, 0..1; lock: see `__init__`; cache_share: of the caches' memory, where several
        models share it.
        """
        share = 0.5 if choice.compiled else 1.0
        model, processor = load(choice, lambda done: report(share * done))
        compiling = lambda done: report(share + (1 - share) * done)  # noqa: E731
        compiled_decoding = compile_decoding(model, compiling) if choice.compiled else None
        if cache_gb is None:
            sizes = ModelSizes.of(model.config, model.dtype.itemsize)
            kept = cache_budget_bytes(free_memory(choice), sizes, len(choice.gpus))
        else:
            kept = int(cache_gb * GB)
        # Loading can change the dtype: AWQ's kernels for GPUs compute in float16 only.
        dtype: Any = str(model.dtype).removeprefix("torch.")
        return cls(
            model,
            processor,
            label=replace(choice, dtype=dtype).label,
            note=choice.note,
            cache_bytes=int(cache_share * kept),
            max_video_seconds=max_video_seconds,
            compiled_decoding=compiled_decoding,
            stop_repetition=stop_repetition,
            prompt_lookup=choice.prompt_lookup,
            adapter=choice.adapter,
            reader=reader,
            lock=lock,
        )

    @property
    def model(self) -> Any:
        """The transformers model."""
        return self.engine.model

    @property
    def processor(self) -> Any:
        """The transformers processor."""
        return self.engine.processor

    @property
    def model_info(self) -> ModelInfo:
        """Checkpoint, dtype, device, attention and adapter, for generation records."""
        return self.planner.model_info

    def status(self) -> Status:
        convention = BY_MODEL_TYPE[self.model.config.model_type].key
        yield_core = self.engine.decode_threads.yield_core if self.engine.device == "cpu" else None
        return Status(
            "ready",
            self._label,
            self._note,
            1.0,
            convention,
            yield_core,
            reproducible=True,
            continues=True,
        )

    def default_settings(self) -> DefaultSettings:
        return self._default_settings

    def prompt(self, conversation: Conversation, settings: GenerationSettings) -> str:
        """The prompt text, with one pad token per image or video."""
        return self._prompts.text(conversation, settings)

    def prompt_ids(self, conversation: Conversation, settings: GenerationSettings) -> list[int]:
        """The token ids that the model gets. Raises `MediaError`."""
        return self._prompts.build(conversation, settings).ids

    def estimate(self, conversation: Conversation, settings: GenerationSettings) -> Estimate:
        return self.planner.estimate(conversation, settings)

    def stream(
        self,
        conversation: Conversation,
        settings: GenerationSettings,
        cancel: Cancel,
        *,
        session: str = "",
    ) -> Iterator[Event]:
        """See `Backend.stream`. Raises `ContextError` and `MediaError`."""
        answer = partial(
            self._runner.answer, conversation, settings, cancel, session, time.perf_counter()
        )
        return events_of(answer, cancel)

    def answer_batch(
        self, conversations: Sequence[Conversation], settings: GenerationSettings
    ) -> list[tuple[str, Usage]]:
        """Answer conversations that need not wait for each other. Returns each answer with its usage, in order.

        Greedy answers are decoded together and equal those of `stream`, in float32. Sampled ones are drawn one after the
        other, so that a seed gives what it gives alone; so are those with probabilities.
        Nothing is reused from earlier turns, and nothing is kept.
        Raises `ContextError`, `MediaError` and `DemoError`.
        """
        if settings.temperature > 0 or settings.logprobs:
            return [collected(self.stream(talk, settings, Cancel())) for talk in conversations]
        return self._runner.answer_batch(conversations, settings)

    def read_ahead(
        self, conversation: Conversation, settings: GenerationSettings, *, session: str
    ) -> bool:
        return self._runner.read_ahead(conversation, settings, session)

    def generation_record(
        self, conversation: Conversation, settings: GenerationSettings
    ) -> GenerationRecord:
        """See `Reproducible.generation_record`."""
        return self.planner.generation_record(conversation, settings)

    def verify(self, record: GenerationRecord, reply: str, cancel: Cancel) -> VerifyResult | None:
        """See `Reproducible.verify`."""
        return self._reproduction.verify(record, reply, cancel)

    def forget(self, session: str) -> None:
        self._runner.forget(session)

    def cache_figures(self) -> CacheFigures:
        evicted = self.engine.session_cache.evicted
        return CacheFigures(
            self.engine.session_cache.nbytes,
            self.engine.session_cache.budget,
            evicted[prefix_cache.PREFIX_RANK],
            evicted[prefix_cache.FEATURES_RANK],
        )
