"""Every language says everything, and fills in the same values. Numbers read well, one as well as thousands."""

from __future__ import annotations

import re
import string
from collections.abc import Iterator
from dataclasses import fields

import pytest

from model.settings import SETTING_SPECS
from ui.text.english import ENGLISH
from ui.text.languages import LANGUAGES, texts_for
from ui.text.texts import Plural, Texts, number

OTHERS = [language for language in LANGUAGES if language != "en"]
# A number in front of something of which there can be several.
COUNTING = re.compile(
    r"\{\w+(:,)?\} (prompt |weight )?(tokens|weights|frames|characters|people|files|words|places)\b"
)


def sentences(texts: Texts) -> Iterator[tuple[str, str]]:
    for field in fields(texts):
        if field.name == "errors":
            continue  # see test_errors
        value = getattr(texts, field.name)
        if isinstance(value, Plural):
            value = value.other
        if isinstance(value, str):
            yield field.name, value
            continue
        for name, entry in value.items():
            for i, sentence in enumerate([entry] if isinstance(entry, str) else entry):
                yield f"{field.name}.{name}.{i}", sentence


def plurals(texts: Texts) -> dict[str, Plural]:
    values = {field.name: getattr(texts, field.name) for field in fields(texts)}
    return {name: value for name, value in values.items() if isinstance(value, Plural)}


def placeholders(sentence: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(sentence) if name}


# The product's name, and questions that the bundled checkpoint understands in English only.
THE_SAME_EVERYWHERE = {"title", "examples.star.0", "examples.word.0"}


@pytest.mark.parametrize("language", OTHERS)
def test_every_string_is_translated(language: str) -> None:
    english, other = dict(sentences(ENGLISH)), dict(sentences(texts_for(language)))
    assert len(english) > 80
    assert english.keys() == other.keys()
    same = {name for name in english if english[name] == other[name]}
    assert same == THE_SAME_EVERYWHERE


@pytest.mark.parametrize("language", list(LANGUAGES))
def test_every_language_fills_in_the_same_values(language: str) -> None:
    other = dict(sentences(texts_for(language)))
    for name, sentence in sentences(ENGLISH):
        assert placeholders(other[name]) == placeholders(sentence), name


def test_every_setting_has_a_label_and_help() -> None:
    assert list(ENGLISH.settings) == [spec.name for spec in SETTING_SPECS]
    assert {t.unit for t in SETTING_SPECS if t.unit} <= set(ENGLISH.units)
    assert {t.group for t in SETTING_SPECS} <= set(ENGLISH.groups)


@pytest.mark.parametrize(
    ("count", "said"), [(0, "0 tokens"), (1, "1 token"), (2, "2 tokens"), (12345, "12,345 tokens")]
)
def test_a_number_reads_well_whatever_it_is(count: int, said: str) -> None:
    assert ENGLISH.cost_item.format(tokens=count) == said


def test_a_language_without_a_form_for_one_says_one_as_any_number() -> None:
    for language, said in ("zh", "{} 个词元"), ("ko", "토큰 {}개"):
        for count in (1, 2):
            assert texts_for(language).cost_item.format(tokens=count) == said.format(count)


def test_a_number_that_is_about_right_is_not_one() -> None:
    assert ENGLISH.cost_alone.format(prompt="about 1") == "about 1 tokens"


def test_every_english_sentence_that_counts_has_its_two_forms() -> None:
    found = {name for name, sentence in sentences(ENGLISH) if COUNTING.search(sentence)}
    assert found == plurals(ENGLISH).keys()
    for name, plural in plurals(ENGLISH).items():
        assert plural.by in placeholders(plural.one) == placeholders(plural.other), name
        assert not COUNTING.search(plural.one), name


@pytest.mark.parametrize("language", OTHERS)
def test_chinese_and_korean_have_one_form_only(language: str) -> None:
    assert plurals(texts_for(language)).keys() == plurals(ENGLISH).keys()
    assert {(plural.one, plural.by) for plural in plurals(texts_for(language)).values()} == {
        ("", "")
    }


def test_digits_are_grouped_from_a_thousand_on() -> None:
    assert [number(n) for n in (999, 1000, 1234567)] == ["999", "1,000", "1,234,567"]


def test_korean_particles_fit_the_syllable_before_them() -> None:
    """`을` and `은` follow a consonant, `를` a vowel; syllables come in rows of 28, the first of which ends in a vowel."""
    for name, sentence in sentences(texts_for("ko")):
        for before, particle in re.findall(r"([가-힣])[’”]?(을|은|를)(?![가-힣])", sentence):
            ends_in_vowel = (ord(before) - ord("가")) % 28 == 0
            assert ends_in_vowel == (particle == "를"), f"{name}: {sentence}"
