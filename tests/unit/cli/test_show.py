from __future__ import annotations

from typing import Any

from ollama_server.cli.listing import processor
from ollama_server.cli.show import describe, value_text
from ollama_server.cli.tables import table

MODEL: dict[str, Any] = {
    "details": {"parameter_size": "7B", "quantization_level": "FP16"},
    "model_info": {
        "general.architecture": "test",
        "general.parameter_count": 7_000_000_000,
        "test.context_length": 1000,
        "test.embedding_length": 11434,
        "test.rope.freq_base": 1000000.0,
    },
    "capabilities": ["completion", "vision"],
    "parameters": 'stop    "never"\ntemperature    99',
    "system": "You are a pirate!\n\nAhoy, matey!\nArr!",
    "license": "MIT License\nCopyright",
    "tensors": [{"name": "blk.0.attn_k.weight", "type": "BF16", "shape": [42, 3117]}],
}


def test_columns_are_padded_and_the_header_ends_in_one_blank() -> None:
    rows = [
        ["model1", "0a8c26691023", "1.0 KB", "24 hours ago"],
        ["model2", "a80c4f17acd5", "2.0 KB", "2 days ago"],
    ]
    assert table(["NAME", "ID", "SIZE", "MODIFIED"], rows) == (
        "NAME      ID              SIZE      MODIFIED     \n"
        "model1    0a8c26691023    1.0 KB    24 hours ago    \n"
        "model2    a80c4f17acd5    2.0 KB    2 days ago      \n"
    )


def test_an_empty_table_is_its_header() -> None:
    assert table(["NAME", "ID"], []) == "NAME    ID \n"


def test_the_model_section_tells_architecture_sizes_and_quantization() -> None:
    assert describe(MODEL).startswith(
        "  Model\n"
        "    architecture        test     \n"
        "    parameters          7B       \n"
        "    context length      1000     \n"
        "    embedding length    11434    \n"
        "    quantization        FP16     \n"
        "\n"
        "  Capabilities\n"
        "    completion    \n"
        "    vision        \n"
        "\n"
    )


def test_a_projector_has_a_section_of_its_own() -> None:
    info = {
        "general.architecture": "clip",
        "general.parameter_count": 303_504_384,
        "clip.vision.embedding_length": 1024,
        "clip.vision.projection_dim": 768,
    }
    assert (
        "  Projector\n"
        "    architecture        clip       \n"
        "    parameters          303.50M    \n"
        "    embedding length    1024       \n"
        "    dimensions          768        \n"
        "\n"
    ) in describe({**MODEL, "projector_info": info})


def test_parameters_are_counted_where_the_details_lack_their_size() -> None:
    assert "    parameters          7B " in describe({**MODEL, "details": {}})


def test_parameters_are_split_on_blanks() -> None:
    assert '    stop           "never"    \n    temperature    99         \n' in describe(MODEL)


def test_long_texts_show_their_first_two_lines() -> None:
    lines = [line.rstrip() for line in describe(MODEL).splitlines()]
    start = lines.index("  System")
    assert lines[start + 1 : start + 4] == ["    You are a pirate!", "    Ahoy, matey!", "    ..."]


def test_metadata_and_tensors_are_for_verbose() -> None:
    assert "Metadata" not in describe(MODEL)
    text = describe(MODEL, verbose=True)
    assert "    blk.0.attn_k.weight    BF16    [42 3117]    \n" in text
    assert "test.rope.freq_base        1e+06" in text


def test_a_remote_model_tells_where_it_runs() -> None:
    text = describe({"remote_host": "https://x.test", "remote_model": "m", "details": {}})
    assert "Remote model    m" in text
    assert "Remote URL      https://x.test" in text


def test_long_arrays_are_abbreviated() -> None:
    assert value_text([1, 2, 3]) == "[1 2 3]"
    assert value_text([151643]) == "[151643]"
    assert value_text(list(range(100))) == "[0 1 2 3 4 ...+95 more]"


def test_the_processor_column_tells_how_a_model_is_divided() -> None:
    cases = [(100, 0), (100, 100), (100, 25), (0, 0), (10, 20)]
    texts = [processor({"size": size, "size_vram": vram}) for size, vram in cases]
    assert texts == ["100% CPU", "100% GPU", "75%/25% CPU/GPU", "100% CPU", "Unknown"]
