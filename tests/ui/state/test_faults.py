"""Whatever breaks under an answer, the person is told, nothing is lost, and the next message works."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from model.conversation import Conversation, Image, Text
from model.local import LocalBackend
from model.settings import GenerationSettings, VisionSettings
from tests.support import media_files
from tests.support.faults import PLACES, Place, faulty
from ui.state.registry import Tabs
from ui.state.tab.tab import Tab

SHORT = GenerationSettings(max_new_tokens=6)
OUT_OF_MEMORY: Callable[[], BaseException] = lambda: torch.OutOfMemoryError("CUDA out of memory")  # noqa: E731
GPU_ERROR: Callable[[], BaseException] = lambda: torch.AcceleratorError(  # noqa: E731
    "CUDA error: device-side assert triggered", 710
)
FAULTS: dict[str, tuple[list[Callable[[], BaseException]], str]] = {
    # Twice, because the first time what is kept goes and it is tried again.
    "out of memory": ([OUT_OF_MEMORY] * 2, "memory does not suffice"),
    "an error of the GPU": ([GPU_ERROR], "graphics card failed"),
    "a bug": ([lambda: KeyError("a bug")], "Something went wrong on the server"),
    "a thread that dies": ([SystemExit], "Something went wrong on the server"),
}


@pytest.fixture
def talk(tmp_path: Path) -> Conversation:
    """A conversation that stands, and a new question about a new picture."""
    old = Conversation().with_user_turn(Text("Hello")).with_reply("Hello!")
    path = media_files.photo(tmp_path / "a.png", (224, 224))
    return old.with_user_turn(Image(path, VisionSettings(max_tokens=64)), Text("What?"))


async def answered(tabs: Tabs, tab: Tab, talk: Conversation) -> None:
    await tabs.start(tab, lambda: (talk, SHORT)).ended()


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_told_and_the_next_message_works(
    qwen2_vl: LocalBackend, talk: Conversation, place: Place, fault: str
) -> None:
    made, sentence = FAULTS[fault]
    # What has begun is not tried again.
    made = made[:1] if place == "decode" else made
    tabs = Tabs(faulty(qwen2_vl, place, *(make() for make in made)))
    tab = Tab("0" * 32, tabs.backend)
    tab.chat.conversation = talk.without_last_exchange()

    async def two_messages() -> None:
        await answered(tabs, tab, talk)
        assert (tab.chat.outcome, sentence in tab.chat.notice) == ("error", True), tab.chat.notice
        # The message came to nothing and is in the composer again, or what was said of the answer stands.
        kept = tab.chat.conversation.turns == 2 and tab.chat.conversation.messages[-1].text
        assert kept or (tab.chat.conversation.turns, tab.draft.returned) == (1, "What?")
        await answered(tabs, tab, talk)
        assert tab.chat.outcome == "idle" and tab.chat.conversation.turns == 2

    asyncio.run(two_messages())
    alone = Tabs(faulty(qwen2_vl, place))
    fresh = Tab("1" * 32, alone.backend)
    asyncio.run(answered(alone, fresh, talk))
    assert tab.chat.conversation.messages[-1].text == fresh.chat.conversation.messages[-1].text


def test_other_people_do_not_notice_somebodys_fault(
    qwen2_vl: LocalBackend, talk: Conversation
) -> None:
    tabs = Tabs(faulty(qwen2_vl, "prefill", KeyError("a bug")))
    unlucky, other = (Tab(key * 32, tabs.backend) for key in "01")

    async def both() -> None:
        await asyncio.gather(answered(tabs, unlucky, talk), answered(tabs, other, talk))

    asyncio.run(both())
    assert sorted((unlucky.chat.outcome, other.chat.outcome)) == ["error", "idle"]


def test_a_deleted_file_is_named_and_attaching_it_again_heals_the_conversation(
    qwen2_vl: LocalBackend, talk: Conversation
) -> None:
    tabs = Tabs(qwen2_vl)
    tab = Tab("0" * 32, tabs.backend)
    (picture,) = talk.media
    assert isinstance(picture, Image)
    path = Path(str(picture.path))
    content = path.read_bytes()
    later = Text("And now?")

    async def three_messages() -> None:
        await answered(tabs, tab, talk)
        stands = tab.chat.conversation
        path.unlink()
        await answered(tabs, tab, stands.with_user_turn(later))
        assert tab.chat.notice == "Picture 1 (a.png) is gone from the server; attach it again."
        assert (tab.chat.conversation, tab.draft.returned) == (stands, "And now?")
        path.write_bytes(content)  # Gradio stores the same content in the same place
        await answered(tabs, tab, stands.with_user_turn(later))
        assert (tab.chat.outcome, tab.chat.conversation.turns) == ("idle", 3)

    asyncio.run(three_messages())
