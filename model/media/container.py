"""Opens an untrusted video file and reads the packets of its video track.

Bounds the size, the number of errors and the time of a file. Times are seconds from where a player starts.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import av
from av.container import InputContainer
from av.error import FFmpegError
from av.packet import Packet
from av.stream import Disposition
from av.video.stream import VideoStream

from model.errors import MediaError, Template

# Named, because a playlist among FFmpeg's other formats opens any file or address that it mentions.
CONTAINERS = "mov,mp4,3gp,matroska,webm,avi,mpegts,mpeg,flv,asf"
# FFmpeg's names of the decoders for what browsers, phones, cameras and archives write. FFmpeg has 250 others, rarely
# used and often attacked. No audio decoder: sound is never decoded.
DECODERS = frozenset((
    "h264", "hevc", "vp8", "vp9", "libdav1d", "libaom-av1", "av1", "mpeg4", "mpeg2video",
    "mpeg1video", "h263", "flv", "mjpeg", "prores", "dnxhd", "dvvideo", "ffv1", "rawvideo",
    "wmv1", "wmv2", "wmv3", "vc1", "msmpeg4v1", "msmpeg4v2", "msmpeg4", "theora", "png", "gif",
    "webp",
))  # fmt: skip
# Pixels of a frame: a little more than 8K.
MAX_FRAME_PIXELS = 40_000_000
# Width to height of a pixel, or the inverse; DVDs have up to 1.5.
MAX_PIXEL_ASPECT = 4.0
# Pixels of the frames that all decoder threads hold, one frame each: two frames of 8K.
MAX_HELD_PIXELS = 80_000_000
# More decoder threads are no faster.
MAX_THREADS = 16
# Errors after which a file is given up.
MAX_BROKEN_PLACES = 1000
# To probe a video; a minute of the slowest files takes a tenth of a second.
PROBE_TIMEOUT_S = 20.0
# To decode a video's frames; an hour of 1080p takes five minutes on two cores.
DECODE_TIMEOUT_S = 600.0
# Where the search for the last packets begins, before the end: without an index, a seek lands within a group of frames.
TAIL_S = 2.0
# Containers whose index leads to any keyframe exactly.
INDEXED = ("mov", "matroska")
ENCRYPTED = Template("{name} is copy-protected; attach a copy without protection.")
TOO_SLOW = Template(
    "{name} takes too long to decode; choose a part with 'Start at' and 'End at', "
    "or convert it to MP4 (H.264) and attach it again."
)


class TimeBudget:
    """The time that decoding may still take. It is paused while the caller uses a frame."""

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._until = clock() + seconds

    @property
    def over(self) -> bool:
        return self._clock() > self._until

    @contextmanager
    def paused(self) -> Iterator[None]:
        since = self._clock()
        try:
            yield
        finally:
            self._until += self._clock() - since


@dataclass(frozen=True)
class VideoTrack:
    """The video track of an open file."""

    container: InputContainer
    stream: VideoStream
    # What messages call the video.
    shown: str
    time_budget: TimeBudget

    @property
    def codec(self) -> str:
        """FFmpeg's name."""
        return self.stream.codec_context.codec.canonical_name

    @property
    def time_base_s(self) -> float:
        """Seconds of a step of its time stamps."""
        return float(self.stream.time_base or 1)

    @property
    def rate(self) -> float:
        """Frames per second on average, as far as the header tells."""
        return float(self.stream.average_rate or self.stream.guessed_rate or 25)

    def varies(self, duration_s: float) -> bool:
        """Whether frames may come at a variable rate, as far as the header tells.

        Only an MP4 or MOV that is not in fragments counts its frames.
        """
        counted, constant = self.stream.frames, self.stream.average_rate == self.stream.base_rate
        return not (counted and constant and abs(counted - duration_s * self.rate) < 1.5)

    def shown_size(self, width: int, height: int) -> tuple[int, int]:
        """The size of a stored frame once its pixels are square; never smaller than it is stored."""
        aspect = float(self.stream.sample_aspect_ratio or 1)
        wide, high = round(width * max(aspect, 1)), round(height * max(1 / aspect, 1))
        usual = 1 / MAX_PIXEL_ASPECT <= aspect <= MAX_PIXEL_ASPECT
        return (wide, high) if usual and wide * high <= MAX_FRAME_PIXELS else (width, height)

    @property
    def start_s(self) -> float:
        """The time at which a player starts, on the container's clock. Earlier packets only prime the decoder."""
        return max(0.0, (self.container.start_time or 0) / av.time_base)

    @property
    def indexed(self) -> bool:
        return self.container.format.name.startswith(INDEXED)

    @property
    def without_pts(self) -> bool:
        """AVI says when packets are decoded, not when they are shown; what FFmpeg makes up is wrong.

        Frames come out in the order of showing, so the n-th takes the n-th packet's time.
        """
        return self.container.format.name == "avi"

    def packets(self) -> Iterator[Packet[VideoStream]]:
        """Packets up to the end of the file, over places where it is broken. Raises `MediaError`."""
        for _ in range(MAX_BROKEN_PLACES):
            try:
                for packet in self.container.demux(self.stream):
                    if self.time_budget.over:
                        raise MediaError(TOO_SLOW, name=self.shown)
                    # FFmpeg decodes them as they are. They are noise, which now and then looks like a frame.
                    if packet.has_sidedata("encryption_info"):
                        raise MediaError(ENCRYPTED, name=self.shown)
                    yield packet
            except FFmpegError:
                continue  # reading on finds the next whole packet
            return

    def seek(self, to_s: float) -> bool:
        """To the keyframe at or before a moment; says whether the container can."""
        if self.stream.time_base is None:
            return False
        try:
            at = int((to_s + self.start_s) / self.stream.time_base)
            self.container.seek(at, stream=self.stream)
        except (FFmpegError, OverflowError):
            return False
        return True

    def end(self) -> float:
        """The end of the last frame, on the container's clock, by the last packets and not by the header."""
        header = self.container.duration / av.time_base if self.container.duration else 0.0
        if header and self.seek(max(0.0, header - TAIL_S)):
            end = self._last_packet_end()
            if end is not None:
                return end
        self.seek(0.0)
        end = self._last_packet_end()
        return self.start_s + header if end is None else end

    def _last_packet_end(self) -> float | None:
        """The latest end among the packets still to come, without decoding; None if there are none."""
        latest: float | None = None
        for packet in self.packets():
            unsure = packet.pts is None or self.without_pts
            stamp = packet.dts if unsure else packet.pts
            if stamp is not None and packet.time_base is not None:
                lasts = packet.duration * packet.time_base if packet.duration else 1 / self.rate
                end = float(stamp * packet.time_base + lasts)
                latest = end if latest is None else max(latest, end)
        return latest


@contextmanager
def opened(path: str, shown: str, seconds: float) -> Iterator[VideoTrack]:
    """The video track, ready to decode with threads for `seconds`. Raises `MediaError`."""
    with _container(path, shown) as container:
        stream = _video_track(container, shown)
        if stream.width * stream.height > MAX_FRAME_PIXELS:
            raise MediaError(
                "{name} is {width}x{height} pixels large; at most 8K can be read, "
                "so convert it to MP4 (H.264) and attach it again.",
                name=shown,
                width=stream.width,
                height=stream.height,
            )
        stream.thread_type = "AUTO"
        threads = min(os.cpu_count() or 1, MAX_HELD_PIXELS // (stream.width * stream.height or 1))
        stream.codec_context.thread_count = max(1, min(threads, MAX_THREADS))
        # A track may change its size on the way.
        stream.codec_context.options = {"max_pixels": str(MAX_FRAME_PIXELS)}
        yield VideoTrack(container, stream, shown, TimeBudget(seconds))


def _container(path: str, shown: str) -> InputContainer:
    try:
        if not os.path.isfile(path):  # a pipe would be waited for
            raise FileNotFoundError(path)
        if os.path.getsize(path) == 0:
            raise MediaError("{name} is an empty file (0 bytes); attach another.", name=shown)
        # The prefix keeps a name such as "http:..." or "concat:..." a name.
        return av.open(
            f"file:{path}",
            # Already while it is being opened, streams are tried out.
            container_options={
                "format_whitelist": CONTAINERS,
                "protocol_whitelist": "file",
                "codec_whitelist": ",".join(sorted(DECODERS)),
            },
            metadata_errors="replace",
        )
    except FFmpegError as error:
        raise MediaError(
            "{name} is damaged or not a video; convert it to MP4 (H.264) and attach it again.",
            name=shown,
        ) from error
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        raise MediaError("{name} cannot be read any more; attach it again.", name=shown) from error


def _video_track(container: InputContainer, shown: str) -> VideoStream:
    for stream in container.streams.video:
        if stream.disposition & Disposition.attached_pic:  # a sound file's cover
            continue
        if stream.codec_context is None:
            raise MediaError(
                "{name} is in a format without a decoder here; "
                "convert it to MP4 (H.264) and attach it again.",
                name=shown,
            )
        if stream.codec_context.codec.name not in DECODERS:
            raise MediaError(
                "{name} is in the format {codec}, which is not read; "
                "convert it to MP4 (H.264) and attach it again.",
                name=shown,
                codec=stream.codec_context.codec.canonical_name,
            )
        return stream
    if container.streams.audio:
        raise MediaError("{name} has only sound in it; attach a video, or a picture.", name=shown)
    raise MediaError("{name} has no pictures in it; attach a video, or a picture.", name=shown)
