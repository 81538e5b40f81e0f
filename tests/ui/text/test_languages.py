"""Who reads which language."""

from __future__ import annotations

import json
import re

import pytest

from ui import ASSETS
from ui.text.english import ENGLISH
from ui.text.languages import LANGUAGES, texts_accepted, texts_for


def test_an_unknown_language_is_english() -> None:
    assert texts_for("xx") is ENGLISH


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("", "en"),
        ("*", "en"),
        ("fr", "en"),
        ("ko", "ko"),
        ("ko-KR,ko;q=0.9,en-US;q=0.8", "ko"),
        ("KO-kr", "ko"),
        ("fr-CH, fr;q=0.9, ko;q=0.8", "ko"),
        # The best comes first, wherever it stands; of equals, the first.
        ("en;q=0.5, ko;q=0.8", "ko"),
        ("en; q=0.50, zh; q=1.000, ko", "zh"),
        ("ko;q=0.7, zh;q=0.7", "ko"),
        ("ko;q=0, zh;q=0.1", "zh"),
        ("ko;q=0.000", "en"),
        # A name that only begins like another: Konkani, Zhuang.
        ("kok-IN, zha", "en"),
        # Chinese in simplified characters
        ("zh", "zh"),
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh"),
        ("zh-Hans-HK", "zh"),
        ("zh-SG", "zh"),
        # ... in traditional ones, as browsers ask for it
        ("zh-TW", "en"),
        ("zh-TW,zh;q=0.9,en-US;q=0.8,en;q=0.7", "en"),
        ("zh-Hant-TW", "en"),
        ("zh-HK, zh-MO;q=0.8", "en"),
        ("zh-TW,zh;q=0.9,ko;q=0.8", "ko"),
        # ... and by those who read both
        ("zh-TW, zh-CN;q=0.9", "zh"),
        ("zh, zh-TW;q=0.9", "zh"),
        # What is no weight counts for nothing.
        ("ko;q=2", "en"),
        ("ko;q=nan, zh;q=-1", "en"),
        (", ;q=x,ko;;q=1,-,zh-", "zh"),
    ],
)
def test_a_visitor_reads_the_best_of_the_languages_that_there_are(
    accepted: str, language: str
) -> None:
    assert texts_accepted(accepted) is texts_for(language)


def test_the_page_itself_chooses_among_the_same_languages() -> None:
    script = (ASSETS / "js" / "page" / "language.js").read_text(encoding="utf-8")
    found = re.search(r"LANGUAGES = (\[.*\]);", script)
    assert found and json.loads(found[1].replace("'", '"')) == list(LANGUAGES)
