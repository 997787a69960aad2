"""Every family's answers, cut into pieces at every place."""

from __future__ import annotations

import pytest

from .samples import DEDICATED, DERIVED, NAMED, Sample
from .support import format_of, parse, splits, template, templates_folder


@pytest.mark.parametrize("sample", NAMED, ids=str)
def test_named_parsers_read_their_familys_answers(sample: Sample) -> None:
    check(sample)


@pytest.mark.parametrize("sample", DEDICATED, ids=str)
def test_answers_of_described_families_are_read(sample: Sample) -> None:
    check(sample)


@pytest.mark.parametrize("sample", DERIVED, ids=str)
def test_answers_in_formats_found_from_templates_are_read(sample: Sample) -> None:
    check(sample)


def check(sample: Sample) -> None:
    fmt = format_of(sample.source)
    for pieces in splits(sample.text):
        answer = parse(pieces, fmt, think=sample.think, prompt=sample.prompt)
        assert answer.named == sample.calls, pieces
        assert answer.content == sample.content, pieces
        assert answer.thinking == sample.thinking, pieces
        assert [call.index for call in answer.calls] == list(range(len(sample.calls)))


def test_every_template_of_llama_cpp_has_a_sample() -> None:
    names = {path.stem for path in templates_folder().glob("*.jinja")}
    sampled = {sample.source.removeprefix("@") for sample in (*DEDICATED, *DERIVED)}
    without_tools = {name for name in names if "tools" not in template(name).capabilities}
    same_as_another = {
        "Kimi-K2-Instruct",
        "deepseek-ai-DeepSeek-V4-Flash-0731",
        "google-gemma-4-31B-it-interleaved",
        "poolside-Laguna-XS.2",
    }
    assert names - sampled - same_as_another - without_tools == set()
