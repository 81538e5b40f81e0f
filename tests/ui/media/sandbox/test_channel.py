"""What a sandbox says is held to what it may say, whatever it says."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack

import numpy as np
import pytest

from ui.media.sandbox import channel
from ui.media.sandbox.channel import LENGTH, Blob, BrokenOffError, Message, receive, send


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Of the sandbox, and of the page."""
    with ExitStack() as opened:
        theirs, ours = socket.socketpair()
        yield opened.enter_context(theirs), opened.enter_context(ours)


def test_pixels_are_as_many_as_their_shape_says() -> None:
    assert Message({}, np.zeros(300, np.uint8)).pixels([5, 20]).shape == (5, 20, 3)


@pytest.mark.parametrize(
    ("shape", "nbytes"),
    [
        ([9, 10], 300),
        ([10, 11], 300),
        ([0, 5], 0),
        ([5, 0], 0),
        ([-10, -10], 300),
        ([100], 300),
        ([10, 10, 3], 300),
        (["10", 10], 300),
        ([10.0, 10], 300),
        (None, 300),
        ({"height": 10, "width": 10}, 300),
    ],
)
def test_pixels_of_another_shape_are_none(shape: object, nbytes: int) -> None:
    with pytest.raises(BrokenOffError):
        Message({}, np.zeros(nbytes, np.uint8)).pixels(shape)


def test_a_message_brings_what_was_sent(ends: tuple[socket.socket, socket.socket]) -> None:
    theirs, ours = ends
    send(theirs, {"frame": [1, 2]}, Blob.of(np.arange(6, dtype=np.uint8)))
    message = receive(ours)
    assert message.said == {"frame": [1, 2]}
    assert message.pixels([1, 2]).ravel().tolist() == list(range(6))


def test_a_message_that_says_that_it_is_too_long_is_not_waited_for(
    ends: tuple[socket.socket, socket.socket],
) -> None:
    theirs, ours = ends
    theirs.sendall(LENGTH.pack(channel.MAX_MESSAGE_BYTES + 1))
    theirs.shutdown(socket.SHUT_WR)
    with pytest.raises(BrokenOffError) as refused:
        receive(ours)
    assert refused.type is BrokenOffError, "it did not read on until the other side ended"


def test_more_memory_than_the_largest_picture_is_not_mapped(
    ends: tuple[socket.socket, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs, ours = ends
    monkeypatch.setattr(channel, "MAX_BLOB_BYTES", 100)
    for nbytes in (100, 101):
        send(theirs, {}, Blob.of(bytes(nbytes)))
    assert len(receive(ours).content()) == 100
    with pytest.raises(BrokenOffError):
        receive(ours)
