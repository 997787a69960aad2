"""Quantizing a GGUF file with llama.cpp's own quantizer, in a child process."""

from __future__ import annotations

import errno
import json
import os
import select
import subprocess
import sys
from collections import deque
from pathlib import Path

from ollama_server.errors import StoreError
from ollama_server.store import gguf_write
from ollama_server.store.disk import explain, free_space
from ollama_server.store.ggml import F16, file_type_name
from ollama_server.store.gguf import GGUF, read_gguf
from ollama_server.store.job import Job

FILE_TYPES = {"F32": 0, "F16": 1, "BF16": 32, "Q8_0": 7, "Q4_K_S": 14, "Q4_K_M": 15, "Q4_K": 15}
"""What may be asked for, and llama.cpp's number of it."""

# A client finds the frames of one quantization by this constant where a digest would be.
FRAME_DIGEST = "0" * 19

_UNQUANTIZED = ("F32", "F16", "BF16")
_K_MIXTURES = (14, 15)
_Q8_0 = 8
_POLL_SECONDS = 0.1
_FULL_DISK_BYTES = 1 << 20

# Vision towers, projectors and draft heads that share a file with a text model.
_COMPANION_PREFIXES = ("a.", "mm.", "mtp.", "s.", "v.")

# Tensors that keep more precision than llama.cpp's mixtures would give them: architecture → rules.
_KEEP_Q8 = f"={_Q8_0}"
_KEEP_F16 = f"={F16}"
_MLA_TENSORS = r"attn_(k_b|q_a|q_b|v_b|kv_a_mqa)\.weight"
_RULES: dict[str, tuple[str, ...]] = {
    "qwen35": (r"blk\.\d+\.nextn\.eh_proj\.weight" + _KEEP_Q8,),
    "qwen35moe": (r"blk\.\d+\.nextn\.eh_proj\.weight" + _KEEP_Q8,),
    "gemma3n": (r"per_layer_token_embd\.weight" + _KEEP_F16,),
    "deepseek2": (_MLA_TENSORS + _KEEP_Q8,),
    "glmocr": (r"^(token_embd|output)\.weight" + _KEEP_F16,),
    "glm4": (r"^(token_embd|output)\.weight" + _KEEP_F16,),
}


def check_type(text: str) -> int:
    """llama.cpp's number of a quantization type. Raises StoreError for one that is not offered."""
    number = FILE_TYPES.get(text.upper())
    if number is None:
        raise StoreError(
            f"unsupported quantization type {text.upper()} - "
            "supported types are F32, F16, Q4_K_S, Q4_K_M, Q8_0"
        )
    return number


def source_type(header: GGUF) -> str:
    """``F32``, ``F16`` or ``BF16``. Raises StoreError for a model that is quantized already."""
    name = header.file_type_name
    if name == "unknown":
        # Files of older converters do not say; then all tensors must.
        types = {tensor.type_name for tensor in header.tensors}
        if types and types <= set(_UNQUANTIZED):
            name = max(types - {"F32"}, default="F32")
    if name not in _UNQUANTIZED:
        raise StoreError("quantization is only supported for F16, BF16 and F32 models")
    return name


def quantize(header: GGUF, target: Path, wanted: str, job: Job) -> bool:
    """Write ``header``'s model to ``target`` as type ``wanted``; False when it has it already.

    Raises StoreError when the source or the type cannot be had or llama.cpp fails, Canceled.
    """
    number = check_type(wanted)
    source = source_type(header)
    if file_type_name(number) == source:
        return False
    status = f"quantizing {source} model to {wanted.upper()}"
    companions = [t for t in header.tensors if t.name.startswith(_COMPANION_PREFIXES)]
    if not companions:
        _run(header, target, number, status, job)
    else:
        _quantize_text_part(header, target, number, status, job)
    job.report("verifying conversion")
    read_gguf(target)
    return True


def _quantize_text_part(header: GGUF, target: Path, number: int, status: str, job: Job) -> None:
    """Quantize what llama.cpp knows and put the other tensors back unchanged."""
    text = target.with_suffix(".text")
    quantized = target.with_suffix(".quantized")
    metadata = gguf_write.metadata_of(header)
    tensors = gguf_write.tensors_of(header)
    try:
        own = [t for t in tensors if not t.name.startswith(_COMPANION_PREFIXES)]
        _write(text, metadata, own, job)
        _run(read_gguf(text), quantized, number, status, job)
        result = read_gguf(quantized)
        new = {tensor.name: tensor for tensor in gguf_write.tensors_of(result)}
        metadata["general.file_type"] = gguf_write.uint32(number)
        metadata["general.quantization_version"] = gguf_write.uint32(2)
        _write(target, metadata, [new.get(t.name, t) for t in tensors], job)
    finally:
        text.unlink(missing_ok=True)
        quantized.unlink(missing_ok=True)


def _write(
    path: Path, metadata: dict[str, bytes], tensors: list[gguf_write.Tensor], job: Job
) -> None:
    with path.open("wb") as file:
        gguf_write.write_gguf(file.write, metadata, tensors, lambda _: job.check())


def _run(header: GGUF, target: Path, number: int, status: str, job: Job) -> None:
    rules = _RULES.get(header.architecture, ()) if number in _K_MIXTURES else ()
    command = [sys.executable, "-m", "ollama_server.store.quantizer"]
    command += [str(header.path), str(target), str(number), *rules]
    job.report(status, FRAME_DIGEST, header.file_size)
    try:
        with subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as child:
            try:
                error = _Follower(child, header.file_size, status, job).follow()
            except BaseException:
                child.kill()
                raise
    except OSError as failure:
        raise StoreError(f"cannot start the quantizer: {failure}") from failure
    if error and free_space(target) < _FULL_DISK_BYTES:
        # llama.cpp only says that writing failed.
        raise explain(OSError(errno.ENOSPC, error, str(target)), target)
    if error:
        raise StoreError(f"quantization failed: {error}")


class _Follower:
    """Reads a quantizer's messages until it ends, and reports its progress."""

    def __init__(self, child: subprocess.Popen[bytes], size: int, status: str, job: Job) -> None:
        self.child, self.size, self.status, self.job = child, size, status, job
        self.complaints: deque[str] = deque(maxlen=3)
        self.error = ""
        self.finished = False

    def follow(self) -> str:
        """What went wrong, or an empty text."""
        assert self.child.stdout is not None
        assert self.child.stderr is not None
        pipes = {self.child.stdout.fileno(): self._message, self.child.stderr.fileno(): self._say}
        buffers = dict.fromkeys(pipes, b"")
        while buffers:
            self.job.check()
            ready, _, _ = select.select(list(buffers), [], [], _POLL_SECONDS)
            for descriptor in ready:
                data = os.read(descriptor, 1 << 16)
                if not data:
                    del buffers[descriptor]
                    continue
                *lines, buffers[descriptor] = (buffers[descriptor] + data).split(b"\n")
                for line in lines:
                    pipes[descriptor](line)
        status = self.child.wait()
        if self.error or (self.finished and status == 0):
            return self.error
        detail = "; ".join(self.complaints)
        return f"the quantizer ended with status {status}{': ' if detail else ''}{detail}"

    def _message(self, line: bytes) -> None:
        message = json.loads(line)
        if "done" in message:
            done = self.size * message["done"] // max(message["of"], 1)
            self.job.report(self.status, FRAME_DIGEST, self.size, done)
        self.error = message.get("error", self.error)
        self.finished = self.finished or "finished" in message

    def _say(self, line: bytes) -> None:
        text = line.decode("utf-8", "replace").strip()
        if text:
            self.complaints.append(text)
