"""Handlers of the files of the next message."""
