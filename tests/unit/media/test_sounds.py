"""Sounds: WAV files with honest sizes, MP3 files of a bounded length."""

from __future__ import annotations

import struct

import pytest

from ollama_server.media.images import MediaError
from ollama_server.media.sounds import prepare_sound

FRAME = b"\xff\xfb\x90\x00" + b"\0" * 413  # MPEG 1, layer III, 128 kbit/s, 44,100 Hz


def wav(
    samples: bytes, *, tag: int = 1, channels: int = 1, rate: int = 16000, bits: int = 16
) -> bytes:
    layout = struct.pack("<HHIIHH", tag, channels, rate, 0, 0, bits)
    body = b"WAVEfmt " + struct.pack("<I", 16) + layout
    body += b"data" + struct.pack("<I", len(samples)) + samples
    return b"RIFF" + struct.pack("<I", len(body)) + body


def samples_of(data: bytes) -> bytes:
    at = data.index(b"data")
    return data[at + 8 : at + 8 + int.from_bytes(data[at + 4 : at + 8], "little")]


def test_a_plain_wav_keeps_its_samples_and_tells_its_length() -> None:
    sound = prepare_sound(wav(b"\1\2" * 16000))
    assert samples_of(sound.data) == b"\1\2" * 16000
    assert sound.seconds == 1.0


def test_chunks_beside_format_and_samples_are_left_out() -> None:
    data = wav(b"\1\2" * 8)
    noisy = data[:36] + b"LIST" + struct.pack("<I", 3) + b"abc\0" + data[36:]
    assert prepare_sound(noisy).data == prepare_sound(data).data


@pytest.mark.parametrize("stated", [0, 0xFFFFFFFF, 1000])
def test_a_wrong_size_becomes_the_real_one(stated: int) -> None:
    data = wav(b"\1\2" * 8)
    at = data.index(b"data") + 4
    forged = data[:at] + struct.pack("<I", stated) + data[at + 4 :]
    assert samples_of(prepare_sound(forged).data) == b"\1\2" * 8


def test_half_a_sample_at_the_end_is_cut_off() -> None:
    assert samples_of(prepare_sound(wav(b"\1\2\3\4\5", channels=2)).data) == b"\1\2\3\4"


def test_an_extensible_format_is_read_through() -> None:
    layout = struct.pack("<HHIIHHHHI", 0xFFFE, 1, 16000, 0, 0, 32, 22, 32, 4)
    layout += struct.pack("<H", 3) + b"\0" * 14
    body = b"WAVEfmt " + struct.pack("<I", len(layout)) + layout
    body += b"data" + struct.pack("<I", 8) + b"\0" * 8
    sound = prepare_sound(b"RIFF" + struct.pack("<I", len(body)) + body)
    assert struct.unpack_from("<H", sound.data, 20) == (3,)


def test_an_mp3_stays_as_it_is_and_tells_its_length() -> None:
    sound = prepare_sound(FRAME * 100)
    assert sound.data == FRAME * 100
    assert sound.seconds == pytest.approx(100 * 1152 / 44100)


def test_a_tag_before_the_frames_is_skipped() -> None:
    tag = b"ID3\x03\0\0\0\0\x01\x00" + b"\xff\xfb\x90\x00" * 32
    assert prepare_sound(tag + FRAME * 3).seconds == pytest.approx(3 * 1152 / 44100)


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", "the sound is empty"),
        (b"OggS" + b"\0" * 20, "not a sound of a known type"),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 20, "not a sound of a known type"),
        (b"RIFF\0\0\0\0WAVE", "no samples were found"),
        (wav(b""), "the sound has no samples"),
        (wav(b"\0" * 8)[:24], "no samples were found"),
        (wav(b"\0" * 8, tag=2, bits=4), "WAV files of format 2 with 4 bits"),
        (wav(b"\0" * 8, channels=0), "0 channels"),
        (wav(b"\0" * 800, channels=99), "99 channels"),
        (wav(b"\0" * 8, rate=1), "1 samples a second"),
        (b"ID3\x03\0\0\0\0\0\0" + b"\0" * 50, "no MP3 frames"),
        (b"\xff\xfb\x90\x00", "no MP3 frames"),
        (FRAME * 2 + b"\xff" * 200_000, "most of it is no MP3"),
    ],
)
def test_what_is_no_sound_is_refused(data: bytes, text: str) -> None:
    with pytest.raises(MediaError, match=text):
        prepare_sound(data)


@pytest.mark.parametrize("data", [wav(b"\0" * 8_000_000, rate=1000), FRAME * 150_000])
def test_what_plays_for_more_than_an_hour_is_refused(data: bytes) -> None:
    with pytest.raises(MediaError, match="longer than 3600 seconds"):
        prepare_sound(data)
