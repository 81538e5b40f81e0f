"""What one browser tab owns, and what changes several parts of it at once.

Everything here is changed on the event loop only and without an await in between, so it needs no lock.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from model.backend import AnswerRecord, Backend, Cancel
from model.conversation import Conversation, Message, Text
from model.grounding import Convention
from model.settings import GenerationSettings, VisionSettings
from ui.state.tab.checkpoints import Backends, Checkpoints
from ui.state.tab.comparison import Comparison
from ui.state.tab.conversation import COPIED, Chat, Outcome
from ui.state.tab.draft import Draft, Prepared
from ui.state.tab.drawn import Drawn
from ui.state.tab.presence import Presence
from ui.state.tab.run import Run, RunState
from ui.state.tray.attachment import Attachment
from ui.text.languages import texts_for
from ui.text.texts import Texts


@dataclass(frozen=True)
class Cleared:
    """What New chat has put away."""

    chat: Chat
    draft: Draft
    made_files: list[list[str]]


class Tab:
    """One conversation, the draft of its next message, and who is there."""

    def __init__(self, key: str, backends: Backends | Checkpoints) -> None:
        """key: known to the browser tab alone; backends: what can be chosen, or all that there is."""
        self.key = key
        self.checkpoints = backends if isinstance(backends, Checkpoints) else Checkpoints(backends)
        self.checkpoint = self.checkpoints.default  # the name of what answers the next message
        self._checkpoint_before = self.checkpoint  # to go back to if that one cannot be loaded
        self.language = "en"
        self.chat = Chat()
        self.draft = Draft(self.chat)
        self.presence = Presence(key)
        self.drawn = Drawn()  # what its pages have of the conversation
        self.cleared: Cleared | None = None  # as long as it can be undone
        self.comparison: Comparison | None = None  # the latest
        self.not_compared = ""  # why there is no later one, a `LocalizedText`
        self.verifying: Cancel | None = None  # of the answer that is being verified
        # Files that were made for its page to look at or to save, the latest last.
        self.made_files: list[list[str]] = []

    @property
    def texts(self) -> Texts:
        return texts_for(self.language)

    @property
    def backend(self) -> Backend:
        """What answers the next message."""
        return self.checkpoints[self.checkpoint]

    def choose(self, name: str) -> None:
        """Let another checkpoint answer from now on, and load it. Raises `SettingError` for an unknown name."""
        self.checkpoints.begin(name)
        if self.backend.status().state == "ready":
            self._checkpoint_before = self.checkpoint
        self.checkpoint = name

    @property
    def choice_failed(self) -> bool:
        """Whether the chosen checkpoint cannot be loaded, and there is one before to go on with."""
        failed = self.backend.status().state == "failed"
        return failed and self.checkpoint != self._checkpoint_before

    def fall_back(self) -> bool:
        """Go on with the checkpoint before if the chosen one cannot be loaded. Returns whether it did."""
        if not self.choice_failed:
            return False
        self.chat.warn(self.backend.status().note)
        self.checkpoint = self._checkpoint_before
        return True

    def backend_of(self, answered: AnswerRecord) -> Backend:
        """What has given this answer; the chosen checkpoint where that is not known here."""
        return self.checkpoints.get(answered.checkpoint, self.backend)

    @property
    def busy(self) -> bool:
        """Whether the model is asked, for the conversation or for a comparison."""
        return self.chat.live or (self.comparison is not None and self.comparison.running)

    @property
    def used(self) -> bool:
        """Whether the model has answered or is answering in it. Anything else is quickly made again."""
        return self.busy or self.chat.answered

    @property
    def chats(self) -> list[Chat]:
        """The conversation, and that which New chat has put away as long as this can be undone."""
        return [self.chat, self.cleared.chat] if self.cleared else [self.chat]

    @property
    def attached(self) -> list[Attachment]:
        """The files of all of them."""
        return [item for chat in self.chats for item in chat.attachments.values()]

    @property
    def characters(self) -> int:
        """How much text it holds, with what New chat has put away and what is on its way back into the composer."""
        held: list[Tab | Cleared] = [self, self.cleared] if self.cleared else [self]
        return sum(
            characters(one.chat.shown.messages) + len(one.draft.returned) + len(one.draft.rewritten)
            for one in held
        )

    @property
    def state(self) -> RunState | Outcome:
        """What is going on; in an idle tab, whether the model is loaded."""
        if self.chat.run:
            return self.chat.run.state
        if self.chat.outcome == "idle":
            model = self.backend.status().state
            return "loading" if model == "loading" else "error" if model == "failed" else "idle"
        return self.chat.outcome

    @property
    def convention(self) -> Convention:
        """The convention in which the chosen checkpoint names places."""
        return self.backend.status().convention

    def conventions_of(self, conversation: Conversation) -> list[Convention]:
        """That of each exchange: of the checkpoint that answered it, or is asked."""
        asking = self.chat.run and self.chat.run.convention
        turns = conversation.turns
        known = [answered.convention or self.convention for answered in self.chat.answers[:turns]]
        return [*known, *[asking or self.convention] * (turns - len(known))]

    def prepared(self, text: str) -> Prepared:
        """The message with `text` and the tray as it is now, for vision settings that are known later."""
        return self.draft.prepared(text, self.convention)

    def drafted(self, text: str, vision: VisionSettings) -> Conversation | None:
        """The conversation as it would be after sending `text` with the tray; None with neither.

        Raises `SettingError`.
        """
        return self.prepared(text)(vision)

    def undo(self) -> None:
        """Take the latest exchange back into the composer and the tray."""
        message = self.chat.conversation.last_user_message
        if self.chat.live or self.draft.editing or message is None:
            return
        self.chat.truncate(self.chat.conversation.without_last_exchange())
        self.draft.take_back(message)

    def clear(self) -> Cleared:
        """Start over. An answer in the making is given up and comes to nothing. `undo_clear` takes it back."""
        if self.chat.run:
            self.chat.run.cancel.set()
        if self.verifying:
            self.verifying.set()
        if self.comparison:
            self.comparison.stop()
        self.comparison, self.not_compared = None, ""
        self.cleared = Cleared(self.chat, self.draft, self.made_files)
        self.chat = Chat(finished_turns=self.chat.finished_turns)
        self.draft = Draft(self.chat, drawn_for=self.draft.drawn_for)
        self.made_files = []
        return self.cleared

    def undo_clear(self) -> None:
        """Take `clear` back, unless something has been said since. The message of an answer that was given up is in the
        composer and the tray again, before what has been attached since.
        """
        if self.cleared is None or self.chat.shown.messages:
            return
        cleared, since, self.cleared = self.cleared, self.draft, None
        before = cleared.chat
        self.chat = Chat(
            before.id,
            attachments=before.attachments | self.chat.attachments,
            answered=before.answered,
            finished_turns=self.chat.finished_turns,
        )
        self.chat.restart(*before.settled)
        self.draft = cleared.draft.copied(self.chat)
        self.draft.drawn_for = since.drawn_for
        if before.run:
            self.draft.take_back_failed(before.run.conversation)
        self.draft.add(since.tray)
        self.made_files = cleared.made_files + self.made_files

    def copy(self, other: Tab) -> None:
        """Become a copy of another tab, without the answer that is being written there."""
        self.checkpoint = other.checkpoint
        self._checkpoint_before = other._checkpoint_before
        self.chat.restart(*other.chat.settled)
        self.chat.attachments = dict(other.chat.attachments)
        self.draft = other.draft.copied(self.chat)
        self.chat.inform(COPIED)

    def restore(
        self,
        conversation: Conversation,
        answers: Iterable[AnswerRecord],
        items: Iterable[Attachment],
    ) -> None:
        """Go on with a conversation from elsewhere; `items` are its files."""
        self.chat.remember(items)
        self.chat.restart(conversation, answers)

    def keep_draft(self, draft: Draft) -> None:
        """Go on with the draft from before the conversation was cleared."""
        draft.cancel_edit()
        here = {item.id for item in draft.tray}
        draft.places.marked[:] = [place for place in draft.places.marked if place.item in here]
        self.chat.remember(draft.tray)
        drawn_for, self.draft = self.draft.drawn_for, draft.copied(self.chat)
        self.draft.drawn_for = drawn_for

    def begin(self, run: Run) -> None:
        """An answer starts."""
        self.chat.begin(run)
        self.draft.refusals.clear()

    def asked_as(self, run: Run, conversation: Conversation, settings: GenerationSettings) -> None:
        """Ask with other settings than the message was sent with."""
        sent, asked = run.conversation.last_user_message, conversation.last_user_message
        run.conversation, run.settings = conversation, settings
        if sent and asked:
            self.draft.resent(sent, asked)

    def settle(self, run: Run) -> None:
        """An answer ended: keep what there is of it, or give the message back."""
        if run is not self.chat.run:
            return  # the conversation was cleared meanwhile
        kept = self.chat.settle(run)
        if not kept and not self.presence.is_program:  # a program still has its message
            self.draft.take_back_failed(run.conversation)

    def expect_follower(self) -> None:
        """Restart the grace period of its answers: a page is about to follow them."""
        if self.chat.run:
            self.chat.run.expect_follower()
        if self.comparison:
            self.comparison.expect_follower()

    def leave(self) -> None:
        """No page shows the tab any more."""
        for run in (self.chat.run, self.comparison and self.comparison.run):
            if run:
                run.leave()


def characters(messages: Iterable[Message]) -> int:
    """How much text these messages hold."""
    parts = (part for message in messages for part in message.parts)
    return sum(len(part.text) for part in parts if isinstance(part, Text))
