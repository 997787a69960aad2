"""The door to this package: pull and push by name."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

import httpx

from ollama_server.errors import BadRequest, TransferError
from ollama_server.store.create import Hooks
from ollama_server.store.names import Name, parse_reference
from ollama_server.store.store import Store
from ollama_server.transfer.download import BlobDownload, Retry
from ollama_server.transfer.frames import Frames
from ollama_server.transfer.hub import HOSTS, Hub
from ollama_server.transfer.hub_pull import pull_from_hub
from ollama_server.transfer.keys import KeyPair, load_or_create
from ollama_server.transfer.net import STALL_SECONDS, make_client
from ollama_server.transfer.pull import Downloads, pull_from_registry
from ollama_server.transfer.push import Uploads, push_to_registry
from ollama_server.transfer.registry import Registry
from ollama_server.transfer.shared import SharedTransfers
from ollama_server.transfer.threads import Threads
from ollama_server.transfer.upload import BlobUpload


def pull_name(text: str) -> Name:
    """The name a pull of ``text`` installs: source suffixes resolved. Raises BadRequest."""
    reference = parse_reference(text)
    name = reference.stub if reference.source == "cloud" else reference.name
    if not text.strip() or not name.is_valid:
        raise BadRequest("invalid model name")
    return name


class TransferService:
    """All transfers of one server; equal downloads are shared between its clients.

    ``hooks`` are those of ``/api/create``: what the hub sends becomes a model the same way.
    ``streams`` is the most connections for one file, 0 for as many as are worth it.
    """

    def __init__(
        self,
        store: Store,
        *,
        version: str = "0.0.0",
        prune: bool = True,
        hooks: Hooks | None = None,
        key_path: Path | None = None,
        retry: Retry | None = None,
        streams: int = 0,
        stall_seconds: float = STALL_SECONDS,
    ) -> None:
        self._store = store
        self._version = version
        self._prune = prune
        self._hooks = hooks or Hooks()
        self._key_path = key_path
        self._retry = retry or Retry()
        self._streams = streams
        self._stall_seconds = stall_seconds

    def pull(self, name: Name, *, insecure: bool = False) -> Frames:
        """Frames of a pull; close the iterator to leave early. Raises TransferError, StoreError.

        A registry by plain http without ``insecure`` is refused at once, before any frame.
        """
        if name.host.lower() in HOSTS:
            return pull_from_hub(self._downloads, Hub(self._threads), name, self._hooks)
        return pull_from_registry(self._downloads, self._registry(name, insecure), name)

    def push(self, name: Name, *, insecure: bool = False) -> Frames:
        """Frames of a push; the name may be invalid or unknown, which the stream then says.

        Raises TransferError, StoreError.
        """
        return push_to_registry(self._uploads, self._registry(name, insecure), name)

    async def close(self) -> None:
        """Stop all transfers; each saves how far it came."""
        if "_downloads" in self.__dict__:
            await self._downloads.shared.close()
        if "_uploads" in self.__dict__:
            await self._uploads.shared.close()
        if "_threads" in self.__dict__:
            self._threads.close()
        if "_client" in self.__dict__:
            await self._client.aclose()

    def _registry(self, name: Name, insecure: bool) -> Registry:
        if name.scheme == "http" and not insecure:
            raise TransferError("insecure protocol http")
        return Registry(self._client, name, self._key, insecure=insecure)

    def _key(self) -> KeyPair:
        return load_or_create(self._key_path)[0]

    # Made on first use: a server that never transfers never loads certificates or starts threads.

    @cached_property
    def _client(self) -> httpx.AsyncClient:
        return make_client(self._version, self._stall_seconds)

    @cached_property
    def _downloads(self) -> Downloads:
        shared: SharedTransfers[BlobDownload] = SharedTransfers()
        return Downloads(
            self._store,
            self._client,
            self._threads,
            shared,
            self._retry,
            streams=self._streams,
            prune=self._prune,
        )

    @cached_property
    def _uploads(self) -> Uploads:
        shared: SharedTransfers[BlobUpload] = SharedTransfers()
        return Uploads(
            self._store, self._client, self._threads, shared, self._retry, streams=self._streams
        )

    @cached_property
    def _threads(self) -> Threads:
        return Threads()
