"""Pulling a model from the Hugging Face hub: its files become a model as those of a create do."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from ollama_server.errors import ModelNotFound, ServerError, TransferError
from ollama_server.store.create import Hooks, create
from ollama_server.store.create_request import CreateRequest, check_request
from ollama_server.store.job import Job
from ollama_server.store.job import frames as job_frames
from ollama_server.store.manifest import MEDIA_MODEL, Layer
from ollama_server.store.names import Name
from ollama_server.store.progress import Progress
from ollama_server.store.store import Store
from ollama_server.transfer.frames import Frames
from ollama_server.transfer.hub import Hub, Repository
from ollama_server.transfer.pull import BlobFetcher, Downloads
from ollama_server.transfer.quants import Choice, RepoFile, choose

# Frames of a create that a pull does not have.
_QUIET = ("parsing GGUF", "creating new layer", "using existing layer", "using autodetected")
_MAX_TEXT = 4 << 20
# Separates a derived model's source file from what it was derived from; no file name has it.
_MARK = "#"


async def pull_from_hub(downloads: Downloads, hub: Hub, name: Name, hooks: Hooks) -> Frames:
    """Frames of a pull of ``name`` from the hub. Raises TransferError or StoreError."""
    yield Progress("pulling manifest")
    try:
        repository = await hub.repository(name)
        choice = choose(repository.files, name.tag)
        request = await _texts(hub, repository, name)
    except ServerError as error:
        raise TransferError(f"pull model manifest: {error}") from error
    recipe = _recipe(choice, request)
    installed = _derived_before(downloads.store, name, recipe) if choice.is_derived else []
    if installed:
        for frame in _unchanged(installed):
            yield frame
        return
    before = {f"sha256:{f.sha256}" for f in choice.files if _has(downloads.store, f)}
    with downloads.store.pins() as pins:
        pins.hold(*(f"sha256:{file.sha256}" for file in choice.files if file.sha256))
        async with BlobFetcher(downloads) as fetcher:
            files: dict[str, str] = {}
            for file in choice.files:
                if file.sha256:
                    files[_label(file, choice)] = f"sha256:{file.sha256}"
                    await _adopt_cached(downloads, hub, repository, file)
                    source = hub.source(repository, file)
                    async for frame in fetcher.fetch(f"sha256:{file.sha256}", source):
                        yield frame
                else:
                    path = await hub.small_file(repository, file)
                    stored = downloads.store.blobs.put(path.read_bytes())
                    pins.hold(stored.digest)
                    files[_label(file, choice)] = stored.digest
            yield Progress("verifying sha256 digest")
            await fetcher.verified()
        request.files = files
        request.quantize = choice.quantize
        async for frame in _make(downloads, request, hooks):
            yield frame
        if choice.is_derived:
            await downloads.threads.run(lambda: _mark(downloads.store, name, recipe))
    # Parts of a split model and safetensors have done their duty.
    leftovers = set(files.values()) - before
    await downloads.threads.run(lambda: downloads.store.remove_unused(leftovers))
    yield Progress("success")


async def _adopt_cached(
    downloads: Downloads, hub: Hub, repository: Repository, file: RepoFile
) -> None:
    if not _has(downloads.store, file):
        await hub.adopt_cached(repository, file, downloads.store.blobs)


async def _texts(hub: Hub, repository: Repository, name: Name) -> CreateRequest:
    """The request that the repository's own ``template``, ``system`` and ``params`` make."""
    request = CreateRequest(model=name.full)
    for path in ("template", "system", "params"):
        file = repository.find(path)
        if file is None:
            continue
        if file.size > _MAX_TEXT:
            raise TransferError(f"400: the file {path} of {repository.id} is too large")
        text = (await hub.small_file(repository, file)).read_text("utf-8", "replace")
        if path == "params":
            request.parameters = _parameters(text, repository.id)
        else:
            setattr(request, path, text)
    return request


def _parameters(text: str, repository: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError as error:
        raise TransferError(f"400: the file params of {repository} is no JSON: {error}") from error
    if not isinstance(value, dict):
        raise TransferError(f"400: the file params of {repository} is no JSON object")
    return value


async def _make(downloads: Downloads, request: CreateRequest, hooks: Hooks) -> Frames:
    """Create the model out of its files; the frames that say something to whoever pulls."""
    plan = check_request(request)
    store = downloads.store

    def work(job: Job) -> None:
        create(store, plan, hooks, job, prune=downloads.prune)

    async for frame in job_frames(work):
        if frame.status != "success" and not frame.status.startswith(_QUIET):
            yield frame


def _label(file: RepoFile, choice: Choice) -> str:
    """The name under which create sees a file: folders matter only around safetensors."""
    return file.path if choice.quantize else file.name


def _has(store: Store, file: RepoFile) -> bool:
    return bool(file.sha256) and store.blobs.has(f"sha256:{file.sha256}")


def _recipe(choice: Choice, request: CreateRequest) -> str:
    """A key that changes with everything that a derived model is made from."""
    parts: Iterable[object] = (
        sorted((file.path, file.sha256, file.size) for file in choice.files),
        choice.quantize,
        request.template,
        request.system,
        request.parameters,
    )
    return hashlib.sha256(json.dumps([*parts], sort_keys=True).encode()).hexdigest()[:16]


def _derived_before(store: Store, name: Name, recipe: str) -> list[Layer]:
    """The layers of the installed model, if it was made by this very recipe and is complete."""
    try:
        manifest = store.resolve(name).manifest
    except ModelNotFound:
        return []
    models = manifest.of_type(MEDIA_MODEL)
    made = any(layer.from_.endswith(_MARK + recipe) for layer in models)
    complete = all(store.blobs.has(digest) for digest in manifest.digests)
    return [*manifest.layers, manifest.config] if made and complete else []


def _mark(store: Store, name: Name, recipe: str) -> None:
    """Note in the manifest what the weights were made from: the next pull compares it."""
    entry = store.resolve(name)
    layers = tuple(
        replace(layer, from_=f"{layer.from_.partition(_MARK)[0]}{_MARK}{recipe}")
        if layer.media_type == MEDIA_MODEL
        else layer
        for layer in entry.manifest.layers
    )
    store.write_manifest(entry.name, replace(entry.manifest, layers=layers))


def _unchanged(layers: list[Layer]) -> Iterable[Progress]:
    for layer in layers:
        status = f"pulling {layer.digest.removeprefix('sha256:')[:12]}"
        yield Progress(status, layer.digest, layer.size, layer.size)
    yield Progress("verifying sha256 digest")
    yield Progress("writing manifest")
    yield Progress("success")
