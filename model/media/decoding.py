"""Decodes the frames of an open video, with their true times, and skips frames that are not wanted.

Memory never depends on a video's length: frames are decoded in one streaming pass.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from av.error import FFmpegError
from av.packet import Packet
from av.sidedata.sidedata import SideData, SideDataContainer
from av.video.frame import VideoFrame
from av.video.reformatter import Colorspace
from av.video.stream import VideoStream

from model.media.container import VideoTrack
from model.media.sampling import SAME_MOMENT

Pixels = npt.NDArray[np.uint8]  # (height, width, 3), RGB
Timed = Iterator[tuple[float, VideoFrame]]

# After this many packets in a row without a frame, about five minutes, the rest of the file is given up.
MAX_EMPTY_PACKETS = 10_000
# FFmpeg's AVCOL_SPC_UNSPECIFIED.
UNTAGGED = 2
HD_LINES = 720
# From this ratio of frames in the span to wanted frames on, an index of the packets saves more than it costs.
MIN_UNWANTED_RATIO = 3.0
# Codecs for which `skip_frame=NONREF` drops only frames that no other frame needs. In HEVC, another layer may.
SAFE_TO_SKIP_NONREF = frozenset({"h264", "mpeg4", "mpeg2video"})
# Packets of an index, which then takes 200 MB; four hours at 60 frames a second.
MAX_PACKETS = 1_000_000


@dataclass(frozen=True)
class DecodeRun:
    """The wanted frames that are decoded from one keyframe on, all as time stamps."""

    keyframe: int
    wanted: tuple[int, ...]  # ascending


@dataclass(frozen=True)
class PacketIndex:
    """Time stamps in the stream's time base, ascending."""

    stamps: tuple[int, ...]
    keyframes: tuple[int, ...]

    @classmethod
    def of(cls, packets: Iterable[Packet[VideoStream]]) -> PacketIndex | None:
        """None where packets do not tell when their frames are shown, or are too many."""
        stamps: list[int] = []
        keyframes: list[int] = []
        for packet in packets:
            if not packet.size or packet.is_discard:
                continue
            if packet.pts is None or packet.is_corrupt or len(stamps) == MAX_PACKETS:
                return None
            stamps.append(packet.pts)
            if packet.is_keyframe:
                keyframes.append(packet.pts)
        if not keyframes or len(set(stamps)) != len(stamps):
            return None
        return cls(tuple(sorted(stamps)), tuple(sorted(keyframes)))

    def stamps_at(self, moments: Sequence[float]) -> tuple[int, ...]:
        """The stamps of the frames that are shown at these moments (also stamps), each once."""
        places = (max(0, bisect_right(self.stamps, moment) - 1) for moment in moments)
        return tuple(sorted({self.stamps[place] for place in places}))

    def runs(self, wanted: Sequence[int]) -> list[DecodeRun]:
        """Return one run for each keyframe from which decoding starts, in order."""
        runs: list[DecodeRun] = []
        for stamp in wanted:
            keyframe = self.keyframes[max(0, bisect_right(self.keyframes, stamp) - 1)]
            if runs and keyframe <= runs[-1].wanted[-1]:
                runs[-1] = DecodeRun(runs[-1].keyframe, (*runs[-1].wanted, stamp))
            else:
                runs.append(DecodeRun(keyframe, (stamp,)))
        return runs


def decoded(track: VideoTrack) -> Timed:
    """Frames with their times from where the container stands; broken packets are left out."""
    step = 1 / track.rate
    stamps: deque[float] = deque()  # of packets whose frames are still to come
    at, silent = -step, 0
    for packet in track.packets():
        if track.without_pts and packet.size and packet.dts is not None:
            stamps.append(float(packet.dts * packet.time_base))
        frames = _frames_of(packet)
        silent = 0 if frames else silent + 1
        if silent > MAX_EMPTY_PACKETS:
            return
        for frame in frames:
            stamp = stamps.popleft() if stamps else frame.time
            at = at + step if stamp is None else stamp - track.start_s
            yield at, frame


def decoded_from(start_s: float, track: VideoTrack) -> Timed:
    """Frames from the last keyframe before `start_s`, or from the start if that is not found."""
    if start_s > 0 and track.seek(start_s):
        passing = decoded(track)
        first = next(passing, None)
        if first is not None and first[0] <= start_s + SAME_MOMENT:
            yield first
            yield from passing
            return
        track.seek(0.0)
    yield from decoded(track)


def should_decode_sparsely(track: VideoTrack, times: tuple[float, ...]) -> bool:
    """Whether most frames are not wanted, in a file where these can be jumped over."""
    span = times[-1] - times[0]
    return track.indexed and span * track.rate >= MIN_UNWANTED_RATIO * len(times)


def decoded_sparsely(track: VideoTrack, index: PacketIndex, times: tuple[float, ...]) -> Timed:
    """The frames on screen at `times`, with as few others as the codec allows."""
    base, zero = track.time_base_s, track.start_s
    wanted = index.stamps_at([(at + SAME_MOMENT + zero) / base for at in times])
    context = track.stream.codec_context
    for run in index.runs(wanted):
        track.container.seek(run.keyframe, stream=track.stream)
        missing = set(run.wanted)
        for packet in track.packets():
            if track.codec in SAFE_TO_SKIP_NONREF:
                context.skip_frame = "DEFAULT" if packet.pts in missing else "NONREF"
            frames = _frames_of(packet)
            for frame in frames:
                if frame.pts in missing:
                    missing.remove(frame.pts)
                    yield float(frame.pts * base) - zero, frame
            if any(frame.pts is not None and frame.pts >= run.wanted[-1] for frame in frames):
                break
        if missing:
            # Frames are broken, or not at the times of their packets: decode the rest in sequence.
            context.skip_frame = "DEFAULT"
            yield from decoded_from(min(missing) * base - zero, track)
            return


def frames_at(passing: Timed, times: tuple[float, ...]) -> Timed:
    """Yield for each of `times` the last frame that is not later. Reads no further than needed."""
    shown: tuple[float, VideoFrame] | None = None
    wanted = 0
    for at, frame in passing:
        while shown is not None and at > times[wanted] + SAME_MOMENT:
            yield shown
            wanted += 1
            if wanted == len(times):
                return
        shown = at, frame
    if shown is not None:
        for _ in times[wanted:]:
            yield shown


def upright(frame: VideoFrame, track: VideoTrack) -> Pixels:
    """The frame's pixels as a player shows them: square, turned and mirrored by its display matrix.

    Colours that say nothing of themselves are BT.601 below 720 lines and BT.709 from there on, as in
    browsers. The matrix (a b; c d), rows first, sends the stored (x, y) to (a x + c y, b x + d y).
    """
    width, height = track.shown_size(frame.width, frame.height)
    hd = frame.colorspace == UNTAGGED and frame.height >= HD_LINES
    pixels = frame.to_ndarray(
        format="rgb24",
        width=width,
        height=height,
        src_colorspace=Colorspace.ITU709 if hd else None,
    )
    # `frame.side_data` would make a cycle, which keeps the frame (3 MB at 1080p) until garbage is collected.
    side_data = SideDataContainer(frame)  # type: ignore[call-arg]  # PyAV's stub has no arguments
    matrix = side_data.get("DISPLAYMATRIX")
    if isinstance(matrix, SideData):
        a, b, _, c, d = np.frombuffer(bytes(matrix), np.int32)[:5].tolist()
        if abs(b) + abs(c) > abs(a) + abs(d):
            pixels, a, d = pixels.transpose(1, 0, 2), c, b
        pixels = pixels[:: -1 if d < 0 else 1, :: -1 if a < 0 else 1]
    return np.ascontiguousarray(pixels, np.uint8)


def _frames_of(packet: Packet[VideoStream]) -> list[VideoFrame]:
    """The frames that the decoder returns for a packet; none if the packet is broken."""
    try:
        return [frame for frame in packet.decode() if isinstance(frame, VideoFrame)]
    except FFmpegError:
        return []
