"""What the page calls the settings, and their groups."""

from __future__ import annotations

from model.settings import SettingSpec
from ui.text.texts import Texts

# In the page's order.
GROUPS = ("image", "video", "prompt", "answer")


def labels(spec: SettingSpec, texts: Texts) -> dict[str, str]:
    """A setting's label with its unit, and its sentence of help."""
    label, help_ = texts.settings[spec.name]
    unit = f" ({texts.units[spec.unit]})" if spec.unit else ""
    return {"label": label + unit, "info": help_}
