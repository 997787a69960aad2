"""What translations do to data, against loops that say the same slowly."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ollama_server.store.dialects import operations as op
from ollama_server.store.dialects.draft import Array, Part, RuleError, Span
from ollama_server.store.ggml import F16, F32


def part(path: Path, array: Array, kind: int = F32) -> Part:
    path.write_bytes(array.tobytes())
    return Part(array.shape[::-1], kind, (Span(0, array.nbytes),))


def ramp(*shape: int) -> Array:
    count = int(np.prod(shape))
    return np.arange(count, dtype=np.float32).reshape(shape[::-1])


def test_frames_of_a_convolution_are_split(tmp_path: Path) -> None:
    source = ramp(2, 3, 2, 4 * 3)
    found = op.split_frames(tmp_path / "f", part(tmp_path / "f", source), 3)
    for frame, made in enumerate(found):
        values = op.read_floats(tmp_path / "f", made)
        assert made.shape == (2, 3, 3, 4)
        for out in range(4):
            for channel in range(3):
                assert (values[out, channel] == source[out * 3 + channel, frame]).all()


def test_rows_of_heads_are_interleaved(tmp_path: Path) -> None:
    source, heads, size = ramp(3, 2 * 6), 2, 6
    made = op.interleave_heads(tmp_path / "f", part(tmp_path / "f", source), heads)
    values = op.read_floats(tmp_path / "f", made)
    for head in range(heads):
        for j in range(size // 2):
            for half in range(2):
                row = source[head * size + half * (size // 2) + j]
                assert (values[head * size + 2 * j + half] == row).all()


def test_positions_are_resized_with_aligned_corners(tmp_path: Path) -> None:
    source = ramp(1, 9)
    made = op.resize_positions(tmp_path / "f", part(tmp_path / "f", source), 1, 5)
    values = op.read_floats(tmp_path / "f", made).reshape(5, 5)
    assert values.tolist() == [[row * 1.5 + x * 0.5 for x in range(5)] for row in range(5)]


def test_positions_of_the_right_size_stay(tmp_path: Path) -> None:
    source = ramp(2, 9)
    made = op.resize_positions(tmp_path / "f", part(tmp_path / "f", source), 2, 3)
    assert (op.read_floats(tmp_path / "f", made) == source).all()


def test_one_position_is_the_first(tmp_path: Path) -> None:
    made = op.resize_positions(tmp_path / "f", part(tmp_path / "f", ramp(2, 9)), 2, 1)
    assert op.read_floats(tmp_path / "f", made).tolist() == [[0, 1]]


def test_rows_of_one_type_are_joined_without_being_read(tmp_path: Path) -> None:
    matrix = part(tmp_path / "f", ramp(4, 2).astype(np.float16), F16)
    joined = op.join_rows(tmp_path / "f", [matrix, matrix])
    assert (joined.shape, joined.type, joined.make) == ((4, 4), F16, None)


def test_rows_of_two_types_are_joined_as_floats(tmp_path: Path) -> None:
    half = part(tmp_path / "f", ramp(4, 2).astype(np.float16), F16)
    joined = op.join_rows(tmp_path / "f", [half, op.promote(tmp_path / "f", half)])
    assert joined.type == F32
    assert op.read_floats(tmp_path / "f", joined).tolist() == [*ramp(4, 2).tolist()] * 2


def test_old_mxfp4_becomes_todays(tmp_path: Path) -> None:
    nibbles = np.arange(32) % 16
    raw = np.concatenate([[99], nibbles[0::2] | nibbles[1::2] << 4]).astype(np.uint8)
    (tmp_path / "f").write_bytes(raw.tobytes())
    source = Part((32, 1, 1), 4, (Span(0, 0),))
    made = op.raw_mxfp4_rows(tmp_path / "f", source, 0, 1, raw=True)
    block = op.read_bytes(tmp_path / "f", made)
    today = np.concatenate([block[1:] & 15, block[1:] >> 4])
    assert block[0] == 99
    assert today.tolist() == nibbles.tolist()


@pytest.mark.parametrize("shape", [(4, 4, 3, 6), (4, 4, 2, 7), (4, 4, 2)])
def test_a_patch_embedding_of_another_shape_is_refused(
    tmp_path: Path, shape: tuple[int, ...]
) -> None:
    with pytest.raises(RuleError, match="patch embedding"):
        op.split_frames(tmp_path / "f", part(tmp_path / "f", ramp(*shape)), 3)
