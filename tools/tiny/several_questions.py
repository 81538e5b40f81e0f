"""Questions about several images: one of them by its number, all of them, or which of them shows a thing."""

from __future__ import annotations

import random

from tools.tiny import names
from tools.tiny.exchange import Exchange, Span, Target, exchange
from tools.tiny.questions import quoted, summary
from tools.tiny.scene import Scene
from tools.tiny.wordings import ask, picture_reference


def ask_about_several(
    scenes: list[Scene], rng: random.Random, kind: str | None = None, held_out: bool = False
) -> Exchange:
    """One question about one or all of several images. kind: of the question; None draws one that can be asked."""
    if kind is None:
        weights = _kinds(scenes)
        kind = rng.choices(list(weights), list(weights.values()))[0]
    if kind == "count_pictures":
        return exchange(kind, ask(kind, rng, held_out), f"There are {len(scenes)} pictures.")
    if kind == "describe_all":
        return exchange(kind, ask(kind, rng, held_out), *_shows_all(scenes))
    if kind == "which_picture":
        name, picture, index = rng.choice(_distinct(scenes))
        # The name comes before the place: the model can look the place up while it says the name.
        answer = Span(f"The {name} is in picture {picture + 1}.", Target(picture, index))
        return exchange(kind, ask(kind, rng, held_out, x=name), answer)
    return _ask_about_one(kind, scenes, rng, held_out)


def _kinds(scenes: list[Scene]) -> dict[str, float]:
    """The weight of each kind of question that these scenes answer."""
    kinds = {"pick_describe": 2.2, "describe_all": 2.4, "count_pictures": 0.6, "pick_count": 0.5}
    if _distinct(scenes):
        kinds["which_picture"] = 3.0
    if _with_one_shape(scenes):
        kinds |= {"pick_colour": 1.2, "pick_shape": 0.8}
    if _with_text(scenes):
        kinds["pick_read"] = 1.0
    return kinds


def _ask_about_one(kind: str, scenes: list[Scene], rng: random.Random, held_out: bool) -> Exchange:
    """A question that names one image by its number."""
    if kind in ("pick_colour", "pick_shape"):
        pool = _with_one_shape(scenes)
    else:
        pool = _with_text(scenes) if kind == "pick_read" else list(range(len(scenes)))
    picture = rng.choice(pool)
    question = ask(kind, rng, held_out, pic=picture_reference(picture, len(scenes), rng))
    scene = scenes[picture]
    if kind == "pick_describe":
        return exchange(kind, question, *_shows(scene, picture))
    if kind == "pick_count":
        return _counted(kind, question, scene, picture)
    if kind == "pick_read":
        index = next(i for i, thing in enumerate(scene.things) if thing.kind == "text")
        said = quoted("The text says ", scene.things[index].text, ".", Target(picture, index))
        return exchange(kind, question, *said)
    thing = scene.things[0]
    say = (
        f"The {thing.kind} is {thing.colour}."
        if kind == "pick_colour"
        else f"It is {names.article(thing.name)}."
    )
    return exchange(kind, question, Span(say, Target(picture, 0)))


def _counted(kind: str, question: str, scene: Scene, picture: int) -> Exchange:
    """The answer to how many shapes an image has."""
    amount = len(scene.shapes)
    answer = "There is 1 shape." if amount == 1 else f"There are {amount} shapes."
    things = enumerate(scene.things)
    shapes = tuple(Target(picture, i) for i, thing in things if thing.kind != "text")
    return exchange(kind, question, answer, counted=shapes)


def _with_one_shape(scenes: list[Scene]) -> list[int]:
    """The images that hold one shape and no text."""
    return [i for i, scene in enumerate(scenes) if len(scene.things) == 1 and scene.shapes]


def _with_text(scenes: list[Scene]) -> list[int]:
    return [i for i, scene in enumerate(scenes) if scene.text]


def _shows_all(scenes: list[Scene]) -> list[Span]:
    spans: list[Span] = []
    for number, scene in enumerate(scenes):
        spans += [Span(" " if number else ""), *_shows(scene, number)]
    return spans


def _shows(scene: Scene, picture: int) -> list[Span]:
    label = f"Picture {picture + 1} "
    if not scene.things:
        return [Span(label + "is blank.")]
    return [Span(label + "shows "), *summary(scene, picture), Span(".")]


def _distinct(scenes: list[Scene]) -> list[tuple[str, int, int]]:
    """(name, picture, thing) for every name that fits things of one picture only."""
    where: dict[str, list[tuple[int, int]]] = {}
    for picture, scene in enumerate(scenes):
        for index, thing in enumerate(scene.things):
            for name in dict.fromkeys((thing.kind, thing.name)):
                where.setdefault(name, []).append((picture, index))
    return [
        (name, *spots[0])
        for name, spots in where.items()
        if len({picture for picture, _ in spots}) == 1
    ]
