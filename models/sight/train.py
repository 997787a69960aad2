"""Training: `python -m models.sight.train --help`.

First the encoder alone: it learns from its teacher what lies where. Then all of it together on
questions and answers, the teacher still asking. Both parts draw new drawings all the time.
"""

from __future__ import annotations

import argparse
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

BATCH = 64
BLIND_ROWS = 3
SAVE_SECONDS = 120
REPORT_STEPS = 20
EMBEDDINGS = (
    *("token_embd", "position_embd", "patch_embd.weight"),
    *("shape.weight", "colour.weight", "count.weight"),
)
TEACHER_SHARE = 0.2


def lesson(network: Sight, features: Tensor, pictures: batches.Pictures) -> tuple[Tensor, float]:
    """The teacher's loss, and the share of drawings in which every patch was right."""
    shape, colour, count = network.teacher(features)
    right = torch.ones(len(pictures.scenes), dtype=torch.bool)
    total = torch.zeros(())
    questions = ((shape, pictures.shape), (colour, pictures.colour), (count, pictures.count))
    for answers, targets in questions:
        total = total + functional.cross_entropy(answers.flatten(0, 1), targets.flatten())
        asked = targets != batches.IGNORED
        right &= ((answers.argmax(-1) == targets) | ~asked).all(dim=1)
    # Nearly all patches hold no centre; the few that do must not drown among them.
    present = pictures.shape != batches.NOTHING
    total = total + functional.cross_entropy(shape[present], pictures.shape[present])
    return total, right.float().mean().item()


Step = Callable[[], tuple[Tensor, float]]


def practise(
    network: Sight, modules: nn.Module, step: Step, drawings: int, arguments: argparse.Namespace
) -> None:
    """Trains `modules` on `drawings`; `step` gives a batch's loss and the share that was right."""
    optimizer = Optimizer(
        modules,
        matrix_rate=arguments.rate,
        vector_rate=arguments.rate / 10,
        embeddings=EMBEDDINGS,
    )
    begun = saved = time.monotonic()
    steps = max(1, drawings // BATCH)
    mean = right = 0.0
    for index in range(steps):
        loss, share = step()
        loss.backward()
        optimizer.step(schedule(index / steps, warm=0.02, fall=arguments.fall))
        keep = 0.0 if index == 0 else 0.95
        mean = keep * mean + (1 - keep) * loss.item()
        right = keep * right + (1 - keep) * share
        if index % REPORT_STEPS == 0 or index == steps - 1:
            rate = (index + 1) * BATCH / (time.monotonic() - begun)
            print(
                f"step {index} of {steps} loss {mean:.4f} right {right:.3f} {rate:.0f} drawings/s",
                flush=True,
            )
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

    def look() -> tuple[Tensor, float]:
        pictures = batches.pictures(rng, BATCH)
        return lesson(network, network.encoder(pictures.pixels), pictures)

    def talk() -> tuple[Tensor, float]:
        pictures = batches.pictures(rng, BATCH)
        talks = dialogues.dialogues(pictures.scenes, rng, blind_rows=BLIND_ROWS)
        batch = talks.batch
        hidden, features = network(batch.ids, pictures.pixels, talks.order)
        logits = network.decoder.logits(hidden.flatten(0, 1)[batch.positions])
        taught, _ = lesson(network, features, pictures)
        loss = functional.cross_entropy(logits, batch.targets)
        right = (logits.argmax(-1) == batch.targets).float().mean().item()
        return loss + TEACHER_SHARE * taught, right

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
    result.add_argument("--looks", type=float, default=60e3, help="drawings for the encoder alone")
    result.add_argument("--talks", type=float, default=60e3, help="drawings for all of it")
    result.add_argument("--rate", type=float, default=0.012, help="the highest learning rate")
    result.add_argument("--fall", type=float, default=0.7, help="share of a part that cools down")
    result.add_argument("--seed", type=int, default=1)
    return result


if __name__ == "__main__":
    run(parser().parse_args())
