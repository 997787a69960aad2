"""What there is to load models into: GPUs, as llama.cpp sees them, and main memory."""

from __future__ import annotations

import asyncio
import functools
import importlib.util
import logging
import os
import re
from pathlib import Path

import msgspec

from ollama_server.engine import launch

log = logging.getLogger(__name__)

_GIB = 1 << 30
_TIMEOUT_SECONDS = 60.0
_GLIBC_THAT_ASKS = (2, 35)
_CPU_LIBRARY = re.compile(r"(lib)?ggml-(base|blas|cpu)\b")


class Device(msgspec.Struct, frozen=True):
    """A GPU as llama.cpp sees it; memory in bytes."""

    name: str
    description: str = ""
    type: str = "gpu"
    total: int = 0
    free: int = 0


class _Report(msgspec.Struct):
    devices: list[Device]
    gpu_offload: bool


_decode = msgspec.json.Decoder(_Report).decode


async def find_gpus() -> list[Device]:
    """All GPUs; none when the engine was built without a GPU backend, or cannot tell.

    Raises OSError when no process can be started to ask it.
    """
    if _is_built_without_gpu():
        return []
    process = await asyncio.create_subprocess_exec(
        *launch.COMMAND,
        "--devices",
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        output, _ = await asyncio.wait_for(process.communicate(), _TIMEOUT_SECONDS)
        report = _decode(output)
    except (TimeoutError, msgspec.DecodeError) as error:
        log.warning("cannot find out about GPUs: %s", error)
        return []
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if not report.gpu_offload:
        return []
    return [device for device in report.devices if device.type in ("gpu", "igpu")]


def _is_built_without_gpu() -> bool:
    """Whether llama.cpp's libraries are there and none of them is for a GPU: saves a process."""
    spec = importlib.util.find_spec("llama_cpp")
    if spec is None or spec.origin is None:
        return False
    libraries = {path.name for path in (Path(spec.origin).parent / "lib").glob("*ggml-*")}
    others = [name for name in libraries if not _CPU_LIBRARY.match(name)]
    return bool(libraries) and not others


def automatic_context(gpus: list[Device], overhead: int) -> int:
    """Ollama's default num_ctx for these GPUs, ``overhead`` bytes of each left out."""
    total = sum(max(0, gpu.total - overhead) for gpu in gpus)
    if total >= 47 * _GIB:
        return 262144
    return 32768 if total >= 23 * _GIB else 4096


def available_memory() -> int:
    """Bytes of main memory a new process can have: the machine's, within this cgroup's limit."""
    available = _meminfo("MemAvailable") + _meminfo("SwapFree")
    limit = _cgroup_room()
    return min(available, limit) if limit is not None else available


@functools.cache
def has_huge_pages() -> bool:
    """Whether Linux gives huge pages to what asks for them, as engine/launch.py does."""
    try:
        policy = Path("/sys/kernel/mm/transparent_hugepage/enabled").read_text()
        library = os.confstr("CS_GNU_LIBC_VERSION") or ""
    except (OSError, ValueError):
        return False
    return gives_huge_pages(policy, library)


def gives_huge_pages(policy: str, library: str) -> bool:
    """The same from Linux's ``policy`` and the C ``library``, as in "glibc 2.36"."""
    if "[always]" in policy:
        return True
    name, _, version = library.partition(" ")
    release = tuple(int(part) for part in version.split(".") if part.isdigit())
    return "[madvise]" in policy and name == "glibc" and release >= _GLIBC_THAT_ASKS


def _meminfo(key: str) -> int:
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:
        return 1 << 62  # not Linux: no limit known
    for line in lines:
        name, _, value = line.partition(":")
        if name == key:
            return int(value.split()[0]) * 1024
    return 0


def _cgroup_room() -> int | None:
    folder = Path("/sys/fs/cgroup")
    for limit_name, used_name in (
        ("memory.max", "memory.current"),
        ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes"),
    ):
        try:
            limit = (folder / limit_name).read_text().strip()
            used = (folder / used_name).read_text().strip()
        except OSError:
            continue
        if limit.isdigit() and int(limit) < 1 << 60:
            return max(0, int(limit) - int(used)) + _reclaimable(folder)
    return None


def _reclaimable(folder: Path) -> int:
    """Page cache counts as used in a cgroup, but it goes when memory is wanted."""
    try:
        lines = (folder / "memory.stat").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith("inactive_file "))
