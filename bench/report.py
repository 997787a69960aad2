"""The table: medians of both servers, their ratio and the goal, for `docs/performance.md`."""

from __future__ import annotations

import os
import platform
import subprocess
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from statistics import median

from bench.scenarios import Numbers


@dataclass(frozen=True)
class Row:
    """One line. ``ratio`` is ours / the other's; the goal is a least or a most value of it.

    ``scale`` turns the number's seconds into the printed unit. With ``absolute`` the goal is
    about our own number, and there is no other server in the line.
    """

    key: str
    label: str
    unit: str
    goal: float | None = None
    least: bool = True
    scale: float = 1.0
    absolute: bool = False


ROWS = (
    Row("decode-bare", "One stream over HTTP, against llama-batched-bench", "tokens/s", 0.95),
    Row("decode", "One stream over HTTP, context 512 to 640", "tokens/s", 1.0),
    Row("throughput-1", "1 client, 128 + 128 tokens", "tokens/s", 1.0),
    Row("throughput-4", "4 clients", "tokens/s", 1.0),
    Row("throughput-8", "8 clients", "tokens/s", 1.0),
    Row("throughput-16", "16 clients", "tokens/s", 1.0),
    Row("prefix-first", "8 clients share 1,024 tokens: all have begun", "ms", 1 / 3, False, 1e3),
    Row("prefix-total", "… and 32 tokens later all have ended", "ms", None, False, 1e3),
    Row(
        "stall-gap",
        "Longest gap in 4 streams beside a new 2,048-token prompt",
        "ms",
        0.2,
        False,
        1e3,
    ),
    Row("stall-newcomer", "… whose own first token takes", "ms", None, False, 1e3),
    Row("turn", "First token of a conversation's later turns", "ms", 1.0, False, 1e3),
    Row("schema-1", "JSON Schema, 1 client", "tokens/s", 1.0),
    Row("schema-share-1", "… share of the same server's free speed", "×", 0.9, absolute=True),
    Row("schema-8", "JSON Schema, 8 clients", "tokens/s", 1.0),
    Row("schema-share-8", "… share of the same server's free speed", "×", 0.9, absolute=True),
    Row(
        "http-chunk",
        "CPU of the server process per streamed chunk, 16 streams of the embedded model",
        "µs",
        60,
        False,
        1e6,
        absolute=True,
    ),
)


def table(ours: list[Numbers], theirs: list[Numbers]) -> str:
    """A Markdown table of the rows that were measured; the lists hold one entry for each repeat."""
    lines = [
        "| What | llama-server | ollama-server | Ratio | Goal | |",
        "| --- | ---: | ---: | ---: | ---: | --- |",
    ]
    for row in ROWS:
        left = [numbers[row.key] for numbers in theirs if row.key in numbers]
        right = [numbers[row.key] for numbers in ours if row.key in numbers]
        if left or right:
            lines.append(_line(row, left, right))
    return "\n".join(lines)


def conditions() -> str:
    """Commit, machine and versions, one line each."""
    dirty = _git("status", "--porcelain", "--", "ollama_server", "bench")
    source = Path(".build/llama.cpp").resolve()
    lines = {
        "Commit": _git("rev-parse", "--short", "HEAD") + (" with local changes" if dirty else ""),
        "llama.cpp": f"{_git('-C', str(source), 'rev-parse', '--short', 'HEAD')} "
        f"(llama-cpp-python {version('llama-cpp-python')})",
        "Machine": f"{os.cpu_count()} × {_processor()}, {_memory_gib():.0f} GiB",
        "Python": platform.python_version(),
        "Load before": f"{os.getloadavg()[0]:.1f}",
    }
    return "\n".join(f"- {name}: {value}" for name, value in lines.items())


def _line(row: Row, left: list[float], right: list[float]) -> str:
    ratio = None
    if left and right:
        # Repeats alternate between the servers: neighbours in time are compared with each other.
        ratio = median(b / a for a, b in zip(left, right, strict=False))
    value = (median(right) if right else None) if row.absolute else ratio
    scaled = value * row.scale if value is not None and row.absolute else value
    verdict, goal = "", ""
    if row.goal is not None:
        goal = f"{'≥' if row.least else '≤'} {row.goal:.3g}"
        if scaled is not None:
            verdict = "✓" if (scaled >= row.goal) == row.least else "✗"
    cells = [
        f"{row.label} ({row.unit})",
        _number(left, row.scale),
        _number(right, row.scale),
        "" if ratio is None else f"{ratio:.2f}",
        goal,
        verdict,
    ]
    return "| " + " | ".join(cells) + " |"


def _number(values: list[float], scale: float) -> str:
    if not values:
        return ""
    value = median(values) * scale
    return f"{value:,.0f}" if value >= 100 else f"{value:.2f}" if value < 10 else f"{value:.1f}"


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else "unknown"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _memory_gib() -> float:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
