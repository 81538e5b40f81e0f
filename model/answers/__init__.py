"""What answers mention: images by number, moments of a clip."""
