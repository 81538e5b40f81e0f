"""Reads a zip file that `archive` wrote. The file is untrusted: everything in it is checked and bounded."""

from __future__ import annotations

import lzma
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import MISSING, fields
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from typing import Any, BinaryIO, get_args

from model.backend import AnswerRecord, StopReason, Usage
from model.conversation import Conversation, Image, Media, Message, Text, Video
from model.errors import DemoError
from model.families import QUANTIZATIONS
from model.grounding import Convention
from model.reproduce.archive import FORMAT, SUFFIX, Archive
from model.reproduce.archive_entries import Allowance, Entries, check_directory, too_large
from model.reproduce.generation_record import ModelInfo, ProcessedMedia
from model.settings import MAX_TEXT_CHARACTERS, GenerationSettings, VisionSettings

MAX_TURNS = 400
MAX_MEDIA = 400
# Media of a turn, as the page allows, and its parts: media, selected regions and a text.
MAX_TURN_MEDIA = 64
MAX_PARTS = 256
# Characters of a file's and a checkpoint's name, and of all texts and reasonings.
MAX_NAME = 200
MAX_CHARACTERS = MAX_TEXT_CHARACTERS
# Pixels of a resized image: 16,384 tokens of 32x32 pixels, and the rounding of both sides.
MAX_PIXELS = 20_000 * 32 * 32
MAX_FRAMES = 768
NO_OTHER = Allowance()
# Fields of `Usage` that are not whole numbers, beside the seconds.
FRACTIONS = ("temperature", "top_p", "repetition_penalty")


def read(
    source: Path,
    folder: Path,
    allowance: Allowance = NO_OTHER,
    beside: Mapping[str, Path] = MappingProxyType({}),
) -> Archive:
    """Read an archive, and extract its media as new files into `folder`. Raises `DemoError`.

    beside: media that the zip file does not hold, by their names in it; they are copied. The content of the media is not
    checked.
    """
    try:
        check_directory(source)
        with zipfile.ZipFile(source) as file:
            return _archive(Entries(file, source.stat().st_size, allowance, beside), folder)
    except (
        # All that malformed zip files and JSON of other shapes can raise.
        zipfile.BadZipFile, zlib.error, lzma.LZMAError, OSError, EOFError, RuntimeError, NotImplementedError,
        ValueError, TypeError, KeyError, IndexError, AttributeError,
    ) as error:  # fmt: skip
        raise DemoError(
            "This zip file is not a conversation that was exported here, or it was changed; export it again."
        ) from error


def is_restorable(written: BinaryIO) -> bool:
    """Whether an archive of this program is within the limits of `read`. Its media are not looked at."""
    try:
        with zipfile.ZipFile(written) as file:
            entries = Entries(file, 0, NO_OTHER, {})
            _check_length(entries.json("messages.json"), entries.json("settings.json"))
    except DemoError:
        return False
    return True


def _archive(entries: Entries, folder: Path) -> Archive:
    messages, settings = entries.json("messages.json"), entries.json("settings.json")
    if settings["format"] != FORMAT:
        raise ValueError("format")
    _check_length(messages, settings)
    paths: dict[str, Path] = {}
    items: list[Media] = []
    clips = {part.get("video") for m in messages for part in m["content"] if isinstance(part, dict)}
    for facts in settings["media"]:
        file = _text(facts["file"])
        if file not in paths:
            suffix = PurePosixPath(file).suffix.lower()
            if not SUFFIX.fullmatch(suffix):
                raise ValueError("suffix")
            paths[file] = folder / f"{len(paths) + 1}{suffix}"
            entries.extract(file, paths[file])
        kind = Video if file in clips else Image
        vision = VisionSettings(**facts["vision"])
        items.append(kind(paths[file], vision, name=_text(facts["name"])[:MAX_NAME]))
    conversation = _conversation(messages, items, {str(path): name for name, path in paths.items()})
    answers = tuple(map(_answer_record, settings["answers"]))
    if len(conversation.messages) != 2 * len(answers) or not answers:
        raise ValueError("turns")
    processed = tuple(
        _processed_media(item, facts) for item, facts in zip(items, settings["media"], strict=True)
    )
    return Archive(conversation, answers, processed, _model_info(settings["runtime"]))


def _check_length(messages: Sequence[Any], settings: Mapping[str, Any]) -> None:
    """Raises `DemoError` for a conversation beyond the limits."""
    contents = [message["content"] for message in messages]
    said = [part["text"] for parts in contents for part in parts if "text" in part]
    thought = [answered.get("reasoning", "") for answered in settings["answers"]]
    if (
        len(contents) > 2 * MAX_TURNS + 1
        or len(settings["media"]) > MAX_MEDIA
        or any(len(parts) > MAX_PARTS for parts in contents if isinstance(parts, list))
        or sum(map(len, [*said, *thought])) > MAX_CHARACTERS
    ):
        raise too_large()


def _conversation(
    messages: Sequence[Any], items: Sequence[Media], names: Mapping[str, str]
) -> Conversation:
    """Build the conversation: user and assistant alternate, and every item is named in its place."""
    waiting = iter(items)
    if messages[0]["role"] == "system":
        messages = messages[1:]
    read: list[Message] = []
    for number, message in enumerate(messages):
        role: Any = ("user", "assistant")[number % 2]
        if message["role"] != role:
            raise ValueError("role")
        parts = tuple(_read_part(part, waiting, names) for part in message["content"])
        count = sum(not isinstance(part, Text) for part in parts)
        if not parts or count > (MAX_TURN_MEDIA if role == "user" else 0):
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


def _answer_record(facts: Mapping[str, Any]) -> AnswerRecord:
    usage = facts["usage"]
    return AnswerRecord(
        GenerationSettings(**facts["settings"]),
        usage if usage is None else _usage(usage),
        _text(facts.get("reasoning", "")),
        _text(facts.get("checkpoint", ""))[:MAX_NAME],
        _convention(facts.get("convention")),
        facts.get("pieced") is True,
    )


def _convention(told: object) -> Convention | None:
    known = (one for one in get_args(Convention) if one == told)
    return next(known, None)


def _usage(facts: Mapping[str, Any]) -> Usage:
    # Older archives lack the fields with a default.
    kept = (f for f in fields(Usage) if f.name != "logprobs")
    names = [f.name for f in kept if f.name in facts or f.default is MISSING]
    known = {name: facts[name] for name in names}
    if known["stop_reason"] not in get_args(StopReason):
        raise ValueError("stop_reason")
    for name, value in known.items():
        if name.endswith("_s") or name in FRACTIONS:
            known[name] = _number(value, 1e9)
        elif name != "stop_reason":
            known[name] = _whole(value, 2**32 - 1)
    return Usage(**known)


def _processed_media(item: Media, facts: Mapping[str, Any]) -> ProcessedMedia:
    width, height = (_whole(facts[side], MAX_PIXELS) for side in ("width", "height"))
    times = tuple(_number(at, 1e6) for at in facts["times"])
    clip = isinstance(item, Video)
    if not 0 < width * height <= MAX_PIXELS or len(times) > MAX_FRAMES:
        raise ValueError("size")
    if clip != bool(times) or list(times) != sorted(times):
        raise ValueError("times")
    return ProcessedMedia(str(item.path), "video" if clip else "image", width, height, times)


def _model_info(facts: Mapping[str, Any]) -> ModelInfo:
    facts = {"adapter": "", "quantize": "", **facts}  # older archives have neither
    if facts["quantize"] not in ("", *QUANTIZATIONS):
        raise ValueError("quantize")
    return ModelInfo(**{field.name: _text(facts[field.name])[:200] for field in fields(ModelInfo)})


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    value.encode()  # JSON can spell half of a surrogate pair, and UTF-8 cannot encode it
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
