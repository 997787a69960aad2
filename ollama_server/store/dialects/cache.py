"""What is known about the files of models, and their translations: ``derived/`` beside the blobs.

An entry is ``<key>.json``, which says what was made of what, and ``<key>.gguf`` where a file was
made at all (``<key>-00001-of-00002.gguf``, … where it is in pieces, as llama.cpp names them). It
exists once the JSON file does, which comes last. Whoever makes an entry holds its lock, so that
several servers on one store make it once. The time of the JSON file is the entry's last use.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import logging
import os
import tempfile
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

from ollama_server.store.disk import (
    FILE_MODE,
    TEMPORARY_PREFIX,
    disk_errors,
    make_folder,
    sync_folder,
    write_atomic,
)

log = logging.getLogger(__name__)

FOLDER = "derived"
# To be raised when a dialect's steps change: entries of other versions are never used again.
VERSION = 2
_KEY_LENGTH = 40
_MAX_FILES = 99999  # what their names have room for


@dataclass(frozen=True, slots=True)
class Made:
    """What became of a source: ``size`` bytes in as many ``files``, and whatever else is known.

    There is no file when the size is 0. The second file's name ends in ``.2``, and so on.
    """

    size: int = 0
    files: int = 1
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Derived:
    """An entry. ``problem`` is empty when it can be used; without a file its ``size`` is 0.

    ``path`` is the first of its files, by which llama.cpp finds the others.
    """

    path: Path
    source: Path
    size: int
    last_used: float
    problem: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """What the names of its files begin with."""
        return self.path.name[:_KEY_LENGTH]

    @property
    def sidecar(self) -> Path:
        """The JSON file that belongs to it."""
        return self.path.with_name(f"{self.key}.json")


class Cache:
    """The translated files of the store at ``root``; ``limit`` in bytes, 0 for no limit."""

    def __init__(self, root: Path, limit: int = 0) -> None:
        self.folder = root / FOLDER
        self.limit = limit
        self._blobs = root / "blobs"

    def get(
        self,
        source: Path,
        role: str,
        make: Callable[[Path], Made],
        *,
        in_use: Collection[Path] = (),
    ) -> Derived:
        """The entry for a role of a source, made by ``make`` if it does not exist.

        ``make`` fills the empty file it is given, or leaves it empty. What it raises is raised
        here, and leaves nothing behind. Sources ``in_use`` keep their entries.
        """
        key = _key(source, role)
        found = self._touch(key)
        if found is not None:
            return found
        with disk_errors(self.folder):
            make_folder(self.folder)
            with self._locked(key):
                found = self._touch(key)
                if found is not None:
                    return found
                self._remove_temporaries(key)
                found = self._make(key, source, role, make)
        self.evict({*in_use, source})
        return found

    def entries(self) -> list[Derived]:
        """All entries, the one used longest ago first."""
        if not self.folder.is_dir():
            return []
        found = [self._read(path) for path in self.folder.glob("*.json")]
        return sorted(found, key=lambda entry: entry.last_used)

    def leftovers(self) -> list[Path]:
        """Files that belong to no entry: what a crash left, unless it is being made."""
        if not self.folder.is_dir():
            return []
        return [path for path in self.folder.iterdir() if self._is_left(path)]

    def evict(self, in_use: Collection[Path] = ()) -> None:
        """Drop entries whose source is gone or that are damaged, then the least recently used.

        A file that some process has open stays readable there.
        """
        with disk_errors(self.folder):
            self._evict(in_use)

    def _evict(self, in_use: Collection[Path]) -> None:
        good = []
        for entry in self.entries():
            if entry.problem:
                self._drop(entry)
            else:
                good.append(entry)
        total = sum(entry.size for entry in good)
        for entry in good:
            if not self.limit or total <= self.limit:
                break
            if entry.source not in in_use:
                self._drop(entry)
                total -= entry.size

    def clean(self) -> None:
        """What a server does at its start: leftovers of a crash and unusable entries go."""
        with disk_errors(self.folder):
            for path in self.leftovers():
                key = path.name.removeprefix(TEMPORARY_PREFIX)[:_KEY_LENGTH]
                with self._locked(key, wait=False) as held:
                    if held and self._is_left(path):
                        path.unlink(missing_ok=True)
            self._evict(())

    # --- details ----------------------------------------------------------------------------------

    def _make(self, key: str, source: Path, role: str, make: Callable[[Path], Made]) -> Derived:
        started = time.monotonic()
        descriptor, name = tempfile.mkstemp(prefix=f"{TEMPORARY_PREFIX}{key}-", dir=self.folder)
        os.fchmod(descriptor, FILE_MODE)
        os.close(descriptor)
        try:
            made = make(Path(name))
            paths = self._paths(key, made.files)
            if made.size:
                for number in range(made.files, 1, -1):
                    os.replace(f"{name}.{number}", paths[number - 1])
                os.replace(name, paths[0])
                sync_folder(self.folder)
            else:
                os.unlink(name)
        except BaseException:
            self._remove_temporaries(key)
            raise
        in_store = source.parent == self._blobs
        description = {
            "source": source.name if in_store else str(source),
            "source_size": source.stat().st_size,
            "role": role,
            "size": made.size,
            "files": made.files,
            "versions": list(_versions()),
            "created": int(time.time()),
            "facts": dict(made.facts),
        }
        write_atomic(self.folder / f"{key}.json", json.dumps(description).encode())
        if made.size:
            seconds = time.monotonic() - started
            log.info("prepared %s for llama.cpp (%s) in %.1f s", source.name, role, seconds)
        return Derived(paths[0], source, made.size, time.time(), facts=made.facts)

    def _touch(self, key: str) -> Derived | None:
        """The entry, if it is there; it counts as used now."""
        found = self._read(self.folder / f"{key}.json")
        if found.problem:
            return None
        with contextlib.suppress(OSError):  # a read-only store serves what it has
            os.utime(found.sidecar)
        return found

    def _read(self, sidecar: Path) -> Derived:
        path = sidecar.with_suffix(".gguf")
        try:
            description: Any = json.loads(sidecar.read_bytes())
            source = self._blobs / description["source"]  # an absolute path stays itself
            size, used = int(description["size"]), sidecar.stat().st_mtime
            facts, versions = description["facts"], tuple(description["versions"])
            paths = self._paths(sidecar.stem, int(description["files"]))
            path = paths[0]
            found = sum(one.stat().st_size for one in paths) if size else 0
        except FileNotFoundError:
            return Derived(path, Path(), 0, 0.0, "it is missing")
        except (OSError, ValueError, KeyError, TypeError, IndexError):
            return Derived(path, Path(), 0, 0.0, "its description is damaged")
        problem = ""
        if found != size:
            problem = f"it has {found} bytes instead of {size}"
        elif versions != _versions():
            problem = "it was made by another version"
        elif not source.is_file():
            problem = "the file it was made of is gone"
        return Derived(path, source, size, used, problem, facts)

    def _paths(self, key: str, count: int) -> list[Path]:
        """The files of an entry."""
        if count == 1:
            return [self.folder / f"{key}.gguf"]
        numbers = range(1, min(count, _MAX_FILES) + 1)
        return [self.folder / f"{key}-{n:05d}-of-{count:05d}.gguf" for n in numbers]

    def _drop(self, entry: Derived) -> None:
        with self._locked(entry.key, wait=False) as held:
            if held:
                log.info("removing %s from the cache", entry.path.name)
                entry.sidecar.unlink(missing_ok=True)
                for path in self.folder.glob(f"{entry.key}*.gguf"):
                    path.unlink(missing_ok=True)
                entry.sidecar.with_suffix(".lock").unlink(missing_ok=True)

    def _is_left(self, path: Path) -> bool:
        if path.name.startswith(TEMPORARY_PREFIX):
            return True
        sidecar = self.folder / f"{path.name[:_KEY_LENGTH]}.json"
        return path.suffix == ".gguf" and not sidecar.is_file()

    def _remove_temporaries(self, key: str) -> None:
        for path in self.folder.glob(f"{TEMPORARY_PREFIX}{key}-*"):
            path.unlink(missing_ok=True)

    @contextlib.contextmanager
    def _locked(self, key: str, *, wait: bool = True) -> Iterator[bool]:
        """Hold an entry's lock; False when ``wait`` is not wanted and somebody else has it."""
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
        descriptor = os.open(self.folder / f"{key}.lock", flags, FILE_MODE)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            yield True
        except BlockingIOError:
            if wait:
                raise
            yield False
        finally:
            os.close(descriptor)


def _key(source: Path, role: str) -> str:
    """Of the source's content: a blob's name is its digest, other files have a place and a time."""
    name = source.name
    status = source.stat()
    if not name.startswith("sha256-"):
        name = f"{source.resolve()} {status.st_mtime_ns}"
    text = f"{name} {status.st_size} {role} {_versions()}"
    return hashlib.sha256(text.encode()).hexdigest()[:_KEY_LENGTH]


def _versions() -> tuple[str, str]:
    return (str(VERSION), version("llama-cpp-python"))
