"""What several tests of the handlers need."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image as PillowImage


@pytest.fixture
def uploads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    PillowImage.new("RGB", (64, 48), "red").save(tmp_path / "red.png")
    (tmp_path / "notes.txt").write_text("no picture")
    (tmp_path / "fake.png").write_text("no picture either")
    return tmp_path
