"""Requests to an OpenAI-compatible server, and what its failures mean."""
