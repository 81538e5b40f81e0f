"""Questions about one picture with their true answers, for training and for evaluation alike."""

from __future__ import annotations

import random
from collections.abc import Callable

from tools.tiny import names, references
from tools.tiny.exchange import Exchange, Span, Target, exchange, listing, quoted
from tools.tiny.references import (
    FOREMOST,
    RELATIONS,
    Reference,
    box_text,
    foremost,
    neighbours,
    only,
)
from tools.tiny.scene import Scene, Thing
from tools.tiny.wordings import ENGLISH, Language

# How often each kind is asked.
WEIGHTS = {
    "describe": 2.4, "colour": 1.3, "colour_single": 0.4, "shape": 1.0, "shape_single": 0.3, "count": 0.9,
    "count_by": 4.0, "where": 1.4, "exists": 1.2, "is_colour": 1.8, "locate": 2.0, "locate_all": 0.35,
    "point": 0.9, "read": 2.8, "text_colour": 0.4, "text_where": 0.2, "text_locate": 0.4, "background": 0.3,
    "absent": 0.35, "colours": 0.5, "colour_word": 0.5, "shape_word": 0.4,
    "left_of": 0.5, "right_of": 0.5, "above": 0.5, "below": 0.5,
    "leftmost": 0.25, "rightmost": 0.25, "topmost": 0.25, "bottommost": 0.25, "biggest": 0.45, "smallest": 0.45,
}  # fmt: skip
# Questions about one thing: the kind of exchange, how it is asked, and how it is answered.
_ABOUT_ONE = {
    "colour": ("colour", "colour", "colour"),
    "colour_single": ("colour", "colour_single", "colour"),
    "shape": ("shape", "shape", "shape"),
    "shape_single": ("shape", "shape_single", "shape_single"),
    "text_colour": ("text_colour", "colour", "colour"),
    "text_where": ("where", "where", "where"),
}


def possible(scene: Scene) -> list[str]:
    """The kinds of questions that have one clear answer for this picture."""
    shapes, text = scene.shapes, scene.text
    kinds = ["describe", "exists", "count", "count_by", "absent"]
    kinds += ["background"] if scene.background else []
    if len(scene.things) == 1 and shapes:
        kinds += ["colour_single", "shape_single", "shape_word"]
    if any(only(scene, "kind", thing) for thing in shapes):
        kinds += ["colour", "is_colour", "colour_word"]
    kinds += ["shape"] if any(only(scene, "colour", thing) for thing in shapes) else []
    if any(references.names_of(scene, thing) for thing in shapes):
        kinds += ["where", "locate", "point"]
    kinds += ["locate_all", "colours"] if shapes else []
    kinds += ["read", "text_colour", "text_where", "text_locate"] if text else []
    if len(shapes) > 1 and not text:
        kinds += [kind for kind in RELATIONS if neighbours(scene, kind)]
        kinds += [kind for kind in FOREMOST if foremost(scene, kind)]
    return kinds


def ask_about(
    scene: Scene,
    rng: random.Random,
    kind: str | None = None,
    picture: int = 0,
    held_out: bool = False,
    unasked: tuple[str, ...] = (),
    language: Language = ENGLISH,
) -> Exchange:
    """One question about a picture (number `picture` of the conversation), of a given kind or of any
    but the `unasked` ones.
    """
    asker = _Asker(scene, rng, picture, held_out, language)
    if scene.photograph:
        kinds = ("describe", "colour_single", "shape_single", "count", "refuse", *("photograph",) * 3)  # fmt: skip
        chosen = rng.choice([k for k in kinds if k in language.questions])
        return exchange("photograph", asker.words(chosen, n="3", m="4"), language.say("photograph"))
    if kind is None:
        asked = [k for k in possible(scene) if k not in unasked]
        asked = [k for k in asked if language.english or k in language.questions]
        kind = rng.choices(asked, [_weight(one, len(scene.shapes)) for one in asked])[0]
    return asker.ask(kind)


def _weight(kind: str, shapes: int) -> float:
    """How often to ask: seldom where little is learnt from it, as the answer is the same every time."""
    if not shapes and kind in ("count", "count_by", "exists", "absent"):
        return 0.25 * WEIGHTS[kind]
    # What counts among one or two things is soon learnt; among four it is the hardest question of all.
    return WEIGHTS[kind] * (shapes / 2 if kind == "count_by" else 1)


def phrase(language: Language, named: Reference, rng: random.Random | None = None) -> str:
    """`circle`, `red circle`, in a language."""
    colour, kind = named
    name = language.name(kind, rng)
    return language.say("thing", c=language.name(colour), x=name) if colour else name


def summary(scene: Scene, picture: int = 0, language: Language = ENGLISH) -> list[Span]:
    """`a red circle, a blue square and the green text "AB"`, left to right."""
    items = []
    for index, thing in enumerate(scene.things):
        target = Target(picture, index)
        if thing.kind == "text":
            before = language.say("a_text", c=language.name(thing.colour))
            items.append(quoted(before, thing.text, '"', target))
        else:
            items.append([_a_thing(thing, target, language)])
    return listing(items, language)


def _a_thing(thing: Thing, target: Target, language: Language) -> Span:
    colour, kind = language.name(thing.colour), language.name(thing.kind)
    return Span(language.say("a_thing", c=colour, x=kind), target)


class _Asker:
    """Builds the exchanges of one picture; one method per kind of question that needs more than a sentence."""

    def __init__(
        self, scene: Scene, rng: random.Random, picture: int, held_out: bool, language: Language
    ) -> None:
        self.scene, self.rng, self.picture = scene, rng, picture
        self.held_out, self.language, self.say = held_out, language, language.say

    def ask(self, kind: str) -> Exchange:
        """An exchange of a kind that is possible for the picture."""
        if kind in RELATIONS:
            return self._beside(kind)
        if kind in FOREMOST:
            return self._foremost(kind)
        if kind in _ABOUT_ONE:
            return self._about(*_ABOUT_ONE[kind], self._subject(kind))
        if kind.endswith("_word"):
            return self._in_a_word(kind)
        make: Callable[[], Exchange] = getattr(self, f"_{kind}")
        return make()

    def words(self, kind: str, **slots: str) -> str:
        return self.language.ask(kind, self.rng, self.held_out, **slots)

    def _target(self, thing: Thing) -> Target:
        number = next(i for i, other in enumerate(self.scene.things) if other is thing)
        return Target(self.picture, number)

    def _targets(self, things: list[Thing]) -> tuple[Target, ...]:
        return tuple(map(self._target, things))

    def _subject(self, kind: str) -> Thing:
        """What a question is about: the text, the only thing, or one that nothing else is like."""
        if kind.startswith("text") or kind == "read":
            return next(thing for thing in self.scene.things if thing.kind == "text")
        if kind in ("colour_single", "shape_single", "shape_word"):
            return self.scene.things[0]
        unlike = "colour" if kind == "shape" else "kind"
        return self.rng.choice([t for t in self.scene.shapes if only(self.scene, unlike, t)])

    def _named(self) -> tuple[Thing, Reference]:
        named = [(thing, references.names_of(self.scene, thing)) for thing in self.scene.shapes]
        thing, found = self.rng.choice([one for one in named if one[1]])
        return thing, self.rng.choice(found)

    def _phrase(self, named: Reference, asked: bool = False) -> str:
        """A name as answers say it, or as one of the ways in which it may be asked for."""
        return phrase(self.language, named, self.rng if asked else None)

    def _about(
        self, kind: str, wording: str, key: str, thing: Thing, named: Reference | None = None
    ) -> Exchange:
        """A question about one thing, and a sentence about it."""
        named = named or ("", thing.kind)
        colour = self.language.name(thing.colour)
        question = self.words(wording, x=self._phrase(named, True), c=colour)
        where = references.place(self.scene, thing, self.language)
        answer = self.say(key, x=self._phrase(named), c=colour, place=where)
        return exchange(kind, question, Span(answer, self._target(thing)))

    def _in_a_word(self, kind: str) -> Exchange:
        thing = self._subject(kind)
        word = thing.colour if kind == "colour_word" else thing.kind
        answer = Span(f"{word.capitalize()}.", self._target(thing))
        return exchange("one_word", self.words(kind, x=thing.kind), answer)

    def _describe(self) -> Exchange:
        if not self.scene.things:
            return exchange("describe", self.words("describe"), self.say("blank"))
        before, after = self.say("describe")
        things = summary(self.scene, self.picture, self.language)
        return exchange("describe", self.words("describe"), before, *things, after)

    def _colours(self) -> Exchange:
        first = {thing.colour: self._target(thing) for thing in reversed(self.scene.shapes)}
        said = [[Span(self.language.name(name), first[name])] for name in reversed(first)]
        one = len(said) == 1 and "colours_1" in self.language.answers
        before, after = self.say("colours_1" if one else "colours")
        parts = [before, *listing(said, self.language), after]
        counted = self._targets(self.scene.shapes)
        return exchange("colours", self.words("colours"), *parts, counted=counted)

    def _count(self) -> Exchange:
        targets = self._targets(self.scene.shapes)
        one = len(targets) == 1 and self.language.english
        answer = self.say("count_1" if one else "count", n=len(targets))
        return exchange("count", self.words("count"), answer, counted=targets)

    def _count_by(self) -> Exchange:
        shapes, rng = self.scene.shapes, self.rng
        thing = rng.choice(shapes) if shapes else None
        colour, kind = rng.choice(self.scene.palette), rng.choice(names.SHAPES)
        if thing and rng.random() < 0.8:
            colour, kind = thing.colour, thing.kind
        named = ("", kind) if rng.random() < 0.5 else (colour, "shape")
        counted = [t for t in shapes if (t.kind == kind if not named[0] else t.colour == colour)]
        # First one by one, then the number: each step is then as easy as a description.
        items = [[_a_thing(t, self._target(t), self.language)] for t in counted]
        many = f"{named[0]} {self.language.plural(named[1])}".strip()
        asked = self.words("count_by", x=self._phrase(named, True), xs=many)
        key = "amount_1" if len(counted) == 1 and self.language.english else "amount"
        amount = self.say(key, n=len(counted), x=self._phrase(named), xs=many)
        before, after, nothing = self.say("count_by", n=amount)
        parts = [before, *listing(items, self.language), after] if counted else [nothing]
        return exchange("count_by", asked, *parts, counted=self._targets(counted))

    def _where(self) -> Exchange:
        thing, named = self._named()
        return self._about("where", "where", "where", thing, named)

    def _exists(self) -> Exchange:
        shapes, rng = self.scene.shapes, self.rng
        named = (rng.choice(("", rng.choice(self.scene.palette))), rng.choice(names.SHAPES))
        if shapes and rng.random() < 0.5:
            thing = rng.choice(shapes)
            named = rng.choice((("", thing.kind), (thing.colour, thing.kind)))
        elif shapes and rng.random() < 0.5:  # right shape, wrong colour: the hard ones
            named = (rng.choice(self.scene.palette), rng.choice(shapes).kind)
        found = [t for t in shapes if t.kind == named[1] and named[0] in ("", t.colour)]
        question = self.words("exists", x=self._phrase(named, True))
        answer = self.say("exists" if found else "exists_not", x=self._phrase(named))
        targets = self._targets(found)
        span = Span(answer, targets[0] if found else None)
        return exchange("exists", question, span, counted=targets)

    def _is_colour(self) -> Exchange:
        thing = self._subject("is_colour")
        right = self.rng.random() < 0.5
        others = [colour for colour in self.scene.palette if colour != thing.colour]
        asked = thing.colour if right else self.rng.choice(others)
        name, colour = self._phrase(("", thing.kind), True), self.language.name(asked)
        question = self.words("is_colour", x=name, c=colour)
        # The verdict comes last, when the colour has been said.
        key, truth = "is_colour" if right else "is_colour_not", self.language.name(thing.colour)
        answer = self.say(key, x=self._phrase(("", thing.kind)), c=truth)
        return exchange("is_colour", question, Span(answer, self._target(thing)))

    def _beside(self, kind: str) -> Exchange:
        pairs = neighbours(self.scene, kind)
        thing, other = self.rng.choice([p for p in pairs if p[1]] * 4 + pairs)
        named = self.rng.choice(references.names_of(self.scene, thing))
        asked = self.words(kind, x=self._phrase(named, True))
        if other is None:
            return exchange("relation", asked, Span(self.say("nothing"), self._target(thing)))
        said = self.say(kind, x=self._phrase(named), y=self._phrase((other.colour, other.kind)))
        return exchange("relation", asked, Span(said, self._target(other)))

    def _foremost(self, kind: str) -> Exchange:
        thing = foremost(self.scene, kind)
        if thing is None:
            raise ValueError(f"nothing is clearly {kind}")
        return self._about("foremost", kind, kind, thing, (thing.colour, thing.kind))

    def _locate(self) -> Exchange:
        thing, named = self._named()
        return self._boxes("locate", self.words("locate", x=self._phrase(named)), [thing])

    def _locate_all(self) -> Exchange:
        return self._boxes("locate_all", self.words("locate_all"), self.scene.shapes)

    def _boxes(self, kind: str, question: str, things: list[Thing]) -> Exchange:
        boxes = [Span(box_text(self.scene, thing), self._target(thing)) for thing in things]
        return exchange(kind, question, *boxes)

    def _point(self) -> Exchange:
        thing, named = self._named()
        sides = (self.scene.width, self.scene.height)
        x, y = (round(1000 * a / b) for a, b in zip(thing.centre, sides, strict=True))
        point = f"{references.reference(thing)}<|box_start|>({x},{y})<|box_end|>"
        asked = self.words("point", x=self._phrase(named))
        return exchange("point", asked, Span(point, self._target(thing)))

    def _read(self) -> Exchange:
        text = self._subject("read")
        before, after = self.say("read")
        asked = self.words("read", c=self.language.name(text.colour))
        return exchange("read", asked, *quoted(before, text.text, after, self._target(text)))

    def _text_locate(self) -> Exchange:
        asked = self.words("locate", x="text")
        return self._boxes("locate", asked, [self._subject("text_locate")])

    def _background(self) -> Exchange:
        colour = self.language.name(self.scene.background or "")
        return exchange("background", self.words("background"), self.say("background", c=colour))

    def _absent(self) -> Exchange:
        """Asked for something that is not there: say so instead of making something up."""
        drawn = {thing.kind for thing in self.scene.shapes}
        other = "read" if self.scene.text is None else "colour"
        kind = self.rng.choice(("colour", "where", "locate", other))
        if kind == "read":
            return exchange("absent", self.words("read", c="red"), self.say("no_text"))
        name = self.rng.choice([shape for shape in names.SHAPES if shape not in drawn])
        return exchange("absent", self.words(kind, x=name), self.say("absent", x=name))
