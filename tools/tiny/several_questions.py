"""Questions about several pictures: one of them by number, all of them, or which one has what."""

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
    """One question about one or all of several pictures."""
    lone = [i for i, scene in enumerate(scenes) if len(scene.things) == 1 and scene.shapes]
    read = [i for i, scene in enumerate(scenes) if scene.text]
    kinds = {"pick_describe": 2.2, "describe_all": 2.4, "count_pictures": 0.6, "pick_count": 0.5}
    if _distinct(scenes):
        kinds["which_picture"] = 3.0
    if lone:
        kinds |= {"pick_colour": 1.2, "pick_shape": 0.8}
    if read:
        kinds["pick_read"] = 1.0
    chosen = kind or rng.choices(list(kinds), list(kinds.values()))[0]
    if chosen == "count_pictures":
        return exchange(chosen, ask(chosen, rng, held_out), f"There are {len(scenes)} pictures.")
    if chosen == "describe_all":
        spans: list[Span] = []
        for number, scene in enumerate(scenes):
            spans += [Span(" " if number else ""), *_shows(scene, number)]
        return exchange(chosen, ask(chosen, rng, held_out), *spans)
    if chosen == "which_picture":
        name, picture, index = rng.choice(_distinct(scenes))
        # The thing first: where it is can be looked up while its name is being said.
        answer = Span(f"The {name} is in picture {picture + 1}.", Target(picture, index))
        return exchange(chosen, ask(chosen, rng, held_out, x=name), answer)
    pool = {"pick_colour": lone, "pick_shape": lone, "pick_read": read}.get(
        chosen, list(range(len(scenes)))
    )
    picture = rng.choice(pool)
    scene = scenes[picture]
    question = ask(chosen, rng, held_out, pic=picture_reference(picture, len(scenes), rng))
    if chosen == "pick_describe":
        return exchange(chosen, question, *_shows(scene, picture))
    if chosen == "pick_count":
        amount = len(scene.shapes)
        answer_text = "There is 1 shape." if amount == 1 else f"There are {amount} shapes."
        shapes = tuple(
            Target(picture, i) for i, thing in enumerate(scene.things) if thing.kind != "text"
        )
        return exchange(chosen, question, answer_text, counted=shapes)
    if chosen == "pick_read":
        index = next(i for i, thing in enumerate(scene.things) if thing.kind == "text")
        said = quoted("The text says ", scene.things[index].text, ".", Target(picture, index))
        return exchange(chosen, question, *said)
    thing = scene.things[0]
    say = (
        f"The {thing.kind} is {thing.colour}."
        if chosen == "pick_colour"
        else f"It is {names.article(thing.name)}."
    )
    return exchange(chosen, question, Span(say, Target(picture, 0)))


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
            for name in {thing.kind, thing.name}:
                where.setdefault(name, []).append((picture, index))
    return [
        (name, *spots[0])
        for name, spots in where.items()
        if len({picture for picture, _ in spots}) == 1
    ]
