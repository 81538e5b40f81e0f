"""The times that Qwen3-VL's processor writes between the frames of a video."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from model.prompt.chat_template import Segment
from model.prompt.visual_item import VisualItem


def with_frame_times(
    segments: Sequence[Segment], items: Sequence[VisualItem], processor: Any
) -> Iterator[Segment]:
    """Yield the segments with a pad token for each step of a video, after the time of the step.

    As `Qwen3VLProcessor.replace_video_token` of transformers: it keeps the start and end token around the video.
    """
    start, end = processor.vision_start_token, processor.vision_end_token
    step = start + processor.video_token + end
    videos = (item for item in items if item.kind == "video")
    for segment in segments:
        if segment.source != "template":
            yield segment
            continue
        first, *rest = segment.text.split(processor.video_token)
        for text in rest:
            first += "".join(f"<{at:.1f} seconds>{step}" for at in next(videos).step_times) + text
        yield replace(segment, text=first)
