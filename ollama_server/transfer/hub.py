"""The Hugging Face hub, through huggingface-hub.

The library knows the hub: its API, tokens (HF_TOKEN or a saved login), endpoints (HF_ENDPOINT),
errors and cache. Small files come through its cache. Large ones are only located by it and then
fetched like any other blob, because that download is shared between clients, can be cancelled,
checks the digest, and writes straight into the store instead of keeping a second copy in the cache.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import huggingface_hub
from huggingface_hub import constants
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
)

from ollama_server.errors import TransferError
from ollama_server.store.blobs import Blobs, digest_file
from ollama_server.store.names import Name
from ollama_server.transfer.net import Refused, Unreachable, cause
from ollama_server.transfer.quants import RepoFile
from ollama_server.transfer.registry import Location
from ollama_server.transfer.threads import Threads

HOSTS = frozenset({"hf.co", "huggingface.co"})

_TIMEOUT_SECONDS = 30.0
_REVISION = "main"


@dataclass(frozen=True, slots=True)
class Repository:
    """A model repository at one commit."""

    id: str
    commit: str
    files: tuple[RepoFile, ...]

    def find(self, path: str) -> RepoFile | None:
        """The file at ``path``, or None."""
        return next((file for file in self.files if file.path == path), None)


class Hub:
    """The hub as this server's account sees it. All methods are for the event loop."""

    def __init__(self, threads: Threads) -> None:
        self._threads = threads

    @property
    def endpoint(self) -> str:
        """Where the hub is: HF_ENDPOINT, or the public one."""
        return (os.environ.get("HF_ENDPOINT") or constants.ENDPOINT).rstrip("/")

    async def repository(self, name: Name) -> Repository:
        """The repository that ``name`` means. Raises TransferError."""
        endpoint = self.endpoint

        def ask() -> Any:
            with _hub_errors(name.repository, endpoint):
                api = huggingface_hub.HfApi(endpoint=endpoint)
                return api.model_info(
                    name.repository,
                    revision=_REVISION,
                    files_metadata=True,
                    timeout=_TIMEOUT_SECONDS,
                )

        info = await self._threads.run(ask)
        files = tuple(_repo_file(sibling) for sibling in info.siblings or ())
        return Repository(info.id or name.repository, info.sha or _REVISION, files)

    async def small_file(self, repository: Repository, file: RepoFile) -> Path:
        """A file by way of the hub's cache: where it lies there. Raises TransferError."""
        endpoint = self.endpoint

        def fetch() -> Path:
            with _hub_errors(repository.id, endpoint):
                found = huggingface_hub.hf_hub_download(
                    repository.id,
                    file.path,
                    revision=repository.commit,
                    endpoint=endpoint,
                    etag_timeout=_TIMEOUT_SECONDS,
                )
            return Path(found)

        return await self._threads.run(fetch)

    async def adopt_cached(self, repository: Repository, file: RepoFile, blobs: Blobs) -> bool:
        """Link a large file into the store when the hub's cache has it already, unharmed."""

        def adopt() -> bool:
            found = huggingface_hub.try_to_load_from_cache(
                repository.id, file.path, revision=repository.commit
            )
            if not isinstance(found, str) or digest_file(Path(found)) != f"sha256:{file.sha256}":
                return False
            blobs.link(Path(found))
            return True

        return await self._threads.run(adopt)

    def source(self, repository: Repository, file: RepoFile) -> HubFile:
        """A large file as a source of a blob's bytes."""
        return HubFile(self, repository, file)

    async def locate(self, repository: Repository, file: RepoFile) -> Location:
        """Where the bytes of a file are at the moment. Raises TransferError."""
        endpoint = self.endpoint

        def ask() -> Location:
            token = huggingface_hub.get_token()
            url = huggingface_hub.hf_hub_url(
                repository.id, file.path, revision=repository.commit, endpoint=endpoint
            )
            with _hub_errors(repository.id, endpoint):
                found = huggingface_hub.get_hf_file_metadata(
                    url, token=token, timeout=_TIMEOUT_SECONDS, endpoint=endpoint
                )
            at_home = urlsplit(found.location).netloc == urlsplit(endpoint).netloc
            # A storage elsewhere has its permission in the URL; the token is none of its business.
            headers = {"Authorization": f"Bearer {token}"} if token and at_home else {}
            return Location(found.location, headers)

        return await self._threads.run(ask)


class HubFile:
    """A ``download.Source``."""

    def __init__(self, hub: Hub, repository: Repository, file: RepoFile) -> None:
        self._hub = hub
        self._repository = repository
        self._file = file

    async def size(self) -> int:
        return self._file.size

    async def locate(self) -> Location:
        return await self._hub.locate(self._repository, self._file)


def _repo_file(sibling: Any) -> RepoFile:
    lfs = sibling.lfs
    size = (lfs.size if lfs else None) or sibling.size or 0
    return RepoFile(sibling.rfilename, size, lfs.sha256 if lfs else "")


@contextlib.contextmanager
def _hub_errors(repository: str, endpoint: str) -> Iterator[None]:
    """Say what happened in words that lead out of it."""
    page = f"{endpoint}/{repository}"
    try:
        yield
    except GatedRepoError as error:
        raise TransferError(
            f"403: {repository} is a gated repository: ask for access at {page}, then give the "
            f"server a token of that account in HF_TOKEN (made at {endpoint}/settings/tokens) "
            "and pull again"
        ) from error
    except RepositoryNotFoundError as error:
        raise TransferError(
            f"404: {repository} is not at {endpoint}, or it is private: check the name, or give "
            "the server a token that may read it in HF_TOKEN"
        ) from error
    except HfHubHTTPError as error:
        raise _refused(error) from error
    except (LocalEntryNotFoundError, OfflineModeIsEnabled, httpx.HTTPError, OSError) as error:
        raise Unreachable(f'Get "{page}": {cause(error)}') from error


def _refused(error: HfHubHTTPError) -> Refused:
    response = getattr(error, "response", None)
    status = response.status_code if response is not None else 502
    text = error.server_message or str(error).strip().splitlines()[0]
    if status == 401:
        text = f"{text} (the token in HF_TOKEN is not valid)"
    return Refused(status, text)
