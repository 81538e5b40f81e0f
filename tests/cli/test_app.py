"""The command line: every flag, its environment variable, and errors before anything is loaded."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

import app
from cli import process
from cli.address import host_names, require_port
from cli.flags import connection, parser
from model.backend import Cancel, collected
from model.checkpoint.choose import BUNDLED, Flags
from model.checkpoint.settings import default_settings
from model.conversation import Conversation, Text, Video
from model.errors import DemoError
from model.local import LocalBackend
from model.remote.http.connection import Connection
from model.settings import SETTING_SPECS, DefaultSettings, GenerationSettings
from tests.support import media_files
from tests.support.openai_server import MODEL, OpenAIServer
from tests.support.served import free_port

ROOT = Path(__file__).parents[2]


def test_every_setting_is_a_flag_with_the_tables_default() -> None:
    options = parser({}).parse_args([])
    for spec in SETTING_SPECS:
        assert getattr(options, spec.name) == spec.default
    assert options.checkpoint_path == ("auto",)
    assert (options.server_name, options.server_port) == ("127.0.0.1", 7860)


def test_kernels_are_few_unless_the_person_says_how_many(monkeypatch: pytest.MonkeyPatch) -> None:
    for said, kept in ((None, "128"), ("7", "7")):
        monkeypatch.delenv("ONEDNN_PRIMITIVE_CACHE_CAPACITY", raising=False)
        if said:
            monkeypatch.setenv("ONEDNN_PRIMITIVE_CACHE_CAPACITY", said)
        with pytest.raises(SystemExit):
            app.main(["--help"])
        assert os.environ["ONEDNN_PRIMITIVE_CACHE_CAPACITY"] == kept


def test_flags_and_the_environment_say_the_same() -> None:
    by_flag = parser({}).parse_args(
        ["-c", "a/b", "--cpu-only", "--max-tokens", "640", "--vision-ids", "true", "--seed", "7"]
    )
    environment = {
        "QWEN_VL_CHECKPOINT_PATH": "a/b",
        "QWEN_VL_CPU_ONLY": "1",
        "QWEN_VL_MAX_TOKENS": "640",
        "QWEN_VL_VISION_IDS": "true",
        "QWEN_VL_SEED": "7",
    }
    assert parser(environment).parse_args([]) == by_flag
    assert parser(environment).parse_args(["-c", "c/d"]).checkpoint_path == ("c/d",)


def test_a_schema_is_given_as_it_is_or_by_its_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "row.json").write_text('{"type": "null"}', encoding="utf-8")
    said = [str(tmp_path / "row.json"), '{"type": "null"}']
    assert {parser({}).parse_args(["--json-schema", one]).json_schema for one in said} == {said[1]}
    assert parser({"QWEN_VL_JSON_SCHEMA": said[0]}).parse_args([]).json_schema == said[1]
    assert parser({"QWEN_VL_JSON_SCHEMA": ""}).parse_args([]).json_schema is None
    with pytest.raises(SystemExit):
        parser({}).parse_args(["--json-schema", str(tmp_path / "none.json")])
    assert "invalid json value" in capsys.readouterr().err


def test_gradios_own_variables_say_where_to_listen() -> None:
    environment = {"GRADIO_SERVER_NAME": "0.0.0.0", "GRADIO_SERVER_PORT": "80"}
    options = parser(environment).parse_args([])
    assert (options.server_name, options.server_port) == ("0.0.0.0", 80)
    options = parser({**environment, "QWEN_VL_SERVER_NAME": "::1"}).parse_args([])
    assert options.server_name == "::1"


def test_settings_that_are_given_are_known_from_those_that_are_not() -> None:
    """An explicit 1.0 wins over a checkpoint's 1.05, although it is the program's own default."""
    options = parser({"QWEN_VL_SEED": "7"}).parse_args(["--repetition-penalty", "1.0"])
    assert options.given == {"seed", "repetition_penalty"}
    assert parser({}).parse_args([]).given == frozenset()


def test_a_page_expects_what_the_checkpoints_files_say() -> None:
    tiny = app.expected_settings(None, Flags("tiny"))
    assert (
        tiny == default_settings(str(BUNDLED)) == app.expected_settings(None, Flags(cpu_only=True))
    )
    assert tiny.changed({"max_tokens": 900}).vision.max_tokens == 900
    assert app.expected_settings(None, Flags("owner/name")) == DefaultSettings()


def test_a_page_expects_of_a_server_what_its_models_name_says() -> None:
    base = "http://127.0.0.1:9/v1"

    def expected(model: str = "", family: str = "") -> DefaultSettings:
        return app.expected_settings(Connection(base, model, family=family), Flags())

    assert expected("qwen2.5-vl").generation.repetition_penalty == 1.05
    assert expected("qwen3-vl").vision.min_tokens == 64
    assert expected("mine", "qwen3_vl").bounds["resized_width"].step == 32
    assert expected("mine") == expected() == DefaultSettings()


@pytest.mark.parametrize(
    ("name", "value"),
    [("SERVER_PORT", "many"), ("CPU_ONLY", "maybe"), ("MAX_TOKENS", "4.5"), ("BACKEND", "vllm")],
)
def test_a_variable_that_makes_no_sense_is_refused_by_name(
    name: str, value: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        parser({f"QWEN_VL_{name}": value})
    assert f"QWEN_VL_{name}" in capsys.readouterr().err


def test_an_empty_variable_asks_for_no_log_in_and_leaves_out_no_name() -> None:
    options = parser({"QWEN_VL_AUTH": "", "QWEN_VL_ALLOW_HOST": ""}).parse_args([])
    assert options.auth is None and host_names(options.allow_host) == []
    assert parser({"QWEN_VL_AUTH": "a:b,c:d"}).parse_args([]).auth == ["a:b", "c:d"]


def test_an_empty_size_of_the_cache_is_the_default_and_a_containers_version_none_of_ours() -> None:
    options = parser({"QWEN_VL_CACHE_GB": "", "QWEN_VL_VERSION": "1.2.0"}).parse_args([])
    assert options.cache_gb is None
    assert parser({}).parse_args(["--cache-gb", "0.5"]).cache_gb == 0.5


def test_checkpoints_and_adapters_may_be_several_on_the_command_line_and_in_the_environment() -> (
    None
):
    flags = ["-c", "a/b", "-c", "tiny", "--adapter", "c/d", "--adapter", "e/f"]
    environment = {"QWEN_VL_CHECKPOINT_PATH": "a/b, tiny", "QWEN_VL_ADAPTER": "c/d,e/f"}
    options = parser(environment).parse_args([])
    assert parser({}).parse_args(flags) == options
    assert (options.checkpoint_path, options.adapter) == (("a/b", "tiny"), ("c/d", "e/f"))
    assert parser(environment).parse_args(["--adapter", "g"]).adapter == ("g",)
    assert parser({"QWEN_VL_CHECKPOINT_PATH": ""}).parse_args([]).checkpoint_path == ("auto",)


def test_the_help_tells_no_log_in() -> None:
    told = parser({"QWEN_VL_AUTH": "ann:one-secret", "QWEN_VL_MAX_TOKENS": "641"}).format_help()
    assert "641" in told and "one-secret" not in told


def test_the_help_names_the_defaults_that_say_something() -> None:
    told = parser({}).format_help()
    assert (
        "(default: auto)" in told
        and "(default: 7860)" in told
        and "(default: 0.0)" in told
        and "(default: 0)" in told
    )
    assert not re.search(r"\(default: (None|False)?\)", told)


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


@pytest.mark.parametrize("address", ["no.such.host.invalid", "192.0.2.1", "x" * 300])
def test_an_address_of_no_machine_here_is_refused(
    address: str,
) -> None:
    with pytest.raises(DemoError, match="use --server-name"):
        require_port(address, 0)


@pytest.mark.parametrize(
    "name", ["*", "*.example.org", "", " ", "a..b", "x" * 64, "http://", "a b"]
)
def test_a_name_by_which_nobody_asks_is_refused(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        app.main(["-c", "tiny", "--allow-host", "chat.example.org", "--allow-host", name])
    assert f"--allow-host cannot be '{name.strip()}'; give whole names" in capsys.readouterr().err


def test_names_are_allowed_as_browsers_ask_for_them() -> None:
    asked = {"QWEN_VL_ALLOW_HOST": "Chat.Example.org:8443, https://b.example/chat,例え.jp,[::1]"}
    names = host_names(parser(asked).parse_args([]).allow_host)
    assert names == ["chat.example.org", "b.example", "xn--r8jz45g.jp", "::1"]


@pytest.mark.parametrize("pair", ["user", "user:", ":password"])
def test_a_log_in_needs_both_parts(pair: str) -> None:
    with pytest.raises(DemoError, match="USER:PASSWORD"):
        app.logins([pair])
    assert app.logins(["a:b", "c:d:e"]) == [("a", "b"), ("c", "d:e")]


@pytest.mark.slow
def test_nothing_is_done_at_the_start_that_nobody_needs(tmp_path: Path) -> None:
    code = """
import gc, sys, threading, time
import app
from cli import process
from tests.support.fakes import FakeBackend

usual, parsed, loading = gc.get_threshold(), [], threading.Event()

def watch(event, arguments):
    if event == "compile" and b"class" in (arguments[0] or b"") and arguments[1] == b"<unknown>":
        parsed.append(arguments[0])

def load(*_):
    print(gc.get_threshold()[0] > usual[0])
    loading.set()
    return FakeBackend()

def look(page):
    for _ in range(600):
        if gc.get_threshold() != usual:
            time.sleep(0.1)
    print(gc.get_threshold() == usual, gc.get_freeze_count() > 0, len(parsed))

sys.addaudithook(watch)
app.load, process.wait_for_signal, process.drain = load, loading.wait, look
app.main(sys.argv[1:])
"""
    run = subprocess.run(
        [sys.executable, "-c", code, "--server-port", str(free_port())],
        cwd=ROOT, capture_output=True, text=True, check=True,
        env={**os.environ, "GRADIO_TEMP_DIR": str(tmp_path), "GRADIO_ANALYTICS_ENABLED": "False"},
    )  # fmt: skip
    assert run.stdout.splitlines()[-2:] == ["True", "True True 0"]


@pytest.mark.slow
def test_no_event_is_counted_for_a_dashboard_that_nobody_sees(tmp_path: Path) -> None:
    code = """
import sys
import app
from cli import process
from tests.support.fakes import FakeBackend
from tests.support.served import program

def ask(page):
    for _ in range(3):
        program(page.local_url).predict({"text": "Hi", "files": []}, {}, api_name="/chat")
    print(len(page._queue.event_analytics), "pandas" in sys.modules)

app.load, process.wait_for_signal, process.drain = lambda *_: FakeBackend(), lambda: None, ask
app.main(sys.argv[1:])
"""
    run = subprocess.run(
        [sys.executable, "-c", code, "--server-port", str(free_port())],
        cwd=ROOT, capture_output=True, text=True, check=True,
        env={**os.environ, "GRADIO_TEMP_DIR": str(tmp_path)},
    )  # fmt: skip
    assert run.stdout.splitlines()[-1] == "1 False"


@pytest.mark.slow
def test_every_limit_that_a_flag_sets_is_the_pages_and_its_memory_is_given_back(
    tmp_path: Path,
) -> None:
    code = """
import sys
import app, httpx
from cli import process
from tests.support.fakes import FakeBackend

def look(page):
    tabs = page.tabs
    print(
        httpx.get(page.local_url + "config", timeout=300).status_code, tabs.queue_size, tabs.rates.per_minute,
        tabs.background.quota.most_bytes == 2**29, tabs.downloads.max_bytes == page.max_file_size == 3 * 2**20, tabs.open_tabs.kept_s,
        tabs.answer_log.messages, any(function.name in ("read_ahead", "reopen") for function in page.fns.values()),
        tabs.give_back is process.give_back,
    )

app.load, process.wait_for_signal, process.drain = lambda *_: FakeBackend(), lambda: None, look
app.main(sys.argv[1:])
"""
    flags = ("--auth=ann:one", "--queue-size=5", "--requests-per-minute=7", "--max-uploads-gb=0.5",
             "--max-file-mb=3", "--allow-urls", "--keep-minutes=2", "--log-messages", "--no-read-ahead", "--no-history")  # fmt: skip
    run = subprocess.run(
        [sys.executable, "-c", code, "--server-port", str(free_port()), *flags],
        cwd=ROOT, capture_output=True, text=True, check=True,
        env={**os.environ, "GRADIO_TEMP_DIR": str(tmp_path)},
    )  # fmt: skip
    assert run.stdout.splitlines()[-1] == "401 5 7 True True 120.0 True False True"


def test_every_limit_that_a_flag_sets_is_the_models(tmp_path: Path) -> None:
    options = parser({}).parse_args(["--cache-gb=0", "--max-video-seconds=0.5", "--no-loop-guard"])
    flags = Flags("tiny", cpu_only=True, dtype="float32")
    backend = app.load(options, flags, None, lambda *_: None)
    assert isinstance(backend, LocalBackend) and not backend.engine.stop_repetition
    talk = Conversation().with_user_turn(Text("Hi"))
    for _ in range(2):
        _, usage = collected(backend.stream(talk, GenerationSettings(), Cancel(), session="s"))
        assert usage.reused_tokens == 0, "nothing is kept"
    clip = Video(media_files.clip(tmp_path / "long.mp4"))
    with pytest.raises(DemoError, match="choose a part"):
        backend.estimate(talk.with_reply("Hi").with_user_turn(clip), GenerationSettings())


@pytest.mark.parametrize("platform", ["linux", "darwin"])
def test_linux_and_macos_are_supported(platform: str) -> None:
    assert process.unsupported(platform) == ""


def test_windows_is_told_of_wsl_before_anything_of_unix_is_imported() -> None:
    code = """
import sys
sys.modules |= dict.fromkeys(("fcntl", "grp", "pwd", "resource", "termios"))  # as there: cannot be imported
import app
sys.platform = "win32"
app.main(["-c", "tiny"])
"""
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert run.returncode == 1
    assert run.stderr.strip() == process.unsupported("win32")
    assert "WSL 2" in run.stderr


@pytest.mark.slow
def test_the_check_of_a_missing_folder_fails_with_the_remedy() -> None:
    run = subprocess.run(
        [sys.executable, "app.py", "--check", "--cpu-only", "-c", "/no/such/folder"],
        cwd=ROOT, capture_output=True, text=True,
    )  # fmt: skip
    assert run.returncode == 1
    assert "There is no folder /no/such/folder" in run.stdout
    assert "Traceback" not in run.stderr


def remote(*argv: str) -> list[str]:
    return ["--backend", "openai", "--api-base", "http://127.0.0.1:9/v1", *argv]


def test_a_server_is_described_by_its_flags() -> None:
    options = parser({}).parse_args(remote("--api-model", "m", "--api-key-env", "KEY"))
    server = connection(options, {"KEY": "sk-secret"})
    assert server is not None
    assert (server.base_url, server.model, server.key) == (
        "http://127.0.0.1:9/v1",
        "m",
        "sk-secret",
    )
    assert connection(parser({}).parse_args([]), {}) is None


@pytest.mark.parametrize(
    ("environment", "argv", "family"),
    [
        ({}, ["--model-family", "qwen3_vl"], "qwen3_vl"),
        ({"QWEN_VL_MODEL_FAMILY": "qwen3_vl"}, [], "qwen3_vl"),
        ({"QWEN_VL_MODEL_FAMILY": ""}, [], ""),
    ],
)
def test_the_family_of_a_servers_model_can_be_told(
    environment: dict[str, str], argv: list[str], family: str
) -> None:
    server = connection(parser(environment).parse_args(remote(*argv)), {})
    assert server is not None and server.family == family


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["--backend", "openai"], "needs --api-base"),
        (["--backend", "openai", "--api-base", "localhost:8000"], "such as http://localhost"),
        (remote("--dtype", "float16"), "--dtype works with --backend local only"),
        (remote("--flash-attn2"), "--flash-attn2 works with --backend local only"),
        (remote("--no-loop-guard"), "--no-loop-guard works with --backend local only"),
        (remote("--adapter", "a/b"), "--adapter works with --backend local only"),
        (remote("--api-key-env", "NO_SUCH_KEY"), "NO_SUCH_KEY, which is not set"),
        (remote("--concurrency", "0"), "--concurrency must be at least 1"),
        (["--api-model", "m"], "--api-model works with --backend openai only"),
        (["--concurrency", "2"], "--concurrency works with --backend openai only"),
        (["--model-family", "qwen3_vl"], "--model-family works with --backend openai only"),
    ],
)
def test_flags_that_exclude_each_other_are_refused_with_the_remedy(
    argv: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        app.main(argv)
    assert said in capsys.readouterr().err


def test_flags_that_change_nothing_about_a_server_are_ignored_and_said(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO")
    options = parser({}).parse_args(remote("--cpu-only", "--cache-gb", "1", "--hub", "modelscope"))
    assert connection(options, {}) is not None
    for flag in ("--cpu-only", "--cache-gb", "--hub"):
        assert f"{flag} has no effect" in caplog.text


def test_the_check_of_a_server_says_what_it_serves(capsys: pytest.CaptureFixture[str]) -> None:
    with OpenAIServer().running() as server:
        assert app.main(["--check", "--backend", "openai", "--api-base", server.base]) == 0
    said = capsys.readouterr().out
    assert MODEL in said and "8,192 tokens" in said
    assert said.splitlines()[-1] == "ready"


def test_the_check_of_a_server_that_is_not_there_fails_with_the_remedy(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert app.main(["--check", *remote()]) == 1
    assert "cannot be reached; start it, or check --api-base" in capsys.readouterr().out


@pytest.mark.slow
def test_a_page_in_front_of_a_server_starts_without_torch_and_does_not_tell_the_key(
    tmp_path: Path,
) -> None:
    code = """
import sys, urllib.request
import app
from cli import process

def look(blocks):
    page = urllib.request.urlopen(blocks.local_url).read().decode()
    config = urllib.request.urlopen(blocks.local_url + "config").read().decode()
    print([name for name in ("torch", "transformers") if name in sys.modules])
    print("sk-secret" in page + config)

process.wait_for_signal, process.drain = lambda: None, look
app.main(sys.argv[1:])
"""
    with OpenAIServer().running() as server:
        flags = [
            "--api-base",
            server.base,
            "--api-key-env",
            "KEY",
            "--server-port",
            str(free_port()),
        ]
        run = subprocess.run(
            [sys.executable, "-c", code, "--backend", "openai", *flags],
            cwd=ROOT, capture_output=True, text=True, check=True,
            env={**os.environ, "KEY": "sk-secret", "GRADIO_TEMP_DIR": str(tmp_path), "GRADIO_ANALYTICS_ENABLED": "False"},
        )  # fmt: skip
    assert run.stdout.splitlines()[-2:] == ["[]", "False"]
    assert "sk-secret" not in run.stdout + run.stderr
