"""The file formats of checkpoints and adapters: what must be there, and what the headers say."""
