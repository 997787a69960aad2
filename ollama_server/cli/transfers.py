"""``pull``, ``push`` and ``create``: the commands that move bytes."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import typer

from ollama_server.cli.account import check_before_push
from ollama_server.cli.client import Client
from ollama_server.cli.errors import ApiError, CliError
from ollama_server.cli.progress import ProgressView
from ollama_server.errors import ServerError
from ollama_server.store.localfiles import LocalRequest, local_request
from ollama_server.store.modelfile import parse
from ollama_server.store.names import DEFAULT_HOST, Name

_CHUNK = 1 << 20


def pull(client: Client, model: str, *, insecure: bool) -> None:
    """Download a model, with progress."""
    try:
        with ProgressView() as view:
            view.follow(client.stream("/api/pull", {"model": model, "insecure": insecure}))
    except ApiError as error:
        other = f"{model}:cloud"
        if "file does not exist" not in error.message or not _is_known(client, model, other):
            raise
        question = f'Did you mean "{other}"?'
        if not (sys.stdin.isatty() and sys.stderr.isatty()):
            raise CliError(f"{error.message}. {question}") from error
        if not typer.confirm(question, default=True, err=True):
            raise
        pull(client, other, insecure=insecure)


def _is_known(client: Client, model: str, other: str) -> bool:
    """Whether ``other`` exists, for a server with a cloud, and ``model`` may be short for it."""
    if ":" in model or Name.parse(model).host != DEFAULT_HOST:
        return False
    try:
        client.post("/api/show", {"model": other})
    except ApiError:
        return False
    return True


def push(client: Client, model: str, *, insecure: bool) -> None:
    """Upload a model, with progress, and say where it can be found."""
    name = Name.parse(model)
    official = name.host.endswith((".ollama.ai", ".ollama.com"))
    if official:
        check_before_push(client)
    try:
        with ProgressView() as view:
            view.follow(client.stream("/api/push", {"model": model, "insecure": insecure}))
    except ApiError as error:
        if "access denied" in error.message or "unauthorized" in error.message:
            raise CliError(
                "you are not authorized to push to this namespace, "
                "create the model under a namespace you own"
            ) from error
        raise
    where = name.full
    if official:
        where = f"https://ollama.com/{name.short.removesuffix(':latest')}"
    sys.stdout.write(f"\nYou can find your model at:\n\n\t{where}\n")


def create(
    client: Client, model: str, modelfile: Path | None, *, quantize: str, draft_quantize: str
) -> None:
    """Read a Modelfile, upload what it names, create the model."""
    if not Name.parse(model).is_valid:
        raise CliError(f"invalid model name: {model}")
    with ProgressView() as view:
        view.status("gathering model components")
        request = read_modelfile(modelfile)
        for warning in request.warnings:
            sys.stdout.write(f"{warning}\n")
        body: dict[str, Any] = {"model": model, **request.as_dict()}
        for field in ("files", "adapters", "draft_files"):
            paths = getattr(request, field)
            if paths:
                body[field] = upload_all(client, view, paths)
        if quantize:
            body["quantize"] = quantize
        if draft_quantize:
            body["draft_quantize"] = draft_quantize
        view.follow(client.stream("/api/create", body))


def read_modelfile(path: Path | None) -> LocalRequest:
    """The Modelfile at ``path``; without one, ./Modelfile, else the model in this folder."""
    source = path or Path("Modelfile")
    try:
        text = source.read_bytes()  # also of a pipe
    except FileNotFoundError as error:
        if path is not None:
            raise CliError("specified Modelfile wasn't found") from error
        text = b"FROM ."
    try:
        return local_request(parse(text), source.parent.absolute())
    except ServerError as error:
        raise CliError(error.message) from error


def upload_all(client: Client, view: ProgressView, paths: dict[str, Path]) -> dict[str, str]:
    """Send the files that the server lacks; name to digest."""
    with ThreadPoolExecutor(max(1, (os.cpu_count() or 2) - 1)) as workers:
        digests = dict(zip(paths, workers.map(digest_of, paths.values()), strict=True))
    for name, digest in digests.items():
        if not client.has_blob(digest):
            client.upload(digest, _read(paths[name], digest, view))
    return digests


def digest_of(path: Path) -> str:
    """``sha256:`` and the hash of a file."""
    with path.open("rb") as file:
        try:
            return f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"
        except OSError as error:
            # Reading does not say which file it was.
            raise OSError(error.errno, error.strerror, str(path)) from error


def _read(path: Path, digest: str, view: ProgressView) -> Iterator[bytes]:
    total, sent = path.stat().st_size, 0
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            yield chunk
            sent += len(chunk)
            view.amount(digest, f"copying file {digest}", sent, total)
