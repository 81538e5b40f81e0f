"""Files that strangers attach: hostile, damaged, mistaken or merely unusual, each made on the spot.

A `Case` says what is right: how the model sees the file, or what the person is told and when.
"""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import av
import numpy as np
from PIL import Image, ImageCms

from tests import media_files
from tests.media_files import corners, exif_rotated, numbered_frame, photo, truncated

Make = Callable[[Path], object]
WIDE = (64, 32)  # of `corners`


@dataclass(frozen=True)
class Case:
    """`make` writes a file that a person calls `name`."""

    name: str
    make: Make
    kind: Literal["image", "video"] = "image"
    size: tuple[int, int] = (0, 0)  # as it is to be seen, upright
    upright: bool = False  # whether its quarters are `CORNERS`
    numbers: tuple[int, ...] = ()  # of the frames that the model sees, of `numbered_frame`
    refused: str = ""  # what is said of it; else it works
    when: Literal["attaching", "pricing"] = "attaching"


def works(name: str, make: Make, size: tuple[int, int] = WIDE, *, upright: bool = True) -> Case:
    """A picture that can be asked about."""
    return Case(name, make, "image", size, upright)


def plays(name: str, make: Make, *numbers: int, size: tuple[int, int] = (64, 48)) -> Case:
    """A clip that can be asked about."""
    return Case(name, make, "video", size, numbers=numbers)


def refused(
    name: str, make: Make, said: str, when: Literal["attaching", "pricing"] = "attaching"
) -> Case:
    return Case(name, make, refused=said, when=when)


def cases() -> list[Case]:
    return [
        *_formats(),
        *_turned(),
        *_colours(),
        *_animations(),
        *_profiles(),
        *_extreme_sizes(),
        *_declared_sizes(),
        *_wrong_names(),
        *_damaged_pictures(),
        *_picture_bombs(),
        *_no_pictures(),
        *_unusual_clips(),
        *_turned_clips(),
        *_lying_clips(),
        *_damaged_clips(),
        *_clips_without_pictures(),
        *_playlists(),
        *_clip_bombs(),
    ]


# Pictures


def _saved(image: Image.Image, form: str, **options: Any) -> Make:
    return lambda path: image.save(path, form, **options)


def _written(content: bytes) -> Make:
    return lambda path: path.write_bytes(content)


def _formats() -> Iterator[Case]:
    for suffix in ("png", "webp", "gif", "bmp", "tif", "avif"):
        yield works(f"form.{suffix}", lambda path: corners().save(path))
    lossless = {"quality": 100, "subsampling": 0}
    yield works("form.jpg", _saved(corners(), "JPEG", **lossless))
    yield works("progressive.jpg", _saved(corners(), "JPEG", progressive=True, **lossless))
    phone = _saved(corners(), "MPO", save_all=True, append_images=[corners((8, 8))], **lossless)
    yield works("phone.jpg", phone)
    yield works("moving.jpg", _with_tail)


def _with_tail(path: Path) -> None:
    """A phone's motion photo: a clip behind the picture, with what looks like many scans."""
    corners().save(path, "JPEG", quality=100, subsampling=0, progressive=True)
    path.write_bytes(path.read_bytes() + b"ftypmp42" + b"\xff\xda" * 1000)


def _turned() -> Iterator[Case]:
    for orientation in range(1, 9):
        turned = partial(exif_rotated, orientation=orientation)
        yield works(f"held-{orientation}.jpg", turned)
    for suffix in ("png", "webp", "avif", "tif"):
        yield works(f"held.{suffix}", partial(exif_rotated, orientation=6))
    yield works("nonsense.png", partial(exif_rotated, orientation=77))


def _colours() -> Iterator[Case]:
    opaque = corners().convert("RGBA")
    faded = opaque.copy()
    faded.putalpha(Image.linear_gradient("L").resize(WIDE))
    grey = Image.linear_gradient("L").resize(WIDE)
    deep = Image.fromarray(np.asarray(grey, np.uint16) * 257)
    yield works("alpha.png", _saved(opaque, "PNG"))
    yield works("faded.webp", _saved(faded, "WEBP", lossless=True), upright=False)
    yield works("grey-alpha.png", _saved(faded.convert("LA"), "PNG"), upright=False)
    yield works("palette.png", _saved(corners().quantize(8), "PNG"))
    yield works("palette-alpha.png", _saved(faded.quantize(8), "PNG"), upright=False)
    yield works("grey.jpg", _saved(grey, "JPEG"), upright=False)
    yield works("bilevel.tif", _saved(grey.convert("1"), "TIFF"), upright=False)
    yield works("sixteen.png", _saved(deep, "PNG"), upright=False)
    yield works("sixteen.tif", _saved(deep, "TIFF"), upright=False)
    yield works("float.tif", _saved(grey.convert("F"), "TIFF"), upright=False)
    yield works("print.jpg", _saved(corners().convert("CMYK"), "JPEG", quality=100))
    yield works("print.tif", _saved(corners().convert("CMYK"), "TIFF"))
    yield works("lab.tif", _saved(Image.new("LAB", WIDE), "TIFF"), upright=False)
    yield works("sixteen-colours.png", _written(_png(WIDE, 16, b"\xff\xff\0\0\0\0")), upright=False)


def _animations() -> Iterator[Case]:
    rest = [Image.new("RGB", WIDE, "blue")] * 3
    for suffix, form in (("gif", "GIF"), ("webp", "WEBP"), ("png", "PNG"), ("avif", "AVIF")):
        lossless = {"lossless": True} if form == "WEBP" else {}
        moving = _saved(corners(), form, save_all=True, append_images=rest, **lossless)
        yield works(f"moving.{suffix}", moving)


def _profiles() -> Iterator[Case]:
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for suffix, form in (("jpg", "JPEG"), ("png", "PNG"), ("webp", "WEBP")):
        options = {"quality": 100, "icc_profile": srgb}
        yield works(f"with-profile.{suffix}", _saved(corners(), form, **options))
    yield works("broken-profile.png", _saved(corners(), "PNG", icc_profile=b"no profile" * 99))


def _extreme_sizes() -> Iterator[Case]:
    for size in ((1, 1), (27, 300), (1, 200), (200, 1), (3, 2)):
        strip = Image.new("RGB", size, "red")
        yield works(f"{size[0]}x{size[1]}.png", _saved(strip, "PNG"), size, upright=False)
    for size in ((1, 20000), (20000, 1), (1, 201)):
        name, strip = f"{size[0]}x{size[1]}.png", Image.new("RGB", size, "red")
        said = f"{name} is {size[0]}x{size[1]} pixels; one side can be at most 200 times"
        yield refused(name, _saved(strip, "PNG"), said, "pricing")


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def _png(size: tuple[int, int], depth: int = 8, pixel: bytes = b"", extra: bytes = b"") -> bytes:
    """A PNG that declares its size; without a `pixel` there is hardly anything in it."""
    rows = (b"\0" + pixel * size[0]) * size[1] if pixel else bytes(1000)
    header = struct.pack(">IIBBBBB", *size, depth, 2, 0, 0, 0)
    parts = _chunk(b"IHDR", header), extra, _chunk(b"IDAT", zlib.compress(rows))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts) + _chunk(b"IEND", b"")


def _encoded(form: str, size: tuple[int, int] = (8, 8), **options: Any) -> bytes:
    Image.new("RGB", size, "red").save(content := io.BytesIO(), form, **options)
    return content.getvalue()


def _declared_sizes() -> Iterator[Case]:
    """Small files that would take gigabytes."""
    said = "has more than 100 million pixels; make it smaller"
    yield refused("bomb.png", _written(_png((30000, 30000))), said)
    gif = bytearray(_encoded("GIF"))
    gif[6:10] = struct.pack("<HH", 30000, 30000)
    yield refused("bomb.gif", _written(bytes(gif)), said)
    jpeg = bytearray(_encoded("JPEG"))
    frame = jpeg.index(b"\xff\xc0")
    jpeg[frame + 5 : frame + 9] = struct.pack(">HH", 30000, 30000)
    yield refused("bomb.jpg", _written(bytes(jpeg)), said)
    bmp = bytearray(_encoded("BMP"))
    bmp[18:26] = struct.pack("<ii", 30000, 30000)
    yield refused("bomb.bmp", _written(bytes(bmp)), said)
    webp = bytearray(_encoded("WEBP", lossless=True))
    webp[21:25] = struct.pack("<I", (16383 << 14) | 16383)
    yield refused("bomb.webp", _written(bytes(webp)), "bomb.webp ")


def _wrong_names() -> Iterator[Case]:
    yield works("really-png.jpg", _saved(corners(), "PNG"))
    yield works("really-png.mp4", _saved(corners(), "PNG"))
    yield works("really-tiff.png", _saved(corners(), "TIFF"))
    yield works("without-suffix", _saved(corners(), "PNG"))
    yield works("SHOUTED.PNG", _saved(corners(), "PNG"))
    yield works("sound.mp3", _saved(corners(), "PNG"))
    yield works("<b>${1}'\"\n.png", _saved(corners(), "PNG"))
    yield plays("really-mp4.jpg", _renamed("mp4"), 0, 5)
    yield plays("really-mp4.pdf", _renamed("mp4"), 0, 5)
    yield plays("really-webm.mp4", _renamed("webm", codec="vp9"), 0, 5)
    yield plays("really-avi.mp4", _renamed("avi", codec="mpeg4"), 0, 5)
    yield plays("clip-without-suffix", _renamed("mkv"), 0, 5)


def _renamed(suffix: str, **options: Any) -> Make:
    def make(path: Path) -> None:
        media_files.clip(inside := path.with_name(f"inside.{suffix}"), 10, **options)
        inside.rename(path)

    return make


def _damaged_pictures() -> Iterator[Case]:
    for suffix in ("jpg", "png", "webp", "gif", "avif", "tif"):
        yield refused(f"cut.{suffix}", lambda path: truncated(photo(path), 0.6), "attach it again")
    for suffix in ("jpg", "png", "webp", "gif"):
        yield refused(
            f"beginning.{suffix}", lambda path: truncated(photo(path), 0.005), "attach it"
        )
    yield refused("blot.png", partial(_blotted, at=0.5), "is damaged or incomplete")
    yield refused("blot-in-front.jpg", partial(_blotted, at=0.0), "is not a picture that can be")
    for suffix in ("jpg", "webp"):  # what can be seen of these is seen
        blotted = partial(_blotted, at=0.5)
        yield works(f"blot.{suffix}", blotted, (320, 240), upright=False)
    yield refused("empty.png", _written(b""), "is empty; attach it again")


def _blotted(path: Path, at: float) -> None:
    content = bytearray(photo(path).read_bytes())
    start = int(len(content) * at)
    content[start : start + 200] = bytes(200)
    path.write_bytes(content)


def _picture_bombs() -> Iterator[Case]:
    """Little in them, much to do."""
    text = b"note\0\0" + zlib.compress(bytes(2**25))
    yield refused("text.png", _written(_png((8, 8), extra=_chunk(b"zTXt", text))), "is damaged")
    profile = b"icc\0\0" + zlib.compress(bytes(2**26))
    yield refused("profile.png", _written(_png((8, 8), extra=_chunk(b"iCCP", profile))), "damaged")
    many = _png((8, 8), 8, b"\xff\0\0", _chunk(b"tEXt", b"k\0v") * 50_000)
    yield works("many-chunks.png", _written(many), (8, 8), upright=False)
    yield refused("tags.png", _written(tag_bomb()), "takes too much time or memory")
    yield refused("scans.jpg", _written(scan_bomb(3000)), "would take too long")


def tag_bomb(tags: int = 5000, size: int = 2_000_000) -> bytes:
    """A PNG whose EXIF tags all hold the same two megabytes."""
    listed = (struct.pack("<HHLL", 1000 + i, 1, size - 100, 8) for i in range(tags))
    exif = b"II*\0" + struct.pack("<LH", 8, tags) + b"".join(listed) + bytes(4)
    return _png((8, 8), 8, b"\xff\0\0", _chunk(b"eXIf", exif + bytes(size - len(exif))))


def scan_bomb(scans: int, size: tuple[int, int] = (5000, 5000)) -> bytes:
    """A JPEG whose last scan is there so often."""
    content = _encoded("JPEG", size, progressive=True)
    last = content[content.rindex(b"\xff\xc4") : -2]
    return content[:-2] + last * scans + b"\xff\xd9"


def _no_pictures() -> Iterator[Case]:
    html, svg = b"<!DOCTYPE html><script>alert(1)</script>", b"<svg onload='alert(1)'/>"
    for suffix in ("png", "jpg"):
        yield refused(f"page.{suffix}", _written(html), "is a web page")
        yield refused(f"paper.{suffix}", _written(b"%PDF-1.7\n%%EOF"), "is a PDF document")
        yield refused(f"pack.{suffix}", _zip, "is a ZIP archive")
        yield refused(f"drawn.{suffix}", _written(svg), "is an SVG drawing")
    yield refused("drawing.svg", _written(b"<?xml version='1.0'?>\n" + svg), "is an SVG drawing")
    yield refused("page.html", _written(html), "is a web page")
    yield refused("paper.pdf", _written(b"%PDF-1.7\n%%EOF"), "is a PDF document")
    for brand in (b"heic", b"heix", b"mif1"):
        content = b"\0\0\0\x18ftyp" + brand + b"\0\0\0\0mif1heic"
        yield refused(f"{brand.decode()}.heic", _written(content), "is a HEIC picture")
    yield refused("renamed-heic.jpg", _written(b"\0\0\0\x18ftypheic\0\0\0\0heic"), "a HEIC picture")
    broken = b"\0\0\0\x18ftypavif\0\0\0\0mif1avif"
    yield refused("broken.avif", _written(broken), "save it as PNG or JPEG")
    yield refused("notes.txt", _written(b"hello"), "is neither a picture nor a video; attach")
    yield refused("notes.png", _written(b"hello"), "is not a picture that can be read; save it")
    yield refused("icon.ico", _saved(Image.new("RGB", (16, 16)), "ICO"), "is not a picture")
    yield refused("script.eps", _written(b"%!PS-Adobe-3.0 EPSF-3.0\n"), "attach")
    yield refused("zeros.png", _written(bytes(4096)), "is not a picture that can be read")


def _zip(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.png", _encoded("PNG"))


# Clips


def _clip(frames: Any = 10, **options: Any) -> Make:
    return lambda path: media_files.clip(path, frames, **options)


def _unusual_clips() -> Iterator[Case]:
    yield plays("one-frame.mp4", _clip(1), 0, 0)
    yield plays("two-frames.mp4", _clip(2, fps=2), 0, 1)
    yield plays("odd.webm", _clip(codec="vp9", size=(75, 49)), 0, 5, size=(75, 49))
    yield plays("tiny.mp4", _clip(size=(16, 16)), 0, 5, size=(16, 16))
    yield plays("variable.mp4", _clip(4, times=(0.0, 0.4, 0.6, 1.6)), 0, 1, 2, 2)
    yield plays("slow.mkv", _clip(3, fps=0.5), 0, 1, 2, 2)
    yield plays("fast.mp4", _clip(100, fps=100), 0, 50)
    yield plays("sounding.mp4", _clip(sound=True), 0, 5)
    yield plays("stream.ts", _clip(), 0, 5)
    yield plays("streaming.mp4", _clip(header_first=True), 0, 5)
    yield plays("hevc.mp4", _clip(codec="hevc"), 0, 5)
    large = [np.full((4320, 7680, 3), 90, np.uint8)] * 2
    yield Case("8k.mp4", _clip(large), "video", (7680, 4320))
    larger = [np.full((6000, 8000, 3), 90, np.uint8)]
    yield refused("48-megapixels.avi", _clip(larger, codec="mpeg4"), "at most 8K can be read")
    yield Case("growing.ts", growing, "video", (64, 48), numbers=(0, 5, 0, 5))
    sliver = [np.zeros((16, 3600, 3), np.uint8)] * 2
    yield refused("sliver.mp4", _clip(sliver), "so crop it and attach it again", "pricing")


def growing(path: Path) -> None:
    """Frames become larger on the way."""
    first = media_files.clip(path.with_name("first.ts"), 10).read_bytes()
    later = [1.2 + i / 10 for i in range(10)]  # of which the container takes 0.2 s
    second = media_files.clip(path.with_name("second.ts"), 10, size=(128, 96), times=later)
    path.write_bytes(first + second.read_bytes())


def _turned_clips() -> Iterator[Case]:
    stored = [np.asarray(corners())] * 2
    for degrees in (90, 180, 270):
        turned = corners().rotate(-degrees, expand=True)
        frames = [np.asarray(turned)] * 2
        yield Case(f"held-{degrees}.mp4", _clip(frames, degrees=degrees), "video", WIDE, True)
    yield Case("upright.mov", _clip(stored), "video", WIDE, True)


def _lying_clips() -> Iterator[Case]:
    """Their headers say something else than what is there."""
    yield plays("long-header.mp4", partial(_with_header_duration, seconds=10_800), 0, 5)
    yield plays("endless-header.mp4", partial(_with_header_duration, seconds=4_000_000), 0, 5)
    yield plays("endless-header.mkv", _endless_mkv, 0, 5)
    hours = _clip(2, times=(0.0, 10_799.0))
    yield refused(
        "three-hours.mp4",
        hours,
        "hours.mp4 is 2:59:59 long, and at most 1:00:00 can be read; choose a part",
        "pricing",
    )


def _with_header_duration(path: Path, seconds: int) -> None:
    content = bytearray(media_files.clip(path, 10).read_bytes())
    header = content.index(b"mvhd")
    (scale,) = struct.unpack(">I", content[header + 16 : header + 20])
    content[header + 20 : header + 24] = struct.pack(">I", seconds * scale & 0xFFFFFFFF)
    path.write_bytes(content)


def _endless_mkv(path: Path) -> None:
    content = bytearray(media_files.clip(path, 10).read_bytes())
    duration = content.index(b"\x44\x89\x88") + 3
    content[duration : duration + 8] = struct.pack(">d", 1e15)
    path.write_bytes(content)


def _damaged_clips() -> Iterator[Case]:
    yield refused("cut.mp4", lambda path: truncated(media_files.clip(path, 10)), "is damaged")
    cut = partial(_cut_clip, share=0.7)
    yield Case("cut.mkv", cut, "video", (64, 48))
    yield Case("blot.mp4", _blotted_clip, "video", (64, 48))
    yield refused("wiped.mp4", _wiped, "has no frame that can be decoded; convert it")
    yield refused("noframes.mp4", _without_samples, "has no pictures in it; attach a video")
    yield refused("empty.mp4", _written(b""), "is empty; attach it again")
    yield refused("junk.mp4", _written(bytes(range(256)) * 64), "is damaged or not a video")
    yield refused("only-ftyp.mp4", _written(b"\0\0\0\x18ftypisom\0\0\0\0isommp42"), "is damaged")
    yield refused("paper.mp4", _written(b"%PDF-1.7\n%%EOF"), "attach it again")
    undecodable = partial(_replaced, codec="h264", old=b"avc1", new=b"zzzz")
    yield refused("unknown-codec.mp4", undecodable, "convert it to MP4 (H.264)")


def _cut_clip(path: Path, share: float) -> None:
    truncated(media_files.clip(path, 60, codec="mpeg4", keyframe_every=5), share)


def _blotted_clip(path: Path) -> None:
    content = bytearray(media_files.clip(path, 40, codec="mpeg4", keyframe_every=5).read_bytes())
    start = content.index(b"mdat") + 500
    content[start : start + 200] = bytes(200)
    path.write_bytes(content)


def _wiped(path: Path) -> None:
    content = media_files.clip(path, 5).read_bytes()
    start = content.index(b"mdat") + 4
    size = int.from_bytes(content[start - 8 : start - 4]) - 8
    path.write_bytes(content[:start] + bytes(size) + content[start + size :])


def _without_samples(path: Path) -> None:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=10)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        container.start_encoding()


def _replaced(path: Path, codec: str, old: bytes, new: bytes) -> None:
    content = media_files.clip(path, 5, codec=codec).read_bytes()
    path.write_bytes(content.replace(old, new))


def _clips_without_pictures() -> Iterator[Case]:
    said = "has only sound in it; attach a video, or a picture"
    yield refused("sound.m4a", media_files.sound_only, said)
    yield refused("sound.mp4", media_files.sound_only, said)
    yield refused("sound.mkv", media_files.sound_only, said)
    yield refused("covered.mp4", _covered, said)
    yield refused("subtitles.mkv", _subtitles_only, "has no pictures in it; attach a video")
    yield refused("subtitles.srt", _written(b"1\n00:00:00,000 --> 00:00:01,000\nHi\n"), "attach")


def _covered(path: Path) -> None:
    """A song with its cover, which is a track of one picture."""
    with av.open(str(path), "w") as container:
        sound = container.add_stream("aac", rate=48000)
        cover = container.add_stream("mjpeg", rate=1)
        assert isinstance(cover, av.VideoStream)
        cover.width, cover.height, cover.pix_fmt = 64, 48, "yuvj420p"
        cover.disposition = av.stream.Disposition.attached_pic
        frame = av.VideoFrame.from_ndarray(numbered_frame(0), format="rgb24")
        container.mux([*cover.encode(frame), *cover.encode()])
        silence = av.AudioFrame.from_ndarray(np.zeros((2, 1024), np.float32), "fltp", "stereo")
        silence.sample_rate = 48000
        container.mux([*sound.encode(silence), *sound.encode()])


def _subtitles_only(path: Path) -> None:
    content = media_files.sound_only(path).read_bytes()
    # Matroska's TrackType: 2 is sound, 17 subtitles.
    path.write_bytes(content.replace(b"\x83\x81\x02", b"\x83\x81\x11").replace(b"A_AAC", b"S_AAC"))


def _playlists() -> Iterator[Case]:
    """They would have other files and addresses opened."""
    listed = b"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:1,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n"
    session = b"v=0\no=- 0 0 IN IP4 127.0.0.1\nc=IN IP4 127.0.0.1\nm=video 5004 RTP/AVP 96\n"
    manifest = b'<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011"></MPD>'
    for name, content in {
        "list.mp4": listed,
        "concat.mkv": b"ffconcat version 1.0\nfile '/etc/passwd'\n",
        "session.mp4": session,
        "manifest.mp4": manifest,
    }.items():
        yield refused(name, _written(content), "is damaged or not a video; convert it to MP4")
    for name, content in {"list.m3u8": listed, "session.sdp": session}.items():
        yield refused(name, _written(content), "attach")


def _clip_bombs() -> Iterator[Case]:
    yield refused("samples.mp4", sample_bomb, "samples.mp4 ")
    yield refused("nested.mp4", _written(_nested(20_000)), "is damaged or not a video")
    yield refused("crowded.mkv", crowded, "has no frame that can be decoded; convert it")
    yield Case("twitching.mp4", _clip(3000, fps=1000, size=(16, 16)), "video", (16, 16))


def sample_bomb(path: Path, samples: int = 170_000_000) -> None:
    """Two kilobytes that declare so many frames of a byte each, which an index would hold one by one."""
    content = bytearray(media_files.clip(path, 2).read_bytes())
    sizes, chunks, times = (content.index(kind) for kind in (b"stsz", b"stsc", b"stts"))
    content[sizes + 8 : sizes + 16] = struct.pack(">II", 1, samples)
    content[chunks + 12 : chunks + 24] = struct.pack(">III", 1, samples, 1)
    content[times + 12 : times + 16] = struct.pack(">I", samples)
    path.write_bytes(content)


def _nested(depth: int) -> bytes:
    boxes = (struct.pack(">I", 8 * (depth - i)) + b"moov" for i in range(depth))
    return b"\0\0\0\x18ftypisom\0\0\0\0isommp42" + b"".join(boxes)


def crowded(path: Path, packets: int = 300_000) -> None:
    """A clip with very many packets that hold nothing."""
    content = media_files.clip(path, 2, codec="vp9").read_bytes()
    block = b"\xa3\x85\x81\0\0\x80\0"
    cluster = content.index(b"\x1f\x43\xb6\x75")
    body = b"\xe7\x81\0" + block * packets
    size = struct.pack(">Q", len(body) | 1 << 56)
    path.write_bytes(content[:cluster] + b"\x1f\x43\xb6\x75" + size + body)
