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
from tools.tiny import names
from tools.tiny.other_questions import tool_offer
from tools.tiny.wordings import ENGLISH, LANGUAGES, Language, language

VOCABULARY_SIZE = 1600
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


def corpus(language: Language, wordings_per_kind: int = 160) -> Iterator[str]:
    """Sentences to learn the byte pairs from: questions of every kind and the shapes of their answers."""
    rng = random.Random(0)
    for kind in language.questions:
        for _ in range(wordings_per_kind):
            yield _without_capital_runs(language.ask(kind, rng, **_slots(language, rng)))
    for key, answer in language.answers.items():
        for _ in range(wordings_per_kind):
            said = language.say(key, **_slots(language, rng), place=rng.choice(rng.choice(language.table["places"])))  # fmt: skip
            yield _without_capital_runs(said if isinstance(answer, str) else "".join(said))
    for _ in range(3 * wordings_per_kind):
        first, *others = (language.say("a_thing", **_slots(language, rng)) for _ in range(3))
        yield f"{language.answers['comma'].join((first, others[0]))}{language.answers['and']}{others[1]}"
    if not language.english:
        return
    for template in language.table["lead_ins"]:
        yield from (language.expand(template, rng) for _ in range(10))
    yield from ("system\nYou are a helpful assistant.", "user\n", "assistant\n") * 80
    yield from ("Picture 1: ", "Video 1: ") * 80
    yield from [tool_offer(rng)[0] for _ in range(40)]
    for _ in range(8 * wordings_per_kind):
        yield f'the {_slots(language, rng)["x"]}(12,345),(678,901) the text\n<tool_call>\n{{"name": "crop", "arguments": {{"bbox_2d": [12, 345, 678, 901]}}}}'


def _slots(language: Language, rng: random.Random) -> dict[str, str]:
    """Something for every slot of a question or an answer."""
    name, other = (rng.choice((*names.SHAPES, "shape", "text")) for _ in range(2))
    colour = language.name(rng.choice(names.COLOURS))
    x = language.name(name, rng)
    x = language.say("thing", c=colour, x=x) if rng.random() < 0.5 else x
    picture = language.picture(rng.randrange(4), 4, rng) if language.english else ""
    shapes = {"x": x, "xs": language.plural(name), "y": language.name(other)}
    return shapes | {"c": colour, "pic": picture, "n": "3", "m": "4"}


def _without_capital_runs(text: str) -> str:
    """Keep capitals single tokens: text in a picture is read letter by letter."""
    return re.sub(r"[A-Z]{2,}", " ", text)


@cache
def train_tokenizer(cased_words: int = CASED_WORDS) -> PreTrainedTokenizerFast:
    """The tokenizer of the tiny world: `VOCABULARY_SIZE` tokens and those of `with_cased_words`, control tokens last."""
    bpe = Tokenizer(models.BPE())
    bpe.normalizer = normalizers.NFC()
    split = pre_tokenizers.Split(_SPLIT, behavior="isolated")
    spelt = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    bpe.pre_tokenizer = pre_tokenizers.Sequence([split, spelt])
    bpe.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY_SIZE - len(CONTROL_TOKENS),
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        special_tokens=[],
        show_progress=False,
    )
    sentences = (text for name in LANGUAGES for text in corpus(language(name)))
    bpe.train_from_iterator(sentences, trainer)
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
    words = re.findall("[a-z]{2,}", "\n".join(corpus(ENGLISH)).lower())
    commonest = [word for word, _ in Counter(words).most_common(count)]
    bpe = tokenizer.backend_tokenizer
    learnt = json.loads(bpe.to_str())
    vocabulary, merges = learnt["model"]["vocab"], learnt["model"]["merges"]
    for cased in (form for word in commonest for form in (word.upper(), word.title())):
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
