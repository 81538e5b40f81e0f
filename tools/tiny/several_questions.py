"""Questions about several images: one of them by its number, all of them, or which of them shows a thing."""

from __future__ import annotations

import random

from tools.tiny.exchange import Exchange, Span, Target, exchange, quoted
from tools.tiny.questions import phrase, summary
from tools.tiny.references import Reference
from tools.tiny.scene import Scene
from tools.tiny.wordings import ENGLISH, Language


def ask_about_several(
    scenes: list[Scene],
    rng: random.Random,
    kind: str | None = None,
    held_out: bool = False,
    language: Language = ENGLISH,
) -> Exchange:
    """One question about one or all of several images. kind: of the question; None draws one that can be asked."""
    if kind is None:
        weights = _kinds(scenes)
        kind = rng.choices(list(weights), list(weights.values()))[0]
    language = language if kind in language.questions else ENGLISH
    say = language.say
    if kind == "count_pictures":
        return exchange(kind, language.ask(kind, rng, held_out), say(kind, n=len(scenes)))
    if kind == "describe_all":
        return exchange(kind, language.ask(kind, rng, held_out), *_shows_all(scenes))
    if kind == "which_picture":
        named, picture, index = rng.choice(_distinct(scenes))
        asked = language.ask(kind, rng, held_out, x=phrase(language, named, rng))
        # The name comes before the place: the model can look the place up while it says the name.
        answer = say(kind, x=phrase(language, named), n=picture + 1)
        return exchange(kind, asked, Span(answer, Target(picture, index)))
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
    pools = {"pick_colour": _with_one_shape, "pick_shape": _with_one_shape, "pick_read": _with_text}
    pool = pools[kind](scenes) if kind in pools else range(len(scenes))
    picture = rng.choice(pool)
    scene, say = scenes[picture], ENGLISH.say
    question = ENGLISH.ask(kind, rng, held_out, pic=ENGLISH.picture(picture, len(scenes), rng))
    if kind == "pick_describe":
        return exchange(kind, question, *_shows(scene, picture))
    numbered = list(enumerate(scene.things))
    if kind == "pick_count":
        shapes = tuple(Target(picture, i) for i, thing in numbered if thing.kind != "text")
        answer = say("count_1" if len(shapes) == 1 else "count", n=len(shapes))
        return exchange(kind, question, answer, counted=shapes)
    if kind == "pick_read":
        index, text = next((i, thing.text) for i, thing in numbered if thing.kind == "text")
        before, after = say("read")
        return exchange(kind, question, *quoted(before, text, after, Target(picture, index)))
    thing = scene.things[0]
    answer = say("colour" if kind == "pick_colour" else "shape_single", x=thing.kind, c=thing.colour)  # fmt: skip
    return exchange(kind, question, Span(answer, Target(picture, 0)))


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
    if not scene.things:
        return [Span(ENGLISH.say("picture_blank", n=picture + 1))]
    before, after = ENGLISH.say("picture_shows", n=picture + 1)
    return [Span(before), *summary(scene, picture), Span(after)]


def _distinct(scenes: list[Scene]) -> list[tuple[Reference, int, int]]:
    """(name, picture, thing) for every name that fits things of one picture only."""
    where: dict[Reference, list[tuple[int, int]]] = {}
    for picture, scene in enumerate(scenes):
        for index, thing in enumerate(scene.things):
            for named in (("", thing.kind), (thing.colour, thing.kind)):
                where.setdefault(named, []).append((picture, index))
    return [(named, *spots[0]) for named, spots in where.items() if len({p for p, _ in spots}) == 1]
