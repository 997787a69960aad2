"""Reading SentencePiece's ``tokenizer.model``: a protocol buffer of pieces and a few settings."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from ollama_server.errors import StoreError

# sentencepiece_model.proto: ModelProto.SentencePiece.Type is what ggml calls a token type.
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5

UNIGRAM, BPE = 1, 2


@dataclass(slots=True)
class PieceModel:
    """``pieces`` are (text, score, type); types are ggml's: 1 normal, 2 unknown, 3 control, …"""

    pieces: list[tuple[str, float, int]] = field(default_factory=list)
    model_type: int = UNIGRAM
    add_dummy_prefix: bool = True
    remove_extra_whitespaces: bool = True
    charsmap: bytes = b""


def parse_piece_model(data: bytes) -> PieceModel:
    """Read the file's bytes. Raises StoreError when they are no such model."""
    model = PieceModel()
    try:
        for number, value in _fields(data):
            if number == 1:
                model.pieces.append(_piece(value))
            elif number == 2:
                for key, setting in _fields(value):
                    if key == 3:
                        model.model_type = setting
            elif number == 3:
                _normalizer(model, value)
    except (IndexError, struct.error, TypeError, ValueError) as error:
        raise StoreError(f"unknown tokenizer format: tokenizer.model: {error}") from error
    if not model.pieces:
        raise StoreError("unknown tokenizer format: tokenizer.model has no pieces")
    return model


def _piece(data: bytes) -> tuple[str, float, int]:
    text, score, kind = "", 0.0, 1
    for number, value in _fields(data):
        if number == 1:
            text = value.decode("utf-8", "replace")
        elif number == 2:
            (score,) = struct.unpack("<f", value)
        elif number == 3:
            kind = value
    return text, score, kind


def _normalizer(model: PieceModel, data: bytes) -> None:
    for number, value in _fields(data):
        if number == 2:
            model.charsmap = value
        elif number == 3:
            model.add_dummy_prefix = bool(value)
        elif number == 4:
            model.remove_extra_whitespaces = bool(value)


def _fields(data: bytes) -> Iterator[tuple[int, Any]]:
    """(field number, value): integers for varints, bytes for everything else."""
    position = 0
    while position < len(data):
        key, position = _varint(data, position)
        kind = key & 7
        if kind == _VARINT:
            value, position = _varint(data, position)
            yield key >> 3, value
            continue
        if kind == _BYTES:
            length, position = _varint(data, position)
        elif kind in (_FIXED32, _FIXED64):
            length = 4 if kind == _FIXED32 else 8
        else:
            raise ValueError(f"wire type {kind}")
        if position + length > len(data):
            raise ValueError("cut off")
        yield key >> 3, data[position : position + length]
        position += length


def _varint(data: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
        shift += 7
