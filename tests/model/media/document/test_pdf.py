"""PDF documents as readers show them, and documents that are broken or made to do harm."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from model.errors import MediaError
from model.media.document import pdf
from tests.support import documents


def darkest_columns(picture: object) -> np.ndarray:
    """Which columns of a page hold ink."""
    return np.flatnonzero(np.asarray(picture, np.uint8).min(axis=(0, 2)) < 128)


def test_a_page_is_drawn_at_200_dpi_and_its_text_is_read(tmp_path: Path) -> None:
    paper = documents.pdf(tmp_path / "a.pdf", [["Hello,", "world"], documents.table()])
    assert pdf.count(paper) == 2
    page = pdf.picture(paper, 1)
    assert page.mode == "RGB" and page.size == (1653, 2339)
    # The text begins an inch from the left.
    assert abs(darkest_columns(page)[0] - 200) < 10
    assert pdf.text(paper, 1) == "Hello,\nworld"
    assert pdf.text(paper, 2).splitlines() == [" ".join(row) for row in documents.ROWS]


def test_a_page_is_turned_and_cropped_as_the_document_says(tmp_path: Path) -> None:
    turned = documents.pdf(tmp_path / "turned.pdf", [["Hi"]], more="/Rotate 90")
    assert pdf.picture(turned, 1).size == (2339, 1653)
    cropped = documents.pdf(tmp_path / "cropped.pdf", [["Hi"]], more="/CropBox [72 700 272 800]")
    page = pdf.picture(cropped, 1)
    assert page.size == (556, 278) and darkest_columns(page)[0] < 10


@pytest.mark.parametrize(
    "box",
    ["0 0 14400 14400", "0 0 14400 1", "0 0 1e30 1e30", "0 0 0 0", "5 5 4 4", "0 0 nan inf", "0 0"],
)
def test_a_page_of_any_size_is_a_bounded_picture(tmp_path: Path, box: str) -> None:
    paper = documents.pdf(tmp_path / "a.pdf", [["Hi"]], box=box)
    assert max(pdf.picture(paper, 1).size) <= pdf.MAX_SIDE_PX


def test_a_filled_field_of_a_form_is_drawn(tmp_path: Path) -> None:
    paper = documents.pdf(tmp_path / "a.pdf", [["Name:"]], field="100 500 300 600")
    page = np.asarray(pdf.picture(paper, 1))
    left, top = 200 * 200 // 72, page.shape[0] - 550 * 200 // 72
    assert page[top, left].max() < 128 and page[top, 10].min() > 128


def test_a_password_is_named_as_the_reason(tmp_path: Path) -> None:
    locked = documents.pdf(tmp_path / "locked.pdf", [["secret"]], password="geheim")
    with pytest.raises(MediaError, match=r"^locked\.pdf is protected by a password; save a copy"):
        pdf.count(locked)
    empty = documents.pdf(tmp_path / "empty.pdf", [])
    with pytest.raises(MediaError, match=r"^empty\.pdf is a damaged PDF document"):
        pdf.count(empty)


def test_a_damaged_page_is_named_and_the_others_are_read(tmp_path: Path) -> None:
    paper = documents.pdf(tmp_path / "a.pdf", [["one"], ["two"], ["three"]])
    content = paper.read_bytes()
    at = content.index(b"6 0 obj <<")
    paper.write_bytes(content[: at + 8] + b"[]" + content[at + 10 :])
    assert pdf.count(paper) == 3
    with pytest.raises(MediaError, match=r"^Page 2 of a\.pdf is damaged; leave it out\.$"):
        pdf.picture(paper, 2)
    assert (pdf.text(paper, 1), pdf.text(paper, 3)) == ("one", "three")


def test_what_pdfium_adds_to_text_is_left_out(tmp_path: Path) -> None:
    paper = documents.pdf(tmp_path / "a.pdf", [[r"a\001b\033[0mc", "d"]])
    assert pdf.text(paper, 1).isprintable() or "\n" in pdf.text(paper, 1)
    assert not set(pdf.text(paper, 1)) & {"\x01", "\x1b", "\r", "\ufffe"}


def test_documents_that_are_cut_or_changed_anywhere_are_read_or_refused(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """In a process of its own: a crash of PDFium would end this one."""
    more = 20 if request.config.getoption("--nightly") else 1
    paper = documents.pdf(tmp_path / "a.pdf", [["one", "two"], documents.table(), ["three"]])
    content, draw = paper.read_bytes(), random.Random(more)
    for place in range(0, len(content), max(1, 97 // more)):
        (tmp_path / f"cut-{place}.pdf").write_bytes(content[:place] or b"%PDF")
    for number in range(40 * more):
        changed = bytearray(content)
        for _ in range(draw.choice((1, 5, 40))):
            changed[draw.randrange(8, len(changed))] = draw.randrange(256)
        (tmp_path / f"changed-{number}.pdf").write_bytes(changed)
    script = (
        "import sys\nfrom pathlib import Path\nfrom model.errors import MediaError\n"
        "from model.media.document import pdf\nread = refused = 0\n"
        "for file in sorted(Path(sys.argv[1]).glob('*-*.pdf')):\n"
        "    try:\n"
        "        for page in range(min(3, pdf.count(file))):\n"
        "            pdf.picture(file, page + 1), pdf.text(file, page + 1)\n"
        "        read += 1\n"
        "    except MediaError: refused += 1\n"
        "print(read, refused)\n"
    )
    told = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)],
        cwd=Path(__file__).parents[4],
        capture_output=True,
        text=True,
        check=True,
    )
    read, refused = map(int, told.stdout.split())
    assert read > 5 and refused > 5
    assert read + refused == len(list(tmp_path.glob("*-*.pdf")))
