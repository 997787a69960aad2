"""Model names and references."""

from __future__ import annotations

from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ollama_server.errors import BadRequest
from ollama_server.store.names import Name, parse, parse_reference, parse_valid


@pytest.mark.parametrize(
    ("text", "full"),
    [
        ("m", "registry.ollama.ai/library/m:latest"),
        ("m:8b", "registry.ollama.ai/library/m:8b"),
        ("n/m", "registry.ollama.ai/n/m:latest"),
        ("host:5000/n/m", "host:5000/n/m:latest"),
        ("https://hf.co/u/r:Q4", "hf.co/u/r:Q4"),
        ("model.gguf", "registry.ollama.ai/library/model.gguf:latest"),
    ],
)
def test_missing_parts_get_defaults(text: str, full: str) -> None:
    assert parse(text).full == full
    assert parse(text).is_valid


@pytest.mark.parametrize(
    "text",
    [
        "",
        "-m",
        ".m",
        "m:-t",
        "h/n.x/m",
        "a/b/c/d",
        "m@sha256:ab",
        "m:",
        "/m",
        "n//m",
        "n/",
        "://h/n/m",
        "x y",
        "m:t\n",
        "é",
        "../../etc/passwd",
        "a/../m",
        "m" * 81,
        "n" * 81 + "/m",
        "m:" + "t" * 81,
        "h" * 351 + "/n/m",
    ],
)
def test_what_breaks_the_grammar_is_invalid(text: str) -> None:
    assert not parse(text).is_valid


@pytest.mark.parametrize("text", ["m" * 80, "n" * 80 + "/m", "m:" + "t" * 80, "h" * 350 + "/n/m"])
def test_parts_may_have_their_full_length(text: str) -> None:
    assert parse(text).is_valid


def test_the_scheme_is_kept_apart_from_the_host() -> None:
    assert (parse("http://h/n/m").scheme, parse("http://h/n/m").host) == ("http", "h")
    assert parse("m").scheme == "https"


@pytest.mark.parametrize(
    ("text", "short"),
    [
        ("m", "m:latest"),
        ("registry.ollama.ai/library/m:8b", "m:8b"),
        ("REGISTRY.OLLAMA.AI/library/m", "m:latest"),
        ("n/m", "n/m:latest"),
        ("hf.co/library/m", "hf.co/library/m:latest"),
        ("Mixed/Case:Tag", "Mixed/Case:Tag"),
    ],
)
def test_the_short_form_drops_default_host_and_namespace_but_never_the_tag(
    text: str, short: str
) -> None:
    assert parse(text).short == short


def test_the_path_has_four_levels() -> None:
    assert parse("host:5000/n/m:t").path == PurePosixPath("host:5000/n/m/t")


def test_an_invalid_name_has_no_path() -> None:
    with pytest.raises(BadRequest, match="invalid model name"):
        _ = parse("../m").path
    with pytest.raises(BadRequest, match="invalid model name"):
        parse_valid("m:")


def test_spellings_of_one_name_share_a_key() -> None:
    assert parse("Foo/Bar:Baz").key == parse("foo/bar:BAZ").key


@given(st.text(max_size=60))
def test_a_valid_name_never_leaves_its_folder(text: str) -> None:
    name = parse(text)
    if name.is_valid:
        assert len(name.path.parts) == 4
        assert not any(part.startswith(".") for part in name.path.parts)


@given(st.from_regex(r"[a-z0-9_]{1,8}(/[a-z0-9_]{1,8}){0,2}(:[a-z0-9_.-]{1,8})?", fullmatch=True))
def test_the_short_form_parses_to_the_same_name(text: str) -> None:
    name = parse(text)
    if name.is_valid:
        assert parse(name.short) == name


@pytest.mark.parametrize(
    ("text", "base", "source"),
    [
        ("m:20b:cloud", "m:20b", "cloud"),
        ("m:20b-cloud", "m:20b", "cloud"),
        ("m:cloud", "m", "cloud"),
        ("m:CLOUD", "m", "cloud"),
        ("m:8b:local", "m:8b", "local"),
        (" m:8b:local ", "m:8b", "local"),
        ("my-cloud-model", "my-cloud-model", ""),
        ("host:80/n/m-cloud", "host:80/n/m-cloud", ""),
    ],
)
def test_the_source_suffix_is_split_off(text: str, base: str, source: str) -> None:
    reference = parse_reference(text)
    assert (reference.base, reference.source) == (base, source)
    assert reference.name == Name.parse(base)


def test_two_sources_are_refused() -> None:
    with pytest.raises(BadRequest) as caught:
        parse_reference("m:cloud:local")
    assert str(caught.value) == 'use either :local or :cloud, not both: "m:cloud:local"'


@pytest.mark.parametrize(
    ("text", "stub"), [("m:20b:cloud", "m:20b-cloud"), ("m:cloud", "m:cloud"), ("m", "m:cloud")]
)
def test_a_cloud_model_has_a_stub_name(text: str, stub: str) -> None:
    assert parse_reference(text).stub.short == stub
