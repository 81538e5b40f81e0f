"""An answer that was cut, stopped or changed goes on from its end."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from model.backend import Delta, Event, Finished, Status
from model.conversation import Conversation, Text
from model.errors import DemoError, NotReplayableError
from model.reproduce.archive import replayed, require_whole
from model.settings import GenerationSettings
from tests.support.fakes import USAGE, FakeBackend
from tests.support.following import KEY, attach, followed
from tests.support.patience import scene
from ui.handlers.chat import continuing, editing, sending
from ui.html.page_update import HIDDEN, View
from ui.state.registry import Tabs

ASKED = "What is this?"
CUT = replace(USAGE, stop_reason="length", new_tokens=3)


class Continuing(FakeBackend):
    """Answers "A red " of three tokens, and goes on with "boat."; cut the first time."""

    def stream(self, conversation, settings, cancel, *, session=""):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
        begun = conversation.begun_reply
        self.events = [Delta("boat.")] if begun else [Delta("A red ")]
        usage = replace(USAGE, continued_tokens=3) if begun else CUT
        tokens = (1, 2, 3, 4, 5) if begun else (1, 2, 3)
        self.ending = Finished(usage.stop_reason, usage, tokens)
        return super().stream(conversation, settings, cancel, session=session)


@pytest.fixture
def backend() -> FakeBackend:
    return Continuing(current=Status("ready", "Fake-VL", continues=True))


def begun(backend: FakeBackend) -> Text | None:
    """What the latest call was to continue."""
    return backend.calls[-1].conversation.begun_reply


def buttons(view: View) -> dict[str, bool]:
    return {
        name: getattr(view, name).visible != HIDDEN for name in ("continue_answer", "edit_answer")
    }


async def asked(tabs: Tabs, **settings: object) -> View:
    await sending.submit(tabs, KEY, ASKED, settings)
    return await followed(tabs)


def test_an_answer_that_was_cut_goes_on_in_its_place(backend: FakeBackend) -> None:
    async def play() -> None:
        tabs = Tabs(backend)
        assert buttons(await asked(tabs)) == {"continue_answer": True, "edit_answer": True}
        view = await continuing.continue_answer(tabs, KEY, {})
        assert "A red" in view.live
        assert buttons(await followed(tabs)) == {"continue_answer": False, "edit_answer": True}
        chat = tabs.open(KEY).chat
        assert [message.text for message in chat.conversation.messages] == [ASKED, "A red boat."]
        assert begun(backend) == Text("A red ")
        assert list(backend.calls[-1].conversation.messages[-1].parts[0].tokens) == [1, 2, 3]  # type: ignore[union-attr]
        (answered,) = chat.answers
        assert list(chat.conversation.messages[-1].parts[0].tokens) == [1, 2, 3, 4, 5]  # type: ignore[union-attr]
        assert answered.settings.max_new_tokens == 512 + 3
        assert replayed(answered).seed == USAGE.seed
        require_whole(answered)

    scene(play)


def test_the_rest_is_drawn_with_the_seed_of_the_beginning(backend: FakeBackend) -> None:
    async def play() -> None:
        tabs = Tabs(backend)
        await asked(tabs, temperature=1.0)
        await continuing.continue_answer(tabs, KEY, {"temperature": 1.0})
        await followed(tabs)
        assert backend.calls[-1].settings.seed == USAGE.seed
        require_whole(tabs.open(KEY).chat.answers[0])

    scene(play)


@pytest.mark.parametrize("settings", [{"temperature": 0.7}, {"system_prompt": "Hi"}, {"seed": 8}])
def test_an_answer_that_went_on_with_other_settings_is_no_single_run(
    backend: FakeBackend, settings: dict[str, object]
) -> None:
    async def play() -> None:
        tabs = Tabs(backend)
        await asked(tabs)
        await continuing.continue_answer(tabs, KEY, settings)
        await followed(tabs)
        with pytest.raises(NotReplayableError):
            require_whole(tabs.open(KEY).chat.answers[0])

    scene(play)


def test_a_changed_answer_goes_on_from_the_change_and_the_drafts_files_wait(
    backend: FakeBackend, uploads: Path
) -> None:
    async def play() -> None:
        tabs = Tabs(backend)
        await asked(tabs)
        await attach(tabs, [{"path": str(uploads / "red.png"), "name": "a"}])
        view = await continuing.edit_answer(tabs, KEY)
        assert view.rewritten == "A red "
        assert 'data-editing="0" data-side="bot"' in view.run_state
        assert view.edit_send.value == "Continue"
        assert not tabs.open(KEY).draft.tray
        await sending.submit_edit(tabs, KEY, "A blue", {})
        view = await followed(tabs)
        assert (begun(backend), view.edit_send.value) == (Text("A blue"), "Send")
        assert not backend.calls[-1].conversation.messages[-1].parts[0].tokens  # type: ignore[union-attr]
        tab = tabs.open(KEY)
        assert tab.chat.conversation.messages[-1].text == "A blueboat."
        assert len(tab.draft.tray) == 1
        with pytest.raises(NotReplayableError):
            require_whole(tab.chat.answers[0])

    scene(play)


def test_a_change_that_is_cancelled_changes_nothing(backend: FakeBackend) -> None:
    async def play() -> None:
        tabs = Tabs(backend)
        await asked(tabs)
        await continuing.edit_answer(tabs, KEY)
        view = await editing.cancel_edit(tabs, KEY)
        assert "data-editing" not in view.run_state
        assert tabs.open(KEY).chat.conversation.messages[-1].text == "A red "

    scene(play)


def test_what_was_not_written_when_it_stopped_again_leaves_the_answer_as_it_was(
    backend: FakeBackend,
) -> None:
    async def play() -> None:
        tabs = Tabs(backend)
        await asked(tabs)
        chat = tabs.open(KEY).chat
        before = chat.conversation, list(chat.answers)

        def failing(_: Conversation) -> Iterator[Event | Exception]:
            yield DemoError("No.")

        backend.answer = failing
        await continuing.continue_answer(tabs, KEY, {})
        view = await followed(tabs)
        assert (chat.conversation, chat.answers) == before
        assert list(chat.conversation.messages[-1].parts[0].tokens) == [1, 2, 3]  # type: ignore[union-attr]
        assert "No." in view.notice and view.returned == ""
        assert buttons(view)["continue_answer"]

    scene(play)


def test_what_cannot_continue_answers_is_not_offered_to(backend: FakeBackend) -> None:
    async def play() -> None:
        backend.current = Status("ready", "Fake-VL")
        assert buttons(await asked(Tabs(backend))) == {
            "continue_answer": False,
            "edit_answer": False,
        }

    scene(play)


def test_an_incomplete_character_is_written_again(backend: FakeBackend) -> None:
    async def play() -> None:
        tabs = Tabs(backend)
        await asked(tabs)
        chat = tabs.open(KEY).chat
        asked_once = chat.conversation.without_last_reply()
        chat.conversation = asked_once.with_reply("A r\ufffd", (1, 2, 3))
        await continuing.continue_answer(tabs, KEY, {})
        await followed(tabs)
        assert chat.conversation.messages[-1].text == "A rboat."

    scene(play)


def test_nothing_goes_on_while_a_message_is_rewritten(backend: FakeBackend) -> None:
    async def play() -> None:
        tabs = Tabs(backend)
        await asked(tabs)
        await editing.edit_latest(tabs, KEY)
        await continuing.continue_answer(tabs, KEY, {})
        assert len(backend.calls) == 1
        assert GenerationSettings() == backend.calls[0].settings

    scene(play)
