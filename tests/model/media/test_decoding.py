"""What has to be decoded for a few frames, and what can be jumped over."""

from __future__ import annotations

from model.media.decoding import DecodeRun, PacketIndex

INDEX = PacketIndex(stamps=tuple(range(0, 100, 2)), keyframes=(0, 30, 60, 90))


def test_the_frame_on_screen_is_the_last_one_shown() -> None:
    assert INDEX.stamps_at([0, 3.9, 4, 5, 1000]) == (0, 2, 4, 98)
    assert INDEX.stamps_at([-5]) == (0,)


def test_a_run_goes_on_until_a_keyframe_makes_a_jump_shorter() -> None:
    assert INDEX.runs([4, 20, 28]) == [DecodeRun(0, (4, 20, 28))]
    assert INDEX.runs([4, 32, 98]) == [
        DecodeRun(0, (4,)),
        DecodeRun(30, (32,)),
        DecodeRun(90, (98,)),
    ]
    assert INDEX.runs([30, 58, 60]) == [DecodeRun(30, (30, 58)), DecodeRun(60, (60,))]
