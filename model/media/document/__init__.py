"""Documents become pictures of their pages: PDF, and files of several pictures such as TIFF."""

from model.media.document.pages import (
    count,
    images,
    page_name,
    picture,
    selected,
    shown_ranges,
    text,
)

__all__ = ["count", "images", "page_name", "picture", "selected", "shown_ranges", "text"]
