"""What is not what its name says, or of a form that is not read."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from PIL import Image

from tests.support import media_files
from tests.support.hostile_files.case import Case, Make, plays, refused, saved, works, written
from tests.support.hostile_files.pictures import encoded
from tests.support.media_files import corners


def wrong_names() -> Iterator[Case]:
    yield works("really-png.jpg", saved(corners(), "PNG"))
    yield works("really-png.mp4", saved(corners(), "PNG"))
    yield works("really-tiff.png", saved(corners(), "TIFF"))
    yield works("without-suffix", saved(corners(), "PNG"))
    yield works("SHOUTED.PNG", saved(corners(), "PNG"))
    yield works("sound.mp3", saved(corners(), "PNG"))
    yield works("<b>${1}'\"\n.png", saved(corners(), "PNG"))
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


def strange_formats() -> Iterator[Case]:
    html, svg = b"<!DOCTYPE html><script>alert(1)</script>", b"<svg onload='alert(1)'/>"
    for suffix in ("png", "jpg"):
        yield refused(f"page.{suffix}", written(html), "is a web page")
        yield refused(f"paper.{suffix}", written(b"%PDF-1.7\n%%EOF"), "is a damaged PDF document")
        yield refused(f"pack.{suffix}", _zip, "is a ZIP archive")
        yield refused(f"drawn.{suffix}", written(svg), "is an SVG drawing")
    yield refused("drawing.svg", written(b"<?xml version='1.0'?>\n" + svg), "is an SVG drawing")
    yield refused("page.html", written(html), "is a web page")
    yield refused("paper.pdf", written(b"%PDF-1.7\n%%EOF"), "is a damaged PDF document")
    for brand in (b"heic", b"heix", b"mif1"):
        content = b"\0\0\0\x18ftyp" + brand + b"\0\0\0\0mif1heic"
        yield refused(f"{brand.decode()}.heic", written(content), "is a HEIC picture")
    yield refused("renamed-heic.jpg", written(b"\0\0\0\x18ftypheic\0\0\0\0heic"), "a HEIC picture")
    broken = b"\0\0\0\x18ftypavif\0\0\0\0mif1avif"
    yield refused("broken.avif", written(broken), "save it as PNG or JPEG")
    yield refused("notes.txt", written(b"hello"), "is neither a picture nor a video; attach")
    yield refused("notes.png", written(b"hello"), "is not a picture that can be read; save it")
    yield refused("icon.ico", saved(Image.new("RGB", (16, 16)), "ICO"), "is not a picture")
    yield refused("script.eps", written(b"%!PS-Adobe-3.0 EPSF-3.0\n"), "attach")
    yield refused("zeros.png", written(bytes(4096)), "is not a picture that can be read")


def _zip(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.png", encoded("PNG"))


def playlists() -> Iterator[Case]:
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
        yield refused(name, written(content), "is damaged or not a video; convert it to MP4")
    for name, content in {"list.m3u8": listed, "session.sdp": session}.items():
        yield refused(name, written(content), "attach")
