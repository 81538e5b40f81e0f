"""The wordings of `people.toml`, and what an answer in one of its languages names."""

from __future__ import annotations

import random
import re
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

_SCRIPTS = {"en": r"[A-Za-z]", "zh": r"[\u4e00-\u9fff]", "ko": r"[\uac00-\ud7a3]"}


@cache
def _table() -> dict[str, Any]:
    return tomllib.loads(Path(__file__).with_name("people.toml").read_text(encoding="utf-8"))


def question(kind: str, language: str, rng: random.Random, **slots: str) -> str:
    """A question of a kind; slots are English names, which are put into its language."""
    words = _table()["names"][language]
    asked: str = rng.choice(_table()[language][kind])
    return asked.format(**{slot: words[name][0] for slot, name in slots.items()})


def texts(kind: str) -> list[str]:
    """Words to be read."""
    found: list[str] = _table()["texts"][kind]
    return found


def named(answer: str, language: str = "en") -> frozenset[str]:
    """The English names of everything that an answer mentions."""
    words = {word: name for name, forms in _table()["names"][language].items() for word in forms}
    longest_first = sorted(words, key=len, reverse=True)
    pattern = "|".join(map(re.escape, longest_first))
    pattern = rf"\b(?:{pattern})\b" if language == "en" else pattern
    return frozenset(words[found] for found in re.findall(pattern, answer.lower()))


def in_language(answer: str, language: str) -> bool:
    """Whether an answer is written in a language's script."""
    return re.search(_SCRIPTS[language], answer) is not None


def as_in(answer: str, sure: set[str], possible: set[str], language: str = "en") -> bool:
    """Whether an answer names all that it must and nothing else than it may."""
    found = named(answer, language)
    return in_language(answer, language) and sure <= found <= sure | possible


def read(answer: str, text: str) -> bool:
    """Whether an answer gives a text; spaces and case do not count, other letters do."""
    quoted = re.findall(r'["“「『\'](.*?)["”」』\']', answer)
    said = quoted[0] if len(quoted) == 1 else answer
    return _letters(said) == _letters(text)


def _letters(text: str) -> str:
    return re.sub(r"[\s.]", "", text).upper()
