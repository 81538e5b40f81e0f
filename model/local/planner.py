"""What can be told of a checkpoint without its weights: the cost of a conversation, and how its answer is generated."""

from __future__ import annotations

from dataclasses import dataclass

from model.backend import Estimate
from model.conversation import Conversation
from model.prompt.builder import PromptBuilder
from model.prompt.sampling_arguments import sampling_arguments
from model.reproduce.generation_record import (
    GenerationRecord,
    ModelInfo,
    processed_media,
    template_messages,
)
from model.settings import GenerationSettings


@dataclass(frozen=True)
class Planner:
    """Builds prompts, and holds no model.

    gpu_bytes_per_token: of the KV cache, 0 if it is not on a GPU.
    """

    prompts: PromptBuilder
    context_tokens: int
    gpu_bytes_per_token: int
    model_info: ModelInfo

    def estimate(self, conversation: Conversation, settings: GenerationSettings) -> Estimate:
        """See `Backend.estimate`."""
        prompt = self.prompts.build(conversation, settings)
        return Estimate(
            tuple(item.cost for item in prompt.items),
            len(prompt),
            self.context_tokens,
            token_px=self.prompts.geometry.token_px,
            gpu_bytes=self.gpu_bytes_per_token * len(prompt),
        )

    def generation_record(
        self, conversation: Conversation, settings: GenerationSettings
    ) -> GenerationRecord:
        """The record from which the answer can be generated again. Raises `MediaError` and `ContextError`."""
        prompt = self.prompts.build(conversation, settings)
        longest = min(settings.max_new_tokens, max(1, self.context_tokens - len(prompt)))
        return GenerationRecord(
            model_info=self.model_info,
            prompt=self.prompts.text(conversation, settings),
            messages=template_messages(
                conversation, settings.system_prompt, self.prompts.template.control_tokens
            ),
            media=tuple(map(processed_media, prompt.items)),
            vision_ids=settings.vision_ids,
            generation=sampling_arguments(settings, longest),
            seed=settings.seed or 0,
            json_schema=settings.json_schema,
        )
