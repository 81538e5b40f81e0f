"""From the flags to settings, backend, page and launch. The only file that knows every part."""

from __future__ import annotations

import argparse
import atexit
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any

from cli import packages
from cli.flags import parser
from model.backend import Backend, LoadProgress
from model.checkpoint import load as checkpoints
from model.checkpoint.choose import Flags, choose, expected_checkpoint
from model.checkpoint.settings import default_settings
from model.errors import DemoError, SettingError
from model.families import Recognised, of_key, recognised
from model.loading import LoadingBackend
from model.media.download import Downloads
from model.remote.http.connection import Connection
from model.settings import DefaultSettings
from ui.media.sandbox import confinement

log = logging.getLogger(__name__)

# Between two tokens the model's thread gives Python up hundreds of times. While the page is being updated
# it would get it back only after the default of 5 ms each time.
SWITCH_S = 0.0005
# Of a process that was asked to end, all within the 10 s after which containers are killed.
LAST_WORDS_S = 3.0  # for answers to end with what there is of them
SHOWN_S = 1.0  # for pages to show that
LEFTOVERS_S = 1.0  # for threads that look at no flag; then they are ended with the process
# With --backend openai these would promise what the server alone decides.
LOCAL_ONLY = (
    "adapter", "checkpoint_path", "compile", "dtype", "flash_attn2", "no_loop_guard", "prompt_lookup",
)  # fmt: skip
WITHOUT_EFFECT = ("cache_gb", "cpu_only", "gpu_memory")  # and these ask for what is so anyway
SERVER_ONLY = ("api_base", "api_key_env", "api_model", "concurrency", "model_family")
# Networks whose proxies are believed when they say who asks. Spaces and containers have theirs in private networks,
# whose people are believed too where they reach the page without a proxy (SECURITY.md).
TRUSTED_PROXIES = "127.0.0.1,::1,10.0.0.0/8,172.16.0.0/12,192.168.0.0/16,fc00::/7"
# Read when gradio and huggingface_hub are imported.
NO_TELEMETRY = {"GRADIO_ANALYTICS_ENABLED": "False", "HF_HUB_DISABLE_TELEMETRY": "1"}
# After each event Gradio counts what all of them took, with pandas, for a dashboard that is switched off.
NO_COUNTING = {"GRADIO_ANALYTICS_CACHE_FREQUENCY": str(2**31), "GRADIO_ANALYTICS_MAX_EVENTS": "1"}
# oneDNN keeps a kernel for every shape that it has seen, 1,024 of them: pictures have all sizes.
FEW_KERNELS = {"ONEDNN_PRIMITIVE_CACHE_CAPACITY": "128"}


def connection(options: argparse.Namespace, environment: Mapping[str, str]) -> Connection | None:
    """The server that answers, None if a model in this process does. Raises `DemoError`."""
    unset = parser({}).parse_args([])
    given = {name for name, value in vars(options).items() if value != getattr(unset, name)}
    remote = options.backend == "openai"
    for name in LOCAL_ONLY if remote else SERVER_ONLY:
        if name in given:
            flag, backend = f"--{name.replace('_', '-')}", "local" if remote else "openai"
            raise DemoError("{flag} works with --backend {backend} only; leave it out.", flag=flag, backend=backend)  # fmt: skip
    if not remote:
        return None
    for name in WITHOUT_EFFECT:
        if name in given:
            log.info("--%s has no effect with --backend openai.", name.replace("_", "-"))
    if not options.api_base:
        raise DemoError("--backend openai needs --api-base, e.g. http://localhost:8000/v1.")
    if options.concurrency < 1:
        raise DemoError("--concurrency must be at least 1.")
    key = environment.get(options.api_key_env, "") if options.api_key_env else ""
    if options.api_key_env and not key:
        raise DemoError("--api-key-env names {name}, which is not set.", name=options.api_key_env)
    return Connection(options.api_base, options.api_model, key, family=options.model_family)


def load(
    options: argparse.Namespace,
    flags: Flags,
    server: Connection | None,
    report: LoadProgress,
) -> Backend:
    """The backend that these flags ask for. Raises `CheckpointError`."""
    from ui.media.sandbox.media import STRANGERS_MEDIA
    from ui.media.sandbox.sandbox import SANDBOX

    SANDBOX.stand_by()
    if server:
        from model.remote.backend import RemoteBackend

        return RemoteBackend.connect(
            server,
            concurrency=options.concurrency,
            max_video_seconds=options.max_video_seconds,
            reader=STRANGERS_MEDIA,
            report=report,
        )
    from model.local import LocalBackend

    choice = choose(checkpoints.detect_hardware(), flags)
    return LocalBackend.from_choice(
        choice,
        cache_gb=options.cache_gb,
        max_video_seconds=options.max_video_seconds,
        stop_repetition=not options.no_loop_guard,
        report=report,
        reader=STRANGERS_MEDIA,
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Run the page, or the check; gives the exit status."""
    if sentence := unsupported(sys.platform):
        sys.exit(sentence)
    os.environ.update(FEW_KERNELS | os.environ | NO_TELEMETRY | NO_COUNTING)
    flags = parser(os.environ)
    options = flags.parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    for client in ("httpx", "httpx2"):  # Gradio's asks itself whether it is up; requests are many
        logging.getLogger(client).setLevel(logging.WARNING)
    model_flags = Flags(
        options.checkpoint_path,
        options.cpu_only,
        options.flash_attn2,
        options.dtype,
        options.compile,
        options.prompt_lookup,
        options.gpu_memory,
        options.adapter,
    )
    try:
        server = connection(options, os.environ)
        if options.check:
            from cli import check as preflight

            print(f"sandbox     {confinement.available().described}")
            return preflight.report_server(server) if server else preflight.report(model_flags)
        if options.verify:
            from cli import verify as verify_file

            return verify_file.report(options.verify, model_flags)
        if options.log_json:
            from cli import json_log

            json_log.take_over()
        for hole in packages.holes():
            log.warning(hole)
        if not (sandbox := confinement.available()).whole:
            log.warning("Sandbox for attached files: %s.", sandbox.described)
        atexit.register(silence)
        serve(options, model_flags, server)
    except (DemoError, SettingError) as error:
        flags.error(str(error))
    return 0


def silence() -> None:
    """Close standard output and error. For the very end, where triton lists in twenty lines what it has not freed."""
    for stream in (sys.stdout, sys.stderr, *logging.getLogger().handlers):
        stream.flush()
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for number in (1, 2):
        os.dup2(nowhere, number)


def unsupported(platform: str) -> str:
    """Why the program cannot run on this system; empty where it can."""
    if platform == "win32":
        return "qwen-vl-chat runs on Linux and macOS; on Windows, install WSL 2 (`wsl --install`) and start it there."
    return ""


def named(options: argparse.Namespace) -> str:
    """What is being loaded, for the banner."""
    return " + ".join(name for name in (options.checkpoint_path, options.adapter) if name)


def expected_settings(server: Connection | None, model_flags: Flags) -> DefaultSettings:
    """What the checkpoint will say of itself, as far as that is known before it is loaded."""
    if server is None:
        return default_settings(expected_checkpoint(model_flags))
    found = Recognised(of_key(server.family), True) if server.family else recognised([server.model])
    return found.family.default_settings if found.sure else DefaultSettings()


def serve(options: argparse.Namespace, model_flags: Flags, server: Connection | None) -> None:
    """Open the page at once and load the model behind it, until a signal asks for the end."""
    from cli import gradio_import
    from cli import memory as heap
    from cli.proxies import past_proxies
    from ui.media.temp_folder import private_folder

    heap.keep_together()
    heap.collect_seldom()
    with private_folder():  # Gradio looks for it when it is imported
        with past_proxies(), gradio_import.lean():
            import gradio  # noqa: F401
        page = _open(options, model_flags, server)
        _wait_for_a_signal()
        _end(page)
    leave = threading.Timer(LEFTOVERS_S, os._exit, (0,))
    leave.daemon = True
    leave.start()


def _open(options: argparse.Namespace, model_flags: Flags, server: Connection | None) -> Any:
    """The page, listening. Raises `DemoError` and `SettingError`."""
    from cli import memory as heap
    from cli.proxies import past_proxies
    from ui.page.build import build_page, launch_options

    given = {name: getattr(options, name) for name in options.given}
    expected = expected_settings(server, model_flags)
    expected.changed(given)  # or say now what is wrong
    require_port(options.server_name, options.server_port)
    os.environ.setdefault("FORWARDED_ALLOW_IPS", TRUSTED_PROXIES)  # uvicorn reads it
    sys.setswitchinterval(SWITCH_S)
    served = threading.Event()

    def load_behind_the_page(report: LoadProgress) -> Backend:
        # Importing torch keeps Python busy for so long that Gradio, asking itself whether the page
        # answers, would give up.
        served.wait()
        page.tabs.wait_for_first_page()
        try:
            return load(options, model_flags, server, report)
        finally:
            heap.collect_as_usual()

    label = server.label(options.api_model) if server else named(options)
    backend = LoadingBackend(load_behind_the_page, label, expected)
    page = build_page(
        backend,
        given=given,
        queue_size=options.queue_size,
        read_ahead=not options.no_read_ahead,
        requests_per_minute=options.requests_per_minute,
        log_messages=options.log_messages,
        downloads=Downloads(options.max_file_mb * 2**20) if options.allow_urls else None,
        keep_minutes=options.keep_minutes,
        max_uploads_gb=options.max_uploads_gb,
        log_ins=bool(options.auth),
        give_back=heap.give_back,
    )
    with past_proxies(options.server_name, options.share):
        page.launch(
            server_name=_host(options.server_name),
            server_port=options.server_port,
            root_path=options.root_path or None,
            share=options.share,
            inbrowser=options.inbrowser,
            auth=logins(options.auth),
            prevent_thread_lock=True,
            **launch_options(
                page,
                max_file_mb=options.max_file_mb,
                allow_hosts=options.allow_host or (),
                at=(options.server_name, options.root_path),
                metrics=options.metrics,
                logins=logins(options.auth),
            ),
        )
    served.set()
    return page


def _wait_for_a_signal() -> None:
    """Return when the process is asked to end; asked once more, it does so at once."""
    asked = threading.Event()

    def ask(number: int, _: object) -> None:
        signal.signal(number, signal.SIG_DFL)
        asked.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, ask)
    asked.wait()


def _end(page: Any) -> None:
    """Let everybody see how far their answer came, then close the page."""
    page.tabs.end()
    until = time.monotonic() + LAST_WORDS_S
    while page.tabs.running and time.monotonic() < until:
        time.sleep(0.05)
    time.sleep(SHOWN_S)
    page.close(verbose=False)


def _host(address: str) -> str:
    """As web addresses write it."""
    return f"[{address.strip('[]')}]" if ":" in address else address


def require_port(address: str, port: int) -> None:
    """Raises `DemoError` if `port` cannot be had, naming one that can, or if nobody can listen at `address`."""
    import socket

    def bound(port: int) -> int:
        family, kind, protocol, _, place = socket.getaddrinfo(
            address.strip("[]"), port, type=socket.SOCK_STREAM
        )[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(place)
            return int(probe.getsockname()[1])

    try:
        free = bound(0)
    except (OSError, UnicodeError) as error:  # of a name that cannot be one
        raise DemoError(
            "Nothing can listen at {address}; use --server-name 127.0.0.1, or 0.0.0.0 to let other machines in.",
            address=address,
        ) from error
    try:
        bound(port)
    except OSError as error:
        raise DemoError(
            "Port {port} is taken; start with --server-port {free}.", port=port, free=free
        ) from error


def logins(pairs: Sequence[str] | None) -> list[tuple[str, str]] | None:
    logins = [tuple(pair.partition(":")[::2]) for pair in pairs or []]
    for user, password in logins:
        if not user or not password:
            raise DemoError("--auth takes USER:PASSWORD, with both parts.")
    return [(user, password) for user, password in logins] or None


if __name__ == "__main__":
    sys.exit(main())
