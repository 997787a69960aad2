"""Images in the engine: the same as llama.cpp's own program, reused, refused where they must be."""

from __future__ import annotations

import base64
import struct
import subprocess
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from ollama_server.engine import protocol as p

from .conftest import TINY
from .projectors import write_projector
from .runner import GREEDY, Runner
from .test_generation import endless

CLI = Path(__file__).parents[2] / ".build" / "bin" / "llama-mtmd-cli"
BEFORE, AFTER = "<|im_start|>user\n", "What is this?<|im_end|>\n<|im_start|>assistant\n"
KINDS = ("mlp", "gemma3")


def picture(seed: int, size: int = 32) -> bytes:
    """A PNG of random pixels."""
    pixels = np.random.default_rng(seed).integers(0, 256, (size, size, 3), dtype=np.uint8)
    rows = b"".join(b"\0" + row.tobytes() for row in pixels)

    def chunk(name: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        )

    header = struct.pack(">IIBBBBB", size, size, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


@pytest.fixture(scope="module", params=KINDS)
def seeing(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Runner, Path]]:
    """A runner with a random projector of each type, and the projector's file."""
    path = tmp_path_factory.mktemp("projector") / f"{request.param}.gguf"
    write_projector(path, request.param, text_width=256)
    runner = Runner(p.Load(str(TINY), projectors=[str(path)], num_ctx=512, parallel=4))
    yield runner, path
    runner.close()


def ask(runner: Runner, *images: bytes, after: str = AFTER, tokens: int = 24) -> p.Generate:
    """A question about images, greedy and short."""
    parts = [p.Text(BEFORE), *(p.Media(image) for image in images), p.Text(after)]
    return p.Generate(runner.id(), parts, GREEDY, max_tokens=tokens)


def test_the_answer_is_that_of_llama_cpp(seeing: tuple[Runner, Path], tmp_path: Path) -> None:
    if not CLI.exists():
        pytest.skip("needs llama-mtmd-cli: make llama-tools")
    runner, projector = seeing
    image = tmp_path / "image.png"
    for seed in range(4):
        image.write_bytes(picture(seed))
        command = [CLI, "-m", TINY, "--mmproj", projector, "--image", image, "-p", "What is this?"]
        command += ["--temp", "0", "-n", "200", "-t", "1", "-c", "512", "--jinja"]
        said = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
        answer = runner.generate_all([ask(runner, image.read_bytes(), tokens=200)])[0]
        # The program ends without waiting for its log's thread, which loses the last words.
        assert len(said) > 20
        assert answer.text.strip().startswith(said)


def test_a_repeated_image_is_neither_encoded_nor_computed_again(
    seeing: tuple[Runner, Path],
) -> None:
    runner, _ = seeing
    long = "Say what you see, and whether it is what you saw before. " * 12
    first = runner.generate_all([ask(runner, picture(9), after=long + AFTER)])[0]
    again = runner.generate_all([ask(runner, picture(9), after=long + AFTER)])[0]
    assert again.text == first.text
    assert again.finished.cached_tokens > again.finished.prompt_tokens / 2


def test_another_image_is_not_mistaken_for_the_first(seeing: tuple[Runner, Path]) -> None:
    runner, _ = seeing
    long = "Say what you see. " * 20
    alone = runner.generate_all([ask(runner, picture(5), after=long + AFTER)])[0].text
    runner.generate_all([ask(runner, picture(6), after=long + AFTER)])
    assert runner.generate_all([ask(runner, picture(5), after=long + AFTER)])[0].text == alone


def test_requests_with_different_images_share_a_batch(seeing: tuple[Runner, Path]) -> None:
    runner, _ = seeing
    alone = [runner.generate_all([ask(runner, picture(i))])[0].text for i in range(3)]
    together = runner.generate_all([ask(runner, picture(i)) for i in range(3)])
    assert [answer.text for answer in together] == alone


def test_text_streams_go_on_beside_an_image(seeing: tuple[Runner, Path]) -> None:
    runner, _ = seeing
    alone = runner.generate_all([endless(runner, max_tokens=60)])[0].text
    stream, image = endless(runner, max_tokens=60), ask(runner, picture(11))
    assert runner.generate_all([stream, image])[0].text == alone


@pytest.mark.parametrize("data", [b"", b"not an image", picture(1)[:40], base64.b64encode(b"x")])
def test_a_broken_image_is_refused_by_its_number(seeing: tuple[Runner, Path], data: bytes) -> None:
    runner, _ = seeing
    failed = runner.generate_all([ask(runner, picture(2), data)])[0].failed
    assert failed.status == 400
    assert "2" in failed.error
    assert runner.generate_all([ask(runner, picture(2))])[0].finished


def test_sound_is_refused_by_a_model_that_only_sees(seeing: tuple[Runner, Path]) -> None:
    runner, _ = seeing
    request = p.Generate(runner.id(), [p.Media(b"RIFF", "audio"), p.Text("?")], GREEDY)
    failed = runner.generate_all([request])[0].failed
    assert (failed.status, failed.error) == (400, "this model does not take sound")


def test_a_model_without_a_projector_refuses_images(runner: Runner) -> None:
    failed = runner.generate_all([ask(runner, picture(1))])[0].failed
    assert (failed.status, failed.error) == (400, "this model does not take images or sound")
