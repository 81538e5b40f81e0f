"""Boxes and points as three generations of models write them, to the pixel."""

from __future__ import annotations

import random

import pytest

from model.grounding import Box, Convention, Point, mentions, parse

CAT = "<|object_ref_start|>the cat<|object_ref_end|>"


def tokens(text: str, original: tuple[int, int] = (1000, 1000)) -> list[Box | Point]:
    return parse(text, "qwen2_vl", original=original, resized=(280, 280))


def in_json(text: str, original: tuple[int, int], resized: tuple[int, int]) -> list[Box | Point]:
    return parse(text, "qwen2_5_vl", original=original, resized=resized)


@pytest.mark.parametrize(
    ("original", "expected"),
    [
        ((640, 480), (64, 96, 320, 360)),  # landscape
        ((480, 640), (48, 128, 240, 480)),  # portrait
        ((4000, 20), (400, 4, 2000, 15)),  # very wide
        ((3, 2000), (0, 400, 2, 1500)),  # very tall: 0.3 and 1.5 pixels
    ],
)
def test_thousandths_are_of_width_and_height(
    original: tuple[int, int], expected: tuple[int, int, int, int]
) -> None:
    found = tokens(f"{CAT}<|box_start|>(100,200),(500,750)<|box_end|>", original)
    assert found == [Box("the cat", *expected)]
    written = '{"bbox_2d": [100, 200, 500, 750], "label": "the cat"}'
    assert parse(written, "qwen3_vl", original=original, resized=(9, 9)) == found


@pytest.mark.parametrize(
    ("original", "resized", "expected"),
    [
        ((1280, 960), (640, 480), (20, 40, 200, 400)),  # was made smaller
        ((320, 240), (640, 480), (5, 10, 50, 100)),  # was made larger
        ((960, 1280), (476, 644), (20, 40, 202, 398)),  # portrait, rounded to whole tokens
        ((6000, 60), (2800, 28), (21, 43, 214, 60)),  # a strip: the lower edge is outside
    ],
)
def test_pixels_are_of_the_resized_picture(
    original: tuple[int, int], resized: tuple[int, int], expected: tuple[int, int, int, int]
) -> None:
    text = '```json\n[\n{"bbox_2d": [10, 20, 100, 200], "label": "a boat"}\n]\n```'
    assert in_json(text, original, resized) == [Box("a boat", *expected)]


def test_a_name_stands_for_every_place_after_it() -> None:
    text = (
        f"{CAT}<|box_start|>(1,2),(3,4)<|box_end|><|box_start|>(5,6),(7,8)<|box_end|> and "
        "<|object_ref_start|>a dog<|object_ref_end|><|box_start|>(9,10)<|box_end|>"
    )
    assert tokens(text) == [
        Box("the cat", 1, 2, 3, 4), Box("the cat", 5, 6, 7, 8), Point("a dog", 9, 10),
    ]  # fmt: skip


def test_points_quadrangles_and_places_without_a_name() -> None:
    assert tokens("<|box_start|>(250,500)<|box_end|>", (400, 200)) == [Point("", 100, 100)]
    quad = "<|quad_start|>(10,20),(90,10),(95,80),(5,85)<|quad_end|>"
    assert tokens(quad) == [Box("", 5, 10, 95, 85)]
    points = '[{"point_2d": [3, 4], "label": "eye"}, {"point_2d": [5, 6]}]'
    assert in_json(points, (20, 20), (10, 10)) == [Point("eye", 6, 8), Point("", 10, 12)]


def test_spaces_and_fractions_are_read() -> None:
    spaced = "<|box_start|> ( 10.5 , 20 ) , (30 ,40.4) <|box_end|>"
    assert tokens(spaced) == [Box("", 10, 20, 30, 40)]


def test_corners_in_the_wrong_order_are_turned_and_what_is_outside_is_brought_to_the_border() -> (
    None
):
    assert tokens("<|box_start|>(500,750),(100,200)<|box_end|>") == [Box("", 100, 200, 500, 750)]
    assert tokens("<|box_start|>(-50,0),(5000,1001)<|box_end|>") == [Box("", 0, 0, 1000, 1000)]
    huge = '{"bbox_2d": [-1e400, 0, 1e400, ' + "9" * 400 + "]}"
    assert in_json(huge, (20, 10), (200, 100)) == [Box("", 0, 0, 20, 10)]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no boxes (1,2),(3,4)",
        "<|box_start|>(1,2),(3<|box_end|>",
        "<|box_start|>(5,5),(5,9)<|box_end|>",
        "<|object_ref_start|>a cat<|box_start|>",
        f"<|box_start|>({'9' * 5000},1),(2,3)<|box_end|>",
    ],
)
def test_what_is_malformed_or_cut_off_is_left_out(text: str) -> None:
    assert tokens(text) == []


@pytest.mark.parametrize(
    "text",
    [
        '{"bbox_2d": [1, 2, 3], "label": "a"}',
        '{"bbox_2d": [true, false, true, true]}',
        '{"bbox_2d": [NaN, 1, 2, 3]}',
        '{"bbox_2d": [1, 2, 3, 4',
        "{" + "[" * 100_000 + "}",
        '{"a": ' + "[" * 100_000 + "]" * 100_000 + "}",
    ],
)
def test_malformed_json_is_left_out(text: str) -> None:
    assert in_json(text, (10, 10), (10, 10)) == []


def test_a_list_that_is_still_being_written_shows_what_is_complete() -> None:
    text = '```json\n[{"bbox_2d": [1, 2, 3, 4], "label": "a"}, {"bbox_2d": [5, 6,'
    assert in_json(text, (10, 10), (10, 10)) == [Box("a", 1, 2, 3, 4)]


def test_braces_in_a_label_are_not_the_objects() -> None:
    text = '{"bbox_2d": [1, 2, 3, 4], "label": "a \\"{sign}\\" {"}, {"bbox_2d": [5, 6, 7, 8]}'
    assert in_json(text, (10, 10), (10, 10)) == [
        Box('a "{sign}" {', 1, 2, 3, 4),
        Box("", 5, 6, 7, 8),
    ]


def test_a_name_that_is_never_closed_swallows_nothing() -> None:
    text = f"<|object_ref_start|>a dog<|box_start|>(1,2),(3,4)<|box_end|>{CAT}<|box_start|>(5,6)<|box_end|>"
    assert tokens(text) == [Box("", 1, 2, 3, 4), Point("the cat", 5, 6)]


def test_a_mention_says_where_in_the_answer_it_is_written() -> None:
    text = f"See {CAT}<|box_start|>(1,2),(3,4)<|box_end|>."
    (found,) = mentions(text)
    assert text[found.start : found.end] == "<|box_start|>(1,2),(3,4)<|box_end|>"
    text = 'See {"point_2d": [1, 2]}.'
    (found,) = mentions(text)
    assert text[found.start : found.end] == '{"point_2d": [1, 2]}'


def test_labels_are_plain_and_bounded() -> None:
    (box,) = in_json('{"bbox_2d": [1,2,3,4], "label": {"x": 1}}', (10, 10), (10, 10))
    assert box.label == ""
    (box,) = in_json('{"bbox_2d": [1,2,3,4], "text_content": "' + "x" * 999 + '"}', (9, 9), (9, 9))
    assert box.label == "x" * 200
    (box,) = in_json('{"bbox_2d": [1,2,3,4], "label": " a\\n\\tcat "}', (9, 9), (9, 9))
    assert box.label == "a cat"


@pytest.mark.parametrize("convention", ["qwen2_vl", "qwen2_5_vl", "qwen3_vl"])
def test_nothing_that_a_model_writes_is_an_error(convention: Convention) -> None:
    draw = random.Random(0)
    pieces = ["<|box_start|>", "<|box_end|>", "(12,34)", "(", ",", "{", "}", "[", "]", '"bbox_2d":', "[1,2,3,4]", "1e999", "-1e999", "0.5",
              "<|object_ref_start|>", "<|object_ref_end|>", '"label":', '"x"', "x1=", '"width": ', "<|quad_start|>", " 5" * 9, "\\ud83d", '"', "'",
              "```", "/*", ":", '<points x1="1" y1="2">', "<point>", '<p data-bbox="1 2 3 4">', "<xmin>1</xmin>", '"arguments": ', "½", "٣"]  # fmt: skip
    for _ in range(300):
        text = "".join(draw.choices(pieces, k=60))
        for shape in parse(text, convention, original=(30, 20), resized=(300, 200)):
            if isinstance(shape, Box):
                assert 0 <= shape.x1 < shape.x2 <= 30 and 0 <= shape.y1 < shape.y2 <= 20
    for piece in pieces:
        parse(piece * 5000, convention, original=(30, 20), resized=(300, 200))
