"""Whom this thread works for, so that what people share can be shared fairly among them and not among their chats."""

from __future__ import annotations

from contextvars import ContextVar

# An address, say. Empty where nobody is known: then each session is somebody.
PERSON: ContextVar[str] = ContextVar("person", default="")
