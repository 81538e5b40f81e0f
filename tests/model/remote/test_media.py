"""A server gets a picture at the size that the model will see, without loss, and a clip's sampled frames."""

from __future__ import annotations

import base64
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PillowImage
from PIL.JpegImagePlugin import JpegImageFile

from model.backend import Cancel
from model.conversation import Conversation, Image, Media, Video
from model.families import Geometry
from model.media import video
from model.prompt import resize
from model.prompt.visual_item import VisualItem, plan
from model.remote import media as remote_media
from model.remote.media import EncodedMedia, content_part
from model.remote.messages import MediaSlot
from model.serving.prepared_media import PreparedMedia
from model.settings import VisionSettings
from tests.support import media_files

SMALL = VisionSettings(max_tokens=16, video_max_frames=4, video_max_tokens_per_frame=16)


def item_of(part: Media) -> VisualItem:
    (item,) = plan(Conversation().with_user_turn(part), Geometry())
    return item


def encoded(item: VisualItem) -> EncodedMedia:
    media = PreparedMedia(remote_media.encoded, remote_media.encoded_nbytes, 2**30)
    with media.ready("s", {"it": item}, Cancel(), lambda _done, _total: None) as found:
        assert found
        assert found.values["it"].nbytes <= remote_media.encoded_nbytes(item)
        return found.values["it"]


def opened(picture: str) -> PillowImage.Image:
    return PillowImage.open(io.BytesIO(base64.b64decode(picture)))


def test_a_picture_is_resized_here_and_sent_without_loss(tmp_path: Path) -> None:
    path = media_files.photo(tmp_path / "a.jpg", (320, 240))
    item = item_of(Image(path, SMALL))
    part = content_part(MediaSlot(item), encoded(item))
    url = part["image_url"]["url"]
    assert url.startswith("data:image/png;base64,")
    sent = opened(url.partition(",")[2])
    expected = resize.resize(PillowImage.open(path).convert("RGB"), item.size)
    assert sent.size == item.size == (112, 84)
    assert np.array_equal(np.asarray(sent), np.asarray(expected))


def test_a_picture_of_the_right_size_already_is_sent_as_it_is(tmp_path: Path) -> None:
    path = media_files.photo(tmp_path / "a.png", (112, 112))
    sent = opened(encoded(item_of(Image(path, SMALL))).pictures[0])
    assert np.array_equal(np.asarray(sent), np.asarray(PillowImage.open(path)))


def test_an_upright_picture_is_sent_upright(tmp_path: Path) -> None:
    path = media_files.exif_rotated(tmp_path / "a.jpg", 6, (112, 56))
    sent = opened(encoded(item_of(Image(path, SMALL))).pictures[0])
    red, _, _ = sent.getpixel((5, 5))  # type: ignore[misc]
    assert sent.size == (112, 56) and red > 200


def test_a_picture_too_large_for_servers_is_sent_as_jpeg_of_the_same_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote_media, "MAX_PNG_BYTES", 1000)
    item = item_of(Image(media_files.photo(tmp_path / "a.png"), SMALL))
    sent = encoded(item)
    assert sent.mime == "image/jpeg" and opened(sent.pictures[0]).size == item.size


def test_a_clip_is_sent_as_its_sampled_frames(tmp_path: Path) -> None:
    path = media_files.clip(tmp_path / "a.mp4", 20, size=(112, 84))
    item = item_of(Video(path, SMALL))
    url = content_part(MediaSlot(item), encoded(item))["video_url"]["url"]
    assert url.startswith("data:video/jpeg;base64,")
    sent = [np.asarray(opened(frame)) for frame in url.partition(",")[2].split(",")]
    chosen = [pixels for _, pixels in video.frames(Video(path), item.times)]
    numbers = [media_files.number_of(pixels) for pixels in chosen]
    assert [media_files.number_of(pixels) for pixels in sent] == numbers
    assert len(set(numbers)) == 4
    for pixels in sent:
        assert (pixels.shape[1], pixels.shape[0]) == item.size


def test_frames_keep_all_of_their_colours(tmp_path: Path) -> None:
    item = item_of(Video(media_files.clip(tmp_path / "a.mp4", 20), SMALL))
    sent = opened(encoded(item).pictures[0])
    assert isinstance(sent, JpegImageFile)
    assert {(across, down) for _, across, down, _ in sent.layer} == {(1, 1)}


def test_one_frame_can_be_sent_alone(tmp_path: Path) -> None:
    item = item_of(Video(media_files.clip(tmp_path / "a.mp4", 20), SMALL))
    whole = encoded(item)
    part = content_part(MediaSlot(item, 2), whole)
    assert part["image_url"]["url"] == f"data:image/jpeg;base64,{whole.pictures[2]}"
