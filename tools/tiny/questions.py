"""Questions about one picture with their true answers, for training and for evaluation alike."""

from __future__ import annotations

import random
from dataclasses import replace

from tools.tiny import answers, names
from tools.tiny.exchange import Exchange, Span, Target, exchange
from tools.tiny.scene import Scene, Thing
from tools.tiny.wordings import ask

WEIGHTS = {
    "describe": 2.4, "colour": 1.3, "colour_single": 0.4, "shape": 1.0, "shape_single": 0.3, "count": 0.7,
    "count_by": 4.0, "where": 1.4, "exists": 1.2, "is_colour": 1.8, "locate": 2.0, "locate_all": 0.35,
    "point": 0.9, "read": 2.6, "text_colour": 0.4, "text_where": 0.2, "text_locate": 0.4, "background": 0.3,
    "absent": 0.35,
}  # fmt: skip


def possible(scene: Scene) -> list[str]:
    """The kinds of questions that have one clear answer for this picture."""
    shapes, text = scene.shapes, scene.text
    kinds = ["describe", "exists", "count", "count_by", "absent"]
    if scene.background:
        kinds.append("background")
    if len(scene.things) == 1 and shapes:
        kinds += ["colour_single", "shape_single"]
    if any(_only(scene, "kind", thing) for thing in shapes):
        kinds += ["colour", "is_colour"]
    if any(_only(scene, "colour", thing) for thing in shapes):
        kinds.append("shape")
    if any(_reference_names(scene, thing) for thing in shapes):
        kinds += ["where", "locate", "point"]
    if shapes:
        kinds.append("locate_all")
    kinds += ["read", "text_colour", "text_where", "text_locate"] if text else []
    return kinds


def ask_about(
    scene: Scene,
    rng: random.Random,
    kind: str | None = None,
    picture: int = 0,
    held_out: bool = False,
    unasked: frozenset[str] = frozenset(),
) -> Exchange:
    """One question about a picture (number `picture` of the conversation), of a given kind or of any
    but the `unasked` ones.
    """
    if scene.photograph:
        kind = rng.choice(
            ("describe", "describe", "colour_single", "shape_single", "count", "refuse")
        )
        return exchange("photograph", ask(kind, rng, held_out, n="3", m="4"), answers.PHOTOGRAPH)
    kinds = [known for known in possible(scene) if known not in unasked]
    chosen = kind or rng.choices(kinds, [_weight(one, len(scene.shapes)) for one in kinds])[0]
    return _Asker(scene, rng, picture, held_out).ask(chosen)


def _weight(kind: str, shapes: int) -> float:
    """How often to ask: seldom where little is learnt from it, as the answer is the same every time."""
    if not shapes and kind in ("count", "count_by", "exists", "absent"):
        return 0.25 * WEIGHTS[kind]
    # What counts among one or two things is soon learnt; among four it is the hardest question of all.
    return WEIGHTS[kind] * (shapes / 2 if kind == "count_by" else 1)


def place(scene: Scene, thing: Thing) -> str:
    """`at the top left` and so on: thirds of the picture."""
    x, y = thing.centre
    return names.PLACES[min(int(3 * y / scene.height), 2)][min(int(3 * x / scene.width), 2)]


def box_text(scene: Scene, thing: Thing) -> str:
    """A thing's box in Qwen2-VL's words: thousandths of width and height."""
    x1, y1, x2, y2 = thing.box
    corners = (x1 / scene.width, y1 / scene.height, x2 / scene.width, y2 / scene.height)
    left, top, right, bottom = (min(999, round(1000 * corner)) for corner in corners)
    return f"<|box_start|>({left},{top}),({right},{bottom})<|box_end|>"


def reference(thing: Thing) -> str:
    """What a box belongs to: `<|object_ref_start|>the red circle<|object_ref_end|>`."""
    return f"<|object_ref_start|>the {thing.name}<|object_ref_end|>"


def summary(scene: Scene, picture: int = 0) -> list[Span]:
    """`a red circle, a blue square and the green text "AB"`, left to right."""
    items = []
    for index, thing in enumerate(scene.things):
        target = Target(picture, index)
        if thing.kind == "text":
            items.append(quoted(f"the {thing.name} ", thing.text, "", target))
        else:
            items.append([Span(names.article(thing.name), target)])
    return listing(items)


def quoted(before: str, text: str, after: str, target: Target) -> list[Span]:
    """A text in quotation marks, each character about itself: told to look at all of the text, the model
    would lose count of its characters.
    """
    characters = [
        Span(character, replace(target, character=number), number < len(text) - 1)
        for number, character in enumerate(text)
    ]
    return [Span(f'{before}"', target), *characters, Span(f'"{after}', target)]


def listing(items: list[list[Span]]) -> list[Span]:
    """`A, B and C`. What leads on to the next is about it already: going on or stopping at the wrong
    place is what most wrong lists do.
    """
    parts: list[Span] = []
    for index, item in enumerate(items):
        if index:
            parts.append(Span(" and " if index == len(items) - 1 else ", ", item[0].target))
        *begin, end = item
        parts += [*begin, replace(end, more=index < len(items) - 1)]
    return parts


def _amount(count: int, noun: str) -> str:
    """`1 circle`, `2 circles`."""
    return f"{count} {noun if count == 1 else names.plural(noun)}"


def _only(scene: Scene, attribute: str, thing: Thing) -> bool:
    """Whether no other shape shares this one's kind or colour."""
    value = getattr(thing, attribute)
    return [getattr(other, attribute) for other in scene.shapes].count(value) == 1


def _reference_names(scene: Scene, thing: Thing) -> list[str]:
    """Every name that means this thing and no other: `circle`, `red circle`, `red shape`."""
    found = [thing.kind] if _only(scene, "kind", thing) else []
    if sum(other.name == thing.name for other in scene.shapes) == 1:
        found += [thing.name] * 2
    if _only(scene, "colour", thing):
        found.append(f"{thing.colour} shape")
    return found


class _Asker:
    """Builds the exchanges of one picture; one method per kind of question."""

    def __init__(self, scene: Scene, rng: random.Random, picture: int, held_out: bool) -> None:
        self.scene, self.rng, self.picture, self.held_out = scene, rng, picture, held_out

    def ask(self, kind: str) -> Exchange:
        """An exchange of a kind that is possible for the picture."""
        made: Exchange = getattr(self, f"_{kind}")()
        return made

    def _words(self, kind: str, **slots: str) -> str:
        return ask(kind, self.rng, self.held_out, **slots)

    def _target(self, thing: Thing) -> Target:
        return Target(
            self.picture, next(i for i, other in enumerate(self.scene.things) if other is thing)
        )

    def _some(self, attribute: str) -> Thing:
        return self.rng.choice(
            [thing for thing in self.scene.shapes if _only(self.scene, attribute, thing)]
        )

    def _named(self) -> tuple[Thing, str]:
        thing = self.rng.choice(
            [thing for thing in self.scene.shapes if _reference_names(self.scene, thing)]
        )
        return thing, self.rng.choice(_reference_names(self.scene, thing))

    def _describe(self) -> Exchange:
        if not self.scene.things:
            return exchange("describe", self._words("describe"), "The image is blank.")
        return exchange(
            "describe",
            self._words("describe"),
            "The image shows ",
            *summary(self.scene, self.picture),
            ".",
        )

    def _colour(self) -> Exchange:
        thing = self._some("kind")
        answer = Span(f"The {thing.kind} is {thing.colour}.", self._target(thing))
        return exchange("colour", self._words("colour", x=thing.kind), answer)

    def _colour_single(self) -> Exchange:
        thing = self.scene.things[0]
        answer = Span(f"The {thing.kind} is {thing.colour}.", self._target(thing))
        return exchange("colour", self._words("colour_single"), answer)

    def _shape(self) -> Exchange:
        thing = self._some("colour")
        answer = Span(
            f"The {thing.colour} shape is {names.article(thing.kind)}.", self._target(thing)
        )
        return exchange("shape", self._words("shape", c=thing.colour), answer)

    def _shape_single(self) -> Exchange:
        thing = self.scene.things[0]
        return exchange(
            "shape",
            self._words("shape_single"),
            Span(f"It is {names.article(thing.name)}.", self._target(thing)),
        )

    def _count(self) -> Exchange:
        shapes = self.scene.shapes
        targets = tuple(self._target(thing) for thing in shapes)
        answer = f"There {'is' if len(shapes) == 1 else 'are'} {_amount(len(shapes), 'shape')}."
        return exchange("count", self._words("count"), answer, counted=targets)

    def _count_by(self) -> Exchange:
        shapes = self.scene.shapes
        thing = self.rng.choice(shapes) if shapes else None
        colour, kind = self.rng.choice(names.COLOURS), self.rng.choice(names.SHAPES)
        if thing and self.rng.random() < 0.8:
            colour, kind = thing.colour, thing.kind
        if self.rng.random() < 0.5:
            counted, noun = [thing for thing in shapes if thing.kind == kind], kind
        else:
            counted, noun = [thing for thing in shapes if thing.colour == colour], f"{colour} shape"
        # First one by one, then the number: each step is then as easy as a description.
        targets = [self._target(thing) for thing in counted]
        listed = listing([[Span(names.article(t.name), self._target(t))] for t in counted])
        return exchange(
            "count_by",
            self._words("count_by", xs=names.plural(noun)),
            "I count ",
            *listed,
            f"{': ' * bool(counted)}{_amount(len(counted), noun)}.",
            counted=tuple(targets),
        )

    def _where(self) -> Exchange:
        thing, name = self._named()
        answer = Span(f"The {name} is {place(self.scene, thing)}.", self._target(thing))
        return exchange("where", self._words("where", x=name), answer)

    def _exists(self) -> Exchange:
        shapes = self.scene.shapes
        name = self.rng.choice(
            (
                self.rng.choice(names.SHAPES),
                f"{self.rng.choice(names.COLOURS)} {self.rng.choice(names.SHAPES)}",
            )
        )
        if shapes and self.rng.random() < 0.5:
            thing = self.rng.choice(shapes)
            name = self.rng.choice((thing.kind, thing.name))
        elif shapes and self.rng.random() < 0.5:  # right shape, wrong colour: the hard ones
            name = f"{self.rng.choice(names.COLOURS)} {self.rng.choice(shapes).kind}"
        found = [thing for thing in shapes if name in (thing.kind, thing.name)]
        question = self._words("exists", x=name)
        if not found:
            return exchange("exists", question, f"No, there is no {name}.")
        targets = tuple(self._target(thing) for thing in found)
        return exchange(
            "exists",
            question,
            Span(f"Yes, there is {names.article(name)}.", targets[0]),
            counted=targets,
        )

    def _is_colour(self) -> Exchange:
        thing = self._some("kind")
        right = self.rng.random() < 0.5
        colour = (
            thing.colour
            if right
            else self.rng.choice([c for c in names.COLOURS if c != thing.colour])
        )
        # The verdict comes last, when the colour has been said.
        answer = f"The {thing.kind} is {thing.colour}, so {'yes' if right else 'no'}."
        return exchange(
            "is_colour",
            self._words("is_colour", x=thing.kind, c=colour),
            Span(answer, self._target(thing)),
        )

    def _box(self, thing: Thing) -> Span:
        return Span(reference(thing) + box_text(self.scene, thing), self._target(thing))

    def _locate(self) -> Exchange:
        thing, name = self._named()
        return exchange("locate", self._words("locate", x=name), self._box(thing))

    def _locate_all(self) -> Exchange:
        return exchange(
            "locate_all",
            self._words("locate_all"),
            *(self._box(thing) for thing in self.scene.shapes),
        )

    def _point(self) -> Exchange:
        thing, name = self._named()
        x, y = (
            round(1000 * a / b)
            for a, b in zip(thing.centre, (self.scene.width, self.scene.height), strict=True)
        )
        answer = Span(f"{reference(thing)}<|box_start|>({x},{y})<|box_end|>", self._target(thing))
        return exchange("point", self._words("point", x=name), answer)

    def _text(self) -> Thing:
        text = self.scene.text
        if text is None:
            raise ValueError("this picture has no text")
        return text

    def _read(self) -> Exchange:
        text = self._text()
        answer = quoted("The text says ", text.text, ".", self._target(text))
        return exchange("read", self._words("read", c=text.colour), *answer)

    def _text_colour(self) -> Exchange:
        text = self._text()
        return exchange(
            "text_colour",
            self._words("colour", x="text"),
            Span(f"The text is {text.colour}.", self._target(text)),
        )

    def _text_where(self) -> Exchange:
        text = self._text()
        answer = Span(f"The text is {place(self.scene, text)}.", self._target(text))
        return exchange("where", self._words("where", x="text"), answer)

    def _text_locate(self) -> Exchange:
        return exchange("locate", self._words("locate", x="text"), self._box(self._text()))

    def _background(self) -> Exchange:
        return exchange(
            "background", self._words("background"), f"The background is {self.scene.background}."
        )

    def _absent(self) -> Exchange:
        """Asked for something that is not there: say so instead of making something up."""
        missing = [
            shape
            for shape in names.SHAPES
            if all(shape != thing.kind for thing in self.scene.shapes)
        ]
        kind = self.rng.choice(
            ("colour", "where", "locate", "read" if self.scene.text is None else "colour")
        )
        if kind == "read":
            return exchange("absent", self._words("read", c="red"), "There is no text.")
        name = self.rng.choice(missing)
        return exchange("absent", self._words(kind, x=name), f"There is no {name}.")
