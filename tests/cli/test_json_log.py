"""With `--log-json` every line that the program writes is an object."""

from __future__ import annotations

import io
import json
import logging
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
import pytest
from uvicorn.config import LOGGING_CONFIG

from cli import json_log
from tests.support.openai_server import OpenAIServer, Refusal, Told
from tests.support.served import program, serve_app


def objects(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


@pytest.mark.slow
def test_every_line_of_the_program_is_an_object(tmp_path: Path) -> None:
    with OpenAIServer().running() as engine:
        engine.replies = [Told(), Refusal(418, "I am a teapot")]
        flags = ("--backend", "openai", "--api-base", engine.base, "--log-json")
        with serve_app(tmp_path, *flags) as page:
            page.wait()
            client = program(page.address)
            client.predict({"text": "a secret", "files": []}, {}, api_name="/chat")
            with pytest.raises(Exception, match="teapot"):
                client.predict({"text": "Hi", "files": []}, {}, api_name="/chat")
            httpx.get(f"{page.address}nowhere")
    said = objects((tmp_path / "log").read_text(encoding="utf-8"))
    assert all(one.keys() >= {"time", "level", "logger", "message"} for one in said)
    first, second = (one for one in said if one.get("event") == "answer")
    assert (first["stop_reason"], first["new_tokens"], first["level"]) == ("stop", 2, "info")
    assert (second["stop_reason"], second["error"]) == ("failed", "DemoError")
    assert any(one["logger"] == "stdout" and page.address[:-1] in one["message"] for one in said)
    assert "a secret" not in json.dumps(said)


CHANGED: tuple[tuple[ModuleType, str], ...] = (
    (sys, "stdout"),
    (sys, "stderr"),
    (sys, "excepthook"),
    (threading, "excepthook"),
    (warnings, "formatwarning"),
)


@contextmanager
def written() -> Iterator[io.StringIO]:
    """What is written while the log is taken over; afterwards all is as it was."""
    root, stream, uvicorns = logging.getLogger(), io.StringIO(), dict(LOGGING_CONFIG)
    handlers, level = root.handlers[:], root.level
    with pytest.MonkeyPatch.context() as patch:
        for place, name in CHANGED:
            patch.setattr(place, name, getattr(place, name))
        root.handlers = []
        json_log.take_over(stream)
        yield stream
    logging.captureWarnings(False)
    LOGGING_CONFIG.update(uvicorns)
    root.handlers, root.level = handlers, level


def test_an_exception_is_one_object_with_its_traceback() -> None:
    with written() as log:
        try:
            raise ValueError("two\nlines")
        except ValueError:
            logging.getLogger("a").exception("it %s", "failed")
        thread = threading.Thread(target=lambda: 1 / 0)
        thread.start()
        thread.join()
    first, second = objects(log.getvalue())
    assert (first["level"], first["message"]) == ("error", "it failed")
    assert first["exception"].endswith("ValueError: two\nlines")
    assert second["level"] == "critical" and "ZeroDivisionError" in second["exception"]


def test_what_is_printed_is_an_object_a_line() -> None:
    with written() as log:
        print("one\ntwo")
        print("half", end="")
        print(" a line: 字")
        print(" 10 %\r 20 %\r100 %", file=sys.stderr)
    said = objects(log.getvalue())
    assert [one["message"] for one in said] == ["one", "two", "half a line: 字", "100 %"]
    assert [one["logger"] for one in said] == ["stdout"] * 3 + ["stderr"]


def test_a_warning_is_an_object() -> None:
    with written() as log, warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(False)
        logging.captureWarnings(True)
        warnings.warn("look out", UserWarning, stacklevel=1)
    (said,) = objects(log.getvalue())
    assert (said["logger"], said["message"]) == ("py.warnings", "UserWarning: look out")


def test_what_json_has_no_word_for_is_text_or_null() -> None:
    fields = {"path": Path("/a"), "rate": float("nan")}
    with written() as log:
        logging.getLogger("a").info("x", extra={"fields": fields})
    (said,) = objects(log.getvalue())
    assert (said["path"], said["rate"]) == ("/a", None) and "NaN" not in log.getvalue()
