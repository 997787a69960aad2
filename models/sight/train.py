"""Training: `python -m models.sight.train --help`.

First the encoder alone: it learns from its teacher what lies where. Then all of it together on
questions and answers, the teacher still asking. Both parts draw new drawings all the time.
"""

from __future__ import annotations

import argparse
import itertools
import random
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.sight import batches, dialogues
from models.sight.network import Sight
from models.tiny.optimizer import Optimizer
from models.tiny.train import save, schedule

LOOK_BATCH = 64
TALK_BATCH = 32
WITHOUT_DRAWING = 2
SAVE_SECONDS = 120
REPORT_STEPS = 20
EMBEDDINGS = (
    *("token_embd", "position_embd", "patch_embd.weight"),
    *("shape.weight", "colour.weight", "count.weight", "total.weight"),
)
TEACHER_SHARE = 0.3
PRESENT_SHARE = 0.2


def lesson(network: Sight, features: Tensor, pictures: batches.Pictures) -> tuple[Tensor, float]:
    """The teacher's loss, and the share of drawings in which it got every number."""
    answers = network.teacher(features)
    targets = (pictures.shape, pictures.colour, pictures.count, pictures.total)
    total = torch.zeros(())
    for answer, target in zip(answers, targets, strict=True):
        total = total + functional.cross_entropy(answer.flatten(0, 1), target.flatten())
    # Nearly all patches hold no centre; the few that do must not drown among them.
    present = pictures.shape != batches.NOTHING
    found = functional.cross_entropy(answers[0][present], pictures.shape[present])
    right = (answers[2].argmax(-1) == pictures.count) | (pictures.count == batches.IGNORED)
    return total + PRESENT_SHARE * found, right.all(dim=1).float().mean().item()


# Draws a batch; gives its loss, the share that was right, and how many drawings there were.
Step = Callable[[], tuple[Tensor, float, int]]


def practise(
    network: Sight, modules: nn.Module, step: Step, drawings: int, arguments: argparse.Namespace
) -> None:
    """Trains `modules` on `drawings`, a batch for each `step`."""
    optimizer = Optimizer(
        modules,
        matrix_rate=arguments.rate,
        vector_rate=arguments.rate / 10,
        embeddings=EMBEDDINGS,
    )
    begun = saved = time.monotonic()
    mean = right = progress = 0.0
    seen = 0
    for index in itertools.count():
        loss, share, batch = step()
        loss.backward()
        optimizer.step(schedule(progress, warm=0.02, fall=arguments.fall))
        keep = 0.0 if index == 0 else 0.95
        mean = keep * mean + (1 - keep) * loss.item()
        right = keep * right + (1 - keep) * share
        elapsed, seen = time.monotonic() - begun, seen + batch
        progress = elapsed / 60 / arguments.minutes if arguments.minutes else seen / drawings
        if index % REPORT_STEPS == 0 or progress >= 1:
            print(
                f"step {index} progress {progress:.3f} loss {mean:.4f} right {right:.3f} "
                f"{seen / elapsed:.0f} drawings/s",
                flush=True,
            )
        if progress >= 1:
            break
        if time.monotonic() - saved > SAVE_SECONDS:
            save(arguments.out, network)
            saved = time.monotonic()
    save(arguments.out, network)


def run(arguments: argparse.Namespace) -> None:
    torch.manual_seed(arguments.seed)
    torch.set_num_threads(1)
    network = Sight()
    if arguments.start:
        network.load_state_dict(torch.load(arguments.start))
    rng = random.Random(arguments.seed)

    def look() -> tuple[Tensor, float, int]:
        pictures = batches.pictures(rng, LOOK_BATCH)
        loss, right = lesson(network, network.encoder(pictures.pixels), pictures)
        return loss, right, LOOK_BATCH

    def talk() -> tuple[Tensor, float, int]:
        pictures = batches.pictures(rng, TALK_BATCH)
        talks = dialogues.dialogues(pictures.scenes, rng, without=WITHOUT_DRAWING)
        batch = talks.batch
        hidden, features = network(batch.ids, pictures.pixels, talks.order)
        logits = network.decoder.logits(hidden.flatten(0, 1)[batch.positions])
        taught, _ = lesson(network, features, pictures)
        loss = functional.cross_entropy(logits, batch.targets)
        right = (logits.argmax(-1) == batch.targets).float().mean().item()
        return loss + TEACHER_SHARE * taught, right, TALK_BATCH

    if arguments.looks:
        eyes = nn.ModuleDict({"encoder": network.encoder, "teacher": network.teacher})
        practise(network, eyes, look, int(arguments.looks), arguments)
    if arguments.talks:
        practise(network, network, talk, int(arguments.talks), arguments)


def parser() -> argparse.ArgumentParser:
    result = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    result.add_argument("--out", type=Path, required=True, help="where to write the checkpoint")
    result.add_argument("--start", type=Path, help="a checkpoint to go on from")
    result.add_argument("--looks", type=float, default=150e3, help="drawings for the encoder alone")
    result.add_argument("--talks", type=float, default=200e3, help="drawings for all of it")
    result.add_argument("--minutes", type=float, help="train each part by the clock instead")
    result.add_argument("--rate", type=float, default=0.012, help="the highest learning rate")
    result.add_argument("--fall", type=float, default=0.7, help="share of a part that cools down")
    result.add_argument("--seed", type=int, default=1)
    return result


if __name__ == "__main__":
    run(parser().parse_args())
