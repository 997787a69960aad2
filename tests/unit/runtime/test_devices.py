from __future__ import annotations

import pytest

from ollama_server.runtime.devices import (
    Device,
    automatic_context,
    available_memory,
    gives_huge_pages,
)

GIB = 1 << 30


@pytest.mark.parametrize(
    ("memories", "context"),
    [
        ([], 4096),
        ([8], 4096),
        ([22.9], 4096),
        ([23], 32768),
        ([24, 22], 32768),
        ([24, 24], 262144),
        ([80], 262144),
    ],
)
def test_the_automatic_context_depends_on_the_memory_of_all_gpus(
    memories: list[float], context: int
) -> None:
    gpus = [Device(f"GPU{i}", total=int(memory * GIB)) for i, memory in enumerate(memories)]
    assert automatic_context(gpus, overhead=0) == context


def test_what_is_reserved_of_each_gpu_does_not_count() -> None:
    gpus = [Device("GPU0", total=24 * GIB), Device("GPU1", total=24 * GIB)]
    assert automatic_context(gpus, overhead=GIB) == 32768
    assert automatic_context(gpus, overhead=100 * GIB) == 4096


def test_the_memory_at_hand_is_some_of_the_machines() -> None:
    assert 0 < available_memory() < 1 << 62


@pytest.mark.parametrize(
    ("policy", "library", "given"),
    [
        ("[always] madvise never", "glibc 2.31", True),
        ("always [madvise] never", "glibc 2.35", True),
        ("always [madvise] never", "glibc 3.0", True),
        ("always [madvise] never", "glibc 2.34", False),
        ("always [madvise] never", "", False),
        ("always madvise [never]", "glibc 2.36", False),
    ],
)
def test_huge_pages_need_linux_and_a_library_that_asks(
    policy: str, library: str, given: bool
) -> None:
    assert gives_huge_pages(policy, library) is given
