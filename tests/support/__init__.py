"""Fakes, builders and servers that several tests use."""
