"""Training: `python -m models.sight.train --help`.

First the encoder alone: it learns from its teacher what lies where. Then all of it together on
questions and answers, the teacher still asking. Both parts draw new drawings all the time.

Where it goes on from the published files, the teacher, who is not in them, first learns alone what
the encoder has to say. Between the two parts, or instead of them, the encoder may rest: it looks
once at a pool of drawings, and the decoder is asked about those again and again, each time in other
words. That takes three fifths of the time.
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

from models.sight import batches, dialogues, published
from models.sight.network import Sight
from models.tiny.batches import Batch
from models.tiny.optimizer import Optimizer
from models.tiny.train import save, schedule

LOOK_BATCH = 64
MEETINGS, MEETING_RATE = 15, 3e-3
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
    network: Sight,
    modules: nn.Module,
    step: Step,
    drawings: float,
    arguments: argparse.Namespace,
) -> None:
    """Trains `modules` on `drawings`, a batch for each `step`; or for `--minutes`."""
    optimizer = Optimizer(
        modules,
        matrix_rate=arguments.rate,
        vector_rate=arguments.rate / 10,
        embeddings=EMBEDDINGS,
    )
    begun = saved = time.monotonic()
    minutes = arguments.minutes
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
        progress = elapsed / 60 / minutes if minutes else seen / drawings
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


# Batches of drawings, and what the encoder made of them.
Seen = list[tuple[Tensor, batches.Pictures]]


def glance(network: Sight, rng: random.Random, drawings: float) -> Seen:
    """What the encoder makes of some drawings, in batches."""
    seen: Seen = []
    while len(seen) * LOOK_BATCH < drawings:
        pictures = batches.pictures(rng, LOOK_BATCH)
        with torch.no_grad():
            seen.append((network.encoder(pictures.pixels), pictures))
    return seen


def introduce(network: Sight, rng: random.Random, lessons: Seen) -> None:
    """Has a new teacher learn what the encoder, which stays as it is, made of drawings."""
    optimizer = torch.optim.AdamW(network.teacher.parameters(), lr=MEETING_RATE)
    for meeting in range(MEETINGS):
        for features, pictures in rng.sample(lessons, len(lessons)):
            loss, _ = lesson(network, features, pictures)
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
        print(f"meeting {meeting} loss {loss.item():.4f}", flush=True)


def answered(network: Sight, hidden: Tensor, batch: Batch) -> tuple[Tensor, float]:
    """The loss of the answers, and the share of their tokens that were right."""
    logits = network.decoder.logits(hidden.flatten(0, 1)[batch.positions])
    right = (logits.argmax(-1) == batch.targets).float().mean().item()
    return functional.cross_entropy(logits, batch.targets), right


def looking(network: Sight, rng: random.Random) -> Step:
    """The teacher asks the encoder about new drawings."""

    def step() -> tuple[Tensor, float, int]:
        pictures = batches.pictures(rng, LOOK_BATCH)
        loss, right = lesson(network, network.encoder(pictures.pixels), pictures)
        return loss, right, LOOK_BATCH

    return step


def asking(network: Sight, rng: random.Random, drawings: float) -> Step:
    """Questions about drawings at which the encoder looked once."""
    seen = glance(network, rng, drawings)
    features = torch.cat([made for made, _ in seen])
    scenes = [scene for _, pictures in seen for scene in pictures.scenes]

    def step() -> tuple[Tensor, float, int]:
        chosen = rng.sample(range(len(scenes)), TALK_BATCH)
        talks = dialogues.dialogues([scenes[i] for i in chosen], rng, without=WITHOUT_DRAWING)
        hidden = network.read(talks.batch.ids, features[chosen], talks.order)
        return *answered(network, hidden, talks.batch), TALK_BATCH

    return step


def talking(network: Sight, rng: random.Random) -> Step:
    """Questions about new drawings, about which the teacher asks, too."""

    def step() -> tuple[Tensor, float, int]:
        pictures = batches.pictures(rng, TALK_BATCH)
        talks = dialogues.dialogues(pictures.scenes, rng, without=WITHOUT_DRAWING)
        hidden, features = network(talks.batch.ids, pictures.pixels, talks.order)
        taught, _ = lesson(network, features, pictures)
        loss, right = answered(network, hidden, talks.batch)
        return loss + TEACHER_SHARE * taught, right, TALK_BATCH

    return step


def run(arguments: argparse.Namespace) -> None:
    torch.manual_seed(arguments.seed)
    torch.set_num_threads(1)
    network = Sight()
    if arguments.start:
        network.load_state_dict(torch.load(arguments.start))
    elif arguments.published:
        published.restore(network)
    rng = random.Random(arguments.seed)

    def train(step: Step, drawings: float, *modules: str) -> None:
        parts = nn.ModuleDict({name: getattr(network, name) for name in modules})
        practise(network, parts, step, drawings, arguments)

    if arguments.meets:
        introduce(network, rng, glance(network, rng, arguments.meets))
        save(arguments.out, network)
    if arguments.looks:
        train(looking(network, rng), arguments.looks, "encoder", "teacher")
    if arguments.asks:
        train(asking(network, rng, arguments.pool), arguments.asks, "projector", "decoder")
    if arguments.talks:
        every = ("encoder", "projector", "teacher", "decoder")
        train(talking(network, rng), arguments.talks, *every)


def parser() -> argparse.ArgumentParser:
    result = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    result.add_argument("--out", type=Path, required=True, help="where to write the checkpoint")
    result.add_argument("--start", type=Path, help="a checkpoint to go on from")
    result.add_argument("--published", action="store_true", help="go on from the published files")
    result.add_argument("--meets", type=float, default=0, help="drawings for a new teacher alone")
    result.add_argument("--looks", type=float, default=150e3, help="drawings for the encoder alone")
    result.add_argument("--asks", type=float, default=0, help="drawings of the pool to ask about")
    result.add_argument("--pool", type=float, default=6e3, help="drawings in the pool")
    result.add_argument("--talks", type=float, default=200e3, help="drawings for all of it")
    result.add_argument("--minutes", type=float, help="train each part by the clock instead")
    result.add_argument("--rate", type=float, default=0.012, help="the highest learning rate")
    result.add_argument("--fall", type=float, default=0.7, help="share of a part that cools down")
    result.add_argument("--seed", type=int, default=1)
    return result


if __name__ == "__main__":
    run(parser().parse_args())
