"""Errors that a person can do something about.

A `DemoError` is one or two sentences that name the remedy; they are shown as they are. Every other exception is a bug.
"""

from __future__ import annotations

from typing import Any, Self


class LocalizedText(str):
    """English text that keeps its template and values, so that a page can show it in another language.

    A value that is a `LocalizedText` is translated too; any other value is shown as it is.
    """

    template: str
    values: dict[str, object]

    def __new__(cls, template: str, /, **values: object) -> LocalizedText:
        """template: as for `str.format`; it is the key of the translations."""
        self = super().__new__(cls, template.format(**values))
        self.template, self.values = template, values
        return self

    def __getnewargs_ex__(self) -> tuple[tuple[str], dict[str, object]]:
        # Copies must not take the filled-in text as their template.
        return (self.template,), self.values

    def plain(self) -> dict[str, Any]:
        """The template and values for JSON; a value that is neither a text of ours nor a number becomes a string."""
        return {"template": self.template, "values": {k: _plain(v) for k, v in self.values.items()}}

    @classmethod
    def of_plain(cls, plain: dict[str, Any]) -> LocalizedText:
        values = plain["values"].items()
        return cls(plain["template"], **{k: _of_plain(v) for k, v in values})


def _plain(value: object) -> object:
    if isinstance(value, LocalizedText):
        return value.plain()
    if isinstance(value, SettingName):
        return {"setting": str(value)}
    return value if isinstance(value, (int, float)) else str(value)


def _of_plain(value: Any) -> object:
    if not isinstance(value, dict):
        return value
    return SettingName(value["setting"]) if "setting" in value else LocalizedText.of_plain(value)


class SettingName(str):
    """A setting's name within a text: programs see the name, a page shows the label of its control."""

    def __format__(self, spec: str) -> str:
        return f"'{self!s}'"


class Template(str):
    """The template of a `LocalizedText` or `DemoError` whose values are filled in elsewhere in its module."""


class DemoError(Exception):
    """Shown to the person as it is, or in their language. Takes what `LocalizedText` takes."""

    def __init__(self, template: str, /, **values: object) -> None:
        super().__init__(template)
        self.template, self.values = template, values

    @classmethod
    def of(cls, sentence: LocalizedText) -> Self:
        return cls(sentence.template, **sentence.values)

    def __str__(self) -> str:
        return str(self.sentence)

    @property
    def sentence(self) -> LocalizedText:
        return LocalizedText(self.template, **self.values)


class SettingError(DemoError):
    """A setting is unknown, of the wrong type, or out of range; the message names it."""


class MediaError(DemoError):
    """An image or video cannot be used; the message says why and what would work."""


class ContextError(DemoError):
    """A prompt needs more tokens than the checkpoint holds; the message gives both numbers."""


class CheckpointError(DemoError):
    """A checkpoint cannot be loaded with these flags on this machine."""


class NotReplayableError(DemoError):
    """Nobody here knows how an answer came about: a server gave it."""
