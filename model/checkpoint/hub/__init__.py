"""Checkpoints on a hub and in its cache: on Hugging Face, or on ModelScope."""
