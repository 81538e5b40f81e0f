"""What an answer cost, and how likely its tokens were."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, TypedDict

# The last two come from servers: a filter held back the rest of the answer, or the model refused.
StopReason = Literal["stop", "length", "cancelled", "loop", "filtered", "refused"]


class Alternative(TypedDict):
    """A token that was likely in a place, and the natural logarithm of its probability."""

    text: str
    logprob: float


class TokenLogprob(Alternative):
    """A token of an answer, and the likeliest in its place, in falling order.

    The texts of all tokens are the text of the answer with its reasoning. A token that ends inside of a character has an
    empty text.
    """

    top: list[Alternative]


@dataclass(frozen=True)
class Usage:
    """The cost of an answer, and its sampling settings. The last five count work of this process; 0 if all was reused."""

    # Tokens of the prompt, and those of them that were in the KV cache or are visual tokens.
    prompt_tokens: int
    reused_tokens: int
    visual_tokens: int
    # Tokens that were generated for the answer, without the end token.
    new_tokens: int
    # Seconds from the request to the answer's first token, the wait in the queue included; of a server to its first
    # word, 0 without one.
    ttft_s: float
    # After the first streamed chunk; 0 if there was only one chunk.
    decode_tokens_per_s: float
    stop_reason: StopReason
    seed: int
    # At temperature 0 the next two have no effect.
    temperature: float = 0.0
    top_p: float = 1.0
    top_k: int = 0
    repetition_penalty: float = 1.0
    # The part of `new_tokens` that is reasoning.
    reasoning_tokens: int = 0
    # Images and videos that went through the vision tower.
    vision_encodes: int = 0
    # Images opened and video frames decoded.
    decoded_frames: int = 0
    # Prompt tokens that went through the language model.
    prefilled_tokens: int = 0
    # What was evicted of this conversation since its last answer: tokens of its KV cache, and items with vision features.
    evicted_tokens: int = 0
    evicted_features: int = 0
    # Tokens of the answer that is continued. They belong to the prompt.
    continued_tokens: int = 0
    # Of the tokens that were generated, where the settings ask for it and the backend has it.
    logprobs: list[TokenLogprob] | None = field(default=None, compare=False, repr=False)

    @property
    def figures(self) -> dict[str, Any]:
        """Its fields by name without `logprobs`."""
        return {name: value for name, value in vars(self).items() if name != "logprobs"}

    @property
    def told(self) -> dict[str, Any]:
        """Its fields by name, for programs."""
        return self.figures | ({} if self.logprobs is None else {"logprobs": self.logprobs})
