"""Which packets of a clip hold the frames that are wanted, so that little else is decoded.

A first look goes over all packets without decoding any: their times and keyframes. Of the rest, whole runs
between keyframes are jumped over, and frames that no other frame refers to are left out one by one.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from av.packet import Packet
from av.video.stream import VideoStream

# Codecs whose decoders leave out unreferenced frames only; HEVC's may be referred to from another layer.
STRICT = frozenset({"h264", "mpeg4", "mpeg2video"})
MAX_PACKETS = 1_000_000  # in an index, which then takes 200 MB; four hours at 60 frames a second


@dataclass(frozen=True)
class Run:
    """Frames to decode from one keyframe on, all by their time stamps."""

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

    def on_screen(self, moments: Sequence[float]) -> tuple[int, ...]:
        """The stamps of the frames that are shown at these moments (also stamps), each once."""
        places = (max(0, bisect_right(self.stamps, moment) - 1) for moment in moments)
        return tuple(sorted({self.stamps[place] for place in places}))

    def runs(self, wanted: Sequence[int]) -> list[Run]:
        """A new run wherever a keyframe lies between two wanted frames that both come after another."""
        runs: list[Run] = []
        for stamp in wanted:
            keyframe = self.keyframes[max(0, bisect_right(self.keyframes, stamp) - 1)]
            if runs and keyframe <= runs[-1].wanted[-1]:
                runs[-1] = Run(runs[-1].keyframe, (*runs[-1].wanted, stamp))
            else:
                runs.append(Run(keyframe, (stamp,)))
        return runs
