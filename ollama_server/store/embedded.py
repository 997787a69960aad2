"""The model that comes with the program: installed as ``tiny`` the first time it is missing."""

from __future__ import annotations

import json
import logging
from pathlib import Path

from ollama_server.errors import ModelNotFound, StoreError
from ollama_server.store.blobs import digest_file
from ollama_server.store.create import Hooks, create
from ollama_server.store.create_request import CreateRequest, check_request
from ollama_server.store.disk import disk_errors, write_atomic
from ollama_server.store.job import Job
from ollama_server.store.localfiles import local_request
from ollama_server.store.manifest import MEDIA_MODEL
from ollama_server.store.modelfile import parse
from ollama_server.store.names import Name
from ollama_server.store.store import Entry, Store

log = logging.getLogger(__name__)

EMBEDDED_NAME = "tiny:latest"
_PACKAGED = Path(__file__).parents[1] / "data" / "tiny"
_CHECKED_OUT = Path(__file__).parents[2] / "models" / "tiny"
_MARK = ".embedded.json"


def embedded_folder() -> Path | None:
    """Where the model's Modelfile and weights lie: in the package, or in the working tree."""
    return next((f for f in (_PACKAGED, _CHECKED_OUT) if (f / "Modelfile").is_file()), None)


def register_embedded(
    store: Store, hooks: Hooks | None = None, folder: Path | None = None
) -> Entry | None:
    """Install the embedded model; None when nothing was to do.

    Who deletes it gets it back only with other weights: a mark in the store remembers that it was
    there. A model of that name that somebody else made is left alone. Raises StoreError.
    """
    folder = folder or embedded_folder()
    if folder is None:
        return None
    name = Name.parse(EMBEDDED_NAME)
    request = local_request(parse(Path(folder, "Modelfile").read_bytes()), folder)
    if not request.files:
        return None  # a checkout whose weights have not been made yet
    stamps = {key: _stamp(path) for key, path in request.files.items()}
    mark = _read_mark(store)
    if mark.get("stamps") == stamps:
        return None
    contents = {key: digest_file(path) for key, path in request.files.items()}
    if mark.get("contents") == contents or not _is_ours(store, name, mark):
        return None
    with store.pins() as pins:
        pins.hold(*contents.values())
        # Files of a working tree are rewritten in place; a link would change the blob too.
        take = store.blobs.link if folder == _PACKAGED else store.blobs.copy
        for path in request.files.values():
            take(path)
        plan = check_request(
            CreateRequest(
                model=EMBEDDED_NAME,
                files=contents,
                template=request.template,
                system=request.system,
                license=request.license,
                parameters=request.parameters,
                messages=request.messages,
                renderer=request.renderer,
                parser=request.parser,
            )
        )
        entry = create(store, plan, hooks or Hooks(), Job())
    _write_mark(store, {"stamps": stamps, "contents": contents})
    log.info("the embedded model is installed as %s", name.short)
    return entry


def _is_ours(store: Store, name: Name, mark: dict[str, object]) -> bool:
    """Whether the name is free, or still holds the weights that were installed before."""
    try:
        before = mark.get("contents")
        layers = store.resolve(name).manifest.of_type(MEDIA_MODEL)
        return isinstance(before, dict) and {x.digest for x in layers} <= set(before.values())
    except ModelNotFound:
        return True
    except StoreError:
        return False


def _stamp(path: Path) -> list[int]:
    with disk_errors(path):
        status = path.stat()
    return [status.st_size, status.st_mtime_ns]


def _read_mark(store: Store) -> dict[str, object]:
    try:
        value = json.loads(Path(store.root, _MARK).read_text())
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def _write_mark(store: Store, mark: dict[str, object]) -> None:
    path = Path(store.root, _MARK)
    with disk_errors(path):
        write_atomic(path, json.dumps(mark).encode())
