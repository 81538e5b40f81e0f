"""What the model will see of a picture or clip, and when it is the same as before."""

from __future__ import annotations

from pathlib import Path

from model.conversation import Conversation, Video
from model.families import Geometry
from model.settings import VisionSettings
from model.visual_item import VisualItem, plan
from tests import media_files


def clip_of(*pictures: Path, fps: float, end_s: float) -> VisualItem:
    sampled = VisionSettings(video_fps=1, video_end_s=end_s)
    talk = Conversation().with_user_turn(Video(frames=pictures, fps=fps, vision=sampled))
    (item,) = plan(talk, Geometry())
    return item


def test_the_same_pictures_at_another_rate_are_another_clip(tmp_path: Path) -> None:
    pictures = [media_files.photo(tmp_path / f"{n}.png", (56, 56), seed=n) for n in range(4)]
    slow, fast = clip_of(*pictures, fps=1, end_s=2), clip_of(*pictures, fps=2, end_s=2)
    assert slow.times == fast.times, "the moments alone do not tell them apart"
    assert slow.identity() != fast.identity()
    assert slow.identity() == clip_of(*pictures, fps=1, end_s=2).identity()
