"""How much of the tiny world a training covers."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class World:
    """The limits of what is drawn and asked."""

    most_shapes: int = 4
    texts: bool = True
    smallest: float = 0.1  # half of the smallest shape, as a part of the picture's shorter side
    # Height in pixels. A character is then about as wide as a visual token: an earlier training read 96 % of such
    # texts of 3 or 4 characters, 80 % where a token held one and a third, nearly none where it held two.
    smallest_text: float = 40.0
    hollow: float = 0.22  # how many shapes are only a line
    most_tokens: int = 400  # visual tokens per picture
    kinds: dict[str, float] = field(
        default_factory=lambda: {
            "picture": 0.59,
            "several": 0.21,
            "clip": 0.12,
            "later": 0.045,
            "talk": 0.035,
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
