"""How closely the model is to look at one item of the tray, where that differs from the page's settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from math import sqrt
from typing import Any, get_args, get_type_hints

from model.errors import SettingError
from model.settings import SETTING_SPECS, VisionSettings

# Parts of the visual tokens that the page's settings allow.
LEVELS: Mapping[str, float] = {"auto": 1.0, "low": 0.25, "medium": 0.5, "high": 2.0}
HIGHEST = {spec.name: int(spec.high or 0) for spec in SETTING_SPECS}
LOWEST = {spec.name: int(spec.low or 0) for spec in SETTING_SPECS}


@dataclass(frozen=True)
class Resolution:
    """The resolution of one item. None and `auto` mean the page's settings.

    level: one of `LEVELS`, `tokens` (as many as `tokens` says, per picture or frame) or `exact`
    (`width` x `height` pixels). `share` lowers the result further, so that a message fits.
    """

    level: str = "auto"
    tokens: int | None = None
    width: int | None = None
    height: int | None = None
    fps: float | None = None
    frames: int | None = None
    start: float | None = None  # s
    end: float | None = None  # s
    share: float = 1.0

    def applied(self, vision: VisionSettings) -> VisionSettings:
        """The settings that the item is sent with. Raises `SettingError`."""
        changes: dict[str, Any] = {}
        if self.level == "exact" and self.width and self.height:
            side = sqrt(self.share)
            changes |= _exact(round(self.width * side), round(self.height * side))
        elif self.level == "tokens" and self.tokens:
            wanted = self.tokens * self.share
            changes |= _bounds("min_tokens", "max_tokens", wanted, wanted)
            changes |= _bounds(*_FRAME_BOUNDS, wanted, wanted)
        elif self.level != "auto" or self.share != 1.0:
            part = LEVELS.get(self.level, 1.0) * self.share
            if vision.resized_width and vision.resized_height:
                side = sqrt(part)
                changes |= _exact(
                    round(vision.resized_width * side), round(vision.resized_height * side)
                )
            for low, high in (("min_tokens", "max_tokens"), _FRAME_BOUNDS):
                most = getattr(vision, high) * part
                changes |= _bounds(low, high, min(getattr(vision, low), most), most)
        own = {
            "video_fps": self.fps,
            "video_max_frames": self.frames,
            "video_start_s": self.start,
            "video_end_s": self.end,
        }
        changes |= {name: value for name, value in own.items() if value is not None}
        return replace(vision, **changes)


AUTO = Resolution()
_FRAME_BOUNDS = ("video_min_tokens_per_frame", "video_max_tokens_per_frame")


def _bounds(low: str, high: str, fewest: float, most: float) -> dict[str, Any]:
    def inside(value: float) -> int:
        return max(LOWEST[high], min(HIGHEST[high], round(value)))

    return {low: inside(fewest), high: inside(most)}


def _exact(width: int, height: int) -> dict[str, Any]:
    smallest = LOWEST["resized_width"]
    return {"resized_width": max(smallest, width), "resized_height": max(smallest, height)}


def resolution_of(posted: Mapping[str, Any]) -> Resolution:
    """The resolution that a browser has posted. Raises `SettingError` if it is not one."""
    level = posted.get("level", "auto")
    if level not in (*LEVELS, "tokens", "exact"):
        raise SettingError("There is no resolution '{level}'.", level=str(level)[:40])
    values: dict[str, Any] = {"level": level}
    hints = get_type_hints(Resolution)
    for name in (f.name for f in fields(Resolution) if f.name not in ("level", "share")):
        value = posted.get(name)
        if value is None:
            continue
        whole = int in get_args(hints[name])
        # A NaN is unequal to itself; an endless number is no whole one and beyond every range.
        if isinstance(value, bool) or not isinstance(value, int | float) or value != value:
            raise SettingError("Setting '{name}' must be a number.", name=name)
        if abs(value) > 1e6 or (whole and value != int(value)):
            raise SettingError("Setting '{name}' is out of range.", name=name)
        values[name] = int(value) if whole else float(value)
    return Resolution(**values)
