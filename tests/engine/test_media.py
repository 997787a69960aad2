"""Images in the engine: as in llama.cpp's own server, reused, refused where they must be."""

from __future__ import annotations

import base64
import functools
import math
import queue
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import pytest

from ollama_server.engine import protocol as p
from ollama_server.engine.engine import Engine
from ollama_server.engine.intake import Intake
from ollama_server.engine.log import NativeLog
from ollama_server.engine.model import Model
from ollama_server.engine.vision import Projector
from tests.llama_server import LlamaServer

from .conftest import TINY
from .projectors import HEARING, SEEING, write_projector, write_turned
from .rewriting import rewrite
from .runner import GREEDY, Runner
from .test_generation import endless

BEFORE, AFTER = "<|im_start|>user\n", "What is this?<|im_end|>\n<|im_start|>assistant\n"
# One with one position a token, one whose tokens see each other, one with positions in space.
KINDS = ("mlp", "gemma3", "qwen2vl_merger")
CONTEXT = 2048
STREAM, IMAGE = 1, 2


def picture(seed: int, width: int = 32, height: int = 32) -> bytes:
    """A PNG of random pixels."""
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    rows = b"".join(b"\0" + row.tobytes() for row in pixels)

    def chunk(name: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


def noise(seed: int, seconds: float = 1.0) -> bytes:
    """A WAV file of noise, 16,000 samples a second."""
    values = np.random.default_rng(seed).normal(0, 3000, int(16000 * seconds))
    return wav(values.astype("<i2").tobytes())


def wav(samples: bytes) -> bytes:
    """A WAV file of 16,000 samples a second, two bytes each."""
    layout = struct.pack("<IHHIIHH", 16, 1, 1, 16000, 32000, 2, 16)
    body = b"WAVEfmt " + layout + b"data" + struct.pack("<I", len(samples)) + samples
    return b"RIFF" + struct.pack("<I", len(body)) + body


@dataclass(frozen=True)
class Eyes:
    """A text model and a random projector that fits it."""

    model: Path
    projector: Path


def make_eyes(folder: Path, kind: str, *, image: int = 32) -> Eyes:
    """The embedded model; with positions in space for the projectors that have them."""
    projector = write_projector(folder / f"{kind}.gguf", kind, text_width=256, image=image)
    if not kind.endswith("vl_merger"):
        return Eyes(TINY, projector)
    return Eyes(write_turned(folder / "turned.gguf", TINY), projector)


@pytest.fixture(scope="module", params=KINDS)
def seeing(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Runner]:
    """A runner with a random projector of each kind."""
    eyes = make_eyes(tmp_path_factory.mktemp("projector"), request.param)
    runner = Runner(
        p.Load(str(eyes.model), projectors=[str(eyes.projector)], num_ctx=512, parallel=4)
    )
    yield runner
    runner.close()


def ask(runner: Runner, *images: bytes, after: str = AFTER, tokens: int = 24) -> p.Generate:
    """A question about images, greedy and short."""
    parts = [p.Text(BEFORE), *(p.Media(image) for image in images), p.Text(after)]
    return p.Generate(runner.id(), parts, GREEDY, max_tokens=tokens)


# --- beside llama.cpp's own server ----------------------------------------------------------------


def embeddings(dump: Path) -> np.ndarray:
    """The matrix that llama.cpp wrote: its rows are those of all tiles encoded together."""
    if not dump.exists():
        pytest.skip("this llama.cpp does not show its embeddings")
    data = dump.read_bytes()
    (columns,) = struct.unpack_from("<i", data, 4)
    return np.frombuffer(data, np.float32, offset=8).reshape(-1, columns)


@pytest.mark.parametrize("kind", [*SEEING, *HEARING])
def test_embeddings_and_answers_are_those_of_llama_cpp(kind: str, tmp_path: Path) -> None:
    eyes = make_eyes(tmp_path, kind)
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    more = ("--mmproj", eyes.projector, "-c", str(CONTEXT))
    with LlamaServer(eyes.model, *more, MTMD_DEBUG_EMBEDDINGS=str(theirs)) as server:
        marker = server.client.get("/props").json()["media_marker"]
        load = p.Load(
            str(eyes.model), projectors=[str(eyes.projector)], num_ctx=CONTEXT, num_thread=1
        )
        runner = Runner(load, MTMD_DEBUG_EMBEDDINGS=str(ours))
        for seed in range(3):
            file = noise(seed) if kind in HEARING else picture(seed, 48, 80)
            data = base64.b64encode(file).decode()
            said = server.complete(BEFORE + marker + AFTER, 120, data)
            parts = [
                p.Text(BEFORE),
                p.Media(file, "audio" if kind in HEARING else "image"),
                p.Text(AFTER),
            ]
            request = p.Generate(runner.id(), parts, GREEDY, max_tokens=120)
            answer = runner.generate_all([request])[0]
            # The server encodes all tiles of an image at once, the runner one after the other.
            last = embeddings(ours)
            np.testing.assert_array_equal(last, embeddings(theirs)[-len(last) :])
            assert answer.text == said != ""
        runner.close()


def test_an_mp3_is_heard_as_the_same_wav(tmp_path: Path) -> None:
    eyes = make_eyes(tmp_path, "qwen2a")
    runner = Runner(p.Load(str(eyes.model), projectors=[str(eyes.projector)], num_ctx=CONTEXT))
    # Frames of MPEG 1, layer III, without a sound in them.
    silence = (b"\xff\xfb\x90\x00" + bytes(413)) * 40
    requests = []
    for data in (silence, wav(bytes(32000))):
        parts = [p.Text(BEFORE), p.Media(data, "audio"), p.Text(AFTER)]
        requests.append(p.Generate(runner.id(), parts, GREEDY, max_tokens=40))
    first, second = (answer.text for answer in runner.generate_all(requests))
    assert first == second != ""
    runner.close()


# --- in the batch ---------------------------------------------------------------------------------


def test_a_repeated_image_is_neither_encoded_nor_computed_again(
    seeing: Runner,
) -> None:
    long = "Say what you see, and whether it is what you saw before. " * 12
    first = seeing.generate_all([ask(seeing, picture(9), after=long + AFTER)])[0]
    again = seeing.generate_all([ask(seeing, picture(9), after=long + AFTER)])[0]
    assert again.text == first.text
    assert again.finished.cached_tokens > again.finished.prompt_tokens / 2


def test_another_image_is_not_mistaken_for_the_first(seeing: Runner) -> None:
    long = "Say what you see. " * 20
    alone = seeing.generate_all([ask(seeing, picture(5), after=long + AFTER)])[0].text
    seeing.generate_all([ask(seeing, picture(6), after=long + AFTER)])
    assert seeing.generate_all([ask(seeing, picture(5), after=long + AFTER)])[0].text == alone


def test_requests_with_different_images_share_a_batch(seeing: Runner) -> None:
    alone = [seeing.generate_all([ask(seeing, picture(i))])[0].text for i in range(3)]
    together = seeing.generate_all([ask(seeing, picture(i)) for i in range(3)])
    assert [answer.text for answer in together] == alone


def test_text_streams_go_on_beside_an_image(seeing: Runner) -> None:
    alone = seeing.generate_all([endless(seeing, max_tokens=60)])[0].text
    stream, image = endless(seeing, max_tokens=60), ask(seeing, picture(11))
    assert seeing.generate_all([stream, image])[0].text == alone


@pytest.mark.parametrize("data", [b"", b"not an image", picture(1)[:40], base64.b64encode(b"x")])
def test_a_broken_image_is_refused_by_its_number(seeing: Runner, data: bytes) -> None:
    failed = seeing.generate_all([ask(seeing, picture(2), data)])[0].failed
    assert failed.status == 400
    assert "2" in failed.error
    assert seeing.generate_all([ask(seeing, picture(2))])[0].finished


def test_tokens_before_an_image_bring_their_own_beginning(tmp_path: Path) -> None:
    eyes = make_eyes(tmp_path, "mlp")
    start = 4082

    def added(writer: gguf.GGUFWriter) -> None:
        writer.add_add_bos_token(True)
        writer.add_bos_token_id(start)

    def changed(name: str, value: Any) -> tuple[str, Any]:
        return name, value

    model = rewrite(TINY, tmp_path / "bos.gguf", "qwen3", changed=changed, added=added)
    runner = Runner(p.Load(str(model), projectors=[str(eyes.projector)], num_ctx=512))
    assert (runner.info.add_bos, runner.info.bos) == (True, start)

    def prompt(*parts: p.PromptPart) -> list[int]:
        request = p.Generate(runner.id(), list(parts), GREEDY, max_tokens=1, return_context=True)
        return runner.generate_all([request])[0].finished.context

    tokens, image = p.Tokens([start, 1458, 1166]), p.Media(picture(1))
    assert prompt(tokens, image, p.Text("x"))[:3] == tokens.ids
    assert prompt(p.Text("x"), image)[0] == start
    unknown = p.Generate(runner.id(), [p.Tokens([99_999_999]), image], GREEDY)
    assert runner.generate_all([unknown])[0].failed.status == 400
    assert runner.close() == 0


def test_images_that_do_not_fit_the_context_are_refused(seeing: Runner) -> None:
    failed = seeing.generate_all([ask(seeing, *map(picture, range(64)))])[0].failed
    assert failed.status == 400
    assert "exceeds the available context size (512 tokens)" in failed.error


def test_sound_is_refused_by_a_model_that_only_sees(seeing: Runner) -> None:
    request = p.Generate(seeing.id(), [p.Media(b"RIFF", "audio"), p.Text("?")], GREEDY)
    failed = seeing.generate_all([request])[0].failed
    assert (failed.status, failed.error) == (400, "this model does not take sound")


def test_a_model_without_a_projector_refuses_images(runner: Runner) -> None:
    failed = runner.generate_all([ask(runner, picture(1))])[0].failed
    assert (failed.status, failed.error) == (400, "this model does not take images or sound")


# --- in pieces ------------------------------------------------------------------------------------


def see_in_pieces(eyes: Eyes, num_batch: int) -> str:
    """The answer to a large image by a runner with batches of this size."""
    load = p.Load(
        str(eyes.model), projectors=[str(eyes.projector)], num_ctx=1024, num_batch=num_batch
    )
    runner = Runner(load)
    text = runner.generate_all([ask(runner, picture(3, 64, 64), tokens=40)])[0].text
    runner.close()
    return text


@pytest.mark.parametrize("kind", ["mlp", "qwen2vl_merger"])
def test_the_answer_does_not_depend_on_the_pieces(kind: str, tmp_path: Path) -> None:
    eyes = make_eyes(tmp_path, kind, image=64)
    assert see_in_pieces(eyes, 32) == see_in_pieces(eyes, 512)


@functools.cache
def native_log() -> NativeLog:
    """llama.cpp's log in this process; it is never let go, for llama.cpp keeps pointing to it."""
    return NativeLog()


def test_streams_get_a_token_between_any_two_pieces_of_an_image(tmp_path: Path) -> None:
    eyes = make_eyes(tmp_path, "mlp", image=128)
    load = p.Load(
        str(eyes.model), projectors=[str(eyes.projector)], num_ctx=1024, parallel=2, num_batch=32
    )
    model = Model(load, lambda _: None, native_log())
    projector = Projector(str(eyes.projector), model, load)
    inbox: queue.SimpleQueue[object] = queue.SimpleQueue()
    told: list[p.FromRunner] = []

    def hear(message: p.FromRunner) -> None:
        told.append(message)
        if isinstance(message, p.Finished) and message.id == IMAGE:
            inbox.put(p.Shutdown())

    # Both are ready before the engine takes its first step.
    intake = Intake(model, projector)
    parts = [p.Text(BEFORE), p.Media(picture(3, 128, 128)), p.Text(AFTER)]
    no_end = dict.fromkeys(model.end_tokens, -math.inf)
    stream = p.Generate(
        STREAM, [p.Text("Once")], p.Sampling(temperature=0, logit_bias=no_end), max_tokens=900
    )
    for request in (stream, p.Generate(IMAGE, parts, GREEDY, max_tokens=1)):
        inbox.put(intake.prepare(request))
    Engine(model, inbox, hear, projector).run()
    tokens = sum(
        delta.tokens
        for message in told
        if isinstance(message, p.Step)
        for delta in message.deltas
        if delta.id == STREAM
    )
    pieces = 256 // 32
    assert tokens >= pieces
    projector.close()
    model.close()
