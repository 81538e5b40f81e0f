"""A whole conversation as one zip file: what was said, the media, the settings of every turn.

`messages.json` has the messages as transformers and OpenAI write them, `settings.json` everything else that
is needed to go on or to answer again, `conversation.md` is for reading. A zip that comes back is untrusted.
"""

from __future__ import annotations

import html
import json
import re
import sys
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from importlib import metadata
from pathlib import Path, PurePosixPath
from typing import Any, get_args

from model import VERSION, recipe
from model.backend import Answered, StopReason, Usage
from model.conversation import Conversation, Image, Media, Message, Text, Video
from model.errors import DemoError
from model.recipe import Recipe, Runtime, Seen
from model.settings import GenerationSettings, VisionSettings

FORMAT = 1
PACKAGES = ("torch", "torchvision", "transformers", "gradio", "pillow", "av")
MOST_ENTRIES = 1024
MOST_DIRECTORY = 2**20  # bytes of the list of entries
MOST_JSON = 8 * 2**20
MOST_FILE = 512 * 2**20
MOST_BYTES = 2**30  # of all media
MOST_RATIO = 200  # media are compressed already
MOST_PIXELS = 16384 * 28 * 28  # of a picture as the model saw it
MOST_FRAMES = 768
CHUNK = 2**20
_SUFFIX = re.compile(r"\.[a-z0-9]{1,5}")
_UNSAFE = re.compile(r"[^\w.-]+")


@dataclass(frozen=True)
class Archive:
    """`seen` has one entry for each picture and clip of the conversation, in order."""

    conversation: Conversation
    answers: tuple[Answered, ...]
    seen: tuple[Seen, ...]
    runtime: Runtime

    def recipes(self) -> Iterator[tuple[Recipe, Answered, str]]:
        """How each turn is answered again, how it was, and the reply."""
        for turn, answered in enumerate(self.answers):
            asked = replace(self.conversation, messages=self.conversation.messages[: 2 * turn + 1])
            settings = replayed(answered)
            count = len(list(asked.media))
            yield (
                Recipe(
                    runtime=self.runtime,
                    prompt="",
                    messages=recipe.messages(asked, settings.system_prompt),
                    seen=self.seen[:count],
                    vision_ids=settings.vision_ids,
                    generation=recipe.generation(settings, settings.max_new_tokens),
                    seed=settings.seed or 0,
                ),
                answered,
                self.conversation.messages[2 * turn + 1].text,
            )


def replayed(answered: Answered) -> GenerationSettings:
    """The settings that give the same answer again: with the seed it had, and as long as it was."""
    settings, usage = answered.settings, answered.usage
    if usage is None:
        return settings
    longest = settings.max_new_tokens if usage.stop_reason == "stop" else max(1, usage.new_tokens)
    return replace(settings, seed=usage.seed, max_new_tokens=min(longest, settings.max_new_tokens))


def file_names(conversation: Conversation) -> dict[str, str]:
    """What each file of the conversation is called in its archive, by its path."""
    names: dict[str, str] = {}
    for item in conversation.media:
        path = str(item.path)
        if path not in names:
            shown = item.name or path
            stem, suffix = PurePosixPath(shown).stem, PurePosixPath(path).suffix.lower()
            stem = _UNSAFE.sub("-", stem)[:40].strip("-.")
            names[path] = f"media/{len(names) + 1}-{stem}{suffix}"
    return names


def write(archive: Archive, target: Path, *, script: str = "") -> None:
    """The zip file; `script` answers the latest turn again. Raises `DemoError` if media are gone."""
    names = file_names(archive.conversation)
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("messages.json", _json(_messages(archive, names)))
        file.writestr("settings.json", _json(_settings(archive, names)))
        file.writestr("conversation.md", _markdown(archive, names))
        if script:
            file.writestr("reproduce.py", script)
        for path, name in names.items():
            try:
                file.write(path, name, zipfile.ZIP_STORED)
            except OSError as error:
                raise DemoError(
                    "{name} is not on the server any more, so this conversation cannot be exported.",
                    name=name,
                ) from error


def read(source: Path, folder: Path) -> Archive:
    """What `write` wrote, its media as new files in `folder`. Raises `DemoError`.

    The media themselves are not looked at.
    """
    try:
        _check_directory(source)
        with zipfile.ZipFile(source) as file:
            return _archive(_Entries(file), folder)
    except DemoError:
        raise
    except (
        # What a file that is no zip, is cut off, or says something else can make of these lines.
        zipfile.BadZipFile, zlib.error, OSError, EOFError, RuntimeError, NotImplementedError,
        ValueError, TypeError, KeyError, IndexError, AttributeError,
    ) as error:  # fmt: skip
        raise DemoError(
            "This zip file is not a conversation that was exported here, or it was changed; export it again."
        ) from error


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, indent=1) + "\n"


def _messages(archive: Archive, names: Mapping[str, str]) -> list[dict[str, Any]]:
    system = archive.answers[-1].settings.system_prompt if archive.answers else ""
    first = [{"role": "system", "content": system}] if system else []
    return [
        *first,
        *(
            {"role": message.role, "content": [_part(part, names) for part in message.parts]}
            for message in archive.conversation.messages
        ),
    ]


def _part(part: Text | Media, names: Mapping[str, str]) -> dict[str, Any]:
    match part:
        case Text(text, pointing):
            return {"type": "text", "text": text, **({"pointing": True} if pointing else {})}
        case Image(path):
            return {"type": "image_url", "image_url": {"url": names[str(path)]}}
        case Video(path):
            return {"type": "video", "video": names[str(path)]}


def _settings(archive: Archive, names: Mapping[str, str]) -> dict[str, Any]:
    items = zip(archive.conversation.media, archive.seen, strict=True)
    versions = {name: metadata.version(name) for name in PACKAGES if _installed(name)}
    return {
        "format": FORMAT,
        "runtime": asdict(archive.runtime),
        "versions": {"qwen-vl-chat": VERSION, "python": sys.version.split()[0], **versions},
        "media": [
            {
                "file": names[str(item.path)],
                "name": item.name,
                "width": seen.width,
                "height": seen.height,
                "times": list(seen.times),
                "vision": asdict(item.vision),
            }
            for item, seen in items
        ],
        "answers": [asdict(answered) for answered in archive.answers],
    }


def _installed(name: str) -> bool:
    try:
        metadata.version(name)
    except metadata.PackageNotFoundError:
        return False
    return True


def _markdown(archive: Archive, names: Mapping[str, str]) -> str:
    """For reading: HTML in what was said is text here too."""
    lines = ["# Conversation", ""]
    for message in archive.conversation.messages:
        lines += ["## You" if message.role == "user" else f"## {archive.runtime.checkpoint}", ""]
        for part in message.parts:
            if isinstance(part, Text):
                lines += [html.escape(part.text, quote=False), ""]
            else:
                mark = "!" if isinstance(part, Image) else ""
                lines += [f"{mark}[{names[str(part.path)].removeprefix('media/')}]({names[str(part.path)]})", ""]  # fmt: skip
    return "\n".join(lines)


def _check_directory(source: Path) -> None:
    """Refuse a list of entries that would fill the memory when `zipfile` reads it, as it does at once.

    An archive that was exported ends with its end record: no comment behind it, no 64-bit one before it.
    """
    with source.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - 42))
        tail = file.read().rjust(42, b"\0")
    record = tail[20:]
    entries, directory = (
        int.from_bytes(record[10:12], "little"),
        int.from_bytes(record[12:16], "little"),
    )
    if record[:4] != b"PK\5\6" or tail[:4] == b"PK\6\7" or record[20:] != b"\0\0":
        raise zipfile.BadZipFile
    if entries > MOST_ENTRIES or directory > MOST_DIRECTORY:
        raise _too_large()


def _too_large() -> DemoError:
    return DemoError("This conversation is too large to be restored.")


class _Entries:
    """The entries of a zip file, read by name and within limits; names lead nowhere on the disk."""

    def __init__(self, file: zipfile.ZipFile) -> None:
        self._file = file
        self._left = MOST_BYTES
        if len({info.filename for info in file.infolist()}) != len(file.infolist()):
            raise zipfile.BadZipFile

    def json(self, name: str) -> Any:
        content = b"".join(self._chunks(self._info(name), MOST_JSON))
        try:
            return json.loads(content)
        except RecursionError as error:
            raise ValueError("too deep") from error

    def extract(self, name: str, target: Path) -> None:
        """Write one entry to `target`, a new file."""
        info = self._info(name)
        if info.file_size > MOST_RATIO * info.compress_size + CHUNK:
            raise _too_large()
        with target.open("xb") as written:
            for chunk in self._chunks(info, min(MOST_FILE, self._left)):
                self._left -= len(chunk)
                written.write(chunk)

    def _info(self, name: str) -> zipfile.ZipInfo:
        info = self._file.getinfo(name)
        if info.is_dir() or info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise zipfile.BadZipFile
        return info

    def _chunks(self, info: zipfile.ZipInfo, most: int) -> Iterator[bytes]:
        """The content; what the header says of its size is not believed."""
        with self._file.open(info) as content:
            read = 0
            while chunk := content.read(CHUNK):
                read += len(chunk)
                if read > most:
                    raise _too_large()
                yield chunk


def _archive(entries: _Entries, folder: Path) -> Archive:
    messages, settings = entries.json("messages.json"), entries.json("settings.json")
    if settings["format"] != FORMAT or len(settings["media"]) > MOST_ENTRIES:
        raise ValueError("format")
    paths: dict[str, Path] = {}
    items: list[Media] = []
    for facts in settings["media"]:
        file = _text(facts["file"])
        if file not in paths:
            suffix = PurePosixPath(file).suffix.lower()
            if not _SUFFIX.fullmatch(suffix):
                raise ValueError("suffix")
            paths[file] = folder / f"{len(paths) + 1}{suffix}"
            entries.extract(file, paths[file])
        items.append(_item(file, facts, paths[file], messages))
    conversation = _conversation(messages, items, {str(path): name for name, path in paths.items()})
    answers = tuple(map(_answered, settings["answers"]))
    if len(conversation.messages) != 2 * len(answers) or not answers:
        raise ValueError("turns")
    seen = tuple(_seen(item, facts) for item, facts in zip(items, settings["media"], strict=True))
    return Archive(conversation, answers, seen, _runtime(settings["runtime"]))


def _item(file: str, facts: Mapping[str, Any], path: Path, messages: Sequence[Any]) -> Media:
    vision, name = VisionSettings(**facts["vision"]), _text(facts["name"])
    clips = {part.get("video") for m in messages for part in m["content"] if isinstance(part, dict)}
    return Video(path, vision, name=name) if file in clips else Image(path, vision, name=name)


def _conversation(
    messages: Sequence[Any], items: Sequence[Media], names: Mapping[str, str]
) -> Conversation:
    """Turns of the person and the model in alternation; every item stands where it is named."""
    waiting = iter(items)
    if messages[0]["role"] == "system":
        messages = messages[1:]
    read: list[Message] = []
    for number, message in enumerate(messages):
        role: Any = ("user", "assistant")[number % 2]
        if message["role"] != role:
            raise ValueError("role")
        parts = tuple(_read_part(part, waiting, names) for part in message["content"])
        if not parts or (role == "assistant" and not all(isinstance(p, Text) for p in parts)):
            raise ValueError("parts")
        read.append(Message(role, parts))
    if next(waiting, None) is not None:
        raise ValueError("media")
    return Conversation(messages=tuple(read))


def _read_part(
    part: Mapping[str, Any], waiting: Iterator[Media], names: Mapping[str, str]
) -> Text | Media:
    if part["type"] == "text":
        return Text(_text(part["text"]), pointing=part.get("pointing") is True)
    named = part["video"] if part["type"] == "video" else part["image_url"]["url"]
    item = next(waiting, None)
    if item is None or names[str(item.path)] != named:
        raise ValueError("media")
    return item


def _answered(facts: Mapping[str, Any]) -> Answered:
    usage = facts["usage"]
    return Answered(
        GenerationSettings(**facts["settings"]), usage if usage is None else _usage(usage)
    )


def _usage(facts: Mapping[str, Any]) -> Usage:
    known = {field.name: facts[field.name] for field in fields(Usage)}
    if known["stop_reason"] not in get_args(StopReason):
        raise ValueError("stop_reason")
    for name, value in known.items():
        if name.endswith("_s"):
            known[name] = _number(value, 1e9)
        elif name != "stop_reason":
            known[name] = _whole(value, 2**32 - 1)
    return Usage(**known)


def _seen(item: Media, facts: Mapping[str, Any]) -> Seen:
    width, height = (_whole(facts[side], MOST_PIXELS) for side in ("width", "height"))
    times = tuple(_number(at, 1e6) for at in facts["times"])
    clip = isinstance(item, Video)
    if not 0 < width * height <= MOST_PIXELS or len(times) > MOST_FRAMES or clip != bool(times):
        raise ValueError("size")
    if list(times) != sorted(times):
        raise ValueError("times")
    return Seen(str(item.path), "video" if clip else "image", width, height, times)


def _runtime(facts: Mapping[str, Any]) -> Runtime:
    return Runtime(**{field.name: _text(facts[field.name])[:200] for field in fields(Runtime)})


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    value.encode()  # half a surrogate pair can be written in JSON and nowhere else
    return value


def _whole(value: object, most: int) -> int:
    if type(value) is not int or not 0 <= value <= most:
        raise ValueError(value)
    return value


def _number(value: Any, most: float) -> float:
    # `not (x <= y)` rather than `x > y`: a NaN compares false with everything.
    if type(value) not in (int, float) or not 0 <= value <= most:
        raise ValueError(value)
    return float(value)
