"""What an answer points at, and on which picture."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import pytest

from model.conversation import Conversation, Image, Text, Video
from model.grounding import Box, Point
from model.settings import VisionSettings
from tests.support import media_files
from ui.html import grounding as grounding_html
from ui.html.grounding import COLOURS, Marked
from ui.media.marked_copy import EDGE
from ui.state.tray.attachment import Attachment, inspect

CAT = "<|object_ref_start|>the cat<|object_ref_end|><|box_start|>(100,200),(500,750)<|box_end|>"


def picture(name: str, size: tuple[int, int] = (1000, 1000)) -> Attachment:
    path = f"/uploads/{name}"
    return Attachment(name, "image", path, name, size, "/uploads/t.webp", path)


FIRST, SECOND = picture("first.png"), picture("second.png", (640, 480))
CLIP = Attachment("c", "video", "/u/c.mp4", "c.mp4", (64, 48), "/u/t.webp", "/u/c.mp4", 9.0)
KNOWN = {item.path: item for item in (FIRST, SECOND, CLIP)}


def asked(*items: Attachment, text: str = "Where is the cat?") -> Conversation:
    parts = [item.part(VisionSettings()) for item in items]
    return Conversation().with_user_turn(*parts, Text(text))


def on(talk: Conversation, answer: str) -> list[tuple[int, int]]:
    """Each picture's number, and how many places are on it."""
    return [
        (m.number, len(m.places)) for m in grounding_html.marked(talk, answer, KNOWN, "qwen2_vl")
    ]


def test_a_box_lies_on_the_only_picture_in_its_own_pixels() -> None:
    (found,) = grounding_html.marked(asked(SECOND), CAT, KNOWN, "qwen2_vl")
    assert (found.number, found.attachment) == (1, SECOND)
    assert found.places == (Box("the cat", 64, 96, 320, 360),)


def test_a_question_is_about_the_regions_that_it_points_at() -> None:
    region = Text("Picture 1: <|box_start|>(250,500),(750,1000)<|box_end|>\n", pointing=True)
    talk = asked(SECOND).with_reply(CAT).with_user_turn(region, Text("And here?"))
    nothing, (found,) = grounding_html.by_question(talk, KNOWN, ["qwen2_vl"] * talk.turns)
    assert nothing == []
    assert (found.attachment, found.places) == (SECOND, (Box("", 160, 240, 480, 480),))
    assert grounding_html.by_question(talk, KNOWN, ["qwen2_vl"] * talk.turns, start=2) == [[found]]
    assert grounding_html.by_question(talk, {}, ["qwen2_vl"] * talk.turns) == [[], []]


def test_a_box_lies_on_the_picture_that_answer_or_question_names_else_on_the_latest() -> None:
    assert on(asked(FIRST, SECOND), CAT) == [(2, 1)]
    assert on(asked(FIRST, SECOND, text="The cat in Picture 1?"), CAT) == [(1, 1)]
    both = f"Picture 1: {CAT}\nPicture 2: {CAT}{CAT}"
    assert on(asked(FIRST, SECOND), both) == [(1, 1), (2, 2)]
    assert on(asked(FIRST, SECOND), f"Picture 9: {CAT}") == [(2, 1)]


def test_what_lies_in_a_clip_or_in_no_picture_is_not_drawn() -> None:
    assert on(asked(), CAT) == []
    assert on(asked(CLIP), CAT) == []
    assert on(asked(FIRST, CLIP), f"Video 1: {CAT}") == []
    later = asked(FIRST).with_reply("Here.").with_user_turn(Video(CLIP.path), Text("And here?"))
    assert on(later, CAT) == []


def test_a_file_that_is_not_known_any_more_is_left_out() -> None:
    assert grounding_html.marked(asked(FIRST), CAT, {}, "qwen2_vl") == []


@pytest.mark.parametrize(
    ("size", "vision", "expected"),
    [
        # 1280x960 in 1280 tokens is seen as 1148x840: x 1280/1148, y 960/840
        ((1280, 960), VisionSettings(), (11, 23, 111, 229)),
        # 100x50 in no fewer than 64 tokens is seen as 336x168
        ((100, 50), VisionSettings(min_tokens=64), (3, 6, 30, 50)),
        ((960, 1280), VisionSettings(resized_width=448, resized_height=896), (21, 29, 214, 286)),
    ],
)
def test_the_size_at_which_a_picture_was_seen_counts(
    size: tuple[int, int], vision: VisionSettings, expected: tuple[int, int, int, int]
) -> None:
    item = picture("a.png", size)
    talk = Conversation().with_user_turn(Image(item.path, vision), Text("Where?"))
    answer = '[{"bbox_2d": [10, 20, 100, 200], "label": "cat"}]'
    (found,) = grounding_html.marked(talk, answer, {item.path: item}, "qwen2_5_vl")
    assert found.places == (Box("cat", *expected),)


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp"])
def test_boxes_lie_on_the_upright_picture(
    suffix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    item = inspect(media_files.exif_rotated(tmp_path / f"a.{suffix}", 6, (640, 320)))
    (found,) = grounding_html.marked(asked(item), CAT, {item.path: item}, "qwen2_vl")
    assert found.places == (Box("the cat", 64, 64, 320, 240),)
    # Chromium turns JPEG and PNG by themselves.
    assert (item.shown != item.path) == (suffix == "webp")


def test_every_answer_has_its_own_places() -> None:
    talk = asked(FIRST).with_reply(CAT).with_user_turn(Text("And?")).with_reply("No.")
    talk = talk.with_user_turn(Text("And?")).with_reply(CAT + CAT)
    answers = grounding_html.by_answer(talk, KNOWN, ["qwen2_vl"] * talk.turns)
    assert [[len(m.places) for m in answer] for answer in answers] == [[1], [], [2]]


def test_captions_number_what_is_several_and_leave_labels_out_of_a_crowd() -> None:
    def captions(*found: Box | Point) -> list[str]:
        return [mark.caption for mark in Marked(1, FIRST, found).marks]

    cat, eye = Box("cat", 1, 2, 3, 4), Point("", 5, 6)
    assert captions(cat) == ["cat"]
    assert captions(eye) == ["1"]
    assert captions(cat, eye) == ["1 cat", "2"]
    assert captions(*[cat] * 30) == [str(number) for number in range(1, 31)]


def test_neighbouring_places_differ_in_colour_and_an_answer_has_only_so_many() -> None:
    (found,) = grounding_html.marked(
        asked(FIRST), CAT * (grounding_html.MAX_PLACES + 5), KNOWN, "qwen2_vl"
    )
    colours = [mark.colour for mark in found.marks]
    assert len(colours) == grounding_html.MAX_PLACES
    assert all(a != b for a, b in itertools.pairwise(colours))


def brightness(colour: str) -> float:
    """Relative luminance, as WCAG defines it."""
    levels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in levels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("colour", COLOURS)
def test_on_any_picture_the_colour_or_its_edge_stands_out(colour: str) -> None:
    def contrast(a: float, b: float) -> float:
        return (max(a, b) + 0.05) / (min(a, b) + 0.05)

    bright, dark = brightness(colour), brightness(EDGE)
    assert contrast(bright, dark) >= 7  # a caption is dark on its colour
    for level in range(101):
        assert max(contrast(bright, level / 100), contrast(dark, level / 100)) >= 2.6


def test_the_script_is_told_positions_in_original_pixels() -> None:
    marked = Marked(2, SECOND, (Box("a", 1, 2, 3, 4), Point("b", 5, 6)))
    (told,) = json.loads(json.dumps(grounding_html.described([marked])))
    assert told["src"] == "gradio_api/file=/uploads/second.png"
    assert (told["number"], told["name"], told["size"]) == (2, "second.png", [640, 480])
    assert [mark["place"] for mark in told["marks"]] == [
        {"label": "a", "x1": 1, "y1": 2, "x2": 3, "y2": 4},
        {"label": "b", "x": 5, "y": 6},
    ]
