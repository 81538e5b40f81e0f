"""Clips: unusual, damaged, lying about themselves, or made to cost much."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

import av
import numpy as np

from tests.support import media_files
from tests.support.hostile_files.case import WIDE, Case, Make, plays, refused, written
from tests.support.media_files import corners, numbered_frame, truncated


def clip(frames: Any = 10, **options: Any) -> Make:
    return lambda path: media_files.clip(path, frames, **options)


def unusual() -> Iterator[Case]:
    yield plays("one-frame.mp4", clip(1), 0, 0)
    yield plays("two-frames.mp4", clip(2, fps=2), 0, 1)
    yield plays("odd.webm", clip(codec="vp9", size=(75, 49)), 0, 5, size=(75, 49))
    yield plays("tiny.mp4", clip(size=(16, 16)), 0, 5, size=(16, 16))
    yield plays("variable.mp4", clip(4, times=(0.0, 0.4, 0.6, 1.6)), 0, 1, 2, 3)
    yield plays("slow.mkv", clip(3, fps=0.5), 0, 1, 2, 2)
    yield plays("fast.mp4", clip(100, fps=100), 0, 50)
    yield plays("sounding.mp4", clip(sound=True), 0, 5)
    yield plays("stream.ts", clip(), 0, 5)
    yield plays("streaming.mp4", clip(header_first=True), 0, 5)
    yield plays("hevc.mp4", clip(codec="hevc"), 0, 5)
    yield plays("old.flv", clip(), 0, 5)
    yield plays("windows.wmv", clip(codec="wmv2"), 0, 5)
    yield plays("dvd.mp4", clip(size=(64, 48), pixel_aspect=Fraction(4, 3)), 0, 5, size=(85, 48))
    large = [np.full((4320, 7680, 3), 90, np.uint8)] * 2
    yield Case("8k.mp4", clip(large), "video", (7680, 4320))
    larger = [np.full((6000, 8000, 3), 90, np.uint8)]
    yield refused("48-megapixels.avi", clip(larger, codec="mpeg4"), "at most 8K can be read")
    yield Case("growing.ts", growing, "video", (64, 48), numbers=(0, 5, 0, 5))
    sliver = [np.zeros((16, 3600, 3), np.uint8)] * 2
    yield refused("sliver.mp4", clip(sliver), "so crop it and attach it again", "pricing")


def growing(path: Path) -> None:
    """Frames become larger on the way."""
    first = media_files.clip(path.with_name("first.ts"), 10).read_bytes()
    later = [1.2 + i / 10 for i in range(10)]  # of which the container takes 0.2 s
    second = media_files.clip(path.with_name("second.ts"), 10, size=(128, 96), times=later)
    path.write_bytes(first + second.read_bytes())


def turned() -> Iterator[Case]:
    stored = [np.asarray(corners())] * 2
    for degrees in (90, 180, 270):
        turned = corners().rotate(-degrees, expand=True)
        frames = [np.asarray(turned)] * 2
        yield Case(f"held-{degrees}.mp4", clip(frames, degrees=degrees), "video", WIDE, True)
    yield Case("upright.mov", clip(stored), "video", WIDE, True)


def lying() -> Iterator[Case]:
    """Their headers say something else than what is there."""
    yield plays("long-header.mp4", partial(_with_header_duration, seconds=10_800), 0, 5)
    yield plays("endless-header.mp4", partial(_with_header_duration, seconds=4_000_000), 0, 5)
    yield plays("endless-header.mkv", _endless_mkv, 0, 5)
    hours = clip(2, times=(0.0, 10_799.0))
    yield refused(
        "three-hours.mp4",
        hours,
        "hours.mp4 is 2:59:59 long, and at most 1:00:00 can be read; choose a part",
        "pricing",
    )


def _with_header_duration(path: Path, seconds: int) -> None:
    content = bytearray(media_files.clip(path, 10).read_bytes())
    header = content.index(b"mvhd")
    (scale,) = struct.unpack(">I", content[header + 16 : header + 20])
    content[header + 20 : header + 24] = struct.pack(">I", seconds * scale & 0xFFFFFFFF)
    path.write_bytes(content)


def _endless_mkv(path: Path) -> None:
    content = bytearray(media_files.clip(path, 10).read_bytes())
    duration = content.index(b"\x44\x89\x88") + 3
    content[duration : duration + 8] = struct.pack(">d", 1e15)
    path.write_bytes(content)


def damaged() -> Iterator[Case]:
    yield refused("cut.mp4", lambda path: truncated(media_files.clip(path, 10)), "is damaged")
    cut = partial(_cut_clip, share=0.7)
    yield Case("cut.mkv", cut, "video", (64, 48))
    yield Case("blot.mp4", _blotted_clip, "video", (64, 48))
    yield refused("wiped.mp4", _wiped, "has no frame that can be decoded; convert it")
    yield refused("noframes.mp4", _without_samples, "has no pictures in it; attach a video")
    yield refused("empty.mp4", written(b""), "is an empty file")
    yield refused("junk.mp4", written(bytes(range(256)) * 64), "is damaged or not a video")
    yield refused("only-ftyp.mp4", written(b"\0\0\0\x18ftypisom\0\0\0\0isommp42"), "is damaged")
    yield refused("paper.mp4", written(b"%PDF-1.7\n%%EOF"), "is a damaged PDF document")
    undecodable = partial(_replaced, codec="h264", old=b"avc1", new=b"zzzz")
    yield refused("unknown-codec.mp4", undecodable, "convert it to MP4 (H.264)")


def _cut_clip(path: Path, share: float) -> None:
    truncated(media_files.clip(path, 60, codec="mpeg4", keyframe_every=5), share)


def _blotted_clip(path: Path) -> None:
    content = bytearray(media_files.clip(path, 40, codec="mpeg4", keyframe_every=5).read_bytes())
    start = content.index(b"mdat") + 500
    content[start : start + 200] = bytes(200)
    path.write_bytes(content)


def _wiped(path: Path) -> None:
    content = media_files.clip(path, 5).read_bytes()
    start = content.index(b"mdat") + 4
    size = int.from_bytes(content[start - 8 : start - 4]) - 8
    path.write_bytes(content[:start] + bytes(size) + content[start + size :])


def _without_samples(path: Path) -> None:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=10)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        container.start_encoding()


def _replaced(path: Path, codec: str, old: bytes, new: bytes) -> None:
    content = media_files.clip(path, 5, codec=codec).read_bytes()
    path.write_bytes(content.replace(old, new))


def without_pictures() -> Iterator[Case]:
    said = "has only sound in it; attach a video, or a picture"
    yield refused("sound.m4a", media_files.sound_only, said)
    yield refused("sound.mp4", media_files.sound_only, said)
    yield refused("sound.mkv", media_files.sound_only, said)
    yield refused("covered.mp4", _covered, said)
    yield refused("subtitles.mkv", _subtitles_only, "has no pictures in it; attach a video")
    yield refused("subtitles.srt", written(b"1\n00:00:00,000 --> 00:00:01,000\nHi\n"), "attach")


def _covered(path: Path) -> None:
    """A song with its cover, which is a track of one picture."""
    with av.open(str(path), "w") as container:
        sound = container.add_stream("aac", rate=48000)
        cover = container.add_stream("mjpeg", rate=1)
        assert isinstance(cover, av.VideoStream)
        cover.width, cover.height, cover.pix_fmt = 64, 48, "yuvj420p"
        cover.disposition = av.stream.Disposition.attached_pic
        frame = av.VideoFrame.from_ndarray(numbered_frame(0), format="rgb24")
        container.mux([*cover.encode(frame), *cover.encode()])
        silence = av.AudioFrame.from_ndarray(np.zeros((2, 1024), np.float32), "fltp", "stereo")
        silence.sample_rate = 48000
        container.mux([*sound.encode(silence), *sound.encode()])


def _subtitles_only(path: Path) -> None:
    content = media_files.sound_only(path).read_bytes()
    # Matroska's TrackType: 2 is sound, 17 subtitles.
    path.write_bytes(content.replace(b"\x83\x81\x02", b"\x83\x81\x11").replace(b"A_AAC", b"S_AAC"))


def bombs() -> Iterator[Case]:
    yield refused("samples.mp4", sample_bomb, "samples.mp4 ")
    yield refused("nested.mp4", written(_nested(20_000)), "is damaged or not a video")
    yield refused("crowded.mkv", crowded, "has no frame that can be decoded; convert it")
    yield Case("twitching.mp4", clip(3000, fps=1000, size=(16, 16)), "video", (16, 16))


def sample_bomb(path: Path, samples: int = 170_000_000) -> None:
    """Two kilobytes that declare so many frames of a byte each, which an index would hold one by one."""
    content = bytearray(media_files.clip(path, 2).read_bytes())
    sizes, chunks, times = (content.index(kind) for kind in (b"stsz", b"stsc", b"stts"))
    content[sizes + 8 : sizes + 16] = struct.pack(">II", 1, samples)
    content[chunks + 12 : chunks + 24] = struct.pack(">III", 1, samples, 1)
    content[times + 12 : times + 16] = struct.pack(">I", samples)
    path.write_bytes(content)


def _nested(depth: int) -> bytes:
    boxes = (struct.pack(">I", 8 * (depth - i)) + b"moov" for i in range(depth))
    return b"\0\0\0\x18ftypisom\0\0\0\0isommp42" + b"".join(boxes)


def crowded(path: Path, packets: int = 300_000) -> None:
    """A clip with very many packets that hold nothing."""
    content = media_files.clip(path, 2, codec="vp9").read_bytes()
    block = b"\xa3\x85\x81\0\0\x80\0"
    cluster = content.index(b"\x1f\x43\xb6\x75")
    body = b"\xe7\x81\0" + block * packets
    size = struct.pack(">Q", len(body) | 1 << 56)
    path.write_bytes(content[:cluster] + b"\x1f\x43\xb6\x75" + size + body)
