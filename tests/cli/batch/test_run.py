"""A batch asks once about each file, goes on after a kill, and gives what an unbroken run gives."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from cli.batch.files import PageChoice, found
from cli.batch.results import Result, Results, results
from cli.batch.run import run
from model.backend import Cancel, Delta, collected
from model.conversation import Conversation, Image, Text
from model.errors import DemoError
from model.local import LocalBackend
from model.settings import DefaultSettings, GenerationSettings, VisionSettings
from tests.support import documents, media_files
from tests.support.fakes import FakeBackend

SETTINGS = DefaultSettings(VisionSettings(max_tokens=64), GenerationSettings(max_new_tokens=6))
PROMPT = "What is this?"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Ten pictures, a clip, a broken picture, and what is none of them."""
    folder = tmp_path / "media"
    (folder / "deeper").mkdir(parents=True)
    for number in range(10):
        media_files.photo(folder / f"{number}.png", (112, 84), seed=number)
    media_files.clip(folder / "deeper" / "clip.mp4", 10)
    (folder / "broken.jpg").write_bytes(b"no picture")
    (folder / "notes.md").write_text("no picture either")
    return folder


def answered(backend: Any, files: Sequence[Path], out: Path, **kwargs: Any) -> int:
    return run(backend, files, PROMPT, SETTINGS, results(str(out), files), kwargs.get("at_once", 1))


def lines(out: Path) -> list[dict[str, Any]]:
    """Without what differs between answers given together and alone: times, seeds, and how frames are counted."""
    read = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    for line in read:
        for name in ("ttft_s", "decode_tokens_per_s", "seed", "decoded_frames"):
            line.get("usage", {}).pop(name, None)
    return read


class Killed(Exception):  # noqa: N818 (it is no error of the program)
    pass


class KilledAfter(Results):
    """Ends the process, as it were, at the end of a number of results."""

    def __init__(self, inner: Results, count: int) -> None:
        self._inner, self._left = inner, count

    def done(self) -> set[str]:
        return self._inner.done()

    def add(self, result: Result) -> None:
        if not self._left:
            raise Killed
        self._left -= 1
        self._inner.add(result)


def test_a_folder_gives_its_pictures_and_clips_in_order(folder: Path) -> None:
    files = found([str(folder), str(folder / "3.png"), str(folder / "notes.md")])
    names = [file.relative_to(folder).as_posix() for file in files]
    assert names == [*(f"{n}.png" for n in range(10)), "broken.jpg", "deeper/clip.mp4", "notes.md"]
    with pytest.raises(DemoError, match="does not exist"):
        found([str(folder / "nothing.png")])
    with pytest.raises(DemoError, match="found no picture, no clip and no PDF"):
        (folder / "empty").mkdir()
        found([str(folder / "empty")])


def test_every_file_has_the_answer_that_it_gets_alone_and_a_bad_one_a_sentence(
    qwen2_vl: LocalBackend, folder: Path, tmp_path: Path
) -> None:
    out, files = tmp_path / "out.jsonl", found([str(folder)])
    assert answered(qwen2_vl, files, out) == 1
    by_name = {Path(line["file"]).name: line for line in lines(out)}
    assert list(by_name) == [file.name for file in files]
    assert "broken.jpg" in by_name["broken.jpg"]["error"]
    picture = Image(folder / "4.png", vision=SETTINGS.vision)
    talk = Conversation().with_user_turn(picture, Text(PROMPT))
    alone, usage = collected(qwen2_vl.stream(talk, SETTINGS.generation, Cancel()))
    assert by_name["4.png"]["answer"] == alone
    assert by_name["4.png"]["usage"]["new_tokens"] == usage.new_tokens
    assert by_name["clip.mp4"]["answer"]


@pytest.mark.parametrize("count", [0, 1, 8, 9, 11])
def test_after_a_kill_it_goes_on_and_ends_like_an_unbroken_run(
    qwen2_vl: LocalBackend, folder: Path, tmp_path: Path, count: int
) -> None:
    files = found([str(folder)])
    unbroken, broken = tmp_path / "unbroken.jsonl", tmp_path / "broken.jsonl"
    answered(qwen2_vl, files, unbroken)
    with pytest.raises(Killed):
        run(qwen2_vl, files, PROMPT, SETTINGS, KilledAfter(results(str(broken), files), count), 1)
    answered(qwen2_vl, files, broken)
    assert lines(broken) == lines(unbroken)


def test_nothing_is_asked_twice(
    folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    backend = FakeBackend()
    out, files = tmp_path / "out.jsonl", found([str(folder)])
    assert answered(backend, files, out, at_once=3) == 0
    assert len(backend.calls) == len(files)
    with caplog.at_level(logging.INFO):
        assert answered(backend, files, out, at_once=3) == 0
    assert len(backend.calls) == len(files)
    assert "12 of 12 files have a result already" in caplog.text


def test_a_server_is_asked_several_questions_at_once_and_the_order_stays(
    folder: Path, tmp_path: Path
) -> None:
    backend = FakeBackend()
    out, files = tmp_path / "out.jsonl", found([str(folder)])
    answered(backend, files, out, at_once=4)
    assert [line["file"] for line in lines(out)] == [str(file) for file in files]
    assert {call.settings for call in backend.calls} == {SETTINGS.generation}
    assert all(line["answer"] == "Hello" for line in lines(out))


def test_a_document_has_one_answer_about_its_pages_and_a_bad_one_a_sentence(
    qwen2_vl: LocalBackend, tmp_path: Path
) -> None:
    (folder := tmp_path / "papers").mkdir()
    documents.pdf(folder / "a.pdf", [["one"], documents.table(), ["three"]])
    documents.pdf(folder / "b.pdf", [["secret"]], password="geheim")
    documents.pdf(folder / "c.pdf", [[f"page {n}"] for n in range(1, 101)])
    documents.tiff(folder / "d.tif", ("red", "lime"))
    media_files.photo(folder / "e.png", (112, 84))
    (folder / "f.pdf").write_bytes((folder / "a.pdf").read_bytes()[:300])
    out, files = tmp_path / "out.jsonl", found([str(folder)])
    assert answered(qwen2_vl, files, out) == 1
    by_name = {Path(line["file"]).name: line for line in lines(out)}
    assert list(by_name) == ["a.pdf", "b.pdf", "c.pdf", "d.tif", "e.png", "f.pdf"]
    tokens = {
        name: line["usage"]["visual_tokens"] for name, line in by_name.items() if "usage" in line
    }
    assert tokens.keys() == {"a.pdf", "d.tif", "e.png"}
    assert tokens["a.pdf"] > 2 * 40 and "protected by a password" in by_name["b.pdf"]["error"]
    assert by_name["c.pdf"]["error"].startswith("c.pdf has 100 pages, and a message can hold 64")
    assert "damaged PDF" in by_name["f.pdf"]["error"]


def test_chosen_pages_are_asked_about_with_their_text_and_go_afterwards(tmp_path: Path) -> None:
    seen: list[list[Path]] = []

    def answer(talk: Conversation) -> list[Delta]:
        seen.append([Path(str(part.path)) for part in talk.media])
        assert all(path.stat().st_size for path in seen[-1])
        return [Delta("Yes.")]

    (folder := tmp_path / "papers").mkdir()
    documents.pdf(folder / "long.pdf", [[f"page {n}"] for n in range(1, 301)])
    documents.pdf(folder / "short.pdf", [["page 1"], ["page 2"]])
    backend, files = FakeBackend(answer=answer), found([str(folder)])
    kept = results(str(tmp_path / "out.csv"), files)
    assert run(backend, files, PROMPT, SETTINGS, kept, 1, PageChoice("2-3, 300", text=True)) == 0
    assert [[path.name for path in pages] for pages in seen] == [
        ["long-p2.png", "long-p3.png", "long-p300.png"],
        ["short-p2.png"],
    ]
    assert not any(path.exists() for pages in seen for path in pages)
    (message,) = backend.calls[1].conversation.messages
    assert message.text == f"short.pdf, p. 2:\npage 2\n\n{PROMPT}"
