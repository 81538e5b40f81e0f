"""What goes wrong is said in the page's language, and in English to programs and on the terminal."""

from __future__ import annotations

import ast
import json
import pickle
import re
import string
from collections import Counter
from collections.abc import Callable, Iterator
from copy import copy, deepcopy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import gradio as gr
import pytest

from model import errors
from model.backend import LoadProgress, Status
from model.errors import (
    CheckpointError,
    ContextError,
    DemoError,
    LocalizedText,
    MediaError,
    SettingError,
)
from model.families import Geometry
from model.loading import LoadingBackend
from model.prompt import resize
from model.settings import MAX_TEXT_CHARACTERS, VisionSettings, settings_from
from tests.support.fakes import FakeBackend
from tests.support.following import KEY, followed
from tests.support.patience import PATIENCE_S, scene
from tests.ui.text.test_texts import COUNTING
from ui.handlers.chat import opening, sending
from ui.handlers.tray import attaching
from ui.html.bar import banner as banner_html
from ui.state.registry import Tabs
from ui.text import chinese, korean
from ui.text.chinese import CHINESE
from ui.text.english import ENGLISH, ERRORS, by_template
from ui.text.korean import KOREAN
from ui.text.languages import LANGUAGES, texts_for

ROOT = Path(__file__).parents[3]
SENTENCES = {name for name, kind in vars(errors).items() if isinstance(kind, type)} - {
    "SettingName"
}
TRANSLATED = {"zh": chinese.ERRORS, "ko": korean.ERRORS}
IN_EVERY_LANGUAGE = pytest.mark.parametrize("language", TRANSLATED)


@dataclass(frozen=True)
class Made:
    """A place in the code where a sentence or an error is made."""

    place: str
    kind: str
    template: str | None  # None if it is not a constant
    values: frozenset[str | None]  # names of the keywords; None for `**something`

    @property
    def path(self) -> str:
        return self.place.partition(":")[0]


def made() -> Iterator[Made]:
    for path in sorted(
        file for folder in ("model", "ui") for file in (ROOT / folder).rglob("*.py")
    ):
        if path != ROOT / "model" / "errors.py":
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call) and called(node) in SENTENCES:
                    yield Made(
                        f"{path.relative_to(ROOT)}:{node.lineno}",
                        called(node),
                        constant(node.args),
                        frozenset(keyword.arg for keyword in node.keywords),
                    )


def called(call: ast.Call) -> str:
    return getattr(call.func, "attr", "") or getattr(call.func, "id", "")


def constant(arguments: list[ast.expr]) -> str | None:
    match arguments:
        case [ast.Constant(value=str(template))]:
            return template
    return None


def placeholders(sentence: str) -> set[tuple[str, str | None, str | None]]:
    """Name, format and conversion of each."""
    parts = string.Formatter().parse(sentence)
    return {(name, spec, conversion) for _, name, spec, conversion in parts if name is not None}


def test_every_error_has_a_constant_template_and_just_its_values() -> None:
    """The values of a `Template` are filled in by another call in its file, which has no template of its own."""
    found = list(made())
    assert len(found) > 60
    filled: dict[str, set[str | None]] = {}
    for one in found:
        if one.template is None:
            filled.setdefault(one.path, set()).update(one.values)
    named: dict[str, set[str | None]] = {path: set() for path in filled}
    for one in found:
        names = {name for name, _, _ in placeholders(one.template or "")}
        if one.kind == "Template":
            named[one.path] |= names
        elif one.template is not None:
            assert one.values == names, one.place
    assert named == filled


def test_every_error_has_a_name_and_no_name_is_left_over() -> None:
    templates = {one.template for one in made()} - {None}
    assert Counter(templates) == Counter(ERRORS.values())
    assert [name for name in ERRORS if not re.fullmatch("[a-z][a-z0-9_]+", name)] == []


@IN_EVERY_LANGUAGE
def test_every_error_is_translated_and_no_translation_is_left_over(language: str) -> None:
    translated = TRANSLATED[language]
    assert list(translated) == list(ERRORS)  # in the same order, for those who compare
    assert [name for name in ERRORS if translated[name] in ("", ERRORS[name])] == []
    assert texts_for(language).errors == dict(
        zip(ERRORS.values(), translated.values(), strict=True)
    )


@IN_EVERY_LANGUAGE
def test_a_translation_fills_in_the_same_values_in_the_same_form(language: str) -> None:
    for name, other in TRANSLATED[language].items():
        assert placeholders(other) == placeholders(ERRORS[name]), name


def test_an_error_that_is_not_translated_yet_is_said_in_english() -> None:
    names = {name: said for name, said in chinese.ERRORS.items() if name != "file_empty"}
    texts = replace(CHINESE, errors=by_template(names))
    error = MediaError("{name} is an empty file (0 bytes); attach another.", name="a.png")
    assert texts.said(error.sentence) == str(error)


def test_an_error_that_counts_reads_well_for_one() -> None:
    """Those whose number can be 1. A limit or a size of this program cannot."""
    more_than_one = {
        "message_too_long",
        "file_left_out",
        "too_many_files",
        "too_many_places",
        "video_with_fewer_frames",
        "setting_too_long",
        "exact_size_too_large",
        "conversation_texts_too_long",
        "texts_too_long",
        "conversation_too_long_by_item",
        "conversation_too_long",
        "message_too_costly_by_item",
        "message_too_costly",
        "weight_files_missing",
        "weights_incomplete",
        "resolution_lowered",
        "too_many_pages",
        "pages_text_too_long",
    }
    assert {name for name, said in ERRORS.items() if COUNTING.search(said)} == more_than_one


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    "wrong",
    [
        {"video_fps": 0.0},
        {"max_tokens": None},
        {"video_start_s": -1},
        {"min_tokens": 200, "max_tokens": 100},
        {"video_min_tokens_per_frame": 200, "video_max_tokens_per_frame": 100},
        {"video_max_frames": 63},
        {"resized_height": 280},
        {"video_start_s": 3, "video_end_s": 2},
        {"temperature": "high"},
        {"vision_ids": None},
        {"system_prompt": "x" * (MAX_TEXT_CHARACTERS + 1)},
    ],
)
def test_a_person_reads_what_a_control_is_called_and_a_program_the_name(
    language: str, wrong: dict[str, object]
) -> None:
    texts = texts_for(language)
    with pytest.raises(SettingError) as refusal:
        settings_from(wrong)
    told = LocalizedText.of_plain(json.loads(json.dumps(refusal.value.sentence.plain())))
    for name in wrong:
        assert f"“{texts.settings[name][0]}”" in texts.said(told)
        assert f"'{name}'" in str(refusal.value)
    for pythons in ("_", "None", "False", "True", ".."):
        assert pythons not in texts.said(told)


def test_sizes_that_are_impossible_are_told_by_the_controls_that_ask_for_them() -> None:
    for width, height in ((28 * 4000, 28 * 4000), (28 * 400, 28)):
        with pytest.raises(SettingError) as refusal:
            resize.exact_size(
                VisionSettings(resized_width=width, resized_height=height), Geometry()
            )
        assert "“Exact width” and “Exact height” ask for" in ENGLISH.said(refusal.value.sentence)
        assert "'resized_width' and 'resized_height' ask for" in str(refusal.value)


def test_an_error_is_english_and_says_user_text_literally() -> None:
    error = MediaError("{name} is an empty file (0 bytes); attach another.", name="{x}{0}%s.png")
    assert str(error) == "{x}{0}%s.png is an empty file (0 bytes); attach another."
    assert CHINESE.said(error.sentence) == "{x}{0}%s.png 是空文件（0 字节）；请添加其他文件。"
    assert ENGLISH.said(error.sentence) == str(error)


def test_what_has_no_translation_is_said_as_it_is() -> None:
    assert KOREAN.said("{just} a file's name") == "{just} a file's name"
    assert KOREAN.said(LocalizedText("New: {number:,}.", number=1000)) == "New: 1,000."


def test_parts_of_a_sentence_are_translated_with_it() -> None:
    error = ContextError(
        "This conversation needs {needed:,} tokens; the checkpoint holds {held:,}. "
        "Lower the resolution of {item} or start over.",
        needed=12345,
        held=8192,
        item=LocalizedText("Picture {number}", number=2),
    )
    assert "12,345 tokens" in str(error) and "of Picture 2 or" in str(error)
    assert "12,345" in CHINESE.said(error.sentence) and "图片 2" in CHINESE.said(error.sentence)
    assert "사진 2" in KOREAN.said(error.sentence)


@pytest.mark.parametrize("through", [copy, deepcopy, lambda it: pickle.loads(pickle.dumps(it))])
def test_a_copy_can_still_be_translated(through: Callable[[Any], Any]) -> None:
    error = CheckpointError("{checkpoint} cannot be loaded: {reason}", checkpoint="{a}", reason="b")
    again = through(error)
    assert type(again) is CheckpointError and str(again) == str(error)
    sentence = through(error.sentence)
    assert sentence == error.sentence
    assert CHINESE.said(sentence) == CHINESE.said(again.sentence) == "无法加载 {a}：b"


@pytest.mark.parametrize(
    ("language", "said"), [("zh", "最小值不能大于最大值"), ("ko", "최솟값은 최댓값보다")]
)
def test_a_message_that_is_refused_is_refused_in_the_language_of_the_tab(
    language: str, said: str
) -> None:
    async def play() -> None:
        tabs = Tabs(FakeBackend())
        tabs.open(KEY).language = language
        shown = await sending.submit(tabs, KEY, "Hi", {"max_tokens": 5, "min_tokens": 9})
        assert said in shown.notice

    scene(play)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            MediaError("{name} is an empty file (0 bytes); attach another.", name="a.png"),
            "a.png 是空文件",
        ),
        (RuntimeError("secret"), chinese.ERRORS["unexpected"]),
    ],
)
def test_a_failed_answer_is_explained_in_the_language_of_the_tab(
    error: Exception, said: str
) -> None:
    async def play() -> None:
        tabs = Tabs(FakeBackend([error]))
        tabs.open(KEY).language = "zh"
        await sending.submit(tabs, KEY, "Hi", {})
        last = await followed(tabs)
        assert said in last.notice

    scene(play)


def test_another_language_says_again_what_went_wrong_before() -> None:
    async def play() -> None:
        tabs = Tabs(
            FakeBackend(
                [MediaError("{name} is an empty file (0 bytes); attach another.", name="a.png")]
            )
        )
        await sending.submit(tabs, KEY, "Hi", {})
        last = await followed(tabs)
        assert "a.png is an empty file" in last.notice
        nowhere = {"path": "/etc/passwd", "name": "b.png"}
        tray = await attaching.attach(tabs, KEY, gr.EventData(None, {"files": [nowhere]}))
        assert "was not uploaded here" in tray
        for language, empty, stranger in (
            ("zh", "a.png 是空文件", "不是在这里上传的"),
            ("ko", "a.png은(는) 빈 파일", "여기에 올린 파일이 아닙니다"),
            ("en", "a.png is an empty file", "was not uploaded here"),
        ):
            shown = " ".join(map(str, await opening.choose_language(tabs, KEY, language)))
            assert empty in shown and stranger in shown

    scene(play)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            CheckpointError("{checkpoint} cannot be loaded: {reason}", checkpoint="x", reason="y"),
            "x 모델을 불러올 수 없습니다: y",
        ),
        (RuntimeError("size mismatch"), "문제가 생겼습니다(size mismatch)"),
    ],
)
def test_the_banner_says_in_any_language_why_the_model_is_not_there(
    error: Exception, said: str
) -> None:
    def load(_: LoadProgress) -> FakeBackend:
        raise error

    backend = LoadingBackend(load, "tiny")
    with pytest.raises(DemoError) as raised:
        backend.wait(PATIENCE_S)
    assert said in banner_html.banner(backend.status(), KOREAN)
    assert said in KOREAN.said(raised.value.sentence)
    assert str(raised.value) in banner_html.banner(backend.status(), ENGLISH)


def test_the_banner_translates_its_note() -> None:
    note = LocalizedText("The GPU is too small for {checkpoint}.", checkpoint="Qwen/<7B>")
    banner = banner_html.banner(Status("ready", "Fake", note), CHINESE)
    assert "GPU 显存不足以运行 Qwen/&lt;7B&gt;。" in banner
