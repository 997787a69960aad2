from __future__ import annotations

import base64
import re

import msgspec
import numpy as np
import pytest

from ollama_server.chat.types import SPOT, Media
from ollama_server.wire.clock import local_time, utc_now
from ollama_server.wire.media import Parts, decode_base64, media_from_bytes, media_from_text
from ollama_server.wire.native_frames import ChatFrame, MessageOut, encode
from ollama_server.wire.vectors import shortest_floats


def test_created_at_is_rfc_3339_in_utc() -> None:
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z", utc_now())


def test_local_times_carry_nanoseconds_and_an_offset() -> None:
    text = local_time(1_700_000_000, 120_000_000)
    assert re.fullmatch(r"2023-11-1\dT\d\d:\d\d:\d\d\.12(Z|[+-]\d\d:\d\d)", text)


def test_a_zero_fraction_is_left_out() -> None:
    assert "." not in local_time(1_700_000_000, 0)


def test_vectors_print_with_as_few_digits_as_name_the_same_float32() -> None:
    values = np.array([[0.1, 1 / 3, -2.5e-8, 0.0, 1.0, 3e20, 1e-30]], np.float32)
    printed = msgspec.json.encode(shortest_floats(values)).decode()
    assert printed.startswith("[[0.1,0.33333334,-2.5e-8,0.0,1.0,3e20,")
    assert (np.array(msgspec.json.decode(printed), np.float32) == values).all()


def test_random_vectors_survive_their_text() -> None:
    values = np.random.default_rng(1).normal(size=(50, 64)).astype(np.float32)
    assert (np.array(shortest_floats(values)).astype(np.float32) == values).all()


def test_base64_may_have_line_breaks() -> None:
    assert decode_base64("aGVs\nbG8=") == b"hello"


@pytest.mark.parametrize(
    "text", ["data:image/png;base64,aGVsbG8=", "aGVsbG8", "aGV_bG8=", "aGVsbG8=x"]
)
def test_anything_but_padded_standard_base64_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="illegal base64 data at input byte"):
        decode_base64(text)


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"RIFF\0\0\0\0WAVEfmt ", "audio"),
        (b"ID3\x03", "audio"),
        (b"\xff\xfb\x90", "audio"),
        (b"RIFF\0\0\0\0WEBP", "image"),
        (b"\xff\xd8\xff\xe0", "image"),
        (base64.b64decode("iVBORw0KGgo="), "image"),
    ],
)
def test_sounds_are_told_from_images_by_their_bytes(data: bytes, kind: str) -> None:
    assert media_from_bytes(data).kind == kind


@pytest.mark.parametrize(
    ("text", "medium"),
    [
        ("aW1n", Media(b"img")),
        ("data:image/png;base64,aW1n", Media(b"img")),
        ("DATA:;BASE64,aW1n", Media(b"img")),
        ("data:audio/mp3;base64,SUQz", Media(b"ID3", "audio")),
        ("https://h/x.png", Media(url="https://h/x.png")),
        ("HTTP://h/x.png", Media(url="HTTP://h/x.png")),
    ],
)
def test_media_come_as_base64_or_as_urls(text: str, medium: Media) -> None:
    assert media_from_text(text) == medium


def test_parts_keep_their_order() -> None:
    parts = Parts(separator="\n")
    one, other = Media(b"1"), Media(b"2")
    parts.show(one)
    parts.say("a")
    parts.say("b")
    parts.show(other)
    parts.say("c")
    assert (parts.content, parts.media) == (f"{SPOT}a\nb{SPOT}c", [one, other])


def test_empty_fields_are_left_out_but_the_message_and_done_stay() -> None:
    frame = ChatFrame(model="m", created_at="t", message=MessageOut("assistant", ""), done=False)
    assert msgspec.json.decode(encode(frame)) == {
        "model": "m",
        "created_at": "t",
        "message": {"role": "assistant", "content": ""},
        "done": False,
    }
