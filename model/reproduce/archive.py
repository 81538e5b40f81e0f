"""Writes a conversation into a zip file: its messages, its media, and the settings of every turn.

`messages.json` has the messages in the format of transformers and OpenAI, `settings.json` everything else that restoring
the conversation needs, and `conversation.md` is for people. `archive_reader` reads the file.
"""

from __future__ import annotations

import html
import json
import re
import sys
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from importlib import metadata
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

from model import VERSION
from model.backend import AnswerRecord
from model.conversation import Conversation, Image, Media, Text, Video
from model.errors import DemoError, NotReplayableError
from model.prompt.sampling_arguments import sampling_arguments
from model.reproduce.generation_record import (
    GenerationRecord,
    ModelInfo,
    ProcessedMedia,
    template_messages,
)
from model.settings import GenerationSettings

# The version of the file's format.
FORMAT = 1
# The packages whose versions are recorded.
PACKAGES = ("torch", "torchvision", "transformers", "gradio", "pillow", "av")
# The suffixes of media files that the zip file may contain.
SUFFIX = re.compile(r"\.[a-z0-9]{1,5}")
_UNSAFE = re.compile(r"[^\w.-]+")


@dataclass(frozen=True)
class Archive:
    """A conversation with how each turn was answered. media: one entry per image and video, in order."""

    conversation: Conversation
    answers: tuple[AnswerRecord, ...]
    media: tuple[ProcessedMedia, ...]
    model_info: ModelInfo

    def records(
        self, control: Iterable[str]
    ) -> Iterator[tuple[GenerationRecord, AnswerRecord, str]]:
        """Yield for each turn its generation record, its answer record and its reply.

        control: the checkpoint's control tokens, see `template_messages`.
        """
        control = tuple(control)
        for turn, answered in enumerate(self.answers):
            asked = replace(self.conversation, messages=self.conversation.messages[: 2 * turn + 1])
            settings = replayed(answered)
            count = len(list(asked.media))
            yield (
                GenerationRecord(
                    model_info=self.model_info,
                    prompt="",
                    messages=template_messages(asked, settings.system_prompt, control),
                    media=self.media[:count],
                    vision_ids=settings.vision_ids,
                    generation=sampling_arguments(settings, settings.max_new_tokens),
                    seed=settings.seed or 0,
                ),
                answered,
                self.conversation.messages[2 * turn + 1].text,
            )


def replayed(answered: AnswerRecord) -> GenerationSettings:
    """The settings that give the same answer again, with its seed and its length."""
    settings, usage = answered.settings, answered.usage
    if usage is None:
        return settings
    written = usage.continued_tokens + usage.new_tokens
    longest = settings.max_new_tokens if usage.stop_reason == "stop" else max(1, written)
    return replace(settings, seed=usage.seed, max_new_tokens=min(longest, settings.max_new_tokens))


def require_whole(answered: AnswerRecord) -> None:
    """Raises `NotReplayableError` for an answer that no single run gives."""
    if answered.pieced:
        raise NotReplayableError(
            "This answer was changed, or continued with other settings, so no single run gives it."
        )


def file_names(conversation: Conversation) -> dict[str, str]:
    """The names of the conversation's files within the zip file, by path."""
    names: dict[str, str] = {}
    for item in conversation.media:
        path = str(item.path)
        if path not in names:
            shown = item.name or path
            stem, suffix = PurePosixPath(shown).stem, PurePosixPath(path).suffix.lower()
            if not SUFFIX.fullmatch(suffix):
                # Viewers detect the format by the content, but need a suffix of the right kind.
                suffix = ".jpg" if isinstance(item, Image) else ".mp4"
            stem = _UNSAFE.sub("-", stem)[:40].strip("-.")
            names[path] = f"media/{len(names) + 1}-{stem}{suffix}"
    return names


def write(
    archive: Archive, target: Path | BinaryIO, *, script: str = "", media: bool = True
) -> None:
    """Write the zip file. Raises `DemoError` if media are gone.

    script: a program that answers the latest turn again; media: whether the zip file holds them, or they are kept beside
    it, see `archive_reader.read`.
    """
    names = file_names(archive.conversation)
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("messages.json", _json(_messages(archive, names)))
        file.writestr("settings.json", _json(_settings(archive, names)))
        file.writestr("conversation.md", _markdown(archive, names))
        if script:
            file.writestr("reproduce.py", script)
        for path, name in names.items() if media else ():
            try:
                file.write(path, name, zipfile.ZIP_STORED)
            except OSError as error:
                raise DemoError(
                    "{name} is not on the server any more, so this conversation cannot be exported.",
                    name=name,
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
    items = zip(archive.conversation.media, archive.media, strict=True)
    versions: dict[str, str] = {}
    for name in PACKAGES:
        with suppress(metadata.PackageNotFoundError):
            versions[name] = metadata.version(name)
    return {
        "format": FORMAT,
        "runtime": asdict(archive.model_info),
        "versions": {"qwen-vl-chat": VERSION, "python": sys.version.split()[0], **versions},
        "media": [
            {
                "file": names[str(item.path)],
                "name": item.name,
                "width": processed.width,
                "height": processed.height,
                "times": list(processed.times),
                "vision": asdict(item.vision),
            }
            for item, processed in items
        ],
        "answers": [_answer(answered) for answered in archive.answers],
    }


def _answer(answered: AnswerRecord) -> dict[str, Any]:
    """Without probabilities, which take more room than everything else."""
    usage = answered.usage.figures if answered.usage else None
    return asdict(replace(answered, usage=None)) | {"usage": usage}


def _answered_by(archive: Archive) -> list[str]:
    """The name of what gave each answer. Where all are from one checkpoint, it is the name in `model_info`."""
    names = [answered.checkpoint or archive.model_info.checkpoint for answered in archive.answers]
    return names if len(set(names)) > 1 else [archive.model_info.checkpoint] * len(names)


def _markdown(archive: Archive, names: Mapping[str, str]) -> str:
    """The conversation for people. HTML in a message is escaped."""
    lines = ["# Conversation", ""]
    givers = iter(_answered_by(archive))
    for message in archive.conversation.messages:
        lines += ["## You" if message.role == "user" else f"## {next(givers)}", ""]
        for part in message.parts:
            if isinstance(part, Text):
                lines += [html.escape(part.text, quote=False), ""]
            else:
                mark = "!" if isinstance(part, Image) else ""
                lines += [f"{mark}[{names[str(part.path)].removeprefix('media/')}]({names[str(part.path)]})", ""]  # fmt: skip
    return "\n".join(lines)
