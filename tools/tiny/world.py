"""How much of the tiny world a training covers."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class World:
    """The limits of what is drawn and asked."""

    most_shapes: int = 4
    texts: bool = True
    smallest: float = 0.08  # half of the smallest shape, as a part of the picture's shorter side
    smallest_text: float = (
        24.0  # pixels; below about one visual token characters are guessed, not read
    )
    hollow: float = 0.22  # how many shapes are only a line
    most_tokens: int = 400  # visual tokens per picture
    kinds: dict[str, float] = field(
        default_factory=lambda: {
            "picture": 0.60,
            "several": 0.21,
            "clip": 0.12,
            "later": 0.045,
            "talk": 0.025,
        }
    )
    unasked: frozenset[str] = frozenset()  # kinds of questions that are left out


WORLDS = {
    "full": World(),
    # What a few minutes of training can learn: no reading, no clips, no boxes.
    "simple": World(
        most_shapes=2,
        texts=False,
        smallest=0.16,
        hollow=0.06,
        most_tokens=36,
        kinds={"picture": 0.69, "several": 0.26, "later": 0.02, "talk": 0.03},
        unasked=frozenset({"locate", "locate_all", "point", "it_locate"}),
    ),
}
