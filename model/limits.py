"""What a checkpoint's own processor was made for; the page's defaults stay within it.

Read from the files of a folder, because the page is built before anything is loaded.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def vision_limits(folder: str | Path) -> dict[str, int]:
    """Settings that have an upper limit in a checkpoint's folder, by name; none for a hub id.

    `size` holds pixels: the whole picture's, for clips one frame's. Older files have `max_pixels` instead.
    """
    both = _read(Path(folder) / "processor_config.json")
    image = both.get("image_processor") or _read(Path(folder) / "preprocessor_config.json")
    video = both.get("video_processor") or _read(Path(folder) / "video_preprocessor_config.json")
    limits = {
        "max_tokens": _tokens(image),
        "video_max_tokens_per_frame": _tokens(video),
        "video_max_frames": video.get("max_frames"),
    }
    return {name: limit for name, limit in limits.items() if isinstance(limit, int)}


def _tokens(processor: dict[str, Any]) -> int | None:
    pixels = (processor.get("size") or {}).get("longest_edge") or processor.get("max_pixels")
    side = processor.get("patch_size", 0) * processor.get("merge_size", 0)
    return int(pixels) // side**2 if pixels and side else None


def _read(file: Path) -> dict[str, Any]:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}  # loading the checkpoint will say what is wrong
    return content if isinstance(content, dict) else {}
