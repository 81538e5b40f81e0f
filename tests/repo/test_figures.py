"""The figures and names in the documentation are those of the code."""

from __future__ import annotations

import json
import math
import re
import struct
import subprocess
from dataclasses import fields
from pathlib import Path
from typing import get_args

import pytest
from prometheus_client import CollectorRegistry

from cli import process
from cli.flags import ENVIRONMENT, parser
from model.backend import CacheFigures, StopReason, Usage
from model.checkpoint.choose import BUNDLED, LARGE, SMALL, Flags, Hardware, choose
from model.checkpoint.hub.huggingface import client
from model.engine import repetition
from model.engine.cache.budget import ModelSizes, cache_budget_bytes
from model.local import runner
from model.media import container, download, image
from model.prompt import resize, visual_item
from model.remote import backend as remote
from model.remote import media as remote_media
from model.reproduce import archive_entries, archive_reader
from model.serving import prepared_media
from model.settings import MAX_TEXT_CHARACTERS
from tests.support.fakes import FakeBackend
from tests.support.project import MAKEFILE, ROOT
from tools.bench import BENCHMARKS
from ui.handlers import frames
from ui.html.syntax import formulas, inline_rules
from ui.http import body, metrics
from ui.http.access import body_limit, log_in, origin
from ui.http.share import share
from ui.media import disk_quota, uploads
from ui.media.sandbox.request import LOOKING
from ui.state import open_tabs, rate_limit, registry
from ui.state.tab import run
from ui.text.english import ENGLISH, ERRORS

DOCS = ROOT / "docs"
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.glob("*.md")])
SECURITY, USING, DEPLOY, MODELS, FLAGS, API, DESIGN, HELP = (
    ROOT / "SECURITY.md",
    *(DOCS / f"{name}.md" for name in ("using", "deploy", "models", "settings-and-flags", "api", "design", "troubleshooting")),
)  # fmt: skip
MIB = 2**20


def read(page: Path) -> str:
    """A page on one line, without the signs that make code and bold of words."""
    return re.sub(r"\s+", " ", page.read_text(encoding="utf-8")).replace("`", "")


@pytest.mark.parametrize(
    ("page", "said", "figure"),
    [
        (SECURITY, r"An address has (\w+) wrong passwords a minute", log_in.WRONG_PER_MINUTE),
        (SECURITY, r"sends nothing for (\d+) seconds", body_limit.MAX_SILENT_S),
        (SECURITY, r"less than (\d+) KiB a second", body_limit.MIN_BYTES_PER_S / 2**10),
        (SECURITY, r"Bodies over (\d+) KiB", body.MAX_SMALL_BYTES / 2**10),
        (SECURITY, r"take at most (\d+) MiB of memory", body_limit.MAX_HELD_BYTES / MIB),
        (SECURITY, r"leave a gi(b)ibyte of the disk free", disk_quota.SPARE_BYTES / 2**30),
        (SECURITY, r"An upload holds at most (\d+) files", uploads.MAX_ATTACHMENTS),
        (SECURITY, r"has at most (\d+) turns", archive_reader.MAX_TURNS),
        (SECURITY, r"turns, (\d+) pictures and clips", archive_reader.MAX_MEDIA),
        (SECURITY, r"pictures and clips, (\d+) of them a turn", archive_reader.MAX_TURN_MEDIA),
        (SECURITY, r"at most (\w+) times as large as the zip file", archive_entries.MAX_GROWTH),
        (SECURITY, r"the zip file and (\d+) MiB", archive_entries.MAX_MORE_BYTES / MIB),
        (SECURITY, r"begin its answer within (\d+) seconds", download.ANSWER_TIMEOUT_S),
        (SECURITY, r"One address has at most (\d+) conversations", open_tabs.MAX_TABS_OF_ONE),
        (SECURITY, r"waits takes at most (\d+) MB", runner.MAX_PREPARED_BYTES / MIB),
        (USING, r"nests deeper than (\d+) levels", formulas.MAX_DEPTH),
        (USING, r"is there, for (\d+) characters at most", inline_rules.MAX_OPEN_EMPHASIS),
        (USING, r"repeats its last part for (\d+) tokens or more", repetition.MIN_TOKENS),
        (USING, r"up to (\d+) million pixels", image.MAX_IMAGE_PIXELS / 10**6),
        (USING, r"neither side more than (\d+) times the other", resize.MAX_ASPECT_RATIO),
        (USING, r"fewer frames, down to (\d+)", visual_item.MIN_FITTED_FRAMES),
        (USING, r"it gets (\d+) s of processor time", LOOKING.cpu_s),
        (USING, r"or up to (\d+) s and", LOOKING.largest_cpu_s),
        (USING, r"s and ([\d.]+) GB for the largest", LOOKING.largest_memory_bytes / 2**30),
        (USING, r"answer may take (\w+) minutes", container.DECODE_TIMEOUT_S / 60),
        (USING, r"A message holds up to (\d+) files", uploads.MAX_ATTACHMENTS),
        (USING, r"([\d,]+) for the bundled checkpoint", json.loads((BUNDLED / "config.json").read_text())["text_config"]["max_position_embeddings"]),
        (DEPLOY, r"up to (\d+) MB of encoded pictures", remote.MAX_PREPARED_BYTES / MIB),
        (DEPLOY, r"PNG \(above (\d+) MB", remote_media.MAX_PNG_BYTES / 10**6),
        (DEPLOY, r"JPEG of quality (\d+)", remote_media.JPEG["quality"]),
        (DEPLOY, r"(\w+) seconds after the tab was closed", registry.CLOSED_S),
        (FLAGS, r"somebody writes is bounded at (\d+) times", rate_limit.LOOKS_PER_MESSAGE),
        (API, r"goes on for (\w+) seconds without it", run.ORPHAN_S),
        (API, r"within a (m)inute and up to", download.TIMEOUT_S / 60),
        (DESIGN, r"at most (\d+) updates a second", int(1 / frames.FRAME_S)),
        (DESIGN, r"a second; after a cut, within (\w+)", run.ORPHAN_S),
        (HELP, r"gives up after about (\d+) seconds without an answer", client.REQUEST_TIMEOUT_S),
    ],
)  # fmt: skip
def test_a_limit_is_what_the_page_says(page: Path, said: str, figure: float) -> None:
    (found,) = re.findall(said, read(page))
    words = {"four": 4, "ten": 10, "b": 1, "m": 1}
    assert float(words.get(found) or found.replace(",", "")) == figure


def test_shares_that_pages_give_in_words_are_those_of_the_code() -> None:
    assert "at most three quarters of it, or half beside others" in read(SECURITY)
    assert (share(1, 0), share(1, 1)) == (0.75, 0.5)
    assert "one address has at most three quarters of that, or one conversation" in read(SECURITY)
    assert prepared_media.MAX_SHARE_OF_PERSON == 0.75
    assert "one address has at most three quarters of the places" in read(FLAGS)
    assert registry.LEFT_TO_OTHERS == 4
    assert "A clip takes at most three quarters of the context" in read(USING)
    assert visual_item.MAX_VIDEO_SHARE == 0.75
    assert "a million characters" in read(USING) and MAX_TEXT_CHARACTERS == 10**6


def test_a_gpu_gets_the_large_checkpoint_from_the_memory_on_that_the_page_names() -> None:
    (told,) = re.findall(r"together have less than (\d+) GB free", read(MODELS))

    def chosen(free_gb: float) -> str:
        hardware = Hardware(gpu_free=(int(free_gb * 10**9),), gpu_generation=(8,))
        return choose(hardware, Flags(), lambda _: 0).checkpoint

    assert (chosen(float(told) - 0.1), chosen(float(told))) == (SMALL, LARGE)


def test_a_card_of_24_gb_holds_what_the_page_says_of_it() -> None:
    large = ModelSizes(28, 28, 4, 128, 3584, 18944, 32768, 1280, 5120, 1176, 3584, 2)
    said = read(DEPLOY).partition("one GPU of 24 GB holds a 7B")[2]
    weights, turn, kept = map(float, re.findall(r"([\d.]+) GB", said)[:3])
    assert turn == round(large.working_bytes / 10**9, 1)
    free = 23 * 2**30 - weights * 10**9  # of the 24, beside CUDA's own
    assert kept == round(cache_budget_bytes(int(free), large, gpus=1) / 10**9, 1)
    chat = large.context_tokens * large.bytes_per_token / 10**9
    assert f"{chat:.1f} GB with a 7B" in read(DEPLOY) and chat < kept < 2 * chat
    assert round(kept * 10**9 / (5_000 * large.bytes_per_token)) == 12, "a dozen"


def test_the_bundled_checkpoint_is_as_large_as_the_pages_say() -> None:
    file = BUNDLED / "model.safetensors"
    with file.open("rb") as content:
        header = json.loads(content.read(*struct.unpack("<Q", content.read(8))))
    count = sum(math.prod(tensor["shape"]) for tensor in header.values() if "shape" in tensor)
    millions, size = re.findall(r"of ([\d.]+) million parameters in (\d+) MB", read(MODELS))[0]
    assert (float(millions), int(size)) == (round(count / 10**6, 1), round(file.stat().st_size / 10**6))  # fmt: skip


def test_what_troubleshooting_quotes_is_said_by_the_program() -> None:
    own = re.findall(r'"(.+)"', (ROOT / "cli" / "address.py").read_text(encoding="utf-8"))
    sentences = [*ERRORS.values(), *own, process.unsupported("win32")]
    quoted = [
        quote
        for line in HELP.read_text(encoding="utf-8").splitlines()
        if line.startswith("|")
        for quote in re.findall(r'"([^"]+)"', line.split("|")[1])
    ]
    assert len(quoted) > 15
    for quote in quoted:
        parts = [re.escape(part.strip()) for part in re.split(r"…|\(502\)|7860", quote)]
        assert any(re.search(".*".join(parts), sentence) for sentence in sentences), quote


def test_the_table_of_figures_has_every_figure_and_its_labels() -> None:
    figures = metrics.Metrics()
    kept = FakeBackend(figures=CacheFigures(1, 2, 3, 4))
    figures.watch(registry.Tabs(kept))
    there = {
        name.removeprefix("qwen_vl_")
        for name in names_of(figures.registry)
        if not name.startswith("process_")
    }
    table = DEPLOY.read_text(encoding="utf-8").split("| figure (`qwen_vl_...`)")[1].split("\n\n")[0]
    told = {
        re.sub(r"\{.*", "", name)
        for row in table.splitlines()[2:]
        for name in re.findall(r"`(\w+(?:\{[^`]*\})?)`", row.split("|")[1])
    }
    assert told == there


def names_of(figures: CollectorRegistry) -> set[str]:
    """As Prometheus shows them: a counter ends in `_total`."""
    return {
        family.name + ("_total" if family.type == "counter" else "") for family in figures.collect()
    }


def test_what_the_design_says_of_usage_and_of_the_page_is_there() -> None:
    said = DESIGN.read_text(encoding="utf-8").split("## Names that others rely on")[1]
    usage = said.split("`usage` has")[1].split("\n\n")[0]
    words = set(re.findall(r"`(\w+)`", usage))
    reasons = set(get_args(StopReason))
    assert reasons <= words
    assert words - reasons <= {field.name for field in fields(Usage)}
    layout = "".join(path.read_text() for path in (ROOT / "ui" / "page").glob("*.py"))
    ids = re.findall(r"#([a-z-]+)", said.split("## ")[0].replace("settings-and-flags.md#", ""))
    assert len(ids) > 15
    for name in ids:
        assert f'"{name}"' in layout, name


def test_names_of_a_network_that_the_page_lists_are_always_answered() -> None:
    (listed,) = re.findall(r"names without a dot, and names in ([^,]+(?:, \.[\w.]+)* and \.\w+)", read(SECURITY))  # fmt: skip
    assert set(re.findall(r"\.[a-z][a-z.]*[a-z]", listed)) == set(origin.NEAR)


@pytest.mark.parametrize("page", [*PAGES, *(ROOT / "deploy").iterdir()], ids=lambda page: page.name)
def test_every_variable_of_the_program_that_a_file_names_is_a_flag(page: Path) -> None:
    flags = {action.dest.upper() for action in parser({})._actions}
    for name in re.findall(rf"{ENVIRONMENT}([A-Z_]+)\b", page.read_text(encoding="utf-8")):
        assert name in flags or name == "VERSION", name


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_flag_of_a_tool_that_a_page_names_exists(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for tool, rest in re.findall(r"python (tools/\w+\.py)([^`\n#]*)", text):
        source = (ROOT / tool).read_text(encoding="utf-8")
        known = {*re.findall(r'"(--[a-z-]+)"', source)}
        if tool == "tools/bench.py":
            known |= {f"--{flag.name}" for one in BENCHMARKS.values() for flag in one.all_flags}
            command = (rest.split() or [""])[0]
            assert command in {*BENCHMARKS, "all", "page", "COMMAND", ""}, rest
        assert {*re.findall(r"--[a-z-]+", rest)} <= known, rest


def test_no_file_holds_the_marks_of_an_unfinished_merge() -> None:
    marks = ["git", "grep", "-nE", "^(<<<<<<<|>>>>>>>) ", "--", "."]
    found = subprocess.run(marks, cwd=ROOT, capture_output=True, text=True)
    assert found.stdout == ""


def test_every_word_of_the_page_that_using_it_names_stands_on_it() -> None:
    words = {ENGLISH.fit.rstrip("…"), ENGLISH.compare, ENGLISH.retry, ENGLISH.continue_answer, ENGLISH.settings["logprobs"][0], ENGLISH.edit, ENGLISH.edit_answer, ENGLISH.undo, ENGLISH.reproduce,
             ENGLISH.verify, ENGLISH.export, ENGLISH.send, ENGLISH.cancel, ENGLISH.copy, ENGLISH.clear,
             ENGLISH.region_ask, ENGLISH.copy_said, ENGLISH.picture_detail, ENGLISH.advanced,
             ENGLISH.settings_title, ENGLISH.chats_forget, *ENGLISH.tasks.values()}  # fmt: skip
    named = set(re.findall(r"\*{1,2}([A-Z][\w ]+…?)\*{1,2}", USING.read_text(encoding="utf-8")))
    assert named == words


def test_the_table_of_contributing_has_every_command_for_tests() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", MAKEFILE, re.MULTILINE))
    named = set(re.findall(r"`make ([a-z-]+)`", text))
    assert targets - named <= {"demo", "install", "install-test", "browser"}
