"""The examples of an empty page: questions about media that come with the project."""

from __future__ import annotations

import base64
import html
import io
import os
import shutil
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

from PIL import Image as PillowImage

from model.conversation import Video
from model.media import image, video
from ui import ASSETS
from ui.gradio_compat import upload_folder
from ui.html.tray import clock
from ui.media.room import Room
from ui.state.background_work import BackgroundWork
from ui.state.tab.tab import Tab
from ui.state.tray.attachment import Attachment
from ui.text.texts import Texts

FOLDER = ASSETS / "examples"
THUMBNAIL_PX = 160


@dataclass(frozen=True)
class Example:
    """An example: files of `FOLDER`, and the name of its question in `Texts.examples`."""

    name: str
    files: tuple[str, ...]

    async def attachments(self, background: BackgroundWork, tab: Tab) -> list[Attachment]:
        """The files as if they had just been uploaded. Raises `DemoError`."""
        await background.run(tab, partial(self._place, Room(background.quota)))
        return [await background.inspect(tab, _folder() / file) for file in self.files]

    def _place(self, room: Room) -> None:
        """Copy the files into the upload folder, or touch them there, because old files are removed. All people share them."""
        for file in self.files:
            try:
                os.utime(_folder() / file)
            except FileNotFoundError:
                with room.placed(_folder() / file) as whole:
                    shutil.copyfile(FOLDER / file, whole)


# What others cannot show: a box, a clip with its frames, pictures told apart, a text.
_IN_DEMO = (
    Example("star", ("shapes.png",)),
    Example("clip", ("moving-circle.mp4",)),
    Example("which", ("first.png", "second.png")),
    Example("word", ("word.png",)),
)
_IN_FULL = (
    Example("cat", ("cat.jpg",)),
    Example("clip", ("moving-circle.mp4",)),
    Example("which", ("first.png", "second.png")),
    Example("receipt", ("receipt.png",)),
)
EXAMPLES = {example.name: example for example in (*_IN_DEMO, *_IN_FULL)}


def _folder() -> Path:
    return upload_folder() / "examples"


def offered(texts: Texts, demo: bool) -> str:
    """The examples as buttons: a thumbnail and the question. demo: those that the bundled checkpoint can answer."""
    buttons = "".join(
        f'<button type="button" data-example="{example.name}">{_thumbnails(example)}'
        f"<span>{html.escape(texts.examples[example.name])}</span></button>"
        for example in (_IN_DEMO if demo else _IN_FULL)
    )
    return f'<div role="group" aria-label="{html.escape(texts.try_one)}">{buttons}</div>'


def _thumbnails(example: Example) -> str:
    pictures = "".join(map(_thumbnail, example.files))
    return f'<span class="thumbnails" aria-hidden="true">{pictures}</span>'


def _thumbnail(file: str) -> str:
    """A picture; of a clip its first frame and its length."""
    length = f"<small>▶ {clock(_seconds(file))}</small>" if _is_clip(file) else ""
    return f'<span><img src="{_data_url(file)}" alt="">{length}</span>'


def _is_clip(file: str) -> bool:
    return file.endswith(".mp4")


@cache
def _seconds(file: str) -> float:
    return video.probe(Video(FOLDER / file)).duration_s


@cache
def _data_url(file: str) -> str:
    """A small picture of a file, in the page itself: it is there with the first paint."""
    path = FOLDER / file
    picture: PillowImage.Image = (
        video.first_frame(Video(path)) if _is_clip(file) else image.open_image(path)
    )
    picture.thumbnail((THUMBNAIL_PX, THUMBNAIL_PX))
    small = io.BytesIO()
    picture.convert("RGB").save(small, "webp", quality=80)
    return "data:image/webp;base64," + base64.b64encode(small.getvalue()).decode()
