"""The answer that a run continues."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import accumulate

from model.backend import AnswerRecord, Usage
from model.conversation import Conversation
from model.settings import MAX_NEW_TOKENS, GenerationSettings

# What stands for a character that is not complete; it is generated again.
INCOMPLETE = "\ufffd"


@dataclass(frozen=True)
class Begun:
    """text, tokens: of the answer so far, see `Conversation.with_reply`; answered: how it was given.

    edited: whether a person has changed it.
    """

    text: str
    tokens: Sequence[int]
    answered: AnswerRecord
    edited: bool = False

    @classmethod
    def of(cls, text: str, tokens: Sequence[int], answered: AnswerRecord) -> Begun:
        """An answer as it was given."""
        return cls(text.rstrip(INCOMPLETE), tokens, answered)

    def question(
        self, conversation: Conversation, chosen: GenerationSettings
    ) -> tuple[Conversation, GenerationSettings]:
        """What was asked, and the settings with which the answer goes on: with its seed, unless one was chosen."""
        usage = self.answered.usage
        seed = usage.seed if usage and chosen.seed is None else chosen.seed
        return conversation.without_last_reply(), replace(chosen, seed=seed)

    def is_whole_with(self, settings: GenerationSettings, checkpoint: str) -> bool:
        """Whether a single run would give the answer with what these settings and this checkpoint add to it."""
        before, usage = self.answered, self.answered.usage
        if self.edited or before.pieced or before.checkpoint != checkpoint:
            return False
        if usage is None or not self.tokens or usage.seed != settings.seed:
            return False
        length = settings.max_new_tokens
        same = replace(before.settings, seed=settings.seed, max_new_tokens=length) == settings
        return same and len(self.tokens) + length <= MAX_NEW_TOKENS

    def joined(self, usage: Usage) -> Usage:
        """The usage of the rest, with the probabilities of the whole answer if those of the beginning are known."""
        before = self.answered.usage.logprobs if self.answered.usage else None
        if self.edited or before is None or usage.logprobs is None:
            return usage
        ends = list(accumulate(len(token["text"]) for token in before))
        kept = [token for token, end in zip(before, ends, strict=True) if end <= len(self.text)]
        return replace(usage, logprobs=kept + usage.logprobs)

    def recorded(self, settings: GenerationSettings) -> GenerationSettings:
        """The settings of a single run that gives the whole answer."""
        longest = min(MAX_NEW_TOKENS, len(self.tokens) + settings.max_new_tokens)
        return replace(settings, max_new_tokens=longest)
