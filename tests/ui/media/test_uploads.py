"""A path that a browser posts is believed only if Gradio stored it."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path

import pytest

from model.errors import MediaError
from ui.http.asker import Asker
from ui.media.uploads import SWEPT, Uploads, checked_upload_path, shown_name


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
    assert checked_upload_path(str(file)) == file.resolve()


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
            checked_upload_path(path)
        sentences.add(str(refusal.value))
    assert len(sentences) == 1


def test_a_path_that_no_system_opens_is_not_even_looked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Taking a megabyte of it apart holds the page for 0.1 s."""
    with monkeypatch.context() as patch:
        patch.setattr(Path, "resolve", lambda *_, **__: pytest.fail("it was looked for"))
        with pytest.raises(MediaError, match="was not uploaded here"):
            checked_upload_path("/a" * 500_000)


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


def test_a_file_belongs_to_who_names_it_first(uploads: Path) -> None:
    (uploads / "a.png").write_bytes(b"x")
    known = Uploads()
    path = str(uploads / "a.png")
    known.register([path])
    for _ in range(2):
        assert known.claim(path, "mine") == (uploads / "a.png").resolve()
    with pytest.raises(MediaError, match="was not uploaded here"):
        known.claim(path, "yours")


def test_who_uploads_the_same_has_it_too(uploads: Path) -> None:
    (uploads / "a.png").write_bytes(b"x")
    known = Uploads()
    path = str(uploads / "a.png")
    known.register([path])
    known.claim(path, "mine")
    known.register([path])
    known.claim(path, "mine")  # as a client in Python does: once uploaded, once named
    with pytest.raises(MediaError):
        known.claim(path, "stranger")
    known.register([path])
    for owner in ("yours", "mine", "yours"):
        known.claim(path, owner)


def test_who_still_owns_a_file_keeps_it_when_another_lets_it_go(uploads: Path) -> None:
    file = uploads / "a.png"
    file.write_bytes(b"x")
    known = Uploads()
    for owner in ("one", "other"):
        known.register([str(file)])
        known.claim(str(file), owner)
    assert not known.released(str(file), "one")
    assert known.lent(str(file), "other") and not known.lent(str(file), "one")
    assert known.released(str(file), "other")


ANN, BOB = Asker("192.0.2.1", "a"), Asker("192.0.2.1", "b")
PROGRAM = Asker("192.0.2.1")


def test_nobody_can_claim_what_another_browser_has_uploaded_as_well(uploads: Path) -> None:
    (uploads / "a.png").write_bytes(b"x")
    known, path = Uploads(), str(uploads / "a.png")
    for sender in (ANN, BOB):
        known.register([path], sender)
    known.claim(path, "one tab of Bob's", BOB)
    with pytest.raises(MediaError):
        known.claim(path, "another tab of Bob's", BOB)
    known.claim(path, "Ann's tab", ANN)


@pytest.mark.parametrize(
    ("sender", "asker", "same"),
    [
        (PROGRAM, PROGRAM, True),
        (PROGRAM, Asker("192.0.2.2"), False),
        (ANN, Asker("192.0.2.2", "a"), True),  # a phone on its way
        (ANN, BOB, False),
        (PROGRAM, ANN, True),  # at its first visit a browser had no cookie yet
        (PROGRAM, Asker("192.0.2.2", "a"), False),
    ],
)
def test_who_has_uploaded_is_told_by_cookie_or_by_address(
    uploads: Path, sender: Asker, asker: Asker, same: bool
) -> None:
    (uploads / "a.png").write_bytes(b"x")
    known, path = Uploads(), str(uploads / "a.png")
    known.register([path], sender)
    with nullcontext() if same else pytest.raises(MediaError):
        known.claim(path, "tab", asker)


def test_what_the_server_itself_has_stored_cannot_be_claimed(uploads: Path) -> None:
    (uploads / "thumbnail.webp").write_bytes(b"x")
    with pytest.raises(MediaError):
        Uploads().claim(str(uploads / "thumbnail.webp"), "mine")


def test_what_is_known_of_deleted_files_is_dropped(uploads: Path) -> None:
    known = Uploads()
    for number in range(3 * SWEPT):
        known.register([str(uploads / f"{number}.png")])
    (uploads / "kept.png").write_bytes(b"x")
    known.register([str(uploads / "kept.png")])
    assert len(known) <= SWEPT + 1
    known.claim(str(uploads / "kept.png"), "mine")
