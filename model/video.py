"""Clips from untrusted files: what they are, the moments the model sees, and their pixels.

Times are seconds from where a player starts. A clip is decoded in one streaming pass, so memory
never depends on its length. A list of pictures with a rate goes through the same functions.
"""

from __future__ import annotations

import math
import os
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

import av
import numpy as np
import numpy.typing as npt
from av.container import InputContainer
from av.error import FFmpegError
from av.packet import Packet
from av.sidedata.sidedata import SideData
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from PIL import Image

from model import media
from model.backend import Cancel
from model.conversation import Video
from model.errors import MediaError, Sentence
from model.packets import STRICT, PacketIndex
from model.settings import VisionSettings

Frame = TypeVar("Frame")
Pixels = npt.NDArray[np.uint8]  # (height, width, 3), RGB
Report = Callable[[float, float], None]  # how far reading is and how far it goes, in s of the clip

# Named, because a playlist among FFmpeg's other formats opens any file or address that it mentions.
CONTAINERS = "mov,mp4,3gp,matroska,webm,avi,mpegts,mpeg"
MOST_PIXELS = 40_000_000  # of a frame: 8K and a little
TAIL = 2.0  # s: without an index, seeking lands in the middle of a group of frames
SAME_MOMENT = 0.001  # s: containers round times, some to whole milliseconds
INDEXED = ("mov", "matroska")  # containers that lead to any keyframe exactly
SPARSE = 3.0  # times as many frames as are wanted: then it pays to find out which these are
MOST_BREAKS = 1000  # places where a file is broken, before it is given up
REPORT_EVERY = 0.1  # s


@dataclass(frozen=True)
class Clip:
    """What is known of a clip before it is read."""

    name: str  # for messages
    duration_s: float
    size: tuple[int, int]  # width, height of the upright frames
    fps: float  # on average
    frames: int  # exact for constant rates
    codec: str  # FFmpeg's name, or "pictures"


def probe(video: Video) -> Clip:
    """A clip's facts from its header, its first frame and its last packets. Raises `MediaError`.

    The first frame alone knows how the clip is turned, and proves that it can be decoded. The last
    packets tell where it really ends: headers of recordings lack the duration, cut-off files lie.
    """
    if video.frames:
        return _probe_pictures(video)
    with _opened(video) as (container, stream):
        _, first = next(_decoded(container, stream), (0.0, None))
        if first is None:
            raise _without_frames(video)
        height, width = _upright(first).shape[:2]
        fps = _rate(stream)
        duration = _end(container, stream, fps) - _zero(container)
        frames = max(1, round(duration * fps))
        codec = stream.codec_context.codec.canonical_name
        return Clip(_shown(video), max(duration, 1 / fps), (width, height), fps, frames, codec)


def choose(
    clip: Clip, vision: VisionSettings, *, max_seconds: float | None = None
) -> tuple[float, ...]:
    """The moments that the model sees, ascending and even in number. Raises `MediaError`.

    `video_fps` moments a second from the start of the trimmed part on. Where these would be more
    than the clip has frames, each frame once; where more than `video_max_frames`, so many spread
    evenly. An odd last one is repeated, as the stock processor repeats it: a pair costs the same
    either way. `max_seconds` bounds the trimmed part.
    """
    start = vision.video_start_s or 0.0
    end = min(clip.duration_s, vision.video_end_s or math.inf)
    if start >= end:
        raise MediaError(
            "{name} ends after {length:.1f} s, before the part that starts at {start:g} s; "
            "lower 'Start at'.",
            name=clip.name,
            length=clip.duration_s,
            start=start,
        )
    if max_seconds is not None and end - start > max_seconds:
        raise MediaError(
            "{name} is {length} long, and at most {most} can be read; "
            "choose a part with 'Start at' and 'End at', or trim it and attach it again.",
            name=clip.name,
            length=_clock(end - start),
            most=_clock(max_seconds),
        )
    rate = min(vision.video_fps, clip.frames / clip.duration_s)
    count = max(1, math.ceil((end - start) * rate - 1e-6))
    if count > vision.video_max_frames:
        count, rate = vision.video_max_frames, vision.video_max_frames / (end - start)
    times = tuple(start + i / rate for i in range(count))
    return times if count % 2 == 0 else (*times, times[-1])


def frames(
    video: Video,
    times: tuple[float, ...],
    *,
    cancel: Cancel | None = None,
    progress: Report | None = None,
) -> Iterator[tuple[float, Pixels]]:
    """The frame on screen at each of the ascending `times`, upright, with its own true time.

    That is the last one shown at or before the moment; before the first frame, the first; after a
    clip that ends early, the last. So there are always as many as `times`, unless `cancel` is set:
    then the iterator just ends, and the caller looks at `cancel`. Frames of equal time may be the
    same array. `progress` is told several times a second. Raises `MediaError` when nothing can be
    decoded.
    """
    watch = _Watch(times[-1], cancel, progress)
    if video.frames:
        yield from _pictures(video, times, watch)
        return
    with _opened(video) as (container, stream):
        sparse = _sparse_index(video, stream, times)
        if sparse:
            decoded = watch.over(_decoded_sparsely(container, stream, sparse, times))
        else:
            decoded = watch.over(_decoded_from(times[0], container, stream))
        chosen: tuple[VideoFrame, Pixels] | None = None
        for at, frame in _on_screen(decoded, times):
            if watch.cancelled:
                return
            if chosen is None or chosen[0] is not frame:
                chosen = frame, _upright(frame)
            yield at, chosen[1]
        if chosen is None and not watch.cancelled:
            raise _without_frames(video)


def first_frame(video: Video) -> Image.Image:
    """The clip's first frame, upright, at its own size. Raises `MediaError`."""
    _, pixels = next(frames(video, (0.0,)))
    return Image.fromarray(pixels)


def sources(video: Video) -> tuple[str, ...]:
    """The paths of the files that make the clip, for `media.fingerprint`."""
    return tuple(os.fspath(path) for path in video.frames or (video.path,) if path is not None)


class _Watch:
    """Looks at `cancel` and reports progress while frames go by, several times a second."""

    def __init__(self, end_s: float, cancel: Cancel | None, progress: Report | None) -> None:
        self._end_s = end_s
        self._cancel = cancel
        self._progress = progress
        self._reported = -math.inf

    @property
    def cancelled(self) -> bool:
        return self._cancel is not None and self._cancel.is_set()

    def over(self, timed: Iterator[tuple[float, Frame]]) -> Iterator[tuple[float, Frame]]:
        """`timed` as it is, up to the moment at which it is cancelled."""
        for at, frame in timed:
            if self.cancelled:
                return
            now = time.monotonic()
            if self._progress is not None and now - self._reported >= REPORT_EVERY:
                self._reported = now
                self._progress(min(at, self._end_s), self._end_s)
            yield at, frame


def _on_screen(
    decoded: Iterator[tuple[float, VideoFrame]], times: tuple[float, ...]
) -> Iterator[tuple[float, VideoFrame]]:
    """For each of `times` the last frame that is not later; reads no further than these need."""
    shown: tuple[float, VideoFrame] | None = None
    wanted = 0
    for at, frame in decoded:
        while shown is not None and at > times[wanted] + SAME_MOMENT:
            yield shown
            wanted += 1
            if wanted == len(times):
                return
        shown = at, frame
    if shown is not None:
        for _ in times[wanted:]:
            yield shown


def _decoded_from(
    start_s: float, container: InputContainer, stream: VideoStream
) -> Iterator[tuple[float, VideoFrame]]:
    """Frames from the last keyframe before `start_s`, or from the start if that is not found."""
    if start_s > 0 and _seek(container, stream, start_s):
        decoded = _decoded(container, stream)
        first = next(decoded, None)
        if first is not None and first[0] <= start_s + SAME_MOMENT:
            yield first
            yield from decoded
            return
        _seek(container, stream, 0.0)
    yield from _decoded(container, stream)


def _sparse_index(
    video: Video, stream: VideoStream, times: tuple[float, ...]
) -> PacketIndex | None:
    """Where most frames are not wanted and packets say which these are; else None."""
    span = times[-1] - times[0]
    if span * _rate(stream) < SPARSE * len(times):
        return None
    with _opened(video) as (container, again):
        if not container.format.name.startswith(INDEXED):
            return None
        return PacketIndex.of(_packets(container, again))


def _decoded_sparsely(
    container: InputContainer,
    stream: VideoStream,
    index: PacketIndex,
    times: tuple[float, ...],
) -> Iterator[tuple[float, VideoFrame]]:
    """The frames on screen at `times`, with as few others as the codec allows."""
    base, zero = float(stream.time_base or 1), _zero(container)
    wanted = index.on_screen([(at + SAME_MOMENT + zero) / base for at in times])
    strict = stream.codec_context.codec.canonical_name in STRICT
    context = stream.codec_context
    for run in index.runs(wanted):
        container.seek(run.keyframe, stream=stream)
        missing = set(run.wanted)
        for packet in _packets(container, stream):
            if strict:
                context.skip_frame = "DEFAULT" if packet.pts in missing else "NONREF"
            frames = _frames_of(packet)
            for frame in frames:
                if frame.pts in missing:
                    missing.remove(frame.pts)
                    yield float(frame.pts * base) - zero, frame
            if any(frame.pts is not None and frame.pts >= run.wanted[-1] for frame in frames):
                break
        if missing:  # broken, or not where the container says: as without an index from here on
            context.skip_frame = "DEFAULT"
            yield from _decoded_from(min(missing) * base - zero, container, stream)
            return


def _frames_of(packet: Packet[VideoStream]) -> list[VideoFrame]:
    """What a packet lets out of the decoder; nothing if it is broken."""
    try:
        return [frame for frame in packet.decode() if isinstance(frame, VideoFrame)]
    except FFmpegError:
        return []


def _decoded(container: InputContainer, stream: VideoStream) -> Iterator[tuple[float, VideoFrame]]:
    """Frames with their times from where the container stands; broken packets are left out."""
    zero, step = _zero(container), 1 / _rate(stream)
    stamps: deque[float] = deque()  # of packets whose frames are still to come
    at = -step
    for packet in _packets(container, stream):
        if _without_pts(container) and packet.size and packet.dts is not None:
            stamps.append(float(packet.dts * packet.time_base))
        for frame in _frames_of(packet):
            stamp = stamps.popleft() if stamps else frame.time
            at = at + step if stamp is None else stamp - zero
            yield at, frame


def _packets(container: InputContainer, stream: VideoStream) -> Iterator[Packet[VideoStream]]:
    """Packets up to the end of the file, over places where it is broken."""
    for _ in range(MOST_BREAKS):
        try:
            yield from container.demux(stream)
        except FFmpegError:
            continue  # reading on finds the next whole packet
        return


def _seek(container: InputContainer, stream: VideoStream, to_s: float) -> bool:
    """To the keyframe at or before a moment; says whether the container can."""
    if stream.time_base is None:
        return False
    try:
        container.seek(int((to_s + _zero(container)) / stream.time_base), stream=stream)
    except FFmpegError:
        return False
    return True


def _end(container: InputContainer, stream: VideoStream, fps: float) -> float:
    """When the last frame goes, on the container's clock: by its last packets, not its header."""
    header = container.duration / av.time_base if container.duration else 0.0
    if header and _seek(container, stream, max(0.0, header - TAIL)):
        end = _last_packet_end(container, stream, fps)
        if end is not None:
            return end
    _seek(container, stream, 0.0)
    end = _last_packet_end(container, stream, fps)
    return _zero(container) + header if end is None else end


def _last_packet_end(container: InputContainer, stream: VideoStream, fps: float) -> float | None:
    """The latest end among the packets still to come, without decoding; None if there are none."""
    ends = []
    for packet in _packets(container, stream):
        unsure = packet.pts is None or _without_pts(container)
        stamp = packet.dts if unsure else packet.pts
        if stamp is not None and packet.time_base is not None:
            lasts = packet.duration * packet.time_base if packet.duration else 1 / fps
            ends.append(float(stamp * packet.time_base + lasts))
    return max(ends, default=None)


def _without_pts(container: InputContainer) -> bool:
    """AVI says when packets are decoded, not when they are shown; what FFmpeg makes up is wrong.

    Frames come out in the order of showing, so the n-th takes the n-th packet's time.
    """
    return container.format.name == "avi"


def _rate(stream: VideoStream) -> float:
    """Frames per second on average, as far as the header tells."""
    return float(stream.average_rate or stream.guessed_rate or 25)


def _zero(container: InputContainer) -> float:
    """Where a player starts, on the container's clock; what comes before is only for priming."""
    return max(0.0, (container.start_time or 0) / av.time_base)


def _upright(frame: VideoFrame) -> Pixels:
    """The frame's pixels as a player shows them, turned and mirrored by its display matrix.

    The matrix (a b; c d), rows first, sends the stored (x, y) to (a x + c y, b x + d y).
    """
    pixels = frame.to_ndarray(format="rgb24")
    matrix = frame.side_data.get("DISPLAYMATRIX")
    if isinstance(matrix, SideData):
        a, b, _, c, d = np.frombuffer(bytes(matrix), np.int32)[:5].tolist()
        if abs(b) + abs(c) > abs(a) + abs(d):
            pixels, a, d = pixels.transpose(1, 0, 2), c, b
        pixels = pixels[:: -1 if d < 0 else 1, :: -1 if a < 0 else 1]
    return np.ascontiguousarray(pixels, np.uint8)


@contextmanager
def _opened(video: Video) -> Iterator[tuple[InputContainer, VideoStream]]:
    """The container and its picture track, ready to decode with threads. Raises `MediaError`."""
    (path,), shown = sources(video), _shown(video)
    with _container(path, shown) as container:
        stream = _picture_track(container, shown)
        if stream.width * stream.height > MOST_PIXELS:
            raise MediaError(
                "{name} is {width}x{height} pixels large; at most 8K can be read, "
                "so convert it to MP4 (H.264) and attach it again.",
                name=shown,
                width=stream.width,
                height=stream.height,
            )
        stream.thread_type = "AUTO"
        yield container, stream


def _container(path: str, shown: str) -> InputContainer:
    try:
        if os.path.getsize(path) == 0:
            raise MediaError("{name} is empty; attach it again.", name=shown)
        # The prefix keeps a name such as "http:..." or "concat:..." a name.
        return av.open(
            f"file:{path}",
            container_options={"format_whitelist": CONTAINERS, "protocol_whitelist": "file"},
            metadata_errors="replace",
        )
    except FFmpegError as error:
        raise MediaError(
            "{name} is damaged or not a video; convert it to MP4 (H.264) and attach it again.",
            name=shown,
        ) from error
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        raise MediaError("{name} cannot be read any more; attach it again.", name=shown) from error


def _picture_track(container: InputContainer, shown: str) -> VideoStream:
    for stream in container.streams.video:
        if stream.disposition & Disposition.attached_pic:  # a sound file's cover
            continue
        if stream.codec_context is None:
            raise MediaError(
                "{name} is in a format without a decoder here; "
                "convert it to MP4 (H.264) and attach it again.",
                name=shown,
            )
        return stream
    if container.streams.audio:
        raise MediaError("{name} has only sound in it; attach a video, or a picture.", name=shown)
    raise MediaError("{name} has no pictures in it; attach a video, or a picture.", name=shown)


def _probe_pictures(video: Video) -> Clip:
    """A list of pictures as a clip. They must share one size, because the model sees one grid."""
    sizes = [media.image_size(path) for path in sources(video)]
    for path, size in zip(sources(video), sizes, strict=True):
        if size != sizes[0]:
            raise MediaError(
                "{name} is {width}x{height} pixels, the clip's first frame "
                "{first_width}x{first_height}; make all frames one size.",
                name=media.display_name(path),
                width=size[0],
                height=size[1],
                first_width=sizes[0][0],
                first_height=sizes[0][1],
            )
    fps = video.fps or 1.0
    return Clip(_shown(video), len(sizes) / fps, sizes[0], fps, len(sizes), "pictures")


def _pictures(
    video: Video, times: tuple[float, ...], watch: _Watch
) -> Iterator[tuple[float, Pixels]]:
    fps, paths = video.fps or 1.0, sources(video)
    indices = [min(math.floor(at * fps + 1e-6), len(paths) - 1) for at in times]
    for at, path in watch.over((index / fps, paths[index]) for index in indices):
        yield at, np.array(media.open_image(path))


def _shown(video: Video) -> str:
    if video.name or not video.frames:
        return video.name or media.display_name(*sources(video))
    return Sentence("The clip")


def _without_frames(video: Video) -> MediaError:
    return MediaError(
        "{name} has no frame that can be decoded; convert it to MP4 (H.264) and attach it again.",
        name=_shown(video),
    )


def _clock(seconds: float) -> str:
    """`h:mm:ss`, without the hours when there are none."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
