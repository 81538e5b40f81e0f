"""The limits of what a training draws and asks."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from tools.tiny.names import COLOURS, FIRST_COLOURS, MAX_SHAPES

# How many of the dialogues are of each kind.
KINDS = {"picture": 0.5, "several": 0.2, "clip": 0.14, "later": 0.08, "tools": 0.04, "talk": 0.04}


@dataclass(frozen=True)
class World:
    """The limits of what is drawn and asked."""

    most_shapes: int = MAX_SHAPES
    colours: tuple[str, ...] = COLOURS
    texts: bool = True
    smallest: float = 0.1  # half of the smallest shape, as a part of the picture's shorter side
    smallest_pixels: float = 22.0  # width of the smallest shape, whatever the picture's size
    # Height in pixels. A character is then about as wide as a visual token: an earlier training read 96 % of such
    # texts of 3 or 4 characters, 80 % where a token held one and a third, nearly none where it held two.
    smallest_text: float = 40.0
    words: float = 0.45  # of the texts: how many are words, which may be long
    hollow: float = 0.22  # how many shapes are only a line
    sketched: float = 0.16  # how many are scribbled or shaded like a ball
    overlaps: float = 0.1  # of the pictures of shapes: in how many one thing may cover another
    on_photographs: float = 0.07  # of the pictures of shapes: how many stand on a photograph
    alike: float = 0.45  # of the pictures of shapes: how many choose theirs from two kinds
    most_tokens: int = 400  # visual tokens per picture
    moderate: float = 0.85  # of the pictures: how many are held to 110 visual tokens at most
    stretch: float = 0.22  # deviation of the logarithm of height / width
    clip_texts: float = 0.08  # of the clips: in how many a text moves, or could have
    growing: float = 0.25  # of the clips: in how many the thing grows or shrinks where it is
    clip_company: float = 0.3  # of the clips: in how many a second thing is, where there is room
    photographs: float = 0.04  # of the pictures: how many are photographs
    kinds: dict[str, float] = field(default_factory=KINDS.copy)
    unasked: tuple[str, ...] = ()  # kinds of questions that are left out

    def practised(self) -> World:
        """What training draws: a little more than what is asked about, since nobody is good at the very edge.

        People's pictures are also longer than they are wide, or wider: at 0.22 none is 2 to 1, and it then misses
        small boxes by a token and leaves out characters. And they draw one small thing on a large sheet. Clips with
        two things are described wrongly more often than those with one; of things to count, one of two alike is lost;
        and some photographs are taken for drawings.
        """
        return replace(
            self,
            smallest=0.4 * self.smallest,
            smallest_pixels=0.7 * self.smallest_pixels,
            smallest_text=0.75 * self.smallest_text,
            stretch=2 * self.stretch,
            overlaps=1.5 * self.overlaps,
            clip_texts=3 * self.clip_texts,
            clip_company=0.5,
            alike=0.65,
            moderate=0.7,
            photographs=0.08,
        )


WORLDS = {
    "full": World(),
    # What the first checkpoint was asked; the card's first table is of this world, so that later ones can be compared.
    "first": World(
        most_shapes=4,
        colours=FIRST_COLOURS,
        words=0.0,
        sketched=0.0,
        overlaps=0.0,
        on_photographs=0.0,
        growing=0.0,
    ),
    # What a few minutes of training can learn: no reading, no clips, no boxes.
    "simple": World(
        most_shapes=2,
        colours=FIRST_COLOURS,
        texts=False,
        sketched=0.0,
        overlaps=0.0,
        on_photographs=0.0,
        smallest=0.16,
        hollow=0.06,
        most_tokens=36,
        kinds={"picture": 0.69, "several": 0.26, "later": 0.02, "talk": 0.03},
        unasked=("locate", "locate_all", "point", "it_locate"),
    ),
}
