"""The command line: every flag, its environment variable, and errors before anything is loaded."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import pytest

import app
from model.errors import DemoError
from model.settings import TUNABLES

ROOT = Path(__file__).parent.parent


def test_every_setting_is_a_flag_with_the_tables_default() -> None:
    options = app.parser({}).parse_args([])
    for tunable in TUNABLES:
        assert getattr(options, tunable.name) == tunable.default
    assert options.checkpoint_path == "auto"
    assert (options.server_name, options.server_port) == ("127.0.0.1", 7860)


def test_flags_and_the_environment_say_the_same() -> None:
    by_flag = app.parser({}).parse_args(
        ["-c", "a/b", "--cpu-only", "--max-tokens", "640", "--vision-ids", "true", "--seed", "7"]
    )
    environment = {
        "QWEN_VL_CHECKPOINT_PATH": "a/b",
        "QWEN_VL_CPU_ONLY": "1",
        "QWEN_VL_MAX_TOKENS": "640",
        "QWEN_VL_VISION_IDS": "true",
        "QWEN_VL_SEED": "7",
    }
    assert app.parser(environment).parse_args([]) == by_flag
    assert app.parser(environment).parse_args(["-c", "c/d"]).checkpoint_path == "c/d"


@pytest.mark.parametrize(
    ("name", "value"), [("SERVER_PORT", "many"), ("CPU_ONLY", "maybe"), ("MAX_TOKENS", "4.5")]
)
def test_a_variable_that_makes_no_sense_is_refused_by_name(
    name: str, value: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        app.parser({f"QWEN_VL_{name}": value})
    assert f"QWEN_VL_{name}" in capsys.readouterr().err


def test_a_setting_out_of_range_is_refused_by_name(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        app.main(["--max-tokens", "3"])
    assert "max_tokens" in capsys.readouterr().err


def test_a_taken_port_names_a_free_one(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(SystemExit):
            app.main(["--server-port", str(port)])
    message = capsys.readouterr().err
    assert f"Port {port} is taken" in message and "--server-port" in message


@pytest.mark.parametrize("pair", ["user", "user:", ":password"])
def test_a_log_in_needs_both_parts(pair: str) -> None:
    with pytest.raises(DemoError, match="USER:PASSWORD"):
        app.logins([pair])
    assert app.logins(["a:b", "c:d:e"]) == [("a", "b"), ("c", "d:e")]


def test_the_version_is_that_of_the_package() -> None:
    assert f'version = "{app.VERSION}"' in (ROOT / "pyproject.toml").read_text(encoding="utf-8")


def test_the_check_of_a_missing_folder_fails_with_the_remedy() -> None:
    run = subprocess.run(
        [sys.executable, "app.py", "--check", "--cpu-only", "-c", "/no/such/folder"],
        cwd=ROOT, capture_output=True, text=True,
    )  # fmt: skip
    assert run.returncode == 1
    assert "There is no folder /no/such/folder" in run.stdout
    assert "Traceback" not in run.stderr
