"""The default settings of a checkpoint, and the bounds of its visual tokens and frames.

They are read from its configuration files, because the page is built before the model is loaded.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from model.checkpoint.hub import repository as hub
from model.errors import SettingError
from model.families import Geometry
from model.settings import SETTING_SPECS, Bounds, DefaultSettings, GenerationSettings, SettingSpec

# A generation_config with `do_sample` and this top_k, or at most this temperature, means greedy decoding.
GREEDY_TOP_K, GREEDY_TEMPERATURE = 1, 0.01
# The defaults of `generate`, for fields that the file leaves out.
SAMPLING_DEFAULTS = {"temperature": 1.0, "top_p": 1.0, "top_k": 50}
_SPECS_BY_NAME = {spec.name: spec for spec in SETTING_SPECS}


def default_settings(checkpoint: str) -> DefaultSettings:
    """The default settings of a folder, or of a hub id whose files are in the cache; else the program's own."""
    folder = Path(hub.locate(checkpoint)) if checkpoint else None
    if folder is None or not folder.is_dir():
        return DefaultSettings()
    return DefaultSettings.within(_setting_bounds(folder), _generation_settings(folder))


def _generation_settings(folder: Path) -> GenerationSettings:
    """The repetition penalty, and the sampling settings if the checkpoint does not mean greedy decoding.

    The end tokens are those of the loaded model, see `Engine`.
    """
    config = _read_json(folder / "generation_config.json")
    values = {"repetition_penalty": _number(config, "repetition_penalty", 1.0)}
    sampling = {name: _number(config, name, default) for name, default in SAMPLING_DEFAULTS.items()}
    greedy = sampling["top_k"] == GREEDY_TOP_K or sampling["temperature"] <= GREEDY_TEMPERATURE
    if config.get("do_sample") is True and not greedy:
        values |= sampling
    return GenerationSettings(**values)  # type: ignore[arg-type]  # it converts integers


def _number(config: Mapping[str, Any], name: str, default: float) -> float:
    """The value in the file, if the setting's range contains it, else `default`."""
    value = config.get(name)
    try:
        checked = _SPECS_BY_NAME[name].check(value)
    except SettingError:
        return default
    return checked if isinstance(checked, int | float) else default


def _setting_bounds(folder: Path) -> dict[str, Bounds]:
    """The bounds of the settings that count visual tokens or frames.

    The files hold pixels of an image, or of one frame of a video, in `size` or, in older files, in `min_pixels` and
    `max_pixels`. Qwen3-VL's are of a whole video and say nothing of a frame. An exact side is a multiple of a token's.
    """
    both = _read_json(folder / "processor_config.json")
    image = _nested_object(both, "image_processor") or _read_json(
        folder / "preprocessor_config.json"
    )
    video = _nested_object(both, "video_processor") or _read_json(
        folder / "video_preprocessor_config.json"
    )
    whole = video.get("video_processor_type") == "Qwen3VLVideoProcessor"
    frame = (None, None) if whole else _visual_token_bounds(video)
    bounds: dict[str, Bounds] = {}
    if (px := _token_px(image)) != Geometry().token_px and px:
        bounds |= {side: Bounds(px, None, px) for side in ("resized_height", "resized_width")}
    for names, limits in (
        (("min_tokens", "max_tokens"), _visual_token_bounds(image)),
        (("video_min_tokens_per_frame", "video_max_tokens_per_frame"), frame),
        (("video_max_frames",), (None, video.get("max_frames"))),
    ):
        for name in names:
            if found := _narrowed_bounds(_SPECS_BY_NAME[name], *limits):
                bounds[name] = found
    return bounds


def _narrowed_bounds(spec: SettingSpec, low: object, high: object) -> Bounds | None:
    """The part of a setting's range in `low..high`; None if it is empty or the whole range."""
    least, most = int(spec.low or 0), int(spec.high or 0)
    step = int(spec.step or 1)
    low = max(least, low) if type(low) is int else least
    high = min(most, high) if type(high) is int else most
    high -= (high - least) % step
    return Bounds(low, high) if low <= high and (low, high) != (least, most) else None


def _visual_token_bounds(processor: Mapping[str, Any]) -> tuple[int | None, int | None]:
    """The minimum and maximum of visual tokens that a processor's configuration allows."""
    size = _nested_object(processor, "size")
    low = size.get("shortest_edge") or size.get("min_pixels") or processor.get("min_pixels")
    high = size.get("longest_edge") or size.get("max_pixels") or processor.get("max_pixels")
    pixels = _token_px(processor) ** 2
    if not pixels:
        return None, None
    return (
        -(-low // pixels) if type(low) is int else None,
        high // pixels if type(high) is int else None,
    )


def _token_px(processor: Mapping[str, Any]) -> int:
    """The side in pixels of a visual token; 0 if the configuration does not say."""
    sides = processor.get("patch_size"), processor.get("merge_size")
    return math.prod(side if type(side) is int else 0 for side in sides)


def _nested_object(config: Mapping[str, Any], name: str) -> dict[str, Any]:
    value = config.get(name)
    return value if isinstance(value, dict) else {}


def _read_json(file: Path) -> dict[str, Any]:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        # Loading the checkpoint raises the error.
        return {}
    return content if isinstance(content, dict) else {}
