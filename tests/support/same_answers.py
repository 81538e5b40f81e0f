"""Whether a backend that decodes in another way says what one says that decodes as usual."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

from model.backend import Cancel, collected
from model.conversation import Conversation, Image, Text, Video
from model.local import LocalBackend
from model.settings import GenerationSettings


def assert_a_conversation_goes_on_as_with(
    usual: LocalBackend,
    other: LocalBackend,
    picture: Image,
    clip: Video,
    settings: GenerationSettings,
    while_it_answers: Callable[[], AbstractContextManager[object]] = nullcontext,
) -> None:
    """Three turns with a picture and a clip: the same words, and as much of the prompt reused.

    while_it_answers: gives what surrounds each answer of `other`.
    """
    talk = Conversation()
    for parts in ((picture, Text("What?")), (Text("And?"),), (clip, Text("Now?"))):
        talk = talk.with_user_turn(*parts)
        with while_it_answers():
            said, usage = collected(other.stream(talk, settings, Cancel(), session="other"))
        expected, wanted = collected(usual.stream(talk, settings, Cancel(), session="usual"))
        assert said == expected
        assert usage.reused_tokens == wanted.reused_tokens
        talk = talk.with_reply(said)
    other.forget("other")
    usual.forget("usual")


def assert_a_long_answer_is_as_with(
    usual: LocalBackend, other: LocalBackend, picture: Image
) -> None:
    """One of 520 tokens, longer than any static cache in these tests."""
    long = GenerationSettings(max_new_tokens=520, repetition_penalty=1.3)
    talk = Conversation().with_user_turn(picture, Text("What?"))
    said, expected = (collected(b.stream(talk, long, Cancel()))[0] for b in (other, usual))
    assert said == expected
