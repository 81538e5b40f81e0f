"""What is asked and how it is answered: the tables in `languages/`, and the choice among their wordings."""

from __future__ import annotations

import random
import re
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

LANGUAGES = ("english", "chinese", "korean")
_PARTICLES = re.compile(r"([\uac00-\ud7a3])([은이을])/([는가를])")


class Language:
    """One table. Colours, shapes and the like are known by their English names everywhere else."""

    def __init__(self, name: str) -> None:
        file = Path(__file__).with_name("languages") / f"{name}.toml"
        self.table: dict[str, Any] = tomllib.loads(file.read_text(encoding="utf-8"))
        self.english = name == "english"
        self.questions: dict[str, list[str]] = self.table["questions"] | self.table.get("follow_ups", {})  # fmt: skip
        self.held_out: dict[str, list[str]] = self.table.get("held_out", {})
        self.answers: dict[str, Any] = self.table["answers"]

    def name(self, word: str, rng: random.Random | None = None) -> str:
        """What a colour or a shape is called: one of its names where `rng` may choose, else the usual one."""
        names = self.table["names"].get(word, [word])
        return str(rng.choice(names) if rng else names[0])

    def plural(self, word: str) -> str:
        """What several of a shape are called."""
        return str(self.table.get("plurals", {}).get(word, word))

    def say(self, key: str, **slots: str | int) -> Any:
        """An answer, or the pieces that stand around a list; slots are already in this language."""
        found = self.answers[key]
        if isinstance(found, str):
            return self.joined(found.format(**slots))
        return [self.joined(piece.format(**slots)) for piece in found]

    def joined(self, text: str) -> str:
        """`a orange star` -> `an orange star`; of a pair of Korean particles the one that fits the syllable before."""
        text = re.sub(r"\b([Aa]) (?=[aeio])", r"\1n ", text)
        text = re.sub(r"\b([Aa])n (?![aeio])", r"\1 ", text)
        return _PARTICLES.sub(lambda m: m[1] + (m[2] if (ord(m[1]) - 0xAC00) % 28 else m[3]), text)

    def ask(self, kind: str, rng: random.Random, held_out: bool = False, /, **slots: str) -> str:
        """One question of a kind in some wording, case and punctuation."""
        templates = self.held_out.get(kind, self.questions[kind]) if held_out else self.questions[kind]  # fmt: skip
        text = self.expand(rng.choice(templates), rng)
        for slot, value in slots.items():
            text = text.replace("{" + slot + "}", value)
        return self._dressed(self.joined(text.replace(" 's", "'s")), rng)

    def expand(self, template: str, rng: random.Random) -> str:
        """Choose among the alternatives of a template, innermost first."""
        while found := re.search(r"\[(\w+)\]", template):
            template = template.replace(found[0], self.table["macros"][found[1]], 1)
        while found := re.search(r"\(([^()]*)\)", template):
            choice = rng.choice(found[1].split("|"))
            template = template[: found.start()] + choice + template[found.end() :]
        return template

    def lead_in(self, rng: random.Random) -> str:
        """What may stand before a picture."""
        text = self.expand(rng.choice(self.table["lead_ins"]), rng).capitalize()
        return text + rng.choice(("", " ", "\n"))

    def picture(self, index: int, count: int, rng: random.Random) -> str:
        """A way to name picture `index` (from 0) of `count`: `Picture 2`, `the second image`, `the last picture`."""
        noun = rng.choice(("picture", "picture", "image", "photo"))
        ways = [f"{noun} {index + 1}"] * 2 + [f"{noun} number {index + 1}"]
        ways.append(f"the {self.table['ordinals'][index]} {noun}")
        ways += [f"the last {noun}"] * (index == count - 1) + [f"the first {noun}"] * (index == 0)
        name = rng.choice(ways)
        return name.capitalize() if rng.random() < 0.4 and not name.startswith("the") else name

    def _dressed(self, text: str, rng: random.Random) -> str:
        """Vary what carries no meaning: politeness, capitals, the mark at the end."""
        if rng.random() < 0.12:
            text = rng.choice(self.table["openers"]) + text
        if rng.random() < 0.06 and self.table["closers"]:
            text += rng.choice(self.table["closers"])
        if not self.english:
            mark = "。" if text[-1] < "\uac00" else "."
            return text + rng.choice(("？", "?", "", mark))
        style = rng.random()
        if style < 0.62:
            text = text[0].upper() + text[1:]
        elif style < 0.92:
            text = text.lower() if rng.random() < 0.5 else text
        else:
            text = text.upper() if style < 0.96 else text.title()
        if rng.random() < 0.55:
            asks = r"(?i)(and |so, |ok, )?(what|which|where|how|is|are|do|does|can|could|who|in)\b"
            return text + ("?" if re.match(asks, text) else ".")
        return text + rng.choice(("", "", "", "", "?", ".", "!", "??", " ?", "..."))


@cache
def language(name: str) -> Language:
    """A language by its English name."""
    return Language(name)


ENGLISH = language("english")
