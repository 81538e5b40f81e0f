"""On the bundled checkpoint the page answers truthfully: what is asked about is really seen."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image, ImageDraw

from tests.support.chat import Chat


@pytest.fixture
def chat(tiny_chat: Chat) -> Chat:
    return tiny_chat


def drawn(path: Path, shape: str, colour: str) -> Path:
    picture = Image.new("RGB", (224, 224), "#e4e4e4")
    pen = ImageDraw.Draw(picture)
    (pen.ellipse if shape == "circle" else pen.rectangle)((52, 52, 172, 172), fill=colour)
    picture.save(path)
    return path


def test_a_drawing_is_answered_about_over_several_turns(chat: Chat, tmp_path: Path) -> None:
    chat.attach(drawn(tmp_path / "a.png", "circle", "red"))
    chat.ask("What colour is the circle?")
    assert "red" in chat.answered[0]
    chat.attach(drawn(tmp_path / "b.png", "square", "blue"))
    chat.ask("What is in this picture?")
    assert "blue" in chat.answered[1] and "square" in chat.answered[1]


def test_a_shape_that_is_located_is_framed_where_it_is(chat: Chat, tmp_path: Path) -> None:
    chat.attach(drawn(tmp_path / "a.png", "circle", "red"))
    chat.ask("Locate the red circle.")
    assert "<|" not in chat.answered[0]
    frame = chat.page.locator("#chatbot .bot-row .frame")
    picture, box = frame.bounding_box(), frame.locator(".box").bounding_box()
    assert picture and box
    scale = 224 / picture["width"]
    left, top = scale * (box["x"] - picture["x"]), scale * (box["y"] - picture["y"])
    right, bottom = left + scale * box["width"], top + scale * box["height"]
    common = max(0, min(right, 172) - max(left, 52)) * max(0, min(bottom, 172) - max(top, 52))
    union = (right - left) * (bottom - top) + 120 * 120 - common
    assert common / union > 0.5


def test_the_examples_are_answered_truthfully(chat: Chat) -> None:
    for number, words in enumerate(("star", "right", "2", "K7")):
        if number:
            chat.page.click("#clear")
        turn = chat.turn - chat.finished_before
        chat.page.locator("#examples button").nth(number).click()
        chat.wait("idle", after_turn=turn)
        assert words in chat.answered[0], chat.answered
        assert chat.page.locator("#chatbot .frame .box").count() == (words == "star")


def test_the_page_says_what_it_runs_and_what_that_can_do_until_it_is_put_away(chat: Chat) -> None:
    banner = chat.page.inner_text("#model-banner")
    assert "tiny-qwen2-vl" in banner and "simple shapes" in banner
    chat.page.click("#model-banner button")
    chat.page.wait_for_selector("#model-banner .note", state="hidden")
    chat.reload()
    chat.wait("idle")
    assert "tiny-qwen2-vl" in chat.page.inner_text("#model-banner")
    assert not chat.page.is_visible("#model-banner .note")
