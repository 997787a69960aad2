"""Sounds made fit for a runner, whose reader believes every length that a file states.

WAV files are written anew with the sizes they really have; MP3 files are walked frame by frame.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from ollama_server.media.images import MediaError

# A runner holds a sound as 16,000 floats a second, and hears it in pieces of half a minute.
MAX_SECONDS = 3600.0
MAX_CHANNELS = 32
# Bytes that begin no frame, though they could: tags and pictures at the end have some thousands.
_MAX_MISSES = 100_000
RATES = range(1000, 384_001)

# Format tags of WAV: PCM, floats, A-law and mu-law, and bits a sample that go with them.
_WAV_BITS = {1: (8, 16, 24, 32), 3: (32, 64), 6: (8,), 7: (8,)}
_EXTENSIBLE = 0xFFFE

# Kilobits a second by the header's index, for layer III of MPEG 1 and of MPEG 2 and 2.5.
_BITRATES_1 = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
_BITRATES_2 = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
_MP3_RATES = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}


@dataclass(frozen=True, slots=True)
class Sound:
    """A file that the runner can read, and how long it plays."""

    data: bytes
    seconds: float


def looks_like_sound(head: bytes) -> bool:
    """Whether a WAV or MP3 file may begin with these 12 bytes; JPEG's FF D8 is no frame of MP3."""
    is_wav = head[:4] == b"RIFF" and head[8:12] == b"WAVE"
    is_frame = len(head) > 1 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0
    return is_wav or head[:3] == b"ID3" or is_frame


def prepare_sound(data: bytes) -> Sound:
    """A WAV or MP3 file as the runner may have it.

    Raises MediaError for what is neither, is broken, is empty or longer than ``MAX_SECONDS``.
    """
    if not data:
        raise MediaError("the sound is empty")
    if not looks_like_sound(data[:12]):
        raise MediaError("not a sound of a known type (WAV or MP3)")
    sound = _wav(data) if data.startswith(b"RIFF") else _mp3(data)
    if sound.seconds > MAX_SECONDS:
        raise MediaError(f"the sound plays longer than {MAX_SECONDS:.0f} seconds")
    return sound


def _wav(data: bytes) -> Sound:
    layout: bytes | None = None
    at = 12
    while at + 8 <= len(data):
        name, size = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "little")
        body = at + 8
        if name == b"fmt ":
            layout = data[body : body + min(size, 40)]
        elif name == b"data":
            if layout is None:
                raise MediaError("the sound is broken: its samples come before their format")
            # What is written into a pipe does not know its size and states none, or the largest.
            end = min(body + size, len(data)) if size else len(data)
            return _plain_wav(layout, data[body:end])
        at = body + size + size % 2
    raise MediaError("the sound is broken: no samples were found")


def _plain_wav(layout: bytes, samples: bytes) -> Sound:
    """The smallest header in front of whole samples."""
    if len(layout) < 16:
        raise MediaError("the sound is broken: its format is cut short")
    tag, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", layout)
    if tag == _EXTENSIBLE and len(layout) >= 26:
        (tag,) = struct.unpack_from("<H", layout, 24)
    if bits not in _WAV_BITS.get(tag, ()):
        raise MediaError(f"WAV files of format {tag} with {bits} bits a sample are not supported")
    if not 1 <= channels <= MAX_CHANNELS:
        raise MediaError(f"a sound of {channels} channels is not supported")
    if rate not in RATES:
        raise MediaError(f"a sound of {rate} samples a second is not supported")
    block = channels * bits // 8
    samples = samples[: len(samples) // block * block]
    if not samples:
        raise MediaError("the sound has no samples")
    header = struct.pack("<HHIIHH", tag, channels, rate, rate * block, block, bits)
    body = b"WAVEfmt " + struct.pack("<I", len(header)) + header
    body += b"data" + struct.pack("<I", len(samples)) + samples + b"\0" * (len(samples) % 2)
    seconds = len(samples) / block / rate
    return Sound(b"RIFF" + struct.pack("<I", len(body)) + body, seconds)


def _mp3(data: bytes) -> Sound:
    at = _behind_tag(data)
    frames, misses, seconds = 0, 0, 0.0
    while seconds <= MAX_SECONDS and (at := data.find(b"\xff", at)) >= 0 and at + 4 <= len(data):
        frame = _frame(data, at)
        if frame is None:
            misses += 1
            if misses > _MAX_MISSES:
                raise MediaError("the sound is broken: most of it is no MP3")
            at += 1
            continue
        size, duration = frame
        frames += 1
        seconds += duration
        at += size
    if frames < 2:
        raise MediaError("the sound is broken: no MP3 frames were found")
    return Sound(data, seconds)


def _behind_tag(data: bytes) -> int:
    """Where the frames may begin: an ID3v2 tag states its size in groups of seven bits."""
    if data[:3] != b"ID3" or len(data) < 10:
        return 0
    a, b, c, d = (byte & 0x7F for byte in data[6:10])
    return 10 + (a << 21 | b << 14 | c << 7 | d)


def _frame(data: bytes, at: int) -> tuple[int, float] | None:
    """Bytes and seconds of the layer III frame whose header stands there, if one does."""
    second, third = data[at + 1], data[at + 2]
    version, layer = second >> 3 & 3, second >> 1 & 3
    bitrate, rate_index = third >> 4, third >> 2 & 3
    is_header = second & 0xE0 == 0xE0 and version != 1 and layer == 1
    if not is_header or bitrate in (0, 15) or rate_index == 3:
        return None
    rate = _MP3_RATES[version][rate_index]
    samples = 1152 if version == 3 else 576
    kilobits = (_BITRATES_1 if version == 3 else _BITRATES_2)[bitrate]
    size = samples // 8 * kilobits * 1000 // rate + (third >> 1 & 1)
    return size, samples / rate
