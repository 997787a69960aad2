"""Blobs: files named after the SHA-256 of their bytes."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NamedTuple

from ollama_server.errors import BadRequest, NotFound
from ollama_server.store.disk import FILE_MODE, disk_errors, make_folder, sync_folder

_DIGEST = re.compile(r"sha256[:-]([0-9a-fA-F]{64})", re.ASCII)
_BLOB_NAME = re.compile(r"sha256-[0-9a-f]{64}", re.ASCII)
_CHUNK = 1 << 20


def check_digest(text: str) -> str:
    """``sha256:<hex>`` in lower case from either spelling. Raises BadRequest for anything else."""
    match = _DIGEST.fullmatch(text)
    if match is None:
        raise BadRequest("invalid digest format")
    return "sha256:" + match[1].lower()


def is_digest(text: str) -> bool:
    """Whether this is a digest, in either spelling."""
    return _DIGEST.fullmatch(text) is not None


def digest_of(data: bytes) -> str:
    """The digest of ``data``."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


def digest_file(path: Path) -> str:
    """The digest of the file at ``path``; raises OSError."""
    with path.open("rb") as file:
        return "sha256:" + hashlib.file_digest(file, "sha256").hexdigest()


class Stored(NamedTuple):
    """A blob in the store; ``created`` is False when it was already there."""

    digest: str
    size: int
    created: bool


@dataclass(slots=True)
class BlobWriter:
    """A blob that is being written; nothing is visible before ``commit``."""

    blobs: Blobs
    file: BinaryIO
    temporary: Path
    _hash: hashlib._Hash
    size: int = 0

    def write(self, data: bytes | memoryview) -> None:
        """Append ``data``. Raises StoreError."""
        with disk_errors(self.temporary):
            self.file.write(data)
        self._hash.update(data)
        self.size += len(data)

    def commit(self, expected: str | None = None) -> Stored:
        """Make the blob visible under its true digest.

        Raises BadRequest when that is not ``expected``; the bytes stay stored all the same,
        because they are complete and may be what another request names.
        """
        digest = "sha256:" + self._hash.hexdigest()
        with disk_errors(self.temporary):
            self.file.flush()
            os.fsync(self.file.fileno())
            self.file.close()
            created = self.blobs.publish(self.temporary, digest)
        if expected is not None and expected != digest:
            raise BadRequest(f'digest mismatch, expected "{expected}", got "{digest}"')
        return Stored(digest, self.size, created)


class Blobs:
    """The folder of blobs at ``root``; it is created by the first write."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def path(self, digest: str) -> Path:
        """Where the blob lies, there or not. Raises BadRequest for a malformed digest."""
        return self.root / check_digest(digest).replace(":", "-")

    def has(self, digest: str) -> bool:
        """Whether the blob is complete and visible."""
        return self.path(digest).is_file()

    def size(self, digest: str) -> int:
        """Bytes of the blob. Raises NotFound."""
        return self._present(digest).stat().st_size

    def read(self, digest: str) -> bytes:
        """The blob's bytes. Raises NotFound, StoreError."""
        path = self._present(digest)
        with disk_errors(path):
            return path.read_bytes()

    def touch(self, digest: str) -> None:
        """Keep a blob that is used again inside the grace hour of pruning."""
        # A store without write permission needs no grace: nothing in it is ever pruned.
        with contextlib.suppress(PermissionError, FileNotFoundError):
            os.utime(self.path(digest))

    @contextlib.contextmanager
    def writer(self) -> Iterator[BlobWriter]:
        """A new blob; what is not committed disappears at the end of the block."""
        with disk_errors(self.root):
            make_folder(self.root)
            temporary = self.temporary()
            file = temporary.open("wb")
        try:
            yield BlobWriter(self, file, temporary, hashlib.sha256())
        finally:
            # Closing flushes what is about to be thrown away: on a full disk that may fail.
            with contextlib.suppress(OSError):
                file.close()
            temporary.unlink(missing_ok=True)

    def put(self, data: bytes) -> Stored:
        """Store ``data`` as a blob."""
        digest = digest_of(data)
        if self.has(digest):
            self.touch(digest)
            return Stored(digest, len(data), created=False)
        with self.writer() as writer:
            writer.write(data)
            return writer.commit()

    def adopt(self, path: Path) -> Stored:
        """Move the finished file at ``path`` into the store, by rename where that is possible."""
        with disk_errors(path):
            size = path.stat().st_size
            digest = digest_file(path)
            if not self._same_device(path):
                return self._copy_in(path)
            with path.open("rb+") as file:
                os.fsync(file.fileno())
            return Stored(digest, size, self.publish(path, digest))

    def copy(self, path: Path) -> Stored:
        """Store the file at ``path`` and leave it where it is."""
        with disk_errors(path):
            return self._copy_in(path, move=False)

    def link(self, path: Path) -> Stored:
        """Store the file at ``path`` as a hard link where possible, else as a copy.

        Only for files that are never written to again: the blob is the same file.
        """
        with disk_errors(path):
            digest = digest_file(path)
            if self.has(digest):
                self.touch(digest)
                return Stored(digest, path.stat().st_size, created=False)
            make_folder(self.root)
            try:
                os.link(path.resolve(), self.path(digest))
            except OSError:
                return self._copy_in(path, move=False)
            sync_folder(self.root)
            return Stored(digest, path.stat().st_size, created=True)

    def remove(self, digest: str) -> bool:
        """Delete a blob; False when it was not there. Callers check that nothing refers to it."""
        path = self.path(digest)
        with disk_errors(path):
            try:
                path.unlink()
            except FileNotFoundError:
                return False
        return True

    def publish(self, temporary: Path, digest: str) -> bool:
        """Rename a complete, synced file to its blob name; False when the blob was there already.

        Raises OSError.
        """
        make_folder(self.root)
        path = self.path(digest)
        if path.is_file():
            temporary.unlink(missing_ok=True)
            self.touch(digest)
            return False
        os.chmod(temporary, FILE_MODE)
        os.replace(temporary, path)
        sync_folder(self.root)
        return True

    def temporary(self) -> Path:
        """A new empty file in the blob folder whose name no reader takes for a blob."""
        descriptor, name = tempfile.mkstemp(prefix="sha256-tmp", dir=self.root)
        os.close(descriptor)
        return Path(name)

    def rename_legacy(self) -> None:
        """Give blobs of old stores (``sha256:<hex>``) today's names."""
        if not self.root.is_dir():
            return
        with disk_errors(self.root):
            for folder, _, files in os.walk(self.root):
                for name in files:
                    if name.startswith("sha256:"):
                        old = Path(folder, name)
                        os.replace(old, old.with_name("sha256-" + name.removeprefix("sha256:")))

    def files(self) -> Iterator[tuple[Path, str | None]]:
        """Every file directly in the folder with its digest, None where the name is no digest."""
        if not self.root.is_dir():
            return
        with disk_errors(self.root), os.scandir(self.root) as entries:
            for entry in entries:
                if not entry.is_dir(follow_symlinks=False):
                    named = _BLOB_NAME.fullmatch(entry.name) is not None
                    yield Path(entry.path), entry.name.replace("-", ":") if named else None

    def _present(self, digest: str) -> Path:
        path = self.path(digest)
        if not path.is_file():
            raise NotFound(f'blob "{digest}" not found')
        return path

    def _same_device(self, path: Path) -> bool:
        make_folder(self.root)
        return path.stat().st_dev == self.root.stat().st_dev

    def _copy_in(self, path: Path, *, move: bool = True) -> Stored:
        with self.writer() as writer, path.open("rb") as source:
            while chunk := source.read(_CHUNK):
                writer.write(chunk)
            stored = writer.commit()
        if move:
            path.unlink(missing_ok=True)
        return stored
