"""The message that is being composed: the tray, the marked places, and the turn that is being rewritten.

The typed text is in the browser. Attaching and removing write the tray; an answer that arrives never does.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from model.conversation import Conversation, Image, Media, Message, Part, Text
from model.errors import DemoError, LocalizedText
from model.grounding import Convention
from model.prompt.visual_item import item_label
from model.settings import MAX_TEXT_CHARACTERS, VisionSettings
from ui.media.uploads import MAX_ATTACHMENTS
from ui.state.tab.conversation import Chat
from ui.state.tray.attachment import Attachment
from ui.state.tray.regions import Pointed, PointedPlaces, region_texts
from ui.state.tray.resolution import AUTO, Resolution

# From vision settings to the conversation with the message; None for an empty message. Raises `DemoError`.
Prepared = Callable[[VisionSettings], Conversation | None]


@dataclass(frozen=True)
class Edit:
    """One of the person's turns that is being rewritten, and what was set aside of the draft for it.

    answer: whether it is the answer to that turn.
    """

    turn: int  # from 0
    tray: tuple[Attachment, ...]
    places: tuple[Pointed, ...]
    answer: bool = False


@dataclass(frozen=True)
class Fit:
    """What fitting did, a `LocalizedText`, and the tray as it was before; empty if it changed nothing."""

    message: str
    before: tuple[Attachment, ...] = ()


@dataclass
class Draft:
    """What the next message of `chat` will hold besides its text."""

    chat: Chat
    tray: list[Attachment] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)  # why files were not taken into the tray
    drawn_for: str = (
        ""  # id of the latest answered request of tray.js, which waits for it in the HTML
    )
    places: PointedPlaces = field(default_factory=PointedPlaces)
    editing: Edit | None = None
    returned: str = ""  # the text of a message on its way back into the composer
    rewritten: str = ""  # the text of a rewritten turn on its way back into the edit box
    fit: Fit | None = None  # the latest, as long as it is about what is in the tray
    sent_resolutions: dict[Media, Resolution] = field(default_factory=dict)
    # The same object in its copies: New chat begins another draft, an opened chat keeps the one that there is.
    origin: object = field(default_factory=object, compare=False)

    def attach(self, attachment: Attachment) -> None:
        """Raises `DemoError` when the tray is full."""
        if len(self.tray) >= MAX_ATTACHMENTS:
            raise DemoError(
                "A message can hold {most} files; {name} was left out.",
                most=MAX_ATTACHMENTS,
                name=attachment.name,
            )
        self.chat.remember([attachment])
        self.tray.append(attachment)
        self.fit = None

    def add(self, items: Sequence[Attachment]) -> None:
        """Take items of another draft over. They are for the next message, also while a turn is being rewritten."""
        if self.editing:
            self.editing = replace(self.editing, tray=(*self.editing.tray, *items))
        else:
            self.tray += items

    def detach(self, attachment_id: object) -> None:
        """Take an item out of the tray, if it is there."""
        self.tray[:] = [item for item in self.tray if item.id != attachment_id]
        self.fit = None
        self.places.remove_of_item(attachment_id)

    def undo_fit(self) -> None:
        """The resolutions as they were before the tray was fitted."""
        if self.fit and self.fit.before:
            self.tray[:] = self.fit.before
        self.fit = None

    def item(self, attachment_id: object) -> Attachment | None:
        """The item of the tray that has this id."""
        return next((item for item in self.tray if item.id == attachment_id), None)

    def move(self, item: Attachment, places: int) -> None:
        """Move an item of the tray so many places to the right, as far as there is room."""
        place = self.tray.index(item)
        self.tray.insert(max(0, place + places), self.tray.pop(place))

    def set_resolution(self, item: Attachment, resolution: Resolution) -> Attachment:
        """Give an item of the tray its own resolution; returns the item as it is now."""
        updated = replace(item, resolution=resolution)
        self.tray[self.tray.index(item)] = updated
        return updated

    @property
    def context(self) -> Conversation:
        """What the message will follow."""
        if self.editing and self.editing.turn < self.chat.conversation.turns:
            return self.chat.conversation.before_turn(self.editing.turn)
        return self.chat.shown

    @property
    def numbered(self) -> list[tuple[Attachment, LocalizedText]]:
        """The tray with the names that vision ids will use, over the whole conversation."""
        numbers = self._numbers(self.context)
        return [(item, item_label(item.kind, number)) for item, number in numbers]

    @property
    def pointed(self) -> list[tuple[Pointed, LocalizedText, Attachment | None]]:
        """The marked places with the names of their pictures, and these as far as they are known."""
        items = {item.id: (item, number) for item, number in self._numbers(self.context)}
        pictures = [part for part in self.context.media if isinstance(part, Image)]
        found = []
        for place in self.places.marked:
            item, number = items.get(place.item, (None, place.number))
            if item is None and 0 < number <= len(pictures):
                item = self.chat.attachments.get(str(pictures[number - 1].path))
            found.append((place, item_label("image", number), item))
        return found

    def _numbers(self, context: Conversation) -> list[tuple[Attachment, int]]:
        """The tray's items with the numbers that they get after this conversation."""
        count = Counter("image" if isinstance(part, Image) else "video" for part in context.media)
        numbered = []
        for item in self.tray:
            count[item.kind] += 1
            numbered.append((item, count[item.kind]))
        return numbered

    def prepared(self, text: str, convention: Convention) -> Prepared:
        """The message with `text` and the tray as it is now, for vision settings that are known later."""
        context, tray, marked = self.context, tuple(self.tray), tuple(self.places.marked)
        items = {item.id: (item, number) for item, number in self._numbers(context)}
        attachments = self.chat.attachments

        def at(vision: VisionSettings) -> Conversation | None:
            regions = region_texts(marked, items, context, attachments, vision, convention)
            return drafted(context, tray, text, vision, regions)

        return at

    def sent(self) -> None:
        """Empty the tray after sending; after an edit, the draft's files are back in it."""
        run = self.chat.run
        message = run.conversation.last_user_message if run else None
        for part, item in zip(message.media if message else (), self.tray, strict=False):
            self.sent_resolutions[part] = item.resolution
        before = run.conversation.without_last_exchange() if run else self.chat.conversation
        numbers = {item.id: number for item, number in self._numbers(before)}
        self.places.remember_sent(message.regions if message else (), numbers)
        self.fit = None
        if self.editing:
            self.cancel_edit()
        else:
            self.tray.clear()
            self.places.marked.clear()

    def resent(self, sent: Message, asked: Message) -> None:
        """A message that was sent is asked with other settings, as `asked`."""
        for before, now in zip(sent.parts, asked.parts, strict=True):
            if isinstance(before, Text) and isinstance(now, Text):
                self.places.reworded(before, now)
            elif not isinstance(before, Text) and not isinstance(now, Text):
                self.sent_resolutions[now] = self.sent_resolutions.get(before, AUTO)

    def edit(self, turn: object) -> str | None:
        """Take a turn's files into the tray, to go on from there; returns its text. None for a turn that cannot be
        edited: `turn` comes from the browser and may be anything.
        """
        messages = [m for m in self.chat.conversation.messages if m.role == "user"]
        if self.chat.live or type(turn) is not int or not 0 <= turn < len(messages):
            return None
        self._rewrite(turn, messages[turn])
        return messages[turn].text

    def edit_answer(self) -> str | None:
        """Let the latest answer be changed, to go on from there; returns its text. None while one is being written."""
        if self.chat.live or not self.chat.answers:
            return None
        self.cancel_edit()
        turn = self.chat.conversation.turns - 1
        self.editing = Edit(turn, tuple(self.tray), tuple(self.places.marked), answer=True)
        self.tray.clear()
        self.places.marked.clear()
        return self.chat.conversation.messages[-1].text

    def _rewrite(self, turn: int, message: Message) -> None:
        """The tray holds the files of `message`, which takes the place of a turn; the draft's are set aside."""
        self.cancel_edit()
        self.editing = Edit(turn, tuple(self.tray), tuple(self.places.marked))
        self.tray[:] = self._attached(message)
        self.places.marked[:] = self.places.restored(message, self._pictures)

    def cancel_edit(self) -> None:
        """End the edit, if there is one: the draft's files that were set aside are back."""
        if self.editing:
            edit, self.editing = self.editing, None
            self.tray[:], self.places.marked[:] = edit.tray, edit.places
            self._follow_conversation()

    def take_back(self, message: Message) -> None:
        """A message has left the conversation: its text and its files are in the composer again."""
        self._prepend(message)
        self._follow_conversation()

    def hand_back(self) -> tuple[str, str]:
        """The texts on their way back into the composer and into the edit box, once."""
        texts = self.returned, self.rewritten
        self.returned = self.rewritten = ""
        return texts

    def take_back_failed(self, asked: Conversation) -> None:
        """The same for the last message of `asked`, if its answer failed and the conversation goes on without it."""
        message, kept = asked.last_user_message, self.chat.conversation
        if message is None or kept.messages[: len(asked.messages)] == asked.messages:
            return  # it was a retry: the message still stands in the conversation
        if kept.turns >= asked.turns:
            self._rewrite(asked.turns - 1, message)
            self.rewritten = message.text
        else:
            self._prepend(message)
        self._follow_conversation()

    def copied(self, chat: Chat) -> Draft:
        """The same draft in a copy of its chat."""
        return Draft(
            chat,
            list(self.tray),
            places=self.places.copy(),
            editing=self.editing,
            sent_resolutions=dict(self.sent_resolutions),
            origin=self.origin,
        )

    def _prepend(self, message: Message) -> None:
        self.returned = message.text
        self.tray[:0] = self._attached(message)
        self.places.marked[:0] = self.places.restored(message, self._pictures)

    def _attached(self, message: Message) -> list[Attachment]:
        return [
            attachment.copy_for_tray(self.sent_resolutions.get(part, AUTO))
            for part in message.media
            if (attachment := self.chat.attachments.get(str(part.path)))
        ]

    @property
    def _pictures(self) -> dict[int, str]:
        """The ids of the tray's pictures, by their numbers."""
        numbers = self._numbers(self.context)
        return {number: item.id for item, number in numbers if item.kind == "image"}

    def _follow_conversation(self) -> None:
        """The conversation or the tray has changed under the marked places."""
        standing = sum(isinstance(part, Image) for part in self.context.media)
        self.places.remap(self._pictures, standing)


def drafted(
    conversation: Conversation,
    items: Sequence[Attachment],
    text: str,
    vision: VisionSettings,
    regions: Sequence[Text] = (),
) -> Conversation | None:
    """`conversation` with a turn of these items, each at its resolution, these regions and this text.

    None with neither items nor text. Raises `DemoError`.
    """
    if not items and not text.strip():
        return None
    media = (item.part(vision) for item in items)
    typed = [Text(text)] if text.strip() else []
    return composed(conversation, [*media, *regions, *typed])


def composed(conversation: Conversation, parts: Sequence[Part]) -> Conversation:
    """`conversation` with a turn of these parts, in their order. Raises `DemoError` for too long a text."""
    count = sum(len(part.text) for part in parts if isinstance(part, Text) and not part.pointing)
    if count > MAX_TEXT_CHARACTERS:
        raise DemoError(
            "A message can hold {most} characters; this one has {count}.",
            most=f"{MAX_TEXT_CHARACTERS:,}",
            count=f"{count:,}",
        )
    return conversation.with_user_turn(*parts)
