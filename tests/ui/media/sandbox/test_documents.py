"""Documents are opened in confined processes, whatever they are made of."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image as PillowImage

from model.errors import MediaError
from model.media import document
from tests.support import documents
from ui.media.sandbox.media import STRANGERS_MEDIA, SandboxedMedia
from ui.media.sandbox.request import Limits
from ui.media.sandbox.sandbox import SANDBOX


def test_a_page_comes_as_a_png_file_with_a_thumbnail(tmp_path: Path) -> None:
    paper = str(documents.pdf(tmp_path / "a.pdf", [["one"], documents.table()]))
    seen, pictures = STRANGERS_MEDIA.first_look(paper, "a.pdf")
    assert (seen.kind, seen.pages, pictures.thumbnail) == ("document", 2, b"")
    page = STRANGERS_MEDIA.page(paper, "a.pdf", 2)
    (tmp_path / "page.png").write_bytes(page.png)
    (tmp_path / "small.webp").write_bytes(page.thumbnail)
    with PillowImage.open(tmp_path / "page.png") as whole:
        assert (whole.format, whole.size) == ("PNG", page.size) and whole.size == (1653, 2339)
    with PillowImage.open(tmp_path / "small.webp") as small:
        assert (small.format, max(small.size)) == ("WEBP", 256)
    assert STRANGERS_MEDIA.page_text(paper, "a.pdf", 1) == "one"


def test_a_page_without_text_has_an_empty_text(tmp_path: Path) -> None:
    paper = str(documents.pdf(tmp_path / "a.pdf", [b"0 0 10 10 re f"]))
    assert STRANGERS_MEDIA.page_text(paper, "a.pdf", 1) == ""


def test_pages_of_a_tiff_come_in_the_same_way(tmp_path: Path) -> None:
    scan = str(documents.tiff(tmp_path / "scan.tif", ("red", "lime")))
    seen, _ = STRANGERS_MEDIA.first_look(scan, "scan.tif")
    assert (seen.kind, seen.pages, seen.paged) == ("image", 2, True)
    assert STRANGERS_MEDIA.page(scan, "scan.tif", 2).size == (64, 48)
    moving = str(documents.animation(tmp_path / "a.gif", ("red", "lime")))
    seen, _ = STRANGERS_MEDIA.first_look(moving, "a.gif")
    assert (seen.pages, seen.paged) == (2, False)


def test_letters_that_a_document_does_not_bring_along_are_those_of_the_system(
    tmp_path: Path,
) -> None:
    """The same page as outside of the sandbox."""
    paper = documents.pdf(tmp_path / "a.pdf", [["Hamburgefonstiv"]])
    paper.write_bytes(paper.read_bytes().replace(b"/Helvetica", b"/LiberationMono"))
    page = STRANGERS_MEDIA.page(str(paper), "a.pdf", 1)
    (tmp_path / "page.png").write_bytes(page.png)
    with PillowImage.open(tmp_path / "page.png") as whole:
        assert whole.tobytes() == document.picture(paper, 1).tobytes()


def test_the_reason_of_a_refusal_comes_through(tmp_path: Path) -> None:
    locked = str(documents.pdf(tmp_path / "a.pdf", [["x"]], password="geheim"))
    with pytest.raises(MediaError, match="is protected by a password"):
        STRANGERS_MEDIA.first_look(locked, "a.pdf")
    (tmp_path / "b.pdf").write_bytes(b"%PDF-1.7\n" + bytes(2000))
    with pytest.raises(MediaError, match="is a damaged PDF document"):
        STRANGERS_MEDIA.first_look(str(tmp_path / "b.pdf"), "b.pdf")


def test_ten_thousand_pages_are_counted_and_one_of_them_is_drawn(tmp_path: Path) -> None:
    paper = str(documents.pdf(tmp_path / "a.pdf", [[f"page {n}"] for n in range(1, 10_001)]))
    seen, _ = STRANGERS_MEDIA.first_look(paper, "a.pdf")
    assert seen.pages == 10_000
    assert STRANGERS_MEDIA.page_text(paper, "a.pdf", 9_999) == "page 9999"


@pytest.mark.slow
@pytest.mark.parametrize("bomb", ["patterns", "forms"])
def test_a_page_that_takes_too_much_is_given_up_and_the_next_is_drawn(
    tmp_path: Path, bomb: str
) -> None:
    paper = tmp_path / "bomb.pdf"
    BOMBS[bomb](paper)
    reader = SandboxedMedia(SANDBOX, Limits(cpu_s=1, largest_cpu_s=1, largest_memory_bytes=2**30))
    assert reader.first_look(str(paper), "bomb.pdf")[0].pages == 1
    with pytest.raises(MediaError, match=r"^bomb\.pdf .*attach it again\.$"):
        reader.page(str(paper), "bomb.pdf", 1)
    good = str(documents.pdf(tmp_path / "good.pdf", [["good"]]))
    assert reader.page_text(good, "good.pdf", 1) == "good"


def _patterns(path: Path) -> None:
    """Two million lines across the page."""
    line = b"0 0 m 595 842 l 0 842 l 595 0 l S\n"
    documents.pdf(path, [line * 500_000])


def _forms(path: Path) -> None:
    """Forms that draw forms: 10 to the power of 9 in all."""
    objects = {
        f"X{n}": (
            "/Type /XObject /Subtype /Form /BBox [0 0 595 842]",
            f"/X{n + 1} Do ".encode() * 10 if n < 9 else b"0 0 500 800 re S",
        )
        for n in range(1, 10)
    }
    documents.pdf(path, [b"/X1 Do " * 10], objects=objects)


BOMBS = {"patterns": _patterns, "forms": _forms}
