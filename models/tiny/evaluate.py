"""Scores the committed model on both test sets: `python -m models.tiny.evaluate`.

The goal is judged on the first table; the second is the blind set (see `blind`)."""

from __future__ import annotations

import argparse
import re
import sys
from collections import defaultdict
from pathlib import Path

from llama_cpp import Llama

from models.tiny import blind, heldout
from models.tiny.chat import render
from models.tiny.config import GGUF_PATH, HERE
from models.tiny.heldout import Case

CARD_PATH = HERE / "README.md"
PASS_SHARE = 0.9
MAX_TOKENS = 320


def load(path: Path, threads: int) -> Llama:
    return Llama(str(path), n_ctx=2048, n_threads=threads, n_threads_batch=threads, verbose=False)


def answer(model: Llama, case: Case) -> tuple[str, bool]:
    """Returns the visible text at temperature 0, and whether the model stopped by itself."""
    prompt = case.raw
    if prompt is None:
        prompt = render(case.messages, case.tools, thinking=case.thinking)
    # Special tokens vanish from a completion's text; the tags of thinking and tools stay.
    result = model.create_completion(prompt, max_tokens=MAX_TOKENS, temperature=0.0)
    choice = result["choices"][0]
    text = choice["text"]
    if "</think>" in text:
        text = text.split("</think>", 1)[1]
    return text.strip(), choice["finish_reason"] == "stop"


def score(model: Llama, cases: list[Case], *, verbose: bool = False) -> dict[str, tuple[int, int]]:
    """Returns for each category how many cases passed, and how many there are."""
    passed: dict[str, int] = defaultdict(int)
    total: dict[str, int] = defaultdict(int)
    for case in cases:
        text, stopped = answer(model, case)
        good = stopped and case.check(text)
        passed[case.category] += good
        total[case.category] += 1
        if verbose and not good:
            question = case.raw or case.messages[-1]["content"]
            print(f"[{case.category}] {question!r}\n  wanted {case.wanted!r}\n  got    {text!r}")
    return {category: (passed[category], total[category]) for category in total}


def table(scores: dict[str, tuple[int, int]]) -> str:
    """Returns the scores as the Markdown table of the model card."""
    lines = ["| category | passed | of | share |", "| --- | ---: | ---: | ---: |"]
    rows = [
        *scores.items(),
        ("all", tuple(sum(column) for column in zip(*scores.values(), strict=True))),
    ]
    for category, (passed, total) in rows:
        lines.append(f"| {category} | {passed} | {total} | {100 * passed / total:.1f} % |")
    return "\n".join(lines)


def write_card(texts: list[str]) -> None:
    """Puts the tables of scores into the model card, in place of those there."""
    card = CARD_PATH.read_text(encoding="utf-8")
    pattern = r"(?m)^\| category \|.*\n(?:\|.*\n)+"
    rest = iter(texts)
    CARD_PATH.write_text(re.sub(pattern, lambda _: next(rest) + "\n", card), encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, default=GGUF_PATH)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--verbose", action="store_true", help="show what failed")
    parser.add_argument("--card", action="store_true", help="write the table into the model card")
    arguments = parser.parse_args()
    model = load(arguments.model, arguments.threads)
    scores = score(model, heldout.cases(), verbose=arguments.verbose)
    # What fails in the blind set is never shown, so that nobody trains for it.
    tables = [table(scores), table(score(model, blind.cases()))]
    print("\n\n".join(tables))
    if arguments.card:
        write_card(tables)
    passed, total = (sum(column) for column in zip(*scores.values(), strict=True))
    if passed / total < PASS_SHARE:
        sys.exit(f"{passed} of {total} is below {PASS_SHARE:.0%}")


if __name__ == "__main__":
    main()
