"""What the model will see of a picture or clip, and when it is the same as before."""

from __future__ import annotations

from pathlib import Path

import pytest

from model.conversation import Conversation, Text, Video
from model.families import Geometry
from model.prompt.visual_item import VisualItem, plan
from model.settings import VisionSettings
from tests.support import media_files

LONG = VisionSettings(video_fps=10, video_max_frames=768)


def clip_of(*pictures: Path, fps: float, end_s: float) -> VisualItem:
    sampled = VisionSettings(video_fps=1, video_end_s=end_s)
    talk = Conversation().with_user_turn(Video(frames=pictures, fps=fps, vision=sampled))
    (item,) = plan(talk, Geometry())
    return item


def test_the_same_pictures_at_another_rate_are_another_clip(tmp_path: Path) -> None:
    pictures = [media_files.photo(tmp_path / f"{n}.png", (56, 56), seed=n) for n in range(4)]
    slow, fast = clip_of(*pictures, fps=1, end_s=2), clip_of(*pictures, fps=2, end_s=2)
    assert slow.times == fast.times, "the moments alone do not tell them apart"
    assert slow.content_hash() != fast.content_hash()
    assert slow.content_hash() == clip_of(*pictures, fps=1, end_s=2).content_hash()


@pytest.mark.parametrize(
    "context, frames, tokens_each",
    [
        (0, 100, 16),  # nobody knows: as it was asked for
        (4096, 100, 16),
        (800, 74, 16),
        (200, 18, 16),
        (100, 16, 9),
        (60, 16, 4),
    ],
)
def test_a_clip_that_does_not_fit_has_fewer_frames_and_then_smaller_ones(
    tmp_path: Path, context: int, frames: int, tokens_each: int
) -> None:
    path = media_files.clip(tmp_path / "a.mp4", 100, size=(112, 112))
    talk = Conversation().with_user_turn(Video(path, LONG))
    (item,) = plan(talk, Geometry(), context_tokens=context)
    assert (len(item.times), item.tokens // item.grid[0]) == (frames, tokens_each)
    assert item.cost.fitted_from == (100 if frames < 100 else 0)
    assert not context or item.tokens <= context * 0.75


def test_a_fitted_clip_stays_the_same_in_later_turns(tmp_path: Path) -> None:
    path = media_files.clip(tmp_path / "a.mp4", 100, size=(112, 112))
    talk = Conversation().with_user_turn(Video(path, LONG))
    later = talk.with_reply("Yes.").with_user_turn(Text("And now?"))
    (first,) = plan(talk, Geometry(), context_tokens=800)
    (second,) = plan(later, Geometry(), context_tokens=800)
    assert first.content_hash() == second.content_hash()
