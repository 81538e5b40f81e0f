"""Runs generations on an engine, one at a time: answers first, reading ahead while nobody waits for an answer.

Media are decoded before the lock is taken, so the lock covers the model's work and nothing else.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Sequence
from functools import partial

import torch

from model.backend import Cancel, CancelWhen, Progress, Usage
from model.conversation import Conversation
from model.engine.cache.prefix_cache import common_prefix_length
from model.engine.engine import Engine, fits_in_memory
from model.engine.generation import Generation
from model.engine.vision_encoder import pixels_nbytes, prepare_pixels
from model.errors import DemoError
from model.local import batch
from model.local.reasoning import ThinkingEmit
from model.media.reader import MediaReader
from model.prompt.builder import PromptBuilder
from model.prompt.token_ids import Prompt
from model.prompt.token_text import decoded
from model.serving.event_stream import Emit
from model.serving.fair_lock import FairLock
from model.serving.prepared_media import Items, PreparedMedia
from model.serving.read_ahead import ReadAheadRegistry, with_question
from model.settings import GenerationSettings

# Bytes of decoded pixels that wait for the model, of all sessions together. A minute of video takes 20 MB.
MAX_PREPARED_BYTES = 512 * 2**20


class GenerationRunner:
    """Prepares media, waits for the model's lock and runs generations on an engine.

    media: pixels of all sessions that wait for the model; lock: held while the model works.
    """

    def __init__(
        self, engine: Engine, prompts: PromptBuilder, reader: MediaReader, lock: FairLock
    ) -> None:
        self._engine, self._prompts = engine, prompts
        self.media = PreparedMedia(
            partial(prepare_pixels, reader=reader), pixels_nbytes, MAX_PREPARED_BYTES
        )
        self.lock = lock
        self._read_aheads = ReadAheadRegistry()

    def answer(
        self,
        conversation: Conversation,
        settings: GenerationSettings,
        cancel: Cancel,
        session: str,
        requested_at: float,
        emit: Emit,
    ) -> None:
        """Emit the events of one answer. requested_at: `time.perf_counter()` of the request.

        Raises `ContextError` and `MediaError`, before it waits for the lock where it can, and `DemoError`.
        """
        self._read_aheads.end(session)
        with self._engine.session_cache.in_use(session), self.media.in_use(session):
            prompt = self._prompts.build(conversation, settings)
            if prompt.thinks:
                emit = ThinkingEmit(emit, decoded(self._engine.processor.tokenizer, prompt.begun))
            generation = Generation(
                self._engine, prompt, settings, cancel, session, emit, requested_at
            )
            needed = generation.items_to_prepare()
            while self._try_answer(generation, needed):
                needed = {**needed, **generation.missing_media}
        generation.finish()

    def read_ahead(
        self, conversation: Conversation, settings: GenerationSettings, session: str
    ) -> bool:
        """Read the part of a draft's prompt that does not depend on the question; see `Backend.read_ahead`."""
        if not session:
            return False
        over = self._read_aheads.begin(session)
        try:
            # The two questions share no prefix, so the prompts' common prefix does not depend on the question.
            prompt, other = (
                self._prompts.build(with_question(conversation, text), settings) for text in "01"
            )
            self._engine.max_answer_tokens(other)
            until = common_prefix_length(prompt.ids, other.ids)
            generation = Generation(
                self._engine, prompt, settings, over, session, lambda _: None, time.perf_counter()
            )
            with self.media.ready(
                session, generation.items_to_prepare(), over, lambda *_: None, ahead=True
            ):
                pass
            return self._prefill_between_answers(generation, over, until)
        finally:
            self._read_aheads.end(session, over)

    def answer_batch(
        self, conversations: Sequence[Conversation], settings: GenerationSettings
    ) -> list[tuple[str, Usage]]:
        """Answer conversations together, with greedy decoding, and return each answer with its usage, in order.

        Raises `ContextError` and `MediaError` before the first is answered, and `DemoError`.
        """
        prompts = [self._prompts.build(talk, settings) for talk in conversations]
        for prompt in prompts:
            self._engine.max_answer_tokens(prompt)
        answers: dict[int, tuple[str, Usage]] = {}
        for numbers in batch.split(prompts, settings.max_new_tokens):
            together = [prompts[number] for number in numbers]
            answers.update(zip(numbers, self._answer_together(together, settings), strict=True))
        return [answers[number] for number in range(len(prompts))]

    def _answer_together(
        self, prompts: Sequence[Prompt], settings: GenerationSettings
    ) -> list[tuple[str, Usage]]:
        """Answer one batch. Its media are decoded and encoded for it alone, equal ones once."""
        items = {item.content_hash(): item for prompt in prompts for item in prompt.items}
        answers: list[tuple[str, Usage]] = []
        requested_at, session, cancel = time.perf_counter(), secrets.token_hex(), Cancel()
        unreported = lambda *_: None  # noqa: E731
        try:
            with (
                self.media.ready(session, items, cancel, unreported) as media,
                self.lock.acquire(cancel, unreported, requested_at),
                torch.inference_mode(),
            ):
                assert media  # nobody cancels
                answer = partial(batch.answer, self._engine, prompts, settings, media, requested_at)
                self._retry_after_freeing_memory(
                    lambda: answers.extend(answer()), lambda: not answers
                )
        finally:
            self.media.forget(session)
        return answers

    def forget(self, session: str) -> None:
        """Drop everything of one session, and cancel reading ahead for it."""
        self._read_aheads.end(session)
        self._engine.session_cache.forget(session)
        self.media.forget(session)

    def _try_answer(self, generation: Generation, needed: Items) -> bool:
        """Prepare the items in `needed`, then answer.

        Returns whether to try again, because cached features were evicted in the meantime. The requests whose media
        are ready take turns at the lock, so none of them waits for another's decoder.
        """
        emit = generation.emit
        reading = lambda done, total: emit(Progress("media", int(done), int(total)))  # noqa: E731
        with self.media.ready(generation.session, needed, generation.cancel, reading) as media:
            if media is None:
                return False
            generation.decoded_frames += media.decoded
            with (
                self.lock.acquire(
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

    def _prefill_between_answers(self, generation: Generation, over: Cancel, until: int) -> bool:
        """Prefill the first `until` tokens while nobody waits for the lock, and continue after each interruption.

        Returns False if the draft is over, or if its media are gone.
        """
        while not over.is_set():
            with self.lock.enter_when_idle() as leave:
                if leave:
                    either = CancelWhen(leave.is_set, over.is_set)
                    if not self._prefill(generation, either, until):
                        return False
                    if not leave.is_set():
                        break
            self.lock.wait_until_free(over)
        return not over.is_set()

    def _prefill(self, generation: Generation, cancel: Cancel, until: int) -> bool:
        """Prefill the first `until` tokens, or fewer if cancelled. Returns False if the prepared media are gone."""
        needed = generation.items_to_prepare()
        media = self.media.kept(generation.session, needed)
        if media is None:
            return False
        with self._engine.session_cache.in_use(generation.session), torch.inference_mode():
            self._retry_after_freeing_memory(
                lambda: generation.prefill(media, cancel, until=until), lambda: not cancel.is_set()
            )
        self._discard_encoded_pixels(generation.session, needed)
        return not generation.missing_media

    def _discard_encoded_pixels(self, session: str, items: Items) -> None:
        """Drop the pixels of the items whose vision features are cached now."""
        for name in items:
            if self._engine.session_cache.get(session, name) is not None:
                self.media.discard(session, name)

    def _retry_after_freeing_memory(
        self, work: Callable[[], None], repeatable: Callable[[], bool]
    ) -> None:
        """Run `work`; if the memory runs out while it is `repeatable`, clear all caches and run it once more."""
        if fits_in_memory(work):
            return
        self.media.clear()
        self._engine.clear()
        if not repeatable() or not fits_in_memory(work):
            raise DemoError(
                "The memory does not suffice for this conversation; "
                "lower the resolution of its pictures or start over."
            )
