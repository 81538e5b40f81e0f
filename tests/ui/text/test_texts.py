"""Every language says everything, and fills in the same values."""

from __future__ import annotations

import string
from collections.abc import Iterator
from dataclasses import fields

import pytest

from model.settings import SETTING_SPECS
from ui.text.texts import ENGLISH, LANGUAGES, Texts, texts_for


def sentences(texts: Texts) -> Iterator[tuple[str, str]]:
    for field in fields(texts):
        if field.name == "errors":
            continue  # see test_error_texts
        value = getattr(texts, field.name)
        if isinstance(value, str):
            yield field.name, value
            continue
        for name, entry in value.items():
            for i, sentence in enumerate([entry] if isinstance(entry, str) else entry):
                yield f"{field.name}.{name}.{i}", sentence


def placeholders(sentence: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(sentence) if name}


@pytest.mark.parametrize("language", [key for key in LANGUAGES if key != "en"])
def test_every_string_is_translated(language: str) -> None:
    english, other = dict(sentences(ENGLISH)), dict(sentences(texts_for(language)))
    assert len(english) > 80
    assert english.keys() == other.keys()
    assert [name for name in english if english[name] == other[name]] == []


@pytest.mark.parametrize("language", list(LANGUAGES))
def test_every_language_fills_in_the_same_values(language: str) -> None:
    other = dict(sentences(texts_for(language)))
    for name, sentence in sentences(ENGLISH):
        assert placeholders(other[name]) == placeholders(sentence), name


def test_every_setting_has_a_label_and_help() -> None:
    assert list(ENGLISH.settings) == [spec.name for spec in SETTING_SPECS]
    assert {t.unit for t in SETTING_SPECS if t.unit} <= set(ENGLISH.units)
    assert {t.group for t in SETTING_SPECS} <= set(ENGLISH.groups)


def test_an_unknown_language_is_english() -> None:
    assert texts_for("xx") is ENGLISH
