"""What a thing of a picture is called, where it is, and what lies beside it."""

from __future__ import annotations

from tools.tiny.scene import Scene, Thing
from tools.tiny.wordings import ENGLISH, Language

# Of each relation: the axis (x or y), and on which side of it the answer lies.
RELATIONS = {"left_of": (0, -1), "right_of": (0, 1), "above": (1, -1), "below": (1, 1)}
OUTERMOST = {"leftmost": (0, -1), "rightmost": (0, 1), "topmost": (1, -1), "bottommost": (1, 1)}
CLEAR = 0.07  # of the picture's side: how far apart centres lie of which one is said to be left of the other
FOREMOST = (*OUTERMOST, "biggest", "smallest")
LARGER = 1.5  # how much larger an area must be to be called the biggest
Reference = tuple[str, str]  # a colour or "", and a shape, "shape" or "text"


def place(scene: Scene, thing: Thing, language: Language = ENGLISH) -> str:
    """`at the top left` and so on: thirds of the picture."""
    x, y = thing.centre
    row, column = min(int(3 * y / scene.height), 2), min(int(3 * x / scene.width), 2)
    return str(language.table["places"][row][column])


def thousandths(scene: Scene, thing: Thing) -> list[int]:
    """The box as Qwen2-VL counts: left, top, right, bottom in thousandths of the picture."""
    sides = (scene.width, scene.height) * 2
    return [min(999, round(1000 * a / b)) for a, b in zip(thing.box, sides, strict=True)]


def box_text(scene: Scene, thing: Thing) -> str:
    """`<|object_ref_start|>the red circle<|object_ref_end|><|box_start|>(x1,y1),(x2,y2)<|box_end|>`."""
    left, top, right, bottom = thousandths(scene, thing)
    return f"{reference(thing)}<|box_start|>({left},{top}),({right},{bottom})<|box_end|>"


def reference(thing: Thing) -> str:
    """What a box belongs to: `<|object_ref_start|>the red circle<|object_ref_end|>`."""
    return f"<|object_ref_start|>the {thing.name}<|object_ref_end|>"


def names_of(scene: Scene, thing: Thing) -> list[Reference]:
    """Every name that means this thing and no other: `circle`, `red circle`, `red shape`."""
    found = [("", thing.kind)] if only(scene, "kind", thing) else []
    if sum(other.name == thing.name for other in scene.shapes) == 1:
        found += [(thing.colour, thing.kind)] * 2
    return found + [(thing.colour, "shape")] * only(scene, "colour", thing)


def only(scene: Scene, attribute: str, thing: Thing) -> bool:
    """Whether no other shape shares this one's kind or colour."""
    value = getattr(thing, attribute)
    return [getattr(other, attribute) for other in scene.shapes].count(value) == 1


def neighbours(scene: Scene, kind: str) -> list[tuple[Thing, Thing | None]]:
    """(thing that can be named, the only one on that side of it, or None where there is none)."""
    axis, side = RELATIONS[kind]
    reach = CLEAR * (scene.width, scene.height)[axis]
    found: list[tuple[Thing, Thing | None]] = []
    for thing in (one for one in scene.shapes if names_of(scene, one)):
        steps = [(side * (o.centre[axis] - thing.centre[axis]), o) for o in scene.shapes if o is not thing]  # fmt: skip
        there = [other for step, other in steps if step > reach]
        if len(there) <= 1 and not any(0 < step <= reach for step, _ in steps):
            found.append((thing, there[0] if there else None))
    return found


def foremost(scene: Scene, kind: str) -> Thing | None:
    """The shape that is clearly leftmost, biggest and so on, if one is."""
    shapes = scene.shapes
    if kind in OUTERMOST:
        axis, side = OUTERMOST[kind]
        ordered = sorted(shapes, key=lambda thing: -side * thing.centre[axis])
        apart = abs(ordered[0].centre[axis] - ordered[1].centre[axis])
        return ordered[0] if apart > CLEAR * (scene.width, scene.height)[axis] else None
    ordered = sorted(shapes, key=lambda thing: thing.area, reverse=kind == "biggest")
    one, other = ordered[0].area, ordered[1].area
    return ordered[0] if max(one, other) > LARGER * min(one, other) else None
