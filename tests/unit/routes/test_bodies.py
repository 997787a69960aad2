"""Compressed request bodies."""

from __future__ import annotations

import pytest
import zstandard

from ollama_server.errors import BadRequest
from ollama_server.routes.bodies import MAX_DECOMPRESSED, UndecodableBody, decompress
from ollama_server.routes.envelopes import error_response


def test_a_zstd_body_is_decompressed() -> None:
    assert decompress(zstandard.compress(b'{"model":"m"}')) == b'{"model":"m"}'


def test_frames_in_a_row_are_one_body() -> None:
    assert decompress(zstandard.compress(b"ab") + zstandard.compress(b"cd")) == b"abcd"


def test_a_bomb_is_refused() -> None:
    with pytest.raises(UndecodableBody, match="http: request body too large"):
        decompress(zstandard.compress(bytes(MAX_DECOMPRESSED + 1)))


def test_the_largest_body_is_taken() -> None:
    assert len(decompress(zstandard.compress(bytes(MAX_DECOMPRESSED)))) == MAX_DECOMPRESSED


def test_a_broken_body_is_refused() -> None:
    with pytest.raises(UndecodableBody, match="failed to decompress request body"):
        decompress(b'{"model":"m"}')


def test_that_refusal_has_no_envelope() -> None:
    response = error_response("/v1/chat/completions", UndecodableBody("no"))
    assert (response.status_code, bytes(response.body)) == (400, b'{"error":"no"}')


def test_other_refusals_have_one() -> None:
    response = error_response("/v1/chat/completions", BadRequest("no"))
    assert b'"type":"invalid_request_error"' in bytes(response.body)
