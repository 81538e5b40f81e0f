"""Builds the prompt of a conversation: its text, its token ids, its visual items."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from model.answers.reasoning import MARKS, OPENED, answer_in
from model.conversation import Conversation, Text
from model.families import Geometry
from model.media.reader import IN_THIS_PROCESS, MediaReader
from model.prompt import visual_item
from model.prompt.chat_template import ChatTemplate, Segment, prompt_text
from model.prompt.frame_times import with_frame_times
from model.prompt.token_ids import Prompt, build
from model.prompt.token_text import decoded
from model.settings import GenerationSettings

# What stands for the bytes of a character that is not complete.
INCOMPLETE = "\ufffd"


class PromptBuilder:
    """Builds prompts for one checkpoint, with the chat template, tokenizer and patch sizes of its processor."""

    def __init__(
        self,
        processor: Any,
        context_tokens: int,
        *,
        max_video_seconds: float | None = None,
        reader: MediaReader = IN_THIS_PROCESS,
    ) -> None:
        """max_video_seconds: longer videos are refused; reader: opens the files of conversations."""
        self._processor = processor
        self.template = ChatTemplate(processor)
        images = processor.image_processor
        self.geometry = Geometry(images.patch_size, images.merge_size, images.temporal_patch_size)
        self._context_tokens = context_tokens
        self._max_video_seconds = max_video_seconds
        self._reader = reader

    def text(self, conversation: Conversation, settings: GenerationSettings) -> str:
        """The prompt text, with one pad token per image or video."""
        if (reply := conversation.begun_reply) is None:
            return prompt_text(self._segments(conversation, settings))
        asked = self.text(conversation.without_last_reply(), settings)
        return asked + decoded(self._processor.tokenizer, self._begun(reply, thinks=_thinks(asked)))

    def build(self, conversation: Conversation, settings: GenerationSettings) -> Prompt:
        """Token ids and items, planned from the files' headers. Raises `MediaError` and `ContextError`.

        The prompt of a conversation that ends with a reply ends with the reply's tokens.
        """
        if reply := conversation.begun_reply:
            asked = self.build(conversation.without_last_reply(), settings)
            begun = self._begun(reply, thinks=asked.thinks)
            ids = [*asked.collapsed_ids, *begun]
            return replace(asked, collapsed_ids=ids, conversation=conversation, begun=tuple(begun))
        visual_item.require_holdable(conversation, self._context_tokens)
        items = visual_item.plan(
            conversation,
            self.geometry,
            max_video_seconds=self._max_video_seconds,
            context_tokens=self._context_tokens,
            reader=self._reader,
        )
        segments: Sequence[Segment] = self._segments(conversation, settings)
        if self.template.frame_times:
            segments = tuple(with_frame_times(segments, items, self._processor))
        prompt = build(self.template, segments, items)
        thinks = _thinks(prompt_text(segments))
        return replace(prompt, conversation=conversation, thinks=thinks)

    def _begun(self, reply: Text, *, thinks: bool) -> list[int]:
        """The tokens of a reply that is continued: the generated ones if they are of this text, else those of the text.

        An incomplete character at the end is generated again.
        """
        text, tokens = reply.text.rstrip(INCOMPLETE), list(reply.tokens)
        while tokens and decoded(self._processor.tokenizer, tokens).endswith(INCOMPLETE):
            del tokens[-1]
        if tokens and text == answer_in(decoded(self._processor.tokenizer, tokens), thinks=thinks):
            return tokens
        reasoned = [Segment(f"\n{MARKS[OPENED]}\n\n", "template")] if thinks and text else []
        return self.template.ids([*reasoned, Segment(text, "assistant")])

    def _segments(
        self, conversation: Conversation, settings: GenerationSettings
    ) -> tuple[Segment, ...]:
        own = conversation.system
        system = settings.system_prompt if own is None else own
        return self.template.segments(conversation, system=system, vision_ids=settings.vision_ids)


def _thinks(prompt: str) -> bool:
    """Whether an answer to this prompt begins inside a reasoning."""
    return prompt.rstrip().endswith(OPENED)
