"""Finds boxes and points in control tokens and in HTML or XML elements, such as `<|box_start|>` and `data-bbox`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from model.grounding.json_places import corners, place
from model.grounding.loose_json import Value
from model.grounding.mention import Mention, Numbers, extent

_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)")
# Numbers and their separators.
_WRITTEN = r"[\s\d.,;()\[\]+，（）-]{1,4000}+"
_ELEMENTS = (
    "box|bbox|bbox_2d|box_2d|bounding_box|quad|point|point_2d|coordinates?|parameter=coordinate2?"
)
_TOKENS = re.compile(
    # The label of the places after it.
    r"(?:<\|object_ref_start\|>|<ref>)(?P<label>(?:(?!<\||</ref>).){0,200})(?:<\|object_ref_end\|>|</ref>)"
    rf"|(?:<\|(?P<token>box|quad)_start\|>|<(?P<element>{_ELEMENTS})>)"
    rf"(?P<written>{_WRITTEN})(?P<end><\|(?:box|quad)_end\|>|</\w+>)?"
    r"|<(?P<name>[a-zA-Z][\w.-]*+)(?P<attributes>\s[^<>]*+)>"
    # Pascal VOC: one element per number.
    r"|(?P<sides>(?:<(?P<side>[xy](?:min|max|[12]))>[\s\d.]{1,99}+</(?P=side)>\s{0,99}+){4})"
    r"|<(?:label|name)>(?P<own>[^<]{1,200})</(?:label|name)>"
    # QwenVL Markdown: a comment in place of an image or a table.
    rf"|<!--\s{{0,9}}(?P<omitted>[A-Za-z]+)\s{{0,9}}\((?P<outline>[\s\d.,]{{1,99}}+)\)\s{{0,9}}-->",
    re.DOTALL,
)
_ATTRIBUTE = re.compile(r"([\w-]++)\s*+=\s*+(?:\"([^\"]*+)\"|'([^']*+)'|([^\s\"'/]++))")
_SIDE = re.compile(r"<(\w+)>\s*+([\d.]++)")
_CONTENT = re.compile(r"[^<]{0,200}")
_POINTS, _BOXES = ("point", "points"), ("box", "bbox", "bounding_box", "bounding-box")
_OUTLINES = ("data-bbox", "bbox", "data-box", "data-polygon")


def in_tags(text: str) -> Iterator[Mention]:
    """Yield the places in the control tokens and elements of an answer."""
    label = own = ""
    for match in _TOKENS.finditer(text):
        if match["label"] is not None:
            label = match["label"]
        elif match["own"] is not None:
            own = match["own"]
        elif match["sides"]:
            sides: dict[str, Value] = dict(_SIDE.findall(match["sides"]))
            if numbers := corners(sides, named=False):
                yield Mention(own, numbers, *match.span())
        elif match["written"]:
            named = label if match["token"] or match["element"] in ("box", "quad") else own
            for numbers in _written(match, len(text)):
                yield Mention(named, numbers, *match.span())
        elif match["name"]:
            for named, numbers in _element(match, text):
                yield Mention(named, numbers, *match.span())
        elif len(numbers := _numbers(match["outline"])) == 4:
            yield Mention(match["omitted"], numbers, *match.span())


def _numbers(written: str) -> Numbers:
    return tuple(float(number) for number in _NUMBER.findall(written))


def _written(match: re.Match[str], length: int) -> Iterator[Numbers]:
    """Yield the numbers of one point, of one quadrangle's extent, or of any number of boxes.

    length: of the answer so far; at its end, numbers without a closing sign may be cut off and are left out.
    """
    numbers = _numbers(match["written"])
    grows = not match["end"] and match.end() == length
    whole = match["written"].rstrip().endswith((")", "]", "）"))
    if "quad" in (match["token"], match["element"]):
        if len(numbers) == 8 and (whole or not grows):
            yield extent(numbers)
    elif len(numbers) == 2 and not grows:
        yield numbers
    elif len(numbers) % 4 == 0 and (whole or not grows):
        yield from (numbers[start : start + 4] for start in range(0, len(numbers), 4))


def _element(match: re.Match[str], text: str) -> Iterator[tuple[str, Numbers]]:
    name = match["name"].lower()
    known = name in _POINTS or name in _BOXES
    if not known and not any(outline in match["attributes"] for outline in _OUTLINES):
        return
    attributes = {
        key.lower(): double or single or bare
        for key, double, single, bare in _ATTRIBUTE.findall(match["attributes"])
    }
    content = _CONTENT.match(text, match.end())
    said = [attributes.get("alt"), attributes.get("label"), content and content[0].strip()]
    label = next(filter(None, (*said, attributes.get("class"))), "")
    if name in _POINTS:
        for x, y in _pairs(attributes):
            yield label, (x, y)
    elif name in _BOXES and (found := corners(attributes, named=False)):
        yield label, found
    for outline in _OUTLINES:
        if found := place("box", _numbers(attributes.get(outline, ""))):
            yield label, found


def _pairs(attributes: Mapping[str, str]) -> Iterator[tuple[float, float]]:
    """Yield x1 with y1, x2 with y2, and so on."""
    for name, x in attributes.items():
        y = attributes.get(f"y{name[1:]}", "")
        if name[0] == "x" and _NUMBER.fullmatch(x) and _NUMBER.fullmatch(y):
            yield float(x), float(y)
