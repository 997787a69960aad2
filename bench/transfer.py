"""How fast a model is pulled, against plain ``curl`` and ``sha256sum`` of the same blob.

    python -m bench.transfer [--megabytes 2000] [--repeats 3] [--folder DIR]

A docker-registry on a loopback port holds one synthetic model. Each round writes out the page
cache, then takes the time of ``curl`` to a file followed by ``sha256sum``, and that of a
pull through a server process of its own, whose memory is read all the while. The two alternate, so
that a machine with other work slows both.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from ollama_server.store.manifest import MEDIA_CONFIG, MEDIA_MODEL, Layer, Manifest
from ollama_server.store.names import Name
from ollama_server.store.store import Store
from ollama_server.transfer.service import TransferService
from tests.unit.transfer.programs import docker_registry, free_port

MEGABYTE = 1 << 20


@dataclass(frozen=True)
class Round:
    """Seconds of both ways, and how much the server grew, in megabytes."""

    curl_seconds: float
    sum_seconds: float
    pull_seconds: float
    growth_megabytes: float

    @property
    def ratio(self) -> float:
        """The pull's speed as a multiple of the plain tools'."""
        return (self.curl_seconds + self.sum_seconds) / self.pull_seconds


def make_model(store: Store, name: Name, megabytes: int) -> str:
    """A model of random bytes; returns the digest of its weights."""
    block = random.Random(megabytes).randbytes(MEGABYTE)
    with store.blobs.writer() as writer:
        for n in range(megabytes):
            # Rotated, so that no two megabytes are equal.
            cut = n % MEGABYTE
            writer.write(block[cut:] + block[:cut])
        weights = writer.commit()
    config = store.blobs.put(b'{"model_format":"gguf"}\n')
    manifest = Manifest(
        config=Layer(MEDIA_CONFIG, config.digest, config.size),
        layers=(Layer(MEDIA_MODEL, weights.digest, weights.size),),
    )
    store.write_manifest(name, manifest)
    return weights.digest


async def push(store: Store, name: Name, key: Path) -> None:
    """Send the model to the registry."""
    service = TransferService(store, key_path=key)
    async for _ in service.push(name, insecure=True):
        pass
    await service.close()


def time_plain_tools(url: str, folder: Path) -> tuple[float, float]:
    """Seconds of ``curl`` and of ``sha256sum``."""
    target = folder / "plain"
    start = time.perf_counter()
    subprocess.run(["curl", "--silent", "--fail", "--output", target, url], check=True)
    fetched = time.perf_counter()
    subprocess.run(["sha256sum", target], check=True, stdout=subprocess.DEVNULL)
    done = time.perf_counter()
    target.unlink()
    return fetched - start, done - fetched


@contextmanager
def running_server(folder: Path) -> Iterator[tuple[str, int]]:
    """A server with an empty store; yields its URL and its process."""
    port = free_port()
    environment = {
        **os.environ,
        "HOME": str(folder),
        "OLLAMA_HOST": f"127.0.0.1:{port}",
        "OLLAMA_MODELS": str(folder / "models"),
        "OLLAMA_NO_EMBEDDED_MODEL": "1",
        "NO_PROXY": "127.0.0.1",
    }
    command = [sys.executable, "-m", "ollama_server", "serve"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    url = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + 180
        while True:
            try:
                httpx.get(url, trust_env=False).raise_for_status()
                break
            except httpx.HTTPError:
                if time.monotonic() > deadline or process.poll() is not None:
                    raise
                time.sleep(0.05)
        yield url, process.pid
    finally:
        process.terminate()
        process.wait(20)


def resident_megabytes(process: int) -> float:
    """Memory of a process at the moment."""
    status = Path(f"/proc/{process}/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmRSS:"))
    return int(line.split()[1]) / 1024


def time_pull(name: Name, folder: Path) -> tuple[float, float]:
    """Seconds of a pull over the API, and the server's growth in megabytes while it lasted."""
    folder.mkdir()
    with running_server(folder) as (url, process):
        # A first, failing pull loads what any pull loads: certificates, threads, modules.
        warm = {"model": f"http://{name.host}/bench/none", "insecure": True}
        httpx.post(f"{url}/api/pull", json=warm, timeout=60, trust_env=False)
        before = peak = resident_megabytes(process)
        body = {"model": f"http://{name.full}", "insecure": True}
        start = time.perf_counter()
        with httpx.stream(
            "POST", f"{url}/api/pull", json=body, timeout=600, trust_env=False
        ) as response:
            last = {}
            for line in response.iter_lines():
                last = json.loads(line)
                peak = max(peak, resident_megabytes(process))
        seconds = time.perf_counter() - start
    if last != {"status": "success"}:
        raise SystemExit(f"the pull failed: {last}")
    return seconds, peak - before


def flush(folder: Path) -> None:
    """Write out what the last step left in the page cache, of this file system alone."""
    subprocess.run(["sync", "--file-system", folder], check=True)


def measure(folder: Path, megabytes: int, repeats: int) -> list[Round]:
    """All rounds."""
    rounds = []
    with docker_registry(folder / "registry") as registry:
        name = Name.parse(f"{registry.host}/bench/model:v1")
        origin = Store(folder / "origin")
        digest = make_model(origin, name, megabytes)
        asyncio.run(push(origin, name, folder / "key"))
        url = f"http://{registry.host}/v2/bench/model/blobs/{digest}"
        for n in range(repeats):
            flush(folder)
            plain = time_plain_tools(url, folder)
            flush(folder)
            server = folder / f"server{n}"
            rounds.append(Round(*plain, *time_pull(name, server)))
            print(describe(rounds[-1]), flush=True)
            Store(server / "models").delete(name)
    return rounds


def describe(found: Round) -> str:
    """One line of the report."""
    return (
        f"curl {found.curl_seconds:6.2f} s + sha256sum {found.sum_seconds:6.2f} s   "
        f"pull {found.pull_seconds:6.2f} s   ratio {found.ratio:5.2f}   "
        f"memory +{found.growth_megabytes:5.1f} MB"
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=int, default=2000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--folder", type=Path, help="a disk with room for four times the model")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        rounds = measure(Path(folder), arguments.megabytes, arguments.repeats)
    print(
        f"median ratio {statistics.median(r.ratio for r in rounds):.2f} (wanted: 0.7 or more), "
        f"largest growth {max(r.growth_megabytes for r in rounds):.1f} MB (wanted: below 64)"
    )


if __name__ == "__main__":
    main()
