"""Reading and writing GGUF headers."""

from __future__ import annotations

import contextlib
import os
import struct
from pathlib import Path

import gguf
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ollama_server.store import gguf_write as write
from ollama_server.store.ggml import (
    FILE_TYPES,
    TENSOR_TYPES,
    file_type_name,
    parameter_size,
)
from ollama_server.store.gguf import GGUFError, LazyArray, read_gguf
from tests.unit.store.gguf_files import gguf_file, raw_header, tensor

EVERY_KIND = {
    "test.u32": write.uint32(7),
    "test.i32": write.int32(-7),
    "test.u64": write.uint64(2**40),
    "test.f32": write.float32(1e-5),
    "test.flag": write.boolean(True),
    "test.text": write.string("é"),
    "test.texts": write.strings(["a", "b"]),
    "test.numbers": write.int32s([1, -2]),
    "test.floats": write.float32s([0.5, 1.5]),
    "test.flags": write.booleans([True, False]),
    "test.bytes": write.uint8s(b"\x01\x02"),
    "test.counts": write.uint32s([1, 2]),
}


def test_every_kind_of_value_is_written_and_read(tmp_path: Path) -> None:
    header = read_gguf(gguf_file(tmp_path / "f", metadata=EVERY_KIND))
    found = {key: header.metadata[key] for key in EVERY_KIND}
    assert found == {
        "test.u32": 7,
        "test.i32": -7,
        "test.u64": 2**40,
        "test.f32": 1e-5,
        "test.flag": True,
        "test.text": "é",
        "test.texts": ["a", "b"],
        "test.numbers": [1, -2],
        "test.floats": [0.5, 1.5],
        "test.flags": [True, False],
        "test.bytes": [1, 2],
        "test.counts": [1, 2],
    }


def test_files_of_the_gguf_package_are_read(tmp_path: Path) -> None:
    path = tmp_path / "f"
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_block_count(3)
    writer.add_token_list(["x"] * 5000)
    writer.add_tensor("a", np.ones((4, 6), np.float16))
    writer.add_tensor("b", np.ones(5, np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    header = read_gguf(path)
    assert header.architecture == "llama"
    assert header.get("block_count") == 3
    assert [(t.name, t.shape, t.type_name, t.size) for t in header.tensors] == [
        ("a", (6, 4), "F16", 48),
        ("b", (5,), "F32", 20),
    ]
    assert header.parameter_count == 29


def test_the_gguf_package_reads_what_is_written(tmp_path: Path) -> None:
    path = gguf_file(tmp_path / "f", tensor("a", 6, 4), tensor("b", 5), metadata=EVERY_KIND)
    reader = gguf.GGUFReader(path)
    assert [(t.name, list(t.shape)) for t in reader.tensors] == [("a", [6, 4]), ("b", [5])]
    assert reader.fields["test.text"].contents() == "é"


@pytest.mark.parametrize("version", [1, 2, 3])
@pytest.mark.parametrize("order", ["<", ">"])
def test_all_versions_and_byte_orders_are_read(order: str, version: int, tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(raw_header(order, version))
    header = read_gguf(path)
    assert (header.version, header.byte_order) == (version, order)
    assert header.get("block_count") == 7
    assert list(header.get("tokenizer.ggml.tokens")) == ["a", "bc"]
    assert header.tensors[0].shape == (8,)


def test_a_reversed_magic_means_big_endian(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(raw_header(">", 3, magic=b"FUGG"))
    assert read_gguf(path).byte_order == ">"


def test_vocabulary_arrays_are_decoded_only_when_they_are_looked_into(tmp_path: Path) -> None:
    tokens = [f"token {number}" for number in range(300_000)]
    metadata = {"tokenizer.ggml.tokens": write.strings(tokens), "z.last": write.uint32(1)}
    header = read_gguf(gguf_file(tmp_path / "f", metadata=metadata))
    found = header.metadata["tokenizer.ggml.tokens"]
    assert isinstance(found, LazyArray)
    assert "_values" not in found.__dict__
    assert len(found) == 300_000
    assert (found[299_999], found[:2]) == ("token 299999", tokens[:2])
    assert header.metadata["z.last"] == 1


def test_the_tokenizer_can_be_asked_for_at_once(tmp_path: Path) -> None:
    metadata = {"tokenizer.ggml.tokens": write.strings(["a"])}
    path = gguf_file(tmp_path / "f", metadata=metadata)
    found = read_gguf(path, tokenizer=True).metadata["tokenizer.ggml.tokens"]
    path.unlink()
    assert list(found) == ["a"]


def test_a_header_is_read_once_while_the_file_stays_the_same(tmp_path: Path) -> None:
    path = gguf_file(tmp_path / "f")
    first = read_gguf(path)
    assert read_gguf(path) is first
    gguf_file(path, metadata={"test.more": write.uint32(1)})
    assert read_gguf(path).get("more") == 1


def test_keys_without_a_prefix_belong_to_the_architecture(tmp_path: Path) -> None:
    metadata = {"test.pooling_type": write.uint32(1), "general.file_type": write.uint32(15)}
    header = read_gguf(gguf_file(tmp_path / "f", metadata=metadata))
    assert header.get("pooling_type") == 1
    assert header.get("general.nothing", 5) == 5
    assert header.file_type_name == "Q4_K_M"


@pytest.mark.parametrize("content", [b"", b"GG", b"ggml1234", b"PK\x03\x04aaaaaaaaaaaaaaaaaa"])
def test_other_files_have_an_invalid_magic(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(content)
    with pytest.raises(GGUFError, match="invalid file magic"):
        read_gguf(path)


def test_an_unknown_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"GGUF" + struct.pack("<IQQ", 4, 0, 0))
    with pytest.raises(GGUFError, match="unsupported GGUF version 4"):
        read_gguf(path)


def test_a_truncated_upload_names_the_first_tensor_that_is_cut_off(tmp_path: Path) -> None:
    path = gguf_file(tmp_path / "f", tensor("whole", 8), tensor("cut", 8))
    size = path.stat().st_size
    os.truncate(path, size - 4)
    with pytest.raises(GGUFError) as caught:
        read_gguf(path)
    assert str(caught.value) == (
        f'tensor "cut" offset+size ({size}) exceeds file size ({size - 4})'
    )


@pytest.mark.parametrize("part", [0.1, 0.4, 0.7, 0.99])
def test_a_file_cut_inside_its_header_is_refused(part: float, tmp_path: Path) -> None:
    path = gguf_file(tmp_path / "f", metadata=EVERY_KIND)
    os.truncate(path, max(4, int((path.stat().st_size - 31) * part)))
    with pytest.raises(GGUFError, match="unexpected EOF"):
        read_gguf(path)


@pytest.mark.parametrize(
    ("metadata", "text"),
    [
        ({"a.a": struct.pack("<IQ", 8, 2**40)}, "a string of"),
        ({"a.a": struct.pack("<IIQ", 9, 4, 2**40)}, "an array of 1099511627776 elements"),
        ({"a.a": struct.pack("<IIQ", 9, 9, 1)}, "an array of type 9"),
        ({"a.a": struct.pack("<I", 77)}, "a.a has the unknown type 77"),
        ({"general.alignment": write.uint32(0)}, "general.alignment is 0"),
    ],
)
def test_impossible_values_are_refused(
    metadata: dict[str, bytes], text: str, tmp_path: Path
) -> None:
    path = gguf_file(tmp_path / "f", metadata={**metadata, "z.pad": write.uint8s(bytes(200))})
    with pytest.raises(GGUFError, match=text):
        read_gguf(path)


def test_rows_that_blocks_do_not_divide_are_refused(tmp_path: Path) -> None:
    path = gguf_file(tmp_path / "f", write.Tensor("t", (33, 32), 8, lambda: [bytes(33 * 34)]))
    with pytest.raises(GGUFError, match='tensor "t" has rows of 33 elements'):
        read_gguf(path)


def test_tensor_data_of_the_wrong_size_is_not_written(tmp_path: Path) -> None:
    wrong = write.Tensor("t", (4,), 0, lambda: [b"1234"])
    with pytest.raises(GGUFError, match='tensor "t" has 4 bytes where its shape needs 16'):
        gguf_file(tmp_path / "f", wrong)


@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_damaged_bytes_give_an_error_or_a_header_and_nothing_else(
    data: st.DataObject, tmp_path: Path
) -> None:
    whole = bytearray(raw_header("<", 3))
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(4, len(whole) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path / "fuzz"
    path.write_bytes(whole)
    os.utime(path, ns=(data.draw(st.integers(0, 2**60)),) * 2)
    with contextlib.suppress(GGUFError):
        for value in read_gguf(path).metadata.values():
            if isinstance(value, LazyArray):
                value.load()


def test_copying_metadata_keeps_the_exact_types(tmp_path: Path) -> None:
    source = read_gguf(gguf_file(tmp_path / "f", tensor("t", 8, fill=3), metadata=EVERY_KIND))
    copy = tmp_path / "copy"
    with copy.open("wb") as file:
        write.write_gguf(file.write, write.metadata_of(source), write.tensors_of(source))
    assert copy.read_bytes() == (tmp_path / "f").read_bytes()


def test_big_endian_files_are_not_rewritten(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(raw_header(">", 3))
    with pytest.raises(GGUFError, match="cannot rewrite"):
        write.metadata_of(read_gguf(path))


def test_the_tensor_types_are_ggmls() -> None:
    known = {kind.value: (kind.name, *sizes) for kind, sizes in gguf.GGML_QUANT_SIZES.items()}
    del known[9]  # Q8_1 is never stored, and the package has its size wrong
    assert {number: tuple(kind) for number, kind in TENSOR_TYPES.items() if number != 9} == known


def test_the_file_types_are_llama_cpps() -> None:
    names = {kind.value: kind.name for kind in gguf.LlamaFileType if kind.name != "GUESSED"}
    stripped = {n: name.removeprefix("ALL_").removeprefix("MOSTLY_") for n, name in names.items()}
    assert stripped == FILE_TYPES
    assert file_type_name(None) == file_type_name(77) == "unknown"


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0"),
        (512, "512"),
        (22_713, "22K"),
        (137_000_000, "137M"),
        (136_727_040, "136.73M"),
        (3_212_749_888, "3.2B"),
        (7_000_000_000, "7B"),
    ],
)
def test_parameter_counts_are_shortened(count: int, text: str) -> None:
    assert parameter_size(count) == text
