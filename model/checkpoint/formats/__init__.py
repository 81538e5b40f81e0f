"""The files of a checkpoint and what their headers say."""
