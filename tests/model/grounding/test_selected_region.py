"""What a person points at comes back from the parser of answers as the same place, in every convention."""

from __future__ import annotations

import random

import pytest

from model.conversation import Conversation, Image, Text
from model.grounding import Box, Convention, parse
from model.grounding.selected_region import Corners, region_text
from model.local import LocalBackend
from model.settings import GenerationSettings

CONVENTIONS: list[Convention] = ["qwen2_vl", "qwen2_5_vl", "qwen3_vl"]


def test_qwen2_vl_is_told_in_thousandths_between_its_tokens() -> None:
    said = region_text(2, (0.1, 0.25, 0.5, 1.0), "qwen2_vl", (280, 560))
    assert said == Text("Picture 2: <|box_start|>(100,250),(500,999)<|box_end|>\n", pointing=True)


def test_qwen2_5_vl_is_told_in_pixels_of_what_it_sees() -> None:
    said = region_text(1, (0.1, 0.25, 0.5, 1.0), "qwen2_5_vl", (280, 560))
    assert said.text == 'Picture 1: {"bbox_2d": [28, 140, 140, 559]}\n'


@pytest.mark.parametrize("convention", CONVENTIONS)
def test_the_place_is_found_again(convention: Convention) -> None:
    rng = random.Random(1)
    found_again = 0
    for _ in range(100):
        original = rng.randint(30, 4000), rng.randint(30, 4000)
        corners = (rng.random(), rng.random(), rng.random(), rng.random())
        said = region_text(1, corners, convention, (1036, 784)).text
        found = parse(said, convention, original=original, resized=(1036, 784))
        if not found:
            continue  # narrower than a pixel
        (box,) = found
        found_again += 1
        assert isinstance(box, Box)
        wanted = sorted(corners[::2]) + sorted(corners[1::2])
        for side, part, whole in zip((box.x1, box.x2, box.y1, box.y2), wanted,
                                     (original[0], original[0], original[1], original[1]), strict=True):  # fmt: skip
            assert abs(side - part * whole) <= 0.0016 * whole + 1
    assert found_again > 90


@pytest.mark.parametrize(
    ("corners", "told"),
    [
        ((-3.0, 0.2, 9.0, 0.9), "(0,200),(999,900)"),
        ((0.9, 0.8, 0.1, 0.2), "(100,200),(900,800)"),
    ],
)
def test_corners_are_brought_into_the_picture_and_into_order(corners: Corners, told: str) -> None:
    said = region_text(1, corners, "qwen2_vl", (280, 280)).text
    assert said == f"Picture 1: <|box_start|>{told}<|box_end|>\n"


def test_a_region_is_read_as_control_tokens_and_typed_ones_are_not(
    qwen2_vl: LocalBackend, picture: Image
) -> None:
    region = region_text(1, (0.1, 0.1, 0.6, 0.6), "qwen2_vl", (224, 224))
    box = qwen2_vl.processor.tokenizer.convert_tokens_to_ids("<|box_start|>")

    def ids(*parts: Image | Text) -> list[int]:
        return qwen2_vl.prompt_ids(Conversation().with_user_turn(*parts), GenerationSettings())

    assert ids(picture, region, Text("What is this?")).count(box) == 1
    assert ids(picture, Text(region.text), Text("What is this?")).count(box) == 0


def test_other_control_tokens_of_a_region_stay_text(qwen2_vl: LocalBackend) -> None:
    end = qwen2_vl.processor.tokenizer.convert_tokens_to_ids("<|im_end|>")
    asked = [
        Conversation().with_user_turn(Text(text, pointing=True)) for text in ("a", "<|im_end|>")
    ]
    counts = [qwen2_vl.prompt_ids(talk, GenerationSettings()).count(end) for talk in asked]
    assert counts[0] == counts[1]


def test_what_was_typed_does_not_include_it(picture: Image) -> None:
    region = region_text(1, (0.1, 0.1, 0.6, 0.6), "qwen2_vl", (224, 224))
    message = Conversation().with_user_turn(picture, region, Text("What is this?")).messages[0]
    assert message.text == "What is this?"
    assert message.media == (picture,)
