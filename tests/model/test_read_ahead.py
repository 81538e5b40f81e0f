"""What stands before the question is read before it is asked; whoever asks comes first."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
import torch

from model.backend import Cancel, CancelWhen, Progress, Usage, collected
from model.conversation import Conversation, Image, Message, Text, Video
from model.engine.vision_encoder import VisionEncoder, pixels_nbytes, prepare_pixels
from model.local import LocalBackend
from model.prompt.visual_item import VisualItem
from model.serving.prepared_media import PreparedMedia
from model.serving.read_ahead import ReadAheadRegistry, with_question
from model.settings import GenerationSettings
from tests.support import media_files
from tests.support.media_files import SMALL
from tests.support.patience import PATIENCE_S, wait_until
from tests.support.slow_media import Slow

SHORT = GenerationSettings(max_new_tokens=6)


def answered(
    backend: LocalBackend,
    talk: Conversation,
    session: str,
    settings: GenerationSettings = SHORT,
) -> tuple[str, Usage]:
    return collected(backend.stream(talk, settings, Cancel(), session=session))


@pytest.mark.parametrize("question", ["What is this?", "\nTwo\n\nlines", "0", "01", ""])
def test_only_the_question_is_left_to_read(
    qwen2_vl: LocalBackend, picture: Image, clip: Video, question: str
) -> None:
    draft = Conversation().with_user_turn(picture, clip)
    talk = Conversation().with_user_turn(picture, clip, Text(question))
    qwen2_vl.forget("ahead")
    assert qwen2_vl.read_ahead(draft, SHORT, session="ahead")
    said, usage = answered(qwen2_vl, talk, "ahead")
    assert (usage.vision_encodes, usage.decoded_frames) == (0, 0)
    assert usage.reused_tokens > usage.visual_tokens
    assert usage.prefilled_tokens <= len(question) + 8
    assert said == answered(qwen2_vl, talk, "")[0]


def test_a_later_message_is_read_behind_the_conversation(
    qwen2_vl: LocalBackend, picture: Image, clip: Video
) -> None:
    talk = Conversation().with_user_turn(clip, Text("What?"))
    said, _ = answered(qwen2_vl, talk, "later")
    talk = talk.with_reply(said)
    assert qwen2_vl.read_ahead(talk.with_user_turn(picture), SHORT, session="later")
    _, usage = answered(qwen2_vl, talk.with_user_turn(picture, Text("And this?")), "later")
    assert (usage.vision_encodes, usage.decoded_frames) == (0, 0)
    assert usage.prefilled_tokens < 20


def test_another_picture_of_the_same_size_is_read_anew(
    qwen2_vl: LocalBackend, picture: Image, tmp_path: Path
) -> None:
    other = Image(media_files.photo(tmp_path / "b.png", (224, 224), seed=5), SMALL)
    assert qwen2_vl.read_ahead(Conversation().with_user_turn(picture), SHORT, session="swap")
    _, usage = answered(qwen2_vl, Conversation().with_user_turn(other, Text("What?")), "swap")
    assert usage.vision_encodes == 1
    assert usage.prefilled_tokens > usage.visual_tokens


def test_changed_settings_are_read_with(qwen2_vl: LocalBackend, picture: Image) -> None:
    numbered = GenerationSettings(max_new_tokens=6, vision_ids=True)
    draft = Conversation().with_user_turn(picture)
    for settings in (SHORT, numbered):
        assert qwen2_vl.read_ahead(draft, settings, session="moved")
    talk = Conversation().with_user_turn(picture, Text("What?"))
    _, usage = answered(qwen2_vl, talk, "moved", numbered)
    assert usage.vision_encodes == 0 and usage.prefilled_tokens < 12


def test_without_a_session_nothing_is_read(qwen2_vl: LocalBackend, picture: Image) -> None:
    assert not qwen2_vl.read_ahead(Conversation().with_user_turn(picture), SHORT, session="")


class SlowEncoder(VisionEncoder):
    """Encodes when it is told to, and notes what it was given."""

    def __init__(self, backend: LocalBackend) -> None:
        super().__init__(backend.model, backend.processor)
        self.begun, self.told = threading.Event(), threading.Event()
        self.given: list[str] = []

    def encode(
        self, item: VisualItem, frames: torch.Tensor, cancel: Cancel, done: list[torch.Tensor]
    ) -> torch.Tensor | None:
        self.given.append(item.label)
        self.begun.set()
        while not self.told.wait(0.005):
            if cancel.is_set():
                return None
        return super().encode(item, frames, cancel, done)


@pytest.fixture
def slow(qwen2_vl: LocalBackend) -> LocalBackend:
    backend = LocalBackend(qwen2_vl.model, qwen2_vl.processor, cache_bytes=2**28)
    backend.engine.vision_encoder = SlowEncoder(backend)
    return backend


class Reading(threading.Thread):
    """A draft that is being read, and what came of it."""

    def __init__(self, backend: LocalBackend, draft: Conversation, session: str) -> None:
        super().__init__(daemon=True)
        self._asked = (backend, draft, session)
        self.read: bool | None = None
        self.start()

    def run(self) -> None:
        backend, draft, session = self._asked
        self.read = backend.read_ahead(draft, SHORT, session=session)


def test_somebody_who_asks_does_not_wait_for_it(slow: LocalBackend, picture: Image) -> None:
    encoder = slow.engine.vision_encoder
    assert isinstance(encoder, SlowEncoder)
    reading = Reading(slow, Conversation().with_user_turn(picture), "mine")
    assert encoder.begun.wait(PATIENCE_S)
    events = list(slow.stream(Conversation().with_user_turn(Text("Hi")), SHORT, Cancel()))
    assert not [e for e in events if isinstance(e, Progress) and e.stage == "queued" and e.total]
    encoder.told.set()
    reading.join(PATIENCE_S)
    assert reading.read, "what was interrupted goes on when nobody waits any more"
    assert len(encoder.given) == 2


def test_on_a_busy_page_a_clip_is_decoded_once_and_encoded_from_where_it_was_interrupted(
    qwen2_vl: LocalBackend, clip: Video, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "model.engine.vision_encoder.SLICE_TOKENS", 1
    )  # a slice is two of the four frames
    backend = LocalBackend(qwen2_vl.model, qwen2_vl.processor, cache_bytes=2**28)
    decoders = Slow()
    decoders.told.set()
    backend._runner.media = PreparedMedia(decoders.around(prepare_pixels), pixels_nbytes, 2**28)
    slices, somebody = list[object](), list[threading.Thread]()

    def comes_in(*slice_of: object) -> None:
        slices.append(slice_of)
        if len(slices) == 2:
            hello = Conversation().with_user_turn(Text("Hi"))
            somebody.append(threading.Thread(target=answered, args=(backend, hello, "yours")))
            somebody[0].start()
            wait_until(lambda: len(backend._runner.lock._tickets) == 2)

    hook = backend.model.model.visual.blocks[0].register_forward_hook(comes_in)
    try:
        draft = Conversation().with_user_turn(clip)
        assert backend.read_ahead(draft, SHORT, session="mine")
    finally:
        hook.remove()
    somebody[0].join(PATIENCE_S)
    assert len(slices) == 3, "the first slice, and the second one twice"
    assert decoders.given == ["Video 1"]
    talk = Conversation().with_user_turn(clip, Text("What?"))
    said, usage = answered(backend, talk, "mine")
    assert (usage.vision_encodes, usage.decoded_frames) == (0, 0)
    assert said == answered(qwen2_vl, talk, "")[0]


def test_what_was_decoded_ahead_is_used_though_the_model_had_no_time_for_it(
    qwen2_vl: LocalBackend, clip: Video
) -> None:
    backend = LocalBackend(qwen2_vl.model, qwen2_vl.processor, cache_bytes=2**28)
    draft = Conversation().with_user_turn(clip)
    with backend._runner.lock.acquire(Cancel(), lambda _: None):
        reading = Reading(backend, draft, "mine")
        wait_until(lambda: any(piece.over for piece in backend._runner.media._pieces.values()))
        sending = backend.stream(draft, SHORT, Cancel(), session="mine")
        assert next(sending) == Progress("queued", 0, 1)
        reading.join(PATIENCE_S)
    _, usage = collected(sending)
    assert reading.read is False
    assert (usage.vision_encodes, usage.decoded_frames) == (1, 0)


def test_what_had_to_make_room_before_the_model_had_time_is_not_decoded_again_and_again(
    qwen2_vl: LocalBackend, clip: Video
) -> None:
    backend = LocalBackend(qwen2_vl.model, qwen2_vl.processor, cache_bytes=2**28)
    with backend._runner.lock.acquire(Cancel(), lambda _: None):
        reading = Reading(backend, Conversation().with_user_turn(clip), "mine")
        wait_until(
            lambda: [p.users for p in backend._runner.media._pieces.values() if p.over] == [0]
        )
        backend._runner.media.clear()
    reading.join(PATIENCE_S)
    assert reading.read is False and backend._runner.media.nbytes == 0


def test_another_draft_ends_the_one_before(
    slow: LocalBackend, picture: Image, tmp_path: Path
) -> None:
    encoder = slow.engine.vision_encoder
    assert isinstance(encoder, SlowEncoder)
    reading = Reading(slow, Conversation().with_user_turn(picture), "mine")
    assert encoder.begun.wait(PATIENCE_S)
    other = Image(media_files.photo(tmp_path / "b.png", (112, 112)), SMALL)
    later = Reading(slow, Conversation().with_user_turn(other), "mine")
    reading.join(PATIENCE_S)
    assert reading.read is False
    encoder.told.set()
    later.join(PATIENCE_S)
    assert later.read is True


def test_a_closed_tab_ends_it(slow: LocalBackend, picture: Image) -> None:
    encoder = slow.engine.vision_encoder
    assert isinstance(encoder, SlowEncoder)
    reading = Reading(slow, Conversation().with_user_turn(picture), "mine")
    assert encoder.begun.wait(PATIENCE_S)
    slow.forget("mine")
    reading.join(PATIENCE_S)
    assert reading.read is False


def test_an_answer_of_the_same_session_makes_it_pointless(
    slow: LocalBackend, picture: Image
) -> None:
    encoder = slow.engine.vision_encoder
    assert isinstance(encoder, SlowEncoder)
    reading = Reading(slow, Conversation().with_user_turn(picture), "mine")
    assert encoder.begun.wait(PATIENCE_S)
    talk = Conversation().with_user_turn(picture, Text("What?"))
    answering = threading.Thread(target=answered, args=(slow, talk, "mine"))
    answering.start()
    reading.join(PATIENCE_S)
    assert reading.read is False
    encoder.told.set()
    answering.join(PATIENCE_S)
    assert len(encoder.given) == 2


def test_only_the_latest_draft_counts() -> None:
    registry = ReadAheadRegistry()
    first, other = registry.begin("a"), registry.begin("b")
    second = registry.begin("a")
    assert (first.is_set(), second.is_set(), other.is_set()) == (True, False, False)
    registry.end("a", first)
    assert not second.is_set()
    registry.end("a")
    assert second.is_set() and not other.is_set()


def test_either_flag_stops() -> None:
    for number in (0, 1):
        flags = (Cancel(), Cancel())
        either = CancelWhen(*(flag.is_set for flag in flags))
        assert not either.is_set()
        flags[number].set()
        assert either.is_set()


def test_a_draft_keeps_its_media_and_loses_its_question(picture: Image) -> None:
    asked = Conversation().with_user_turn(picture, Text("Hm"))
    assert with_question(asked, "0").messages == (Message("user", (picture, Text("0"))),)
    said = asked.with_reply("Yes")
    assert with_question(said, "0").messages[-1] == Message("user", (Text("0"),))
    assert with_question(said, "0").turns == 2
