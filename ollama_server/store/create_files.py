"""Turning uploaded files into layers: GGUF as it is, split GGUF joined, safetensors converted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from ollama_server.errors import BadRequest, Canceled, ServerError
from ollama_server.store import gguf_write, split
from ollama_server.store.blobs import check_digest
from ollama_server.store.convert import convert_adapter, convert_model
from ollama_server.store.gguf import GGUF, is_gguf, read_gguf
from ollama_server.store.job import Job
from ollama_server.store.manifest import MEDIA_ADAPTER, MEDIA_DRAFT, MEDIA_MODEL, MEDIA_PROJECTOR
from ollama_server.store.parts import (
    MEDIA_OF_KIND,
    Parts,
    kind_of,
    needs_projector_type,
    stored_blob,
)


def add_files(parts: Parts, files: Mapping[str, str], quantize: str, job: Job) -> None:
    """Append the layers of a file set. Raises BadRequest for an unknown kind, StoreError."""
    paths = _uploaded(parts, files)
    if _is_safetensors(paths):
        job.report("converting model")
        stored = parts.write(lambda sink: convert_model(paths, sink, job, wanted=quantize))
        parts.add(MEDIA_MODEL, stored)
        return
    shards = []
    for name, path in paths.items():
        header = _parse(path, job)
        if split.is_shard(header):
            shards.append(split.Shard(name, header))
        else:
            _add_gguf(parts, header, MEDIA_OF_KIND[kind_of(header)], (name, files[name]), job)
    for group in split.groups(shards):
        stored = parts.write(_merging(group, job))
        parts.add(MEDIA_OF_KIND[kind_of(group[0].header)], stored, from_=group[0].name)


def add_projectors(parts: Parts, files: Mapping[str, str], job: Job) -> None:
    """Let the projectors among the files replace those of the base model.

    Weights beside a base model change nothing, as in Ollama.
    """
    stored = parts.store.blobs.has
    digests = {name: text for name, text in files.items() if stored(check_digest(text))}
    found = []
    for name, path in _uploaded(parts, digests).items():
        if is_gguf(_head(path)) and kind_of(header := read_gguf(path)) == "projector":
            found.append((header, (name, digests[name])))
    if found:
        parts.remove(MEDIA_PROJECTOR)
    for header, upload in found:
        _add_gguf(parts, header, MEDIA_PROJECTOR, upload, job)


def add_adapters(parts: Parts, files: Mapping[str, str], job: Job) -> None:
    """Append one LoRA adapter. Raises BadRequest for whatever is wrong with it."""
    with_base = parts.of_type(MEDIA_MODEL)
    try:
        paths = _uploaded(parts, files)
        if not with_base:
            raise BadRequest("no base model was found")
        base = with_base[-1].header or parts.header(with_base[-1].layer.digest)
        if _is_safetensors(paths):
            job.report("converting adapter")
            stored = parts.write(lambda sink: convert_adapter(paths, base, sink, job))
            parts.add(MEDIA_ADAPTER, stored)
            return
        if len(paths) > 1:
            raise BadRequest("only one adapter is currently supported")
        for name, path in paths.items():
            header = _parse(path, job)
            if kind_of(header) != "adapter" or header.architecture != base.architecture:
                raise BadRequest(
                    f'"{name}" is no adapter for this model: it is a {kind_of(header)} for the '
                    f"architecture {header.architecture}, the model is {base.architecture}"
                )
            _add_gguf(parts, header, MEDIA_ADAPTER, (name, files[name]), job)
    except (BadRequest, Canceled):
        raise
    except ServerError as error:
        raise BadRequest(str(error)) from error


def add_draft(parts: Parts, files: Mapping[str, str], job: Job) -> None:
    """Append a draft model. Raises BadRequest for whatever is wrong with it."""
    try:
        paths = _uploaded(parts, files)
        if _is_safetensors(paths):
            job.report("converting model")
            stored = parts.write(lambda sink: convert_model(paths, sink, job))
            parts.add(MEDIA_DRAFT, stored)
            return
        if len(paths) > 1:
            raise BadRequest("only one draft model is currently supported")
        for name, path in paths.items():
            _add_gguf(parts, _parse(path, job), MEDIA_DRAFT, (name, files[name]), job)
    except (BadRequest, Canceled):
        raise
    except ServerError as error:
        raise BadRequest(str(error)) from error


def _uploaded(parts: Parts, files: Mapping[str, str]) -> dict[str, Path]:
    return {name: parts.uploaded(check_digest(files[name])) for name in sorted(files)}


def _is_safetensors(paths: Mapping[str, Path]) -> bool:
    """Whether a set is safetensors rather than GGUF. Raises BadRequest when it is neither."""
    if any(name.endswith(".safetensors") for name in paths):
        return True
    if any(name.endswith(".gguf") or is_gguf(_head(path)) for name, path in paths.items()):
        return False
    raise BadRequest("unknown type")


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(4)


def _parse(path: Path, job: Job) -> GGUF:
    job.report("parsing GGUF")
    if not is_gguf(_head(path)):
        raise BadRequest("supplied file was not in GGUF format")
    return read_gguf(path)


def _add_gguf(
    parts: Parts, header: GGUF, media_type: str, upload: tuple[str, str], job: Job
) -> None:
    name, digest = upload
    stored = stored_blob(parts.store, check_digest(digest))
    if needs_projector_type(header):
        job.report("updating GGUF projector metadata")
        metadata = gguf_write.metadata_of(header)
        metadata["clip.projector_type"] = gguf_write.string("mlp")
        tensors = gguf_write.tensors_of(header)
        stored = parts.write(
            lambda sink: gguf_write.write_gguf(sink, metadata, tensors, lambda _: job.check())
        )
    parts.add(media_type, stored, from_=name)


def _merging(group: list[split.Shard], job: Job) -> Callable[[gguf_write.Sink], None]:
    return lambda sink: split.merge(group, sink, job)
