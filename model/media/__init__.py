"""Untrusted files become pixels: images, clips, downloads. No torch."""
