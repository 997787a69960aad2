"""Blobs, and the exact bytes that the store generates."""

from __future__ import annotations

import errno
import hashlib
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ollama_server.errors import BadRequest, NotFound, StoreError
from ollama_server.store import gojson
from ollama_server.store.blobs import Blobs, check_digest, digest_of
from ollama_server.store.config import Config
from ollama_server.store.config import parse as parse_config
from ollama_server.store.create import messages_blob
from ollama_server.store.disk import disk_errors


@pytest.fixture
def blobs(tmp_path: Path) -> Blobs:
    return Blobs(tmp_path / "blobs")


def test_a_blob_is_stored_under_its_digest(blobs: Blobs) -> None:
    stored = blobs.put(b"hello")
    assert stored.digest == "sha256:" + hashlib.sha256(b"hello").hexdigest()
    assert blobs.path(stored.digest).name == stored.digest.replace(":", "-")
    assert blobs.read(stored.digest) == b"hello"
    assert blobs.path(stored.digest).stat().st_mode & 0o777 == 0o644


def test_storing_the_same_bytes_twice_reports_that_they_exist(blobs: Blobs) -> None:
    assert blobs.put(b"x").created
    assert not blobs.put(b"x").created


def test_using_a_blob_again_renews_its_age(blobs: Blobs) -> None:
    digest = blobs.put(b"x").digest
    os.utime(blobs.path(digest), (1, 1))
    blobs.put(b"x")
    assert blobs.path(digest).stat().st_mtime > 1


def test_an_abandoned_write_leaves_nothing(blobs: Blobs) -> None:
    with blobs.writer() as writer:
        writer.write(b"half")
    assert list(blobs.root.iterdir()) == []


def test_unfinished_bytes_are_never_visible_as_a_blob(blobs: Blobs) -> None:
    with blobs.writer() as writer:
        writer.write(b"half")
        assert [digest for _, digest in blobs.files()] == [None]


def test_a_wrong_digest_is_reported_and_the_bytes_stay_under_the_true_one(blobs: Blobs) -> None:
    wanted = "sha256:" + "0" * 64
    with blobs.writer() as writer:
        writer.write(b"data")
        with pytest.raises(BadRequest) as caught:
            writer.commit(wanted)
    true = digest_of(b"data")
    assert str(caught.value) == f'digest mismatch, expected "{wanted}", got "{true}"'
    assert blobs.read(true) == b"data"
    assert not blobs.has(wanted)


@pytest.mark.parametrize(
    "digest", ["sha256:" + "a" * 64, "sha256-" + "a" * 64, "sha256:" + "A" * 64]
)
def test_both_spellings_of_a_digest_are_accepted(digest: str) -> None:
    assert check_digest(digest) == "sha256:" + "a" * 64


@pytest.mark.parametrize(
    "digest",
    ["", "sha256:", "a" * 64, "sha256:" + "g" * 64, "sha256:../" + "a" * 61, "md5:" + "a" * 64],
)
def test_other_digests_are_refused(digest: str, blobs: Blobs) -> None:
    with pytest.raises(BadRequest, match="invalid digest format"):
        blobs.path(digest)


def test_a_missing_blob_is_not_found(blobs: Blobs) -> None:
    with pytest.raises(NotFound, match=r'blob "sha256:b+" not found'):
        blobs.read("sha256:" + "b" * 64)


def test_a_file_moves_into_the_store(blobs: Blobs, tmp_path: Path) -> None:
    source = tmp_path / "made"
    source.write_bytes(b"content")
    stored = blobs.adopt(source)
    assert blobs.read(stored.digest) == b"content"
    assert not source.exists()


def test_a_linked_file_stays_where_it_is_and_shares_its_bytes(blobs: Blobs, tmp_path: Path) -> None:
    source = tmp_path / "kept"
    source.write_bytes(b"content")
    stored = blobs.link(source)
    assert blobs.path(stored.digest).samefile(source)


def test_a_copied_file_is_independent_of_its_source(blobs: Blobs, tmp_path: Path) -> None:
    source = tmp_path / "kept"
    source.write_bytes(b"content")
    stored = blobs.copy(source)
    source.write_bytes(b"changed")
    assert blobs.read(stored.digest) == b"content"


def test_old_blob_names_are_modernised(blobs: Blobs) -> None:
    blobs.root.mkdir(parents=True)
    digest = digest_of(b"old")
    Path(blobs.root, digest).write_bytes(b"old")
    blobs.rename_legacy()
    assert blobs.read(digest) == b"old"


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, "no space left on device"),
        (errno.EROFS, "read-only file system"),
        (errno.EACCES, "permission denied"),
        (errno.EIO, "Input/output error"),
    ],
)
def test_disk_errors_say_what_happened_and_where(number: int, words: str, tmp_path: Path) -> None:
    with pytest.raises(StoreError) as caught, disk_errors(tmp_path):
        raise OSError(number, os.strerror(number), str(tmp_path / "file"))
    assert words in str(caught.value)
    assert str(tmp_path) in str(caught.value)


GOLDEN = {
    "an empty model's config": (
        Config(
            model_format="gguf",
            model_family="test",
            model_families=("test",),
            model_type="0",
            file_type="unknown",
        ).dump(),
        "99759ad5b91e723db0393d698ffbb448b1b7df5ff6377a108c49254583b1bc8c",
    ),
    "parameters": (
        gojson.dumps({"top_k": 10, "temperature": 1.0, "stop": ["USER:", "ASSISTANT:"]}),
        "1d0ad71299d48c2fb7ae2b98e683643e771f8a5b72be34942af90d97a91c1e37",
    ),
    "parameters with escapes": (
        gojson.dumps({"stop": ["<|end|>", "<|system|>", "<|user|>", "<|assistant|>"]}),
        "0d79f567714c62c048378f2107fb332dabee0135d080c302d884317da9433cc5",
    ),
    "a system message": (
        b"Say bye!",
        "4c5f51faac758fecaff8db42f0b7382891a4d0c0bb885f7b86be88c814a7cc86",
    ),
    "a template": (
        b"{{ .Prompt }}",
        "b507b9c2f6ca642bffcd06665ea7c91f235fd32daeefdf875a0f938db05fb315",
    ),
    "a license": (b"MIT", "e5dcffe836b6ec8a58e492419b550e65fb8cbdc308503979e5dacb33ac7ea3b7"),
    "messages": (
        messages_blob(
            [
                {"role": "assistant", "content": "What is my purpose?"},
                {"role": "user", "content": "You run tests."},
                {"role": "assistant", "content": "Oh, my god."},
            ]
        ),
        "298baeaf6928a60cf666d88d64a1ba606feb43a2865687c39e40652e407bffc4",
    ),
}


@pytest.mark.parametrize("name", GOLDEN)
def test_generated_blobs_have_ollamas_digests(name: str) -> None:
    data, digest = GOLDEN[name]
    assert digest_of(data) == "sha256:" + digest


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.7, "0.7"),
        (1.0, "1"),
        (-0.0, "-0"),
        (1e20, "100000000000000000000"),
        (1e21, "1e+21"),
        (1.5e21, "1.5e+21"),
        (1e-6, "0.000001"),
        (1.5e-5, "0.000015"),
        (1e-7, "1e-7"),
        (1.25e-7, "1.25e-7"),
        (123456.789, "123456.789"),
        (2**63, "9223372036854775808"),
    ],
)
def test_numbers_are_written_as_go_writes_them(value: float, text: str) -> None:
    assert gojson.dumps(value) == text.encode() + b"\n"


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_numbers_keep_their_value(value: float) -> None:
    assert float(gojson.number(value)) == value


def test_text_is_escaped_as_go_escapes_it() -> None:
    text = "<b>&\u2028\u2029é\x00\x1f\ud800"
    expected = '"\\u003cb\\u003e\\u0026\\u2028\\u2029é\\u0000\\u001f\ufffd"'
    assert gojson.string(text) == expected


def test_map_keys_are_sorted_and_struct_fields_keep_their_order() -> None:
    value = gojson.Struct(z=1, a={"y": 1, "b": 2})
    assert gojson.compact(value) == b'{"z":1,"a":{"b":2,"y":1}}'


@pytest.mark.parametrize("value", [b"-5", b"0", b'"8"', b"1e999", b"NaN", b"true", b"null"])
def test_a_length_that_is_none_is_not_stated(value: bytes) -> None:
    assert parse_config(b'{"context_length":' + value + b"}").context_length == 0


@pytest.mark.parametrize("data", [b"5", b"[]", b"\xff\xfe", b"[" * 100_000])
def test_a_config_that_is_no_object_is_reported(data: bytes) -> None:
    with pytest.raises(StoreError, match="damaged config"):
        parse_config(data)


def test_a_config_survives_being_written_and_read() -> None:
    config = Config(
        model_format="gguf",
        model_family="llama",
        model_families=("llama", "clip"),
        model_type="8B",
        file_type="Q4_0",
        renderer="r",
        parser="p",
        requires="0.1.0",
        remote_host="https://h:443",
        remote_model="m",
        capabilities=("tools",),
        context_length=10,
        embedding_length=20,
        base_name="b",
        draft={"model_format": "gguf"},
    )
    assert parse_config(config.dump()) == config
