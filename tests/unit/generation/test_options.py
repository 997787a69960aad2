from __future__ import annotations

from typing import Any

import pytest

from ollama_server.engine.protocol import Sampling
from ollama_server.errors import ServerError
from ollama_server.generation.options import resolve, token_limit


def test_defaults_are_ollamas() -> None:
    options = resolve({}, {})
    assert options.sampling == Sampling(
        temperature=0.8,
        top_k=40,
        top_p=0.9,
        min_p=0.0,
        typical_p=1.0,
        repeat_last_n=64,
        repeat_penalty=1.0,
        presence_penalty=0.0,
        frequency_penalty=0.0,
        seed=-1,
    )
    assert (options.num_keep, options.num_predict, options.stop) == (4, -1, [])
    assert options.load.num_ctx is None


def test_the_request_wins_over_the_model_and_the_model_over_the_environment() -> None:
    assert resolve({}, {}, context_length=1000).load.num_ctx == 1000
    assert resolve({"num_ctx": 2000}, {}, context_length=1000).load.num_ctx == 2000
    assert resolve({"num_ctx": 2000}, {"num_ctx": 3000}, context_length=1000).load.num_ctx == 3000


def test_stop_lists_replace_each_other() -> None:
    assert resolve({"stop": ["a"]}, {"stop": ["b", "c"]}).stop == ["b", "c"]


def test_stop_may_be_one_string() -> None:
    assert resolve({}, {"stop": "END"}).stop == ["END"]


def test_max_tokens_is_another_name_of_num_predict() -> None:
    assert resolve({"num_predict": 5}, {"max_tokens": 7}).num_predict == 7
    assert resolve({}, {"max_tokens": 7, "num_predict": 9}).num_predict == 9


@pytest.mark.parametrize(("value", "expected"), [(4096.0, 4096), (4096.7, 4096), (-1, -1)])
def test_whole_options_take_fractions_and_cut_them(value: float, expected: int) -> None:
    assert resolve({}, {"num_ctx": value}).load.num_ctx == expected


def test_numbers_beyond_what_the_engine_can_hold_are_the_largest_it_can() -> None:
    most = 3.4028234663852886e38
    for huge in (10**400, 1e300):
        options = resolve({}, {"temperature": huge, "top_p": -huge, "top_k": huge, "seed": huge})
        assert options.sampling.temperature == most
        assert options.sampling.top_p == -most
        assert options.sampling.top_k == 2**31 - 1
        assert options.sampling.seed == 2**32 - 1


def test_null_and_unknown_options_are_ignored() -> None:
    assert resolve({}, {"temperature": None, "mirostat": 2, "numa": True}) == resolve({}, {})


@pytest.mark.parametrize(
    ("key", "value", "kind"),
    [
        ("num_ctx", "4096", "integer"),
        ("num_ctx", True, "integer"),
        ("seed", [], "integer"),
        ("temperature", "hot", "float32"),
        ("top_p", {}, "float32"),
        ("use_mmap", 1, "boolean"),
        ("stop", 5, "array"),
    ],
)
def test_a_wrong_type_is_a_500_that_names_the_option(key: str, value: Any, kind: str) -> None:
    with pytest.raises(ServerError) as caught:
        resolve({}, {key: value})
    assert caught.value.status == 500
    assert str(caught.value) == f'option "{key}" must be of type {kind}'


def test_stop_takes_strings_only() -> None:
    with pytest.raises(ServerError, match='"stop" must be of an array of strings'):
        resolve({}, {"stop": ["a", 5]})


def test_a_bad_stored_parameter_is_the_same_error() -> None:
    with pytest.raises(ServerError, match='"num_ctx" must be of type integer'):
        resolve({"num_ctx": "big"}, {})


@pytest.mark.parametrize(
    ("num_predict", "limit"), [(-1, 80), (-2, 80), (0, 80), (5, 5), (81, 80), (80, 80)]
)
def test_nothing_runs_longer_than_ten_contexts(num_predict: int, limit: int) -> None:
    assert token_limit(num_predict, 8) == limit
