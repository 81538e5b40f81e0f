"""What requests share: a fair lock, threads for decoding, and caches for later turns. No torch."""
