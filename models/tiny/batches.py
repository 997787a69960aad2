"""Samples as token ids with loss weights, in batches of similar length."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from models.tiny.corpus import mixture
from models.tiny.corpus.base import Sample
from models.tiny.tokenizer import encode, load

POOL = 4096
LONGEST = 1024
MICRO_BATCHES = 4
PROMPT_SHARE = 0.1


@dataclass(frozen=True)
class Row:
    """Token ids, and for each whether its prediction is trained."""

    ids: list[int]
    trained: list[bool]


@dataclass(frozen=True)
class Batch:
    """Ids of shape (rows, length), and the flat positions whose next token is trained."""

    ids: Tensor
    positions: Tensor
    targets: Tensor


def make_row(sample: Sample, rng: random.Random) -> Row:
    """Trains the answer wholly, replies of earlier turns after their first token, and a tenth of
    the rest. The first token of an earlier reply must not be learned: history has no thinking."""
    prompt, completion = mixture.texts(sample, rng)
    head, tail = encode(prompt), encode(completion)
    start = load().token_to_id("<|im_start|>")
    end = load().token_to_id("<|im_end|>")
    role = encode("assistant")[0]
    trained = [rng.random() < PROMPT_SHARE for _ in head]
    i = 0
    while i < len(head) - 3:
        if head[i] == start and head[i + 1] == role:
            trained[i + 3] = False
            i += 4
            while i < len(head) and head[i] != end:
                trained[i] = True
                i += 1
            if i < len(head):
                trained[i] = True
        i += 1
    return Row(head + tail, trained + [True] * len(tail))


def collate(rows: list[Row]) -> Batch:
    length = max(len(row.ids) for row in rows)
    ids = torch.zeros(len(rows), length, dtype=torch.long)
    positions, targets = [], []
    for r, row in enumerate(rows):
        ids[r, : len(row.ids)] = torch.tensor(row.ids)
        for i in range(1, len(row.ids)):
            if row.trained[i]:
                positions.append(r * length + i - 1)
                targets.append(row.ids[i])
    return Batch(ids, torch.tensor(positions), torch.tensor(targets))


def steps(seed: int, step_tokens: int) -> Iterator[list[Batch]]:
    """Yields the micro-batches of one optimizer step: a fair draw of all lengths, sorted."""
    rng = random.Random(seed)
    source = mixture.stream(seed)
    while True:
        pool: list[Row] = []
        while len(pool) < POOL:
            row = make_row(next(source), rng)
            if len(row.ids) <= LONGEST:
                pool.append(row)
        pool.sort(key=lambda row: len(row.ids))
        total = sum(len(row.ids) for row in pool)
        count = max(1, total // step_tokens)
        draws = [pool[i::count] for i in range(count)]
        rng.shuffle(draws)
        for draw in draws:
            share = sum(len(row.ids) for row in draw) / MICRO_BATCHES
            groups: list[list[Row]] = [[]]
            size = 0
            for row in draw:
                if size >= share and len(groups) < MICRO_BATCHES:
                    groups.append([])
                    size = 0
                groups[-1].append(row)
                size += len(row.ids)
            yield [collate(group) for group in groups]
