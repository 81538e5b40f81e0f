"""The checkpoint's README: what it is, how it was made, how often it is right, what it cannot do."""

from __future__ import annotations

import json
import re
from pathlib import Path

from tools.tiny.backgrounds import real_photographs
from tools.tiny.lettering import font_files
from tools.tiny.score import CONDITIONS, THIRD, Score
from tools.tiny.world import WORLDS, World

_BEGIN, _END = "<!-- accuracy begins -->", "<!-- accuracy ends -->"
_THIRD = ("<!-- third renderer begins -->", "<!-- third renderer ends -->")
_TRAINING = ("<!-- training begins -->", "<!-- training ends -->")

_CARD = Path(__file__).with_name("card.md")


def write_training(folder: Path, summary: str) -> None:
    """A new card, with what the training took and where its losses ended: an old one measured other weights."""
    _write(folder, _CARD.read_text(encoding="utf-8"), *_TRAINING, summary)


def write_accuracy(folder: Path, results: list[tuple[str, str, Score]]) -> None:
    """Put what was measured into the card (a new one where there is none); what was not stays as it is."""
    file = folder / "README.md"
    old = [result for result in results if result[0] != THIRD]
    third = [result for result in results if result[0] == THIRD]
    for found, marks, table in ((old, (_BEGIN, _END), accuracy_table), (third, _THIRD, third_table)):  # fmt: skip
        if found:
            card = (file if file.exists() else _CARD).read_text(encoding="utf-8")
            _write(folder, card, *marks, table(found))


def accuracy_table(results: list[tuple[str, str, Score]]) -> str:
    """Markdown: one row per task, one column per condition, `right/asked`."""
    conditions = [condition for condition in CONDITIONS if condition != THIRD]
    tasks = list(dict.fromkeys(task for _, task, _ in results))
    scores = {(task, condition): score for condition, task, score in results}
    lines = [f"| task | {' | '.join(conditions)} |", "|---|" + "---:|" * len(conditions)]
    for task in tasks:
        found = [scores.get((task, condition)) for condition in conditions]
        cells = [f"{score.right}/{score.asked}" if score else "-" for score in found]
        lines.append(f"| {task.replace('_', ' ')} | {' | '.join(cells)} |")
    return "\n".join(lines)


def third_table(results: list[tuple[str, str, Score]]) -> str:
    """Markdown: one row per kind of drawing and question, with a wrong answer as an example."""
    lines = ["| kind | right | a wrong answer |", "|---|---:|---|"]
    for _, kind, score in results:
        mistake = score.mistake.replace("|", "\\|").replace("\n", " ").replace("\\n", " ")
        shown = mistake if len(mistake) <= 120 else mistake[:117] + "..."
        lines.append(f"| {kind} | {score.right}/{score.asked} | {shown} |")
    return "\n".join(lines)


def training_so_far(folder: Path) -> str:
    """What the card of a checkpoint says of its training."""
    begin, end = map(re.escape, _TRAINING)
    card = (folder / "README.md").read_text(encoding="utf-8")
    found = re.search(rf"{begin}\n(.*?)\n{end}", card, re.DOTALL)
    return found[1] if found else ""


def training_summary(log: Path, machine: str, world: World, before: str = "") -> str:
    """What the log of a training says at its end, behind what was said `before` of the weights it went on from."""
    start = f"{before}\n\nThen trained further (`--further`) on" if before else "Trained on"
    if not log.exists():
        return f"{start} {machine} for so few steps that nothing was logged."
    last = json.loads(log.read_text(encoding="utf-8").splitlines()[-1])
    losses = [name for name in last if name not in ("step", "minutes", "progress")]
    ends = ", ".join(f"{name} {last[name]}" for name in losses)
    material = f"{len(font_files())} font files and {len(real_photographs())} photographs"
    return (
        f"{start} {machine}, with {material} found in the installed packages: {last['step']} steps "
        f"in {last['minutes']:.0f} minutes. At the end: {ends}."
    ) + _limits(world)


def _limits(world: World) -> str:
    if world == WORLDS["full"]:
        return ""
    missing = [] if world.texts else ["texts"]
    missing += [] if "clip" in world.kinds else ["clips"]
    missing += ["boxes and points"] if "locate" in world.unasked else []
    return (
        f"\n\nIt knows only a part of that world: pictures of at most {world.most_shapes} shapes and "
        f"{world.most_tokens} visual tokens, and no {', no '.join(missing)}."
    )


def _write(folder: Path, card: str, begin: str, end: str, text: str) -> None:
    """The card with `text` between the marks; a kill at any moment leaves the old one or the new one."""
    pattern = re.escape(begin) + r".*?" + re.escape(end)
    filled = re.sub(pattern, lambda _: f"{begin}\n{text}\n{end}", card, flags=re.S)
    new = folder / "README.new"
    new.write_text(filled, encoding="utf-8")
    new.replace(folder / "README.md")
