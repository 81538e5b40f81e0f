"""Questions about clips: what happens, which way something moves."""

from __future__ import annotations

import random

from tools.tiny.exchange import Exchange, Span, Target, exchange
from tools.tiny.questions import ask_about, possible
from tools.tiny.scene import Scene
from tools.tiny.wordings import ask

_MOTIONS = {"left": "moves to the left", "right": "moves to the right", "up": "moves up", "down": "moves down",
            "still": "does not move"}  # fmt: skip


def ask_about_clip(
    scene: Scene,
    rng: random.Random,
    kind: str | None = None,
    picture: int = 0,
    held_out: bool = False,
) -> Exchange:
    """One question about a clip."""
    kinds = {
        "describe_clip": 2.0,
        "direction": 2.0,
        "colour": 0.6,
        "shape": 0.5,
        "count": 0.3,
        "exists": 0.4,
    }
    allowed = [k for k in kinds if k in ("describe_clip", "direction") or k in possible(scene)]
    chosen = kind or rng.choices(allowed, [kinds[k] for k in allowed])[0]
    motions = [
        _MOTIONS[scene.motion or "still"] if i == scene.mover else _MOTIONS["still"]
        for i in range(len(scene.things))
    ]
    if chosen == "describe_clip":
        spans: list[Span] = []
        for index, thing in enumerate(scene.things):
            spans.append(
                Span(
                    f"{' ' if index else ''}The {thing.name} {motions[index]}.",
                    Target(picture, index),
                )
            )
        return exchange("describe_clip", ask("describe_clip", rng, held_out), *spans)
    if chosen == "direction":
        index = rng.randrange(len(scene.things))
        thing = scene.things[index]
        name = thing.kind if thing.kind == "text" or rng.random() < 0.6 else thing.name
        answer = Span(f"The {name} {motions[index]}.", Target(picture, index))
        return exchange("direction", ask("direction", rng, held_out, x=name), answer)
    return ask_about(scene, rng, chosen, picture, held_out)
