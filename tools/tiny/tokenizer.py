"""A byte-level BPE tokenizer in Qwen2's format, learnt from the sentences of the tiny world."""

from __future__ import annotations

import json
import random
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache

from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast, Qwen2TokenizerFast

from model.prompt.chat_template import GROUNDING_TOKENS
from tools.tiny import answers, names, wordings

VOCABULARY_SIZE = 1280
CASED_WORDS = 350  # 99 of 100 words that are asked with
# Qwen2-VL's, in its order. Their ids follow the byte pairs.
CONTROL_TOKENS = (
    *("<|endoftext|>", "<|im_start|>", "<|im_end|>"),
    *GROUNDING_TOKENS,
    *("<|vision_start|>", "<|vision_end|>", "<|vision_pad|>", "<|image_pad|>", "<|video_pad|>"),
)
# Qwen2's own splitting rule: words with their leading space, single digits, runs of punctuation.
_SPLIT = Regex(
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)


def corpus(wordings_per_kind: int = 160) -> Iterator[str]:
    """Sentences to learn the byte pairs from: questions of every kind and the shapes of their answers."""
    rng = random.Random(0)
    for kind in wordings.TRAINING:
        for _ in range(wordings_per_kind):
            text = wordings.ask(kind, rng, x=_object(rng), xs=_objects(rng), c=rng.choice(names.COLOURS),
                                pic=wordings.picture_reference(rng.randrange(4), 4, rng), n="3", m="4")  # fmt: skip
            yield _without_capital_runs(text)
    for template in wordings.LEAD_INS:
        yield from (wordings.expand(template, rng) for _ in range(10))
    for sentence in answers.ALL:
        yield from [_without_capital_runs(sentence)] * 25
    yield from [
        "system\nYou are a helpful assistant.",
        "user\n",
        "assistant\n",
        "Picture 1: ",
        "Video 1: ",
    ] * 80
    for _ in range(1200):
        x, colour = _object(rng), rng.choice(names.COLOURS)
        place = rng.choice([place for row in names.PLACES for place in row])
        yield f"The image shows {names.article(x)}, {names.article(_object(rng))} and {names.article(_object(rng))}."
        yield f"The {x} is {colour}. The {x} is {place}. There are 3 shapes. There is 1 shape. I count {names.article(x)}: 1 {x}."
        yield f'The text says "7". The image shows the {colour} text "8". The text is {colour}. It is {names.article(x)}.'
        yield f"Yes, there is {names.article(x)}. No, there is no {x}. The {x} is {colour}, so yes. The {x} is {colour}, so no."
        yield f"Picture 1 shows {names.article(x)}. The {x} is in picture 2. There are 2 pictures. The {colour} shape is"
        yield f"The video shows {names.article(x)}. The {x} moves to the {rng.choice(['left', 'right'])}. The {x} moves up."
        yield f"The {x} moves down. It does not move. The background is {colour}. The image is blank. There is no text."
        yield f"the {x}(12,345),(678,901) the text"


def _object(rng: random.Random) -> str:
    shape = rng.choice((*names.SHAPES, "text"))
    return f"{rng.choice(names.COLOURS)} {shape}" if rng.random() < 0.5 else shape


def _objects(rng: random.Random) -> str:
    shapes = names.plural(rng.choice((*names.SHAPES, "shape")))
    return f"{rng.choice(names.COLOURS)} {shapes}" if rng.random() < 0.5 else shapes


def _without_capital_runs(text: str) -> str:
    """Keep capitals single tokens: text in a picture is read letter by letter."""
    return re.sub(r"[A-Z]{2,}", " ", text)


@cache
def train_tokenizer(cased_words: int = CASED_WORDS) -> PreTrainedTokenizerFast:
    """The tokenizer of the tiny world: `VOCABULARY_SIZE` tokens and those of `with_cased_words`, control tokens last."""
    bpe = Tokenizer(models.BPE())
    bpe.normalizer = normalizers.NFC()
    bpe.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(_SPLIT, behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    bpe.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY_SIZE - len(CONTROL_TOKENS),
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        special_tokens=[],
        show_progress=False,
    )
    bpe.train_from_iterator(corpus(), trainer)
    if bpe.get_vocab_size() != VOCABULARY_SIZE - len(CONTROL_TOKENS):
        raise ValueError("the corpus is too small for the vocabulary; raise wordings_per_kind")
    return with_cased_words(_in_qwens_format(bpe), cased_words)


def with_cased_words(
    tokenizer: PreTrainedTokenizerFast, count: int = CASED_WORDS
) -> PreTrainedTokenizerFast:
    """The same tokenizer, which also knows the commonest words In Title Case And IN CAPITALS.

    A shouted question is else read letter by letter, three times as long, and misunderstood ten times as often. All
    new tokens begin with a space and texts in pictures never do, so that these are still read letter by letter.
    """
    heard = Counter(word for text in corpus() for word in re.findall("[a-z]{2,}", text.lower()))
    words = [word for word, _ in heard.most_common(count)]
    bpe = tokenizer.backend_tokenizer
    learnt = json.loads(bpe.to_str())
    vocabulary, merges = learnt["model"]["vocab"], learnt["model"]["merges"]
    for cased in (form for word in words for form in (word.upper(), word.title())):
        known, *rest = bpe.encode(f" {cased}").tokens
        for piece in rest:
            if known + piece not in vocabulary:
                merges.append([known, piece])
                vocabulary[known + piece] = len(vocabulary)
            known += piece
    learnt["added_tokens"] = []
    return _in_qwens_format(Tokenizer.from_str(json.dumps(learnt)))


def _in_qwens_format(bpe: Tokenizer) -> PreTrainedTokenizerFast:
    bpe.add_special_tokens(list(CONTROL_TOKENS))
    return Qwen2TokenizerFast(
        tokenizer_object=bpe,
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        bos_token=None,
        unk_token=None,
        padding_side="left",
        model_max_length=8192,
    )
