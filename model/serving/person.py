"""The person for whom a thread works. The lock, the decoders and memory are shared fairly among people, not chats."""

from __future__ import annotations

from contextvars import ContextVar

# For example an IP address. Empty if unknown: then each session counts as a person.
PERSON: ContextVar[str] = ContextVar("person", default="")
