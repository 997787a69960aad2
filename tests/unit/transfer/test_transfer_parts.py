"""How a download is cut into parts, and what of it survives on disk."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ollama_server.store.blobs import Blobs
from ollama_server.transfer.parts import Part, PartialFile, divide

DIGEST = "sha256:" + "ab" * 32


@pytest.mark.parametrize(
    ("total", "sizes"),
    [
        (0, []),
        (1, [1]),
        (100_000_000, [100_000_000]),
        (250_000_000, [100_000_000, 100_000_000, 50_000_000]),
        (1_600_000_000, [100_000_000] * 16),
        (1_600_000_016, [100_000_001] * 16),
        (1_600_000_017, [100_000_001] * 16 + [1]),
        (17_000_000_001, [1_000_000_000] * 17 + [1]),
    ],
)
def test_parts_are_a_sixteenth_within_limits(total: int, sizes: list[int]) -> None:
    parts = divide(total)
    assert [part.size for part in parts] == sizes
    assert [part.offset for part in parts] == [sum(sizes[:n]) for n in range(len(sizes))]
    assert [part.number for part in parts] == list(range(len(sizes)))


@pytest.fixture
def partial(tmp_path: Path) -> PartialFile:
    return PartialFile(Blobs(tmp_path), DIGEST)


def test_plan_is_a_sparse_file_of_full_size_and_a_line_of_json_per_part(
    partial: PartialFile, tmp_path: Path
) -> None:
    partial.create([Part(0, 0, 10), Part(1, 10, 5)], 15)
    name = DIGEST.replace(":", "-")
    assert (tmp_path / f"{name}-partial").read_bytes() == bytes(15)
    state = (tmp_path / f"{name}-partial-1").read_text()
    assert state == '{"N":1,"Offset":10,"Size":5,"Completed":0}\n'


def test_saved_progress_is_read_back(partial: PartialFile) -> None:
    parts = [Part(0, 0, 10), Part(1, 10, 5)]
    partial.create(parts, 15)
    parts[0].completed = 7
    partial.save(parts[0])
    assert partial.load() == [Part(0, 0, 10, 7), Part(1, 10, 5, 0)]


def test_shorter_state_leaves_nothing_of_a_longer_one(partial: PartialFile) -> None:
    partial.create([Part(0, 0, 1000, 999)], 1000)
    partial.save(Part(0, 0, 1000, 1))
    assert partial.load() == [Part(0, 0, 1000, 1)]


@pytest.mark.parametrize(
    "line",
    [
        "",
        "{",
        "[]",
        '{"N":0}',
        '{"N":0,"Offset":0,"Size":15,"Completed":-1}',
        '{"N":0,"Offset":0,"Size":15,"Completed":16}',
        '{"N":0,"Offset":0,"Size":"15","Completed":0}',
        '{"N":0,"Offset":1,"Size":14,"Completed":0}',
        '{"N":0,"Offset":0,"Size":14,"Completed":0}',
    ],
)
def test_states_that_do_not_tile_the_file_are_removed(
    partial: PartialFile, tmp_path: Path, line: str
) -> None:
    partial.create([Part(0, 0, 15)], 15)
    Path(f"{partial.path}-0").write_text(line)
    assert partial.load() is None
    assert list(tmp_path.iterdir()) == []


def test_state_of_an_ollama_server_is_understood(partial: PartialFile) -> None:
    partial.path.write_bytes(bytes(15))
    state = {"N": 0, "Offset": 0, "Size": 15, "Completed": 4, "CompletedAt": "unknown"}
    Path(f"{partial.path}-0").write_text(json.dumps(state))
    assert partial.load() == [Part(0, 0, 15, 4)]
