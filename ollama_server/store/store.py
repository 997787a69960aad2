"""The model store: manifests by name, blobs by digest, in Ollama's own layout.

Reading needs no lock, because every file appears complete or not at all. Whatever changes the set
of manifests, or removes blobs, runs under one lock: a thread lock within this process and a lock
file between processes. Work that takes long (a pull, a create) holds ``pins`` on the blobs it
counts on, and no deletion of another model takes a pinned blob away.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import logging
import os
import re
import shutil
import stat
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from ollama_server.errors import ModelNotFound, StoreError
from ollama_server.store import manifest as manifests
from ollama_server.store.blobs import Blobs
from ollama_server.store.dialects.cache import Cache
from ollama_server.store.disk import (
    TEMPORARY_PREFIX,
    disk_errors,
    make_folder,
    sync_folder,
    write_atomic,
)
from ollama_server.store.manifest import Manifest
from ollama_server.store.names import Name

log = logging.getLogger(__name__)

GRACE_SECONDS = 3600
SCRATCH_PREFIX = "ollama-safetensors"  # working folders, beside blobs/ on the same disk
# What opening a manifest that is not there may end in. A host may be longer than a file's name.
_NOT_THERE = (
    errno.ENOENT,
    errno.ENOTDIR,
    errno.EISDIR,
    errno.ELOOP,
    errno.ENXIO,
    errno.ENAMETOOLONG,
)
_ANY_DIGEST = re.compile(rb"sha256[:-]([0-9a-f]{64})")


@dataclass(frozen=True, slots=True)
class Entry:
    """One installed model. ``digest`` is the hex SHA-256 of the manifest file's bytes."""

    name: Name
    manifest: Manifest
    digest: str
    modified_ns: int

    @property
    def modified_at(self) -> datetime:
        """When the manifest was written, in the local time zone (microseconds)."""
        return datetime.fromtimestamp(self.modified_ns / 1e9).astimezone()

    @property
    def size(self) -> int:
        """Bytes of all layers and the config as the manifest states them."""
        return self.manifest.size


class Pins:
    """Blobs that some unfinished work needs; see ``Store.pins``."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._held: set[str] = set()

    def hold(self, *digests: str) -> None:
        """Keep these blobs, whether they exist already or not, until the block ends."""
        with self._store.lock_thread:
            new = set(digests) - self._held
            self._held |= new
            self._store.pinned.update(new)

    def release(self) -> None:
        """Give all held blobs back."""
        with self._store.lock_thread:
            self._store.pinned.subtract(self._held)
            self._store.pinned += Counter()  # forgets what nobody holds any more
            self._held.clear()


class Store:
    """The store at ``root`` (the folder that OLLAMA_MODELS names); created by the first write."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.blobs = Blobs(root / "blobs")
        self.manifests = root / "manifests"
        self.derived = Cache(root)
        self.pinned: Counter[str] = Counter()
        self.lock_thread = threading.RLock()
        self._lock_depth = 0
        self._lock_file = -1

    # --- reading ----------------------------------------------------------------------------------

    def list(self) -> list[Entry]:
        """All models that can be read, the newest first (whole seconds), then by name."""
        found = []
        for name, path in self.names():
            with contextlib.suppress(ModelNotFound):
                try:
                    found.append(self._read(name, path))
                except StoreError as error:
                    log.warning("skipping the model %s: %s", name.short, error)
        return sorted(found, key=lambda e: (-(e.modified_ns // 10**9), e.name.key))

    def resolve(self, name: Name) -> Entry:
        """The model of this name: exactly, else ignoring case. Raises ModelNotFound, StoreError."""
        if name.is_valid:
            with contextlib.suppress(ModelNotFound):
                return self._read(name, self._path(name))
            spelled = self.spelling(name)
            if spelled != name:
                return self._read(spelled, self._path(spelled))
        raise ModelNotFound(f"model '{name.short}' not found")

    def spelling(self, name: Name) -> Name:
        """``name`` as it is installed, ignoring case; ``name`` itself when it is not installed."""
        if os.path.isfile(self._path(name)):
            return name
        same = [found for found, _ in self.names() if found.key == name.key]
        return min(same, key=lambda found: found.full) if same else name

    def names(self) -> Iterator[tuple[Name, Path]]:
        """Every well-named manifest file, readable or not."""
        for parts, path in self.manifest_files():
            name = _name_of(parts)
            if name is not None:
                yield name, path

    def manifest_files(self) -> Iterator[tuple[tuple[str, ...], Path]]:
        """Regular files exactly four levels below the manifests folder; dangling links are not."""
        for path in _descend(self.manifests, 4):
            yield path.relative_to(self.manifests).parts, path

    def digests_of(self, name: Name) -> set[str]:
        """The blobs that the model of this name needs; none when it is not installed."""
        path = self._path(self.spelling(name))
        with disk_errors(path):
            return _digests_in(path.read_bytes()) if os.path.isfile(path) else set()

    # --- changing ---------------------------------------------------------------------------------

    def write_manifest(self, name: Name, content: Manifest | bytes, *, check: bool = True) -> Entry:
        """Install a model under ``name``, or under the existing spelling of it.

        Bytes are stored as they are. Raises StoreError when a blob is missing (unless ``check``
        is off) or the disk refuses; the model that had the name before is then untouched.
        """
        data = content.dump() if isinstance(content, Manifest) else content
        parsed = manifests.parse(data)
        with self.locked():
            missing = sorted(d for d in parsed.digests if check and not self.blobs.has(d))
            if missing:
                raise StoreError(f"cannot install {name.short}: blob {missing[0]} is missing")
            target = self.spelling(name)
            with disk_errors(self._path(target)):
                write_atomic(self._path(target), data)
            return self._read(target, self._path(target))

    def copy(self, source: Name, destination: Name) -> Entry:
        """Give a model a second name; only the manifest is copied. Raises ModelNotFound."""
        with self.locked():
            entry = self.resolve(source)
            target = self.spelling(destination)
            if target == entry.name:
                return entry
            with disk_errors(self._path(entry.name)):
                data = self._path(entry.name).read_bytes()
            return self.write_manifest(target, data, check=False)

    def delete(self, name: Name) -> None:
        """Remove a model and the blobs that only it used. Raises ModelNotFound, StoreError."""
        with self.locked():
            target = self.spelling(name)
            path = self._path(target)
            if not os.path.isfile(path):
                raise ModelNotFound(f"model '{name.short}' not found")
            with disk_errors(path):
                used = _digests_in(path.read_bytes())
                path.unlink()
                sync_folder(path.parent)
                self._remove_empty(path.parent)
            self.remove_unused(used)

    def remove_unused(self, digests: set[str]) -> Sequence[str]:
        """Remove those of ``digests`` that no manifest and no running work needs; which were?"""
        with self.locked():
            needed = self.referenced()
            removable = [d for d in sorted(digests) if d not in needed and self.pinned[d] <= 0]
            removed = [digest for digest in removable if self.blobs.remove(digest)]
            if removed:
                self.derived.evict()
            return removed

    def prune(self, *, grace_seconds: float = GRACE_SECONDS) -> Sequence[Path]:
        """Remove unreferenced blobs and leftovers older than the grace time; returns what went.

        Nothing is removed while any manifest is unreadable or misnamed, because what it needs is
        unknown. Hidden files (``.DS_Store``) are no manifests.
        """
        with self.locked():
            if not self._all_readable():
                log.warning(
                    "corrupt manifests detected, skipping prune operation.  "
                    "Re-pull or delete to clear"
                )
                return []
            needed = self.referenced()
            removed = []
            oldest = time.time() - grace_seconds
            for path, digest in list(self.blobs.files()):
                if digest is not None and (digest in needed or self.pinned[digest] > 0):
                    continue
                with disk_errors(path):
                    if path.lstat().st_mtime > oldest:
                        continue
                    path.unlink()
                removed.append(path)
            self._remove_leftovers(oldest)
            self._remove_scratch(oldest)
            return removed

    def start(self, *, prune: bool = True, cache_limit: int = 0) -> None:
        """What a server does once before it serves: rename legacy blobs, tidy up, prune.

        Translations of models then take ``cache_limit`` bytes at most, if it is not 0.
        """
        self.blobs.rename_legacy()
        if self.root.is_dir():
            if prune:
                self.prune()
            Cache(self.root, cache_limit).clean()

    def referenced(self) -> set[str]:
        """Every digest that any manifest mentions; damaged ones are searched for digests."""
        found: set[str] = set()
        for _, path in self.manifest_files():
            with contextlib.suppress(FileNotFoundError), disk_errors(path):
                found |= _digests_in(path.read_bytes())
        return found

    @contextlib.contextmanager
    def pins(self) -> Iterator[Pins]:
        """Protection for the blobs of unfinished work, until the block ends."""
        pins = Pins(self)
        try:
            yield pins
        finally:
            pins.release()

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Exclude all other changes, in this process and in others. Reentrant; hold it briefly."""
        with self.lock_thread:
            if self._lock_depth == 0:
                self._lock_file = self._open_lock()
            self._lock_depth += 1
            try:
                yield
            finally:
                self._lock_depth -= 1
                if self._lock_depth == 0:
                    os.close(self._lock_file)

    def _open_lock(self) -> int:
        with disk_errors(self.root):
            make_folder(self.root)
            descriptor = os.open(self.root / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX)
            except OSError:
                os.close(descriptor)
                raise
            return descriptor

    # --- details ----------------------------------------------------------------------------------

    def _path(self, name: Name) -> Path:
        return self.manifests / name.path

    def _read(self, name: Name, path: Path) -> Entry:
        with disk_errors(path):
            try:
                with open(path, "rb", opener=_open_at_once) as file:
                    status = os.fstat(file.fileno())
                    if not stat.S_ISREG(status.st_mode):
                        raise ModelNotFound(f"model '{name.short}' not found")
                    data = file.read()
            except OSError as error:
                if error.errno not in _NOT_THERE:
                    raise
                raise ModelNotFound(f"model '{name.short}' not found") from error
        try:
            parsed = manifests.parse_installed(data)
        except StoreError as error:
            raise StoreError(
                f"the manifest of {name.short} cannot be read ({error}); "
                "delete the model, or pull or create it again"
            ) from error
        return Entry(name, parsed, hashlib.sha256(data).hexdigest(), status.st_mtime_ns)

    def _all_readable(self) -> bool:
        for parts, path in self.manifest_files():
            if parts[-1].startswith("."):
                continue
            if _name_of(parts) is None:
                return False
            try:
                manifests.read(path)
            except (StoreError, OSError):
                return False
        return True

    def _remove_empty(self, folder: Path) -> None:
        while folder != self.manifests:
            try:
                folder.rmdir()
            except OSError:
                return  # not empty: somebody else's names are in it
            folder = folder.parent

    def _remove_scratch(self, oldest: float) -> None:
        """Drop working folders that a killed create left."""
        for folder in self.root.glob(f"{SCRATCH_PREFIX}*"):
            if folder.is_dir() and folder.stat().st_mtime <= oldest:
                shutil.rmtree(folder, ignore_errors=True)

    def _remove_leftovers(self, oldest: float) -> None:
        """Drop temporary manifests that a crash left, then the folders that are empty."""
        if not self.manifests.is_dir():
            return
        for parts, path in list(self.manifest_files()):
            if parts[-1].startswith(TEMPORARY_PREFIX) and path.lstat().st_mtime <= oldest:
                path.unlink(missing_ok=True)
        for folder, _, _ in os.walk(self.manifests, topdown=False):
            if Path(folder) != self.manifests:
                with contextlib.suppress(OSError):  # not empty
                    os.rmdir(folder)


def _descend(folder: Path, depth: int) -> Iterator[Path]:
    try:
        with os.scandir(folder) as entries:
            found = sorted(entries, key=lambda entry: entry.name)
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as error:
        log.warning("cannot read %s: %s", folder, error)
        return
    for entry in found:
        if depth == 1 and _is(entry.is_file):
            yield Path(entry.path)
        elif depth > 1 and _is(entry.is_dir):
            yield from _descend(Path(entry.path), depth - 1)


def _open_at_once(path: str, flags: int) -> int:
    """Open a file; a named pipe does not wait for a writer."""
    return os.open(path, flags | os.O_NONBLOCK)


def _is(kind: Callable[[], bool]) -> bool:
    """Whether an entry is of a kind; links that lead in a circle are of none."""
    try:
        return kind()
    except OSError:
        return False


def _name_of(parts: tuple[str, ...]) -> Name | None:
    name = Name(*parts)
    return name if name.is_valid else None


def _digests_in(data: bytes) -> set[str]:
    return {"sha256:" + found.decode() for found in _ANY_DIGEST.findall(data)}
