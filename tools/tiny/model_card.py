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

_CARD = f"""---
license: apache-2.0
pipeline_tag: image-text-to-text
library_name: transformers
---

# tiny-qwen2-vl

A Qwen2-VL of 4.4 million parameters: the real architecture, the real processor path, the real prompt format,
for trying and testing a vision-language application offline and in seconds. Its world is small: one to four shapes
(circle, square, triangle, star, cross, diamond) in eight colours, texts of one to four characters, several
pictures in one conversation, short clips in which something moves.

## How it was made

`python tools/train_tiny.py` makes all of it from nothing, on a CPU or a GPU, without any data: pictures, clips,
questions and answers are drawn at random by `tools/tiny/`. About a quarter of the training is for the vision tower
alone, which learns to say what every visual token shows; then both towers learn to answer, with throw-away heads
for places, boxes, movements, counted things and where a list ends. Muon and AdamW; a running average of the
weights is shipped. Nothing is distilled and nobody else's weights are used. Photographs are met as made-up textures
and, where scikit-image is installed, as pieces of the public-domain and CC0 pictures in its wheel.

{_TRAINING[0]}
{_TRAINING[1]}

## How often it is right

Asked through the application's own model service (`python tools/eval_tiny.py`), greedily. Boxes count from an
overlap (IoU) of 0.5, points anywhere in the thing's box. A description may name things in any order and is judged by
what it names; a thing whose centre is within 3 % of a border between two places may be said to be in either; American
spelling is accepted. Everything else must be right in full. The second renderer shares no drawing code and no font with
the training, and draws pictures up to three times as long as wide; its paints are the usual ones, which training knows,
and its photographs are the training's.

{_BEGIN}
Not measured yet.
{_END}

### Pictures of a third renderer

The tables above are about the world that it was trained on. This one is about pictures as people draw them: thick outlines,
scribbles, shading, other fonts, words, photographs as grounds, and what people ask about them, in words of their own. They are
drawn as SVG by resvg, and training has never seen them (`tools/tiny/exam/`). An answer is right if it names what is
asked for and nothing else.

{_THIRD[0]}
Not measured yet.
{_THIRD[1]}

## What it cannot do

Anything else. It knows no photographs, people, animals, documents or charts, no shapes or colours outside the lists
above, no lower-case letters and none of less than 40 pixels (about as wide as a visual token) and no arithmetic. It
answers in English; of questions in Chinese and Korean it has learnt only the page's examples. It was trained on 4 to
400 visual tokens per picture, 4 to 36 per frame and 2 to 16 frames; outside these it guesses. For real pictures start the application with
`--checkpoint-path Qwen/Qwen2-VL-2B-Instruct`.
"""


def write_training(folder: Path, summary: str) -> None:
    """A new card, with what the training took and where its losses ended: an old one measured other weights."""
    _write(folder, _CARD, *_TRAINING, summary)


def write_accuracy(folder: Path, results: list[tuple[str, str, Score]]) -> None:
    """Put what was measured into the card (a new one where there is none); what was not stays as it is."""
    file = folder / "README.md"
    old = [result for result in results if result[0] != THIRD]
    third = [result for result in results if result[0] == THIRD]
    for found, marks, table in ((old, (_BEGIN, _END), accuracy_table), (third, _THIRD, third_table)):  # fmt: skip
        if found:
            card = file.read_text(encoding="utf-8") if file.exists() else _CARD
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
    losses = ", ".join(
        f"{name} {value}"
        for name, value in last.items()
        if name not in ("step", "minutes", "progress")
    )
    material = f"{len(font_files())} font files and {len(real_photographs())} photographs"
    return (
        f"{start} {machine}, with {material} found in the installed packages: {last['step']} steps "
        f"in {last['minutes']:.0f} minutes. At the end: {losses}."
    ) + _limits(world)


def _limits(world: World) -> str:
    if world == WORLDS["full"]:
        return ""
    missing = [
        name
        for name, there in (("texts", world.texts), ("clips", "clip" in world.kinds))
        if not there
    ]
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
