"""From the flags to settings, backend, page and launch. The only file that knows every part."""

from __future__ import annotations

import argparse
import atexit
import logging
import os
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

from cli import packages, process
from cli.address import host_names, require_port, url_host
from cli.choices import beside_a_server, local_choices, server_name, switched
from cli.flags import connection, parser
from model.backend import Backend, LoadProgress
from model.checkpoint import load as checkpoints
from model.checkpoint.choose import BUNDLED, Flags, choose, expected_checkpoint
from model.checkpoint.hub.repository import look_up_at
from model.checkpoint.settings import default_settings
from model.errors import DemoError, SettingError
from model.families import Recognised, of_key, recognised
from model.loading import LoadingBackend
from model.media.download import Downloads
from model.remote.http.connection import Connection
from model.settings import DefaultSettings
from ui.media.sandbox import confinement

log = logging.getLogger(__name__)


def main(argv: Sequence[str] | None = None) -> int:
    """Run what the flags ask for, and give the exit status. A wrong flag ends the process with status 2."""
    if sentence := process.unsupported(sys.platform):
        sys.exit(sentence)
    process.set_environment()
    flags = parser(os.environ)
    options = flags.parse_args(argv)
    process.log_to_stderr()
    look_up_at(options.hub)
    try:
        return _run(options, local_choices(options))
    except (DemoError, SettingError) as error:
        flags.error(str(error))


def _run(options: argparse.Namespace, choices: Mapping[str, Flags]) -> int:
    """The check, the verification or the page. Raises `DemoError` and `SettingError`."""
    server = connection(options, os.environ)
    if server and not beside_a_server(options):
        choices = {}
    if options.check:
        from cli import check

        print(f"sandbox     {confinement.available().described}")
        return check.report_all(server, choices)
    if options.verify:
        from cli import verify

        return verify.report(options.verify, next(iter(choices.values()), Flags()))
    if options.log_json:
        from cli import json_log

        json_log.take_over()
    for hole in packages.holes():
        log.warning(hole)
    if not (sandbox := confinement.available()).whole:
        log.warning("Sandbox for attached files: %s.", sandbox.described)
    atexit.register(process.silence)
    if options.batch:
        return batch(options, choices, server)
    serve(options, choices, server)
    return 0


def batch(
    options: argparse.Namespace, choices: Mapping[str, Flags], server: Connection | None
) -> int:
    """Ask about many files, and give the exit status. Raises `DemoError` and `SettingError`."""
    from cli.batch import files, results, run

    if not options.prompt or not options.out:
        raise DemoError("--batch needs a question with --prompt and a file with --out.")
    flags = next(iter(choices.values()), Flags())
    given = {name: getattr(options, name) for name in options.given}
    expected_settings(server, flags).changed(given)
    found = files.found(options.batch)
    kept = results.results(options.out, found)
    with run.loading() as report:
        backend = load(options, flags, server, report)
    settings = backend.default_settings().changed(given)
    pages = files.PageChoice(options.pages, options.pages_text)
    return run.run(backend, found, options.prompt, settings, kept, options.concurrency, pages)


def serve(
    options: argparse.Namespace, choices: Mapping[str, Flags], server: Connection | None
) -> None:
    """Open the page at once and load the model behind it, until a signal ends the process."""
    from cli import gradio_import
    from cli.proxies import past_proxies
    from ui.media.temp_folder import private_folder

    process.keep_together()
    process.collect_seldom()
    # Gradio reads the folder's path when it is imported.
    with private_folder():
        with past_proxies(), gradio_import.lean():
            import gradio  # noqa: F401
        page = _open(options, choices, server)
        process.wait_for_signal()
        process.drain(page)
    process.exit_soon()


def _open(
    options: argparse.Namespace, choices: Mapping[str, Flags], server: Connection | None
) -> Any:
    """Give the page, listening, while its backend is still being loaded. Raises `DemoError` and `SettingError`."""
    given = {name: getattr(options, name) for name in options.given}
    flags = next(iter(choices.values()), Flags())
    # A wrong setting is an error now, before the page opens.
    expected_settings(server, flags).changed(given)
    host_names(options.allow_host)
    require_port(options.server_name, options.server_port)
    process.prepare_to_serve()
    served = threading.Event()

    @contextmanager
    def behind_the_page() -> Iterator[None]:
        # Importing torch holds the GIL for so long that Gradio's own request, which asks whether the page is up,
        # would time out.
        served.wait()
        page.tabs.pending_pages.wait_for_first_page()
        try:
            yield
        finally:
            process.collect_as_usual()

    demo = not server and expected_checkpoint(flags) == str(BUNDLED)
    page = _build(options, _backends(options, choices, server, behind_the_page), given, demo)
    _launch(options, page)
    served.set()
    return page


def _backends(
    options: argparse.Namespace,
    choices: Mapping[str, Flags],
    server: Connection | None,
    loading: Callable[[], AbstractContextManager[None]],
) -> dict[str, Backend]:
    """What people choose from, by name. The first is the default, and is loaded at once, within `loading`."""

    def load_behind(flags: Flags) -> Callable[[LoadProgress], Backend]:
        def work(report: LoadProgress) -> Backend:
            with loading():
                return load(options, flags, server, report)

        return work

    if server:
        label, expected = server.label(options.api_model), expected_settings(server, Flags())
        backends: dict[str, Backend] = {
            server_name(server): LoadingBackend(load_behind(Flags()), label, expected)
        }
        return backends | switched(options, choices, nullcontext)
    if len(choices) == 1:
        ((name, flags),) = choices.items()
        label = " + ".join(part for part in (flags.checkpoint, flags.adapter) if part)
        return {name: LoadingBackend(load_behind(flags), label, expected_settings(None, flags))}
    several = switched(options, choices, loading)
    next(iter(several.values())).begin()
    return dict(several)


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
    # Before the import of `model.local`, which needs torch: without torch this raises the error with the remedy.
    choice = choose(checkpoints.detect_hardware(), flags)
    from model.local import LocalBackend

    return LocalBackend.from_choice(
        choice,
        cache_gb=options.cache_gb,
        max_video_seconds=options.max_video_seconds,
        stop_repetition=not options.no_loop_guard,
        report=report,
        reader=STRANGERS_MEDIA,
    )


def expected_settings(server: Connection | None, flags: Flags) -> DefaultSettings:
    """The checkpoint's own default settings, as far as they are known before it is loaded."""
    if server is None:
        return default_settings(expected_checkpoint(flags))
    found = Recognised(of_key(server.family), True) if server.family else recognised([server.model])
    return found.family.default_settings if found.sure else DefaultSettings()


def logins(pairs: Sequence[str] | None) -> list[tuple[str, str]] | None:
    """The values of --auth as (user, password), or None without any. Raises `DemoError`."""
    parts = [pair.partition(":") for pair in pairs or []]
    if not all(map(all, parts)):
        raise DemoError("--auth takes USER:PASSWORD, with both parts.")
    return [(user, password) for user, _, password in parts] or None


def _build(
    options: argparse.Namespace,
    backends: Mapping[str, Backend],
    given: Mapping[str, Any],
    demo: bool,
) -> Any:
    """The page (`gr.Blocks`). given: the settings that flags name, by their names; demo: for the bundled checkpoint."""
    from ui.page.build import build_page

    return build_page(
        backends,
        given=given,
        queue_size=options.queue_size,
        read_ahead=not options.no_read_ahead,
        requests_per_minute=options.requests_per_minute,
        log_messages=options.log_messages,
        downloads=Downloads(options.max_file_mb * 2**20) if options.allow_urls else None,
        keep_minutes=options.keep_minutes,
        max_uploads_gb=options.max_uploads_gb,
        log_ins=bool(options.auth),
        demo=demo,
        history=not options.no_history,
        give_back=process.give_back,
    )


def _launch(options: argparse.Namespace, page: Any) -> None:
    """Let the page listen. Raises `DemoError`."""
    from cli.proxies import past_proxies
    from ui.page.build import launch_options

    with past_proxies(options.server_name, options.share):
        page.launch(
            server_name=url_host(options.server_name),
            server_port=options.server_port,
            root_path=options.root_path or None,
            share=options.share,
            inbrowser=options.inbrowser,
            auth=logins(options.auth),
            prevent_thread_lock=True,
            **launch_options(
                page,
                max_file_mb=options.max_file_mb,
                allow_hosts=host_names(options.allow_host),
                at=(options.server_name, options.root_path),
                metrics=options.metrics,
                logins=logins(options.auth),
            ),
        )


if __name__ == "__main__":
    sys.exit(main())
