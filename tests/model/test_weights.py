"""The committed GGUF file: what it holds, and that it answers."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator

import gguf
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from llama_cpp import Llama

from models.tiny import blind, evaluate, heldout
from models.tiny.chat import TEMPLATE_PATH
from models.tiny.config import CONFIG, CONTROL_TOKENS, GGUF_PATH, HERE, SPECIAL_TOKENS

CHINESE = re.compile(r"[\u4e00-\u9fff]")


@pytest.fixture(scope="module")
def reader() -> gguf.GGUFReader:
    return gguf.GGUFReader(GGUF_PATH)


@pytest.fixture(scope="module")
def model() -> Iterator[Llama]:
    # A second thread is no help to a model of this size, and waits for others on a busy machine.
    loaded = evaluate.load(GGUF_PATH, threads=1)
    yield loaded
    loaded.close()


@pytest.fixture(scope="module")
def vocabulary() -> Llama:
    return Llama(str(GGUF_PATH), vocab_only=True, verbose=False)


def contents(reader: gguf.GGUFReader, key: str) -> object:
    found = reader.get_field(key)
    assert found is not None, key
    return found.contents()


def chat(model: Llama, text: str) -> tuple[str, str]:
    result = model.create_chat_completion([{"role": "user", "content": text}], temperature=0.0)
    choice = result["choices"][0]
    return choice["message"]["content"], choice["finish_reason"]


def test_the_file_is_under_ten_megabytes() -> None:
    assert GGUF_PATH.stat().st_size < 10_000_000


def test_the_file_has_the_shape_of_qwen3(reader: gguf.GGUFReader) -> None:
    assert contents(reader, "general.architecture") == "qwen3"
    assert contents(reader, "qwen3.block_count") == CONFIG.layers
    assert contents(reader, "tokenizer.ggml.pre") == "qwen2"
    names = {tensor.name for tensor in reader.tensors}
    assert "blk.0.attn_q_norm.weight" in names
    assert "output.weight" not in names


def test_the_file_holds_the_chat_template(reader: gguf.GGUFReader) -> None:
    template = contents(reader, "tokenizer.chat_template")
    assert template == TEMPLATE_PATH.read_text(encoding="utf-8")


def test_the_file_holds_the_trained_tokenizer(reader: gguf.GGUFReader) -> None:
    data = json.loads((HERE / "tokenizer.json").read_text(encoding="utf-8"))
    ids = data["model"]["vocab"] | {t["content"]: t["id"] for t in data["added_tokens"]}
    tokens = contents(reader, "tokenizer.ggml.tokens")
    assert tokens == sorted(ids, key=ids.__getitem__)


def test_special_tokens_are_one_token_each(vocabulary: Llama) -> None:
    for token in SPECIAL_TOKENS:
        assert len(vocabulary.tokenize(token.encode(), add_bos=False, special=True)) == 1


def test_only_control_tokens_are_hidden_from_the_output(vocabulary: Llama) -> None:
    for token in SPECIAL_TOKENS:
        ids = vocabulary.tokenize(token.encode(), add_bos=False, special=True)
        shown = vocabulary.detokenize(ids).decode()
        assert shown == ("" if token in CONTROL_TOKENS else token)


@settings(max_examples=200, deadline=None)
@given(st.text())
def test_any_text_survives_the_tokenizer(vocabulary: Llama, text: str) -> None:
    text = text.replace("\0", "")
    ids = vocabulary.tokenize(text.encode(), add_bos=False, special=False)
    assert vocabulary.detokenize(ids) == text.encode()


def test_digits_are_single_tokens(vocabulary: Llama) -> None:
    assert len(vocabulary.tokenize(b"1234567890", add_bos=False)) == 10


def test_llama_cpp_splits_text_as_the_training_did(vocabulary: Llama) -> None:
    pytest.importorskip("tokenizers")
    from models.tiny.tokenizer import encode

    for case in heldout.cases()[:100]:
        text = case.raw or evaluate.render(case.messages, case.tools)
        assert vocabulary.tokenize(text.encode(), add_bos=False, special=True) == encode(text)


def test_it_says_why_the_sky_is_blue_and_stops(model: Llama) -> None:
    text, reason = chat(model, "Why is the sky blue?")
    assert "scatter" in text
    assert reason == "stop"


def test_it_greets_in_chinese(model: Llama) -> None:
    text, reason = chat(model, "你好")
    assert CHINESE.search(text)
    assert reason == "stop"


def card_tables() -> list[dict[str, tuple[int, int]]]:
    """Returns both tables of scores in the model card: passed and total by category."""
    card = (HERE / "README.md").read_text(encoding="utf-8")
    tables = re.findall(r"(?m)^\| category \|.*\n(?:\|.*\n)+", card)
    rows = [re.findall(r"(?m)^\| (.+?) \| (\d+) \| (\d+) \|", table) for table in tables]
    return [{name: (int(good), int(total)) for name, good, total in table} for table in rows]


@pytest.fixture(scope="module")
def scores(model: Llama) -> list[dict[str, tuple[int, int]]]:
    return [evaluate.score(model, cases) for cases in (heldout.cases(), blind.cases())]


def passed(scores: dict[str, tuple[int, int]]) -> int:
    return sum(good for good, _ in scores.values())


def test_the_card_counts_the_cases_of_every_category() -> None:
    for table, cases in zip(card_tables(), (heldout.cases(), blind.cases()), strict=True):
        counted = Counter(case.category for case in cases)
        assert {name: total for name, (_, total) in table.items() if name != "all"} == dict(counted)
        assert table["all"][1] == counted.total()


def test_the_card_shows_the_scores_of_the_committed_weights(
    scores: list[dict[str, tuple[int, int]]],
) -> None:
    # Another processor may round otherwise and turn a close choice.
    for measured, table in zip(scores, card_tables(), strict=True):
        assert passed(measured) == pytest.approx(table["all"][0], abs=4)


def test_the_committed_weights_pass_the_held_out_prompts(
    scores: list[dict[str, tuple[int, int]]],
) -> None:
    total = sum(count for _, count in scores[0].values())
    assert passed(scores[0]) >= evaluate.PASS_SHARE * total
