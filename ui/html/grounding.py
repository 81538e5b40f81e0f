"""The places in pictures that an answer names, for the script that draws them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from typing import Any

from model.answers.references import spoken_of, subject, subjects
from model.conversation import Conversation, Image, Message, Role
from model.families import of_key
from model.grounding import Box, Convention, Point, mentions, place
from model.grounding.mention import Mention
from model.prompt.resize import image_target_size
from ui.gradio_compat import file_url
from ui.media.marked_copy import Mark
from ui.state.tray.attachment import Attachment

MAX_PLACES = 500  # of an answer; more could be neither told apart nor drawn in time
MAX_CACHED = 8_000  # characters of an answer whose places are remembered
MAX_LABELLED = 24  # places of a picture with labels; more are shown by number only
# Colour-blind people can distinguish them. All are bright, so on any picture either the colour or its dark edge stands out.
COLOURS = ("#f0a000", "#56b4e9", "#f5e642", "#ee82c2", "#2fcf9a", "#ffffff")


@dataclass(frozen=True)
class Marked:
    """A picture with the places that an answer names on it."""

    number: int  # as the vision ids count
    attachment: Attachment
    places: tuple[Box | Point, ...]
    pictures_in_message: int = 1

    @property
    def marks(self) -> Iterator[Mark]:
        several, many = len(self.places) > 1, len(self.places) > MAX_LABELLED
        for number, found in enumerate(self.places, 1):
            parts = [str(number)] if several or not found.label else []
            parts += [found.label] if found.label and not many else []
            yield Mark(found, " ".join(parts), COLOURS[(number - 1) % len(COLOURS)])


def marked(
    asked: Conversation, answer: str, attachments: Mapping[str, Attachment], convention: Convention
) -> list[Marked]:
    """The places that `answer` to the conversation `asked` names, by picture."""
    pictures = [item for item in asked.media if isinstance(item, Image)]
    return _marked(pictures, subject(asked, "image"), answer, attachments, convention)


def _marked(
    pictures: Sequence[Image],
    otherwise: int | None,
    answer: str,
    attachments: Mapping[str, Attachment],
    convention: Convention,
) -> list[Marked]:
    """pictures: those shown before the answer; otherwise: the number of the one that is meant if the answer names none."""
    if not pictures:
        return []
    written = _mentions(answer) if len(answer) <= MAX_CACHED else _read_mentions(answer)
    found: dict[int, list[Box | Point]] = {}
    for mention, number in _numbered(answer, written, len(pictures), otherwise):
        picture = pictures[number - 1]
        if attachment := attachments.get(str(picture.path)):
            original = attachment.size
            resized = image_target_size(original, picture.vision, of_key(convention).geometry)
            if shape := place(mention, convention, original=original, resized=resized):
                found.setdefault(number, []).append(shape)
    return [
        Marked(number, attachments[str(pictures[number - 1].path)], tuple(shapes), len(pictures))
        for number, shapes in found.items()
    ]


# A page draws all answers of its conversation after each.
@lru_cache(maxsize=512)
def _mentions(answer: str) -> tuple[Mention, ...]:
    return _read_mentions(answer)


def _read_mentions(answer: str) -> tuple[Mention, ...]:
    return tuple(islice(mentions(answer), MAX_PLACES))


def _numbered(
    answer: str, written: Sequence[Mention], pictures: int, otherwise: int | None
) -> Iterator[tuple[Mention, int]]:
    """The places that an answer names, each with the number of its picture."""
    if not written:
        return  # quickly: this is called at every update of a growing answer
    references = spoken_of(answer, [(mention.start, mention.end) for mention in written])
    for mention, named in zip(written, references, strict=True):
        if named and named.kind == "video":
            continue
        number = named.number if named and 1 <= named.number <= pictures else otherwise
        if number:
            yield mention, number


def by_answer(
    conversation: Conversation,
    attachments: Mapping[str, Attachment],
    conventions: Sequence[Convention],
    start: int = 0,
) -> list[list[Marked]]:
    """The places that each answer of the conversation names, from message `start` on.

    conventions: one for each exchange: its checkpoint's.
    """
    if start == len(conversation.messages):
        return []
    about = [None, *subjects(conversation, "image")]
    return [
        _marked(pictures, about[number], message.text, attachments, conventions[turn])
        for turn, number, message, pictures in _with_pictures(conversation, "assistant", start)
    ]


def by_question(
    conversation: Conversation,
    attachments: Mapping[str, Attachment],
    conventions: Sequence[Convention],
    start: int = 0,
) -> list[list[Marked]]:
    """The regions of each question, in order, from message `start` on. Regions of unknown pictures are left out."""
    return [
        [
            one
            for region in message.regions
            for one in _marked(pictures, None, region.text, attachments, conventions[turn])
        ]
        for turn, _, message, pictures in _with_pictures(conversation, "user", start)
    ]


def _with_pictures(
    conversation: Conversation, role: Role, start: int
) -> Iterator[tuple[int, int, Message, list[Image]]]:
    """The messages of `role` from number `start` on: exchange, number, message, and the pictures up to it."""
    pictures: list[Image] = []
    turn = -1
    for number, message in enumerate(conversation.messages):
        pictures += [item for item in message.media if isinstance(item, Image)]
        turn += message.role == "user"
        if message.role == role and number >= start:
            yield turn, number, message, pictures


def described(pictures: Sequence[Marked]) -> list[dict[str, Any]]:
    """What assets/js/answers/grounding.js needs to draw the places of one answer or question, which are in original pixels."""
    return [
        {
            "number": picture.number,
            "oneOf": picture.pictures_in_message,
            "name": picture.attachment.name,
            "src": file_url(picture.attachment.shown),
            "size": picture.attachment.size,
            "marks": [{**vars(mark), "place": vars(mark.place)} for mark in picture.marks],
        }
        for picture in pictures
    ]
