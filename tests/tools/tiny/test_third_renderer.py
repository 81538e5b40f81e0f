"""Pictures as people draw them, and the judge of what is said about them."""

from __future__ import annotations

import random
import subprocess
import sys

import pytest
from PIL import ImageColor

from tests.support.project import ROOT
from tools.tiny import lettering, names
from tools.tiny.exam import people, svg
from tools.tiny.exam.third_questions import KINDS, questions
from tools.tiny.exam.third_renderer import COLOURS, draw, overlapping, page, spread, unequal, write

pytestmark = pytest.mark.slow

PHOTOGRAPHS = "sklearn"  # too heavy for the tests' requirements


def needs(*modules: str) -> pytest.MarkDecorator:
    missing = [module for module in modules if not svg.there(module)]
    return pytest.mark.skipif(bool(missing), reason=f"needs {', '.join(missing)}")


drawn = needs(*(module for module in svg.MODULES if module != PHOTOGRAPHS))
photographed = needs(*svg.MODULES)
EVERY_KIND = [
    pytest.param(kind, marks=photographed if "photograph" in kind else drawn) for kind in KINDS
]


def test_training_imports_nothing_of_it() -> None:
    script = "import sys, tools.tiny.training; print([name for name in sys.modules if 'tiny.exam' in name])"
    assert subprocess.check_output([sys.executable, "-c", script], cwd=ROOT).strip() == b"[]"


def test_its_fonts_are_none_of_the_trainings() -> None:
    packages = {package for fonts in svg.FONTS.values() for package, _, _ in fonts}
    assert packages and not packages & set(lettering._FONT_PACKAGES)


@pytest.mark.parametrize("kind", EVERY_KIND)
def test_a_seed_gives_the_same_questions_and_pictures(kind: str) -> None:
    one, other = ([make() for _ in range(3)] for make in (questions(kind), questions(kind)))
    for mine, again in zip(one, other, strict=True):
        assert [turn.text for turn in mine.turns] == [turn.text for turn in again.turns]
        for first, second in zip(mine.turns, again.turns, strict=True):
            frames, same = ([f.tobytes() for d in t.drawings for f in d.frames] for t in (first, second))  # fmt: skip
            assert frames == same


@drawn
@pytest.mark.parametrize("colour", COLOURS)
def test_every_shape_is_where_it_is_said_to_be_and_in_its_colour(colour: str) -> None:
    _painted_in_the_middle(colour, on_photograph=False)


@photographed
@pytest.mark.parametrize("colour", COLOURS)
def test_on_a_photograph_too(colour: str) -> None:
    _painted_in_the_middle(colour, on_photograph=True)


def _painted_in_the_middle(colour: str, on_photograph: bool) -> None:
    rng = random.Random(colour)
    paints = [ImageColor.getrgb(paint) for paint in svg.PAINTS[colour]]
    for shape in names.SHAPES:
        size = page(rng)
        drawing = draw([(shape, colour)], spread(1, size, rng), size, rng, "flat", on_photograph)
        mark = drawing.marks[0]
        seen = drawing.frames[0].getpixel((round(mark.x), round(mark.y)))
        assert isinstance(seen, tuple)
        off = [sum(abs(a - b) for a, b in zip(seen, paint, strict=True)) for paint in paints]
        assert min(off) < 6


@drawn
@pytest.mark.parametrize("style", svg.STYLES)
def test_each_style_shows_its_paint(style: str) -> None:
    rng = random.Random(style)
    for shape in names.SHAPES:
        drawing = draw([(shape, "red")], [(120, 120, 80)], (240, 240), rng, style)
        reds = [n for n, (r, g, b) in drawing.frames[0].getcolors(1 << 16) or [] if r > 150 > 2 * max(g, b) - r]  # type: ignore[misc]  # fmt: skip
        assert 600 < sum(reds) < 25_000


def test_places_do_not_touch_and_leave_no_doubt_about_sizes() -> None:
    rng = random.Random(1)
    for count in range(1, 7):
        size = page(rng)
        for places in (spread(count, size, rng), unequal(max(2, count), size, rng)):
            for number, (x, y, r) in enumerate(places):
                assert r - 5 < x < size[0] - r + 5 and r - 5 < y < size[1] - r + 5
                for a, b, other in places[:number]:
                    assert max(abs(x - a), abs(y - b)) > 0.9 * (r + other)
    radii = [r for _, _, r in unequal(4, (300, 300), rng)]
    assert radii[0] > 1.5 * radii[1] and radii[-1] < 0.7 * radii[1]
    (x, y, one), (a, b, other) = overlapping((300, 300), rng)
    assert max(one, other) < ((x - a) ** 2 + (y - b) ** 2) ** 0.5 < one + other


@drawn
def test_every_lettering_is_another_font() -> None:
    seen = {write("AB12", kind, random.Random(3)).frames[0].tobytes() for kind in svg.FONTS}
    assert len(seen) == len(svg.FONTS)


@drawn
def test_colours_alone_say_where_people_would_agree() -> None:
    """What is asked of "the red one" has one answer: colours and shapes differ where they are asked by."""
    for kind in ("thick outlines", "one covers another", "the colours"):
        make = questions(kind)
        for _ in range(20):
            marks = make().turns[-1].drawings[0].marks
            assert len({mark.colour for mark in marks}) == len({mark.shape for mark in marks}) == len(marks)  # fmt: skip


RED_CIRCLE = {"red", "circle"}


@pytest.mark.parametrize(
    ("answer", "sure", "possible", "language", "right"),
    [
        ("The image shows a red circle.", RED_CIRCLE, set(), "en", True),
        ("The image shows a red circle and a blue star.", RED_CIRCLE, set(), "en", False),
        ("The circle.", RED_CIRCLE, set(), "en", False),
        ("It is a gray diamond.", {"grey", "diamond"}, set(), "en", True),
        ("There are three shapes.", {"3"}, set(), "en", True),
        ("There are 13 shapes.", {"3"}, set(), "en", False),
        ("The circle is in picture 1.", {"circle"}, {"red"}, "en", False),
        ("图中有一个红色的圆形。", RED_CIRCLE, {"1"}, "zh", True),
        ("图中有一个红色的方形。", RED_CIRCLE, {"1"}, "zh", False),
        ("The image shows a red circle.", RED_CIRCLE, set(), "zh", False),
        ("빨간색 원입니다.", RED_CIRCLE, set(), "ko", True),
        ("파란색 원입니다.", RED_CIRCLE, set(), "ko", False),
        ("The circle grows.", {"grow"}, {"circle"}, "en", True),
        ("The circle does not move.", {"grow"}, {"circle"}, "en", False),
    ],
)
def test_an_answer_names_what_is_asked_for_and_nothing_else(
    answer: str, sure: set[str], possible: set[str], language: str, right: bool
) -> None:
    assert people.as_in(answer, sure, possible, language) is right


@pytest.mark.parametrize(
    ("answer", "right"),
    [
        ('The text says "HELLO".', True),
        ("hello", True),
        ('The text says "HELLQ".', False),
        ('The text says "HELLOO".', False),
        ("上面写着“HELLO”。", True),
    ],
)
def test_a_text_is_read_right_when_every_letter_is(answer: str, right: bool) -> None:
    assert people.read(answer, "HELLO") is right


@drawn
@pytest.mark.parametrize(
    ("kind", "right", "wrong"),
    [
        ("says briefly what it cannot", "I only know shapes and colours.", "The circle is red."),
        ("says briefly what it cannot", "I cannot do that.", "I cannot. I am a model."),
        ("calls get_date", '<tool_call>\n{"name": "get_date", "arguments": {}}\n</tool_call>', "It is Monday."),
        ("calls get_date", '<tool_call>{"name": "get_date", "arguments": {}}</tool_call>',
         '<tool_call>\n{"name": "crop", "arguments": {"bbox_2d": [0, 0, 9, 9]}}\n</tool_call>'),
    ],
)  # fmt: skip
def test_what_needs_no_picture_is_judged_by_its_form(kind: str, right: str, wrong: str) -> None:
    asked = questions(kind)()
    assert asked.right(right) and not asked.right(wrong)


@drawn
def test_a_crop_is_right_about_where_the_thing_is() -> None:
    asked = questions("calls crop")()
    drawing = asked.turns[-1].drawings[0]
    mark, (width, height) = drawing.marks[0], drawing.frames[0].size
    box = [round(1000 * side / length) for side, length in (
        (mark.x - mark.radius, width), (mark.y - mark.radius, height), (mark.x + mark.radius, width), (mark.y + mark.radius, height))]  # fmt: skip
    call = '<tool_call>\n{"name": "crop", "arguments": {"bbox_2d": %s}}\n</tool_call>'
    assert asked.right(call % box)
    assert not asked.right(call % [0, 0, 40, 40])
    assert not asked.right(call % box[:3])


@drawn
def test_one_word_is_one_word() -> None:
    asked = questions("in one word")()
    mark = asked.turns[-1].drawings[0].marks[0]
    word = mark.colour if "colo" in asked.turns[-1].text.lower() else mark.shape
    assert asked.right(f"{word.capitalize()}.")
    assert not asked.right(f"It is {word}.")


def test_a_missing_package_is_named_with_its_remedy() -> None:
    with pytest.raises(ModuleNotFoundError, match=r"pip install --no-deps .*fontpkg-pt-serif"):
        svg.font_file("a_font_that_is_not_there", "Serif.ttf")
