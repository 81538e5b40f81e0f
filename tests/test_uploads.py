"""A path that a browser posts is believed only if Gradio stored it."""

from __future__ import annotations

from pathlib import Path

import pytest

from model.errors import MediaError
from ui.uploads import shown_name, stored_file


@pytest.fixture
def uploads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "uploads"
    folder.mkdir()
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(folder))
    return folder


def test_an_uploaded_file_is_accepted(uploads: Path) -> None:
    file = uploads / "abc" / "a.png"
    file.parent.mkdir()
    file.write_bytes(b"x")
    assert stored_file(str(file)) == file.resolve()


def test_everything_else_is_refused_with_the_same_sentence(uploads: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside.png"
    outside.write_bytes(b"x")
    link = uploads / "link.png"
    link.symlink_to(outside)
    (uploads / "inside.png").write_bytes(b"x")
    sibling = tmp_path / "uploads-other"
    sibling.mkdir()
    (sibling / "b.png").write_bytes(b"x")
    linked_folder = uploads / "folder"
    linked_folder.symlink_to(sibling)
    hostile: list[object] = [
        str(outside),
        str(link),
        str(linked_folder / "b.png"),
        str(uploads),
        str(uploads / "missing.png"),
        str(uploads / ".." / "outside.png"),
        str(sibling / "b.png"),
        "inside.png",
        "/etc/passwd",
        "http://127.0.0.1/a.png",
        "file:///etc/passwd",
        "data:image/png;base64,AAAA",
        f"{uploads}/inside.png\0.png",
        "",
        None,
        7,
        {"path": str(uploads / "inside.png")},
    ]
    sentences = set()
    for path in hostile:
        with pytest.raises(MediaError) as refusal:
            stored_file(path)
        sentences.add(str(refusal.value))
    assert len(sentences) == 1


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("photo.png", "photo.png"),
        ("C:\\pictures\\photo.png", "photo.png"),
        ("../../etc/photo.png", "photo.png"),
        ("gnp\u202eexe.png", "gnpexe.png"),
        ("", "stored.png"),
        (None, "stored.png"),
        (3, "stored.png"),
    ],
)
def test_names_are_only_names(name: object, shown: str) -> None:
    assert shown_name(name, Path("/u/stored.png")) == shown


def test_a_long_name_is_cut_in_the_middle() -> None:
    shown = shown_name("x" * 300 + ".png", Path("/u/a.png"))
    assert len(shown) <= 80 and shown.endswith(".png") and "…" in shown
