"""Real photographs and clips, from the gradio package, without the seconds that importing it takes."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path


def real_media(name: str) -> Path:
    """A file of `gradio/media_assets`, e.g. `images/lion.jpg` or `videos/world.mp4`."""
    package = find_spec("gradio")
    assert package is not None and package.origin is not None
    path = Path(package.origin).parent / "media_assets" / name
    assert path.is_file(), path
    return path
