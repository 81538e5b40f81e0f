"""A process of its own that decodes untrusted files."""
