"""The copy of a picture with places drawn on it."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image, ImageColor

from model import conversation
from model.grounding import Box, Point
from tests.support import media_files
from ui.html.grounding import COLOURS, Marked
from ui.media.disk_quota import DiskQuota
from ui.media.marked_copy import EDGE, draw, marked_copy
from ui.media.room import Room
from ui.state.tray.attachment import inspect


@pytest.fixture(autouse=True)
def uploads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    return tmp_path


def colour(number: int) -> tuple[int, int, int]:
    code = COLOURS[number]
    return int(code[1:3], 16), int(code[3:5], 16), int(code[5:7], 16)


def copied(path: Path, *places: Box | Point) -> Image.Image:
    marks = Marked(1, inspect(path), places).marks
    return Image.open(
        marked_copy(conversation.Image(path, name=path.name), marks, Room(DiskQuota()))
    )


def test_a_box_is_drawn_along_its_edge_and_nothing_else_is_touched(uploads: Path) -> None:
    copy = copied(
        media_files.solid(uploads / "a.png", "white", (640, 480)), Box("", 100, 120, 300, 400)
    )
    assert (copy.format, copy.size) == ("PNG", (640, 480))
    for edge in ((100, 300), (299, 300), (250, 120), (250, 399)):
        assert copy.getpixel(edge) == colour(0)
    for elsewhere in ((94, 300), (106, 300), (305, 300), (250, 406), (200, 260), (0, 0)):
        assert copy.getpixel(elsewhere) == (255, 255, 255)


def test_a_point_is_a_dot(uploads: Path) -> None:
    copy = copied(media_files.solid(uploads / "a.png", "white", (640, 480)), Point("eye", 200, 100))
    assert copy.getpixel((200, 100)) == colour(0)
    assert copy.getpixel((200, 115)) == (255, 255, 255)


def test_the_copy_is_upright_and_has_every_pixel(uploads: Path) -> None:
    path = media_files.exif_rotated(uploads / "a.jpg", 6, (1200, 600))
    copy = copied(path, Box("", 20, 20, 60, 60))
    assert copy.size == (1200, 600)
    red, green, _ = copy.convert("RGB").getpixel((300, 150))  # type: ignore[misc]
    assert red > 200 and green < 60  # the top left quarter


def test_the_file_has_the_pictures_name_in_a_folder_that_nobody_guesses(uploads: Path) -> None:
    picture = conversation.Image(media_files.solid(uploads / "x.png"), name="my cat.jpeg")
    first, second = (Path(marked_copy(picture, (), Room(DiskQuota()))) for _ in range(2))
    assert first.name == "my cat marked.png" and first.is_relative_to(uploads)
    assert first.parent != second.parent and len(first.parent.name) == 32


@pytest.mark.parametrize("size", [(1, 1), (3000, 20), (20, 3000), (640, 480)])
def test_whatever_lies_at_the_border_can_be_drawn(size: tuple[int, int]) -> None:
    width, height = size
    places = (
        Box("the whole picture " * 10, 0, 0, width, height),
        Box("a corner", width - 1, height - 1, width, height),
        Point("", 0, 0),
        Point("狗 개 \u202e\n", width, height),
    )
    picture = Image.new("RGB", size, "black")
    draw(picture, Marked(1, None, places).marks)  # type: ignore[arg-type]
    assert picture.getcolors(10**6) != [(width * height, (0, 0, 0))]


def test_the_colour_of_a_box_lies_between_dark_edges(uploads: Path) -> None:
    copy = copied(
        media_files.solid(uploads / "a.png", "white", (640, 480)), Box("", 100, 120, 300, 400)
    )
    for outside, inside in (((98, 300), (101, 300)), ((250, 118), (250, 121))):
        assert copy.getpixel(outside) == copy.getpixel(inside) == ImageColor.getrgb(EDGE)


def test_the_caption_of_a_box_at_the_upper_edge_is_on_the_picture(uploads: Path) -> None:
    copy = copied(
        media_files.solid(uploads / "a.png", "white", (640, 480)), Box("cat", 100, 0, 300, 200)
    )
    shown = copy.crop((104, 4, 120, 12)).getcolors() or []  # within the box, clear of its line
    assert colour(0) in [found for _, found in shown]
