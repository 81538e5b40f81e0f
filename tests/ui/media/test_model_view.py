"""What the model sees of an item, as a file for the page."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image as PillowImage

from model.conversation import Image
from tests.support import media_files
from ui.media.disk_quota import DiskQuota
from ui.media.model_view import picture_view
from ui.media.room import Room


def test_a_picture_is_shown_at_each_size_that_it_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    picture = Image(media_files.photo(tmp_path / "a.png", (224, 224)))
    for size in ((28, 28), (56, 84), (28, 28)):
        assert PillowImage.open(picture_view(picture, size, Room(DiskQuota()))).size == size
