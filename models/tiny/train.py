"""Training: `python -m models.tiny.train --help`.

Every worker is a process with one thread that computes the gradient of its own batches; once a
step the gradients are averaged. On a busy machine this loses less than threads in one process,
which wait for each other at every operation.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import torch
from torch import Tensor, distributed, multiprocessing
from torch.nn import functional

from models.tiny import batches
from models.tiny.config import CONFIG
from models.tiny.network import Network
from models.tiny.optimizer import Optimizer

SAVE_SECONDS = 120
REPORT_STEPS = 20


def schedule(progress: float, *, warm: float, fall: float) -> float:
    """Rises over `warm`, stays, and falls linearly to zero over the last `fall` of the run."""
    if progress < warm:
        return max(progress / warm, 0.02)
    return min(1.0, max(0.0, (1 - progress) / fall))


def save(path: Path, network: Network) -> None:
    partial = path.with_suffix(".partial")
    torch.save(network.state_dict(), partial)
    partial.replace(path)


def gradients(network: Network, step: list[batches.Batch]) -> float:
    """Adds the gradient of the mean loss of a step to the parameters; returns that loss."""
    weight = sum(len(batch.targets) for batch in step)
    total = 0.0
    for batch in step:
        hidden = network(batch.ids).flatten(0, 1)[batch.positions]
        loss = functional.cross_entropy(network.logits(hidden), batch.targets, reduction="sum")
        (loss / weight).backward()
        total += loss.item() / weight
    return total


def average(network: Network, figures: list[float]) -> list[float]:
    """Averages the gradients over all workers, and with them some figures."""
    workers = distributed.get_world_size()
    parts: list[Tensor] = [p.grad for p in network.parameters() if p.grad is not None]
    flat = torch.cat([*(part.flatten() for part in parts), torch.tensor(figures)])
    distributed.all_reduce(flat)
    flat /= workers
    offset = 0
    for part in parts:
        part.copy_(flat[offset : offset + part.numel()].view_as(part))
        offset += part.numel()
    return [float(value) for value in flat[offset:]]


def work(rank: int, arguments: argparse.Namespace, meeting: str) -> None:
    """Trains as one of the workers; the first one reports and saves."""
    torch.manual_seed(arguments.seed)
    torch.set_num_threads(1)
    distributed.init_process_group(
        "gloo", init_method=f"file://{meeting}", rank=rank, world_size=arguments.workers
    )
    network = Network(CONFIG)
    if arguments.start:
        network.load_state_dict(torch.load(arguments.start))
    optimizer = Optimizer(network, matrix_rate=arguments.rate, vector_rate=arguments.rate / 5)
    source = batches.steps(arguments.seed * 1000 + rank, arguments.step_tokens // arguments.workers)
    begun = saved = time.monotonic()
    progress, tokens, mean = 0.0, 0.0, 0.0
    for index, step in enumerate(source):
        loss = gradients(network, step)
        elapsed = time.monotonic() - begun
        # The workers must agree on the progress, or they would not stop together.
        count = sum(batch.ids.numel() for batch in step)
        loss, count_mean, elapsed = average(network, [loss, float(count), elapsed])
        tokens += count_mean * arguments.workers
        optimizer.step(schedule(progress, warm=0.01, fall=arguments.fall))
        if arguments.minutes:
            progress = elapsed / 60 / arguments.minutes
        else:
            progress = tokens / arguments.tokens
        mean = loss if index == 0 else 0.95 * mean + 0.05 * loss
        if rank == 0 and index % REPORT_STEPS == 0:
            print(
                f"step {index} progress {progress:.3f} tokens {tokens / 1e6:.2f}M "
                f"loss {mean:.4f} {tokens / elapsed:.0f} tokens/s",
                flush=True,
            )
        if rank == 0 and time.monotonic() - saved > SAVE_SECONDS:
            save(arguments.out, network)
            saved = time.monotonic()
        if progress >= 1:
            break
    if rank == 0:
        save(arguments.out, network)
    distributed.destroy_process_group()


def run(arguments: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory() as folder:
        multiprocessing.spawn(
            work, (arguments, str(Path(folder, "meeting"))), nprocs=arguments.workers
        )


def parser() -> argparse.ArgumentParser:
    result = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    result.add_argument("--out", type=Path, required=True, help="where to write the checkpoint")
    result.add_argument("--start", type=Path, help="a checkpoint to go on from")
    result.add_argument("--tokens", type=float, default=20e6, help="how many tokens to train on")
    result.add_argument("--minutes", type=float, help="train by the clock instead of by tokens")
    result.add_argument("--rate", type=float, default=0.02, help="the highest learning rate")
    result.add_argument("--fall", type=float, default=0.5, help="share of the run that cools down")
    result.add_argument("--step-tokens", type=int, default=8192, help="of all workers together")
    result.add_argument("--seed", type=int, default=1)
    result.add_argument("--workers", type=int, default=2, help="processes of one thread each")
    return result


if __name__ == "__main__":
    run(parser().parse_args())
