"""Moments of a clip in an answer, as links that assets/js/answers/seek.js follows in the clip's player.

A link is an address within the page and nothing else; a model that writes one itself can but seek.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from model.answers.references import references, subjects
from model.answers.timestamps import timestamps
from model.conversation import Conversation, Video
from ui.media.browser_copy import MAX_SECONDS
from ui.state.tray.attachment import Attachment

# Links, addresses and formulas stay as they are. What begins anew within itself is given up, so that no text takes
# longer to read than it is long.
_WHOLE = re.compile(
    r"\[[^\[\]\n]*\]\([^()\n]*\)|\b\w{1,20}://\S+|\$\$(?:(?!\$\$).)*\$\$"
    r"|\\\[(?:(?!\\\[).)*?\\\]|\\\((?:(?!\\\().)*?\\\)",
    re.DOTALL,
)


@dataclass(frozen=True)
class Player:
    """A clip that the page plays."""

    place: int  # among the players of the conversation, from 1
    start_s: float  # of the part that the model saw: it counts from there
    length_s: float  # of that part, as far as it can be played


@dataclass(frozen=True)
class Link:
    """The address that belongs to `text[start:end]`."""

    address: str
    start: int
    end: int


_NO_PLAYERS = object()


@dataclass(frozen=True)
class ClipsState:
    """All that the links of a text depend on: with equal states they are equal."""

    clips: Hashable
    number: int  # of the clip that a moment belongs to until the answer names another one
    players: Mapping[int, Player] = field(compare=False)
    shown: int = field(compare=False)


class Clips:
    """The clips of a conversation while one answer about them is read from its beginning to its end."""

    def __init__(
        self,
        players: Mapping[int, Player],
        number: int,
        shown: int | None = None,
        name: Hashable = None,
    ) -> None:
        """players: by the number of their clip; number: of the clip that a time belongs to until the
        answer names one; shown: how many clips were in the conversation by then.

        name: differs wherever the players differ that were shown by then.
        """
        self._players = players
        self._number = number
        self._shown = max(players, default=0) if shown is None else shown
        self._name = name or tuple(players.items())

    @property
    def state(self) -> ClipsState:
        """`Clips.of(state)` reads on from here."""
        return ClipsState(self._name, self._number, self._players, self._shown)

    @classmethod
    def of(cls, state: ClipsState) -> Clips:
        return cls(state.players, state.number, state.shown, state.clips)

    def links(self, text: str) -> list[Link]:
        """What the next part of the answer says about moments."""
        readable = _WHOLE.sub(lambda match: " " * len(match.group()), text)
        named = [r for r in references(readable) if r.kind == "video" and self._plays(r.number)]
        starts = [0, *(r.start for r in named)]
        found: list[Link] = []
        for start, end, clip in zip(
            starts,
            [*starts[1:], len(text)],
            [self._number, *(r.number for r in named)],
            strict=True,
        ):
            self._number = clip
            found += self._between(readable, start, end)
        return found

    def _plays(self, number: int) -> bool:
        return number <= self._shown and number in self._players

    def _between(self, text: str, start: int, end: int) -> list[Link]:
        """In a part that speaks of one clip."""
        player = self._players.get(self._number)
        if player is None:
            return []
        return [
            Link(
                f"#t={player.start_s + m.seconds:g}&clip={player.place}",
                start + m.start,
                start + m.end,
            )
            for m in timestamps(text[start:end], player.length_s)
        ]


def clips(asked: Conversation, attachments: Mapping[str, Attachment]) -> Clips | None:
    """For reading the answer to `asked`; None when it has nothing that plays."""
    return next(reversed(clips_by_message(asked, attachments)), None)


def clips_by_message(
    conversation: Conversation, attachments: Mapping[str, Attachment]
) -> list[Clips | None]:
    """The same for reading what follows each message."""
    players: dict[int, Player] = {}
    found: list[Clips | None] = []
    shown, name = 0, _NO_PLAYERS
    for message, about in zip(conversation.messages, subjects(conversation, "video"), strict=True):
        for clip in (item for item in message.media if isinstance(item, Video)):
            shown += 1
            attachment = attachments.get(str(clip.path))
            if attachment and attachment.playable:
                player = _player(len(players) + 1, clip, attachment)
                players[shown] = player
                name = _name(name, shown, player)
        found.append(Clips(players, about or 0, shown, name) if players else None)
    return found


@lru_cache(maxsize=10_000)
def _name(before: object, number: int, player: Player) -> object:
    """The same for the same players in the same order, and compared at once however many there are."""
    del before, number, player
    return object()


def _player(place: int, clip: Video, attachment: Attachment) -> Player:
    whole = attachment.shown == attachment.path
    seconds = attachment.seconds if whole else min(attachment.seconds, MAX_SECONDS)
    start = clip.vision.video_start_s or 0.0
    end = min(clip.vision.video_end_s or seconds, seconds)
    return Player(place, start, max(0.0, end - start))
