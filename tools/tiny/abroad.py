"""The page's example questions in the page's other languages. The answers stay English.

They are kept apart from the English wordings, from which the tokenizer learns its byte pairs.
"""

from __future__ import annotations

import random
import re

from tools.tiny import names
from tools.tiny.exchange import Exchange

SHARE = 0.04
# Chinese; Korean as subject and as topic.
SHAPES = {
    "circle": ("圆形", "원이", "원은"),
    "square": ("方形", "사각형이", "사각형은"),
    "triangle": ("三角形", "삼각형이", "삼각형은"),
    "star": ("星星", "별이", "별은"),
    "cross": ("十字", "십자가", "십자는"),
    "diamond": ("菱形", "마름모가", "마름모는"),
}
QUESTIONS = {
    "describe": ("描述这张图片。", "이 그림을 설명해 주세요."),
    "photograph": ("猫在哪里？", "고양이는 어디에 있나요?"),
    "which_picture": ("哪张图片里有{0}？", "{1} 있는 사진은 어느 것인가요?"),
    "direction": ("{0}朝哪个方向移动？", "{2} 어느 쪽으로 움직이나요?"),
}
_ANY_SHAPE = re.compile("|".join(names.SHAPES))
_ANY_COLOUR = re.compile("|".join(names.COLOURS))


def question_of(exchange: Exchange, rng: random.Random) -> str:
    """The question as it is, or now and then in Chinese or Korean if it can be asked there."""
    if exchange.kind not in QUESTIONS or rng.random() > SHARE:
        return exchange.question
    question = rng.choice(QUESTIONS[exchange.kind])
    if "{" not in question:
        return question
    # Only a shape by its mere name has one there.
    shape = _ANY_SHAPE.search(exchange.answer)
    if shape is None or _ANY_COLOUR.search(exchange.answer):
        return exchange.question
    return question.format(*SHAPES[shape.group()])
