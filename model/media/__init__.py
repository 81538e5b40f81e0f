"""Untrusted files become pixels: images, videos, downloads. No torch."""
