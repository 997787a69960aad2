"""Conversations about drawings as token ids, in batches; the answers are what is trained."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from tokenizers import Tokenizer
from torch import Tensor

from models.sight import words
from models.sight.config import DECODER, ENCODER, SPECIAL_TOKENS, TOKENIZER_PATH
from models.sight.drawings import Scene, make_scene
from models.sight.network import IMAGE_ID
from models.sight.questions import Asker, no_drawing
from models.tiny.batches import Batch, Row, collate
from models.tiny.tokenizer import build, chop, load

IMAGE = [IMAGE_ID] * ENCODER.tokens
# Where an image stands in a text. Servers put nothing, a space or a line break between them.
SPOT = "\0"
SPOTS = (*[SPOT + "{}"] * 4, SPOT + " {}", SPOT + "\n{}", "{}" + SPOT, "{}\n" + SPOT)
SAMPLES = 40_000
TURNS = 3


def train_tokenizer(seed: int = 1) -> Tokenizer:
    """Trains the tokenizer on questions and answers, and writes it."""

    def texts() -> Iterator[str]:
        rng = random.Random(seed)
        asker = Asker(rng)
        for _ in range(SAMPLES):
            question = asker.ask(make_scene(rng))
            yield chop(question.text, rng)
            yield chop(question.answer, rng)
        yield from (*words.SYSTEMS, *words.GREETINGS, words.NO_DRAWING)
        yield chop(words.NO_DRAWING_ZH, rng)
        yield from ("system\n", "user\n", "assistant\n") * 100

    tokenizer = build(texts(), DECODER.vocabulary, SPECIAL_TOKENS)
    tokenizer.save(str(TOKENIZER_PATH))
    load.cache_clear()
    return tokenizer


def encode(text: str) -> list[int]:
    return list(load(TOKENIZER_PATH).encode(text, add_special_tokens=False).ids)


@dataclass(frozen=True)
class Dialogues:
    """Token ids and what is trained of them; ``order`` says which picture each image in them is."""

    batch: Batch
    order: Tensor


class _Writer:
    """Puts a conversation together."""

    def __init__(self) -> None:
        self.row = Row([], [])
        self.order: list[int] = []

    def add(self, ids: list[int], *, trained: bool = False) -> None:
        self.row.ids.extend(ids)
        self.row.trained.extend([trained] * len(ids))

    def turn(self, content: str, answer: str) -> None:
        """A turn and its answer. llama.cpp encodes the texts around an image separately."""
        text = f"<|im_start|>user\n{content}<|im_end|>\n<|im_start|>assistant\n"
        first, *rest = text.split(SPOT)
        self.add(encode(first))
        for part in rest:
            self.add(IMAGE)
            self.add(encode(part))
        self.add(encode(answer + "<|im_end|>"), trained=True)
        self.add(encode("\n"))

    def talk(self, asker: Asker, scene: Scene, number: int, turns: int) -> None:
        """Shows picture `number`, of `scene`, and asks about it."""
        self.order.append(number)
        for turn in range(turns):
            question = asker.ask(scene)
            spot = asker.choose(SPOTS) if turn == 0 else "{}"
            self.turn(spot.format(question.text), question.answer)


def dialogues(scenes: list[Scene], rng: random.Random, *, without: int) -> Dialogues:
    """One conversation of a few turns for each scene, and a few without a drawing.

    In some a second drawing follows the first; questions are about the last one shown. These long
    ones come together, so that the others need no padding.
    """
    rows, order = [], []
    long = rng.random() < 0.2
    asker = Asker(rng)
    for number, scene in enumerate(scenes):
        writer = _Writer()
        if rng.random() < 0.1:
            writer.add(encode(f"<|im_start|>system\n{rng.choice(words.SYSTEMS)}<|im_end|>\n"))
        if long and rng.random() < 0.5:
            writer.talk(asker, scene, number, 1)
            other = rng.randrange(len(scenes))
            writer.talk(asker, scenes[other], other, 1)
        else:
            writer.talk(asker, scene, number, TURNS)
        rows.append(writer.row)
        order += writer.order
    for _ in range(without):
        writer = _Writer()
        question = no_drawing(rng)
        writer.turn(question.text, question.answer)
        rows.append(writer.row)
    return Dialogues(collate(rows), torch.tensor(order))
