"""Converted models compute what transformers computes from the same weights."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.unit.store.checkpoints import (
    TOKENS,
    convert,
    goldens,
    logits,
    token_vectors,
    write_checkpoint,
)

CASES: dict[str, Any] = json.loads(goldens.GOLDENS.read_text())


@pytest.mark.parametrize("name", sorted(CASES))
def test_a_converted_model_agrees_with_transformers(name: str, tmp_path: Path) -> None:
    case = CASES[name]
    weights = goldens.checkpoint_weights(case["shapes"])
    files = write_checkpoint(tmp_path / "source", case["config"], weights)
    path = convert(files, tmp_path / "model.gguf")
    is_encoder = case["config"]["architectures"][0].endswith("Model")
    rows = (token_vectors if is_encoder else logits)(path, TOKENS)[[0, 5, 11]]
    expected = np.array(case["expected"])
    assert np.abs(rows - expected).max() < 1e-3 * np.abs(expected).max()
