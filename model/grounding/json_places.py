"""Finds boxes and points in the JSON of an answer, under the keys that models use for them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

from model.grounding.loose_json import CutList, CutText, LooseObject, Value, objects
from model.grounding.mention import Mention, Numbers, extent

# The meaning of a list of numbers: the corners of a box, one point, several points, or a box or point by its length.
Kind = Literal["box", "point", "points", "either"]

# Keys in lower case, without underscores and other signs.
_NAMES: dict[Kind, str] = {
    "box": "box boxes rect rectangle region area location position quad quad2d quadrilateral polygon polygon2d "
    "poly corners vertices xyxy 边界框 检测框 位置",
    "point": "point center clickpoint targetpoint centerpoint startpoint endpoint keypoint 点",
    "points": "points keypoints",
    "either": "coordinate coordinates coordinate2 coord coords startcoordinate endcoordinate startbox endbox 坐标",
}
_KINDS = {name: kind for kind, names in _NAMES.items() for name in names.split()}
_PARTS: dict[str, Kind] = {
    **dict.fromkeys(("bbox", "box2d", "boxes2d", "boundingbox"), "box"),
    "points2d": "points",
    **dict.fromkeys(("point2d", "pointcoord"), "point"),
}
_ARGUMENTS = ("arguments", "args", "parameters", "input")  # of a tool call
_CORNERS = (
    ("x1", "y1", "x2", "y2"),
    ("x0", "y0", "x1", "y1"),
    ("xmin", "ymin", "xmax", "ymax"),
    ("minx", "miny", "maxx", "maxy"),
    ("left", "top", "right", "bottom"),
)
_SIZED = (("x", "y", "width", "height"), ("x", "y", "w", "h"), ("left", "top", "width", "height"))
_OPPOSITE = (("topleft", "bottomright"), ("upperleft", "lowerright"))
# The keys of labels, the best first.
_LABELS = (
    "label", "labels", "textcontent", "text", "name", "caption", "category", "class", "object",
    "phrase", "description", "title", "ref", "action", "type", "标签", "名称", "类别",
)  # fmt: skip
# Characters of a tool call's arguments that are JSON within a string.
MAX_ARGUMENTS_CHARACTERS = 10_000
# Larger coordinates are cut to this, which is outside of every image and does not overflow.
_MAX_COORDINATE = 1e9
_NUMBER = r"[-+]?(?:\d++(?:\.\d*+)?|\.\d++)(?:[eE][-+]?\d++)?"
_ONE = re.compile(rf"\s*+({_NUMBER})\s*+(?:px\s*+)?")
_SEVERAL = re.compile(rf"[\s(\[]*+{_NUMBER}(?:[\s,;()\[\]]++{_NUMBER}){{1,7}}[\s)\]]*+")


def in_json(text: str) -> Iterator[Mention]:
    """Yield the places in every JSON object of an answer, also in a list that is cut off."""
    for found in objects(text):
        for label, numbers, inner in _in_object(found, "", named=False):
            yield Mention(label, numbers, inner.start, inner.end)


def _in_object(
    found: LooseObject, around: str, *, named: bool
) -> Iterator[tuple[str, Numbers, LooseObject]]:
    """Yield each place as its label, its numbers and the object that contains it.

    around: the label of the object around this one; named: whether a key around it says that it is a place.
    """
    if not found.members:
        return
    members = {_plain(key): value for key, value in found.members.items()}
    own = _label(members)
    label = own or around
    if numbers := corners(members, named=named or bool(own)):
        yield label, numbers, found
    for key, value in found.members.items():
        kind, call = _kind(_plain(key)), _plain(key) in _ARGUMENTS
        if kind and (outline := _outline(kind, value)):
            yield label, outline, found
            continue
        if kind:
            for numbers, beside in _places(kind, value):
                yield label or beside, numbers, found
        inside = label or ("" if kind or call or isinstance(value, list) else key)
        # An incomplete list of corners is not a list of points.
        corner = kind in ("box", "either") and isinstance(value, CutList)
        for inner in _objects([value]):
            yield from _in_object(inner, inside, named=call or bool(kind and not corner))
        if call and isinstance(value, str) and len(value) < MAX_ARGUMENTS_CHARACTERS:
            for written in objects(value):
                for said, numbers, _ in _in_object(written, inside, named=True):
                    yield said, numbers, found


def _kind(name: str) -> Kind | None:
    if "3d" in name:
        return None
    return _KINDS.get(name) or next((kind for part, kind in _PARTS.items() if part in name), None)


def _outline(kind: Kind, value: Value) -> Numbers | None:
    """Return the box around a list of corners, or None."""
    if not isinstance(value, list) or isinstance(value, CutList) or kind in ("point", "points"):
        return None
    pairs = [_xy(part) for part in value]
    if len(pairs) < 2 or not all(pairs) or (kind == "either" and len(pairs) > 2):
        return None
    return extent([number for pair in pairs for number in pair])


def _plain(key: str) -> str:
    return key if key.isalnum() and key.islower() else "".join(filter(str.isalnum, key.lower()))


def _label(members: Mapping[str, Value]) -> str:
    for name in _LABELS:
        value = members.get(name)
        if isinstance(value, list):
            value = ", ".join(part for part in value if isinstance(part, str))
        if isinstance(value, float):
            value = f"{value:g}"
        if isinstance(value, str) and value.strip():
            return value
    return ""


def _objects(values: Sequence[Value]) -> Iterator[LooseObject]:
    for value in values:
        if isinstance(value, LooseObject):
            yield value
        elif isinstance(value, list):
            yield from _objects(value)


def corners(members: Mapping[str, Value], *, named: bool) -> Numbers | None:
    """Return the place in an object's own members, such as x1, y1, x2 and y2, or None.

    named: whether x and y alone are a point.
    """
    for names in _CORNERS:
        if names[0] in members and (found := _numbers([members.get(name) for name in names])):
            return found
    for names in _SIZED:
        if names[0] in members and (sized := _numbers([members.get(name) for name in names])):
            x, y, width, height = sized
            return x, y, x + width, y + height
    for first, second in _OPPOSITE:
        if found := (*_xy(members.get(first)), *_xy(members.get(second))):
            return found if len(found) == 4 else None
    # The data of a chart has x and y too.
    return _numbers([members.get("x"), members.get("y")]) if named else None


def _xy(value: Value) -> Numbers:
    if isinstance(value, LooseObject):
        value = [value.members.get("x"), value.members.get("y")]
    numbers = _numbers(value) if isinstance(value, list) else None
    return numbers if numbers and len(numbers) == 2 else ()


def _places(kind: Kind, value: Value) -> Iterator[tuple[Numbers, str]]:
    """Yield the places in a list or a text, each with the label among its numbers."""
    if isinstance(value, str) and not isinstance(value, CutText) and _SEVERAL.fullmatch(value):
        value = [float(number) for number in re.findall(_NUMBER, value)]
    if not isinstance(value, list):
        return
    if not isinstance(value, CutList):  # the next number could change the place
        texts = [part for part in value if isinstance(part, str) and _number(part) is None]
        numbers = [part for part in value if not isinstance(part, str) or _number(part) is not None]
        if known := _numbers(numbers):
            if found := place(kind, known):
                yield found, texts[0] if texts else ""
            return
        if outline := _outline(kind, value):
            yield outline, ""
            return
    for part in value:
        if isinstance(part, str | list):
            yield from _places(kind, part)


def place(kind: Kind, numbers: Numbers) -> Numbers | None:
    """Return a box or a point from a list of numbers, or None. A fifth number is a confidence, a sixth a class."""
    count, boxes = len(numbers), kind in ("box", "either")
    if count == 8 and boxes:
        return extent(numbers)
    if (count == 4 and kind != "points") or (
        boxes and (count == 5 or (count == 6 and 0 <= numbers[4] <= 1))
    ):
        return numbers[:4]
    if kind != "box" and (count == 2 or (count == 3 and 0 <= numbers[2] <= 1)):
        return numbers[:2]
    return None


def _numbers(values: Sequence[Value]) -> Numbers | None:
    """Return the values as numbers, or None if one is not a number."""
    numbers = [number for value in values if (number := _number(value)) is not None]
    return tuple(numbers) if values and len(numbers) == len(values) else None


def _number(value: Value) -> float | None:
    if isinstance(value, str) and not isinstance(value, CutText):
        written = _ONE.fullmatch(value)
        value = float(written[1]) if written else None
    return min(max(value, -_MAX_COORDINATE), _MAX_COORDINATE) if isinstance(value, float) else None
