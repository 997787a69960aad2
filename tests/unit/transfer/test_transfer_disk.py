"""Pulls onto a disk that is full or read-only: nothing partial is visible, the error says why."""

from __future__ import annotations

import random
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from ollama_server.errors import StoreError
from ollama_server.store.store import Store
from ollama_server.transfer.parts import PartialFile, divide
from tests.unit.transfer.conftest import frames_of, name_at, running_service
from tests.unit.transfer.local_registry import LocalRegistry, sha256

pytestmark = pytest.mark.anyio

WEIGHTS = random.Random(5).randbytes(3 << 20)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of one megabyte, which takes the right to mount."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if not mount("-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)):
        pytest.skip("mounting a small file system takes root: run the tests as root")
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)


def mount(*arguments: str) -> bool:
    try:
        done = subprocess.run(["mount", *arguments], check=False, capture_output=True)
    except FileNotFoundError:
        return False
    return done.returncode == 0


async def pull(store: Store, registry: LocalRegistry) -> None:
    async with running_service(store) as service:
        await frames_of(service.pull(name_at(registry.host, "ns/m:t"), insecure=True))


async def test_model_that_cannot_fit_is_refused_before_its_first_byte(
    registry: LocalRegistry, small_disk: Path
) -> None:
    registry.add_model("ns/m", "t", WEIGHTS)
    store = Store(small_disk / "models")
    with pytest.raises(StoreError, match=r"^no space left on device: .* \(3,145,728 bytes needed"):
        await pull(store, registry)
    assert not registry.asked("GET", "^/storage/")
    assert store.list() == []


async def test_disk_that_fills_up_on_the_way_ends_the_pull_and_a_larger_one_resumes_it(
    registry: LocalRegistry, small_disk: Path
) -> None:
    registry.add_model("ns/m", "t", WEIGHTS)
    store = Store(small_disk / "models")
    # The plan of an earlier pull, from a time when there was room.
    PartialFile(store.blobs, sha256(WEIGHTS)).create(divide(len(WEIGHTS)), len(WEIGHTS))
    with pytest.raises(StoreError, match=r"^no space left on device: the disk that holds"):
        await pull(store, registry)
    assert store.list() == []
    assert not store.blobs.has(sha256(WEIGHTS))
    assert mount("-o", "remount,size=16m", str(small_disk))
    await pull(store, registry)
    assert store.blobs.read(sha256(WEIGHTS)) == WEIGHTS
    resumed = registry.asked("GET", "^/storage/")[-2:]
    assert all(seen.headers["range"] != f"bytes=0-{len(WEIGHTS) - 1}" for seen in resumed)


async def test_read_only_store_is_named_as_such(registry: LocalRegistry, small_disk: Path) -> None:
    registry.add_model("ns/m", "t", WEIGHTS[:1000])
    assert mount("-o", "remount,ro", str(small_disk))
    with pytest.raises(StoreError, match=r"^the model store is on a read-only file system"):
        await pull(Store(small_disk / "models"), registry)
