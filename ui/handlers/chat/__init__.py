"""Handlers of the conversation."""
