"""The child process that quantizes: ``python -m ollama_server.store.quantizer IN OUT FTYPE RULE…``.

llama.cpp aborts the process when an assertion fails, so it does not run inside the server.
Progress goes to stdout, one JSON object a line: ``{"done": 3, "of": 291}``, and at the end
``{"finished": true}`` or ``{"error": text}``. A rule is ``REGEX=TYPE`` for tensors that keep
another type.
"""

from __future__ import annotations

import ctypes
import json
import os
import re
import sys

_PROGRESS = re.compile(rb"^\[ *(\d+)/ *(\d+)\]")
# Rows of one tensor in memory at a time; llama.cpp's own default is 8 GiB.
_BUFFER_BYTES = 512 << 20


def main(arguments: list[str]) -> int:
    """Quantize one file; the exit status says whether it worked."""
    source, target, file_type, *rules = arguments
    # Native code may print to stdout, which is the channel to the parent.
    channel = os.dup(1)
    os.dup2(2, 1)
    try:
        error = _quantize(source, target, int(file_type), rules, channel)
    except OSError as failure:
        error = str(failure)
    _send(channel, {"error": error} if error else {"finished": True})
    return 1 if error else 0


def _quantize(source: str, target: str, file_type: int, rules: list[str], channel: int) -> str:
    import llama_cpp

    last_error: list[str] = []

    @llama_cpp.llama_log_callback  # type: ignore[untyped-decorator, unused-ignore]
    def log(level: int, text: bytes, _: object) -> None:
        found = _PROGRESS.match(text)
        if found:
            _send(channel, {"done": int(found[1]), "of": int(found[2])})
        elif level == _ERROR_LEVEL:
            last_error.append(text.decode("utf-8", "replace").strip())

    llama_cpp.llama_log_set(log, ctypes.c_void_p(0))
    llama_cpp.llama_backend_init()
    parameters = llama_cpp.llama_model_quantize_default_params()
    parameters.ftype = file_type
    parameters.allow_requantize = True
    parameters.max_buf_size = _BUFFER_BYTES
    overrides = _overrides(llama_cpp, rules)
    parameters.tt_overrides = overrides
    status = llama_cpp.llama_model_quantize(
        source.encode(), target.encode(), ctypes.byref(parameters)
    )
    if status == 0:
        return ""
    return " ".join(last_error) or f"llama_model_quantize failed with status {status}"


_ERROR_LEVEL = 4  # GGML_LOG_LEVEL_ERROR


def _overrides(llama_cpp: object, rules: list[str]) -> object:
    """A null-terminated array of (pattern, tensor type)."""
    kind = llama_cpp.llama_model_tensor_override  # type: ignore[attr-defined]
    array = (kind * (len(rules) + 1))()
    for slot, rule in zip(array, rules, strict=False):
        pattern, _, number = rule.rpartition("=")
        slot.pattern = pattern.encode()
        slot.type = int(number)
    return array


def _send(channel: int, message: dict[str, object]) -> None:
    try:
        os.write(channel, json.dumps(message).encode() + b"\n")
    except BrokenPipeError:
        os._exit(1)  # the server is gone: nobody wants the result


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
