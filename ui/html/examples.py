"""The examples of an empty page: questions about media that come with the project."""

from __future__ import annotations

import base64
import html
import io
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

from PIL import Image as PillowImage

from model.conversation import Video
from model.media import image, video
from ui import ASSETS
from ui.gradio_compat import upload_folder
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


EXAMPLES = (
    Example("describe", ("shapes.png",)),
    Example("which", ("first.png", "second.png")),
    Example("clip", ("moving-circle.mp4",)),
    Example("locate", ("cat.jpg",)),
)


def _folder() -> Path:
    return upload_folder() / "examples"


def offered(texts: Texts, examples: Sequence[Example] = EXAMPLES) -> str:
    """The examples as buttons: a thumbnail and the question."""
    buttons = "".join(
        f'<button type="button" data-example="{number}">{_thumbnails(example)}'
        f"<span>{html.escape(texts.examples[example.name])}</span></button>"
        for number, example in enumerate(examples)
    )
    return f'<div role="group" aria-label="{html.escape(texts.try_one)}">{buttons}</div>'


def _thumbnails(example: Example) -> str:
    pictures = "".join(f'<img src="{_data_url(file)}" alt="">' for file in example.files)
    return f'<span class="thumbnails" aria-hidden="true">{pictures}</span>'


@cache
def _data_url(file: str) -> str:
    """A thumbnail as a data URL, so that it is there with the first paint."""
    clip = file.endswith(".mp4")
    path = FOLDER / file
    picture: PillowImage.Image = video.first_frame(Video(path)) if clip else image.open_image(path)
    picture.thumbnail((THUMBNAIL_PX, THUMBNAIL_PX))
    small = io.BytesIO()
    picture.convert("RGB").save(small, "webp", quality=80)
    return "data:image/webp;base64," + base64.b64encode(small.getvalue()).decode()
