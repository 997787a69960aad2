"""``doctor``, ``fsck`` and ``bench``: how this machine, its store and its models are doing."""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import perf_counter
from typing import Any

from ollama_server.cli.client import Client
from ollama_server.cli.errors import ApiError, CliError
from ollama_server.cli.humanize import human_bytes
from ollama_server.cli.tables import table
from ollama_server.engine import launch
from ollama_server.errors import ServerError
from ollama_server.settings import Settings
from ollama_server.store.fsck import check_store
from ollama_server.store.store import Store

_BENCH_PROMPT_WORDS = 512


def doctor(settings: Settings) -> int:
    """Print what the build supports and what the machine offers; 1 when something is missing."""
    checks = [*_build(), _memory(), *_store(settings.models), _port(settings)]
    for good, subject, text in checks:
        sys.stdout.write(f"{'ok  ' if good else 'FAIL'}  {subject}: {text}\n")
    return 0 if all(good for good, _, _ in checks) else 1


def _build() -> list[tuple[bool, str, str]]:
    command = [*launch.COMMAND, "--devices"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        lines = result.stderr.strip().splitlines() or ["no reason given"]
        return [(False, "llama.cpp", f"does not start: {lines[-1]}")]
    found: dict[str, Any] = json.loads(result.stdout.splitlines()[-1])
    features = [
        part.split("=")[0].strip()
        for part in found["system_info"].partition(":")[2].split("|")
        if part.strip().endswith("1")
    ]
    text = ", ".join(features) or "no vector extensions"
    checks = [(True, "llama.cpp", f"{text} (libraries: {', '.join(found['backends']) or '-'})")]
    for device in found["devices"]:
        memory = f"{human_bytes(device['free'])} of {human_bytes(device['total'])} free"
        text = f"{device['description']} ({device['type']}), {memory}"
        checks.append((True, device["name"], text))
    offload = "layers can be offloaded" if found["gpu_offload"] else "built for the CPU alone"
    return [*checks, (True, "GPU", offload)]


def _memory() -> tuple[bool, str, str]:
    page = os.sysconf("SC_PAGE_SIZE")
    text = human_bytes(page * os.sysconf("SC_PHYS_PAGES"))
    if "SC_AVPHYS_PAGES" in os.sysconf_names:  # macOS does not tell
        text += f", {human_bytes(page * os.sysconf('SC_AVPHYS_PAGES'))} unused"
    return True, "memory", text


def _store(root: Path) -> list[tuple[bool, str, str]]:
    existing = next(path for path in (root, *root.parents) if os.path.exists(path))
    writable = os.access(existing, os.W_OK)
    free = human_bytes(shutil.disk_usage(existing).free)
    text = f"{root}, {free} free" if writable else f"{root} cannot be written"
    return [(writable, "store", text)]


def _port(settings: Settings) -> tuple[bool, str, str]:
    from ollama_server.serve import listen

    address = settings.address
    where = f"{address.host or '0.0.0.0'}:{address.port}"
    try:
        version = Client(settings).version()
    except ApiError as error:
        return True, "port", f"{where} is served, and does not tell its version: {error}"
    if version is not None:
        return True, "port", f"{where} is served by version {version}"
    try:
        with listen(address):
            return True, "port", f"{where} is free"
    except OSError as error:
        return False, "port", str(error)


def fsck(settings: Settings, *, quick: bool) -> int:
    """Check the store on disk; 1 when a model in it is broken."""
    if not settings.models.is_dir():
        raise CliError(f"there is no store at {settings.models}")
    try:
        findings = check_store(Store(settings.models), digests=not quick)
    except ServerError as error:
        raise CliError(error.message) from error
    for finding in findings:
        sys.stdout.write(f"{finding}\n")
    broken = sum(finding.severity == "error" for finding in findings)
    sys.stdout.write(f"{settings.models}: {broken} errors, {len(findings) - broken} notes\n")
    return 1 if broken else 0


def parse_streams(text: str) -> list[int]:
    """The value of --streams: numbers from 1, separated by commas."""
    parts = [part.strip() for part in text.split(",")]
    if not all(re.fullmatch("0*[1-9][0-9]{0,3}", part) for part in parts):
        raise CliError(
            f'invalid argument "{text}" for "--streams" flag: '
            "numbers from 1 to 9999, separated by commas, are expected"
        )
    return [int(part) for part in parts]


def bench(client: Client, model: str, *, streams: list[int], tokens: int) -> None:
    """Tokens per second of a model on this machine: its prompts, and 1 to many answers at once."""
    options = {"temperature": 0, "num_predict": 1, "seed": 1}
    # Another text each time: of one that the model has seen, the server computes nothing.
    words = (f"word{i}" for i in range(_BENCH_PROMPT_WORDS))
    prompt = " ".join([secrets.token_hex(8), *words])
    client.post("/api/generate", {"model": model})
    body = {"model": model, "prompt": prompt, "stream": False, "raw": True, "options": options}
    first = client.post("/api/generate", body)
    rows = [["prompt", "1", _rate(first, "prompt_eval")]]
    for count in streams:
        rows.append(["answers", str(count), f"{_concurrent(client, model, count, tokens):.1f}"])
    sys.stdout.write(table(["WHAT", "AT ONCE", "TOKENS/S"], rows))


def _rate(answer: dict[str, Any], kind: str) -> str:
    spent = answer.get(f"{kind}_duration", 0)
    return f"{answer.get(f'{kind}_count', 0) / spent * 1e9:.1f}" if spent else "-"


def _concurrent(client: Client, model: str, count: int, tokens: int) -> float:
    def one(number: int) -> int:
        options = {"temperature": 1.5, "seed": number, "num_predict": tokens}
        prompt = f"Write a long story about the number {number}."
        body = {"model": model, "prompt": prompt, "stream": False, "options": options}
        return int(client.post("/api/generate", body).get("eval_count", 0))

    begun = perf_counter()
    with ThreadPoolExecutor(count) as workers:
        total = sum(workers.map(one, range(count)))
    return total / (perf_counter() - begun)
