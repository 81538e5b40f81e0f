"""What can go wrong in a way that the person at the page can do something about.

Every `DemoError` is one sentence (or two) that names the remedy and is shown as it is. Anything else
that is raised is a bug and is not dressed up.
"""

from __future__ import annotations


class DemoError(Exception):
    """Shown to the person as is."""


class SettingError(DemoError):
    """A setting is unknown, of the wrong type, or out of range; the message names it."""


class MediaError(DemoError):
    """A picture or video cannot be used; the message says why and what would work."""


class ContextError(DemoError):
    """A prompt needs more tokens than the checkpoint holds; the message gives both numbers."""


class CheckpointError(DemoError):
    """A checkpoint cannot be loaded with these flags on this machine."""
