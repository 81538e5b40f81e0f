"""What a server makes of the schema of an answer: it may refuse it, or ignore it."""

from __future__ import annotations

from model.answers.fitting import fits
from model.backend import StopReason
from model.errors import DemoError, LocalizedText
from model.remote.http import errors
from model.remote.http.connection import Connection
from model.settings import GenerationSettings

# What the refusal of a schema mentions.
WORDS = ("response_format", "json_schema", "json_object", "schema", "grammar", "guided_json")


def require_not_refused(
    error: Exception, settings: GenerationSettings, connection: Connection
) -> None:
    """Raise `DemoError` if the server refused the request because of its schema."""
    if settings.json_schema is not None and errors.rejected_fields(error, WORDS):
        raise DemoError(
            "The server takes no schema for its answers ({reason}); ask without 'Answer as data', "
            "or use a server with structured outputs, such as vLLM.",
            reason=errors.reason(error, connection),
        ) from error


def unfitting(
    answer: str, settings: GenerationSettings, reason: StopReason
) -> LocalizedText | None:
    """The notice for an answer that is complete and does not fit its schema."""
    schema = settings.json_schema
    if schema is None or reason != "stop" or fits(answer, schema):
        return None
    return LocalizedText(
        "The server did not keep to the schema: its answer does not fit; check it, "
        "or use a server with structured outputs, such as vLLM."
    )
