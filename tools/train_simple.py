"""The shortest honest training of a tiny Qwen2-VL from nothing: shapes and colours, with stock parts only.

    python tools/train_simple.py --minutes 5 --output simple-qwen2-vl
Then talk to it: python app.py -c ./simple-qwen2-vl

Configuration, tokenizer, processor, pictures, `model(**batch).loss`, optimizer, save: what `tools/train_tiny.py` does too, but
nothing is rewritten for speed and there are no extra losses. docs/training.md says why the two differ.
"""

from __future__ import annotations

import argparse
import random
import time
from pathlib import Path
from typing import Any

import torch
from PIL import Image, ImageDraw
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    Qwen2TokenizerFast,
    Qwen2VLConfig,
    Qwen2VLForConditionalGeneration,
    Qwen2VLImageProcessor,
    Qwen2VLProcessor,
    Qwen2VLVideoProcessor,
)

TEMPLATE = Path(__file__).parent / "tiny" / "chat_template.jinja"
SHAPES = ("circle", "square", "triangle")
COLOURS = ("red", "green", "blue", "yellow", "black")
SIDE = 112  # pixels: 4 x 4 visual tokens
CONTROL_TOKENS = ("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>", "<|vision_pad|>",
                  "<|image_pad|>", "<|video_pad|>")  # fmt: skip
IGNORE = -100  # labels that the loss leaves out
BATCH = 32
RATE = 2e-3


def draw(shape: str, colour: str, rng: random.Random) -> Image.Image:
    """One shape somewhere on grey paper."""
    picture = Image.new("RGB", (SIDE, SIDE), (rng.randint(190, 230),) * 3)
    half = rng.uniform(18, 40)
    x, y = rng.uniform(half, SIDE - half), rng.uniform(half, SIDE - half)
    pen, box = ImageDraw.Draw(picture), (x - half, y - half, x + half, y + half)
    if shape == "circle":
        pen.ellipse(box, fill=colour)
    elif shape == "square":
        pen.rectangle(box, fill=colour)
    else:
        pen.polygon([(x, y - half), (x + half, y + half), (x - half, y + half)], fill=colour)
    return picture


def ask(shape: str, colour: str, rng: random.Random) -> tuple[str, str]:
    """A question about the picture, and its answer."""
    return rng.choice(
        (
            ("Describe the image.", f"The image shows a {colour} {shape}."),
            ("What colour is it?", f"The {shape} is {colour}."),
            ("Which shape is it?", f"It is a {shape}."),
        )
    )


def sentences() -> list[str]:
    """Everything that is ever said, to learn the tokens from."""
    rng = random.Random(0)
    said = [" ".join(ask(s, c, rng)) for s in SHAPES for c in COLOURS for _ in range(20)]
    return [*said, *["system\nYou are a helpful assistant.", "user\n", "assistant\n"] * 50]


def build_tokenizer() -> Qwen2TokenizerFast:
    """A byte-level BPE tokenizer in Qwen2's format."""
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    bpe.train_from_iterator(sentences(), trainers.BpeTrainer(vocab_size=400, initial_alphabet=sorted(alphabet), show_progress=False))  # fmt: skip
    bpe.add_special_tokens(list(CONTROL_TOKENS))
    return Qwen2TokenizerFast(tokenizer_object=bpe, eos_token="<|im_end|>", pad_token="<|endoftext|>", unk_token=None)  # fmt: skip


def build_processor(tokenizer: Qwen2TokenizerFast) -> Qwen2VLProcessor:
    """The family's real processor, for pictures of 4 to 64 visual tokens."""
    size = {"shortest_edge": 4 * 28 * 28, "longest_edge": 64 * 28 * 28}
    return Qwen2VLProcessor(
        image_processor=Qwen2VLImageProcessor(size=size),
        video_processor=Qwen2VLVideoProcessor(size=size),
        tokenizer=tokenizer,
        chat_template=TEMPLATE.read_text(encoding="utf-8"),
    )


def build_model(tokenizer: Qwen2TokenizerFast) -> Qwen2VLForConditionalGeneration:
    """The real architecture, at a size that a CPU trains in minutes."""
    token = tokenizer.convert_tokens_to_ids
    text = {
        "vocab_size": len(tokenizer), "hidden_size": 128, "intermediate_size": 384, "num_hidden_layers": 3,
        "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 2048, "tie_word_embeddings": True,
        # Columns get the slowest frequencies: at Qwen2-VL's base of 1e6 so small a head could not tell them apart.
        "rope_parameters": {"rope_type": "default", "rope_theta": 30.0, "mrope_section": [4, 6, 6]},
        "bos_token_id": token("<|endoftext|>"), "eos_token_id": token("<|im_end|>"), "pad_token_id": token("<|endoftext|>"),
    }  # fmt: skip
    config = Qwen2VLConfig(
        text_config=text,
        vision_config={"embed_dim": 128, "depth": 2, "num_heads": 4, "hidden_size": 128},
        image_token_id=token("<|image_pad|>"), video_token_id=token("<|video_pad|>"),
        vision_start_token_id=token("<|vision_start|>"), vision_end_token_id=token("<|vision_end|>"),
        tie_word_embeddings=True,
    )  # fmt: skip
    model = Qwen2VLForConditionalGeneration(config)
    for name, weight in model.named_parameters():
        # The library's 0.02 is made for wide models: at these widths each layer would add almost nothing.
        if weight.ndim >= 2 and "embed_tokens" not in name:
            torch.nn.init.normal_(weight, std=weight[0].numel() ** -0.5)
    model.generation_config.eos_token_id = token("<|im_end|>")
    model.generation_config.pad_token_id = token("<|endoftext|>")
    return model


def prompt(processor: Any, question: str) -> str:
    """A question about a picture, as the application asks it."""
    content = [{"type": "image"}, {"type": "text", "text": question}]
    messages = [{"role": "user", "content": content}]
    return str(processor.apply_chat_template(messages, add_generation_prompt=True))


def make_batch(processor: Any, rng: random.Random, count: int) -> Any:
    """Pictures with a question and its answer each; only the answers have labels."""
    pictures, prompts, answers = [], [], []
    for _ in range(count):
        shape, colour = rng.choice(SHAPES), rng.choice(COLOURS)
        question, answer = ask(shape, colour, rng)
        pictures.append(draw(shape, colour, rng))
        prompts.append(prompt(processor, question))
        answers.append(answer + "<|im_end|>")
    texts = [asked + answer for asked, answer in zip(prompts, answers, strict=True)]
    # On the right, so that an answer's tokens are the last ones before the padding.
    batch = processor(text=texts, images=pictures, padding=True, padding_side="right", return_tensors="pt")  # fmt: skip
    labels = torch.full_like(batch["input_ids"], IGNORE)
    for row, answer in enumerate(answers):
        end = int(batch["attention_mask"][row].sum())
        start = end - len(processor.tokenizer(answer)["input_ids"])
        labels[row, start:end] = batch["input_ids"][row, start:end]
    batch["labels"] = labels
    return batch


def accuracy(model: Any, processor: Any, rng: random.Random, count: int) -> float:
    """How many questions about new pictures are answered right, word for word; 0 to 1."""
    model.eval()
    right = 0
    for _ in range(count):
        shape, colour = rng.choice(SHAPES), rng.choice(COLOURS)
        question, answer = ask(shape, colour, rng)
        inputs = processor(text=[prompt(processor, question)], images=[draw(shape, colour, rng)], return_tensors="pt")  # fmt: skip
        ids = model.generate(**inputs, max_new_tokens=24, do_sample=False)[0]
        said = processor.tokenizer.decode(ids[inputs["input_ids"].shape[1] :], skip_special_tokens=True)  # fmt: skip
        right += said == answer
    model.train()
    return right / count


def train(minutes: float, steps: int | None = None, held_out: int = 100, seed: int = 0) -> tuple[Any, Any, list[float], float]:  # fmt: skip
    """Train for so long, or so many steps; gives the model, its processor, every loss, and the accuracy on new pictures."""
    torch.manual_seed(seed)
    tokenizer = build_tokenizer()
    processor, model = build_processor(tokenizer), build_model(tokenizer)
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE, betas=(0.9, 0.97), weight_decay=0.01)
    rng, losses, started = random.Random(seed), list[float](), time.monotonic()
    model.train()
    while True:
        spent = (
            (time.monotonic() - started) / 60 / minutes if steps is None else len(losses) / steps
        )
        if spent >= 1:
            break
        rate = (
            RATE * min(1.0, (len(losses) + 1) / 50) * (1 - spent)
        )  # up in 50 steps, then down to 0
        for group in optimizer.param_groups:
            group["lr"] = rate
        loss = model(**make_batch(processor, rng, BATCH)).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss.item())
        if len(losses) % 50 == 0:
            print(f"step {len(losses)}, {100 * spent:.0f} %: loss {sum(losses[-50:]) / 50:.3f}", flush=True)  # fmt: skip
    return model, processor, losses, accuracy(model, processor, random.Random("held out"), held_out)


def main() -> None:
    """Parse the command line, train, measure, save."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    parser.add_argument("--minutes", type=float, default=5.0, help="length of the training")
    parser.add_argument("--steps", type=int, help="length in steps instead of minutes")
    parser.add_argument(
        "--held-out", type=int, default=100, help="questions about new pictures at the end"
    )
    parser.add_argument("--seed", type=int, default=0, help="seed of weights and pictures")
    parser.add_argument("--output", type=Path, default=Path("simple-qwen2-vl"), help="folder of the checkpoint")  # fmt: skip
    options = parser.parse_args()
    model, processor, losses, right = train(
        options.minutes, options.steps, options.held_out, options.seed
    )
    model.save_pretrained(options.output)
    processor.save_pretrained(options.output)
    asked, answered = options.held_out, round(right * options.held_out)
    print(
        f"{len(losses)} steps; of {asked} questions about new pictures {answered} are answered right"
    )


if __name__ == "__main__":
    main()
