"""A chat as LLaMA-Factory trains on it: its format `sharegpt`, with places for images and videos in the texts."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from model.conversation import Conversation, Image, Message, Text

DATA_SET = "qwen_vl_chat"
_PLACES = re.compile("<(?=(?:image|video|audio)>)")
# Cannot be seen, and keeps a typed "<image>" from standing for an image.
APART = "<\u200b"


def sharegpt(
    conversations: Sequence[Conversation], names: Mapping[str, str]
) -> list[dict[str, Any]]:
    """The examples of a data set, one for each conversation with an answer.

    names: of the media files as they are to be found, by path. A question without an answer at the end is left out.
    """
    return [_example(talk, names) for talk in conversations if _answered(talk)]


def data_set_info(file_name: str) -> dict[str, Any]:
    """The entry for LLaMA-Factory's `dataset_info.json`."""
    columns = {
        "messages": "conversations",
        "images": "images",
        "videos": "videos",
        "system": "system",
    }
    return {DATA_SET: {"file_name": file_name, "formatting": "sharegpt", "columns": columns}}


def _example(talk: Conversation, names: Mapping[str, str]) -> dict[str, Any]:
    messages = _answered(talk)
    files: dict[str, list[str]] = {"images": [], "videos": []}
    for item in (item for message in messages for item in message.media):
        files["images" if isinstance(item, Image) else "videos"].append(names[str(item.path)])
    return {
        "conversations": [
            {"from": "human" if message.role == "user" else "gpt", "value": _said(message)}
            for message in messages
        ],
        "system": talk.system or "",
        **files,
    }


def _answered(talk: Conversation) -> tuple[Message, ...]:
    """Its messages up to the last answer."""
    last = talk.messages[-1].role if talk.messages else ""
    return talk.messages[:-1] if last == "user" else talk.messages


def _said(message: Message) -> str:
    """Its parts in their order, media as `<image>` and `<video>`."""
    return "".join(
        _PLACES.sub(APART, part.text)
        if isinstance(part, Text)
        else "<image>"
        if isinstance(part, Image)
        else "<video>"
        for part in message.parts
    )
