"""The stored expectations are what transformers computes today (needs the ``reference`` extra)."""

from __future__ import annotations

import json

import numpy as np
import pytest

from tests.unit.store.checkpoints import goldens

CASES = json.loads(goldens.GOLDENS.read_text())


@pytest.mark.reference
@pytest.mark.parametrize("name", sorted(goldens.CASES))
def test_transformers_still_computes_the_stored_numbers(name: str) -> None:
    pytest.importorskip("torch")
    pytest.importorskip("transformers")
    made = goldens.make_case(*goldens.CASES[name])
    assert made["shapes"] == CASES[name]["shapes"]
    expected = np.array(CASES[name]["expected"])
    assert np.abs(np.array(made["expected"]) - expected).max() < 1e-4 * np.abs(expected).max()


def test_every_case_is_stored() -> None:
    assert set(CASES) == set(goldens.CASES)
