"""The score of the checkpoint at one task."""

from __future__ import annotations

from dataclasses import dataclass

THIRD = "third renderer"
# Three are measured at the same tasks; the third renderer has kinds of its own.
CONDITIONS = ("generator", "held-out wordings", "second renderer", THIRD)


@dataclass
class Score:
    """Right answers out of all, and a wrong one as an example."""

    right: int = 0
    asked: int = 0
    mistake: str = ""

    @property
    def percent(self) -> float:
        """0 to 100."""
        return 100 * self.right / max(1, self.asked)
