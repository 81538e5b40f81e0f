"""Chooses a checkpoint for the hardware, checks its files, and loads model and processor."""
