"""Push to and pull from a real registry: Debian's docker-registry on a loopback port."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ollama_server.errors import TransferError
from ollama_server.store.fsck import check_store
from ollama_server.store.manifest import (
    MEDIA_CONFIG,
    MEDIA_MODEL,
    MEDIA_SYSTEM,
    Layer,
    Manifest,
)
from ollama_server.store.names import Name
from ollama_server.store.store import Store
from ollama_server.transfer.service import TransferService
from tests.unit.transfer.conftest import frames_of, name_at, running_service, statuses
from tests.unit.transfer.cutting import cutting_proxy
from tests.unit.transfer.ggufs import gguf
from tests.unit.transfer.programs import DockerRegistry, needs_registry

pytestmark = [pytest.mark.anyio, pytest.mark.registry, needs_registry]

KILLS = int(os.environ.get("OLLAMA_TEST_KILLS", "4"))
MEGABYTE = 1 << 20


def install(store: Store, name: Name, seed: int, size: int = 3 * MEGABYTE) -> Manifest:
    """A model of ``size`` random bytes under ``name``."""
    data = gguf(seed, rows=size // 128)
    layers = []
    for media_type, content in (
        (MEDIA_MODEL, data),
        (MEDIA_SYSTEM, f"number {seed}".encode()),
        (MEDIA_CONFIG, b'{"model_format":"gguf"}\n'),
    ):
        stored = store.blobs.put(content)
        layers.append(Layer(media_type, stored.digest, stored.size))
    manifest = Manifest(config=layers[-1], layers=tuple(layers[:-1]))
    store.write_manifest(name, manifest)
    return manifest


def contents(store: Store, manifest: Manifest) -> dict[str, bytes]:
    return {digest: store.blobs.read(digest) for digest in manifest.digests}


async def push(service: TransferService, name: Name) -> list[str]:
    return await statuses(service.push(name, insecure=True))


async def pull(service: TransferService, name: Name) -> list[str]:
    return await statuses(service.pull(name, insecure=True))


async def test_pushed_and_deleted_model_comes_back_byte_for_byte(
    docker: DockerRegistry, store: Store, service: TransferService
) -> None:
    name = name_at(docker.host, "round/trip:v1")
    manifest = install(store, name, seed=1)
    before = contents(store, manifest)
    assert (await push(service, name))[-2:] == ["pushing manifest", "success"]
    store.delete(name)
    assert not any(store.blobs.has(digest) for digest in manifest.digests)
    assert (await pull(service, name))[-1] == "success"
    assert contents(store, manifest) == before
    assert store.resolve(name).manifest == manifest


async def test_second_push_sends_nothing_again(
    docker: DockerRegistry, store: Store, service: TransferService
) -> None:
    name = name_at(docker.host, "twice/pushed:v1")
    install(store, name, seed=2)
    await push(service, name)
    frames = await frames_of(service.push(name, insecure=True))
    assert [frame for frame in frames if frame.completed != frame.total] == []
    assert len(frames) == 6


async def test_layer_of_another_repository_is_mounted(
    docker: DockerRegistry, store: Store, service: TransferService
) -> None:
    base = name_at(docker.host, "mount/base:v1")
    manifest = install(store, base, seed=3)
    await push(service, base)
    derived = name_at(docker.host, "mount/derived:v1")
    layers = tuple(
        Layer(layer.media_type, layer.digest, layer.size, from_=base.short)
        for layer in manifest.layers
    )
    store.write_manifest(derived, Manifest(config=manifest.config, layers=layers))
    await push(service, derived)
    store.delete(derived)
    await pull(service, derived)
    assert store.resolve(derived).manifest.layers == layers


@pytest.mark.parametrize("seed", range(3))
async def test_pull_survives_connections_cut_at_random_offsets(
    docker: DockerRegistry, store: Store, service: TransferService, tmp_path: Path, seed: int
) -> None:
    name = name_at(docker.host, f"cut/pull{seed}:v1")
    manifest = install(store, name, seed=10 + seed)
    await push(service, name)
    other = Store(tmp_path / "other")
    async with (
        cutting_proxy(docker.port, seed=seed, reach=MEGABYTE) as proxy,
        running_service(other) as puller,
    ):
        through = name_at(proxy.host, f"cut/pull{seed}:v1")
        assert (await pull(puller, through))[-1] == "success"
        assert proxy.cuts > 0
    assert contents(other, manifest) == contents(store, manifest)


@pytest.mark.parametrize("seed", range(3))
async def test_push_survives_connections_cut_at_random_offsets(
    docker: DockerRegistry, store: Store, service: TransferService, seed: int
) -> None:
    name = name_at(docker.host, f"cut/push{seed}:v1")
    manifest = install(store, name, seed=20 + seed)
    before = contents(store, manifest)
    async with cutting_proxy(docker.port, seed=seed + 1, reach=4 * MEGABYTE) as proxy:
        through = name_at(proxy.host, f"cut/push{seed}:v1")
        store.write_manifest(through, manifest)
        assert (await push(service, through))[-1] == "success"
        assert proxy.cuts > 0
        store.delete(through)
    store.delete(name)
    await pull(service, name)
    assert contents(store, manifest) == before


async def test_wrong_byte_in_the_registry_is_found_before_anything_is_visible(
    docker: DockerRegistry, store: Store, service: TransferService
) -> None:
    name = name_at(docker.host, "wrong/byte:v1")
    manifest = install(store, name, seed=30)
    await push(service, name)
    store.delete(name)
    digest = manifest.layers[0].digest
    flip_a_bit(docker.blob_path(digest), 1_234_567)
    with pytest.raises(TransferError, match=r"^digest mismatch, file must be downloaded again"):
        await pull(service, name)
    assert store.list() == []
    assert not store.blobs.has(digest)
    flip_a_bit(docker.blob_path(digest), 1_234_567)
    assert (await pull(service, name))[-1] == "success"


def flip_a_bit(path: Path, offset: int) -> None:
    data = bytearray(path.read_bytes())
    data[offset] ^= 1
    path.write_bytes(data)


async def test_four_clients_pull_the_same_model_at_once(
    docker: DockerRegistry, store: Store, service: TransferService
) -> None:
    name = name_at(docker.host, "four/clients:v1")
    manifest = install(store, name, seed=40)
    before = contents(store, manifest)
    await push(service, name)
    store.delete(name)
    results = await asyncio.gather(*(pull(service, name) for _ in range(4)))
    assert [found[-1] for found in results] == ["success"] * 4
    assert contents(store, manifest) == before


async def test_deleting_another_model_takes_no_blob_from_a_running_pull(
    docker: DockerRegistry, store: Store, service: TransferService
) -> None:
    name = name_at(docker.host, "shared/layers:v1")
    manifest = install(store, name, seed=50)
    await push(service, name)
    store.copy(name, Name.parse("twin"))
    store.delete(name)
    frames = service.pull(name, insecure=True)
    async for frame in frames:
        if frame.status.startswith("pulling sha") or frame.digest:
            store.delete(Name.parse("twin"))
            break
    async for _ in frames:
        pass
    assert contents(store, manifest).keys() == manifest.digests


_PULLER = """
import asyncio, sys
from pathlib import Path
from ollama_server.store.names import Name
from ollama_server.store.store import Store
from ollama_server.transfer.service import TransferService

async def main(root, name):
    service = TransferService(Store(Path(root)), key_path=Path(root) / "key")
    print("ready", flush=True)
    async for frame in service.pull(Name.parse(name), insecure=True):
        print(frame.status, flush=True)
    await service.close()

asyncio.run(main(*sys.argv[1:]))
"""


def kill_a_pull(root: Path, name: Name, after_seconds: float) -> None:
    """Pull in a process of its own that is killed a while after it has begun."""
    process = subprocess.Popen(
        [sys.executable, "-c", _PULLER, str(root), name.full], stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    try:
        process.wait(after_seconds)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
    process.stdout.close()
    process.wait()


def assert_nothing_partial_is_visible(store: Store) -> None:
    errors = [finding for finding in check_store(store) if finding.severity == "error"]
    assert errors == []


@pytest.mark.timeout(1200)
async def test_one_more_pull_repairs_what_a_kill_left_behind(
    docker: DockerRegistry, store: Store, service: TransferService, tmp_path: Path
) -> None:
    name = name_at(docker.host, "killed/often:v1")
    manifest = install(store, name, seed=60, size=32 * MEGABYTE)
    await push(service, name)
    generator = random.Random(KILLS)
    for round_number in range(KILLS):
        victim = Store(tmp_path / f"victim{round_number}")
        for _ in range(generator.randrange(1, 3)):
            kill_a_pull(victim.root, name, generator.uniform(0.0, 0.7))
            assert_nothing_partial_is_visible(victim)
        async with running_service(victim) as again:
            assert (await pull(again, name))[-1] == "success"
        assert_nothing_partial_is_visible(victim)
        assert contents(victim, manifest) == contents(store, manifest)
        assert not list(victim.blobs.root.glob("*-partial*"))
