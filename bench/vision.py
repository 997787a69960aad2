"""How long a text stream falls silent while the same runner takes in an image.

    python -m bench.vision --model .build/bench.gguf [--repeats 3]

The projector has random weights and the size of CLIP's ViT-B: 86 million parameters, pictures of
336 x 336 pixels in patches of 14, so 576 tokens an image. Each image is shown twice: new, so that
it is encoded beside the stream, and behind another text, so that only its tokens are computed.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import tempfile
from itertools import pairwise
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import NamedTuple

import gguf
import numpy as np

from ollama_server.engine import launch
from ollama_server.engine import protocol as p

WIDTH, FEED_FORWARD, LAYERS, HEADS, PATCH, IMAGE = 768, 3072, 12, 12, 14, 336
TEXT_WIDTH = 512
STREAM = 1


class Taking(NamedTuple):
    """One image: seconds until its first token, the stream's longest silence and its tokens."""

    seconds: float
    silence: float
    tokens: int


def write_projector(path: Path) -> Path:
    """A LLaVA projector with random weights."""
    rng = np.random.default_rng(1)
    writer = gguf.GGUFWriter(path, "clip")
    writer.add_bool("clip.has_vision_encoder", True)
    writer.add_string("clip.projector_type", "mlp")
    writer.add_bool("clip.use_gelu", True)
    for key, value in {
        "embedding_length": WIDTH,
        "feed_forward_length": FEED_FORWARD,
        "block_count": LAYERS,
        "attention.head_count": HEADS,
        "projection_dim": TEXT_WIDTH,
        "image_size": IMAGE,
        "patch_size": PATCH,
    }.items():
        writer.add_uint32(f"clip.vision.{key}", value)
    writer.add_float32("clip.vision.attention.layer_norm_epsilon", 1e-5)
    for key in ("image_mean", "image_std"):
        writer.add_array(f"clip.vision.{key}", [0.5, 0.5, 0.5])

    def matrix(name: str, *shape: int, kind: type = np.float16) -> None:
        values = rng.standard_normal(shape, dtype=np.float32) * 0.02
        writer.add_tensor(f"{name}.weight", values.astype(kind))

    def vector(name: str, size: int, value: float = 0.0) -> None:
        writer.add_tensor(name, np.full(size, value, dtype=np.float32))

    def linear(name: str, rows: int, columns: int) -> None:
        matrix(name, rows, columns)
        vector(f"{name}.bias", rows)

    matrix("v.patch_embd", WIDTH, 3, PATCH, PATCH)
    matrix("v.position_embd", (IMAGE // PATCH) ** 2, WIDTH, kind=np.float32)
    for layer in range(LAYERS):
        block = f"v.blk.{layer}"
        for name in ("attn_q", "attn_k", "attn_v", "attn_out"):
            linear(f"{block}.{name}", WIDTH, WIDTH)
        for name in ("ln1", "ln2"):
            vector(f"{block}.{name}.weight", WIDTH, 1.0)
            vector(f"{block}.{name}.bias", WIDTH)
        linear(f"{block}.ffn_up", FEED_FORWARD, WIDTH)
        linear(f"{block}.ffn_down", WIDTH, FEED_FORWARD)
    linear("mm.0", TEXT_WIDTH, WIDTH)
    linear("mm.2", TEXT_WIDTH, TEXT_WIDTH)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def picture(seed: int) -> bytes:
    """A bitmap of random pixels (PPM)."""
    pixels = np.random.default_rng(seed).integers(0, 256, IMAGE * IMAGE * 3, dtype=np.uint8)
    return b"P6 %d %d 255\n" % (IMAGE, IMAGE) + pixels.tobytes()


class Runner:
    """A runner with one endless stream; ``times`` are when its news came."""

    def __init__(self, model: Path, projector: Path) -> None:
        self._process = subprocess.Popen(
            launch.COMMAND,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=launch.environment(),
        )
        self.times: list[float] = []
        self._send(p.Load(str(model), projectors=[str(projector)], num_ctx=8192, parallel=2))
        while not isinstance(message := self._receive(), p.Ready):
            if isinstance(message, p.LoadFailed):
                raise SystemExit(message.error)
        self._next = STREAM
        self._send(p.Generate(STREAM, [p.Text("One after the other")], max_tokens=8000))
        self.listen(100)

    def listen(self, tokens: int) -> list[float]:
        """Wait for so many more pieces of the stream; their times."""
        start = len(self.times)
        while len(self.times) < start + tokens:
            self._receive()
        return self.times[start:]

    def show(self, image: bytes, text: str) -> Taking:
        """Ask about an image, beside the stream."""
        self._next += 1
        sent = perf_counter()
        start = len(self.times)
        parts: list[p.PromptPart] = [p.Text(text), p.Media(image), p.Text(" what is it")]
        self._send(p.Generate(self._next, parts, max_tokens=1))
        while not isinstance(message := self._receive(), p.Finished):
            if isinstance(message, p.Failed):
                raise SystemExit(message.error)
        ended = perf_counter()
        times = [sent, *self.times[start:], ended]
        silence = max(after - before for before, after in pairwise(times))
        return Taking(ended - sent, silence, len(times) - 2)

    def close(self) -> None:
        """End the process."""
        self._process.terminate()
        self._process.wait()

    def _send(self, message: p.ToRunner) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(p.frame(message))
        self._process.stdin.flush()

    def _receive(self) -> p.FromRunner:
        assert self._process.stdout is not None
        (size,) = p.HEADER.unpack(self._process.stdout.read(p.HEADER.size))
        message = p.decode_from_runner(self._process.stdout.read(size))
        if isinstance(message, p.Step):
            self.times += [perf_counter() for delta in message.deltas if delta.id == STREAM]
        return message


def main() -> None:
    """Measure, and print what came out."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, required=True, help="GGUF of width 512")
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        runner = Runner(arguments.model, write_projector(Path(folder) / "mmproj.gguf"))
        alone = median(b - a for a, b in pairwise(runner.listen(200)))
        new, again = [], []
        for seed in range(arguments.repeats):
            new.append(runner.show(picture(seed), f"first {seed}"))
            again.append(runner.show(picture(seed), f"then {seed}"))
        runner.close()
    print(f"load average {os.getloadavg()[0]:.1f}")
    print(f"between two pieces of the stream, alone: {alone * 1000:.0f} ms")
    for name, takings in (("new image", new), ("known image", again)):
        print(
            f"{name}: {median(t.seconds for t in takings):.2f} s, in which the stream got "
            f"{median(t.tokens for t in takings):.0f} tokens; its longest silence was "
            f"{median(t.silence for t in takings) * 1000:.0f} ms"
        )


if __name__ == "__main__":
    main()
