"""Training: `python -m models.tiny.train --help`."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import torch
from torch.nn import functional

from models.tiny import batches
from models.tiny.config import CONFIG
from models.tiny.network import Network
from models.tiny.optimizer import Optimizer


def schedule(progress: float, *, warm: float, fall: float) -> float:
    """Rises over `warm`, stays, and falls linearly to zero over the last `fall` of the run."""
    if progress < warm:
        return max(progress / warm, 0.02)
    return min(1.0, max(0.0, (1 - progress) / fall))


def save(path: Path, network: Network) -> None:
    partial = path.with_suffix(".partial")
    torch.save(network.state_dict(), partial)
    partial.replace(path)


def run(arguments: argparse.Namespace) -> None:
    torch.manual_seed(arguments.seed)
    torch.set_num_threads(arguments.threads)
    network = Network(CONFIG)
    if arguments.start:
        network.load_state_dict(torch.load(arguments.start))
    optimizer = Optimizer(network, matrix_rate=arguments.rate, vector_rate=arguments.rate / 5)
    begun = saved = time.monotonic()
    tokens = 0
    mean = 0.0
    for index, step in enumerate(batches.steps(arguments.seed, arguments.step_tokens)):
        elapsed = time.monotonic() - begun
        if arguments.minutes:
            progress = elapsed / 60 / arguments.minutes
        else:
            progress = tokens / arguments.tokens
        if progress >= 1:
            break
        weight = sum(len(batch.targets) for batch in step)
        loss_sum = 0.0
        for batch in step:
            hidden = network(batch.ids).flatten(0, 1)[batch.positions]
            loss = functional.cross_entropy(network.logits(hidden), batch.targets, reduction="sum")
            (loss / weight).backward()
            loss_sum += loss.item()
            tokens += batch.ids.numel()
        optimizer.step(schedule(progress, warm=0.01, fall=arguments.fall))
        mean = loss_sum / weight if index == 0 else 0.95 * mean + 0.05 * loss_sum / weight
        if index % 20 == 0:
            speed = tokens / (time.monotonic() - begun)
            print(
                f"step {index} progress {progress:.3f} tokens {tokens / 1e6:.2f}M "
                f"loss {mean:.4f} {speed:.0f} tokens/s",
                flush=True,
            )
        if time.monotonic() - saved > 180:
            save(arguments.out, network)
            saved = time.monotonic()
    save(arguments.out, network)


def parser() -> argparse.ArgumentParser:
    result = argparse.ArgumentParser(description=__doc__)
    result.add_argument("--out", type=Path, required=True, help="where to write the checkpoint")
    result.add_argument("--start", type=Path, help="a checkpoint to go on from")
    result.add_argument("--tokens", type=float, default=25e6, help="how many tokens to train on")
    result.add_argument("--minutes", type=float, help="train by the clock instead of by tokens")
    result.add_argument("--rate", type=float, default=0.02, help="the highest learning rate")
    result.add_argument("--fall", type=float, default=0.5, help="share of the run that cools down")
    result.add_argument("--step-tokens", type=int, default=6144)
    result.add_argument("--seed", type=int, default=1)
    result.add_argument("--threads", type=int, default=2)
    return result


if __name__ == "__main__":
    run(parser().parse_args())
