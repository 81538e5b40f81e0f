"""The tiny tokenizer: any text comes back, what is in pictures is read letter by letter, shouting is understood."""

from __future__ import annotations

import random
import re
from pathlib import Path
from typing import Any

import pytest
import torch

from tools.tiny.checkpoint import (
    load_model,
    load_tokenizer,
    with_vocabulary,
    write_random_checkpoint,
)
from tools.tiny.questions import ask_about
from tools.tiny.scene import make_picture
from tools.tiny.tokenizer import train_tokenizer, with_cased_words
from tools.tiny.wordings import ENGLISH

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return load_tokenizer(write_random_checkpoint(tmp_path_factory.mktemp("tiny")))


def test_tokenizer_round_trips_any_text(tokenizer: Any) -> None:
    for text in (
        "Wo ist der Kreis? Größe 12 px",
        "圆是什么颜色?",
        "🙂 a\n\n\tb  c",
        "AB12 KLMN",
        "<b>&amp;</b>",
    ):
        ids = tokenizer(text)["input_ids"]
        assert tokenizer.decode(ids, skip_special_tokens=False) == text


def test_digits_and_capitals_are_single_tokens(tokenizer: Any) -> None:
    tokens = tokenizer.tokenize('The text says "AB12KL".')
    assert [token for token in tokens if re.fullmatch(r"[A-Z0-9]", token)] == list("AB12KL")
    for token in tokenizer.get_vocab():
        # After a space it may be a word: texts stand in quotation marks.
        assert token.startswith(("<|", "\u0120")) or not re.search(r"[A-Z]{2}", token)
        assert not re.search(r"\d\d", token)


def test_a_shouted_question_is_about_as_long_as_another(tokenizer: Any) -> None:
    asked = "Please tell me what colour the circle in the picture has?"
    usual, title, shouted = (
        len(tokenizer.tokenize(text)) for text in (asked, asked.title(), asked.upper())
    )
    assert title == usual and shouted < usual + 6  # its first word is spelt


def test_an_answer_in_chinese_or_korean_costs_no_more_than_in_english(tokenizer: Any) -> None:
    english, chinese, korean = (len(tokenizer.tokenize(text)) for text in (
        "The image shows a red circle and a blue square.", "图中有一个红色的圆形和一个蓝色的方形。",
        "그림에 있는 것은 빨간색 원, 파란색 사각형입니다."))  # fmt: skip
    assert max(chinese, korean) <= english


def test_a_tokenizer_that_learns_cased_words_reads_all_else_as_before() -> None:
    plain, cased = train_tokenizer(0), train_tokenizer()
    rng = random.Random(6)
    texts = [
        ENGLISH.say("self"),
        ENGLISH.say("refuse"),
        *(ask_about(make_picture(4, 5, rng), rng).answer for _ in range(200)),
    ]
    for text in texts:
        assert plain.tokenize(text) == cased.tokenize(text)
    assert with_cased_words(cased).get_vocab() == cased.get_vocab()


def test_a_model_keeps_what_it_knows_when_its_vocabulary_grows(tmp_path: Path) -> None:
    plain, cased = train_tokenizer(0), train_tokenizer()
    old = load_model(write_random_checkpoint(tmp_path, tokenizer=plain))
    new = with_vocabulary(old, plain, cased)
    text = "<|im_start|>user\nwhere is the circle?<|im_end|>"
    before, after = (model(**tok(text, return_tensors="pt")).logits[0] for model, tok in ((old, plain), (new, cased)))  # fmt: skip
    known = [cased.get_vocab()[token] for token in plain.convert_ids_to_tokens(range(len(plain)))]
    torch.testing.assert_close(after[:, known], before)
    rows = new.get_input_embeddings().weight
    quiet, loud = (rows[cased.convert_tokens_to_ids(f"\u0120{word}")] for word in ("circle", "CIRCLE"))  # fmt: skip
    torch.testing.assert_close(loud, 0.8 * quiet)
