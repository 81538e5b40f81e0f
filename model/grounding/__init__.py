"""Boxes and points in an answer become pixels of the original image, and back."""

from model.grounding.pixels import (
    THOUSANDTHS,
    Box,
    Convention,
    Point,
    Size,
    mentions,
    parse,
    place,
)

__all__ = ["THOUSANDTHS", "Box", "Convention", "Point", "Size", "mentions", "parse", "place"]
