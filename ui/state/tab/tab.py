"""What one browser tab owns, conversation and tray, and how they change.

Everything here is changed on the event loop only and without an await in between, so it needs no lock.
Turns write the conversation; attaching and removing write the tray; neither overwrites the other.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from model.backend import AnswerRecord, Backend, Cancel, Usage
from model.conversation import Conversation, Image, Media, Message, Part, Text
from model.errors import DemoError, LocalizedText
from model.grounding import Convention
from model.prompt.visual_item import item_label
from model.settings import MAX_TEXT_CHARACTERS, GenerationSettings, VisionSettings
from ui.http.asker import ANYBODY, Asker, person_of
from ui.media.uploads import MAX_ATTACHMENTS
from ui.state.tab.attachment import Attachment
from ui.state.tab.comparison import Comparison
from ui.state.tab.drawn import Drawn
from ui.state.tab.regions import Pointed, PointedPlaces, region_texts
from ui.state.tab.resolution import AUTO, Resolution
from ui.state.tab.run import Run, RunState
from ui.text.languages import texts_for
from ui.text.texts import Texts

UNEXPECTED = LocalizedText("Something went wrong on the server; your message is kept. Try again.")

LOOPED = LocalizedText(
    "The answer repeated itself and was stopped; retry with a repetition penalty or ask differently."
)
COPIED = LocalizedText(
    "This tab is a copy of another one; what is done in one of them does not change the other."
)
PENALTY_STEP = 0.1

# Of vision settings, the conversation with a message. Raises `DemoError`.
Draft = Callable[[VisionSettings], Conversation | None]
Outcome = Literal["idle", "stopped", "error"]


@dataclass(frozen=True)
class Edit:
    """One of the person's turns that is being rewritten, and the draft that was set aside for it.

    text: None after an answer to it came to nothing. The draft was back in the composer by then.
    """

    turn: int  # from 0
    text: str | None
    tray: tuple[Attachment, ...]
    places: tuple[Pointed, ...]


@dataclass
class Tab:
    """One conversation and its tray. `key` is known to the browser tab alone."""

    key: str
    backend: Backend
    language: str = "en"
    conversation: Conversation = field(default_factory=Conversation)
    tray: list[Attachment] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)  # why files were not taken into the tray
    heard: str = ""  # the latest wish about it that was granted, by the name that the page gave it
    run: Run | None = None
    answers: list[AnswerRecord] = field(
        default_factory=list
    )  # one for each answer of the conversation
    outcome: Outcome = "idle"  # of the latest turn
    finished_turns: int = 0  # answers that ended, whichever way; never decreases
    notice: str = ""  # one sentence that the person should read, a `LocalizedText` in any language
    mild: str = ""  # the latest notice that is not of a failure
    returned: str = ""  # a message on its way back into the composer
    editing: Edit | None = None
    unheard: Run | None = None  # the latest answer, until a program has all of it
    verifying: Cancel | None = None  # of the answer that is being verified
    comparison: Comparison | None = None  # the latest
    not_compared: str = ""  # why there is no later one, a `LocalizedText`
    browser: str = ""  # the one that opened it last
    asker: Asker = ANYBODY  # who asked last
    pages: set[str] = field(default_factory=set)  # Gradio's sessions that show it
    chat: int = 0  # how often it has started over
    program: bool = False  # opened by one that posts and reads, not by a page
    # What the conversation and its answers were before the run.
    _before: tuple[Conversation, tuple[AnswerRecord, ...]] = (Conversation(), ())
    seen: float = field(default_factory=time.monotonic)
    known: dict[str, Attachment] = field(default_factory=dict)  # by path: whatever was attached
    wished: dict[Media, Resolution] = field(default_factory=dict)  # of what was sent
    # Files that were made for its page to look at or to save, the latest last.
    made: list[list[str]] = field(default_factory=list)
    answered: bool = False  # whether the model has, in this conversation
    fitted: str = ""  # what `fit` did, a `LocalizedText`
    places: PointedPlaces = field(default_factory=PointedPlaces)
    drawn: Drawn = field(default_factory=Drawn)  # what its pages have of the conversation

    @property
    def texts(self) -> Texts:
        return texts_for(self.language)

    @property
    def person(self) -> str:
        """Whose share of everybody's threads it takes."""
        return person_of(self.asker.address) if self.asker.address else self.key

    @property
    def live(self) -> bool:
        return self.run is not None

    @property
    def busy(self) -> bool:
        """Whether the model is wanted, for the conversation or beside it."""
        return self.live or (self.comparison is not None and self.comparison.running)

    @property
    def used(self) -> bool:
        """Whether the model has answered in it: what else there is costs nothing to make anew."""
        return self.busy or self.answered

    @property
    def has_page(self) -> bool:
        """Whether somebody can look at it. Nobody hears when a program goes."""
        return bool(self.pages) and not self.program

    @property
    def state(self) -> RunState | Outcome:
        """What is going on; a model that is not there yet is all that goes on in an idle tab."""
        if self.run:
            return self.run.state
        if self.outcome == "idle":
            model = self.backend.status().state
            return "loading" if model == "loading" else "error" if model == "failed" else "idle"
        return self.outcome

    @property
    def convention(self) -> Convention:
        """In which the model's answers name places."""
        return self.backend.status().convention

    @property
    def shown(self) -> Conversation:
        """The conversation as it is to be seen: with the turn that is being answered."""
        return self.run.conversation if self.run else self.conversation

    @property
    def usage(self) -> Usage | None:
        """What the latest answer cost."""
        return self.answers[-1].usage if self.answers else None

    @property
    def looped(self) -> bool:
        """Whether the latest answer was stopped because it repeated itself."""
        return self.usage is not None and self.usage.stop_reason == "loop"

    def penalised(self, settings: GenerationSettings) -> GenerationSettings:
        """`settings` with a higher repetition penalty than the latest answer had."""
        before = self.answers[-1].settings.repetition_penalty if self.answers else 1.0
        penalty = min(2.0, round(max(before, 1.0) + PENALTY_STEP, 2))
        return replace(settings, repetition_penalty=penalty)

    def attach(self, attachment: Attachment) -> None:
        """Raises `DemoError` when the tray is full."""
        if len(self.tray) >= MAX_ATTACHMENTS:
            raise DemoError(
                "A message can hold {most} files; {name} was left out.",
                most=MAX_ATTACHMENTS,
                name=attachment.name,
            )
        self.remember([attachment])
        self.tray.append(attachment)
        self.fitted = ""

    def remember(self, attachments: Iterable[Attachment]) -> None:
        """Know how to show these files in the conversation."""
        self.known.update((attachment.path, attachment) for attachment in attachments)

    def detach(self, attachment_id: object) -> None:
        """Take an item out of the tray, if it is there."""
        self.tray[:] = [item for item in self.tray if item.id != attachment_id]
        self.fitted = ""
        self.places.leave(attachment_id)

    def item(self, attachment_id: object) -> Attachment | None:
        """The item of the tray that has this id."""
        return next((item for item in self.tray if item.id == attachment_id), None)

    def move(self, item: Attachment, places: int) -> None:
        """Let an item of the tray stand so many places further right, as far as there is room."""
        place = self.tray.index(item)
        self.tray.insert(max(0, place + places), self.tray.pop(place))

    def see(self, item: Attachment, resolution: Resolution) -> Attachment:
        """Let an item of the tray be seen at its own resolution; gives the item as it is now."""
        seen = replace(item, resolution=resolution)
        self.tray[self.tray.index(item)] = seen
        return seen

    @property
    def numbered(self) -> list[tuple[Attachment, LocalizedText]]:
        """The tray with the names that vision ids will use, over the whole conversation."""
        return [
            (item, item_label(item.kind, number)) for item, number in self._numbers(self.before)
        ]

    @property
    def pointed(self) -> list[tuple[Pointed, LocalizedText]]:
        """The marked places with the names of their pictures."""
        numbers = {item.id: number for item, number in self._numbers(self.before)}
        return [
            (place, item_label("image", numbers.get(place.item, place.number)))
            for place in self.places.marked
        ]

    def _numbers(self, before: Conversation) -> list[tuple[Attachment, int]]:
        """The tray's items and their numbers behind a conversation."""
        count = Counter("image" if isinstance(part, Image) else "video" for part in before.media)
        numbered = []
        for item in self.tray:
            count[item.kind] += 1
            numbered.append((item, count[item.kind]))
        return numbered

    @property
    def before(self) -> Conversation:
        """What the message in the composer will follow."""
        if self.editing and self.editing.turn < self.conversation.turns:
            return self.conversation.before_turn(self.editing.turn)
        return self.shown

    def drafted(self, text: str, vision: VisionSettings) -> Conversation | None:
        """The conversation as it would be after sending `text` with the tray; None with neither.

        Raises `SettingError`.
        """
        return self.draft(text)(vision)

    def draft(self, text: str) -> Draft:
        """The same of the tray as it is now, for vision settings that are known later."""
        before, tray, marked = self.before, tuple(self.tray), tuple(self.places.marked)
        items = {item.id: (item, number) for item, number in self._numbers(before)}

        def at(vision: VisionSettings) -> Conversation | None:
            regions = region_texts(marked, items, before, self.known, vision, self.convention)
            return drafted(before, tray, text, vision, regions)

        return at

    def sent(self) -> str:
        """Empty the tray after sending; gives the text that an edit had set aside."""
        message = self.run.conversation.last_user_message if self.run else None
        for part, item in zip(message.media if message else (), self.tray, strict=False):
            self.wished[part] = item.resolution
        before = self.run.conversation.without_last_exchange() if self.run else self.conversation
        numbers = {item.id: number for item, number in self._numbers(before)}
        self.places.sent(message.regions if message else (), numbers)
        self.fitted = ""
        if self.editing:
            return self._set_aside()
        self.tray.clear()
        self.places.marked.clear()
        return ""

    def edit(self, turn: object, draft: str) -> str:
        """Take a turn into composer and tray, to go on from there; gives the composer's new text.

        `turn` comes from the browser and may be anything; `draft` is what is in the composer now.
        """
        messages = [m for m in self.conversation.messages if m.role == "user"]
        possible = type(turn) is int and 0 <= turn < len(messages)
        if self.live or not possible:
            return draft
        draft = self.cancel_edit(draft)
        assert isinstance(turn, int)
        self.editing = Edit(turn, draft, tuple(self.tray), tuple(self.places.marked))
        self.tray[:] = self._attached(messages[turn])
        self.places.marked[:] = self.places.of(messages[turn], self._pictures)
        return messages[turn].text

    def cancel_edit(self, draft: str) -> str:
        """Leave the conversation as it is; gives the composer's new text."""
        if self.editing and self.editing.text is None:
            self.editing = None  # composer and tray hold both, the turn and the draft
        return self._set_aside() if self.editing else draft

    def undo(self) -> None:
        """Take the latest exchange back into the composer and the tray."""
        message = self.conversation.last_user_message
        if self.live or self.editing or message is None:
            return
        self._keep(self.conversation.without_last_exchange())
        self._give_back(message)
        self._repoint()
        self.outcome, self.notice = "idle", ""

    def clear(self) -> None:
        """Start over. An answer in the making is given up and comes to nothing."""
        if self.run:
            self.run.cancel.set()
        self.run = self.unheard = None
        if self.verifying:
            self.verifying.set()
        if self.comparison:
            self.comparison.stop()
        self.comparison, self.not_compared = None, ""
        self._keep(Conversation())
        self.chat += 1
        self.editing = None
        self.tray.clear()
        self.refused.clear()
        self.known.clear()
        self.made.clear()
        self.answered = False
        self.wished.clear()
        self.places.clear()
        self.fitted = ""
        self.outcome, self.notice, self.returned = "idle", "", ""

    def copy(self, other: Tab) -> None:
        """Become what another tab is, but for an answer in the making: from here on they are two."""
        kept = other._before if other.run else (other.conversation, tuple(other.answers))
        self.conversation, self.answers = kept[0], list(kept[1])
        self.tray, self.editing = list(other.tray), other.editing
        self.known, self.wished = dict(other.known), dict(other.wished)
        self.places = other.places.copy()
        self.notice = self.mild = COPIED

    def restore(
        self,
        conversation: Conversation,
        answers: Iterable[AnswerRecord],
        items: Iterable[Attachment],
    ) -> None:
        """Go on with a conversation from elsewhere; `items` are its files."""
        self.remember(items)
        self.conversation, self.answers = conversation, list(answers)
        self.outcome, self.notice = "idle", ""

    def begin(self, run: Run) -> None:
        """An answer starts."""
        self._before = self.conversation, tuple(self.answers)
        self._keep(run.conversation.without_last_exchange())
        self.run = run
        self.outcome, self.notice = "idle", ""
        self.refused.clear()

    def asked_as(self, run: Run, conversation: Conversation, settings: GenerationSettings) -> None:
        """What is asked differs from what was sent, in settings alone."""
        sent, asked = run.conversation.last_user_message, conversation.last_user_message
        run.conversation, run.settings = conversation, settings
        for before, now in zip(sent.parts, asked.parts, strict=True) if sent and asked else ():
            if isinstance(before, Text) and isinstance(now, Text):
                self.places.retold(before, now)
            elif not isinstance(before, Text) and not isinstance(now, Text):
                self.wished[now] = self.wished.get(before, AUTO)

    def settle(self, run: Run) -> None:
        """An answer ended: keep what there is of it, or give the message back."""
        if run is not self.run:
            return  # the conversation was cleared meanwhile
        self.run = None
        self.finished_turns += 1
        reason = run.finished.reason if run.finished else None
        if run.error:
            self.outcome = "error"
            self.notice = run.error.sentence if isinstance(run.error, DemoError) else UNEXPECTED
        else:
            self.outcome = "stopped" if reason == "cancelled" else "idle"
            self.notice = self.mild = run.notice
        if run.text or (reason and reason != "cancelled"):
            self.answered = True
            self.conversation = run.conversation.with_reply(run.text)
            usage = run.finished.usage if run.finished else None
            self.answers.append(AnswerRecord(run.settings, usage, run.reasoning.strip()))
            if reason == "loop":
                self.notice = self.mild = LOOPED
        else:
            self._restore(run.conversation)

    def withdraw(self, run: Run) -> None:
        """An answer could not be started or kept: without it the tab goes on."""
        run.cancel.set()
        self.conversation, answers = self._before
        self.run, self.answers = None, list(answers)
        self.outcome, self.notice = "error", UNEXPECTED

    def expect_follower(self) -> None:
        """Somebody is about to look."""
        if self.run:
            self.run.expect_follower()
        if self.comparison:
            self.comparison.expect_follower()

    def leave(self) -> None:
        """Nobody looks any more."""
        for run in (self.run, self.comparison and self.comparison.run):
            if run:
                run.leave()

    def _restore(self, asked: Conversation) -> None:
        """An answer came to nothing: everything is as it was before the message was sent."""
        self.conversation, self.answers = self._before[0], list(self._before[1])
        message, messages = asked.last_user_message, self.conversation.messages
        if message is None or messages[: len(asked.messages)] == asked.messages:
            return  # it was a retry: the message still stands in the conversation
        self._give_back(message)
        if self.conversation.turns >= asked.turns:
            self.editing = Edit(asked.turns - 1, None, (), ())
        self._repoint()

    def _keep(self, conversation: Conversation) -> None:
        self.conversation = conversation
        del self.answers[sum(m.role == "assistant" for m in conversation.messages) :]

    def _give_back(self, message: Message) -> None:
        if self.program:
            return  # it still has the message that came to nothing
        self.returned = message.text
        self.tray[:0] = self._attached(message)
        self.places.marked[:0] = self.places.of(message, self._pictures)

    def _attached(self, message: Message) -> list[Attachment]:
        return [
            known.again(self.wished.get(part, AUTO))
            for part in message.media
            if (known := self.known.get(str(part.path)))
        ]

    @property
    def _pictures(self) -> dict[int, str]:
        """The ids of the tray's pictures, by their numbers."""
        numbers = self._numbers(self.before)
        return {number: item.id for item, number in numbers if item.kind == "image"}

    def _set_aside(self) -> str:
        """End the edit: the draft of before it is back, and its text is what this gives."""
        assert self.editing
        edit, self.editing = self.editing, None
        self.tray[:], self.places.marked[:] = edit.tray, edit.places
        self._repoint()
        return edit.text or ""

    def _repoint(self) -> None:
        """The conversation or the tray has changed under the marked places."""
        standing = sum(isinstance(part, Image) for part in self.before.media)
        self.places.follow(self._pictures, standing)


def drafted(
    conversation: Conversation,
    items: Sequence[Attachment],
    text: str,
    vision: VisionSettings,
    regions: Sequence[Text] = (),
) -> Conversation | None:
    """`conversation` with a turn of these items, each at this resolution, about these places, and this text.

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
