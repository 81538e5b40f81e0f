"""Boxes and points in an answer become pixels of the original image, and back."""

from model.grounding.pixels import Box, Convention, Point, Size, mentions, parse, place

__all__ = ["Box", "Convention", "Point", "Size", "mentions", "parse", "place"]
