"""How a runner process is started: its command, and the environment its libraries want."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping

COMMAND = (sys.executable, "-m", "ollama_server.engine")
HUGE_PAGES = "glibc.malloc.hugetlb"


def environment(base: Mapping[str, str] = os.environ) -> dict[str, str]:
    """``base`` with what is read when libraries are loaded; a choice that is there stays.

    OpenMP's threads wait at some hundred barriers a token, by default in a busy loop of
    milliseconds. That keeps the core from the very thread that is waited for as soon as anything
    else runs on the machine. A short loop is as fast alone and about ten times faster beside a busy
    neighbour (docs/performance.md).

    Every token reads all weights, and in pages of 4 KiB their addresses cost a twentieth of the
    time: malloc asks Linux for huge ones.
    """
    made = dict(base)
    if "OMP_WAIT_POLICY" not in made:
        made.setdefault("GOMP_SPINCOUNT", "10000")
    # An abort in llama.cpp would start a debugger for a backtrace, while all clients wait.
    made.setdefault("GGML_NO_BACKTRACE", "1")
    tunables = made.get("GLIBC_TUNABLES", "")
    if HUGE_PAGES not in tunables:
        made["GLIBC_TUNABLES"] = ":".join(filter(None, [tunables, f"{HUGE_PAGES}=1"]))
    return made
