"""What it costs to load a model that is published for Ollama alone, against a stock one.

    python -m bench.dialects [--megabytes 1000] [--repeats 3] [--folder DIR]

The model has Gemma 3's parts and vocabulary size, random weights, and a tower in the same file. Two
things are measured, in turns with what they are compared with, so that a machine with other work
slows both:

- Its translation, which happens once, against ``cp`` of the file followed by ``sync``, and how much
  memory that takes beside the program's own.
- A load of the translated model by a server process that has just started, against a load of the
  same weights as stock llama.cpp has them. Both are in the page cache.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import re
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import httpx
import numpy as np

from bench.transfer import flush, running_server
from ollama_server.store import gguf_write as write
from ollama_server.store.dialects.cache import Cache
from ollama_server.store.dialects.prepare import translated
from ollama_server.store.dialects.recognize import OWN_PROJECTOR, TEXT
from ollama_server.store.ggml import F16, F32
from ollama_server.store.manifest import (
    MEDIA_CONFIG,
    MEDIA_MODEL,
    MEDIA_PROJECTOR,
    Layer,
    Manifest,
)
from ollama_server.store.names import Name
from ollama_server.store.store import Store

MEGABYTE = 1 << 20
VOCABULARY, SURPLUS = 262144, 1
WIDTH, HEADS, HEAD, INNER = 1024, 8, 128, 4096
EYE_WIDTH, EYE_INNER, EYE_BLOCKS, PATCH, SIDE = 768, 3072, 12, 14, 448
PUBLISHED, STOCK = Name.parse("published"), Name.parse("stock")

Shapes = dict[str, tuple[int, ...]]


@dataclass(frozen=True)
class Translation:
    """Seconds of both, seconds of CPU of both, and the growth of the process in megabytes."""

    copy_seconds: float
    seconds: float
    copy_cpu_seconds: float
    cpu_seconds: float
    growth_megabytes: float


def text_block(block: str) -> Shapes:
    """A block of the text model."""
    matrices = {
        "attn_q": (WIDTH, HEADS * HEAD),
        "attn_k": (WIDTH, HEAD),
        "attn_v": (WIDTH, HEAD),
        "attn_output": (HEADS * HEAD, WIDTH),
        "ffn_gate": (WIDTH, INNER),
        "ffn_up": (WIDTH, INNER),
        "ffn_down": (INNER, WIDTH),
        "attn_q_norm": (HEAD,),
        "attn_k_norm": (HEAD,),
    }
    norms = ("attn_norm", "ffn_norm", "post_attention_norm", "post_ffw_norm")
    return {
        f"{block}{name}.weight": shape
        for name, shape in (matrices | dict.fromkeys(norms, (WIDTH,))).items()
    }


def eye_block(block: str) -> Shapes:
    """A block of the tower, named as it is published."""
    linear = dict.fromkeys(("attn_q", "attn_k", "attn_v"), (EYE_WIDTH, EYE_WIDTH))
    linear |= {"attn_output": (EYE_WIDTH, EYE_WIDTH)}
    linear |= {"mlp.fc1": (EYE_WIDTH, EYE_INNER), "mlp.fc2": (EYE_INNER, EYE_WIDTH)}
    found: Shapes = {}
    for name, shape in linear.items():
        found |= {f"{block}{name}.weight": shape, f"{block}{name}.bias": shape[1:]}
    for name in ("layer_norm1", "layer_norm2"):
        found |= {f"{block}{name}.{kind}": (EYE_WIDTH,) for kind in ("weight", "bias")}
    return found


def shapes_for(megabytes: int) -> tuple[Shapes, int]:
    """Tensors of a file of about this size, in the order of a published one, and its blocks."""
    fixed = VOCABULARY * WIDTH * 2 + EYE_BLOCKS * _bytes(eye_block(""))
    blocks = max(2, round((megabytes * MEGABYTE - fixed) / _bytes(text_block(""))))
    found: Shapes = {}
    for number in range(blocks):
        found |= text_block(f"blk.{number}.")
    found |= {
        "mm.mm_input_projection.weight": (WIDTH, EYE_WIDTH),
        "mm.mm_soft_emb_norm.weight": (EYE_WIDTH,),
        "output_norm.weight": (WIDTH,),
        "token_embd.weight": (WIDTH, VOCABULARY),
    }
    for number in range(EYE_BLOCKS):
        found |= eye_block(f"v.blk.{number}.")
    found |= {
        "v.patch_embedding.weight": (PATCH, PATCH, 3, EYE_WIDTH),
        "v.patch_embedding.bias": (EYE_WIDTH,),
        "v.position_embedding.weight": (EYE_WIDTH, (SIDE // PATCH) ** 2),
        "v.post_layernorm.weight": (EYE_WIDTH,),
        "v.post_layernorm.bias": (EYE_WIDTH,),
    }
    return found, blocks


def _bytes(shapes: Shapes) -> int:
    return sum(prod(shape) * (2 if len(shape) > 1 else 4) for shape in shapes.values())


def keys_for(blocks: int) -> dict[str, write.Encoded]:
    """Metadata as it is published."""
    count = VOCABULARY + SURPLUS
    tokens = ["<pad>", "<eos>", "<bos>", "<unk>", *(f"<0x{i:02X}>" for i in range(256))]
    tokens += ["<start_of_image>", "<end_of_image>"]
    tokens += [f"\N{LOWER ONE EIGHTH BLOCK}word{i}" for i in range(count - len(tokens))]
    types = [3, 3, 3, 2, *[6] * 256, 3, 3]
    numbers = {
        "gemma3.block_count": blocks,
        "gemma3.context_length": 32768,
        "gemma3.embedding_length": WIDTH,
        "gemma3.feed_forward_length": INNER,
        "gemma3.attention.head_count": HEADS,
        "gemma3.attention.head_count_kv": 1,
        "gemma3.attention.key_length": HEAD,
        "gemma3.attention.value_length": HEAD,
        "gemma3.attention.sliding_window": 512,
        "gemma3.vision.block_count": EYE_BLOCKS,
        "gemma3.vision.embedding_length": EYE_WIDTH,
        "gemma3.vision.feed_forward_length": EYE_INNER,
        "gemma3.vision.attention.head_count": 12,
        "gemma3.vision.image_size": SIDE,
        "gemma3.vision.patch_size": PATCH,
        "tokenizer.ggml.bos_token_id": 2,
        "tokenizer.ggml.eos_token_id": 1,
    }
    return {
        "general.architecture": write.string("gemma3"),
        "general.file_type": write.uint32(F16),
        "gemma3.vision.attention.layer_norm_epsilon": write.float32(1e-6),
        "gemma3.rope.global.freq_base": write.float32(1e6),
        "tokenizer.ggml.model": write.string("llama"),
        "tokenizer.ggml.tokens": write.strings(tokens),
        "tokenizer.ggml.scores": write.float32s([-float(i) for i in range(count)]),
        "tokenizer.ggml.token_type": write.int32s(types + [1] * (count - len(types))),
        **{key: write.uint32(value) for key, value in numbers.items()},
    }


def tensor(name: str, shape: tuple[int, ...]) -> write.Tensor:
    """Small random numbers, as fast as a disk takes them."""
    kind, width = (F16, 2) if len(shape) > 1 else (F32, 4)

    def pieces() -> Iterator[bytes]:
        left = prod(shape) * width
        chance = np.random.default_rng(left)
        block = (chance.standard_normal(MEGABYTE // width) * 0.02).astype(f"<f{width}").tobytes()
        turn = width * 131
        while left:
            piece = block[: min(left, MEGABYTE)]
            left -= len(piece)
            yield piece
            block = block[turn:] + block[:turn]

    return write.Tensor(name, shape, kind, pieces)


def make_published(store: Store, megabytes: int) -> Path:
    """Install the model; returns its blob."""
    shapes, blocks = shapes_for(megabytes)
    with store.blobs.writer() as writer:
        tensors = [tensor(name, shape) for name, shape in shapes.items()]
        write.write_gguf(writer.write, keys_for(blocks), tensors)
        found = writer.commit()
    install(store, PUBLISHED, {MEDIA_MODEL: found.digest})
    return store.blobs.path(found.digest)


def make_stock(store: Store, source: Path) -> None:
    """Install the same weights as stock llama.cpp has them: as the translation made them."""
    cache = Cache(store.root)
    digests = {}
    for media, role in ((MEDIA_MODEL, TEXT), (MEDIA_PROJECTOR, OWN_PROJECTOR)):
        path = translated(source, role, cache).path
        assert path is not None
        with store.blobs.writer() as writer:
            for piece in write.copy_pieces(path, 0, path.stat().st_size):
                writer.write(piece)
            digests[media] = writer.commit().digest
    install(store, STOCK, digests)


def install(store: Store, name: Name, digests: dict[str, str]) -> None:
    """Write a manifest over blobs."""
    config = store.blobs.put(b'{"model_format":"gguf"}\n')
    layers = [Layer(media, digest, store.blobs.size(digest)) for media, digest in digests.items()]
    store.write_manifest(
        name, Manifest(config=Layer(MEDIA_CONFIG, config.digest, config.size), layers=tuple(layers))
    )


def _translate(source: Path, root: Path, answer: Connection) -> None:
    """In a process of its own: seconds, seconds of CPU, and kilobytes that it grew by."""
    # What the kernel takes for the peak is at first that of the program that started this one.
    Path("/proc/self/clear_refs").write_text("5")
    before = peak_kilobytes()
    start, computed = time.perf_counter(), time.process_time()
    for role in (TEXT, OWN_PROJECTOR):
        translated(source, role, Cache(root))
    seconds, cpu = time.perf_counter() - start, time.process_time() - computed
    answer.send((seconds, cpu, peak_kilobytes() - before))


def peak_kilobytes() -> int:
    """The most memory that this process had."""
    (peak,) = re.findall(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    return int(peak)


def _copy(source: Path, target: Path) -> tuple[float, float]:
    """Seconds and seconds of CPU of ``cp`` and ``sync``."""
    before, start = os.times(), time.perf_counter()
    subprocess.run(["cp", "--reflink=never", source, target], check=True)
    subprocess.run(["sync", target], check=True)
    seconds, after = time.perf_counter() - start, os.times()
    target.unlink()
    user = after.children_user - before.children_user
    return seconds, user + after.children_system - before.children_system


def time_translation(source: Path, folder: Path) -> Translation:
    """One round."""
    context = multiprocessing.get_context("spawn")
    flush(folder)
    copied, copy_cpu = _copy(source, folder / "copy")
    flush(folder)
    ours, theirs = context.Pipe()
    # Into a store of its own, so that the next round translates again.
    process = context.Process(target=_translate, args=(source, folder / "again", theirs))
    process.start()
    seconds, cpu, kilobytes = ours.recv()
    process.join()
    for path in (folder / "again" / "derived").iterdir():
        path.unlink()
    return Translation(copied, seconds, copy_cpu, cpu, kilobytes / 1024)


@dataclass(frozen=True)
class Load:
    """Seconds until a model is loaded, and seconds of CPU until it is gone again."""

    seconds: float
    cpu_seconds: float


def cpu_seconds(process: int) -> float:
    """What a process and those of its children that have ended computed so far."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return sum(int(ticks) for ticks in fields[11:15]) / os.sysconf("SC_CLK_TCK")


def time_load(client: httpx.Client, process: int, name: Name) -> Load:
    """Load a model, and let it go."""
    body: dict[str, Any] = {"model": name.short, "options": {"num_ctx": 2048}}
    computed, start = cpu_seconds(process), time.perf_counter()
    client.post("/api/generate", json=body).raise_for_status()
    seconds = time.perf_counter() - start
    client.post("/api/generate", json=body | {"keep_alive": 0}).raise_for_status()
    while Path(f"/proc/{process}/task/{process}/children").read_text():
        time.sleep(0.05)  # the runner is still there
    return Load(seconds, cpu_seconds(process) - computed)


def time_loads(folder: Path, turn: int) -> list[tuple[Load, Load]]:
    """Stock and translated: in a new server, and once more there."""
    names = [PUBLISHED, STOCK] if turn % 2 else [STOCK, PUBLISHED]
    found = []
    with (
        running_server(folder) as (url, process),
        httpx.Client(base_url=url, timeout=600, trust_env=False) as client,
    ):
        for _ in range(2):
            loads = {name: time_load(client, process, name) for name in names}
            stock, ours = loads[STOCK], loads[PUBLISHED]
            print(
                f"loads: stock {stock.seconds:5.2f} s, {stock.cpu_seconds:5.2f} s of CPU; "
                f"translated {ours.seconds:5.2f} s, {ours.cpu_seconds:5.2f} s",
                flush=True,
            )
            found.append((stock, ours))
    return found


def describe(when: str, loads: list[tuple[Load, Load]]) -> str:
    """The medians of the ratios."""
    seconds = statistics.median(ours.seconds / stock.seconds for stock, ours in loads)
    cpu = statistics.median(ours.cpu_seconds / stock.cpu_seconds for stock, ours in loads)
    return f"load {when}: {seconds:.2f} x a stock load (wanted: 1.1 or less), CPU {cpu:.2f} x"


def read_anew(store: Store) -> None:
    """Put all files into the page cache as a read does, not as whatever wrote them left them."""
    for path in [*(store.root / "blobs").iterdir(), *(store.root / "derived").glob("*.gguf")]:
        with path.open("rb", buffering=0) as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
            while file.read(16 * MEGABYTE):
                pass


def measure(folder: Path, megabytes: int, repeats: int) -> None:
    """Measure and print."""
    store = Store(folder / "models")
    source = make_published(store, megabytes)
    translations = []
    for _ in range(repeats):
        found = time_translation(source, folder)
        translations.append(found)
        print(
            f"cp and sync {found.copy_seconds:6.2f} s, {found.copy_cpu_seconds:.2f} s of CPU; "
            f"translation {found.seconds:6.2f} s, {found.cpu_seconds:.2f} s; "
            f"memory +{found.growth_megabytes:5.1f} MB",
            flush=True,
        )
    make_stock(store, source)
    flush(folder)
    read_anew(store)
    loads = [time_loads(folder, turn) for turn in range(repeats)]
    largest = max(_bytes({name: shape}) for name, shape in shapes_for(megabytes)[0].items())
    print(
        f"a file of {source.stat().st_size / MEGABYTE:.0f} MB, its largest tensor "
        f"{largest / MEGABYTE:.0f} MB; medians:\n"
        f"translation {statistics.median(t.seconds / t.copy_seconds for t in translations):.2f} x "
        f"cp and sync, CPU "
        f"+{statistics.median(t.cpu_seconds - t.copy_cpu_seconds for t in translations):.2f} s, "
        f"memory +{max(t.growth_megabytes for t in translations):.0f} MB\n"
        f"{describe('in a new server', [new for new, _ in loads])}\n"
        f"{describe('later', [later for _, later in loads])}"
    )


def main() -> None:
    """Read the arguments, measure in a temporary folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=int, default=1000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--folder", type=Path, help="a disk with room for four times the model")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        measure(Path(folder), arguments.megabytes, arguments.repeats)


if __name__ == "__main__":
    main()
