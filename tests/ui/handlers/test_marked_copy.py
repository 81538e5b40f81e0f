"""A picture is downloaded with what an answer points at."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from PIL import Image as PillowImage

from model.backend import Delta
from tests.support.fakes import FakeBackend
from tests.support.following import BOX, KEY, followed, posted, red_boat
from tests.support.patience import scene
from ui.handlers import marked_copy
from ui.state.registry import Tabs


def test_a_picture_is_saved_with_what_is_marked_on_it(uploads: Path) -> None:
    async def play() -> None:
        tabs = Tabs(FakeBackend([Delta(BOX)]))
        await red_boat(tabs, uploads)
        await followed(tabs)
        url, notice = await marked_copy.save_marked(tabs, KEY, posted(answer=0, picture=1))
        path = unquote(url.removeprefix("gradio_api/file="))
        assert PillowImage.open(path).size == (64, 48) and notice == ""
        (uploads / "red.png").unlink()
        url, notice = await marked_copy.save_marked(tabs, KEY, posted(answer=0, picture=1))
        assert url == "" and "red.png" in notice

    scene(play)


@pytest.mark.parametrize(
    "data", [{}, {"answer": 5, "picture": 1}, {"answer": [], "picture": {}}, {"answer": "0"}]
)
def test_nothing_is_saved_that_is_not_there(data: dict[str, Any], uploads: Path) -> None:
    async def play() -> None:
        tabs = Tabs(FakeBackend([Delta(BOX)]))
        await red_boat(tabs, uploads)
        await followed(tabs)
        assert await marked_copy.save_marked(tabs, KEY, posted(**data)) == ("", "")

    scene(play)
