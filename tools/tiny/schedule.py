"""The phases of a training: vision alone first, then everything, with the learning rate and an early end."""

from __future__ import annotations

import math
from dataclasses import dataclass

VISION_PART = 0.22  # of the whole training
WARM_UP, FLAT = 0.01, 0.45  # after FLAT the rate falls along a cosine
# Of a training that goes on from finished weights: how high its rate is, and how long the new heads learn alone first.
FURTHER_RATE, HEADS_ALONE = 0.4, 0.03


@dataclass
class Schedule:
    """Progress runs from 0 to 1 in steps or in minutes, whichever was given."""

    steps: int | None
    minutes: float | None
    further: bool = False  # the weights have been trained before; no part for vision alone then
    finish_from: float | None = None  # progress at which an early end was asked for
    finish_over: float = 0.05  # and how much more progress its decay takes

    def progress(self, step: int, seconds: float) -> float:
        """How much of the budget is spent, 0 to 1."""
        if self.steps is not None:
            return min(1.0, step / self.steps)
        return min(1.0, seconds / 60 / (self.minutes or 1.0))

    def done(self, progress: float) -> bool:
        """Whether to stop."""
        return progress >= self._end()

    def vision_only(self, progress: float) -> bool:
        """Whether only the vision tower is trained yet."""
        return not self.further and progress < VISION_PART

    def model_rate(self, progress: float) -> float:
        """The learning rate's factor for the model's weights, 0 to 1."""
        if not self.further:
            return self.rate(progress)
        begun = min(1.0, max(0.0, progress / HEADS_ALONE - 1))
        return FURTHER_RATE * begun * self.rate(progress)

    def rate(self, progress: float) -> float:
        """The learning rate's factor, 0 to 1."""
        normal = min(1.0, progress / WARM_UP + 0.02)
        if progress > FLAT:
            normal = 0.5 + 0.5 * math.cos(math.pi * (progress - FLAT) / (1 - FLAT))
        if self.finish_from is None or progress < self.finish_from:
            return max(normal, 0.005)
        return max(
            normal * (self._end() - progress) / (self._end() - self.finish_from + 1e-9), 0.005
        )

    def seconds_left(self, progress: float, seconds: float) -> float:
        """An estimate from how long the work so far took."""
        return seconds * (self._end() - progress) / max(progress, 1e-6)

    def _end(self) -> float:
        return 1.0 if self.finish_from is None else min(1.0, self.finish_from + self.finish_over)
