"""Several checkpoints in one process: which of them are in memory, and who is answered next."""
