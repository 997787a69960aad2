"""The parts of llama.cpp that compute, where they are libraries of their own.

A build with GGML_BACKEND_DL holds one library for each kind of processor (GGML_CPU_ALL_VARIANTS)
and loads the best one that this processor can run. llama.cpp looks for them beside the executable,
which is Python here; they lie beside libllama.
"""

from __future__ import annotations

import ctypes
import os
from pathlib import Path

import llama_cpp.llama_cpp as lib

_PREFIX = "libggml-"
_LINKED = ("libggml-base", "libggml.")


def ggml() -> ctypes.CDLL:
    """ggml as libllama sees it.

    Python's packages have no links, so libggml.so and libggml.so.0 are two files there. Opening the
    one by its name beside the other, which libllama has opened, would give a second registry of
    backends. Symbols are looked up behind libllama instead.
    """
    library: ctypes.CDLL = lib._lib
    return library


def start() -> None:
    """Make llama.cpp ready to compute; again and again does no harm.

    An ordinary build has its backends linked in, and nothing is loaded.
    """
    registry = ggml()
    registry.ggml_backend_reg_count.restype = ctypes.c_size_t
    if registry.ggml_backend_reg_count() == 0:
        registry.ggml_backend_load_all_from_path.argtypes = [ctypes.c_char_p]
        registry.ggml_backend_load_all_from_path(os.fsencode(Path(lib._lib._name).parent))
    lib.llama_backend_init()


def loaded() -> list[str]:
    """Backends of this process that are libraries of their own, such as ``cpu-haswell``.

    Linux alone tells; elsewhere the list is empty.
    """
    try:
        lines = Path("/proc/self/maps").read_text().splitlines()
    except OSError:
        return []
    names = {Path(line.split(maxsplit=5)[5]).name for line in lines if _PREFIX in line}
    return sorted(
        name.removeprefix(_PREFIX).split(".so")[0]
        for name in names
        if name.startswith(_PREFIX) and not name.startswith(_LINKED)
    )
