"""Run both servers in turn under one client, and print how they compare.

    python -m bench.run --model M --vocabulary V --tools DIR [--only decode,stall] [--repeats 5]

Both servers stay loaded, and rest while the other one works. Each repeat asks both for the same
texts, texts that no repeat before it has used, and they take turns at going first.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

from bench import report
from bench.engine import EngineServer
from bench.prompts import Prompts
from bench.scenarios import DECODE_PROMPT, DECODE_TOKENS, SCENARIOS, Numbers
from bench.servers import LlamaServer, OurServer, Server, Shape

BARE = "decode"  # the scenario that llama-batched-bench runs too
SMALL = "http"  # the scenario about the HTTP layer: our server alone, with the smallest model


def main() -> None:
    """Measure what the command line asks for, and print Markdown."""
    arguments = _arguments()
    names = arguments.only.split(",") if arguments.only else list(SCENARIOS)
    unknown = sorted(set(names) - set(SCENARIOS))
    if unknown:
        raise SystemExit(
            f"no such scenario: {', '.join(unknown)}; there are {', '.join(SCENARIOS)}"
        )
    shape = Shape(arguments.parallel, arguments.num_ctx, arguments.threads)
    work = arguments.tools.parent
    log = work / "bench-ollama-server.log"
    ours: Server = OurServer(arguments.model, shape, log, work / "bench-store")
    if arguments.engine:
        ours = EngineServer(arguments.model, shape, log)
    log = work / "bench-llama-server.log"
    theirs: Server = LlamaServer(arguments.model, shape, log, arguments.tools)
    servers = {"ours": [ours], "llama": [theirs], "both": [theirs, ours]}[arguments.server]
    conditions = report.conditions()
    prompts = Prompts(arguments.vocabulary)
    shared = [name for name in names if name != SMALL]
    numbers, bare = asyncio.run(_measure(servers, shared, prompts, arguments))
    if SMALL in names and isinstance(ours, OurServer) and ours in servers:
        small = OurServer(arguments.small_model, shape, work / "bench-small.log", ours.store)
        alone, _ = asyncio.run(_measure([small], [SMALL], prompts, arguments))
        numbers[ours] += alone[small]
    over_http = [{"decode-bare": each["decode"]} for each in numbers[ours] if "decode" in each]
    print(conditions, end="\n\n")
    print(report.table(numbers[ours] + over_http, numbers[theirs] + bare))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, required=True, help="GGUF that both servers load")
    parser.add_argument(
        "--small-model", type=Path, default=Path("models/tiny/tiny.gguf"), help="for http alone"
    )
    parser.add_argument("--vocabulary", type=Path, required=True, help="GGUF to take words from")
    parser.add_argument("--tools", type=Path, required=True, help="folder of llama.cpp's programs")
    parser.add_argument("--only", default="", help="scenarios, separated by commas")
    parser.add_argument("--server", choices=("both", "ours", "llama"), default="both")
    parser.add_argument("--engine", action="store_true", help="our runner alone, without HTTP")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--parallel", type=int, default=16, help="places for requests")
    parser.add_argument("--num-ctx", type=int, default=4096, help="context of each place")
    parser.add_argument(
        "--threads", type=int, default=0, help="default: what each server takes by itself"
    )
    return parser.parse_args()


async def _measure(
    servers: list[Server], names: list[str], prompts: Prompts, arguments: argparse.Namespace
) -> tuple[dict[Server, list[Numbers]], list[Numbers]]:
    """The numbers of each repeat: the servers', and llama-batched-bench's."""
    numbers: dict[Server, list[Numbers]] = defaultdict(list)
    bare: list[Numbers] = []
    if not names:
        return numbers, bare
    try:
        for server in servers:
            await server.start()
            prompts.seed("warm up")
            await SCENARIOS["throughput"](server, prompts)
        for name in names:
            for repeat in range(arguments.repeats):
                for server in servers if repeat % 2 else reversed(servers):
                    prompts.seed(f"{name} {repeat}")
                    result = await SCENARIOS[name](server, prompts)
                    numbers[server].append(result)
                    _note(server.name, repeat, result)
                if name == BARE:
                    bare.append({"decode-bare": _bare_decode(arguments, servers[0].shape)})
                    _note("llama-batched-bench", repeat, bare[-1])
    finally:
        for server in servers:
            server.stop()
    return numbers, bare


def _bare_decode(arguments: argparse.Namespace, shape: Shape) -> float:
    """llama-batched-bench's S_TG for one sequence, at the context of the decode scenario."""
    command = [
        str(arguments.tools / "llama-batched-bench"), "-m", str(arguments.model),
        "-c", str(shape.num_ctx), "-npp", str(DECODE_PROMPT),
        "-ntg", str(DECODE_TOKENS), "-npl", "1", "--output-format", "jsonl",
    ]  # fmt: skip
    if shape.threads:
        command += ["-t", str(shape.threads)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    lines = [line for line in (done.stdout + done.stderr).splitlines() if line.startswith("{")]
    return float(json.loads(lines[-1])["speed_tg"])


def _note(name: str, repeat: int, result: Numbers) -> None:
    values = ", ".join(f"{key} {value:.4g}" for key, value in result.items())
    print(f"{name} #{repeat + 1}: {values}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
