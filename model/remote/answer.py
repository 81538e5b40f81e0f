"""Answer: the request for one answer, its stream, and the retries that can help.

A retry may leave out fields that the server rejects, ask for fewer tokens, or send videos as images.
"""

from __future__ import annotations

import logging
import re
import ssl
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

import httpx2
from anyio import EndOfStream
from openai import APITimeoutError, OpenAIError

from model.backend import Cancel, Finished, Notice, Progress, StopReason, Usage
from model.conversation import Conversation
from model.errors import ContextError, LocalizedText
from model.prompt.visual_item import VisualItem, context_error
from model.remote.chunk import MAX_TOP
from model.remote.http import errors
from model.remote.http.client import OPTIONAL, PROBABILITIES, VIDEO, ServedModels, Server
from model.remote.http.stream import chunks
from model.remote.media import EncodedMedia, content_part
from model.remote.messages import MediaSlot, RemoteMessage, openai_messages
from model.remote.reply import Reply
from model.serving.event_stream import Emit
from model.serving.prepared_media import Items
from model.settings import GenerationSettings

log = logging.getLogger(__name__)

# Seconds before each retry of a busy or unreachable server.
BACKOFF_S = (0.3, 1.0, 3.0)
# Seconds. If the server asks for a longer wait, the person is told at once that it is busy.
PATIENCE_S = 30.0
# Errors that mean a lost connection. The last two surface where an error of TLS is not translated into one of httpx.
LOST = (httpx2.RequestError, ssl.SSLError, EndOfStream)
RETRYABLE = (OpenAIError, errors.BrokenOffError, errors.StreamedError, errors.StrangerError)
_BARE_BOX = re.compile(r"\(\d{1,3},\d{1,3}\),\(\d{1,3},\d{1,3}\)")


@dataclass(frozen=True)
class PlannedRequest:
    """The messages and items of a request, and its cost. exact: whether no part of the cost is an estimate."""

    conversation: Conversation
    messages: tuple[RemoteMessage, ...]
    items: tuple[VisualItem, ...]
    prompt_tokens: int
    exact: bool

    @property
    def visual_tokens(self) -> int:
        return sum(item.tokens for item in self.items)

    def exceeded(self, needed: int, held: int) -> ContextError:
        """The error for a request that needs more tokens than the `held` ones of the server's context."""
        text_tokens = self.prompt_tokens - self.visual_tokens
        return context_error(self.conversation, self.items, needed, held, text_tokens=text_tokens)


class Answer:
    """One answer of a server, emitted as events while it arrives.

    decoded: images and video frames that the caller decoded for this answer.
    """

    def __init__(
        self,
        server: Server,
        plan_request: Callable[[bool], PlannedRequest],
        settings: GenerationSettings,
        cancel: Cancel,
        emit: Emit,
        asked_at: float,
    ) -> None:
        """plan_request: plans it with videos as videos (True) or as images.

        asked_at: `time.perf_counter()` of the request, from which the time to first token is measured. Raises
        `ContextError` and `MediaError`.
        """
        self._server, self._plan_request = server, plan_request
        self._settings, self._cancel = settings, cancel
        self._emit, self._asked_at = emit, asked_at
        self._without = set(server.unsupported)
        self.decoded = 0
        self._plan()
        self._reply = self._new_reply()

    @property
    def items(self) -> Items:
        """The items that the request contains, by content hash."""
        return {item.content_hash(): item for item in self._planned.items}

    def fetch(self, media: Mapping[str, EncodedMedia]) -> None:
        """Send the request, again after an error that may pass, until it is answered or cancelled.

        media: the encoded `items`, by content hash. Raises `DemoError`.
        """
        encoded: dict[tuple[str, int], EncodedMedia] = {
            (item.kind, item.number): media[item.content_hash()] for item in self._planned.items
        }
        backoff = iter(BACKOFF_S)
        while not self._cancel.is_set():
            self._reply = self._new_reply()
            try:
                self._server.run_until(self._receive(self._request(encoded)), self._cancel)
                break
            except RETRYABLE as error:
                self._retry_or_raise(error, backoff)
        self._detect_quirks()

    def finish(self) -> None:
        """Emit `Finished`, also if the request was never sent."""
        reply = self._reply
        reason: StopReason = reply.ending or "cancelled"
        if sentence := self._lack(reason):
            self._emit(Notice(sentence))
        prompt_tokens = reply.counts.get("prompt_tokens", self._planned.prompt_tokens)
        reused = min(reply.counts.get("reused_tokens", 0), prompt_tokens)
        first_word_at = reply.first_word_at or self._asked_at
        self._emit(
            Finished(
                reason,
                Usage(
                    prompt_tokens=prompt_tokens,
                    reused_tokens=reused,
                    visual_tokens=self._planned.visual_tokens,
                    new_tokens=reply.new_tokens,
                    ttft_s=first_word_at - self._asked_at,
                    decode_tokens_per_s=reply.tokens_per_s,
                    stop_reason=reason,
                    seed=self._settings.seed or 0,
                    **self._settings.drawing,
                    reasoning_tokens=reply.reasoning_tokens,
                    decoded_frames=self.decoded,
                    prefilled_tokens=prompt_tokens - reused if reply.counts else 0,
                    logprobs=reply.logprobs if self._settings.logprobs else None,
                ),
            )
        )

    def _plan(self) -> None:
        """Plan the request without the unsupported parts. Raises `ContextError` if it certainly fills the context."""
        self._planned = self._plan_request(VIDEO not in self._without)
        self._max_tokens = self._settings.max_new_tokens
        if held := self._server.context_tokens:
            planned = self._planned
            surely = planned.prompt_tokens if planned.exact else planned.visual_tokens
            if surely >= held:
                raise planned.exceeded(surely + 1, held)
            self._max_tokens = max(1, min(self._max_tokens, held - planned.prompt_tokens))

    def _request(self, encoded: Mapping[tuple[str, int], EncodedMedia]) -> dict[str, Any]:
        """The request's fields. A sampling field that is left out would get the server's default."""

        def part(shown: MediaSlot) -> dict[str, Any]:
            return content_part(shown, encoded[shown.item.kind, shown.item.number])

        settings = self._settings
        request: dict[str, Any] = {
            "model": self._server.model,
            "messages": openai_messages(self._planned.messages, part),
            "stream": True,
            "stream_options": {"include_usage": True},
            "max_tokens": self._max_tokens,
            "temperature": settings.temperature,
        }
        extra: dict[str, Any] = {
            "repetition_penalty": settings.repetition_penalty,
            "skip_special_tokens": False,
        }
        if settings.temperature > 0:
            request |= {"top_p": settings.top_p, "seed": settings.seed}
            extra["top_k"] = settings.top_k or -1  # vLLM and SGLang write -1 for all tokens
        if settings.logprobs and not self._without & {*PROBABILITIES}:
            request |= {"logprobs": True, "top_logprobs": MAX_TOP}
        if self._planned.conversation.begun_reply:
            extra |= {"add_generation_prompt": False, "continue_final_message": True}
        for name in self._without:
            request.pop(name, None)
            extra.pop(name, None)
        return request | {"extra_body": extra}

    async def _receive(self, request: dict[str, Any]) -> None:
        """Send the request, read its stream and close it. The openai client's own reader fails on irregular chunks."""
        reply = self._reply
        asked = self._server.client.chat.completions.with_streaming_response.create(**request)
        async with asked as response:
            try:
                async with aclosing(chunks(response.http_response.aiter_bytes())) as received:
                    async for chunk in received:
                        reply.take(chunk)
                        if reply.full:
                            reply.ending = "length"
                            break
            except httpx2.TimeoutException as error:
                raise APITimeoutError(response.http_request) from error
            except LOST as error:
                raise errors.BrokenOffError from error
        reply.end()

    def _new_reply(self) -> Reply:
        begins = self._planned.conversation.begun_reply is None
        always_thinks = begins and "thinking" in self._server.model.lower()
        # The server answers once these are left out.
        begun = lambda: self._record_quirks(unsupported=self._without)  # noqa: E731
        return Reply(self._emit, begun, always_thinks=always_thinks)

    def _retry_or_raise(self, error: Exception, backoff: Iterator[float]) -> None:
        """Change the request, or wait, so that asking again may help. Raises `DemoError` if neither does."""
        model, server = self._server.model, self._server
        served = server.ask_again() if errors.is_about_the_model(error) else ServedModels()
        if server.model != model:
            return  # the server was restarted with another model
        if not self._reply.begun and (self._change(error) or self._wait(error, backoff)):
            return
        log.warning("The server failed", exc_info=error)
        raise errors.to_demo_error(
            error, server.connection, model=model, models=served.models
        ) from error

    def _change(self, error: Exception) -> bool:
        """Change the request so that the server may accept it, and return whether it was changed.

        Raises `ContextError`.
        """
        if fields := errors.rejected_fields(error, OPTIONAL) - self._without:
            self._without |= fields
            return True
        if lengths := errors.exceeded_context(error):
            self._shorten(*lengths)
            return True
        another_cause = errors.out_of_memory(error) or errors.is_about_the_model(error)
        clips = VIDEO not in self._without and any(i.kind == "video" for i in self._planned.items)
        if clips and errors.status(error) in errors.NO_CLIPS and not another_cause:
            self._without.add(VIDEO)
            self._plan()
            return True
        return False

    def _wait(self, error: Exception, backoff: Iterator[float]) -> bool:
        asked = errors.retry_after(error)
        if asked is None or asked > PATIENCE_S or (pause := next(backoff, None)) is None:
            return False
        self._emit(Progress("queued", 0, 0))
        self._cancel.wait(max(asked, pause))
        return True

    def _shorten(self, needed: int, held: int) -> None:
        """Limit the answer to the tokens that the context leaves by the server's count. Raises `ContextError`."""
        room = held - needed
        if not needed or room <= 0 or self._max_tokens <= room:
            least = max(needed, self._planned.prompt_tokens, held)
            raise self._planned.exceeded((needed or least) + 1, held)
        self._max_tokens = room

    def _detect_quirks(self) -> None:
        """Compare the server's token count and text with ours: does it resize, drop frames or strip control tokens?"""
        planned, text = self._planned, self._reply.text
        counted = self._reply.counts.get("prompt_tokens")
        if counted and planned.items:
            off = abs(counted - planned.prompt_tokens)
            missing = planned.prompt_tokens - counted
            text_tokens = planned.prompt_tokens - planned.visual_tokens
            if planned.exact and (kept := kept_frames(planned.items, missing)):
                self._record_quirks(kept_frames=kept)
            elif off > (0 if planned.exact else text_tokens):
                self._record_quirks(resizes=True)
        if _BARE_BOX.search(text) and "<|box_start|>" not in text:
            self._record_quirks(strips_special_tokens=True)

    def _record_quirks(self, **learnt: Any) -> None:
        for sentence in self._server.record_quirks(**learnt):
            self._emit(Notice(sentence))

    def _lack(self, reason: StopReason) -> LocalizedText | None:
        """The notice for an empty or a filtered answer; None if nothing needs saying."""
        reply = self._reply
        if self._settings.logprobs and reply.text and not reply.logprobs:
            return LocalizedText("This server does not say how sure its model is of each word.")
        if reason == "filtered":
            return LocalizedText(
                "The server's filter held back the rest of the answer; ask differently."
            )
        if reason not in ("stop", "length") or reply.text.strip():
            return None
        if reply.thought and reason == "length":
            return LocalizedText(
                "The model was still thinking when the maximum answer length was reached; "
                "raise 'Maximum answer length' and retry."
            )
        if reply.thought:
            return LocalizedText("The model thought and gave no answer; retry, or ask differently.")
        return LocalizedText("The model's answer is empty; retry, or ask differently.")


def kept_frames(items: Sequence[VisualItem], missing: int) -> int:
    """The number of leading frames of each video that a server read, if dropping the rest explains exactly
    `missing` tokens; else 0.
    """
    pairs = [(item.grid[0], item.tokens // item.grid[0]) for item in items if item.kind == "video"]
    longest = max((count for count, _ in pairs), default=0)
    for kept in range(longest - 1, 0, -1):
        if missing == sum(max(0, count - kept) * tokens for count, tokens in pairs):
            return 2 * kept
    return 0
