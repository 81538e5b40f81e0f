"""What several people share: a fair lock, threads for decoding, what is kept for their next turns. No torch."""
