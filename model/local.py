"""LocalBackend: a checkpoint in this process, through transformers.

Turns are answered one at a time, each in a background thread (`turn`). What a session will need again is kept.
Pictures and clips are decoded before a turn (`prepared_media`): the lock covers the model's work and nothing else.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from os import PathLike
from pathlib import Path
from typing import Any

import torch

from model.backend import CacheFigures, Cancel, Estimate, Event, Progress, Status
from model.checkpoint import settings as checkpoint_settings
from model.conversation import Conversation
from model.engine.cache import feature_cache, prefix_cache
from model.engine.cache.feature_cache import FeatureCache
from model.engine.cache.prefix_cache import PrefixCache, bytes_per_token, common_length
from model.engine.cache.static_cache import CompiledDecoding
from model.engine.decode_threads import DecodeThreads
from model.engine.generation import Turn
from model.engine.streamer import CancelCriteria
from model.engine.vision_encoder import VisionEncoder, prepared, prepared_nbytes
from model.errors import CheckpointError, DemoError
from model.families import Geometry
from model.media.reader import IN_THIS_PROCESS, MediaReader
from model.prompt import visual_item
from model.prompt.chat_template import ChatTemplate, Segment, prompt_text
from model.prompt.token_ids import Prompt, build
from model.reproduce import generation_record as recipe
from model.reproduce import verify
from model.reproduce.generation_record import Recipe, Runtime, Verdict
from model.serving.drafts import Drafts, EitherCancel, continued
from model.serving.event_stream import Emit, events_of
from model.serving.fair_lock import Turnstile
from model.serving.prepared_media import Items, PreparedMedia
from model.serving.session_cache import SessionStore
from model.settings import DefaultSettings, GenerationSettings

log = logging.getLogger(__name__)

# How torch says that the memory of a CPU is spent (on Linux and macOS, on Windows), or an Apple GPU's.
OUT_OF_MEMORY = ("can't allocate memory", "not enough memory", "MPS backend out of memory")
MAX_PREPARED_BYTES = 512 * 2**20  # of pixels that wait for the model; a minute's clip has 20 MB


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
        prompt_lookup: bool = False,
        adapter: str = "",
        reader: MediaReader = IN_THIS_PROCESS,
    ) -> None:
        """cache_bytes: what may be kept between turns, KV caches and vision features together.

        stop_loops: whether an answer that repeats its tail is ended; never before `loop_guard.MIN_TOKENS`.
        prompt_lookup: see there; not together with `compiled`.
        adapter: the name of one that is in `model`; reader: who opens the files of conversations.
        """
        self.model = model
        self.processor = processor
        self.context_tokens = int(model.config.get_text_config().max_position_embeddings)
        self.end_tokens = _end_tokens(model, processor)
        self.runtime = _runtime(model, adapter)
        self.encoder = VisionEncoder(model, processor)
        self.compiled = compiled
        self.decode_threads = DecodeThreads()
        self.kept: SessionStore[Any] = SessionStore(cache_bytes)
        self.prefixes = PrefixCache(self.kept, bytes_per_token(model))
        self.features = FeatureCache(self.kept)
        self._label, self._note = label, note
        self._max_video_seconds = max_video_seconds
        self._reader = reader
        self.stop_loops, self.prompt_lookup = stop_loops, prompt_lookup
        self._template = ChatTemplate(processor)
        self._default_settings = checkpoint_settings.default_settings(model.config.name_or_path)
        images = processor.image_processor
        self._geometry = Geometry(images.patch_size, images.merge_size, images.temporal_patch_size)
        self._cache_bytes_per_token = bytes_per_token(model) if model.device.type == "cuda" else 0
        self._media = PreparedMedia(
            partial(prepared, reader=reader), prepared_nbytes, MAX_PREPARED_BYTES
        )
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
        prompt_lookup: bool = False,
        cache_gb: float | None = None,
        adapter: str | PathLike[str] = "",
    ) -> LocalBackend:
        """A checkpoint and an adapter by folder or hub id. device: auto, cpu, cuda or mps.

        cache_gb: kept between turns; None takes a share of the free memory. Raises `CheckpointError`.
        """
        from model.checkpoint import load as checkpoints
        from model.checkpoint.choose import Flags, choose

        flags = Flags(
            str(checkpoint),
            device == "cpu",
            flash_attn2,
            dtype,
            compiled,
            prompt_lookup,
            adapter=str(adapter),
        )
        choice = choose(checkpoints.hardware(), flags)
        if device not in ("auto", choice.device):
            raise CheckpointError(
                "There is no {device} device here; use {available}.",
                device=device,
                available=choice.device,
            )
        return checkpoints.load(choice, cache_gb=cache_gb)

    def make_room(self) -> None:
        self.decode_threads.make_room()

    def status(self) -> Status:
        # Each family's name is its convention's.
        convention, on_cpu = self.model.config.model_type, self.model.device.type == "cpu"
        return Status("ready", self._label, self._note, 1.0, convention, on_cpu, reproducible=True)

    def default_settings(self) -> DefaultSettings:
        return self._default_settings

    def prompt(self, conversation: Conversation, settings: GenerationSettings) -> str:
        """The prompt text, with one pad token per picture or video."""
        return prompt_text(self._segments(conversation, settings))

    def prompt_ids(self, conversation: Conversation, settings: GenerationSettings) -> list[int]:
        """The token ids that the model gets. Raises `MediaError`."""
        return self.build_prompt(conversation, settings).ids

    def build_prompt(self, conversation: Conversation, settings: GenerationSettings) -> Prompt:
        """Token ids and items, planned from the files' headers. Raises `MediaError`."""
        longest = self._max_video_seconds
        visual_item.require_holdable(conversation, self.context_tokens)
        items = visual_item.plan(
            conversation,
            self._geometry,
            max_video_seconds=longest,
            context_tokens=self.context_tokens,
            reader=self._reader,
        )
        prompt = build(self._template, self._segments(conversation, settings), items)
        return replace(prompt, conversation=conversation)

    def room(self, prompt: Prompt) -> int:
        """Tokens left for the answer. Raises `ContextError` when there is none."""
        if (room := self.context_tokens - len(prompt)) > 0:
            return room
        raise visual_item.exceeded(
            prompt.conversation,
            prompt.items,
            len(prompt) + 1,
            self.context_tokens,
            text_tokens=len(prompt) - prompt.visual_tokens,
        )

    def estimate(self, conversation: Conversation, settings: GenerationSettings) -> Estimate:
        prompt = self.build_prompt(conversation, settings)
        costs = tuple(item.cost for item in prompt.items)
        gpu_bytes = self._cache_bytes_per_token * len(prompt)
        return Estimate(
            costs,
            len(prompt),
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
            self._drafts.end(session)
            with self.kept.in_use(session), self._media.in_use(session):
                # What cannot be answered is refused before the wait, not after it.
                prompt = self.build_prompt(conversation, settings)
                turn = Turn(self, prompt, settings, cancel, session, emit, asked_at)
                needed = turn.unprepared()
                while self._attempt(turn, needed):
                    needed = {**needed, **turn.lacking}
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
            self.room(other)
            until = common_length(prompt.ids, other.ids)
            turn = Turn(self, prompt, settings, over, session, lambda _: None, time.perf_counter())
            with self._media.ready(session, turn.unprepared(), over, _tell_nobody, ahead=True):
                pass
            while not over.is_set():
                with self._turnstile.spare() as leave:
                    if leave:
                        if not self._read_spare(turn, EitherCancel(leave, over), until):
                            return False
                        if not leave.is_set():
                            break
                self._turnstile.wait_until_free(over)
            return not over.is_set()
        finally:
            self._drafts.end(session, over)

    def recipe(self, conversation: Conversation, settings: GenerationSettings) -> Recipe:
        """See `Replaying.recipe`."""
        prompt = self.build_prompt(conversation, settings)
        longest = min(settings.max_new_tokens, max(1, self.context_tokens - len(prompt)))
        return Recipe(
            runtime=self.runtime,
            prompt=self.prompt(conversation, settings),
            messages=recipe.messages(
                conversation, settings.system_prompt, self._template.control_tokens
            ),
            seen=tuple(map(recipe.seen, prompt.items)),
            vision_ids=settings.vision_ids,
            generation=recipe.generation(settings, longest),
            seed=settings.seed or 0,
        )

    def verify(self, recipe: Recipe, reply: str, cancel: Cancel) -> Verdict | None:
        """See `Replaying.verify`: spare work, which begins anew when somebody came in between."""
        if cancel.is_set():
            return None
        made: list[Any] = []
        verdicts: list[Verdict] = []

        def prepare() -> None:
            made.append(verify.inputs_of(self.model, self.processor, recipe, self._reader))

        def replay(stop: Cancel) -> None:
            stopping = [CancelCriteria(stop)]
            verdict = verify.replay(self.model, self.processor, recipe, reply, stopping, made[0])
            if not stop.is_set():
                verdicts.append(verdict)

        _require_memory_to_verify(prepare)
        while not verdicts and not cancel.is_set():
            with self._turnstile.spare() as leave:
                if leave:
                    _require_memory_to_verify(partial(replay, EitherCancel(leave, cancel)))
            self._turnstile.wait_until_free(cancel)
        return verdicts[0] if verdicts else None

    def _attempt(self, turn: Turn, needed: Items) -> bool:
        """Prepare these items, then answer; says whether to try again, as something that was kept is gone meanwhile.

        Whoever asked first is first at the model among those whose media are ready: nobody waits for another's decoder.
        """
        emit = turn.emit
        reading = lambda done, total: emit(Progress("media", int(done), int(total)))  # noqa: E731
        with self._media.ready(turn.session, needed, turn.cancel, reading) as media:
            if media is None:
                return False
            turn.decoded += media.decoded
            with (
                self._turnstile.turn(
                    turn.cancel, lambda ahead: emit(Progress("queued", 0, ahead)), turn.asked_at
                ) as entered,
                torch.inference_mode(),
            ):
                if entered:
                    self._with_memory(lambda: turn.answer(media), lambda: not turn.begun)
        self._discard(turn.session, needed)
        return bool(turn.lacking) and not turn.cancel.is_set()

    def _discard(self, session: str, items: Items) -> None:
        """Pixels are kept until their vision features are."""
        for name in items:
            if self.features.get(session, name) is not None:
                self._media.discard(session, name)

    def _with_memory(self, work: Callable[[], None], repeatable: Callable[[], bool]) -> None:
        """Once more without anything kept, if the memory runs out while `work` is `repeatable`."""
        if _fits(work):
            return
        self.kept.clear()
        self._media.clear()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        if not repeatable() or not _fits(work):
            raise DemoError(
                "The memory does not suffice for this conversation; "
                "lower the resolution of its pictures or start over."
            )

    def _read_spare(self, turn: Turn, cancel: Cancel, until: int) -> bool:
        """Whether all that was prepared for it is still there. What is interrupted goes on where it was."""
        unprepared = turn.unprepared()
        media = self._media.kept(turn.session, unprepared)
        if media is None:
            return False
        with self.kept.in_use(turn.session), torch.inference_mode():
            self._with_memory(
                lambda: turn.read(media, cancel, until=until), lambda: not cancel.is_set()
            )
        self._discard(turn.session, unprepared)
        return not turn.lacking

    def forget(self, session: str) -> None:
        self._drafts.end(session)
        self.kept.forget(session)
        self._media.forget(session)

    def cache_figures(self) -> CacheFigures:
        evicted = self.kept.evicted
        return CacheFigures(
            self.kept.nbytes,
            self.kept.budget,
            evicted[prefix_cache.RANK],
            evicted[feature_cache.RANK],
        )

    def _segments(
        self, conversation: Conversation, settings: GenerationSettings
    ) -> tuple[Segment, ...]:
        own = conversation.system
        system = settings.system_prompt if own is None else own
        return self._template.segments(conversation, system=system, vision_ids=settings.vision_ids)


def _tell_nobody(_done: float, _total: float) -> None:
    pass


def _require_memory_to_verify(work: Callable[[], None]) -> None:
    if not _fits(work):
        raise DemoError("The memory does not suffice to answer this again in one piece.")


def _fits(work: Callable[[], None]) -> bool:
    """Whether there was memory enough. What a failure held on to is free again when this returns."""
    try:
        work()
    except (torch.OutOfMemoryError, MemoryError):
        log.warning("The memory ran out", exc_info=True)
        return False
    except torch.AcceleratorError as error:
        log.exception("the GPU failed")
        raise DemoError(
            "The graphics card failed under this answer; try again, and if that fails too, "
            "whoever runs this page has to restart it."
        ) from error
    except RuntimeError as error:
        if not any(words in str(error) for words in OUT_OF_MEMORY):
            raise
        log.warning("The memory ran out", exc_info=True)
        return False
    return True


def _runtime(model: Any, adapter: str) -> Runtime:
    """What people may know of it: where a folder lies on this machine is nobody's business."""
    from model.checkpoint.choose import BUNDLED

    def known_as(path: Path) -> str:
        return path.name if path.is_dir() else str(path)

    path = Path(model.config.name_or_path)
    return Runtime(
        checkpoint=f"assets/{path.name}" if path == BUNDLED else known_as(path),
        dtype=str(model.dtype).removeprefix("torch."),
        device=model.device.type,
        attention=model.config._attn_implementation,
        adapter=known_as(Path(adapter)) if adapter else "",
    )


def _end_tokens(model: Any, processor: Any) -> frozenset[int]:
    """The tokens that end a turn: the checkpoint's own list and the tokenizer's end of turn."""
    own = model.generation_config.eos_token_id
    listed = own if isinstance(own, list) else [own]
    return frozenset(t for t in (*listed, processor.tokenizer.eos_token_id) if t is not None)
