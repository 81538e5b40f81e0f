"""The flags of the command line. Each flag is also an environment variable."""

from __future__ import annotations

import argparse
import logging
from collections.abc import Mapping
from typing import Any

from cli.batch import flags as batch
from cli.choices import AUTO
from model import VERSION
from model.checkpoint.hub.hub import HUB_NAMES
from model.errors import DemoError
from model.families import FAMILIES, QUANTIZATIONS
from model.remote.http.connection import Connection
from model.settings import SETTING_SPECS, SettingSpec

log = logging.getLogger(__name__)

# QWEN_VL_CHECKPOINT_PATH sets --checkpoint-path.
ENVIRONMENT = "QWEN_VL_"
# Flags without a variable. A container may use QWEN_VL_VERSION for a version of its own.
NOT_TAKEN = ("help", "version")
# Flags whose variables hold several values, separated by commas.
LISTS = ("adapter", "allow_host", "auth", "batch", "checkpoint_path")
TRUE, FALSE = ("1", "true", "yes", "on"), ("0", "false", "no", "off", "")
# Refused with --backend openai, unless --checkpoint-path names a checkpoint beside the server's: the server decides these.
LOCAL_ONLY = (
    "adapter",
    "compile",
    "dtype",
    "flash_attn2",
    "no_loop_guard",
    "prompt_lookup",
    "quantize",
)
# Accepted with --backend openai, and logged: no model runs in this process.
WITHOUT_EFFECT = ("cache_gb", "cpu_only", "gpu_memory", "hub")
# Refused with --backend local.
SERVER_ONLY = ("api_base", "api_key_env", "api_model", "concurrency", "model_family")


class _Help(argparse.ArgumentDefaultsHelpFormatter):
    """Help with the defaults, where they say something. That of --auth may be a password from the environment."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        empty = action.default is None or action.default is False or action.default == ""
        if empty or action.dest == "auth":
            return action.help
        if isinstance(action, _Repeated):
            return f"{action.help} (default: {', '.join(action.default)})"
        return super()._get_help_string(action)


class _Setting(argparse.Action):
    """Stores a setting and adds its name to `given`. The others may have the checkpoint's own defaults."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,  # noqa: ARG002
        namespace: argparse.Namespace,
        values: object,
        option_string: str | None = None,  # noqa: ARG002
    ) -> None:
        setattr(namespace, self.dest, values)
        namespace.given = namespace.given | {self.dest}


class _Repeated(argparse.Action):
    """A flag that may be given several times. The values of the command line replace those of the environment."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,  # noqa: ARG002
        namespace: argparse.Namespace,
        values: object,
        option_string: str | None = None,  # noqa: ARG002
    ) -> None:
        before = getattr(namespace, self.dest)
        given = () if before is self.default else before
        setattr(namespace, self.dest, (*given, values))


def parser(environment: Mapping[str, str]) -> argparse.ArgumentParser:
    """Return the parser of all flags. Variables of `environment` replace the defaults.

    A wrong variable ends the process with status 2. The parsed namespace also has `given`, the names of the settings
    that a flag or a variable sets.
    """
    flags = argparse.ArgumentParser(
        description="Chat with a Qwen2-VL checkpoint about pictures and videos.",
        epilog="Every flag but --help and --version can be set in the environment: "
        f"{ENVIRONMENT}CHECKPOINT_PATH for --checkpoint-path.",
        formatter_class=_Help,
    )
    _add_model_flags(flags)
    _add_engine_flags(flags)
    _add_server_flags(flags, environment)
    _add_limit_flags(flags)
    batch.add_flags(flags)
    settings = flags.add_argument_group("defaults of the page's settings")
    for spec in SETTING_SPECS:
        settings.add_argument(
            "--" + spec.name.replace("_", "-"),
            action=_Setting,
            type=_parse(spec),
            default=spec.default,
            metavar=spec.kind.upper(),
            help=f"{spec.help.replace('%', '%%')} {spec.range}",
        )
    _take_environment(flags, environment)
    return flags


def connection(options: argparse.Namespace, environment: Mapping[str, str]) -> Connection | None:
    """Return the server of --backend openai, or None without one. Raises `DemoError` for conflicting flags."""
    remote = options.backend == "openai"
    given = _given(options)
    beside = "checkpoint_path" in given
    for name in () if remote and beside else LOCAL_ONLY if remote else SERVER_ONLY:
        if name in given:
            flag, backend = f"--{name.replace('_', '-')}", "local" if remote else "openai"
            raise DemoError(
                "{flag} works with --backend {backend} only; leave it out.",
                flag=flag,
                backend=backend,
            )
    if not remote:
        return None
    for name in () if beside else WITHOUT_EFFECT:
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


def _given(options: argparse.Namespace) -> set[str]:
    """The names of the options that differ from their defaults."""
    defaults = parser({}).parse_args([])
    return {name for name, value in vars(options).items() if value != getattr(defaults, name)}


# fmt: off
def _add_model_flags(flags: argparse.ArgumentParser) -> None:
    model = flags.add_argument_group("model")
    model.add_argument("-c", "--checkpoint-path", action=_Repeated, default=AUTO, metavar="ID_OR_FOLDER",
        help="hub id or folder of a checkpoint of Qwen2-VL, Qwen2.5-VL or Qwen3-VL; 'tiny' is the bundled one; "
             "'auto' takes a full one where there is a CUDA GPU; may be given several times, and "
             "then people choose")
    model.add_argument("--adapter", action=_Repeated, default=None, metavar="ID_OR_FOLDER",
        help="hub id or folder of a LoRA adapter, used on top of the checkpoint; may be given "
             "several times; needs `pip install peft`")
    model.add_argument("--hub", choices=HUB_NAMES, default="huggingface",
        help="where an id is looked up; modelscope needs `pip install modelscope-hub`")
    model.add_argument("--cpu-only", action="store_true",
        help="run on the CPU even if there is a GPU")
    model.add_argument("--flash-attn2", action="store_true",
        help="FlashAttention-2; needs a CUDA GPU")
    model.add_argument("--compile", action="store_true",
        help="CUDA graphs for faster answers; needs a CUDA GPU and a minute or two to compile at "
             "the start")
    model.add_argument("--prompt-lookup", action="store_true",
        help="check several words of what an answer seems to quote in one step: faster for "
             "documents, tables and code, slower for other answers; at temperature 0")
    model.add_argument("--quantize", choices=QUANTIZATIONS, default="",
        help="quantize the language model while it is loaded, for less memory; needs `pip install "
             "bitsandbytes`")
    dtypes = ("auto", "bfloat16", "float16", "float32")
    model.add_argument("--dtype", choices=dtypes, default="auto",
        help="of the weights; 'auto' is bfloat16 where the hardware computes in it (small "
             "checkpoints on a CPU: float32)")
    model.add_argument("--no-loop-guard", action="store_true",
        help="let an answer go on that repeats itself")
    model.add_argument("--gpu-memory", type=_gigabytes, default=None, metavar="GB",
        help="how much of each GPU may be used; default is what is free")
    model.add_argument("--cache-gb", type=_gigabytes, default=None, metavar="GB",
        help="kept between turns so that nothing is computed twice; default is what one GPU has "
             "left for it, else a fifth of the free memory")


def _add_engine_flags(flags: argparse.ArgumentParser) -> None:
    engine = flags.add_argument_group("where the model runs")
    engine.add_argument("--backend", choices=("local", "openai"), default="local",
        help="in this process, or behind an OpenAI-compatible server such as vLLM")
    engine.add_argument("--api-base", default="", metavar="URL",
        help="of the server, e.g. http://localhost:8000/v1")
    engine.add_argument("--api-model", default="", metavar="NAME",
        help="which of the server's models; otherwise the first that it lists")
    engine.add_argument("--api-key-env", default="", metavar="VARIABLE",
        help="environment variable that holds the server's key")
    engine.add_argument("--model-family", choices=[family.key for family in FAMILIES], default="",
        help="of the server's model, where its name does not say so")
    engine.add_argument("--concurrency", type=int, default=32, metavar="N",
        help="answers that the server writes at once; others wait in line")


def _add_server_flags(flags: argparse.ArgumentParser, environment: Mapping[str, str]) -> None:
    # Gradio's own variables, which Hugging Face Spaces sets, count too.
    address = environment.get("GRADIO_SERVER_NAME", "127.0.0.1")
    port = environment.get("GRADIO_SERVER_PORT", "7860")
    server = flags.add_argument_group("server")
    server.add_argument("--share", action="store_true", help="make a public link through Gradio")
    server.add_argument("--inbrowser", action="store_true", help="open the page in a browser")
    server.add_argument("--server-name", default=address, metavar="ADDRESS",
        help="0.0.0.0 lets other machines in")
    server.add_argument("--server-port", type=int, default=port, metavar="PORT",
        help="where to listen")
    server.add_argument("--root-path", default="", metavar="PATH",
        help="where a reverse proxy puts the page")
    server.add_argument("--allow-host", action="append", default=None, metavar="NAME",
        help="a name under which the page is asked for; may be given several times, and then no "
             "other name is answered but those of its own network")
    server.add_argument("--auth", action="append", default=None, metavar="USER:PASSWORD",
        help="ask for a log-in; may be given several times")
    server.add_argument("--no-history", action="store_true",
        help="browsers keep no list of chats")
    server.add_argument("--log-messages", action="store_true",
        help="write what is asked and answered into the log, which otherwise has counts and timings only")
    server.add_argument("--metrics", action="store_true",
        help="figures for Prometheus at /metrics: for who has a log-in, or without --auth for "
             "this machine and its private network")
    server.add_argument("--log-json", action="store_true",
        help="write the log as JSON, one object a line")
    server.add_argument("--check", action="store_true",
        help="print what would run and what is missing, and exit")
    server.add_argument("--verify", default=None, metavar="FILE.zip",
        help="answer an exported conversation again with stock transformers, say whether it is "
             "the same, and exit")
    server.add_argument("--version", action="version", version=f"qwen-vl-chat {VERSION}")


def _add_limit_flags(flags: argparse.ArgumentParser) -> None:
    limits = flags.add_argument_group("limits")
    limits.add_argument("--queue-size", type=int, default=64, metavar="N",
        help="people who may wait for an answer at once")
    limits.add_argument("--requests-per-minute", type=int, default=0, metavar="N",
        help="messages that one address may send; 0 is any number")
    limits.add_argument("--no-read-ahead", action="store_true",
        help="do not read what is attached before it is sent")
    limits.add_argument("--max-file-mb", type=int, default=200, metavar="N",
        help="largest file that may be attached")
    limits.add_argument("--max-uploads-gb", type=float, default=20, metavar="GB",
        help="of the disk, for all files that people attached and may still need")
    limits.add_argument("--keep-minutes", type=float, default=60, metavar="N",
        help="how long a conversation and its files stay when its page has been closed")
    limits.add_argument("--allow-urls", action="store_true",
        help="programs and people may name pictures and clips by public http(s) addresses, which are "
             "fetched by this machine")
    limits.add_argument("--max-video-seconds", type=float, default=3600.0, metavar="N",
        help="longest clip, or part of one, that is read")
# fmt: on


def _gigabytes(text: str) -> float | None:
    return float(text) if text else None


def _parse(spec: SettingSpec) -> Any:
    """The function that argparse calls with a value's text. It raises `ValueError`."""

    def parse(text: str) -> object:
        if text == "" and spec.optional:
            return None
        if spec.kind == "bool":
            return _boolean(text)
        return {"int": int, "float": float, "str": str}[spec.kind](text)

    parse.__name__ = spec.kind  # argparse names it in its message
    return parse


def _boolean(text: str) -> bool:
    if text.lower() in TRUE:
        return True
    if text.lower() in FALSE:
        return False
    raise ValueError(text)


def _take_environment(flags: argparse.ArgumentParser, environment: Mapping[str, str]) -> None:
    """Replace the defaults by the environment's variables, with the checks of the flags."""
    given: set[str] = set()
    for action in flags._actions:
        text = environment.get(ENVIRONMENT + action.dest.upper())
        if text is None or action.dest in NOT_TAKEN:
            continue
        try:
            if action.nargs == 0:
                action.default = _boolean(text)
            elif action.dest in LISTS:
                listed = [value.strip() for value in text.split(",") if value.strip()]
                kind = tuple if isinstance(action, _Repeated) else list
                action.default = kind(listed) or action.default
            elif action.choices and text not in (action.default, *action.choices):
                raise ValueError(text)
            else:
                action.default = action.type(text) if callable(action.type) else text
            if isinstance(action, _Setting):
                given.add(action.dest)
        except ValueError:
            flag = f"--{action.dest.replace('_', '-')}"
            flags.error(f"{ENVIRONMENT}{action.dest.upper()} is {text!r}, which {flag} cannot take")
    flags.set_defaults(given=frozenset(given))
