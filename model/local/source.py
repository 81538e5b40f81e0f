"""A checkpoint of this machine that a `Switch` loads and unloads."""

from __future__ import annotations

import gc
from dataclasses import dataclass, replace
from typing import Any

import torch

from model.backend import Estimate, LoadProgress, Status
from model.checkpoint import adapters
from model.checkpoint import files as checkpoint_files
from model.checkpoint import load as checkpoints
from model.checkpoint import settings as checkpoint_settings
from model.checkpoint.choose import (
    GPU_BYTES_PER_WEIGHT_BYTE,
    Choice,
    Flags,
    choose,
    weights_bytes,
)
from model.checkpoint.formats import quantization
from model.checkpoint.hub import repository as hub
from model.conversation import Conversation
from model.engine.cache.budget import ModelSizes
from model.families import BY_MODEL_TYPE
from model.local.backend import LocalBackend
from model.local.planner import Planner
from model.local.reproduction import model_info_for
from model.media.reader import IN_THIS_PROCESS, MediaReader
from model.prompt.builder import PromptBuilder
from model.reproduce.generation_record import GenerationRecord
from model.serving.fair_lock import FairLock
from model.settings import GenerationSettings
from model.switching.memory import Place


@dataclass(frozen=True)
class LocalOptions:
    """What all checkpoints of a process share, see `LocalBackend.from_choice`."""

    lock: FairLock
    cache_gb: float | None = None
    max_video_seconds: float | None = None
    stop_repetition: bool = True
    reader: MediaReader = IN_THIS_PROCESS


class LocalCheckpoint:
    """An `OpenedCheckpoint`: its files are here and were checked."""

    def __init__(self, flags: Flags, options: LocalOptions, report: LoadProgress) -> None:
        """Check the files and fetch them. Raises `CheckpointError`, before anything has to make room in memory."""
        choice = choose(checkpoints.detect_hardware(), flags)
        adapters.require_none_hidden(choice.checkpoint, choice.adapter)
        processor = checkpoints.load_processor(choice.checkpoint)
        if choice.quantize:
            quantization.require_quantizable(
                choice.checkpoint, checkpoint_files.load_config(choice.checkpoint)
            )
        if choice.adapter:
            adapters.require_fitting(choice.adapter, choice.checkpoint)
        hub.fetch(choice.checkpoint, weights=True, report=report)
        # `auto` depends on what is free, and must not become another checkpoint later.
        self._flags = replace(flags, checkpoint=choice.checkpoint)
        self._options, self._note = options, choice.note
        self._stored = checkpoint_files.bytes_in_16_bits(choice.checkpoint)
        config = checkpoint_files.load_config(choice.checkpoint)
        self.settings = checkpoint_settings.default_settings(choice.checkpoint)
        self.status = Status(
            "ready",
            choice.label,
            choice.note,
            convention=BY_MODEL_TYPE[config.model_type].key,
            reproducible=True,
        )
        self._planner = _planner(choice, config, processor, options)

    def place(self) -> Place:
        """See `OpenedCheckpoint.place`."""
        return self._place(self._choice())

    def load(self, report: LoadProgress, cache_share: float) -> LocalBackend:
        """See `OpenedCheckpoint.load`."""
        backend = LocalBackend.from_choice(
            replace(self._choice(), note=self._note),
            report=report,
            cache_share=cache_share,
            **vars(self._options),
        )
        # They know the dtype in which the weights were loaded.
        self.status, self._planner = replace(backend.status(), yield_core=None), backend.planner
        return backend

    def give_back(self) -> None:
        """See `OpenedCheckpoint.give_back`."""
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()

    def estimate(self, conversation: Conversation, settings: GenerationSettings) -> Estimate:
        """See `Backend.estimate`."""
        return self._planner.estimate(conversation, settings)

    def generation_record(
        self, conversation: Conversation, settings: GenerationSettings
    ) -> GenerationRecord:
        """See `Reproducible.generation_record`."""
        return self._planner.generation_record(conversation, settings)

    def _choice(self) -> Choice:
        """Where it runs now: on several GPUs another one may be the emptiest."""
        return choose(checkpoints.detect_hardware(), self._flags, lambda _: self._stored)

    def _place(self, choice: Choice) -> Place:
        weights = weights_bytes(self._stored, choice.dtype, choice.quantize)
        return Place(
            frozenset(f"cuda:{gpu}" for gpu in choice.gpus) or frozenset({choice.device}),
            weights,
            int(GPU_BYTES_PER_WEIGHT_BYTE * weights),
            checkpoints.free_memory(choice),
        )


def _planner(choice: Choice, config: Any, processor: Any, options: LocalOptions) -> Planner:
    """The planner before the first load."""
    context = int(config.get_text_config().max_position_embeddings)
    sizes = ModelSizes.of(config, 4 if choice.dtype == "float32" else 2)
    return Planner(
        PromptBuilder(
            processor,
            context,
            max_video_seconds=options.max_video_seconds,
            reader=options.reader,
        ),
        context,
        sizes.bytes_per_token if choice.device == "cuda" else 0,
        model_info_for(
            choice.checkpoint,
            choice.dtype,
            choice.device,
            choice.attention,
            choice.adapter,
            choice.quantize,
        ),
    )
