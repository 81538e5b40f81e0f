"""What answers mention: images by number, times of a video."""
