"""Scores the committed model on both test sets: `python -m models.sight.evaluate`.

The goal is judged on the first table; the second is the blind set (see `phrasings/blind.py`).
Everything goes through the server's own runner: files as they would be sent, prompts from the chat
template in the GGUF file, several sequences in a batch. Only the exact answer counts.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import sys
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from models.sight.config import GGUF_PATH, HERE, PROJECTOR_PATH
from models.sight.heldout import Case, blind_cases, cases
from models.tiny.evaluate import table
from ollama_server.engine import protocol
from ollama_server.media.images import prepare_image
from ollama_server.runtime.runner import Runner

CARD_PATH = HERE / "README.md"
PASS_SHARE = 0.95
PARALLEL = 8
MAX_TOKENS = 64
MOST_PIXELS = 1_000_000


def prompt(case: Case) -> list[protocol.PromptPart]:
    """The parts of a prompt of one turn, as the chat template has them."""
    text = f"{case.question.text}<|im_end|>\n<|im_start|>assistant\n"
    if case.image is None:
        return [protocol.Text(f"<|im_start|>user\n{text}")]
    image = prepare_image(case.image, MOST_PIXELS)
    return [protocol.Text("<|im_start|>user\n"), protocol.Media(image), protocol.Text(text)]


async def answer(runner: Runner, case: Case) -> str:
    """What the model says at temperature 0; ends with three dots where it did not stop."""
    sampling = protocol.Sampling(temperature=0)
    message = protocol.Generate(0, prompt(case), sampling, max_tokens=MAX_TOKENS)
    text = ""
    async for items in runner.generate(message):
        for item in items:
            if isinstance(item, protocol.Finished):
                return text if item.reason == "stop" else text + "..."
            text += item.text
    raise AssertionError("a generation ends with Finished")


async def answers(
    selection: Sequence[Case], model: Path, projector: Path, threads: int
) -> list[str]:
    """The model's answers to cases, some of them computed together."""
    load = protocol.Load(
        str(model),
        projectors=[str(projector)],
        num_ctx=512,
        parallel=PARALLEL,
        num_gpu=0,
        num_thread=threads,
    )
    runner = await Runner.start(load)
    try:
        places = asyncio.Semaphore(PARALLEL)

        async def one(case: Case) -> str:
            async with places:
                return await answer(runner, case)

        return list(await asyncio.gather(*(one(case) for case in selection)))
    finally:
        await runner.close()


def score(
    selection: Sequence[Case],
    *,
    model: Path = GGUF_PATH,
    projector: Path = PROJECTOR_PATH,
    threads: int = 2,
    verbose: bool = False,
) -> dict[str, tuple[int, int]]:
    """Returns for each category how many cases passed, and how many there are."""
    passed: dict[str, int] = defaultdict(int)
    total: dict[str, int] = defaultdict(int)
    texts = asyncio.run(answers(selection, model, projector, threads))
    for case, text in zip(selection, texts, strict=True):
        good = text == case.question.answer
        passed[case.category] += good
        total[case.category] += 1
        if verbose and not good:
            print(f"[{case.category}] {case.question.text}\n  wanted {case.question.answer}")
            print(f"  got    {text}")
    return {category: (passed[category], total[category]) for category in total}


def write_card(texts: list[str]) -> None:
    """Puts the tables of scores into the model card, in place of those there."""
    card = CARD_PATH.read_text(encoding="utf-8")
    pattern = r"(?m)^\| category \|.*\n(?:\|.*\n)+"
    rest = iter(texts)
    CARD_PATH.write_text(re.sub(pattern, lambda _: next(rest) + "\n", card), encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, default=GGUF_PATH)
    parser.add_argument("--projector", type=Path, default=PROJECTOR_PATH)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--verbose", action="store_true", help="show what failed")
    parser.add_argument("--card", action="store_true", help="write the table into the model card")
    arguments = parser.parse_args()
    files = {"model": arguments.model, "projector": arguments.projector}
    scores = score(cases(), threads=arguments.threads, verbose=arguments.verbose, **files)
    # What fails in the blind set is never shown, so that nobody trains for it.
    tables = [table(scores), table(score(blind_cases(), threads=arguments.threads, **files))]
    print("\n\n".join(tables))
    if arguments.card:
        write_card(tables)
    passed, total = (sum(column) for column in zip(*scores.values(), strict=True))
    if passed / total < PASS_SHARE:
        sys.exit(f"{passed} of {total} is below {PASS_SHARE:.0%}")


if __name__ == "__main__":
    main()
