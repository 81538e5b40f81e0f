"""Tells a file's kind by its first bytes, and words the error for files that are not images.

Knows nothing of Pillow or FFmpeg.
"""

from __future__ import annotations

from typing import Literal

from model.errors import LocalizedText, MediaError
from model.media.source import Source, opened

HEIC = LocalizedText("a HEIC picture")
ARCHIVE = b"PK\x03\x04"
# How the first file in an archive is called that an office program has written.
OFFICE = (b"[Content_Types].xml", b"_rels/", b"docProps/", b"mimetypeapplication/")
RAW = LocalizedText("a raw photo")
PDF = LocalizedText("a PDF document")
# What a file is, by how it begins: (offset, bytes, name). First those that are read as pictures.
IMAGE_SIGNATURES = (
    (0, b"\x89PNG"),
    (0, b"\xff\xd8\xff"),
    (8, b"WEBP"),
    (0, b"GIF8"),
    (0, b"BM"),
    (0, b"II*\0"),
    (0, b"MM\0*"),
    (4, b"ftypavi"),
)
RAW_SIGNATURES = (b"FUJIFILMCCD-RAW", b"IIRO", b"IIRS", b"MMOR", b"IIU\0", b"FOVb", b"\0MRM")
# What people attach by mistake.
OTHER_SIGNATURES = (
    (4, b"ftypavi", LocalizedText("an AVIF picture")),
    (4, b"ftyp", LocalizedText("a video")),
    (0, b"\x1aE\xdf\xa3", LocalizedText("a video")),
    (8, b"AVI ", LocalizedText("a video")),
    (0, b"FLV\x01", LocalizedText("a video")),
    (0, b"0&\xb2u\x8ef\xcf\x11", LocalizedText("a video")),  # ASF, which WMV is kept in
    *((0, magic, RAW) for magic in RAW_SIGNATURES),
    (8, b"CR\x02\0", RAW),
    (0, b"%PDF", PDF),
)
# Brands of the HEIF_BRANDS family, among which files name their own and those that they can be read as.
HEIF_BRANDS = frozenset(
    b"heic heix heim heis hevc hevx hevm hevs mif1 mif2 msf1 miaf MiHE MiHB MiPr "
    b"avci avcs jpeg jpgs j2ki j2is vvic vvis evbi evbs".split()
)
RAW_SUFFIXES = frozenset((
    ".3fr", ".arw", ".cr2", ".cr3", ".dcr", ".dng", ".erf", ".fff", ".iiq", ".k25", ".kdc",
    ".mef", ".mos", ".mrw", ".nef", ".nrw", ".orf", ".pef", ".raf", ".raw", ".rw2", ".rwl",
    ".sr2", ".srf", ".srw", ".x3f",
))  # fmt: skip


def kind(source: Source, *, name: str = "") -> Literal["image", "video", "document", ""]:
    """A file's kind by its first 512 bytes, whatever its name; empty where these do not tell. Raises `MediaError`.

    Archives and other files of `OTHER_SIGNATURES` count as images: the error of opening them says what they are.
    """
    with opened(source, name) as file:
        head = file.read(512)
    known = any(head[at : at + len(magic)] == magic for at, magic in IMAGE_SIGNATURES)
    if known or head.startswith(ARCHIVE):
        return "image"
    what = described(head)
    if what == PDF:
        return "document"
    return "" if what is None else "video" if what == "a video" else "image"


def described(head: bytes) -> LocalizedText | None:
    if head.startswith(b"ftypcrx", 4):
        return RAW
    avif = head.startswith(b"avi", 8)
    if head.startswith(b"ftyp", 4) and not avif and _brands(head) & HEIF_BRANDS:
        return HEIC
    for offset, magic, what in OTHER_SIGNATURES:
        if head[offset : offset + len(magic)] == magic:
            return what
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if text.startswith(b"<svg") or (b"<svg" in text and text.startswith((b"<?xml", b"<!"))):
        return LocalizedText("an SVG drawing")
    if text.startswith((b"<!doctype html", b"<html")):
        return LocalizedText("a web page")
    return None


def refusal(head: bytes, shown: str) -> MediaError:
    """The error for a file that is not an image of an allowed format."""
    if head.startswith(ARCHIVE) and head.startswith(OFFICE, 30):  # after the first file's header
        return MediaError(
            "{name} is an office document; save the page that matters as PNG or JPEG and attach that.",
            name=shown,
        )
    if head.startswith(ARCHIVE):
        return MediaError(
            "{name} is a ZIP archive; unpack it and attach the pictures or videos in it.",
            name=shown,
        )
    if what := described(head):
        return refused(what, shown)
    return MediaError(
        "{name} is not a picture that can be read; save it as PNG or JPEG and attach it again.",
        name=shown,
    )


def refused(what: LocalizedText, shown: str) -> MediaError:
    return MediaError(
        "{name} is {what}, which cannot be read as a picture; "
        "save it as PNG or JPEG and attach it again.",
        name=shown,
        what=what,
    )


def _brands(head: bytes) -> frozenset[bytes]:
    """The brands of a file of the ISO base media format: its own, and those it can be read as."""
    size = min(int.from_bytes(head[:4]), len(head))
    return frozenset({head[8:12], *(head[at : at + 4] for at in range(16, size - 3, 4))})
