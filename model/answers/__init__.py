"""References in answers: images by number, and times of a video."""
