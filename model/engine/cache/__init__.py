"""KV caches and vision features, kept between turns."""
