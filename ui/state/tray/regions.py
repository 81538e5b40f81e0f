"""Regions of pictures that a person has marked, to ask about them with the next message."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import unquote

from model.conversation import Conversation, Image, Message, Text
from model.errors import DemoError
from model.families import of_key
from model.grounding import Convention
from model.grounding.selected_region import Corners, ordered, region_text
from model.prompt.resize import image_target_size
from model.settings import VisionSettings
from ui.state.tray.attachment import Attachment

SMALLEST = 0.01  # of width and height; a smaller one was a click
# Marked places in one message.
MAX_PLACES = 16


@dataclass(frozen=True)
class Pointed:
    """A marked place. The picture is an item of the tray, or one of the conversation by its number."""

    id: str
    corners: Corners
    item: str = ""
    number: int = 0

    def moved_to_tray(self, items: Mapping[int, str]) -> Pointed:
        """The same place, when its picture is back in the tray; `items` are the tray's pictures, by number."""
        return replace(self, item=items.get(self.number, ""))


class PointedPlaces:
    """The places that the next message is about, and those of sent messages."""

    def __init__(self) -> None:
        self.marked: list[Pointed] = []  # that the next message is about
        self._by_part: dict[Text, Pointed] = {}  # by the part of a sent message that names it

    def add(self, place: Pointed) -> None:
        """Raises `DemoError` when there are too many already."""
        if len(self.marked) >= MAX_PLACES:
            raise DemoError(
                "A message can be about {most} places; take one back first.", most=MAX_PLACES
            )
        self.marked.append(place)

    def remove(self, place_id: object) -> None:
        """Take a place back, if it is there."""
        self.marked[:] = [place for place in self.marked if place.id != place_id]

    def remove_of_item(self, item_id: object) -> None:
        """Remove the places of an item that has left the tray."""
        self.marked[:] = [place for place in self.marked if place.item != item_id]

    def remap(self, items: Mapping[int, str], standing: int) -> None:
        """Move or remove the places in pictures that have left the conversation: into the tray with the picture, or away.

        items: the ids of the tray's pictures, by number; standing: how many are in the conversation.
        """
        moved = (
            place if place.item or place.number <= standing else place.moved_to_tray(items)
            for place in self.marked
        )
        self.marked[:] = [place for place in moved if place.item or place.number <= standing]

    def remember_sent(self, regions: Sequence[Text], numbers: Mapping[str, int]) -> None:
        """Remember which part of the sent message names which place; `numbers` are those of its items, by id."""
        for region, place in zip(regions, self.marked, strict=False):
            number = numbers.get(place.item, place.number)
            self._by_part[region] = replace(place, item="", number=number)

    def reworded(self, before: Text, now: Text) -> None:
        """A sent message names a place in other words."""
        if before in self._by_part:
            self._by_part[now] = self._by_part[before]

    def restored(self, message: Message, items: Mapping[int, str]) -> list[Pointed]:
        """The places that a sent message was about; `items` are the tray's pictures, by number."""
        return [
            self._by_part[part].moved_to_tray(items)
            for part in message.regions
            if part in self._by_part
        ]

    def copy(self) -> PointedPlaces:
        """The same places, for another tab."""
        made = PointedPlaces()
        made.marked, made._by_part = list(self.marked), dict(self._by_part)
        return made

    def clear(self) -> None:
        """Forget all of them."""
        self.marked.clear()
        self._by_part.clear()


def pointed_at(posted: Mapping[str, Any], before: Conversation, attachments: Mapping[str, Attachment]) -> Pointed:  # fmt: skip
    """What a browser has marked: a `box` in a picture of the tray (`id`) or of the conversation (`src`).

    Raises `DemoError`.
    """
    corners = _corners(posted.get("box"))
    if isinstance(item := posted.get("id"), str):
        return Pointed(secrets.token_hex(8), corners, item)
    shown = unquote(str(posted.get("src", "")).rsplit("file=", 1)[-1])
    for number, picture in enumerate(_pictures(before), 1):
        attachment = attachments.get(str(picture.path))
        if attachment and attachment.shown == shown:
            return Pointed(secrets.token_hex(8), corners, number=number)
    raise DemoError("That picture is not part of this conversation any more; attach it again.")


def region_texts(
    places: Sequence[Pointed],
    items: Mapping[str, tuple[Attachment, int]],
    before: Conversation,
    attachments: Mapping[str, Attachment],
    vision: VisionSettings,
    convention: Convention,
) -> list[Text]:
    """The parts of a message that say which places are meant; `items` are the tray's, with their numbers."""
    pictures, told = _pictures(before), []
    for place in places:
        if place.item in items:
            attachment, number = items[place.item]
            seen_at = attachment.resolution.applied(vision)
        else:
            number, picture = place.number, pictures[place.number - 1]
            attachment, seen_at = attachments[str(picture.path)], picture.vision
        resized = image_target_size(attachment.size, seen_at, of_key(convention).geometry)
        told.append(region_text(number, place.corners, convention, resized))
    return told


def _pictures(conversation: Conversation) -> list[Image]:
    return [part for part in conversation.media if isinstance(part, Image)]


def _corners(posted: object) -> Corners:
    """Raises `DemoError`."""
    numbers = posted if isinstance(posted, list) else []
    if len(numbers) == 4 and all(type(n) in (int, float) and n == n for n in numbers):
        left, top, right, bottom = ordered((numbers[0], numbers[1], numbers[2], numbers[3]))
        if right - left >= SMALLEST and bottom - top >= SMALLEST:
            return left, top, right, bottom
    raise DemoError("Drag over a larger part of the picture.")
