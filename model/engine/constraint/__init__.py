"""Holds an answer to a JSON schema while it is decoded."""
