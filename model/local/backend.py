"""LocalBackend: a checkpoint in this process, through transformers.

It puts the packages together: `checkpoint` loads, `prompt` words, `serving` takes turns, `engine` answers. Answers
are generated one at a time, each in a background thread. Media are decoded before the lock is taken, so the lock
covers the model's work and nothing else.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from os import PathLike
from typing import Any

import torch

from model.backend import CacheFigures, Cancel, Estimate, Event, Progress, Status
from model.checkpoint import settings as checkpoint_settings
from model.checkpoint.choose import GB, Choice, Flags, choose
from model.checkpoint.load import detect_hardware, free_memory, load
from model.conversation import Conversation
from model.engine.cache import feature_cache, prefix_cache
from model.engine.cache.budget import ModelSizes, cache_budget_bytes
from model.engine.cache.prefix_cache import bytes_per_token, common_prefix_length
from model.engine.cache.static_cache import CompiledDecoding, compile_decoding
from model.engine.engine import Engine, fits_in_memory
from model.engine.generation import Generation
from model.engine.vision_encoder import pixels_nbytes, prepare_pixels
from model.errors import CheckpointError, DemoError
from model.local.reproduction import Reproduction, model_info_of
from model.media.reader import IN_THIS_PROCESS, MediaReader
from model.prompt.builder import PromptBuilder
from model.reproduce.generation_record import GenerationRecord, ModelInfo, VerifyResult
from model.serving.drafts import Drafts, EitherCancel, continued
from model.serving.event_stream import Emit, events_of
from model.serving.fair_lock import Turnstile
from model.serving.prepared_media import Items, PreparedMedia
from model.settings import DefaultSettings, GenerationSettings

# Of pixels that wait for the model. A minute of a clip has 20 MB.
MAX_PREPARED_BYTES = 512 * 2**20


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
        stop_repetition: bool = True,
        prompt_lookup: bool = False,
        adapter: str = "",
        reader: MediaReader = IN_THIS_PROCESS,
    ) -> None:
        """label, note: for `status`; adapter: the name of one that is in `model`.

        max_video_seconds: longer clips are refused; reader: opens the files of conversations. The rest: see `Engine`.
        """
        self.engine = Engine(
            model,
            processor,
            cache_bytes=cache_bytes,
            compiled=compiled,
            stop_repetition=stop_repetition,
            prompt_lookup=prompt_lookup,
        )
        self._prompts = PromptBuilder(
            processor,
            self.engine.context_tokens,
            max_video_seconds=max_video_seconds,
            reader=reader,
        )
        self._label, self._note = label, note
        self._default_settings = checkpoint_settings.default_settings(model.config.name_or_path)
        self._media = PreparedMedia(
            partial(prepare_pixels, reader=reader), pixels_nbytes, MAX_PREPARED_BYTES
        )
        self._turnstile = Turnstile()
        self._drafts = Drafts()
        self._reproduction = Reproduction(
            self.engine, self._prompts, self._turnstile, reader, model_info_of(model, adapter)
        )

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
    ) -> LocalBackend:
        """A checkpoint and an adapter by folder or hub id. device: auto, cpu, cuda or mps.

        cache_gb: kept between turns; None takes a share of the free memory. Raises `CheckpointError`.
        """
        flags = Flags(
            str(checkpoint),
            device == "cpu",
            flash_attn2,
            dtype,
            compiled,
            prompt_lookup,
            adapter=str(adapter),
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
    ) -> LocalBackend:
        """Load what `choose` chose. report: told how far this is, from 0 to 1. Raises `CheckpointError`."""
        share = 0.5 if choice.compiled else 1.0
        model, processor = load(choice, lambda done: report(share * done))
        compiled = None
        if choice.compiled:
            compiled = compile_decoding(model, lambda done: report(share + (1 - share) * done))
        if cache_gb is None:
            sizes = ModelSizes.of(model.config, model.dtype.itemsize)
            kept = cache_budget_bytes(free_memory(choice), sizes, len(choice.gpus))
        else:
            kept = int(cache_gb * GB)
        # AWQ's kernels for GPUs compute in float16, whatever was asked for.
        dtype: Any = str(model.dtype).removeprefix("torch.")
        return cls(
            model,
            processor,
            label=replace(choice, dtype=dtype).label,
            note=choice.note,
            cache_bytes=kept,
            max_video_seconds=max_video_seconds,
            compiled=compiled,
            stop_repetition=stop_repetition,
            prompt_lookup=choice.prompt_lookup,
            adapter=choice.adapter,
            reader=reader,
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
        """What runs: checkpoint, dtype, device, attention, adapter."""
        return self._reproduction.model_info

    def make_room(self) -> None:
        self.engine.decode_threads.make_room()

    def status(self) -> Status:
        # Each family's name is its convention's.
        convention, on_cpu = self.model.config.model_type, self.engine.device == "cpu"
        return Status("ready", self._label, self._note, 1.0, convention, on_cpu, reproducible=True)

    def default_settings(self) -> DefaultSettings:
        return self._default_settings

    def prompt(self, conversation: Conversation, settings: GenerationSettings) -> str:
        """The prompt text, with one pad token per image or video."""
        return self._prompts.text(conversation, settings)

    def prompt_ids(self, conversation: Conversation, settings: GenerationSettings) -> list[int]:
        """The token ids that the model gets. Raises `MediaError`."""
        return self._prompts.build(conversation, settings).ids

    def estimate(self, conversation: Conversation, settings: GenerationSettings) -> Estimate:
        prompt = self._prompts.build(conversation, settings)
        costs = tuple(item.cost for item in prompt.items)
        on_gpu = self.engine.device == "cuda"
        gpu_bytes = bytes_per_token(self.model) * len(prompt) if on_gpu else 0
        return Estimate(
            costs,
            len(prompt),
            self.engine.context_tokens,
            token_px=self._prompts.geometry.token_px,
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
        requested_at = time.perf_counter()

        def work(emit: Emit) -> None:
            self._drafts.end(session)
            with self.engine.session_cache.in_use(session), self._media.in_use(session):
                # What cannot be answered is refused before the wait, not after it.
                prompt = self._prompts.build(conversation, settings)
                generation = Generation(
                    self.engine, prompt, settings, cancel, session, emit, requested_at
                )
                needed = generation.items_to_prepare()
                while self._try_answer(generation, needed):
                    needed = {**needed, **generation.missing_media}
            generation.finish()

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
                self._prompts.build(continued(conversation, text), settings) for text in "01"
            )
            self.engine.max_answer_tokens(other)
            until = common_prefix_length(prompt.ids, other.ids)
            generation = Generation(
                self.engine, prompt, settings, over, session, lambda _: None, time.perf_counter()
            )
            with self._media.ready(
                session, generation.items_to_prepare(), over, _ignore_progress, ahead=True
            ):
                pass
            while not over.is_set():
                with self._turnstile.spare() as leave:
                    if leave:
                        if not self._prefill_while_idle(
                            generation, EitherCancel(leave, over), until
                        ):
                            return False
                        if not leave.is_set():
                            break
                self._turnstile.wait_until_free(over)
            return not over.is_set()
        finally:
            self._drafts.end(session, over)

    def generation_record(
        self, conversation: Conversation, settings: GenerationSettings
    ) -> GenerationRecord:
        """See `Reproducible.generation_record`."""
        return self._reproduction.generation_record(conversation, settings)

    def verify(self, record: GenerationRecord, reply: str, cancel: Cancel) -> VerifyResult | None:
        """See `Reproducible.verify`."""
        return self._reproduction.verify(record, reply, cancel)

    def _try_answer(self, generation: Generation, needed: Items) -> bool:
        """Prepare these items, then answer; says whether to try again, as something that was kept is gone meanwhile.

        Whoever asked first is first at the model among those whose media are ready: nobody waits for another's decoder.
        """
        emit = generation.emit
        reading = lambda done, total: emit(Progress("media", int(done), int(total)))  # noqa: E731
        with self._media.ready(generation.session, needed, generation.cancel, reading) as media:
            if media is None:
                return False
            generation.decoded_frames += media.decoded
            with (
                self._turnstile.turn(
                    generation.cancel,
                    lambda ahead: emit(Progress("queued", 0, ahead)),
                    generation.requested_at,
                ) as entered,
                torch.inference_mode(),
            ):
                if entered:
                    self._retry_after_freeing_memory(
                        lambda: generation.answer(media), lambda: not generation.has_output
                    )
        self._discard_encoded_pixels(generation.session, needed)
        return bool(generation.missing_media) and not generation.cancel.is_set()

    def _discard_encoded_pixels(self, session: str, items: Items) -> None:
        """Pixels are kept until their vision features are."""
        for name in items:
            if self.engine.feature_cache.get(session, name) is not None:
                self._media.discard(session, name)

    def _retry_after_freeing_memory(
        self, work: Callable[[], None], repeatable: Callable[[], bool]
    ) -> None:
        """Once more without anything kept, if the memory runs out while `work` is `repeatable`."""
        if fits_in_memory(work):
            return
        self._media.clear()
        self.engine.clear()
        if not repeatable() or not fits_in_memory(work):
            raise DemoError(
                "The memory does not suffice for this conversation; "
                "lower the resolution of its pictures or start over."
            )

    def _prefill_while_idle(self, generation: Generation, cancel: Cancel, until: int) -> bool:
        """Whether all that was prepared for it is still there. What is interrupted goes on where it was."""
        needed = generation.items_to_prepare()
        media = self._media.kept(generation.session, needed)
        if media is None:
            return False
        with self.engine.session_cache.in_use(generation.session), torch.inference_mode():
            self._retry_after_freeing_memory(
                lambda: generation.prefill(media, cancel, until=until), lambda: not cancel.is_set()
            )
        self._discard_encoded_pixels(generation.session, needed)
        return not generation.missing_media

    def forget(self, session: str) -> None:
        self._drafts.end(session)
        self.engine.session_cache.forget(session)
        self._media.forget(session)

    def cache_figures(self) -> CacheFigures:
        evicted = self.engine.session_cache.evicted
        return CacheFigures(
            self.engine.session_cache.nbytes,
            self.engine.session_cache.budget,
            evicted[prefix_cache.EVICTION_RANK],
            evicted[feature_cache.EVICTION_RANK],
        )


def _ignore_progress(_done: float, _total: float) -> None:
    pass
