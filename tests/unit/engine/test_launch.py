"""The environment that a runner is started in."""

from __future__ import annotations

import pytest

from ollama_server.engine.launch import environment


def test_barriers_are_short_loops_and_memory_is_huge_pages() -> None:
    made = environment({"PATH": "/bin"})
    assert made["PATH"] == "/bin"
    assert int(made["GOMP_SPINCOUNT"]) > 0
    assert made["GLIBC_TUNABLES"] == "glibc.malloc.hugetlb=1"


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ({"GOMP_SPINCOUNT": "7"}, "GOMP_SPINCOUNT"),
        ({"GLIBC_TUNABLES": "glibc.malloc.hugetlb=0"}, "GLIBC_TUNABLES"),
        ({"GGML_NO_BACKTRACE": "0"}, "GGML_NO_BACKTRACE"),
    ],
)
def test_what_somebody_chose_stays(given: dict[str, str], kept: str) -> None:
    assert environment(given)[kept] == given[kept]


def test_a_policy_for_waiting_is_not_undone_by_a_number_of_loops() -> None:
    assert "GOMP_SPINCOUNT" not in environment({"OMP_WAIT_POLICY": "passive"})


def test_other_tunables_stay() -> None:
    made = environment({"GLIBC_TUNABLES": "glibc.malloc.check=3"})
    assert made["GLIBC_TUNABLES"] == "glibc.malloc.check=3:glibc.malloc.hugetlb=1"
