"""Which of several pictures and clips a text speaks of."""

from __future__ import annotations

import pytest

from model.answers.references import references, spoken_of, subject
from model.conversation import Conversation, Image, Text, Video

A, B, C = Image("a.png"), Image("b.png"), Image("c.png")
CLIP = Video("a.mp4")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Picture 2 shows a cat.", [("image", 2)]),
        ("the cat in image 12", [("image", 12)]),
        ("photo #3, Image no. 4", [("image", 3), ("image", 4)]),
        ("Picture 1: a cat. Video 1: a dog.", [("image", 1), ("video", 1)]),
        ("the second picture and the 3rd video", [("image", 2), ("video", 3)]),
        ("图片2里的猫和第三张图里的狗", [("image", 2), ("image", 3)]),
        ("视频 1", [("video", 1)]),
        ("사진 2와 세 번째 사진", [("image", 2), ("image", 3)]),
        ("3번 동영상", [("video", 3)]),
        ("In this picture 2 dogs play.", []),
        ("an image 1920x1080, image 50% larger, video 1:23", []),
        ("no picture, 2 dogs, pictures", []),
    ],
)
def test_pictures_and_clips_are_named_in_many_ways(
    text: str, expected: list[tuple[str, int]]
) -> None:
    assert [(found.kind, found.number) for found in references(text)] == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Picture 1: a cat @. Picture 2: a dog @.", [1, 2]),
        ("A cat @ in Picture 1 and a dog @ in Picture 2.", [1, 2]),
        ("Picture 2:\n- a cat @\n- a dog @", [2, 2]),
        ("Picture 1 has\n@\nA dog @ is in Picture 2.", [1, 2]),
        ("a cat @ and a dog @", [None, None]),
        ("a cat @ and\n\na dog @ in Picture 2", [None, 2]),
        ("@ in Picture 2, and @", [2, 2]),
    ],
)
def test_a_part_goes_with_the_reference_beside_it(text: str, expected: list[int | None]) -> None:
    spans = [(i, i + 1) for i, character in enumerate(text) if character == "@"]
    assert [found and found.number for found in spoken_of(text, spans)] == expected


def test_a_reference_within_a_part_comes_first() -> None:
    text = 'Picture 1: {"label": "cat in picture 2"}'
    (found,) = spoken_of(text, [(text.index("{"), len(text))])
    assert found and found.number == 2


def test_the_only_picture_is_what_is_asked_about() -> None:
    talk = Conversation().with_user_turn(A, Text("Where is the cat?"))
    assert subject(talk, "image") == 1
    assert subject(talk, "video") is None
    assert subject(Conversation().with_user_turn(Text("Picture 1?")), "image") is None


def test_a_question_may_name_a_picture_and_a_follow_up_stays_with_it() -> None:
    talk = Conversation().with_user_turn(A, B, Text("Where is the cat in Picture 1?"))
    assert subject(talk, "image") == 1
    talk = talk.with_reply("Here, as in Picture 2.").with_user_turn(Text("And the dog?"))
    assert subject(talk, "image") == 1
    assert subject(talk.with_reply("?").with_user_turn(Text("Picture 2?")), "image") == 2


def test_otherwise_the_latest_picture_is_meant_and_a_number_that_is_not_there_names_none() -> None:
    talk = Conversation().with_user_turn(A, Text("Where?")).with_reply("Here.")
    talk = talk.with_user_turn(B, C, Text("And in picture 7?"))
    assert subject(talk, "image") == 3


def test_a_question_about_a_new_clip_is_about_no_earlier_picture() -> None:
    talk = Conversation().with_user_turn(A, Text("Where?")).with_reply("Here.")
    talk = talk.with_user_turn(CLIP, Text("And here?"))
    assert subject(talk, "image") is None
    assert subject(talk, "video") == 1


def test_a_picture_may_be_asked_for_in_an_earlier_clip() -> None:
    talk = Conversation().with_user_turn(CLIP, Text("What is this?")).with_reply("A boat.")
    assert subject(talk.with_user_turn(A, Text("When is it seen?")), "video") == 1
