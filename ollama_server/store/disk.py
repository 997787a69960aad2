"""Writing so that a crash leaves the old file or the new one, and errors a user can act on."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from ollama_server.errors import StoreError

FILE_MODE = 0o644
FOLDER_MODE = 0o755
# The leading dot makes a temporary manifest an invalid name: no listing ever shows it.
TEMPORARY_PREFIX = ".tmp-"


@contextlib.contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Turn the OSErrors of work on ``path`` into StoreErrors that say what to do."""
    try:
        yield
    except OSError as error:
        raise explain(error, path) from error


def explain(error: OSError, path: Path) -> StoreError:
    """The StoreError for what went wrong at ``path``."""
    where = error.filename or str(path)
    match error.errno:
        case errno.ENOSPC | errno.EDQUOT:
            text = (
                f"no space left on device: the disk that holds {where} is full; "
                "free some space or set OLLAMA_MODELS to a folder on another disk"
            )
        case errno.EROFS:
            text = (
                f"the model store is on a read-only file system: {where}; "
                "mount it writable or set OLLAMA_MODELS to another folder"
            )
        case errno.EACCES | errno.EPERM:
            text = (
                f"permission denied: {where}; the server's user must be able to read and write "
                "the model store (OLLAMA_MODELS)"
            )
        case _:
            text = f"{error.strerror or error}: {where}"
    return StoreError(text)


def make_folder(path: Path) -> None:
    """Create ``path`` and its parents, 0755."""
    path.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)


def sync_folder(path: Path) -> None:
    """Make the names in ``path`` durable; file systems that cannot are left alone."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP, errno.EBADF):
            raise
    finally:
        os.close(descriptor)


def write_atomic(path: Path, data: bytes) -> None:
    """Replace ``path`` by ``data`` in one step: temporary file beside it, fsync, rename, fsync."""
    make_folder(path.parent)
    descriptor, name = tempfile.mkstemp(prefix=TEMPORARY_PREFIX, dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fchmod(file.fileno(), FILE_MODE)
            os.fsync(file.fileno())
        os.replace(name, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name)
        raise
    sync_folder(path.parent)


def free_space(path: Path) -> int:
    """Bytes that can still be written on the disk that holds ``path`` or its nearest parent."""
    while not path.exists():
        path = path.parent
    return shutil.disk_usage(path).free
