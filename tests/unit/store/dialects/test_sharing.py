"""Where a file system shares blocks between files, a translation takes little more space."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from ollama_server.store.dialects.assemble import split
from ollama_server.store.dialects.cache import Cache
from ollama_server.store.dialects.prepare import translated
from ollama_server.store.dialects.recognize import TEXT, text_draft
from ollama_server.store.gguf import read_gguf
from tests.unit.store.dialects.families import tiny_family
from tests.unit.store.dialects.tiny import Array, Tiny

MEGABYTE = 1 << 20


def megabytes(count: int) -> Array:
    return np.arange(count * MEGABYTE // 4, dtype=np.float32).reshape(-1, 256)


def published(path: Path) -> Path:
    """Two long runs of data, with a tower between them, and one that no block begins with."""
    tiny = tiny_family("gemma3").source
    first, between = (
        {"blk.0.more.weight": megabytes(20)},
        {"v.more.weight": np.ones(40, np.float32)},
    )
    last = {"zlast.more.weight": megabytes(30)}
    return Tiny(tiny.keys, first | between | tiny.tensors | last).write(path)


@pytest.fixture
def xfs(tmp_path: Path) -> Iterator[Path]:
    """A file system that shares blocks."""
    image, folder = tmp_path / "image", tmp_path / "disk"
    folder.mkdir()
    with image.open("wb") as file:
        file.truncate(400 * MEGABYTE)
    if shutil.which("mkfs.xfs") is None:
        pytest.skip("no mkfs.xfs")
    subprocess.run(["mkfs.xfs", "-q", "-m", "reflink=1", str(image)], check=True)
    mount = ["mount", "-o", "loop", str(image), str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("mounting a disk is not permitted here")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def used(folder: Path) -> int:
    """Bytes in use."""
    subprocess.run(["sync", "--file-system", str(folder)], check=True)
    status = os.statvfs(folder)
    return (status.f_blocks - status.f_bfree) * status.f_frsize


def test_a_translation_shares_its_blocks(xfs: Path) -> None:
    source, cache = published(xfs / "source.gguf"), Cache(xfs)
    before = used(xfs)
    made = translated(source, TEXT, cache).path
    assert made is not None
    assert used(xfs) - before < 4 * MEGABYTE
    assert sum(path.stat().st_size for path in cache.folder.glob("*.gguf")) > 50 * MEGABYTE


def test_long_runs_are_pieces_of_their_own(tmp_path: Path) -> None:
    draft = text_draft(read_gguf(published(tmp_path / "source.gguf")))
    assert draft is not None
    pieces = split(draft, 16 * MEGABYTE)
    assert [list(piece.parts)[-1] for piece in pieces] == ["blk.0.more.weight", "zlast.more.weight"]
    assert len(pieces[1].keys) == 4
    assert len(pieces[0].keys) == len(draft.keys) + 3
    assert {**pieces[0].parts, **pieces[1].parts} == draft.parts


def test_short_runs_make_no_pieces(tmp_path: Path) -> None:
    draft = text_draft(read_gguf(published(tmp_path / "source.gguf")))
    assert draft is not None
    assert split(draft, 40 * MEGABYTE) == [draft]
