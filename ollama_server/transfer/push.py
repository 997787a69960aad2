"""Pushing a model to a registry, frame by frame."""

from __future__ import annotations

from dataclasses import dataclass

import httpx

from ollama_server.errors import ModelNotFound, TransferError
from ollama_server.store.manifest import Layer
from ollama_server.store.names import Name
from ollama_server.store.progress import Progress
from ollama_server.store.store import Entry, Store
from ollama_server.transfer.download import Retry
from ollama_server.transfer.frames import Frames, frames_of, short_digest
from ollama_server.transfer.registry import Registry
from ollama_server.transfer.shared import SharedTransfers
from ollama_server.transfer.threads import Threads
from ollama_server.transfer.upload import BlobUpload


@dataclass(slots=True)
class Uploads:
    """What all pushes of one server share."""

    store: Store
    client: httpx.AsyncClient
    threads: Threads
    shared: SharedTransfers[BlobUpload]
    retry: Retry
    streams: int = 0


async def push_to_registry(uploads: Uploads, registry: Registry, name: Name) -> Frames:
    """Frames of a push of ``name``. Raises TransferError or StoreError."""
    yield Progress("retrieving manifest")
    entry = _installed(uploads.store, name)
    if isinstance(entry, TransferError):
        yield Progress("couldn't retrieve manifest")
        raise entry
    with uploads.store.pins() as pins:
        pins.hold(*entry.manifest.digests)
        for layer in (*entry.manifest.layers, entry.manifest.config):
            if layer.digest:
                async for frame in _push_blob(uploads, registry, name, layer):
                    yield frame
        yield Progress("pushing manifest")
        await registry.put_manifest(name.tag, entry.manifest.dump().rstrip(b"\n"))
    yield Progress("success")


def _installed(store: Store, name: Name) -> Entry | TransferError:
    if not name.is_valid:
        return TransferError(f"unqualified name: {name.full}")
    try:
        return store.resolve(name)
    except ModelNotFound:
        path = store.manifests / name.path
        return TransferError(f"open {path}: no such file or directory")


async def _push_blob(uploads: Uploads, registry: Registry, name: Name, layer: Layer) -> Frames:
    status = f"pushing {short_digest(layer.digest)}"
    if await registry.has_blob(layer.digest):
        yield Progress(status, layer.digest, layer.size, layer.size)
        return

    def start() -> BlobUpload:
        return BlobUpload(
            registry,
            layer.digest,
            uploads.store.blobs.path(layer.digest),
            mount_from=_mountable(layer, name),
            threads=uploads.threads,
            retry=uploads.retry,
            streams=uploads.streams,
        )

    key = f"{registry.repository}@{layer.digest}"
    async with uploads.shared.join(key, start) as running:
        async for frame in frames_of(running, status):
            yield frame
        await running.result()
    yield Progress(status, layer.digest, layer.size, layer.size)


def _mountable(layer: Layer, name: Name) -> str:
    """The repository of this registry in which the blob may lie already."""
    source = Name.parse(layer.from_)
    if not layer.from_ or not source.is_valid or source.host.lower() != name.host.lower():
        return ""
    return source.repository
