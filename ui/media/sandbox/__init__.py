"""Untrusted files are decoded in confined processes."""
