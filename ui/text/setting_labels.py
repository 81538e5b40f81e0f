"""What the page calls the settings, and in which order and groups it shows them."""

from __future__ import annotations

from collections.abc import Mapping

from model.settings import SettingSpec
from ui.text.texts import Texts

# In the page's order.
GROUPS = ("image", "video", "prompt", "answer")
# Always in sight.
SIMPLE = ("vision_ids", "system_prompt", "max_new_tokens", "temperature")
# Folded: by group, the rows of controls.
ADVANCED: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "image": (("min_tokens",), ("max_tokens",), ("resized_height", "resized_width")),
    "video": (
        ("video_fps",),
        ("video_max_frames",),
        ("video_min_tokens_per_frame",),
        ("video_max_tokens_per_frame",),
        ("video_start_s", "video_end_s"),
    ),
    "answer": (("top_p",), ("top_k",), ("repetition_penalty",), ("seed",), ("logprobs",)),
}


def labels(spec: SettingSpec, texts: Texts) -> dict[str, str]:
    """A setting's label with its unit, and its sentence of help."""
    label, help_ = texts.settings[spec.name]
    unit = f" ({texts.units[spec.unit]})" if spec.unit else ""
    return {"label": label + unit, "info": help_}
