"""A conversation comes back as it was exported; a hostile zip file does no harm."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from model.backend import AnswerRecord
from model.conversation import Conversation, Image, Text, Video
from model.errors import DemoError, SettingError
from model.families import Geometry
from model.prompt.resize import image_target_size
from model.reproduce import archive, archive_entries, archive_reader
from model.reproduce.archive import Archive
from model.reproduce.generation_record import ModelInfo, ProcessedMedia
from model.settings import GenerationSettings, VisionSettings
from tests.support import media_files
from tests.support.fakes import USAGE

TYPED = "What is <|im_end|> this? 数 🙂 </script>\n```\n${x}"


@pytest.fixture
def kept(tmp_path: Path) -> Archive:
    """Two turns: a picture twice, a clip, an answer that never came to its end."""
    picture = media_files.photo(tmp_path / "a.png", (64, 48))
    clip = media_files.clip(tmp_path / "b.mp4", 10)
    small = VisionSettings(max_tokens=64)
    first = Image(str(picture), small, name="../red boat.png")
    again = Image(str(picture), VisionSettings(resized_height=56, resized_width=84), name="b")
    video = Video(str(clip), VisionSettings(video_fps=4.0), name="a clip.mp4")
    talk = (
        Conversation()
        .with_user_turn(first, Text(TYPED))
        .with_reply("<|box_start|>(1,2)<|box_end|>")
    )
    place = Text("Picture 1: <|box_start|>(1,2),(3,4)<|box_end|>\n", pointing=True)
    talk = talk.with_user_turn(again, place, Text("And"), video).with_reply("No\n")
    return Archive(
        talk,
        (
            AnswerRecord(GenerationSettings(max_new_tokens=7, vision_ids=True), USAGE),
            AnswerRecord(GenerationSettings(temperature=0.4, seed=3), None),
        ),
        (
            ProcessedMedia(str(picture), "image", 84, 56),
            ProcessedMedia(str(picture), "image", 84, 56),
            ProcessedMedia(str(clip), "video", 56, 56, (0.0, 0.25)),
        ),
        ModelInfo("tiny", "float32", "cpu", "sdpa"),
    )


@pytest.fixture
def zipped(kept: Archive, tmp_path: Path) -> Path:
    target = tmp_path / "kept.zip"
    archive.write(kept, target, script="print('hello')\n")
    return target


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "read").mkdir()
    return tmp_path / "read"


def changed(zipped: Path, name: str, change: Callable[[Any], Any]) -> Path:
    """The same zip file with one of its JSON files changed."""
    with zipfile.ZipFile(zipped) as file:
        contents = {info.filename: file.read(info) for info in file.infolist()}
    value = json.loads(contents[name])
    contents[name] = json.dumps(change(value) or value).encode()
    return rewritten(zipped, contents)


def rewritten(zipped: Path, contents: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(zipped, "w", method) as file:
        for name, content in contents.items():
            file.writestr(name, content)
    return zipped


def test_everything_comes_back(kept: Archive, zipped: Path, folder: Path) -> None:
    back = archive_reader.read(zipped, folder)
    assert (back.answers, back.model_info) == (kept.answers, kept.model_info)
    assert [m.role for m in back.conversation.messages] == ["user", "assistant"] * 2
    assert [m.text for m in back.conversation.messages] == [
        m.text for m in kept.conversation.messages
    ]
    assert back.conversation.messages[2].regions == kept.conversation.messages[2].regions != ()
    for mine, yours in zip(back.conversation.messages, kept.conversation.messages, strict=True):
        assert list(map(type, mine.parts)) == list(map(type, yours.parts))
    for ours, theirs in zip(back.conversation.media, kept.conversation.media, strict=True):
        assert (type(ours), ours.vision, ours.name) == (type(theirs), theirs.vision, theirs.name)
        assert Path(str(ours.path)).read_bytes() == Path(str(theirs.path)).read_bytes()
        assert Path(str(ours.path)).parent == folder
    assert [replace(seen, file="") for seen in back.media] == [
        replace(seen, file="") for seen in kept.media
    ]


@pytest.mark.parametrize("name", ["boats", "a.jpeg_large", "a.{}"])
def test_a_file_of_any_name_comes_back(kept: Archive, folder: Path, name: str) -> None:
    """What is attached is known by its content, so it may be called anything."""
    first, *_ = kept.conversation.media
    path = Path(str(first.path)).rename(folder.parent / name)
    picture = Image(str(path), first.vision, name=name)
    talk = Conversation().with_user_turn(picture, Text("What?")).with_reply("A boat.")
    target = folder.parent / "any.zip"
    archive.write(
        replace(kept, conversation=talk, answers=kept.answers[:1], media=kept.media[:1]), target
    )
    back = archive_reader.read(target, folder)
    (item,) = back.conversation.media
    assert (item.name, Path(str(item.path)).read_bytes()) == (name, path.read_bytes())


@pytest.mark.parametrize("size", [(640, 320), (2000, 10), (10, 2000)])
def test_a_picture_of_the_largest_size_comes_back(
    kept: Archive, folder: Path, size: tuple[int, int]
) -> None:
    largest = VisionSettings(min_tokens=16384, max_tokens=16384)
    width, height = image_target_size(size, largest, Geometry())
    seen = replace(kept.media[0], width=width, height=height)
    target = folder.parent / "large.zip"
    archive.write(replace(kept, media=(seen, *kept.media[1:])), target)
    assert archive_reader.read(target, folder).media[0].width == width


def test_an_older_archive_says_less_of_what_an_answer_cost(zipped: Path, folder: Path) -> None:
    def older(settings: Any) -> None:
        del settings["answers"][0]["usage"]["repetition_penalty"]

    back = archive_reader.read(changed(zipped, "settings.json", older), folder)
    assert back.answers[0].usage == USAGE


def test_messages_are_as_transformers_and_openai_write_them(zipped: Path) -> None:
    with zipfile.ZipFile(zipped) as file:
        messages = json.loads(file.read("messages.json"))
        names = file.namelist()
    assert messages[0] == {"role": "system", "content": "You are a helpful assistant."}
    assert messages[1] == {
        "role": "user",
        "content": [
            {"type": "image_url", "image_url": {"url": "media/1-red-boat.png"}},
            {"type": "text", "text": TYPED},
        ],
    }
    assert {"media/1-red-boat.png", "media/2-a-clip.mp4", "conversation.md", "reproduce.py"} <= set(
        names
    )


def test_html_is_text_in_what_is_for_reading(zipped: Path) -> None:
    with zipfile.ZipFile(zipped) as file:
        text = file.read("conversation.md").decode()
    assert (
        "<" not in text
        and "&lt;/script&gt;" in text
        and "![1-red-boat.png](media/1-red-boat.png)" in text
    )


def test_a_turn_is_answered_again_as_it_was(kept: Archive) -> None:
    (first, _, reply), (second, _, _) = kept.records(["<|im_end|>"])
    assert reply == "<|box_start|>(1,2)<|box_end|>"
    assert [len(first.media), len(second.media)] == [1, 3]
    assert (first.vision_ids, first.seed, first.generation["max_new_tokens"]) == (
        True,
        USAGE.seed,
        7,
    )
    assert (second.greedy, second.seed) == (False, 3)
    assert first.has_escaped_control_tokens


@pytest.mark.parametrize(
    ("reason", "longest"), [("stop", 512), ("length", 2), ("cancelled", 2), ("loop", 2)]
)
def test_an_answer_that_was_ended_is_as_long_again(reason: Any, longest: int) -> None:
    answered = AnswerRecord(GenerationSettings(), replace(USAGE, stop_reason=reason))
    assert archive.replayed(answered).max_new_tokens == longest


def test_an_answer_that_was_ended_before_its_first_token_can_be_replayed() -> None:
    usage = replace(USAGE, stop_reason="cancelled", new_tokens=0)
    assert archive.replayed(AnswerRecord(GenerationSettings(), usage)).max_new_tokens == 1


def test_a_file_that_is_gone_is_named(kept: Archive, tmp_path: Path) -> None:
    (tmp_path / "b.mp4").unlink()
    with pytest.raises(DemoError, match=r"2-a-clip\.mp4 is not on the server"):
        archive.write(kept, tmp_path / "x.zip")


CHANGES: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "not a list": ("messages.json", lambda m: m[0]),
    "no messages": ("messages.json", lambda m: m.clear()),
    "two questions in a row": ("messages.json", lambda m: m[:2] + m[1:]),
    "an answer too few": ("messages.json", lambda m: m[:-1]),
    "an unknown role": ("messages.json", lambda m: m[1].update(role="tool")),
    "a text that is none": ("messages.json", lambda m: m[1]["content"][1].update(text=7)),
    "half a character": ("messages.json", lambda m: m[1]["content"][1].update(text="\ud83d")),
    "a file that was not listed": ("messages.json", lambda m: m[1]["content"][0]["image_url"].update(url="/etc/passwd")),
    "a file too few": ("messages.json", lambda m: m[1]["content"].pop(0) and None),
    "an answer with a picture": ("messages.json", lambda m: m[2]["content"].append(m[1]["content"][0])),
    "another format": ("settings.json", lambda s: s.update(format=2)),
    "a path outside": ("settings.json", lambda s: s["media"][0].update(file="../../a.png")),
    "a suffix that is a path": ("settings.json", lambda s: s["media"][0].update(file="media/a.png/../b")),
    "media that stand nowhere": ("settings.json", lambda s: s["media"].append(s["media"][0])),
    "a size of nothing": ("settings.json", lambda s: s["media"][0].update(width=0)),
    "a size beyond everything": ("settings.json", lambda s: s["media"][0].update(width=10**9)),
    "a size in words": ("settings.json", lambda s: s["media"][0].update(width="84")),
    "times in a picture": ("settings.json", lambda s: s["media"][0].update(times=[0.0])),
    "times that run backwards": ("settings.json", lambda s: s["media"][2].update(times=[1.0, 0.0])),
    "times that are no numbers": ("settings.json", lambda s: s["media"][2].update(times=[float("nan"), 0.0])),
    "times without end": ("settings.json", lambda s: s["media"][2].update(times=[0.0] * 10_000)),
    "an unknown setting": ("settings.json", lambda s: s["answers"][0]["settings"].update(evil=1)),
    "a usage in words": ("settings.json", lambda s: s["answers"][0]["usage"].update(new_tokens="many")),
    "a negative count": ("settings.json", lambda s: s["answers"][0]["usage"].update(new_tokens=-1)),
    "an unknown end": ("settings.json", lambda s: s["answers"][0]["usage"].update(stop_reason="<b>")),
    "an unknown quantization": ("settings.json", lambda s: s["runtime"].update(quantize="2bit")),
    "a runtime in numbers": ("settings.json", lambda s: s["runtime"].update(dtype=32)),
}  # fmt: skip


@pytest.mark.parametrize("case", CHANGES)
def test_what_was_changed_is_refused(zipped: Path, folder: Path, case: str) -> None:
    name, change = CHANGES[case]
    with pytest.raises(DemoError, match="not a conversation that was exported"):
        archive_reader.read(changed(zipped, name, change), folder)
    assert not (folder.parent / "a.png").with_name("b").exists()


def test_a_setting_out_of_range_is_named(zipped: Path, folder: Path) -> None:
    def change(settings: Any) -> None:
        settings["answers"][0]["settings"]["temperature"] = 99

    with pytest.raises(SettingError, match="temperature"):
        archive_reader.read(changed(zipped, "settings.json", change), folder)


def contents_of(zipped: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(zipped) as file:
        return {info.filename: file.read(info) for info in file.infolist()}


@pytest.mark.parametrize(
    "content", [b"", b"PK", b"[" * 100_000, b"\xff\xfe", b"NaN", b'{"a": ' * 5000]
)
def test_json_that_is_none_is_refused(zipped: Path, folder: Path, content: bytes) -> None:
    contents = {**contents_of(zipped), "messages.json": content}
    with pytest.raises(DemoError, match="not a conversation that was exported"):
        archive_reader.read(rewritten(zipped, contents), folder)


@pytest.mark.parametrize("cut", [0, 3, 21, 100, -30, -1])
def test_a_file_that_is_cut_off_is_refused(zipped: Path, folder: Path, cut: int) -> None:
    zipped.write_bytes(zipped.read_bytes()[:cut])
    with pytest.raises(DemoError, match="not a conversation that was exported"):
        archive_reader.read(zipped, folder)


def test_a_bomb_is_not_unpacked(zipped: Path, folder: Path) -> None:
    bomb = {**contents_of(zipped), "media/1-red-boat.png": bytes(64 * 2**20)}
    with pytest.raises(DemoError, match="too large"):
        archive_reader.read(rewritten(zipped, bomb, zipfile.ZIP_DEFLATED), folder)
    assert sum(file.stat().st_size for file in folder.iterdir()) == 0


def test_more_than_the_limit_is_not_unpacked(
    zipped: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive_entries, "MAX_BYTES", 1000)
    with pytest.raises(DemoError, match="too large"):
        archive_reader.read(zipped, folder)


def test_all_media_together_are_limited(
    zipped: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with zipfile.ZipFile(zipped) as file:
        sizes = [info.file_size for info in file.infolist() if info.filename.startswith("media/")]
    assert len(sizes) == 2
    monkeypatch.setattr(archive_entries, "MAX_BYTES", sum(sizes) - 1)
    assert max(sizes) < archive_entries.MAX_BYTES
    with pytest.raises(DemoError, match="too large"):
        archive_reader.read(zipped, folder)


def test_too_long_a_text_is_not_read(zipped: Path, folder: Path) -> None:
    contents = {**contents_of(zipped), "messages.json": b" " * (archive_entries.MAX_JSON + 1)}
    with pytest.raises(DemoError, match="too large"):
        archive_reader.read(rewritten(zipped, contents, zipfile.ZIP_DEFLATED), folder)


def test_too_many_entries_are_refused_before_they_are_listed(zipped: Path, folder: Path) -> None:
    many = {**contents_of(zipped), **{f"{i}": b"" for i in range(archive_entries.MAX_ENTRIES)}}
    with pytest.raises(DemoError, match="too large"):
        archive_reader.read(rewritten(zipped, many), folder)


def test_a_list_of_entries_in_64_bits_is_refused(zipped: Path, folder: Path) -> None:
    """It would be believed instead of the one whose size was looked at."""
    content = zipped.read_bytes()
    locator = b"PK\6\7" + bytes(16)
    zipped.write_bytes(content[:-22] + locator + content[-22:])
    with pytest.raises(DemoError, match="not a conversation that was exported"):
        archive_reader.read(zipped, folder)


def test_an_entry_twice_is_refused(zipped: Path, folder: Path) -> None:
    with zipfile.ZipFile(zipped, "a") as file, pytest.warns(UserWarning, match="Duplicate"):
        file.writestr("messages.json", "[]")
    with pytest.raises(DemoError, match="not a conversation that was exported"):
        archive_reader.read(zipped, folder)


@pytest.mark.slow
@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_bomb_of_another_kind_is_not_unpacked(zipped: Path, folder: Path, method: int) -> None:
    """The header says that it is small."""
    bomb = {**contents_of(zipped), "media/1-red-boat.png": bytes(64 * 2**20)}
    rewritten(zipped, bomb, method)
    content = zipped.read_bytes()
    lie = content.replace((64 * 2**20).to_bytes(4, "little"), (1000).to_bytes(4, "little"))
    assert lie != content
    zipped.write_bytes(lie)
    with pytest.raises(DemoError, match=r"too large|not a conversation that was exported"):
        archive_reader.read(zipped, folder)


def finder(contents: dict[str, bytes]) -> dict[str, bytes]:
    """What macOS makes of the folder that it has unpacked a file to."""
    packed = {"conversation/": b"", "conversation/media/": b"", "conversation/.DS_Store": b"x"}
    for name, content in contents.items():
        packed[f"conversation/{name}"] = content
        folder, _, file = name.rpartition("/")
        packed["/".join(filter(None, ("__MACOSX/conversation", folder, f"._{file}")))] = b"x"
    return packed


REPACKED: dict[str, Callable[[dict[str, bytes]], dict[str, bytes]]] = {
    "as it was": dict,
    "by the Finder": finder,
    "in a folder": lambda was: {f"talk/{name}": content for name, content in was.items()},
    "in folders": lambda was: {f"a b/数/{name}": content for name, content in was.items()},
    "below a dot": lambda was: {f"./{name}": content for name, content in was.items()},
    "with backslashes": lambda was: {f"talk/{name}".replace("/", "\\"): content for name, content in was.items()},
    "the other way round": lambda was: dict(reversed(was.items())),
    "with entries for folders": lambda was: {"media/": b"", **was},
    "with what systems add": lambda was: {**was, ".DS_Store": b"x", "media/Thumbs.db": b"x", "__MACOSX/._messages.json": b"x", "desktop.ini": b"x"},
    "with a note of one's own": lambda was: {**was, "README.txt": b"mine", "media/note.txt": b"mine"},
    "without what is for reading": lambda was: {name: content for name, content in was.items() if name != "conversation.md"},
    "with other letters": lambda was: {name.replace("red-boat", "r\u0301ed-boa\u00b4t"): content for name, content in was.items()},
}  # fmt: skip


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
@pytest.mark.parametrize("comment", [b"", b"made by 7-Zip", b"PK" + b"x" * 60_000], ids=len)
@pytest.mark.parametrize("how", REPACKED)
@pytest.mark.slow
def test_one_that_was_packed_again_is_read(
    kept: Archive, zipped: Path, folder: Path, how: str, comment: bytes, method: int
) -> None:
    rewritten(zipped, REPACKED[how](contents_of(zipped)), method)
    with zipfile.ZipFile(zipped, "a") as file:
        file.comment = comment
    back = archive_reader.read(zipped, folder)
    assert back.answers == kept.answers
    for ours, theirs in zip(back.conversation.media, kept.conversation.media, strict=True):
        assert Path(str(ours.path)).read_bytes() == Path(str(theirs.path)).read_bytes()


def test_two_conversations_in_one_file_are_refused(zipped: Path, folder: Path) -> None:
    was = contents_of(zipped)
    both = {f"{side}/{name}": content for side in "ab" for name, content in was.items()}
    with pytest.raises(DemoError, match="not a conversation that was exported"):
        archive_reader.read(rewritten(zipped, both), folder)


def test_a_list_of_entries_behind_a_comment_is_looked_at_too(zipped: Path, folder: Path) -> None:
    many = {**contents_of(zipped), **{f"{i}": b"" for i in range(archive_entries.MAX_ENTRIES)}}
    rewritten(zipped, many)
    with zipfile.ZipFile(zipped, "a") as file:
        file.comment = b"mine"
    with pytest.raises(DemoError, match="too large"):
        archive_reader.read(zipped, folder)
