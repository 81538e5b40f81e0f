"""Questions that refer to the one before: `And what colour is the other one?`"""

from __future__ import annotations

import random
from collections import Counter

from tools.tiny.exchange import Exchange, Span, Target, exchange
from tools.tiny.questions import box_text, place, reference
from tools.tiny.scene import Scene
from tools.tiny.wordings import ask


def follow_up(
    scene: Scene,
    before: Exchange,
    rng: random.Random,
    picture: int = 0,
    held_out: bool = False,
    unasked: frozenset[str] = frozenset(),
) -> Exchange | None:
    """A question that refers to the one before, or None if none is natural."""
    if len(before.counted) != 1 or scene.photograph:
        return None
    index = before.counted[0].thing
    thing, target = scene.things[index], before.counted[0]
    if thing.kind == "text":
        return None
    options = [kind for kind in ("it_where", "it_locate", "it_colour") if kind not in unasked]
    others = [i for i, other in enumerate(scene.things) if i != index and other.kind != "text"]
    if before.kind == "colour" and len(others) == 1:
        options += ["other_colour"] * 6
    unlike = [i for i in others if Counter(o.kind for o in scene.shapes)[scene.things[i].kind] == 1]
    if before.kind == "colour" and unlike:
        options += ["same_colour"] * 2
    kind = rng.choice(options)
    if kind == "it_where":
        answer = Span(f"The {thing.kind} is {place(scene, thing)}.", target)
    elif kind == "it_locate":
        answer = Span(reference(thing) + box_text(scene, thing), target)
    elif kind == "it_colour":
        answer = Span(f"The {thing.kind} is {thing.colour}.", target)
    else:
        index = others[0] if kind == "other_colour" else rng.choice(unlike)
        other = scene.things[index]
        answer = Span(f"The {other.kind} is {other.colour}.", Target(picture, index))
        return exchange("follow_up", ask(kind, rng, held_out, x=other.kind), answer)
    return exchange(
        "follow_up_box" if kind == "it_locate" else "follow_up", ask(kind, rng, held_out), answer
    )
