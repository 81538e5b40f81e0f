"""Which pages are chosen, and pages of every kind of document as pictures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PillowImage

from model.conversation import Conversation, Image
from model.errors import MediaError
from model.media import document, image
from model.settings import VisionSettings
from tests.support import documents


def middle(picture: PillowImage.Image) -> tuple[int, ...]:
    pixel = picture.getpixel((picture.width // 2, picture.height // 2))
    assert isinstance(pixel, tuple)
    return pixel


@pytest.mark.parametrize(
    ("ranges", "numbers"),
    [
        ("", (1, 2, 3, 4, 5, 6, 7, 8, 9)),
        (" 2 ", (2,)),
        ("1-3, 5", (1, 2, 3, 5)),
        ("5,3-4,4", (3, 4, 5)),
        ("2–3；7", (2, 3, 7)),
        ("1，9", (1, 9)),
        ("8~9、1", (1, 8, 9)),
    ],
)
def test_pages_are_chosen_by_numbers_and_ranges(ranges: str, numbers: tuple[int, ...]) -> None:
    assert document.selected(ranges.replace("；", ";"), 9, "a.pdf") == numbers


@pytest.mark.parametrize(
    "ranges", ["0", "10", "3-2", "1-10", "two", "1-2-3", ",", "-1", "1e3", "9" * 400]
)
def test_pages_that_are_not_there_are_refused_with_how_to_name_them(ranges: str) -> None:
    with pytest.raises(MediaError, match=r"^a\.pdf has 9 pages; choose from them as in 1-3, 5\.$"):
        document.selected(ranges, 9, "a.pdf")


def test_chosen_pages_are_shown_as_they_are_written() -> None:
    assert document.shown_ranges((1, 2, 3, 5, 7, 8)) == "1-3, 5, 7-8"
    assert document.selected(document.shown_ranges((2, 4, 5)), 9, "") == (2, 4, 5)


def test_pages_of_a_pdf_are_written_one_by_one_as_parts_of_a_message(tmp_path: Path) -> None:
    paper = documents.pdf(tmp_path / "report.pdf", [["one"], ["two"], ["three"]])
    vision = VisionSettings(max_tokens=64)
    (folder := tmp_path / "pages").mkdir()
    parts = document.images(paper, folder, "2-3", vision)
    assert parts == [
        Image(folder / f"report-p{n}.png", vision, name=f"report-p{n}.png") for n in (2, 3)
    ]
    assert image.image_size(parts[0].path) == (1653, 2339)
    assert Conversation().with_user_turn(*parts).media == tuple(parts)


def test_every_page_of_a_tiff_is_a_picture(tmp_path: Path) -> None:
    scan = documents.tiff(tmp_path / "scan.tif", ("red", "lime", "blue"))
    assert document.count(scan) == 3 and image.holds_pages(scan)
    assert [middle(document.picture(scan, n)) for n in (3, 1)] == [(0, 0, 255), (255, 0, 0)]
    assert document.text(scan, 1) == ""
    with pytest.raises(MediaError, match="damaged"):
        document.picture(scan, 4)


def test_smaller_copies_in_a_tiff_are_no_pages(tmp_path: Path) -> None:
    scan = documents.tiff(tmp_path / "scan.tif", ("red", "red"), subfile_type=1)
    assert document.count(scan) == 2 and not image.holds_pages(scan)


@pytest.mark.parametrize("suffix", ["gif", "webp", "png"])
def test_frames_of_an_animation_can_be_chosen_but_are_no_pages(tmp_path: Path, suffix: str) -> None:
    moving = documents.animation(tmp_path / f"a.{suffix}", ("red", "lime", "blue"))
    assert document.count(moving) == 3 and not image.holds_pages(moving)
    third = np.array(middle(document.picture(moving, 3)))
    assert np.abs(third - (0, 0, 255)).max() < 8
    assert middle(image.open_image(moving))[0] > 247
