"""An answer that is stopped at its first words, and the conversation that goes on from there."""

from __future__ import annotations

from model.backend import Cancel, Delta, Usage, collected
from model.conversation import Conversation, Image, Text
from model.local import LocalBackend
from model.settings import GenerationSettings


def usage_after_a_stop(
    backend: LocalBackend, picture: Image, settings: GenerationSettings
) -> Usage:
    """What the answer to the next question cost."""
    talk, cancel, heard = Conversation().with_user_turn(picture, Text("What?")), Cancel(), ""
    for event in backend.stream(talk, settings, cancel, session="b"):
        if isinstance(event, Delta):
            heard += event.text
            cancel.set()
    follow_up = talk.with_reply(heard).with_user_turn(Text("Go on"))
    return collected(backend.stream(follow_up, settings, Cancel(), session="b"))[1]
