from __future__ import annotations

import base64
import contextlib
import hashlib
import io
import struct
import subprocess
import sys
import threading
import time
import zlib
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pillow_heif
import pytest
from PIL import Image, ImageColor, TiffImagePlugin

from model.errors import MediaError
from model.media.download import fetch
from model.media.image import (
    image_size,
    is_turned,
    mime_type,
    open_image,
    pages,
)
from model.media.signatures import kind
from model.media.source import fingerprint
from tests.support.hostile_files import advisories
from tests.support.media_files import (
    CORNERS,
    clip,
    corners,
    exif_rotated,
    photo,
    solid,
    truncated,
)

CORNER_LEVELS = ((255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255))
WHITE, BLACK = (255, 255, 255), (0, 0, 0)


def corner_colours(image: Image.Image) -> list[tuple[int, ...]]:
    right, bottom = image.width - 4, image.height - 4
    places = (3, 3), (right, 3), (3, bottom), (right, bottom)
    colours = [image.getpixel(place) for place in places]
    return [colour for colour in colours if isinstance(colour, tuple)]


def data_url(content: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(content).decode()


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".gif", ".bmp", ".tif"])
def test_every_allowed_format_opens_as_rgb(tmp_path: Path, suffix: str) -> None:
    image = open_image(solid(tmp_path / f"a{suffix}", "red", (60, 40)))
    assert (image.mode, image.size) == ("RGB", (60, 40))
    assert image.getpixel((30, 20)) == pytest.approx((255, 0, 0), abs=3)


def test_a_phones_multi_picture_file_gives_its_first_picture(tmp_path: Path) -> None:
    path = tmp_path / "phone.jpg"
    other = Image.new("RGB", (10, 10), "blue")
    Image.new("RGB", (60, 40), "red").save(path, "MPO", save_all=True, append_images=[other])
    assert open_image(path).size == image_size(path) == (60, 40)


def test_only_the_scans_of_the_first_picture_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Image.new("RGB", (60, 40), "red").save(path := tmp_path / "phone.jpg", progressive=True)
    scans = path.read_bytes().count(b"\xff\xda")
    monkeypatch.setattr("model.media.image.MAX_SCANS", scans)
    path.write_bytes(path.read_bytes() * 2)  # as phones put a second picture behind
    assert open_image(path).size == (60, 40)
    monkeypatch.setattr("model.media.image.MAX_SCANS", scans - 1)
    with pytest.raises(MediaError, match="would take too long to read"):
        open_image(path)


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tif"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_picture_is_upright_however_the_camera_was_held(
    tmp_path: Path, orientation: int, suffix: str
) -> None:
    path = exif_rotated(tmp_path / f"a{suffix}", orientation, (64, 32))
    image = open_image(path)
    assert image.size == image_size(path) == (64, 32)
    assert is_turned(path) == (orientation > 1 and suffix != ".tif")  # Pillow turns a TIFF itself
    for seen, wanted in zip(corner_colours(image), CORNERS, strict=True):
        assert seen == pytest.approx(ImageColor.getrgb(wanted), abs=40)


def test_a_nonsense_orientation_is_no_orientation(tmp_path: Path) -> None:
    assert open_image(exif_rotated(tmp_path / "a.png", 77, (64, 32))).size == (64, 32)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "PA", "P"])
def test_transparency_is_laid_over_white(tmp_path: Path, mode: str) -> None:
    clear = Image.new("RGBA", (20, 20), (0, 0, 0, 0))
    clear.paste((0, 0, 0, 255), (0, 0, 10, 20))
    suffix = ".png"
    options: dict[str, Any] = {}
    if mode == "P":
        suffix, options = ".gif", {"transparency": 1}
        picture = Image.new("P", (20, 20), 1)
        picture.putpalette([0, 0, 0, 9, 9, 9])
        picture.paste(0, (0, 0, 10, 20))
    elif mode == "PA":
        picture = clear.quantize(4)
    else:
        picture = clear.convert(mode)
    path = tmp_path / f"a{suffix}"
    picture.save(path, **options)
    image = open_image(path)
    assert image.getpixel((2, 10)) == BLACK
    assert image.getpixel((17, 10)) == WHITE


def test_half_transparent_is_half_white(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Image.new("RGBA", (9, 9), (0, 0, 0, 128)).save(path)
    assert open_image(path).getpixel((4, 4)) == pytest.approx((127, 127, 127), abs=1)


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_sixteen_bit_levels_are_scaled_not_clipped(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    Image.fromarray(np.array([[0, 32896, 65535]], np.uint16)).save(path)
    levels = np.asarray(open_image(path))[0, :, 0].tolist()
    assert levels == [0, 128, 255]


@pytest.mark.parametrize(
    "levels, wanted",
    [
        (np.array([[0, 128, 255]], np.int32), [0, 128, 255]),
        (np.array([[0, 32896, 65535]], np.int32), [0, 128, 255]),
        (np.array([[0.0, 0.5, 1.0]], np.float32), [0, 128, 255]),
        (np.array([[np.nan, 128, 255]], np.float32), [0, 128, 255]),
        (np.array([[np.inf, -np.inf, 255]], np.float32), [0, 0, 255]),
    ],
)
def test_scientific_levels_keep_black_and_white(
    tmp_path: Path, levels: np.ndarray, wanted: list[int]
) -> None:
    path = tmp_path / "a.tif"
    Image.fromarray(levels).save(path)
    assert np.asarray(open_image(path))[0, :, 0].tolist() == wanted


@pytest.mark.parametrize("mode", ["1", "L"])
def test_gray_and_bilevel_pictures_keep_their_levels(tmp_path: Path, mode: str) -> None:
    path = tmp_path / "a.png"
    Image.new("L", (8, 8), 255).convert(mode).save(path)
    assert open_image(path).getpixel((4, 4)) == WHITE


def test_a_printers_cmyk_becomes_rgb(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    Image.new("CMYK", (16, 16), (0, 255, 255, 0)).save(path)
    assert open_image(path).getpixel((8, 8)) == pytest.approx((255, 0, 0), abs=5)


@pytest.mark.parametrize("suffix", [".gif", ".webp", ".png"])
def test_an_animation_gives_its_first_frame(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    more = [Image.new("RGB", (20, 20), "blue")]
    Image.new("RGB", (20, 20), "red").save(path, save_all=True, append_images=more)
    assert open_image(path).getpixel((9, 9)) == pytest.approx((255, 0, 0), abs=3)


def test_a_source_may_be_a_path_a_string_its_bytes_or_a_data_url(tmp_path: Path) -> None:
    path = photo(tmp_path / "a.png")
    content = path.read_bytes()
    for source in (path, str(path), content, data_url(content)):
        assert open_image(source).tobytes() == Image.open(path).tobytes()
        assert image_size(source) == (320, 240)
        assert fingerprint(source) == hashlib.sha256(content).hexdigest()


def test_the_size_is_read_without_the_pixels(tmp_path: Path) -> None:
    path = truncated(photo(tmp_path / "a.png"), 0.2)
    assert image_size(path) == (320, 240)


def bomb_png(width: int, height: int) -> bytes:
    """A PNG that declares its size and holds hardly anything."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        check = zlib.crc32(kind + body)
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", check)

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    pixels = zlib.compress(bytes(1000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels)


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("side", [10_001, 30_000])
def test_a_decompression_bomb_is_refused_from_its_header(tmp_path: Path, side: int) -> None:
    path = tmp_path / "bomb.png"
    path.write_bytes(bomb_png(side, side))
    for read in (open_image, image_size):
        with pytest.raises(MediaError, match=r"bomb\.png has .*100 million.* make it smaller"):
            read(path)


STRANGERS = {
    "empty.png": (b"", "is an empty file"),
    "hello.jpg": (b"hello", "is not a picture"),
    "page.png": (b"<!DOCTYPE html><html></html>", "is a web page"),
    "drawing.svg": (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "is an SVG drawing"),
    "drawing2.svg": (b"<?xml version='1.0'?>\n<svg/>", "is an SVG drawing"),
    "phone.jpg": (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "is a HEIC picture"),
    "canon.cr3": (b"\0\0\0\x18ftypcrx \0\0\0\1crx isom", "is a raw photo"),
    "canon.heic": (b"\0\0\0\x18ftypcrx \0\0\0\1heicmif1", "is a raw photo"),
    "old.cr2": (b"II*\0\x10\0\0\0CR\2\0" + bytes(40), "is a raw photo"),
    "fuji.raf": (b"FUJIFILMCCD-RAW 0201", "is a raw photo"),
    "olympus.orf": (b"IIRO\x08\0\0\0", "is a raw photo"),
    "paper.png": (b"%PDF-1.7\n", "is a PDF document"),
    "pack.png": (b"PK\x03\x04rest", "is a ZIP archive; unpack it"),
    "letter.docx": (
        b"PK\x03\x04" + bytes(26) + b"[Content_Types].xml",
        "is an office document; save the page",
    ),
    "letter.odt": (
        b"PK\x03\x04" + bytes(26) + b"mimetypeapplication/vnd.oasis.opendocument.text",
        "is an office document",
    ),
    "cut.png": (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "is damaged"),
}


@pytest.mark.parametrize("name", STRANGERS)
def test_what_is_no_picture_is_named_with_the_remedy(tmp_path: Path, name: str) -> None:
    content, reason = STRANGERS[name]
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(
        MediaError, match=f"^{name} ({reason}).*attach (it again|another|that|the pictures)"
    ) as refused:
        open_image(path)
    assert str(tmp_path) not in str(refused.value)


def test_a_heic_picture_is_read_where_its_decoder_is_installed(tmp_path: Path) -> None:
    path = tmp_path / "IMG_0001.HEIC"
    pillow_heif.from_pillow(corners((64, 32))).save(path, quality=100)
    seen = corner_colours(open_image(path))
    assert np.abs(np.array(seen, int) - np.array(CORNER_LEVELS)).max() < 40
    assert image_size(path) == (64, 32)
    assert pages(path) == 1
    assert mime_type(path) == "image/heif"


def test_a_heic_picture_is_named_where_its_decoder_is_not_installed(tmp_path: Path) -> None:
    path = tmp_path / "IMG_0001.HEIC"
    pillow_heif.from_pillow(corners((64, 32))).save(path)
    without = (
        "import sys; sys.modules['pillow_heif'] = None\n"
        "from model.errors import MediaError; from model.media.image import open_image\n"
        "try: open_image(sys.argv[1])\n"
        "except MediaError as error: print(error)"
    )
    ran = subprocess.run([sys.executable, "-c", without, path], capture_output=True, text=True)
    assert "IMG_0001.HEIC is a HEIC picture, which cannot be read" in ran.stdout, ran.stderr


BRANDS = [
    "heic",
    "heix",
    "heim",
    "heis",
    "hevc",
    "hevx",
    "hevm",
    "hevs",
    "mif1",
    "mif2",
    "msf1",
    "miaf",
    "MiHE",
    "MiHB",
    "MiPr",
    "avci",
]


@pytest.mark.parametrize("brand", BRANDS)
@pytest.mark.parametrize("own", [True, False])
def test_every_brand_of_heif_is_called_a_heic_picture(
    tmp_path: Path, brand: str, own: bool
) -> None:
    major, others = (brand, "abcd") if own else ("abcd", f"efgh{brand}")
    head = f"ftyp{major}\0\0\0\0{others}".encode()
    path = tmp_path / "a.jpg"
    path.write_bytes((4 + len(head)).to_bytes(4) + head + bytes(500))
    with pytest.raises(MediaError, match="is a HEIC picture"):
        open_image(path)
    assert kind(path) == "image"


@pytest.mark.parametrize("suffix", [".nef", ".ARW", ".dng", ".pef", ".cr2"])
def test_a_raw_photo_that_is_a_tiff_is_not_taken_for_its_preview(
    tmp_path: Path, suffix: str
) -> None:
    path = photo(tmp_path / "a.tif").rename(tmp_path / f"a{suffix}")
    with pytest.raises(MediaError, match="is a raw photo, which cannot be read"):
        open_image(path)


def test_a_dng_under_another_name_is_a_raw_photo(tmp_path: Path) -> None:
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    tags[50706] = b"\1\4\0\0"
    path = photo(tmp_path / "a.tif", tiffinfo=tags)
    with pytest.raises(MediaError, match="is a raw photo"):
        image_size(path)


@pytest.mark.parametrize("kind_of_levels", [np.uint8, np.uint16])
@pytest.mark.parametrize("photometric", [0, 1])
def test_a_picture_whose_white_is_zero_is_no_negative(
    tmp_path: Path, kind_of_levels: type[np.generic], photometric: int
) -> None:
    peak = 255 if kind_of_levels is np.uint8 else 65535
    dark_left = np.repeat(np.array([[0, peak]]), 4, 0).astype(kind_of_levels)
    stored = peak - dark_left if photometric == 0 else dark_left
    path = tmp_path / "a.tif"
    Image.fromarray(stored.astype(kind_of_levels)).save(path)
    content = bytearray(path.read_bytes())
    entry = content.index(bytes((0x06, 0x01, 3, 0, 1, 0, 0, 0)))
    content[entry + 8] = photometric
    path.write_bytes(content)
    seen = np.asarray(open_image(path))
    assert (seen[0, 0].tolist(), seen[0, 1].tolist()) == ([0, 0, 0], [255, 255, 255])


@pytest.mark.parametrize("suffix", [".tif", ".gif", ".webp", ".png", ".avif"])
@pytest.mark.parametrize("count", [1, 3])
def test_a_file_says_how_many_pages_it_has(tmp_path: Path, suffix: str, count: int) -> None:
    first, *others = (Image.new("RGB", (32, 32), c) for c in ("red", "lime", "blue")[:count])
    path = tmp_path / f"a{suffix}"
    first.save(path, save_all=True, append_images=others)
    assert pages(path) == count
    assert np.asarray(open_image(path))[16, 16, 0] > 200, "the first is read"


def test_a_clip_is_no_picture(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="is a video"):
        open_image(clip(tmp_path / "a.mp4", 2))


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".gif", ".tif"])
def test_a_cut_off_picture_is_damaged(tmp_path: Path, suffix: str) -> None:
    path = truncated(photo(tmp_path / f"a{suffix}"))
    with pytest.raises(MediaError, match=r"^a\.\w+ (is damaged|is not a picture)"):
        open_image(path)


@pytest.mark.parametrize("seed", range(40))
def test_a_corrupt_picture_opens_or_is_refused(tmp_path: Path, seed: int) -> None:
    draw = np.random.default_rng(seed)
    suffix = (".png", ".jpg", ".webp", ".gif", ".tif", ".bmp")[seed % 6]
    path = photo(tmp_path / f"a{suffix}", (64, 48))
    content = np.frombuffer(path.read_bytes(), np.uint8).copy()
    for place in draw.integers(0, len(content), 8):
        content[place] = draw.integers(0, 256)
    for place in draw.integers(0, min(200, len(content)), 3):
        content[place] = draw.integers(0, 256)
    for read in (open_image, image_size):
        try:
            read(content.tobytes())
        except MediaError as error:
            assert str(error).endswith("attach it again.")


def test_a_bomb_in_a_text_chunk_is_refused(tmp_path: Path) -> None:
    body = b"note\0\0" + zlib.compress(bytes(2**22))
    chunk = struct.pack(">I", len(body)) + b"zTXt" + body
    chunk += struct.pack(">I", zlib.crc32(b"zTXt" + body))
    good = solid(tmp_path / "a.png").read_bytes()
    with pytest.raises(MediaError, match="attach it again"):
        open_image(good[:33] + chunk + good[33:])


@pytest.mark.parametrize("url", ["data:image/png,abc", "data:image/png;base64,@@@", "data:"])
def test_a_broken_data_url_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(MediaError, match=r"^The picture is not a complete base64"):
        open_image(url)


def test_messages_call_the_picture_what_the_person_calls_it(tmp_path: Path) -> None:
    path = tmp_path / "c0ffee.png"
    path.write_bytes(b"hello")
    with pytest.raises(MediaError, match=r"^holiday\.png is not"):
        open_image(path, name="holiday.png")


@pytest.mark.parametrize("path", ["gone.png", "", ".", "nul\0.png"])
def test_a_file_that_is_gone_has_to_be_attached_again(tmp_path: Path, path: str) -> None:
    for read in (open_image, image_size, fingerprint):
        with pytest.raises(MediaError, match=r"cannot be read any more; attach it again\.$"):
            read(str(tmp_path / path))


class Served(BaseHTTPRequestHandler):
    """Says which addresses were asked for, in the server's `asked`."""

    asked: list[str]

    def do_GET(self) -> None:
        self.asked.append(self.path)
        if self.path == "/a.png":
            self.send_response(200)
            self.end_headers()
            Image.new("RGB", (30, 20)).save(content := io.BytesIO(), "PNG")
            self.wfile.write(content.getvalue())
            return
        if self.path == "/huge":
            self.send_response(200)
            self.end_headers()
            for _ in range(33):
                self.wfile.write(bytes(2**20))
            return
        if self.path == "/dripping":
            self.send_response(200)
            self.end_headers()
            with contextlib.suppress(OSError):  # hung up on
                for _ in range(100):
                    self.wfile.write(b" ")
                    time.sleep(0.05)
            return
        if self.path.startswith("/to?"):
            self.send_response(302)
            self.send_header("Location", self.path.removeprefix("/to?"))
            self.end_headers()
            return
        self.send_error(404)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def site() -> Iterator[str]:
    Served.asked = []
    with ThreadingHTTPServer(("127.0.0.1", 0), Served) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_fetching_an_address_gives_a_source(site: str) -> None:
    assert image_size(fetch(f"{site}/a.png")) == (30, 20)
    assert open_image(fetch(f"{site}/to?{site}/a.png")).size == (30, 20)


def test_only_fetch_goes_out_to_the_network(site: str) -> None:
    for read in (open_image, image_size, fingerprint):
        with pytest.raises(MediaError, match="is a web address; download it"):
            read(f"{site}/a.png")
    assert Served.asked == []


@pytest.mark.parametrize("target", ["file:///etc/hosts", "ftp://127.0.0.1/a.png", "/missing"])
def test_an_address_that_leads_elsewhere_is_refused(site: str, target: str) -> None:
    with pytest.raises(MediaError, match=r"could not be fetched.*attach the file"):
        fetch(f"{site}/to?{target}")


def test_only_web_addresses_are_fetched() -> None:
    with pytest.raises(MediaError, match="not an http or https address"):
        fetch("file:///etc/hosts")


def test_a_server_that_sends_too_much_is_given_up_on(site: str) -> None:
    with pytest.raises(MediaError, match="larger than 32 MB"):
        fetch(f"{site}/huge")


def test_a_server_that_drips_is_given_up_on(site: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("model.media.download.FETCH_S", 0.2)
    with pytest.raises(MediaError, match=r"could not be fetched \(not done after 0\.2 s\)"):
        fetch(f"{site}/dripping")


def test_a_bug_of_ours_is_no_damaged_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: object) -> object:
        raise NameError("own bug")

    monkeypatch.setattr("model.media.image._rgb", broken)
    with pytest.raises(NameError, match="own bug"):
        open_image(photo(tmp_path / "a.png", (32, 32)))


def test_what_a_short_strip_lacks_shows_nothing_of_the_memory(tmp_path: Path) -> None:
    advisories.short_strip(path := tmp_path / "a.tif")
    missing = np.asarray(open_image(path))[16:].reshape(-1, 3)
    assert len(np.unique(missing, axis=0)) == 1
