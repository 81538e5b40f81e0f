from __future__ import annotations

import gc
import os
from fractions import Fraction
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from av.codec import Codec, codecs_available
from av.video.frame import VideoFrame
from PIL import Image, ImageColor

from model.backend import Cancel
from model.conversation import Video
from model.errors import MediaError
from model.media import container
from model.media.container import TimeBudget
from model.media.sampling import VideoInfo, sample_times
from model.media.video import first_frame, frames, probe, sources
from model.settings import VisionSettings
from tests.support.hostile_files import advisories
from tests.support.media_files import (
    CORNERS,
    broken_clip,
    clip,
    corners,
    number_of,
    numbered_frame,
    photo,
    solid,
    sound_only,
    truncated,
)


def a_clip(duration_s: float, fps: float = 30.0) -> VideoInfo:
    return VideoInfo("a.mp4", duration_s, (640, 480), fps, max(1, round(duration_s * fps)), "h264")


def seen(video: Video, times: tuple[float, ...]) -> list[tuple[float, int]]:
    """(true time, frame number) of each frame, for clips of numbered frames."""
    return [(round(at, 3), number_of(frame)) for at, frame in frames(video, times)]


# What a clip is


@pytest.mark.parametrize(
    "codec, suffix",
    [
        ("h264", ".mp4"),
        ("h264", ".mov"),
        ("h264", ".mkv"),
        ("h264", ".avi"),
        ("hevc", ".mp4"),
        ("vp9", ".webm"),
        ("av1", ".mkv"),
        ("mpeg4", ".avi"),
        ("h264", ".flv"),
        ("wmv2", ".wmv"),
    ],
)
def test_every_codec_and_container_gives_the_right_frames(
    tmp_path: Path, codec: str, suffix: str
) -> None:
    video = Video(clip(tmp_path / f"a{suffix}", 20, fps=10, codec=codec, size=(96, 64)))
    facts = probe(video)
    assert (facts.size, facts.fps, facts.frames, facts.codec) == ((96, 64), 10, 20, codec)
    assert facts.duration_s == pytest.approx(2.0, abs=0.01)
    assert seen(video, (0.0, 0.5, 1.0, 1.9)) == [(0.0, 0), (0.5, 5), (1.0, 10), (1.9, 19)]
    assert seen(video, (1.5, 1.6)) == [(1.5, 15), (1.6, 16)]  # by seeking


@pytest.mark.parametrize("keyframe_every", [7, 40, 500])
@pytest.mark.parametrize(
    "codec, suffix",
    [("h264", ".mp4"), ("h264", ".mkv"), ("hevc", ".mp4"), ("vp9", ".webm"), ("mpeg4", ".mp4")],
)
@pytest.mark.slow
def test_few_of_many_frames_are_the_same_as_in_a_full_pass(
    tmp_path: Path, codec: str, suffix: str, keyframe_every: int
) -> None:
    path = clip(
        tmp_path / f"a{suffix}",
        120,
        fps=10,
        codec=codec,
        size=(96, 64),
        keyframe_every=keyframe_every,
    )
    video = Video(path)
    full = dict(frames(video, tuple(k / 10 for k in range(120))))
    for times in ((0.0, 4.0, 8.0, 11.9), (0.35, 3.0, 3.1, 10.27), (2.0, 11.0), (0.7, 6.66, 50.0)):
        sparse = list(frames(video, times))
        assert [round(at, 1) for at, _ in sparse] == [
            min(11.9, int(t * 10 + 1e-6) / 10) for t in times
        ]
        for at, pixels in sparse:
            (same,) = (whole for moment, whole in full.items() if abs(moment - at) < 0.02)
            assert np.array_equal(pixels, same)


def test_sound_does_not_shift_the_frames(tmp_path: Path) -> None:
    video = Video(clip(tmp_path / "a.mp4", 20, sound=True))
    assert probe(video).duration_s == pytest.approx(2.0, abs=0.05)
    assert [number for _, number in seen(video, (0.05, 1.05))] == [0, 10]


def test_a_transport_stream_starts_at_zero(tmp_path: Path) -> None:
    video = Video(clip(tmp_path / "a.ts", 20))
    assert probe(video).duration_s == pytest.approx(2.0, abs=0.01)
    assert seen(video, (0.0, 1.5)) == [(0.0, 0), (1.5, 15)]


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
def test_a_clip_is_turned_as_a_player_turns_it(
    tmp_path: Path, degrees: int, mirrored: bool
) -> None:
    wanted = corners((64, 32)).rotate(degrees, expand=True)
    if mirrored:
        wanted = wanted.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    stored = [np.asarray(corners((64, 32)))] * 2
    video = Video(clip(tmp_path / "a.mp4", stored, degrees=degrees, mirrored=mirrored))
    frame = first_frame(video)
    assert probe(video).size == frame.size == wanted.size
    assert np.abs(np.asarray(frame, int) - np.asarray(wanted, int)).mean() < 12
    assert {ImageColor.getrgb(colour) for colour in CORNERS} == {
        wanted.getpixel((x, y)) for x in (2, wanted.width - 3) for y in (2, wanted.height - 3)
    }


@pytest.mark.parametrize(
    "pixel_aspect, degrees, size",
    [
        (Fraction(4, 3), 0, (192, 108)),
        (Fraction(1, 2), 0, (144, 216)),
        (Fraction(4, 3), 90, (108, 192)),
        (Fraction(1000, 1), 0, (144, 108)),  # no file of a camera
    ],
)
def test_pixels_that_are_not_square_are_shown_as_a_player_shows_them(
    tmp_path: Path, pixel_aspect: Fraction, degrees: int, size: tuple[int, int]
) -> None:
    path = clip(tmp_path / "a.mp4", 2, size=(144, 108), pixel_aspect=pixel_aspect, degrees=degrees)
    video = Video(path)
    assert first_frame(video).size == probe(video).size == size


@pytest.mark.parametrize("size, matrix", [((1280, 720), 1), ((640, 480), 5)])
def test_untagged_colours_are_those_that_a_browser_shows(
    tmp_path: Path, size: tuple[int, int], matrix: int
) -> None:
    red = np.full((size[1], size[0], 3), (220, 20, 20), np.uint8)
    frame = first_frame(Video(clip(tmp_path / "a.mp4", [red, red], colours=matrix)))
    assert np.abs(np.asarray(frame, int).mean((0, 1)) - (220, 20, 20)).max() < 5


def test_turned_frames_are_plain_arrays(tmp_path: Path) -> None:
    video = Video(clip(tmp_path / "a.mp4", 2, degrees=90))
    _, frame = next(frames(video, (0.0,)))
    assert frame.flags.c_contiguous and frame.flags.writeable
    assert frame.shape == (64, 48, 3)
    assert frame.dtype == np.uint8


def test_a_recording_without_a_duration_is_measured(tmp_path: Path) -> None:
    path = clip(tmp_path / "a.mkv", 20, codec="h264")
    content = path.read_bytes()
    duration = content.index(b"\x44\x89")  # Matroska's Duration element becomes a Void
    path.write_bytes(content[:duration] + b"\xec\x89" + content[duration + 2 :])
    assert probe(Video(path)).duration_s == pytest.approx(2.0, abs=0.11)


@pytest.mark.parametrize("suffix", [".mkv", ".mp4"])
def test_a_cut_off_clip_is_as_long_as_what_is_left(tmp_path: Path, suffix: str) -> None:
    path = clip(tmp_path / f"a{suffix}", 60, codec="mpeg4", keyframe_every=5, header_first=True)
    video = Video(truncated(path, 0.7))
    facts = probe(video)
    assert 1.0 < facts.duration_s < 5.0
    times = sample_times(facts, VisionSettings(video_fps=5))
    assert [at for at, _ in seen(video, times)] == pytest.approx(times, abs=0.11)


# Which moments


@pytest.mark.parametrize(
    "duration_s, settings, times",
    [
        (2.0, {}, (0.0, 0.5, 1.0, 1.5)),
        (2.0, {"video_fps": 1.0}, (0.0, 1.0)),
        (3.0, {"video_fps": 1.0}, (0.0, 1.0, 2.0, 2.0)),
        (0.2, {}, (0.0, 0.0)),
        (100.0, {"video_max_frames": 4}, (0.0, 25.0, 50.0, 75.0)),
        (10.0, {"video_fps": 1.0, "video_start_s": 7.0}, (7.0, 8.0, 9.0, 9.0)),
        (10.0, {"video_start_s": 3.0, "video_end_s": 4.0}, (3.0, 3.5)),
        (10.0, {"video_fps": 1.0, "video_start_s": 8.0, "video_end_s": 99.0}, (8.0, 9.0)),
    ],
)
def test_the_moments_of_a_clip(
    duration_s: float, settings: dict[str, float], times: tuple[float, ...]
) -> None:
    vision = VisionSettings(**settings)  # type: ignore[arg-type]
    assert sample_times(a_clip(duration_s), vision) == pytest.approx(times)


@pytest.mark.parametrize("duration_s", [0.04, 0.9, 7.3, 61.0, 1234.5])
@pytest.mark.parametrize("video_fps", [0.1, 1.0, 2.0, 29.97, 30.0])
@pytest.mark.parametrize("video_max_frames", [2, 64, 768])
def test_moments_are_even_ascending_capped_and_inside(
    duration_s: float, video_fps: float, video_max_frames: int
) -> None:
    vision = VisionSettings(video_fps=video_fps, video_max_frames=video_max_frames)
    times = sample_times(a_clip(duration_s), vision)
    assert len(times) % 2 == 0
    assert 2 <= len(times) <= video_max_frames
    assert list(times) == sorted(times)
    assert times[0] >= 0 and times[-1] < duration_s


def test_a_slow_clip_gives_each_frame_once(tmp_path: Path) -> None:
    video = Video(clip(tmp_path / "a.mp4", 5, fps=2))
    times = sample_times(probe(video), VisionSettings(video_fps=30))
    assert [number for _, number in seen(video, times)] == [0, 1, 2, 3, 4, 4]


def test_a_rounding_error_is_no_moment_more() -> None:
    assert 2.2 * 25 > 55
    times = sample_times(a_clip(2.2, 25.0), VisionSettings(video_fps=25))
    assert len(set(times)) == 55 and times[-1] < 2.2


def test_a_clip_of_one_frame_is_a_pair_of_it(tmp_path: Path) -> None:
    video = Video(clip(tmp_path / "a.mp4", 1))
    assert seen(video, sample_times(probe(video), VisionSettings())) == [(0.0, 0), (0.0, 0)]


def test_a_part_behind_the_end_is_refused_with_the_length() -> None:
    with pytest.raises(MediaError, match=r"a\.mp4 ends after 10\.0 s.*lower 'Start at'"):
        sample_times(a_clip(10), VisionSettings(video_start_s=10.0))


def test_too_long_a_clip_is_refused_with_both_lengths_and_a_part_of_it_is_not() -> None:
    with pytest.raises(MediaError, match=r"a\.mp4 is 14:00 long, and at most 10:00"):
        sample_times(a_clip(840), VisionSettings(), max_seconds=600)
    with pytest.raises(MediaError, match="is 3:00:00 long"):
        sample_times(a_clip(10800), VisionSettings(), max_seconds=600)
    part = VisionSettings(video_start_s=660.0, video_end_s=720.0)
    assert sample_times(a_clip(840), part, max_seconds=600)[0] == 660.0


# Which pixels


def test_with_a_variable_rate_the_frame_on_screen_counts(tmp_path: Path) -> None:
    shown = (0.0, 0.1, 1.0, 1.05, 3.0)
    video = Video(clip(tmp_path / "a.mp4", 5, times=shown))
    moments = (0.0, 0.5, 1.0, 1.02, 2.9, 3.0)
    on_screen = [(0.0, 0), (0.1, 1), (1.0, 2), (1.0, 2), (1.05, 3), (3.0, 4)]
    assert seen(video, moments) == on_screen


def test_there_are_as_many_frames_as_moments_even_if_the_clip_ends_early(tmp_path: Path) -> None:
    video = Video(clip(tmp_path / "a.mp4", 10))
    assert seen(video, (0.0, 0.9, 50.0, 60.0)) == [(0.0, 0), (0.9, 9), (0.9, 9), (0.9, 9)]


def test_broken_packets_in_the_middle_are_left_out(tmp_path: Path) -> None:
    video = Video(broken_clip(tmp_path / "a.mp4"))
    times = sample_times(probe(video), VisionSettings(video_fps=5))
    found = seen(video, times)
    assert len(found) == len(times)
    assert found[0] == (0.0, 0) and found[-1][1] > 30


def test_a_cancelled_pass_just_ends(tmp_path: Path) -> None:
    video, cancel = Video(clip(tmp_path / "a.mp4", 20)), Cancel()
    passing = frames(video, (0.0, 0.5, 1.0, 1.5), cancel=cancel)
    next(passing)
    cancel.set()
    assert list(passing) == []


def test_a_pass_cancelled_before_it_begins_gives_nothing(tmp_path: Path) -> None:
    cancel = Cancel()
    cancel.set()
    assert list(frames(Video(clip(tmp_path / "a.mp4")), (0.0, 0.5), cancel=cancel)) == []
    pictures = Video(frames=(solid(tmp_path / "a.png"),), fps=1.0)
    assert list(frames(pictures, (0.0, 0.0), cancel=cancel)) == []


def test_progress_tells_where_in_the_clip_reading_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("model.media.video.PROGRESS_INTERVAL_S", 0.0)
    told: list[tuple[float, float]] = []
    video = Video(clip(tmp_path / "a.mp4", 20))
    list(frames(video, (1.5, 1.75), progress=lambda at, end: told.append((at, end))))
    assert told
    assert all(0 <= at <= end == 1.75 for at, end in told)
    assert told[-1] == (1.75, 1.75), "the frame behind the last moment ends it"


def test_the_time_that_frames_are_looked_at_does_not_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    monkeypatch.setattr(container, "TimeBudget", partial(TimeBudget, clock=lambda: now[0]))
    for _ in frames(Video(clip(tmp_path / "a.mp4", 60)), (0.0, 2.0, 4.0, 5.9)):
        now[0] += container.DECODE_TIMEOUT_S + 1


@pytest.mark.skipif(not hasattr(os, "sched_getscheduler"), reason="priorities are Linux's")
def test_a_clip_made_with_av1_leaves_the_tests_at_their_usual_priority(tmp_path: Path) -> None:
    clip(tmp_path / "a.mkv", 2, codec="av1")
    assert os.sched_getscheduler(0) == os.SCHED_OTHER


@pytest.mark.slow
def test_a_frame_that_has_been_read_is_let_go_at_once(tmp_path: Path) -> None:
    video = Video(clip(tmp_path / "a.mp4", 60, fps=10))
    held = []
    gc.collect()
    gc.disable()  # frames in cycles would stay, as they do between two collections
    gc.freeze()  # what there is already is not looked through
    try:
        for _ in frames(video, tuple(k / 10 for k in range(60))):
            held.append(sum(type(thing) is VideoFrame for thing in gc.get_objects()))
    finally:
        gc.unfreeze()
        gc.enable()
    assert 1 <= max(held) < 10


# Pictures as a clip


def test_pictures_with_a_rate_go_the_same_way(tmp_path: Path) -> None:
    paths = []
    for i in range(7):
        paths.append(tmp_path / f"{i}.png")
        Image.fromarray(numbered_frame(i)).save(paths[-1])
    video = Video(frames=tuple(paths), fps=2.0)
    facts = probe(video)
    assert facts == VideoInfo("The clip", 3.5, (64, 48), 2.0, 7, "images")
    all_of_them = sample_times(facts, VisionSettings(video_fps=30))
    assert [number for _, number in seen(video, all_of_them)] == [0, 1, 2, 3, 4, 5, 6, 6]
    slow = sample_times(facts, VisionSettings(video_fps=1.0, video_start_s=1.0))
    assert seen(video, slow) == [(1.0, 2), (2.0, 4), (3.0, 6), (3.0, 6)]
    assert sources(video) == tuple(map(str, paths))


@pytest.mark.parametrize("fps", [0.3, 1.0, 29.97, 1000.0])
def test_every_picture_is_found_at_any_rate(tmp_path: Path, fps: float) -> None:
    paths = []
    for i in range(60):
        paths.append(tmp_path / f"{i}.png")
        Image.fromarray(numbered_frame(i, (16, 8))).save(paths[-1])
    found = seen(Video(frames=tuple(paths), fps=fps), tuple(i / fps for i in range(60)))
    assert [number for _, number in found] == list(range(60))


def test_pictures_of_different_sizes_are_no_clip(tmp_path: Path) -> None:
    paths = (solid(tmp_path / "a.png"), solid(tmp_path / "b.png", size=(28, 56)))
    with pytest.raises(MediaError, match=r"b\.png is 28x56 pixels.*56x56; make all frames one"):
        probe(Video(frames=paths, fps=1.0))


# What is no clip


def test_what_is_no_clip_is_named_with_the_remedy(tmp_path: Path) -> None:
    empty, text = tmp_path / "empty.mp4", tmp_path / "text.mp4"
    empty.write_bytes(b"")
    text.write_bytes(b"hello " * 1000)
    cases = {
        empty: "is an empty file",
        text: "is damaged or not a video; convert it to MP4",
        tmp_path / "gone.mp4": "cannot be read any more; attach it again",
        photo(tmp_path / "photo.png"): "not a video",
        sound_only(tmp_path / "sound.m4a"): "has only sound in it",
        sound_only(tmp_path / "cover.mp4", cover=True): "has only sound in it",
        truncated(clip(tmp_path / "cut.mp4"), 0.5): "is damaged",
    }
    for path, reason in cases.items():
        for read in (probe, first_frame):
            with pytest.raises(MediaError, match=f"^{path.name} {reason}|^{path.name} .*{reason}"):
                read(Video(path))


def test_a_clip_without_a_decodable_frame_is_refused(tmp_path: Path) -> None:
    path = clip(tmp_path / "a.mp4", 5)
    content = path.read_bytes()
    start = content.index(b"mdat") + 4
    size = int.from_bytes(content[start - 8 : start - 4], "big") - 8
    path.write_bytes(content[:start] + bytes(size) + content[start + size :])
    for read in (probe, first_frame):
        with pytest.raises(MediaError, match=r"a\.mp4 has no frame that can be decoded; convert"):
            read(Video(path))


def test_a_playlist_does_not_open_other_files(tmp_path: Path) -> None:
    """FFmpeg would read any file or address that a playlist dressed up as a clip mentions."""
    secret = clip(tmp_path / "secret.ts")
    listed = f"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:1,\n{secret}\n#EXT-X-ENDLIST\n"
    joined = f"ffconcat version 1.0\nfile '{secret}'\n"
    for name, content in (("a.mp4", listed), ("b.m3u8", listed), ("c.mkv", joined)):
        path = tmp_path / name
        path.write_text(content)
        with pytest.raises(MediaError, match="is damaged or not a video"):
            probe(Video(path))


def test_a_path_that_looks_like_a_protocol_is_only_a_path(tmp_path: Path) -> None:
    path = clip(tmp_path / "a.mp4")
    with pytest.raises(MediaError, match="cannot be read any more"):
        probe(Video(f"concat:{path}"))


def test_messages_call_the_clip_what_the_person_calls_it(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match=r"^birthday\.mov cannot"):
        probe(Video(tmp_path / "c0ffee.mp4", name="birthday.mov"))


@pytest.mark.parametrize("codec", ["magicyuv", "huffyuv", "snow"])
def test_a_codec_that_nobody_needs_is_refused_before_it_decodes_anything(
    tmp_path: Path, codec: str
) -> None:
    advisories.coded(codec)(path := tmp_path / "a.mkv" if codec == "snow" else tmp_path / "a.avi")
    with pytest.raises(
        MediaError, match=f"in the format {codec}, .*; convert it to MP4"
    ) as refusal:
        probe(Video(path))
    assert refusal.value.values["codec"] == codec


def test_no_sound_is_decoded() -> None:
    known = container.DECODERS & codecs_available
    assert len(known) > 20 and {Codec(name, "r").type for name in known} == {"video"}
