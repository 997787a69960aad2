"""The training code, with a network that is not trained."""

from __future__ import annotations

import random

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("tokenizers")

from models.tiny import batches  # noqa: E402
from models.tiny.config import CONFIG  # noqa: E402
from models.tiny.corpus.base import Sample, assistant, user  # noqa: E402
from models.tiny.network import Network  # noqa: E402
from models.tiny.optimizer import Optimizer, orthogonalize  # noqa: E402
from models.tiny.tokenizer import encode, load  # noqa: E402

pytestmark = pytest.mark.reference


def test_the_answer_is_trained_and_the_first_token_of_an_earlier_reply_is_not() -> None:
    messages = [user("Hi"), assistant("Hello there"), user("Bye")]
    sample = Sample("test", messages, "Goodbye", thinking=False)
    row = batches.make_row(sample, random.Random(1))
    tail = encode("Goodbye<|im_end|>")
    assert row.ids[-len(tail) :] == tail
    assert all(row.trained[-len(tail) :])
    first = row.ids.index(encode("Hello")[0])
    assert not row.trained[first]
    assert row.trained[first + 1]


def test_padding_is_never_trained() -> None:
    rows = [batches.Row([5, 6, 7], [True] * 3), batches.Row([8, 9], [True] * 2)]
    batch = batches.collate(rows)
    assert batch.positions.tolist() == [0, 1, 3]
    assert batch.targets.tolist() == [6, 7, 9]


def test_the_network_cannot_see_the_future() -> None:
    torch.manual_seed(1)
    network = Network(CONFIG)
    for block in network.blk:
        torch.nn.init.normal_(block.attn_output, std=0.1)
    ids = torch.randint(0, CONFIG.vocabulary, (1, 12))
    other = ids.clone()
    other[0, -1] = (other[0, -1] + 1) % CONFIG.vocabulary
    with torch.no_grad():
        left, right = network(ids, torch.float32), network(other, torch.float32)
    assert torch.allclose(left[:, :-1], right[:, :-1])
    assert not torch.allclose(left[:, -1], right[:, -1])


def test_orthogonalized_matrices_have_singular_values_near_one() -> None:
    torch.manual_seed(1)
    values = torch.linalg.svdvals(orthogonalize(torch.randn(2, 64, 128)).float())
    assert values.min() > 0.5
    assert values.max() < 1.5


def test_a_few_steps_lower_the_loss() -> None:
    torch.manual_seed(1)
    network = Network(CONFIG)
    optimizer = Optimizer(network, matrix_rate=0.02, vector_rate=0.004)
    batch = next(batches.steps(1, 2048))[0]
    losses = []
    for _ in range(6):
        hidden = network(batch.ids).flatten(0, 1)[batch.positions]
        loss = torch.nn.functional.cross_entropy(network.logits(hidden), batch.targets)
        loss.backward()
        losses.append(loss.item())
        optimizer.step(1.0)
    assert losses[-1] < 0.8 * losses[0]


def test_the_vocabulary_size_is_that_of_the_network() -> None:
    assert load().get_vocab_size() == CONFIG.vocabulary
