"""The languages of the page, and which of them a visitor reads."""

from __future__ import annotations

import re
from collections.abc import Mapping

from ui.text.chinese import CHINESE
from ui.text.english import ENGLISH
from ui.text.korean import KOREAN
from ui.text.texts import Texts

LANGUAGES: Mapping[str, tuple[str, Texts]] = {
    "en": ("English", ENGLISH),
    "zh": ("中文", CHINESE),
    "ko": ("한국어", KOREAN),
}
_WEIGHT = re.compile(r"[qQ]=(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)")
# Subtags of Chinese in traditional characters, which `zh` is not written in.
_TRADITIONAL = {"hant", "tw", "hk", "mo"}


def texts_for(language: str) -> Texts:
    """The texts in `language`, a key of `LANGUAGES`; English for anything else."""
    return LANGUAGES.get(language, LANGUAGES["en"])[1]


def texts_accepted(accepted: str) -> Texts:
    """The texts that an `Accept-Language` header likes best of those there are; English if it names none of them."""
    traditional = False
    for tag in _preferred(accepted):
        language, *subtags = tag.lower().split("-")
        if language == "zh" and "hans" not in subtags:
            # Browsers add a bare `zh` to `zh-TW`: it means the same characters.
            traditional = bool(_TRADITIONAL.intersection(subtags)) or (traditional and not subtags)
            if traditional:
                continue
        if language in LANGUAGES:
            return texts_for(language)
    return ENGLISH


def _preferred(accepted: str) -> list[str]:
    """The language tags of the header, the best first. A tag without a valid weight above 0 is left out."""
    weighted: list[tuple[float, str]] = []
    for part in accepted.split(","):
        tag, _, weight = (piece.strip() for piece in part.partition(";"))
        valid = _WEIGHT.fullmatch(weight or "q=1")
        if valid and float(valid[1]) > 0:
            weighted.append((float(valid[1]), tag))
    return [tag for _, tag in sorted(weighted, key=lambda one: -one[0])]
