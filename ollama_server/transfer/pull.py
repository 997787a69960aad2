"""Pulling a model from a registry, frame by frame."""

from __future__ import annotations

import asyncio
import contextlib
from contextlib import AsyncExitStack
from dataclasses import dataclass

import httpx

from ollama_server.errors import BadRequest, ServerError, TransferError
from ollama_server.store import manifest as manifests
from ollama_server.store.blobs import check_digest
from ollama_server.store.manifest import MEDIA_JSON, MEDIA_TENSOR, Layer, Manifest
from ollama_server.store.names import Name
from ollama_server.store.progress import Progress
from ollama_server.store.store import Store
from ollama_server.transfer.download import BlobDownload, Retry, Source
from ollama_server.transfer.frames import Frames, frames_of, short_digest
from ollama_server.transfer.parts import PartialFile
from ollama_server.transfer.registry import Location, Registry
from ollama_server.transfer.shared import Running, SharedTransfers
from ollama_server.transfer.threads import Threads


@dataclass(slots=True)
class Downloads:
    """What all pulls of one server share."""

    store: Store
    client: httpx.AsyncClient
    threads: Threads
    shared: SharedTransfers[BlobDownload]
    retry: Retry
    streams: int = 0
    prune: bool = True


class RegistryBlob:
    """A ``download.Source``: a blob as a registry serves it."""

    def __init__(self, registry: Registry, layer: Layer) -> None:
        self._registry = registry
        self._layer = layer

    async def size(self) -> int:
        size = await self._registry.blob_size(self._layer.digest)
        return self._layer.size if size is None else size

    async def locate(self) -> Location:
        return await self._registry.locate(self._layer.digest)


class BlobFetcher:
    """The blobs of one pull: joined one after the other, verified together."""

    def __init__(self, downloads: Downloads) -> None:
        self._downloads = downloads
        self._stack = AsyncExitStack()
        self._fetched: list[Running[BlobDownload]] = []

    async def __aenter__(self) -> BlobFetcher:
        await self._stack.__aenter__()
        return self

    async def __aexit__(self, *failure: object) -> None:
        await self._stack.aclose()

    async def fetch(self, digest: str, source: Source) -> Frames:
        """Frames until the last byte of the blob is here, or one if it is in the store already."""
        blobs = self._downloads.store.blobs
        status = f"pulling {short_digest(digest)}"
        if blobs.has(digest):
            size = blobs.size(digest)
            blobs.touch(digest)
            # A crash just after the blob got its name leaves the states of its parts.
            with contextlib.suppress(OSError):
                PartialFile(blobs, digest).discard()
            yield Progress(status, digest, size, size)
            return
        running = await self._stack.enter_async_context(
            self._downloads.shared.join(digest, lambda: self._download(digest, source))
        )
        self._fetched.append(running)
        async for frame in frames_of(running, status):
            yield frame

    async def verified(self) -> None:
        """Wait until every fetched blob is in the store or has failed; raises the first failure."""
        results = (running.result() for running in self._fetched)
        failures = await asyncio.gather(*results, return_exceptions=True)
        for failure in failures:
            if failure is not None:
                raise failure

    def _download(self, digest: str, source: Source) -> BlobDownload:
        return BlobDownload(
            source,
            digest,
            self._downloads.store.blobs,
            client=self._downloads.client,
            threads=self._downloads.threads,
            retry=self._downloads.retry,
            streams=self._downloads.streams,
        )


async def pull_from_registry(downloads: Downloads, registry: Registry, name: Name) -> Frames:
    """Frames of a pull of ``name``. Raises TransferError or StoreError."""
    yield Progress("pulling manifest")
    data, manifest = await _manifest(registry, name)
    with downloads.store.pins() as pins:
        pins.hold(*manifest.digests)
        async with BlobFetcher(downloads) as fetcher:
            for layer in (*manifest.layers, manifest.config):
                async for frame in fetcher.fetch(layer.digest, RegistryBlob(registry, layer)):
                    yield frame
            yield Progress("verifying sha256 digest")
            await fetcher.verified()
        async for frame in install(downloads, name, data):
            yield frame


async def install(downloads: Downloads, name: Name, content: bytes | Manifest) -> Frames:
    """The last frames of every pull: the manifest, what it made superfluous, success."""
    store = downloads.store
    before = await downloads.threads.run(lambda: store.digests_of(name))
    yield Progress("writing manifest")
    await downloads.threads.run(lambda: store.write_manifest(name, content))
    if downloads.prune and before:
        unused = before - await downloads.threads.run(store.referenced)
        if unused:
            yield Progress("removing unused layers")
            try:
                await downloads.threads.run(lambda: store.remove_unused(unused))
            except ServerError as error:
                yield Progress(f"couldn't remove unused layers: {error}")
    yield Progress("success")


async def _manifest(registry: Registry, name: Name) -> tuple[bytes, Manifest]:
    try:
        data = await registry.manifest(name.tag)
        manifest = manifests.parse(data)
        if not manifest.config.digest and not manifest.layers:
            raise TransferError(f"{name.short} is not a model but a {manifest.media_type}")
    except ServerError as error:
        raise TransferError(f"pull model manifest: {error}") from error
    for layer in (*manifest.layers, manifest.config):
        if layer.media_type in (MEDIA_TENSOR, MEDIA_JSON):
            raise TransferError(
                "this model requires MLX support, but the MLX runtime is not available"
            )
        if not layer.digest:
            raise TransferError(f"{name.repository}: digest is empty")
        try:
            canonical = check_digest(layer.digest)
        except BadRequest as error:
            raise TransferError(str(error)) from error
        if canonical != layer.digest:
            # Another spelling of a digest would be another file to whoever reads the manifest.
            raise TransferError("invalid digest format")
    return data, manifest
