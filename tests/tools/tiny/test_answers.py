"""The bundled checkpoint sees: its answers depend on what it is shown, through the service and the API."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from gradio_client import Client, handle_file
from PIL import Image as PillowImage
from PIL import ImageDraw, ImageFont

from model.backend import Cancel, collected
from model.checkpoint.choose import BUNDLED
from model.conversation import Conversation, Image, Text, Video
from model.local import LocalBackend
from model.settings import GenerationSettings
from tests.support.pages import gradio_environment, listening
from tests.support.served import program
from ui.page.build import build_page

pytestmark = pytest.mark.slow

GREY = (225, 225, 225)
NUMBERED = GenerationSettings(max_new_tokens=64, vision_ids=True)


@pytest.fixture(scope="module")
def tiny() -> LocalBackend:
    return LocalBackend.load(BUNDLED, device="cpu", cache_gb=0.1)


@pytest.fixture
def draw(tmp_path: Path) -> Any:
    """A drawing made of `(shape, colour, (x1, y1, x2, y2))`, as from a paint program; gives its file."""

    def draw(*things: tuple[str, str, tuple[int, int, int, int]], size: int = 224) -> Path:
        picture = PillowImage.new("RGB", (size, size), GREY)
        pen = ImageDraw.Draw(picture)
        for shape, colour, box in things:
            if shape == "circle":
                pen.ellipse(box, fill=colour)
            elif shape == "square":
                pen.rectangle(box, fill=colour)
            else:
                pen.polygon(_corners(shape, box), fill=colour)
        path = tmp_path / f"{len(list(tmp_path.iterdir()))}.png"
        picture.save(path)
        return path

    return draw


def _corners(shape: str, box: tuple[int, int, int, int]) -> list[tuple[float, float]]:
    x1, y1, x2, y2 = box
    middle = (x1 + x2) / 2
    if shape == "triangle":
        return [(middle, y1), (x2, y2), (x1, y2)]
    assert shape == "star"
    turns = [math.pi * k / 5 for k in range(10)]
    return [
        (
            middle + (x2 - x1) / 2 * (1, 0.4)[k % 2] * math.sin(turn),
            (y1 + y2) / 2 - (y2 - y1) / 2 * (1, 0.4)[k % 2] * math.cos(turn),
        )
        for k, turn in enumerate(turns)
    ]


def said(backend: LocalBackend, talk: Conversation, session: str = "") -> str:
    return collected(backend.stream(talk, NUMBERED, Cancel(), session=session))[0]


def asked(backend: LocalBackend, question: str, *pictures: Path) -> str:
    media = [Image(path) for path in pictures]
    return said(backend, Conversation().with_user_turn(*media, Text(question)))


LEFT_TOP, RIGHT_BOTTOM, WIDE = (16, 16, 96, 96), (128, 128, 208, 208), (50, 50, 174, 174)


@pytest.mark.parametrize("shape", ["circle", "square", "triangle", "star"])
@pytest.mark.parametrize("colour", ["red", "green", "blue", "black"])
def test_it_sees_colour_and_shape(tiny: LocalBackend, draw: Any, shape: str, colour: str) -> None:
    picture = draw((shape, colour, WIDE))
    described = asked(tiny, "Describe the image.", picture)
    assert colour in described and shape in described
    assert colour in asked(tiny, f"What colour is the {shape}?", picture)
    assert shape in asked(tiny, f"which shape is {colour}", picture)


def test_it_understands_shouting(tiny: LocalBackend, draw: Any) -> None:
    things = [("circle", "red", LEFT_TOP), ("square", "blue", RIGHT_BOTTOM)]
    for question in (
        "What colour is the circle?", "Where is the square?", "Please count the squares", "Is there a green circle?",
        "Which shape is blue?", "Could you describe the picture for me", "Is the circle red?", "The square is where?",
        "I would like a caption for the image", "Tell me what you see", "Who are you?",
    ):  # fmt: skip
        answer = asked(tiny, question, draw(*things))
        assert asked(tiny, question.upper(), draw(*things)) == answer
        assert asked(tiny, question.title(), draw(*things)) == answer


def test_it_counts(tiny: LocalBackend, draw: Any) -> None:
    one = ("circle", "red", LEFT_TOP)
    other = ("square", "blue", RIGHT_BOTTOM)
    for things, number in (((one,), r"one|1"), ((one, other), r"two|2")):
        assert re.search(number, asked(tiny, "How many shapes are there?", draw(*things)), re.I)


def test_it_knows_where_things_are(tiny: LocalBackend, draw: Any) -> None:
    picture = draw(("circle", "red", LEFT_TOP), ("square", "blue", RIGHT_BOTTOM))
    circle, square = (
        asked(tiny, f"Where is the {name}?", picture) for name in ("circle", "square")
    )
    assert "left" in circle and "right" in square


def test_it_reads(tiny: LocalBackend, tmp_path: Path) -> None:
    for text in ("A", "7K"):
        picture = PillowImage.new("RGB", (168, 140), GREY)
        ImageDraw.Draw(picture).text(
            (84, 70), text, fill="blue", font=ImageFont.load_default(80), anchor="mm"
        )
        picture.save(tmp_path / f"{text}.png")
        assert f'"{text}"' in asked(tiny, "What does the text say?", tmp_path / f"{text}.png")


def test_it_puts_a_box_around_what_is_asked_for(tiny: LocalBackend, draw: Any) -> None:
    picture = draw(("circle", "red", LEFT_TOP), ("square", "blue", RIGHT_BOTTOM))
    answer = asked(tiny, "Give me the bounding box of the square.", picture)
    found = re.search(r"<\|box_start\|>\((\d+),(\d+)\),\((\d+),(\d+)\)<\|box_end\|>", answer)
    assert found, answer
    x1, y1, x2, y2 = (int(number) * 224 / 1000 for number in found.groups())
    wide = max(0.0, min(x2, 208) - max(x1, 128)) * max(0.0, min(y2, 208) - max(y1, 128))
    assert wide / ((x2 - x1) * (y2 - y1) + 80 * 80 - wide) >= 0.5


def test_it_tells_several_pictures_apart(tiny: LocalBackend, draw: Any) -> None:
    circle, star = draw(("circle", "red", WIDE)), draw(("star", "blue", WIDE))
    second = asked(tiny, "What is in Picture 2?", circle, star)
    assert "blue" in second and "star" in second
    for pictures, number in (((circle, star), "2"), ((star, circle), "1")):
        assert number in asked(tiny, "Which picture has the star?", *pictures)


def test_it_follows_motion_in_a_clip(tiny: LocalBackend, draw: Any) -> None:
    frames = [
        draw(("circle", "red", (8 + 16 * k, 40, 48 + 16 * k, 80)), size=140) for k in range(6)
    ]
    for order, side in ((frames, "right"), (frames[::-1], "left")):
        clip = Video(frames=tuple(order), fps=2.0)
        talk = Conversation().with_user_turn(clip, Text("Which way does the circle move?"))
        assert side in said(tiny, talk)


def test_it_understands_what_was_said_before(tiny: LocalBackend, draw: Any) -> None:
    picture = draw(("circle", "red", LEFT_TOP), ("square", "blue", RIGHT_BOTTOM))
    talk = Conversation().with_user_turn(Image(picture), Text("What colour is the circle?"))
    talk = talk.with_reply(said(tiny, talk, "follow"))
    assert "blue" in said(tiny, talk.with_user_turn(Text("And the square?")), "follow")


def test_it_understands_the_other_one(tiny: LocalBackend, draw: Any) -> None:
    picture = draw(("circle", "red", LEFT_TOP), ("square", "blue", RIGHT_BOTTOM))
    talk = Conversation().with_user_turn(Image(picture), Text("What colour is the circle?"))
    talk = talk.with_reply(said(tiny, talk, "follow"))
    talk = talk.with_user_turn(Text("And what colour is the other one?"))
    assert "blue" in said(tiny, talk, "follow")


@pytest.mark.parametrize("question", ["Who are you?", "Write a poem about the sea."])
def test_it_says_what_it_is_and_how_to_get_more(tiny: LocalBackend, question: str) -> None:
    answer = said(tiny, Conversation().with_user_turn(Text(question)))
    assert "tiny" in answer and "--checkpoint-path" in answer


@pytest.fixture(scope="module")
def client(tiny: LocalBackend, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    uploads = tmp_path_factory.mktemp("uploads")
    with gradio_environment(uploads), listening(build_page(tiny)) as address:
        yield program(address)


def test_the_api_answers_about_pictures_over_several_turns(client: Client, draw: Any) -> None:
    def chat(text: str, *files: Path) -> str:
        message = {"text": text, "files": [handle_file(str(file)) for file in files]}
        answer, _ = client.predict(message, {"vision_ids": True}, api_name="/chat")
        return str(answer)

    circle, square = draw(("circle", "red", WIDE)), draw(("square", "blue", WIDE))
    assert "red" in chat("What colour is the circle?", circle)
    described = chat("Describe the image.")
    assert "red" in described and "circle" in described
    second = chat("What is in Picture 2?", square)
    assert "blue" in second and "square" in second
    assert "1" in chat("Which picture has the circle?")
    client.predict(api_name="/reset")
