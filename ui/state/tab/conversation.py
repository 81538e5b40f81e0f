"""The conversation of a tab: its messages, what each answer cost, and the answer that is being written.

Only turns write it. The messages are an immutable value, so a run and a page can keep the one they have.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Literal

from model.backend import AnswerRecord, StopReason, Usage
from model.conversation import Conversation
from model.errors import DemoError, LocalizedText
from model.settings import GenerationSettings
from ui.state.tab.begun import Begun
from ui.state.tab.run import Run
from ui.state.tray.attachment import Attachment

UNEXPECTED = LocalizedText("Something went wrong on the server; your message is kept. Try again.")
LOOPED = LocalizedText(
    "The answer repeated itself and was stopped; retry with a repetition penalty or ask differently."
)
COPIED = LocalizedText(
    "This tab is a copy of another one; what is done in one of them does not change the other."
)
FORGOTTEN_CHAT = LocalizedText(
    "The server has forgotten this chat and its files: it was started anew, or nobody had looked for long."
)
FORGOTTEN_FILES = LocalizedText(
    "The server has forgotten the attached files: it was started anew, or nobody had looked for long. "
    "Attach them again."
)
ENDING = LocalizedText(
    "This page is being shut down; what there is of the answer is here, copy what you need."
)
PENALTY_STEP = 0.1
# Why answers end that have more to say. One that repeats itself would go on with that.
CUT: tuple[StopReason, ...] = ("length", "cancelled")

Outcome = Literal["idle", "stopped", "error"]
Answered = tuple[Conversation, tuple[AnswerRecord, ...]]


@dataclass(eq=False)
class Chat:
    """One conversation. New chat replaces it by an empty one."""

    id: str = field(default_factory=lambda: secrets.token_hex(8))  # for the browser that keeps it
    conversation: Conversation = field(default_factory=Conversation)
    answers: list[AnswerRecord] = field(default_factory=list)  # one for each answer
    attachments: dict[str, Attachment] = field(
        default_factory=dict
    )  # whatever was attached, by path
    run: Run | None = None
    undelivered: Run | None = None  # the latest answer, until a program has read all of it
    outcome: Outcome = "idle"  # of the latest turn
    finished_turns: int = 0  # answers that ended, whether well or not; never decreases
    answered: bool = False  # whether the model has answered in this conversation
    notice: str = ""  # one sentence that the person should read, a `LocalizedText` in any language
    notice_is_info: bool = False  # it reports no failure
    _before_run: Answered = (Conversation(), ())

    @property
    def live(self) -> bool:
        """Whether an answer is being written."""
        return self.run is not None

    @property
    def shown(self) -> Conversation:
        """The conversation with the turn that is being answered."""
        return self.run.conversation if self.run else self.conversation

    @property
    def settled(self) -> Answered:
        """The conversation and its answers without the turn that is being answered."""
        return self._before_run if self.run else (self.conversation, tuple(self.answers))

    @property
    def usage(self) -> Usage | None:
        """What the latest answer cost."""
        return self.answers[-1].usage if self.answers else None

    @property
    def looped(self) -> bool:
        """Whether the latest answer was stopped because it repeated itself."""
        return self.usage is not None and self.usage.stop_reason == "loop"

    @property
    def begun(self) -> Begun | None:
        """The latest answer, to be continued; None without one."""
        reply = self.conversation.begun_reply
        return Begun.of(reply.text, reply.tokens, self.answers[-1]) if reply else None

    @property
    def cut(self) -> bool:
        """Whether the latest answer was ended before the model ended it."""
        return bool(self.answers) and (self.usage is None or self.usage.stop_reason in CUT)

    def penalised(self, settings: GenerationSettings) -> GenerationSettings:
        """`settings` with a higher repetition penalty than the latest answer had."""
        before = self.answers[-1].settings.repetition_penalty if self.answers else 1.0
        penalty = min(2.0, round(max(before, 1.0) + PENALTY_STEP, 2))
        return replace(settings, repetition_penalty=penalty)

    def remember(self, attachments: Iterable[Attachment]) -> None:
        """Record how these files are shown in the conversation."""
        self.attachments.update((attachment.path, attachment) for attachment in attachments)

    def inform(self, sentence: str) -> None:
        """Show a notice that reports no failure."""
        self.notice, self.notice_is_info = sentence, True

    def warn(self, sentence: str) -> None:
        """Show a notice that something failed or was refused."""
        self.notice, self.notice_is_info = sentence, False

    def restart(self, conversation: Conversation, answers: Iterable[AnswerRecord]) -> None:
        """Go on with a conversation from elsewhere."""
        self.conversation, self.answers = conversation, list(answers)
        self.outcome, self.notice = "idle", ""

    def truncate(self, conversation: Conversation) -> None:
        """Go on from an earlier state of the conversation, with the answers that it has."""
        kept = sum(message.role == "assistant" for message in conversation.messages)
        self.restart(conversation, self.answers[:kept])

    def begin(self, run: Run) -> None:
        """An answer starts."""
        self._before_run = self.conversation, tuple(self.answers)
        self.truncate(run.conversation.without_last_exchange())
        self.run = run

    def settle(self, run: Run) -> bool:
        """An answer ended: keep its text. Returns False if it has none; then the conversation is as before."""
        self.run = None
        self.finished_turns += 1
        reason = run.finished.reason if run.finished else None
        if run.error:
            self.outcome = "error"
            self.warn(run.error.sentence if isinstance(run.error, DemoError) else UNEXPECTED)
        else:
            self.outcome = "stopped" if reason == "cancelled" else "idle"
            self.inform(run.notice)
        if not run.has_text and reason in (None, "cancelled"):
            self._roll_back()
            return False
        self.answered = True
        self.conversation = run.conversation.with_reply(run.text, run.tokens)
        self.answers.append(run.record)
        if reason == "loop":
            self.inform(LOOPED)
        return True

    def withdraw(self, run: Run) -> None:
        """An answer could not be started or kept: restore the conversation before it."""
        run.cancel.set()
        self.run, self.outcome = None, "error"
        self._roll_back()
        self.warn(UNEXPECTED)

    def _roll_back(self) -> None:
        self.conversation, answers = self._before_run
        self.answers = list(answers)
