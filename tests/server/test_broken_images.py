"""1,000 damaged image files through the three families: refused by place, or seen; nothing dies."""

from __future__ import annotations

import base64
import io
import random
import struct
import zlib
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from PIL import Image

from tests.engine.projectors import write_projector
from tests.engine.test_media import noise
from tests.pictures import encoded, png_header
from tests.process import TINY, ServerProcess

COUNT, CLIENTS = 1000, 4
PLACE = "messages[0].content[1]: "
STRANGERS = (
    b"",
    b"\0" * 64,
    b"<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'/>",
    b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\n",
    b"PK\x03\x04" + b"\0" * 60,
    b"\x7fELF" + b"\0" * 60,
    b"\0\0\0\x20ftypavif" + b"\0" * 60,
    b"II*\0" + b"\0" * 60,
    noise(1, 0.1),
    b"#EXTM3U\nfile:///etc/passwd\n",
)


def originals() -> list[bytes]:
    """Whole files of every format, in several of its variants."""
    rng = random.Random(1)
    noisy = Image.frombytes("RGB", (24, 20), rng.randbytes(24 * 20 * 3))
    smooth = noisy.resize((40, 32), Image.Resampling.BICUBIC)
    exif = Image.Exif()
    exif[0x0112] = 6
    frames = io.BytesIO()
    noisy.save(frames, format="GIF", save_all=True, append_images=[smooth.resize((24, 20))])
    return [
        encoded(noisy, "PNG"),
        encoded(smooth.convert("P"), "PNG"),
        encoded(smooth.convert("RGBA"), "PNG"),
        encoded(smooth, "JPEG"),
        encoded(smooth, "JPEG", progressive=True, exif=exif),
        encoded(smooth.convert("CMYK"), "JPEG"),
        encoded(smooth, "WEBP"),
        encoded(noisy, "WEBP", lossless=True),
        frames.getvalue(),
        encoded(noisy, "BMP"),
    ]


def damaged(rng: random.Random, wholes: list[bytes]) -> bytes:
    """A file with one kind of damage."""
    data = bytearray(rng.choice(wholes))
    match rng.randrange(8):
        case 0:
            return rng.choice(STRANGERS)
        case 1:
            return bytes(data[: rng.randrange(len(data))])
        case 2:  # a header that lies
            for _ in range(rng.randint(1, 6)):
                data[rng.randrange(min(64, len(data)))] = rng.randrange(256)
        case 3:  # bits that fell over
            for _ in range(rng.randint(1, 20)):
                data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        case 4:
            at, size = rng.randrange(len(data)), rng.randint(1, 64)
            data[at : at + size] = rng.randbytes(rng.randint(0, 96))
        case 5:  # the beginning of one, the end of another
            other = rng.choice(wholes)
            return bytes(data[: rng.randrange(len(data))]) + other[rng.randrange(len(other)) :]
        case 6:
            return png_header(*(rng.choice((1, 999, 65535, 2**31 - 1)) for _ in range(2)))
        case _:  # numbers at their limits
            at = rng.randrange(max(1, len(data) - 4))
            struct.pack_into(">I", data, at, rng.choice((0, 0x7FFFFFFF, 0xFFFFFFFF)))
    return with_checksums(bytes(data)) if rng.random() < 0.5 else bytes(data)


def with_checksums(data: bytes) -> bytes:
    """A PNG whose checksums are right, so that its readers read on; anything else as it is."""
    if not data.startswith(b"\x89PNG\r\n\x1a\n"):
        return data
    out, at = data[:8], 8
    while at + 12 <= len(data):
        (size,) = struct.unpack_from(">I", data, at)
        if at + 12 + size > len(data):
            break
        body = data[at + 4 : at + 8 + size]
        out += data[at : at + 4] + body + struct.pack(">I", zlib.crc32(body))
        at += 12 + size
    return out + data[at:]


def is_whole(data: bytes) -> bool:
    """Whether there is a picture in it all the same."""
    try:
        with Image.open(io.BytesIO(data), formats=("PNG", "JPEG", "WEBP", "GIF", "BMP")) as image:
            if image.width * image.height > 1_000_000:
                return False
            image.load()
    except Exception:
        return False
    return True


@pytest.fixture(scope="module")
def eyes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server of its own, with a model that sees."""
    folder = tmp_path_factory.mktemp("eyes")
    server = ServerProcess(folder, IMAGE_MAX_PIXELS="1000000")
    projector = write_projector(folder / "mmproj.gguf", "mlp", text_width=256)
    names = {path.name: server.upload(path.read_bytes()) for path in (TINY, projector)}
    server.create("eyes", files=names, parameters={"num_ctx": 512})
    yield server
    server.close()


def ask(server: ServerProcess, family: int, data: bytes) -> httpx.Response:
    """Show a file to the model by one family's route."""
    text = base64.b64encode(data).decode()
    question = {"type": "text", "text": "?"}
    source = {"type": "base64", "media_type": "image/png", "data": text}
    url = {"url": f"data:image/png;base64,{text}"}
    part: dict[str, Any] = (
        {"type": "image", "url": url["url"]},
        {"type": "image_url", "image_url": url},
        {"type": "image", "source": source},
    )[family]
    path = ("/api/chat", "/v1/chat/completions", "/v1/messages")[family]
    limit = {"options": {"num_predict": 1, "temperature": 0}} if not family else {"max_tokens": 1}
    messages = [{"role": "user", "content": [question, part]}]
    body = {"model": "eyes", "messages": messages, "stream": False, **limit}
    return server.client.post(path, json=body)


def message(response: httpx.Response) -> str:
    """What an error says, in whichever envelope."""
    error = response.json()["error"]
    text: str = error if isinstance(error, str) else error["message"]
    return text


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
def test_damaged_images_are_refused_or_seen_and_the_server_lives_on(eyes: ServerProcess) -> None:
    whole = originals()[0]
    before = ask(eyes, 0, whole).json()["message"]
    runners = eyes.runners()
    rng, wholes = random.Random(20), originals()
    files = [damaged(rng, wholes) for _ in range(COUNT)]
    with ThreadPoolExecutor(CLIENTS) as pool:
        answers = list(pool.map(lambda i: ask(eyes, i % 3, files[i]), range(COUNT)))
    statuses = Counter(answer.status_code for answer in answers)
    assert set(statuses) == {200, 400}
    assert min(statuses.values()) > 50
    for data, answer in zip(files, answers, strict=True):
        if answer.status_code == 200:
            assert is_whole(data)
        else:
            assert message(answer).startswith(PLACE)
    assert ask(eyes, 0, whole).json()["message"] == before
    assert eyes.runners() == runners


def test_every_original_is_seen_in_every_family(eyes: ServerProcess) -> None:
    answers = [ask(eyes, family, data) for data in originals() for family in range(3)]
    assert {answer.status_code for answer in answers} == {200}
