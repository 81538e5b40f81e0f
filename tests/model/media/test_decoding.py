"""What has to be decoded for a few frames, and what can be jumped over."""

from __future__ import annotations

from model.media.decoding import PacketIndex, Run

INDEX = PacketIndex(stamps=tuple(range(0, 100, 2)), keyframes=(0, 30, 60, 90))


def test_the_frame_on_screen_is_the_last_one_shown() -> None:
    assert INDEX.on_screen([0, 3.9, 4, 5, 1000]) == (0, 2, 4, 98)
    assert INDEX.on_screen([-5]) == (0,)


def test_a_run_goes_on_until_a_keyframe_makes_a_jump_shorter() -> None:
    assert INDEX.runs([4, 20, 28]) == [Run(0, (4, 20, 28))]
    assert INDEX.runs([4, 32, 98]) == [Run(0, (4,)), Run(30, (32,)), Run(90, (98,))]
    assert INDEX.runs([30, 58, 60]) == [Run(30, (30, 58)), Run(60, (60,))]
