"""What the project's own files say: the Makefile, pyproject.toml and the pinned requirements."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
PROJECT: Mapping[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]


def pins() -> dict[str, str]:
    """Name to version of the default install."""
    files = [ROOT / f"requirements_{name}.txt" for name in ("web_demo", "page")]
    text = "\n".join(file.read_text(encoding="utf-8") for file in files)
    return dict(re.findall(r"^([\w.-]+)==(\S+)$", text, re.MULTILINE))
